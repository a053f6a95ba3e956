//! Why a package, a signature or a registry is refused. Every text is one line that says what to do where a person can.

use crate::{Digest, KeyId};
use std::io;
use std::path::{Path, PathBuf};

/// Why a folder cannot be packed, or a package not be opened, checked or unpacked.
#[derive(Debug, thiserror::Error)]
pub enum PackageError {
    /// Nothing is where a package or a folder should be.
    #[error("there is nothing at {}", .0.display())]
    Missing(PathBuf),
    /// Nothing is ever written over.
    #[error("{} exists already: name another place, or remove it first", .0.display())]
    Exists(PathBuf),
    /// The folder has no file to pack.
    #[error("{} has no files to pack", .0.display())]
    Empty(PathBuf),
    /// What is there is no OCI image layout, or is a damaged one.
    #[error("{place} is no package: {reason}")]
    Malformed {
        /// The file or part at fault.
        place: String,
        /// What is wrong.
        reason: String,
    },
    /// A sound OCI artifact, but another one.
    #[error("{place} is {found}, not the package of an app")]
    Foreign {
        /// Path or address.
        place: String,
        /// What it is, in words.
        found: String,
    },
    /// A file's path cannot be part of a package.
    #[error("{path:?} cannot be a file of a package: {reason}")]
    PathRefused {
        /// The path as found.
        path: String,
        /// What is wrong.
        reason: &'static str,
    },
    /// A limit of [`crate::limit`] is exceeded.
    #[error("{what}: {found} {unit}, and at most {max} are allowed")]
    TooMuch {
        /// What exceeds it.
        what: String,
        /// How much there is.
        found: u64,
        /// The limit.
        max: u64,
        /// Unit of both.
        unit: &'static str,
    },
    /// `app.toml` does not say which release this is.
    #[error("app.toml: {0}")]
    InfoInvalid(String),
    /// Content is not what its digest says.
    #[error("{file} was altered: its digest is {found}, not {expected}")]
    Altered {
        /// Path in the package, or which part of it.
        file: String,
        /// The digest by which it is known.
        expected: Digest,
        /// The digest of what is there.
        found: Digest,
    },
    /// Content ends before its size, or goes on after it.
    #[error("{file} has {found} bytes instead of {expected}")]
    SizeDiffers {
        /// Path in the package, or which part of it.
        file: String,
        /// Size that the manifest states, in bytes.
        expected: u64,
        /// Size of what is there, in bytes.
        found: u64,
    },
    /// An unpacked release has a file that its manifest does not name.
    #[error("{0:?} is not part of the release")]
    NotOfRelease(String),
    /// The system refused.
    #[error("cannot {action} {}: {error}", .path.display())]
    Io {
        /// What was attempted.
        action: &'static str,
        /// On what.
        path: PathBuf,
        /// The system's answer.
        error: io::Error,
    },
}

impl PackageError {
    pub(crate) fn io(action: &'static str, path: &Path, error: io::Error) -> Self {
        match error.kind() {
            io::ErrorKind::NotFound => Self::Missing(path.to_owned()),
            _ => Self::Io { action, path: path.to_owned(), error },
        }
    }

    pub(crate) fn malformed(place: impl Into<String>, reason: impl ToString) -> Self {
        Self::Malformed { place: place.into(), reason: reason.to_string() }
    }

    /// An error if there is more than may be.
    pub(crate) fn limit(what: impl Into<String>, found: u64, max: u64, unit: &'static str) -> Result<(), Self> {
        if found <= max { Ok(()) } else { Err(Self::TooMuch { what: what.into(), found, max, unit }) }
    }
}

/// Why no trusted key stands behind a package.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum SignatureError {
    /// There is no signature at all.
    #[error("{release} is not signed")]
    Unsigned {
        /// App and release.
        release: String,
    },
    /// Nobody trusted signed it.
    #[error("{release} is signed only by keys that are not trusted here: {}", names(.keys))]
    UnknownKeys {
        /// App and release.
        release: String,
        /// The keys that its signatures name; empty if they name none.
        keys: Vec<String>,
    },
    /// A signature claims a trusted key, which did not make it.
    #[error("{release} has a false signature: it was not made with the key {key}")]
    False {
        /// App and release.
        release: String,
        /// Name of the trusted key.
        key: String,
    },
    /// A trusted key signed, but something else.
    #[error("{release} has the signature of another release: key {key} signed {signed}")]
    OtherRelease {
        /// App and release.
        release: String,
        /// Name of the trusted key.
        key: String,
        /// What was signed: app, release and digest.
        signed: String,
    },
    /// A trusted key signed, but is not trusted for this vendor or app.
    #[error("{release} is signed by {key}, which is not trusted for this {what}")]
    OutOfScope {
        /// App and release.
        release: String,
        /// Name of the trusted key.
        key: String,
        /// `vendor` or `app`.
        what: &'static str,
    },
    /// A signature cannot be read.
    #[error("{release} has a signature that cannot be read: {reason}")]
    Malformed {
        /// App and release.
        release: String,
        /// What is wrong.
        reason: String,
    },
}

fn names(keys: &[String]) -> String {
    if keys.is_empty() { "they name no key".to_owned() } else { keys.join(", ") }
}

/// Why a registry gave nothing, or took nothing.
#[derive(Debug, thiserror::Error)]
pub enum RegistryError {
    /// The address is none.
    #[error("{address:?} is no address of a registry: {reason}")]
    AddressInvalid {
        /// As given.
        address: String,
        /// What is wrong.
        reason: String,
    },
    /// Without encryption, anybody on the way could read the password.
    #[error("{host} would be spoken to without encryption: use https, or allow plain http for it explicitly")]
    PlainHttp {
        /// Name and port of the registry.
        host: String,
    },
    /// The registry does not have it.
    #[error("{what} is not in {registry}")]
    NotFound {
        /// App, release or digest.
        what: String,
        /// The registry.
        registry: String,
    },
    /// The registry wants another sign-in.
    #[error("{registry} refuses to {action} for us: sign in with a user and password or a token that may")]
    Refused {
        /// The registry.
        registry: String,
        /// What was attempted.
        action: String,
    },
    /// A release never changes.
    #[error("{release} is there already as {found}, and a release never changes: publish {digest} as another one")]
    ReleaseTaken {
        /// App and release.
        release: String,
        /// Digest of what is there.
        found: Digest,
        /// Digest of what was to be published.
        digest: Digest,
    },
    /// A mirror has other content under a release's name than it pinned.
    #[error("{release} is pinned as {pinned}, but {found} is there")]
    NotAsPinned {
        /// App and release.
        release: String,
        /// Digest when it was mirrored.
        pinned: Digest,
        /// Digest of what is there.
        found: Digest,
    },
    /// The package, on its way or before or after.
    #[error(transparent)]
    Package(#[from] PackageError),
    /// The registry does not tell what it has (`_catalog` is optional).
    #[error("{registry} does not list its apps: name them")]
    NoList {
        /// The registry.
        registry: String,
    },
    /// Anything else that went wrong between us and the registry.
    #[error("cannot {action} at {registry}: {reason}")]
    Failed {
        /// The registry.
        registry: String,
        /// What was attempted.
        action: String,
        /// The cause, on one line.
        reason: String,
    },
}

/// Signature errors name keys by the texts that they claim, so an identifier is never longer than its form.
pub(crate) fn key_claim(id: &str) -> String {
    KeyId::parse(id).map_or_else(|| "a key without a proper identifier".to_owned(), |id| id.to_string())
}

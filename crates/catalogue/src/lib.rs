//! An app's package: one immutable, signed release that is known by its digest, and the registries where releases are
//! published and found. `docs/package.md` is the format in words.
//!
//! A release's way, and where each step is:
//!
//! 1. [`pack`] makes a [`Package`] of the folder that a vendor works in; [`Package::save`] writes it as a folder or a tar.
//! 2. [`sign`] says who stands behind it; [`verify`] asks whether somebody trusted does.
//! 3. [`Registry`] publishes and fetches it; [`mirror`] copies what a whole registry has, and pins the digests.
//! 4. [`Package::unpack`] puts its files where a runner reads them; [`verify_unpacked`] says whether they are still those.
//! 5. [`diff`] tells what one release changed against another.
//!
//! What an app's description means is not known here: `app.toml` is bytes, but for the few lines of [`PackageInfo`].
//! Only [`Registry`] and [`mirror`] are asynchronous; the rest blocks, and a server calls it on a thread for that.

mod blob;
mod diff;
mod digest;
mod envelope;
mod error;
mod file_path;
mod folder;
mod info;
mod key;
mod layout;
pub mod limit;
mod oci;
mod pack;
mod package;
mod registry;
mod release_manifest;
mod role;
mod sbom;
mod signature;
mod staged;
mod tar_file;
mod unpack;

pub use diff::{FileChange, PackageDiff, SettingChange, diff};
pub use digest::{Digest, DigestInvalid};
pub use error::{PackageError, RegistryError, SignatureError};
pub use file_path::FilePath;
pub use info::PackageInfo;
pub use key::{KeyError, KeyId, PrivateKey, PublicKey};
pub use pack::{Packed, pack};
pub use package::{Package, PackagedFile};
pub use registry::{
    Access, FolderRegistry, Mirrored, Moved, Options, Pin, Registry, RemoteRegistry, Skipped, Wanted, mirror,
};
pub use signature::{Signature, TrustedKey, Verified, sign, verify};
pub use unpack::verify_unpacked;

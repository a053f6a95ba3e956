//! Every limit of a package and of speaking with a registry, with its unit in its name.

/// The most files in one package.
pub const FILES_MAX: usize = 4096;
/// The largest file of a package, in bytes.
pub const FILE_BYTES_MAX: u64 = 8 << 30;
/// The most bytes of all files of a package.
pub const PACKAGE_BYTES_MAX: u64 = 16 << 30;
/// The longest path of a file in a package, in bytes.
pub const PATH_BYTES_MAX: usize = 200;
/// The most parts of a path: seven folders and a file.
pub const PATH_DEPTH_MAX: usize = 8;
/// The largest `app.toml`, in bytes.
pub const INFO_BYTES_MAX: u64 = 256 << 10;
/// The largest manifest or index, in bytes; also what a registry must take at least (distribution-spec 1.1, Pushing Manifests).
pub const MANIFEST_BYTES_MAX: u64 = 4 << 20;
/// The largest signature, in bytes.
pub const ENVELOPE_BYTES_MAX: u64 = 64 << 10;
/// The most signatures of one release that are looked at.
pub const SIGNATURES_MAX: usize = 32;
/// The largest key file, in bytes.
pub const KEY_BYTES_MAX: u64 = 16 << 10;
/// The most apps that a registry's list may have.
pub const APPS_MAX: usize = 10_000;
/// The most tags of one app that are listed.
pub const TAGS_MAX: usize = 10_000;
/// How many names a registry is asked for at once.
pub const PAGE_NAMES_MAX: usize = 500;
/// The most files that travel to or from a registry at once.
pub const TRANSFERS_MAX: usize = 4;
/// How long a registry may take to accept a connection, in seconds.
pub const CONNECT_SECONDS_MAX: u64 = 10;
/// How long a registry may be silent in the middle of an answer, in seconds.
pub const SILENCE_SECONDS_MAX: u64 = 60;
/// How often the list of a release's signatures is written, if others write it at the same time.
pub const REFERRERS_ATTEMPTS_MAX: usize = 5;

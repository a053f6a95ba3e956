//! What the crate promises at its border, on built films, on real samples, and against other implementations.

// The helpers of tests are tests as well.
#![allow(clippy::unwrap_used, clippy::panic)]

mod compare;
mod deidentify;
mod deidentify_foreign;
mod deidentify_table;
mod differences;
mod display;
mod file_set;
mod foreign;
mod frames;
mod header;
mod inspect;
mod metadata;
mod mutated;
mod overlay;
mod part10;
mod results;
mod samples;
mod transcode;

use std::path::PathBuf;

/// A file in a folder that goes with it.
struct File {
    _folder: tempfile::TempDir,
    path: PathBuf,
}

fn file(bytes: &[u8]) -> File {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("instance.dcm");
    std::fs::write(&path, bytes).unwrap();
    File { _folder: folder, path }
}

//! The files of a folder, as a package would have them.

use crate::file_path::UNPACKED_MANIFEST;
use crate::limit::{FILE_BYTES_MAX, FILES_MAX, PACKAGE_BYTES_MAX};
use crate::{FilePath, PackageError};
use std::path::{Path, PathBuf};
use walkdir::{DirEntry, WalkDir};

/// What a folder holds.
pub(crate) struct Listing {
    /// Its files in the order of their paths, each with its place on disk.
    pub files: Vec<(FilePath, PathBuf)>,
    /// What is hidden, or the mark of an unpacked release: paths in the order of the walk.
    pub skipped: Vec<String>,
}

/// Lists a folder. Hidden files and folders are skipped; links and whatever is neither file nor folder are refused, since
/// nobody would know what they lead to elsewhere.
pub(crate) fn list(folder: &Path) -> Result<Listing, PackageError> {
    if !folder.is_dir() {
        return Err(PackageError::Missing(folder.to_owned()));
    }
    let mut listing = Listing { files: Vec::new(), skipped: Vec::new() };
    let mut bytes = 0;
    let mut walk = WalkDir::new(folder).min_depth(1).sort_by_file_name().into_iter();
    while let Some(entry) = walk.next() {
        let entry = entry.map_err(|error| walking(folder, error))?;
        let path = relative(folder, &entry)?;
        if entry.file_name().as_encoded_bytes().starts_with(b".") || path == UNPACKED_MANIFEST {
            if entry.file_type().is_dir() {
                walk.skip_current_dir();
            }
            listing.skipped.push(path);
        } else if entry.file_type().is_file() {
            bytes += file_bytes(&entry, &path)?;
            listing.files.push((FilePath::parse(&path)?, entry.into_path()));
            PackageError::limit("the folder", listing.files.len() as u64, FILES_MAX as u64, "files")?;
            PackageError::limit("all files together", bytes, PACKAGE_BYTES_MAX, "bytes")?;
        } else if !entry.file_type().is_dir() {
            return Err(PackageError::PathRefused { path, reason: "it is neither a file nor a folder" });
        }
    }
    listing.files.sort();
    crate::file_path::check_distinct(listing.files.iter().map(|(path, _)| path))?;
    Ok(listing)
}

fn file_bytes(entry: &DirEntry, path: &str) -> Result<u64, PackageError> {
    let bytes = entry.metadata().map_err(|error| walking(entry.path(), error))?.len();
    PackageError::limit(path, bytes, FILE_BYTES_MAX, "bytes")?;
    Ok(bytes)
}

fn relative(folder: &Path, entry: &DirEntry) -> Result<String, PackageError> {
    let path = entry.path().strip_prefix(folder).unwrap_or(entry.path());
    let parts: Option<Vec<_>> = path.iter().map(|part| part.to_str()).collect();
    parts.map(|parts| parts.join("/")).ok_or_else(|| PackageError::PathRefused {
        path: path.to_string_lossy().into_owned(),
        reason: "it is not written in Unicode",
    })
}

fn walking(folder: &Path, error: walkdir::Error) -> PackageError {
    let path = error.path().unwrap_or(folder).to_owned();
    PackageError::io("list", &path, error.into())
}

//! A release as files: put somewhere, and checked again later.

use crate::blob::{Blob, Place};
use crate::file_path::UNPACKED_MANIFEST;
use crate::limit::MANIFEST_BYTES_MAX;
use crate::release_manifest::ReleaseManifest;
use crate::staged::StagedFolder;
use crate::{Digest, Package, PackageError};
use std::collections::BTreeSet;
use std::fs;
use std::path::Path;
use walkdir::WalkDir;

/// Writes the files and the manifest into a new folder.
pub(crate) fn unpack(package: &Package, folder: &Path) -> Result<(), PackageError> {
    let staged = StagedFolder::new(folder)?;
    for file in package.files() {
        staged.write(file.path.as_str(), &package.blob(file))?;
    }
    let manifest = Blob::of_bytes(UNPACKED_MANIFEST, package.manifest().bytes.clone());
    staged.write(UNPACKED_MANIFEST, &manifest)?;
    staged.publish()
}

/// Whether an unpacked release is, to the byte and to the file, the one of this digest.
///
/// # Errors
/// [`PackageError`] that names what was altered, is missing, or does not belong to the release.
pub fn verify_unpacked(folder: &Path, digest: &Digest) -> Result<(), PackageError> {
    let path = folder.join(UNPACKED_MANIFEST);
    let size = fs::metadata(&path).map_err(|error| PackageError::io("read", &path, error))?.len();
    let manifest = Blob { name: UNPACKED_MANIFEST.to_owned(), digest: *digest, size, place: Place::file(&path) }
        .bytes(MANIFEST_BYTES_MAX)?;
    let manifest = ReleaseManifest::read(UNPACKED_MANIFEST, manifest)?;
    for file in &manifest.files {
        let path = folder.join(file.path.as_str());
        let metadata = fs::symlink_metadata(&path).map_err(|error| PackageError::io("read", &path, error))?;
        if metadata.len() != file.bytes {
            let (file, expected, found) = (file.path.to_string(), file.bytes, metadata.len());
            return Err(PackageError::SizeDiffers { file, expected, found });
        }
        let name = file.path.to_string();
        Blob { name, digest: file.digest, size: file.bytes, place: Place::file(&path) }.check()?;
    }
    refuse_others(folder, &manifest)
}

/// A file that nobody signed, hidden or not, could be read by a model's file that was signed.
fn refuse_others(folder: &Path, manifest: &ReleaseManifest) -> Result<(), PackageError> {
    let mut known: BTreeSet<_> = manifest.files.iter().map(|file| folder.join(file.path.as_str())).collect();
    known.insert(folder.join(UNPACKED_MANIFEST));
    for entry in WalkDir::new(folder).min_depth(1) {
        let entry = entry.map_err(|error| PackageError::io("list", folder, error.into()))?;
        let is_known = entry.file_type().is_file() && known.contains(entry.path());
        if !is_known && !entry.file_type().is_dir() {
            let path = entry.path().strip_prefix(folder).unwrap_or(entry.path());
            return Err(PackageError::NotOfRelease(path.display().to_string()));
        }
    }
    Ok(())
}

//! Makes a package of the folder that a vendor works in.

use crate::blob::Blob;
use crate::info::INFO_FILE;
use crate::limit::INFO_BYTES_MAX;
use crate::release_manifest::ReleaseManifest;
use crate::sbom::{self, SBOM_FILE};
use crate::{FilePath, Package, PackageError, PackageInfo, PackagedFile, folder, role};
use std::path::Path;

/// A package and what came of the folder.
#[derive(Clone, Debug)]
pub struct Packed {
    /// The package. Its bytes are still those of the folder; whoever saves, publishes or checks it notices a change.
    pub package: Package,
    /// Paths in the folder that are not in the package, because they are hidden or the mark of an unpacked release.
    pub skipped: Vec<String>,
    /// Whether the list of components was written here, because the folder had none.
    pub sbom_written: bool,
}

/// Makes a package of a folder with an `app.toml`. Nothing is written.
///
/// The same files give the same digest on any machine: paths are sorted, and neither times nor owners nor modes are kept.
///
/// # Errors
/// [`PackageError`] if the folder has no files or no sound `app.toml`, holds a link or a path that no package may have,
/// or exceeds a limit of [`crate::limit`].
pub fn pack(folder: &Path) -> Result<Packed, PackageError> {
    let listing = folder::list(folder)?;
    if listing.files.is_empty() {
        return Err(PackageError::Empty(folder.to_owned()));
    }
    let mut blobs = Vec::with_capacity(listing.files.len());
    for (path, place) in &listing.files {
        blobs.push(Blob::of_file(path.as_str(), place)?);
    }
    let info = read_info(&blobs)?;
    let sbom_written = blobs.iter().all(|blob| role::of_path(&blob.name).name != role::SBOM);
    if sbom_written {
        blobs.push(Blob::of_bytes(SBOM_FILE, sbom::write(&info, &blobs)));
        blobs.sort_by(|a, b| a.name.cmp(&b.name));
    }
    let files = blobs.iter().map(packaged).collect::<Result<Vec<_>, _>>()?;
    let manifest = ReleaseManifest::build(&info, &files)?;
    Ok(Packed { package: Package::assemble(manifest, blobs, Vec::new())?, skipped: listing.skipped, sbom_written })
}

fn read_info(blobs: &[Blob]) -> Result<PackageInfo, PackageError> {
    let blob = blobs.iter().find(|blob| blob.name == INFO_FILE);
    let blob = blob.ok_or_else(|| PackageError::InfoInvalid("the file is missing".to_owned()))?;
    PackageInfo::parse(&text_of(blob)?)
}

/// The text of `app.toml`.
pub(crate) fn text_of(info: &Blob) -> Result<String, PackageError> {
    String::from_utf8(info.bytes(INFO_BYTES_MAX)?).map_err(|_| PackageError::InfoInvalid("it is not UTF-8".to_owned()))
}

fn packaged(blob: &Blob) -> Result<PackagedFile, PackageError> {
    let role = role::of_path(&blob.name);
    Ok(PackagedFile {
        path: FilePath::parse(&blob.name)?,
        role: &role.name,
        media_type: role.media_type.clone(),
        digest: blob.digest,
        bytes: blob.size,
    })
}

//! An OCI image layout (image-spec 1.1, Image Layout), as a folder or as a tar of one: `oci-layout`, `index.json`, and
//! content under `blobs/sha256/`. Ours has one release and its signatures; other tools' may say less in `index.json`, so
//! what something is, its own manifest tells.

use crate::blob::{Blob, Place};
use crate::limit::{ENVELOPE_BYTES_MAX, MANIFEST_BYTES_MAX, SIGNATURES_MAX};
use crate::oci::{
    self, Descriptor, ENVELOPE_TYPE, Index, LAYOUT_MARK, LayoutMark, MANIFEST_TYPE, Manifest, SIGNATURE_TYPE,
};
use crate::release_manifest::ReleaseManifest;
use crate::staged::{StagedFile, StagedFolder};
use crate::tar_file::{self, Extent};
use crate::{Digest, Package, PackageError, Signature};
use std::collections::BTreeMap;
use std::fs::{self, File};
use std::io::Read as _;
use std::path::{Path, PathBuf};

const MARK_FILE: &str = "oci-layout";
const INDEX_FILE: &str = "index.json";
const TAR_START_BYTES: u64 = 512;

/// Path of content in a layout.
pub(crate) fn blob_name(digest: &Digest) -> String {
    format!("blobs/sha256/{}", digest.hex())
}

/// Opens the package in a layout.
pub(crate) fn open(path: &Path) -> Result<Package, PackageError> {
    let layout = Layout::of(path)?;
    let mark: LayoutMark = oci::parse(MARK_FILE, &layout.small_file(MARK_FILE)?)?;
    if mark.image_layout_version != "1.0.0" {
        return Err(PackageError::malformed(MARK_FILE, "it is a layout of another version"));
    }
    let index: Index = oci::parse(INDEX_FILE, &layout.small_file(INDEX_FILE)?)?;
    PackageError::limit(INDEX_FILE, index.manifests.len() as u64, 1 + SIGNATURES_MAX as u64, "manifests")?;
    let manifests = layout.manifests(&index)?;
    let release = release_of(path, &manifests)?;
    let blobs = release.files.iter().map(|file| {
        let content = Descriptor::new(&file.media_type, file.digest, file.bytes);
        layout.blob(file.path.as_str(), &content)
    });
    let blobs = blobs.collect::<Result<Vec<_>, _>>()?;
    let signatures = layout.signatures(&manifests, release.digest)?;
    Package::assemble(release, blobs, signatures)
}

/// The one release among manifests.
fn release_of(path: &Path, manifests: &[Vec<u8>]) -> Result<ReleaseManifest, PackageError> {
    let place = path.display().to_string();
    let mut releases: BTreeMap<Digest, ReleaseManifest> = BTreeMap::new();
    let mut foreign = None;
    for bytes in manifests {
        match ReleaseManifest::read(&place, bytes.clone()) {
            Ok(release) => {
                releases.insert(release.digest, release);
            }
            Err(error @ PackageError::Foreign { .. }) => {
                foreign.get_or_insert(error);
            }
            Err(error) => return Err(error),
        }
    }
    match (releases.len(), releases.into_values().next(), foreign) {
        (1, Some(release), _) => Ok(release),
        (0, _, Some(error)) => Err(error),
        (0, ..) => Err(PackageError::malformed(place, "its index names no release")),
        _ => Err(PackageError::malformed(place, "it holds several releases")),
    }
}

/// Writes a package as a tar or a folder.
pub(crate) fn save(package: &Package, path: &Path) -> Result<(), PackageError> {
    if is_tar_name(path) {
        if path.exists() {
            return Err(PackageError::Exists(path.to_owned()));
        }
        return write_tar(package, path)?.publish();
    }
    let folder = StagedFolder::new(path)?;
    for (name, blob) in content(package) {
        folder.write(&name, &blob)?;
    }
    folder.publish()
}

/// Writes what a layout needs besides the content of the files, which is there.
pub(crate) fn complete(package: &Package, folder: &StagedFolder) -> Result<(), PackageError> {
    let missing = content(package).into_iter().filter(|(name, _)| !folder.path().join(name).exists());
    missing.into_iter().try_for_each(|(name, blob)| folder.write(&name, &blob))
}

/// Adds signatures to a layout that holds the same release.
pub(crate) fn save_signatures(package: &Package, path: &Path) -> Result<(), PackageError> {
    let mut there = open(path)?;
    if there.digest() != package.digest() {
        let (file, expected, found) = (path.display().to_string(), package.digest(), there.digest());
        return Err(PackageError::Altered { file, expected, found });
    }
    package.signatures().iter().for_each(|signature| there.add_signature(signature.clone()));
    if path.is_file() {
        return write_tar(&there, path)?.replace();
    }
    for blob in there.signatures().iter().flat_map(|signature| there.signature_blobs(signature)) {
        let place = path.join(blob_name(&blob.digest));
        let mut file = StagedFile::new(&place)?;
        blob.pour(|chunk| file.write(chunk))?;
        file.replace()?;
    }
    let mut index = StagedFile::new(&path.join(INDEX_FILE))?;
    index.write(&oci::to_bytes(&there.index()))?;
    index.replace()
}

fn is_tar_name(path: &Path) -> bool {
    path.extension().is_some_and(|extension| extension.eq_ignore_ascii_case("tar"))
}

fn write_tar(package: &Package, path: &Path) -> Result<StagedFile, PackageError> {
    let mut tar = StagedFile::new(path)?;
    for (name, blob) in content(package) {
        tar_file::append(&mut tar, &name, &blob)?;
    }
    tar_file::finish(&mut tar)?;
    Ok(tar)
}

/// The files of a package's layout: the small ones first, then content in the order of its digests.
fn content(package: &Package) -> Vec<(String, Blob)> {
    let mark = Blob::of_bytes(MARK_FILE, LAYOUT_MARK.to_vec());
    let index = Blob::of_bytes(INDEX_FILE, oci::to_bytes(&package.index()));
    let small = [mark, index].map(|blob| (blob.name.clone(), blob));
    let blobs = package.all_blobs().into_iter().map(|blob| (blob_name(&blob.digest), blob));
    small.into_iter().chain(blobs).collect()
}

/// A layout to read from.
enum Layout {
    Folder(PathBuf),
    Tar { path: PathBuf, files: BTreeMap<String, Extent> },
}

impl Layout {
    fn of(path: &Path) -> Result<Self, PackageError> {
        let metadata = fs::metadata(path).map_err(|error| PackageError::io("read", path, error))?;
        if metadata.is_dir() {
            return Ok(Self::Folder(path.to_owned()));
        }
        let mut start = Vec::new();
        let read = File::open(path).and_then(|file| file.take(TAR_START_BYTES).read_to_end(&mut start));
        read.map_err(|error| PackageError::io("read", path, error))?;
        if !tar_file::is_tar(&start) {
            let reason = "it is neither a folder nor an uncompressed tar";
            return Err(PackageError::malformed(path.display().to_string(), reason));
        }
        Ok(Self::Tar { path: path.to_owned(), files: tar_file::list(path)? })
    }

    /// Where a file of the layout is, and its size in bytes.
    fn find(&self, name: &str) -> Result<Option<(Place, u64)>, PackageError> {
        match self {
            Self::Tar { path, files } => {
                let place = |extent: &Extent| Place::File { path: path.clone(), offset: extent.offset };
                Ok(files.get(name).map(|extent| (place(extent), extent.size)))
            }
            Self::Folder(folder) => {
                let path = folder.join(name);
                match fs::symlink_metadata(&path) {
                    Ok(metadata) if metadata.is_file() => Ok(Some((Place::file(&path), metadata.len()))),
                    Ok(_) => Err(PackageError::malformed(name, "it is no file")),
                    Err(error) if error.kind() == std::io::ErrorKind::NotFound => Ok(None),
                    Err(error) => Err(PackageError::io("read", &path, error)),
                }
            }
        }
    }

    /// A file that no digest covers.
    fn small_file(&self, name: &str) -> Result<Vec<u8>, PackageError> {
        let found =
            self.find(name)?.ok_or_else(|| PackageError::malformed(name, "it is missing, so this is no layout"))?;
        let (Place::File { path, offset }, size) = found else { return Ok(Vec::new()) };
        PackageError::limit(name, size, MANIFEST_BYTES_MAX, "bytes")?;
        let read = || -> std::io::Result<Vec<u8>> {
            let mut bytes = Vec::new();
            let mut file = File::open(&path)?;
            std::io::Seek::seek(&mut file, std::io::SeekFrom::Start(offset))?;
            file.take(size).read_to_end(&mut bytes)?;
            Ok(bytes)
        };
        read().map_err(|error| PackageError::io("read", &path, error))
    }

    /// Content that a descriptor promises; its size is compared here, its digest when it is read.
    fn blob(&self, name: &str, descriptor: &Descriptor) -> Result<Blob, PackageError> {
        let missing = || PackageError::malformed(name, format!("its content {} is missing", descriptor.digest));
        let (place, found) = self.find(&blob_name(&descriptor.digest))?.ok_or_else(missing)?;
        if found != descriptor.size {
            return Err(PackageError::SizeDiffers { file: name.to_owned(), expected: descriptor.size, found });
        }
        Ok(Blob::promised(name, descriptor, place))
    }

    fn manifests(&self, index: &Index) -> Result<Vec<Vec<u8>>, PackageError> {
        let named = index.manifests.iter().filter(|entry| entry.media_type == MANIFEST_TYPE);
        named.map(|entry| self.blob("a manifest of the package", entry)?.bytes(MANIFEST_BYTES_MAX)).collect()
    }

    /// The signatures among manifests that are about this release.
    fn signatures(&self, manifests: &[Vec<u8>], release: Digest) -> Result<Vec<Signature>, PackageError> {
        let mut signatures = Vec::new();
        for bytes in manifests {
            let Ok(manifest) = oci::parse_artifact("a signature", bytes, SIGNATURE_TYPE) else { continue };
            let Some(envelope) = envelope_of(&manifest, release) else { continue };
            let envelope = self.blob("a signature", envelope)?.bytes(ENVELOPE_BYTES_MAX)?;
            signatures.push(Signature::from_envelope(envelope));
        }
        Ok(signatures)
    }
}

/// The envelope of a signature that is about this release.
pub(crate) fn envelope_of(signature: &Manifest, release: Digest) -> Option<&Descriptor> {
    let is_ours = signature.subject.as_ref().is_some_and(|subject| subject.digest == release);
    signature.layers.iter().find(|layer| is_ours && layer.media_type == ENVELOPE_TYPE)
}

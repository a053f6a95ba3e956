//! One release of an app, wherever its bytes are: in a vendor's folder, a layout, or a tar of one.

use crate::blob::{Blob, Place};
use crate::info::INFO_FILE;
use crate::oci::{self, Descriptor, EMPTY, Index, REF_NAME, RELEASE_TYPE, SIGNATURE_TYPE};
use crate::pack::text_of;
use crate::release_manifest::ReleaseManifest;
use crate::{Digest, FilePath, PackageError, PackageInfo, Signature, layout, unpack};
use std::collections::BTreeMap;
use std::path::Path;

/// A file of a package.
#[derive(Clone, Debug, PartialEq, Eq, serde::Serialize)]
pub struct PackagedFile {
    /// Where it is in the package.
    pub path: FilePath,
    /// What it is for: a name of `data/roles.toml`, such as `model`.
    pub role: &'static str,
    /// Media type.
    pub media_type: String,
    /// SHA-256 of its content.
    pub digest: Digest,
    /// Size in bytes.
    pub bytes: u64,
}

/// One immutable release of an app. Its manifest and `app.toml` have been checked; the content of the other files is
/// checked whenever it is read.
#[derive(Clone, Debug)]
pub struct Package {
    info: PackageInfo,
    description: String,
    manifest: ReleaseManifest,
    /// By digest, so that two equal files are one.
    blobs: BTreeMap<Digest, Blob>,
    signatures: Vec<Signature>,
}

impl Package {
    /// Opens a package: an OCI image layout, as a folder or as an uncompressed tar.
    ///
    /// # Errors
    /// [`PackageError`] if there is none, it is another artifact or several, it is incomplete, or it exceeds a limit.
    pub fn open(path: &Path) -> Result<Self, PackageError> {
        layout::open(path)
    }

    /// Puts together what was found; `blobs` are at least the files of the manifest.
    pub(crate) fn assemble(
        manifest: ReleaseManifest,
        blobs: Vec<Blob>,
        signatures: Vec<Signature>,
    ) -> Result<Self, PackageError> {
        let blobs: BTreeMap<_, _> = blobs.into_iter().rev().map(|blob| (blob.digest, blob)).collect();
        let description = match blobs.get(&manifest.config.digest) {
            Some(blob) => text_of(&Blob { name: INFO_FILE.to_owned(), ..blob.clone() })?,
            None => return Err(PackageError::malformed(INFO_FILE, "its content is missing")),
        };
        let info = PackageInfo::parse(&description)?;
        manifest.check_annotations(&info)?;
        let mut package = Self { info, description, manifest, blobs, signatures: Vec::new() };
        signatures.into_iter().for_each(|signature| package.add_signature(signature));
        Ok(package)
    }

    /// Digest of the release: that of its manifest.
    #[must_use]
    pub fn digest(&self) -> Digest {
        self.manifest.digest
    }

    /// Which release of which app it is.
    #[must_use]
    pub fn info(&self) -> &PackageInfo {
        &self.info
    }

    /// The text of `app.toml`.
    #[must_use]
    pub fn description(&self) -> &str {
        &self.description
    }

    /// Its files in the order of their paths, `app.toml` among them.
    #[must_use]
    pub fn files(&self) -> &[PackagedFile] {
        &self.manifest.files
    }

    /// Bytes of all files together.
    #[must_use]
    pub fn bytes(&self) -> u64 {
        self.files().iter().map(|file| file.bytes).sum()
    }

    /// What is signed under it, whoever did; ask [`crate::verify`] what it is worth.
    #[must_use]
    pub fn signatures(&self) -> &[Signature] {
        &self.signatures
    }

    /// One small file, such as the model card, checked.
    ///
    /// # Errors
    /// [`PackageError`] if there is no such file, it has more than `bytes_max` bytes, or it was altered.
    pub fn read(&self, path: &str, bytes_max: u64) -> Result<Vec<u8>, PackageError> {
        let file = self.files().iter().find(|file| file.path.as_str() == path);
        let file =
            file.ok_or_else(|| PackageError::malformed(path, format!("{} has no such file", self.info.title())))?;
        self.blob(file).bytes(bytes_max)
    }

    /// Reads every byte of every file against its digest.
    ///
    /// # Errors
    /// [`PackageError`] that names the first file that is not what it should be.
    pub fn check(&self) -> Result<(), PackageError> {
        self.blobs.values().try_for_each(Blob::check)
    }

    /// Adds a signature; one that is there already is not added again.
    pub fn add_signature(&mut self, signature: Signature) {
        if let Err(place) = self.signatures.binary_search(&signature) {
            self.signatures.insert(place, signature);
        }
    }

    /// Writes the package with its signatures to a place where nothing is: one tar if the name ends in `.tar`, otherwise a
    /// folder. It appears there complete, or not at all.
    ///
    /// # Errors
    /// [`PackageError`] if something is there, a file was altered, or the disk refuses.
    pub fn save(&self, path: &Path) -> Result<(), PackageError> {
        layout::save(self, path)
    }

    /// Adds this package's signatures to the layout at `path`, which holds the same release.
    ///
    /// # Errors
    /// [`PackageError`] if another release is there, or the disk refuses.
    pub fn save_signatures(&self, path: &Path) -> Result<(), PackageError> {
        layout::save_signatures(self, path)
    }

    /// Puts the files into a folder that is not there yet, and the manifest beside them as `oci-manifest.json`, so that
    /// [`crate::verify_unpacked`] can check them. The folder appears complete, or not at all.
    ///
    /// # Errors
    /// [`PackageError`] if the folder is there, a file was altered, or the disk refuses.
    pub fn unpack(&self, folder: &Path) -> Result<(), PackageError> {
        unpack::unpack(self, folder)
    }

    pub(crate) fn manifest(&self) -> &ReleaseManifest {
        &self.manifest
    }

    /// The content of a file, under the file's own name.
    pub(crate) fn blob(&self, file: &PackagedFile) -> Blob {
        let place = self.blobs.get(&file.digest).map(|blob| blob.place.clone());
        let place = place.unwrap_or_else(|| Place::Memory([].into()));
        Blob { name: file.path.to_string(), digest: file.digest, size: file.bytes, place }
    }

    /// The content of all files, each once.
    pub(crate) fn file_blobs(&self) -> impl Iterator<Item = &Blob> {
        self.blobs.values()
    }

    /// Everything that a layout holds: files, manifest, and what the signatures are made of, each once.
    pub(crate) fn all_blobs(&self) -> Vec<Blob> {
        let manifest = Blob::of_bytes("the manifest of the release", self.manifest.bytes.clone());
        let mut blobs: BTreeMap<_, _> = self.blobs.clone();
        blobs.insert(manifest.digest, manifest);
        blobs.extend(self.signatures.iter().flat_map(|it| self.signature_blobs(it)).map(|blob| (blob.digest, blob)));
        blobs.into_values().collect()
    }

    /// What a signature is stored as: the empty configuration, the envelope, and last the manifest.
    pub(crate) fn signature_blobs(&self, signature: &Signature) -> [Blob; 3] {
        [
            Blob::of_bytes("the configuration of a signature", EMPTY.to_vec()),
            Blob::of_bytes("a signature", signature.envelope().to_vec()),
            Blob::of_bytes("the manifest of a signature", signature.manifest(self.manifest.descriptor())),
        ]
    }

    /// The index of a layout with the release, by its tag, and its signatures.
    pub(crate) fn index(&self) -> Index {
        let release = self.manifest.descriptor().of_artifact(RELEASE_TYPE).annotated(REF_NAME, self.info.tag());
        let signatures = self.signatures.iter().map(|it| self.signature_descriptor(it));
        Index::new(std::iter::once(release).chain(signatures).collect())
    }

    pub(crate) fn signature_descriptor(&self, signature: &Signature) -> Descriptor {
        let manifest = signature.manifest(self.manifest.descriptor());
        Descriptor::of(oci::MANIFEST_TYPE, &manifest).of_artifact(SIGNATURE_TYPE)
    }
}

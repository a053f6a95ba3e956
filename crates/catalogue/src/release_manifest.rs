//! The OCI manifest of a release. Its digest is the release's digest, so whoever knows that knows every byte of every file.

use crate::file_path::check_distinct;
use crate::info::INFO_FILE;
use crate::limit::{FILE_BYTES_MAX, FILES_MAX, INFO_BYTES_MAX, MANIFEST_BYTES_MAX, PACKAGE_BYTES_MAX};
use crate::oci::{
    self, DESCRIPTION, Descriptor, INFO_TYPE, LICENSES, MANIFEST_TYPE, Manifest, RELEASE_TYPE, TITLE, VENDOR, VERSION,
};
use crate::{Digest, FilePath, PackageError, PackageInfo, PackagedFile, role};
use std::collections::BTreeMap;

/// A manifest that has been read and found sound.
#[derive(Clone, Debug)]
pub(crate) struct ReleaseManifest {
    /// As it is stored, to the byte.
    pub bytes: Vec<u8>,
    /// Of those bytes.
    pub digest: Digest,
    /// `app.toml`.
    pub config: Descriptor,
    /// All files in the order of the manifest, `app.toml` among them.
    pub files: Vec<PackagedFile>,
    annotations: BTreeMap<String, String>,
}

impl ReleaseManifest {
    /// The manifest of these files, which are sorted by path.
    pub fn build(info: &PackageInfo, files: &[PackagedFile]) -> Result<Self, PackageError> {
        let described = files.iter().find(|file| file.path.as_str() == INFO_FILE);
        let described = described.ok_or_else(|| PackageError::InfoInvalid("the file is missing".to_owned()))?;
        let layer = |file: &PackagedFile| {
            Descriptor::new(&file.media_type, file.digest, file.bytes).annotated(TITLE, file.path.as_str())
        };
        let manifest = Manifest {
            schema_version: 2,
            media_type: Some(MANIFEST_TYPE.to_owned()),
            artifact_type: Some(RELEASE_TYPE.to_owned()),
            config: Descriptor::new(INFO_TYPE, described.digest, described.bytes),
            layers: files.iter().map(layer).collect(),
            subject: None,
            annotations: annotations(info),
        };
        Self::read("the manifest", oci::to_bytes(&manifest))
    }

    /// Reads the manifest of a release, from `place`.
    pub fn read(place: &str, bytes: Vec<u8>) -> Result<Self, PackageError> {
        PackageError::limit(place, bytes.len() as u64, MANIFEST_BYTES_MAX, "bytes")?;
        let manifest = oci::parse_artifact(place, &bytes, RELEASE_TYPE)?;
        let files = files(place, &manifest.layers)?;
        check_config(place, &manifest.config, &files)?;
        let digest = Digest::of(&bytes);
        Ok(Self { bytes, digest, config: manifest.config, files, annotations: manifest.annotations })
    }

    /// Refuses a manifest whose annotations, which registries show, tell of another release than `app.toml`.
    pub fn check_annotations(&self, info: &PackageInfo) -> Result<(), PackageError> {
        let told = annotations(info);
        match self.annotations.iter().find(|(key, value)| told.get(*key).is_some_and(|told| told != *value)) {
            Some((key, _)) => Err(PackageError::malformed(info.title(), format!("{key} is not what app.toml says"))),
            None => Ok(()),
        }
    }

    /// The manifest as the subject of a signature.
    pub fn descriptor(&self) -> Descriptor {
        Descriptor::new(MANIFEST_TYPE, self.digest, self.bytes.len() as u64)
    }
}

fn annotations(info: &PackageInfo) -> BTreeMap<String, String> {
    let mut annotations: BTreeMap<_, _> = [(TITLE, &info.name), (VERSION, &info.release), (VENDOR, &info.vendor)]
        .map(|(key, value)| (key.to_owned(), value.clone()))
        .into();
    if !info.summary.is_empty() {
        annotations.insert(DESCRIPTION.to_owned(), info.summary.clone());
    }
    if let Some(licence) = &info.licence {
        annotations.insert(LICENSES.to_owned(), licence.clone());
    }
    annotations
}

fn files(place: &str, layers: &[Descriptor]) -> Result<Vec<PackagedFile>, PackageError> {
    PackageError::limit(place, layers.len() as u64, FILES_MAX as u64, "files")?;
    let files = layers.iter().map(|layer| packaged(place, layer)).collect::<Result<Vec<_>, _>>()?;
    check_distinct(files.iter().map(|file| &file.path))?;
    let bytes = files.iter().fold(0_u64, |sum, file| sum.saturating_add(file.bytes));
    PackageError::limit("all files together", bytes, PACKAGE_BYTES_MAX, "bytes")?;
    Ok(files)
}

fn packaged(place: &str, layer: &Descriptor) -> Result<PackagedFile, PackageError> {
    let title = layer.annotations.get(TITLE);
    let title = title.ok_or_else(|| PackageError::malformed(place, format!("layer {} has no title", layer.digest)))?;
    PackageError::limit(title, layer.size, FILE_BYTES_MAX, "bytes")?;
    Ok(PackagedFile {
        path: FilePath::parse(title)?,
        role: role::name_of(&layer.media_type),
        media_type: layer.media_type.clone(),
        digest: layer.digest,
        bytes: layer.size,
    })
}

/// The configuration is the very file `app.toml`.
fn check_config(place: &str, config: &Descriptor, files: &[PackagedFile]) -> Result<(), PackageError> {
    PackageError::limit(INFO_FILE, config.size, INFO_BYTES_MAX, "bytes")?;
    let file = files.iter().find(|file| file.path.as_str() == INFO_FILE);
    let is_same = file.is_some_and(|file| file.digest == config.digest && file.bytes == config.size);
    if is_same && config.media_type == INFO_TYPE {
        return Ok(());
    }
    Err(PackageError::malformed(place, "its configuration is not the file app.toml"))
}

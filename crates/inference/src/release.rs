//! A release on disk: a folder of manifest, model and model card, known by the digest of all three.

use lightbox_domain::{Deployment, Manifest, ManifestError};
use sha2::{Digest, Sha256};
use std::fmt::Write;
use std::fs::{self, File};
use std::io::{self, Read};
use std::path::{Path, PathBuf};

const MANIFEST: &str = "app.toml";
const MANIFEST_BYTES_MAX: u64 = 256 * 1024;

/// One immutable version of an app.
#[derive(Clone, Debug, PartialEq)]
pub struct Release {
    /// What it says of itself.
    pub manifest: Manifest,
    /// SHA-256 over its files, 64 hexadecimal digits; see [`Release::open`].
    pub digest: String,
    /// Where its files are.
    pub folder: PathBuf,
}

/// Why a folder is no release.
#[derive(Debug, thiserror::Error)]
pub enum ReleaseError {
    /// The folder is not there.
    #[error("no release at {}: there is no such folder", .0.display())]
    FolderMissing(PathBuf),
    /// A file of the release is not there.
    #[error("release at {} is incomplete: {file} is missing", .folder.display())]
    FileMissing {
        /// The release's folder.
        folder: PathBuf,
        /// The file that is missing.
        file: String,
    },
    /// The manifest cannot be understood.
    #[error("release at {}: {error}", .folder.display())]
    Manifest {
        /// The release's folder.
        folder: PathBuf,
        /// Where and why.
        error: ManifestError,
    },
    /// The model is another one than the manifest pins.
    #[error("release at {}: {file} is not the file that app.toml pins: its SHA-256 is {found}", .folder.display())]
    ModelDiffers {
        /// The release's folder.
        folder: PathBuf,
        /// The model's file.
        file: String,
        /// SHA-256 of the file that is there, hexadecimal.
        found: String,
    },
    /// The system refused to read a file.
    #[error("cannot read {}: {error}", .path.display())]
    Unreadable {
        /// The file.
        path: PathBuf,
        /// The system's answer.
        error: io::Error,
    },
}

impl Release {
    /// Reads and checks the release in a folder.
    ///
    /// Its digest is what `sha256sum` says of `sha256sum`'s own output for the release's files in the order of their
    /// names: a person can check it with `LC_ALL=C sha256sum MODEL_CARD.md app.toml model.onnx | sha256sum`.
    ///
    /// # Errors
    /// [`ReleaseError`] if the folder or a file is missing, the manifest is wrong, or the model is not the pinned one.
    pub fn open(folder: &Path) -> Result<Self, ReleaseError> {
        let text = read_manifest(folder)?;
        let manifest =
            Manifest::parse(&text).map_err(|error| ReleaseError::Manifest { folder: folder.to_owned(), error })?;
        let model = hash_file(folder, &manifest.model.file)?;
        check_model(folder, &manifest, &model)?;
        let mut files = vec![(MANIFEST, hash_bytes(text.as_bytes())), (&manifest.model.file, model)];
        if let Some(card) = &manifest.app.model_card {
            files.push((card, hash_file(folder, card)?));
        }
        let digest = digest_of(files);
        Ok(Self { digest, folder: folder.to_owned(), manifest })
    }

    /// The release that a deployment puts to work, without reading it again: its model is checked when it is loaded.
    #[must_use]
    pub fn of(deployment: &Deployment) -> Self {
        Self {
            manifest: deployment.manifest.clone(),
            digest: deployment.digest.clone(),
            folder: deployment.folder.clone(),
        }
    }

    /// App and release for people, such as `cxr-pneumonia 0.1.0`.
    #[must_use]
    pub fn name(&self) -> String {
        format!("{} {}", self.manifest.app.id, self.manifest.app.release)
    }

    /// The model's bytes, which are those that the manifest pins whatever happened to the file since it was deployed.
    pub(crate) fn read_model(&self) -> Result<Vec<u8>, ReleaseError> {
        let mut bytes = Vec::new();
        let path = self.folder.join(&self.manifest.model.file);
        let read = open_file(&self.folder, &self.manifest.model.file)?.read_to_end(&mut bytes);
        read.map_err(|error| ReleaseError::Unreadable { path, error })?;
        check_model(&self.folder, &self.manifest, &hash_bytes(&bytes))?;
        Ok(bytes)
    }
}

fn read_manifest(folder: &Path) -> Result<String, ReleaseError> {
    if !folder.is_dir() {
        return Err(ReleaseError::FolderMissing(folder.to_owned()));
    }
    let mut text = String::new();
    let read = open_file(folder, MANIFEST)?.take(MANIFEST_BYTES_MAX + 1).read_to_string(&mut text);
    let unreadable = |error| ReleaseError::Unreadable { path: folder.join(MANIFEST), error };
    read.map_err(unreadable)?;
    if text.len() as u64 > MANIFEST_BYTES_MAX {
        return Err(unreadable(io::Error::other(format!("a manifest has at most {MANIFEST_BYTES_MAX} bytes"))));
    }
    Ok(text)
}

fn check_model(folder: &Path, manifest: &Manifest, found: &str) -> Result<(), ReleaseError> {
    if found.eq_ignore_ascii_case(&manifest.model.sha256) {
        return Ok(());
    }
    let file = manifest.model.file.clone();
    Err(ReleaseError::ModelDiffers { folder: folder.to_owned(), file, found: found.to_owned() })
}

/// A file of the release. Only the folder's own files belong to it: a name that leads elsewhere is missing.
fn open_file(folder: &Path, file: &str) -> Result<File, ReleaseError> {
    let path = folder.join(file);
    let missing = || ReleaseError::FileMissing { folder: folder.to_owned(), file: file.to_owned() };
    if path.parent() != Some(folder) || path.file_name().is_none() {
        return Err(missing());
    }
    match fs::metadata(&path) {
        Ok(metadata) if metadata.is_file() => {}
        Ok(_) => return Err(missing()),
        Err(error) if error.kind() == io::ErrorKind::NotFound => return Err(missing()),
        Err(error) => return Err(ReleaseError::Unreadable { path, error }),
    }
    File::open(&path).map_err(|error| ReleaseError::Unreadable { path, error })
}

fn hash_file(folder: &Path, file: &str) -> Result<String, ReleaseError> {
    let mut reader = open_file(folder, file)?;
    let mut hasher = Sha256::new();
    let mut buffer = vec![0; 64 * 1024];
    loop {
        let count =
            reader.read(&mut buffer).map_err(|error| ReleaseError::Unreadable { path: folder.join(file), error })?;
        if count == 0 {
            return Ok(hexadecimal(&hasher.finalize()));
        }
        hasher.update(&buffer[..count]);
    }
}

fn hash_bytes(bytes: &[u8]) -> String {
    hexadecimal(&Sha256::digest(bytes))
}

fn digest_of(mut files: Vec<(&str, String)>) -> String {
    files.sort_unstable();
    let lines: String = files.iter().map(|(name, sha256)| format!("{sha256}  {name}\n")).collect();
    hash_bytes(lines.as_bytes())
}

fn hexadecimal(bytes: &[u8]) -> String {
    bytes.iter().fold(String::with_capacity(bytes.len() * 2), |mut text, byte| {
        // Writing to a string cannot fail.
        let _ = write!(text, "{byte:02x}");
        text
    })
}

//! A folder or file that appears at its place complete and synced, or not at all.

use crate::PackageError;
use crate::blob::Blob;
use std::fs::{self, File, Permissions};
use std::io::Write;
use std::os::unix::fs::PermissionsExt as _;
use std::path::{Path, PathBuf};
use tempfile::{NamedTempFile, TempDir};

const PREFIX: &str = ".lightbox-";

/// A folder in the making, beside the place where it will appear.
pub(crate) struct StagedFolder {
    folder: TempDir,
    place: PathBuf,
}

impl StagedFolder {
    pub fn new(place: &Path) -> Result<Self, PackageError> {
        refuse_existing(place)?;
        let parent = parent_of(place);
        let folder =
            tempfile::Builder::new().prefix(PREFIX).permissions(Permissions::from_mode(0o755)).tempdir_in(parent);
        let folder = folder.map_err(|error| PackageError::io("make a folder in", parent, error))?;
        Ok(Self { folder, place: place.to_owned() })
    }

    pub fn path(&self) -> &Path {
        self.folder.path()
    }

    /// Writes a file that is not there yet, with the folders above it, and syncs it.
    pub fn write(&self, name: &str, content: &Blob) -> Result<(), PackageError> {
        let path = self.path().join(name);
        let writing = |error| PackageError::io("write", &path, error);
        fs::create_dir_all(parent_of(&path)).map_err(writing)?;
        let mut file = File::create_new(&path).map_err(writing)?;
        content.pour(|chunk| file.write_all(chunk).map_err(writing))?;
        file.sync_all().map_err(writing)
    }

    /// Moves the folder to its place.
    pub fn publish(mut self) -> Result<(), PackageError> {
        sync_folders(self.path())?;
        refuse_existing(&self.place)?;
        fs::rename(self.path(), &self.place).map_err(|error| PackageError::io("make", &self.place, error))?;
        self.folder.disable_cleanup(true);
        sync_folder(parent_of(&self.place))
    }
}

/// A file in the making, beside the place where it will appear.
pub(crate) struct StagedFile {
    pub file: NamedTempFile,
    place: PathBuf,
}

impl StagedFile {
    pub fn new(place: &Path) -> Result<Self, PackageError> {
        let parent = parent_of(place);
        let file =
            tempfile::Builder::new().prefix(PREFIX).permissions(Permissions::from_mode(0o644)).tempfile_in(parent);
        let file = file.map_err(|error| PackageError::io("make a file in", parent, error))?;
        Ok(Self { file, place: place.to_owned() })
    }

    pub fn write(&mut self, bytes: &[u8]) -> Result<(), PackageError> {
        self.file.write_all(bytes).map_err(|error| PackageError::io("write", &self.place, error))
    }

    /// Moves the file to its place, where nothing is.
    pub fn publish(self) -> Result<(), PackageError> {
        refuse_existing(&self.place)?;
        self.replace()
    }

    /// Moves the file to its place, whatever was there.
    pub fn replace(self) -> Result<(), PackageError> {
        let writing = |error| PackageError::io("write", &self.place, error);
        self.file.as_file().sync_all().map_err(writing)?;
        self.file.persist(&self.place).map_err(|error| writing(error.error))?;
        sync_folder(parent_of(&self.place))
    }
}

fn refuse_existing(place: &Path) -> Result<(), PackageError> {
    match fs::symlink_metadata(place) {
        Ok(_) => Err(PackageError::Exists(place.to_owned())),
        Err(_) => Ok(()),
    }
}

fn parent_of(path: &Path) -> &Path {
    match path.parent() {
        Some(parent) if !parent.as_os_str().is_empty() => parent,
        _ => Path::new("."),
    }
}

/// Syncs a folder and all folders below it.
fn sync_folders(folder: &Path) -> Result<(), PackageError> {
    let folders = walkdir::WalkDir::new(folder).into_iter().filter_entry(|entry| entry.file_type().is_dir());
    for entry in folders {
        let entry = entry.map_err(|error| PackageError::io("list", folder, error.into()))?;
        sync_folder(entry.path())?;
    }
    Ok(())
}

fn sync_folder(folder: &Path) -> Result<(), PackageError> {
    let synced = File::open(folder).and_then(|file| file.sync_all());
    synced.map_err(|error| PackageError::io("sync", folder, error))
}

//! The bytes of instances as plain `.dcm` files.
//!
//! A file is written at its place from the first byte. It counts once it has a row, and has one only after file and
//! folder are synced: a crash leaves at most a file without a row, whole or not, which the next start sweeps away.

use crate::digest::read_checked;
use crate::{DataFolder, FileDigest, StoreError};
use std::collections::BTreeSet;
use std::fs::{self, File};
use std::io::Write as _;
use std::path::{Path, PathBuf};
use ulid::Ulid;

/// The key of a stored file: a ULID in lower case. Its leading characters are its folder, so that files which arrive
/// together lie together and a folder is made only every half minute.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct BlobKey(String);

/// Files of one kind under the data folder: the instances, or what is kept of their metadata.
#[derive(Clone, Debug)]
pub struct Blobs {
    kept: PathBuf,
    extension: &'static str,
}

/// A file that is arriving, at its place. Dropped, it is removed.
#[derive(Debug)]
pub struct Incoming {
    written: Written,
    bytes_max: u64,
}

/// A file that has arrived and is not kept yet. Dropped, it is removed.
#[derive(Debug)]
pub struct Written {
    file: File,
    key: BlobKey,
    path: PathBuf,
    size_bytes: u64,
}

/// A durable file.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Kept {
    /// Its key.
    pub key: BlobKey,
    /// Its size in bytes.
    pub size_bytes: u64,
}

impl BlobKey {
    fn generate() -> Self {
        Self(Ulid::generate().to_string().to_lowercase())
    }

    /// The key as it stands in a row.
    #[must_use]
    pub fn as_str(&self) -> &str {
        &self.0
    }

    /// When the file began to be written, in milliseconds since 1970; 0 for a key that is not ours.
    #[must_use]
    pub fn begun_ms(&self) -> i64 {
        self.0.parse::<Ulid>().map_or(0, |key| i64::try_from(key.timestamp_ms()).unwrap_or(0))
    }

    /// The key of a row.
    pub(crate) fn of_row(text: String) -> Self {
        Self(text)
    }

    fn folders(&self) -> (&str, &str) {
        (&self.0[..5], &self.0[5..7])
    }
}

impl Blobs {
    pub(crate) fn of_instances(folder: &DataFolder) -> Self {
        Self { kept: folder.blobs(), extension: "dcm" }
    }

    pub(crate) fn of_metadata(folder: &DataFolder) -> Self {
        Self { kept: folder.metadata(), extension: "zst" }
    }

    /// The same files in another folder, such as a backup's.
    pub(crate) fn elsewhere(&self, kept: &Path) -> Self {
        Self { kept: kept.to_owned(), ..self.clone() }
    }

    /// The folder that holds them.
    pub(crate) fn folder(&self) -> &Path {
        &self.kept
    }

    /// How many bytes the disk has free for this process.
    ///
    /// # Errors
    /// When the file system does not say.
    pub fn free_bytes(&self) -> Result<u64, StoreError> {
        let disk = rustix::fs::statvfs(&self.kept)
            .map_err(|error| StoreError::file("ask for the free space of", &self.kept)(error.into()))?;
        Ok(disk.f_bavail.saturating_mul(disk.f_frsize))
    }

    /// Begins a file of at most `bytes_max` bytes. Blocks; call it on a thread of its own.
    ///
    /// # Errors
    /// When the file cannot be created.
    pub fn begin(&self, bytes_max: u64) -> Result<Incoming, StoreError> {
        let key = BlobKey::generate();
        let path = self.path(&key);
        let file = match File::create_new(&path) {
            Err(error) if error.kind() == std::io::ErrorKind::NotFound => {
                create_folder(path.parent().unwrap_or(&self.kept), &self.kept)?;
                File::create_new(&path)
            }
            created => created,
        };
        let file = file.map_err(StoreError::file("create", &path))?;
        Ok(Incoming { written: Written { file, key, path, size_bytes: 0 }, bytes_max })
    }

    /// Makes a file and its entry in its folder durable. Blocks. From here on it is not removed by itself: a caller that
    /// finds that it is not needed calls [`Blobs::remove`]; should a crash come between, the next start sweeps it.
    ///
    /// # Errors
    /// When it cannot be synced; it is then removed.
    pub fn keep(&self, written: Written) -> Result<Kept, StoreError> {
        self.sync_folders(std::iter::once(&written.key))?;
        written.keep()
    }

    /// The same for a file of which [`crate::Store::insert_instance`] writes the row: it syncs the folder, once for all that
    /// arrives together.
    ///
    /// # Errors
    /// When it cannot be synced; it is then removed.
    pub fn keep_for_intake(&self, written: Written) -> Result<Kept, StoreError> {
        written.keep()
    }

    /// Makes the entries of these files durable. Blocks.
    ///
    /// # Errors
    /// When a folder cannot be synced.
    pub(crate) fn sync_folders<'a>(&self, keys: impl Iterator<Item = &'a BlobKey>) -> Result<(), StoreError> {
        let folders: BTreeSet<_> = keys.map(BlobKey::folders).collect();
        folders.into_iter().try_for_each(|(outer, inner)| sync_folder(&self.kept.join(outer).join(inner)))
    }

    /// Where the file of this key is.
    #[must_use]
    pub fn path(&self, key: &BlobKey) -> PathBuf {
        let (outer, inner) = key.folders();
        self.kept.join(outer).join(inner).join(format!("{}.{}", key.as_str(), self.extension))
    }

    /// The keys of all files that began to arrive at or after this time.
    pub(crate) fn keys_since(&self, since_ms: i64) -> Result<Vec<BlobKey>, StoreError> {
        let since = u64::try_from(since_ms).unwrap_or(0);
        let since = Ulid::from_parts(since, 0).to_string().to_lowercase();
        let mut keys = Vec::new();
        for outer in folders_from(&self.kept, &since[..5])? {
            let from_inner = if outer.ends_with(&since[..5]) { &since[5..7] } else { "" };
            for inner in folders_from(&outer, from_inner)? {
                keys.extend(files_in(&inner)?.iter().filter_map(|path| key_of(path, self.extension)));
            }
        }
        keys.retain(|key| key.as_str() >= since.as_str());
        Ok(keys)
    }

    /// Reads the file of this key and compares it with its digest. Blocks.
    ///
    /// # Errors
    /// What is wrong, in one line.
    pub fn check(&self, key: &BlobKey, digest: &FileDigest) -> Result<(), String> {
        let path = self.path(key);
        match read_checked(&path, digest, |_| Ok(())) {
            Ok(true) => Ok(()),
            Ok(false) => Err(format!("{}: its bytes are not those that were stored", path.display())),
            Err(error) => Err(format!("{}: {error}", path.display())),
        }
    }

    /// Removes the file of this key.
    ///
    /// # Errors
    /// When it cannot be removed.
    pub fn remove(&self, key: &BlobKey) -> Result<(), StoreError> {
        let path = self.path(key);
        fs::remove_file(&path).map_err(StoreError::file("remove", &path))
    }
}

impl Incoming {
    /// Adds bytes. Blocks.
    ///
    /// # Errors
    /// When the disk refuses, or the file grows beyond its limit.
    pub fn write(&mut self, bytes: &[u8]) -> Result<(), StoreError> {
        self.written.size_bytes += bytes.len() as u64;
        if self.written.size_bytes > self.bytes_max {
            return Err(StoreError::TooLarge { bytes_max: self.bytes_max });
        }
        self.written.file.write_all(bytes).map_err(StoreError::file("write", &self.written.path))
    }

    /// Ends the file. It can now be read, but is not durable yet.
    #[must_use]
    pub fn finish(self) -> Written {
        self.written
    }
}

impl Written {
    /// Where the file is now.
    #[must_use]
    pub fn path(&self) -> &Path {
        &self.path
    }

    fn keep(mut self) -> Result<Kept, StoreError> {
        self.file.sync_data().map_err(StoreError::file("sync", &self.path))?;
        self.path = PathBuf::new();
        Ok(Kept { key: self.key.clone(), size_bytes: self.size_bytes })
    }
}

impl Drop for Written {
    fn drop(&mut self) {
        if !self.path.as_os_str().is_empty() {
            // What cannot be removed here is swept at the next start.
            let _ = fs::remove_file(&self.path);
        }
    }
}

/// Creates the folder and its missing parents below `root`, and syncs each parent that it created something in.
pub(crate) fn create_folder(folder: &Path, root: &Path) -> Result<(), StoreError> {
    if folder == root || folder.is_dir() {
        return Ok(());
    }
    let parent = folder.parent().unwrap_or(root);
    create_folder(parent, root)?;
    match fs::create_dir(folder) {
        Ok(()) => sync_folder(parent),
        Err(error) if error.kind() == std::io::ErrorKind::AlreadyExists => sync_folder(parent),
        Err(error) => Err(StoreError::file("create the folder", folder)(error)),
    }
}

/// Makes durable what was created, moved or removed in a folder.
pub(crate) fn sync_folder(folder: &Path) -> Result<(), StoreError> {
    let sync = || File::open(folder)?.sync_all();
    sync().map_err(StoreError::file("sync the folder", folder))
}

fn entries(folder: &Path) -> Result<Vec<PathBuf>, StoreError> {
    let read = || -> std::io::Result<_> { fs::read_dir(folder)?.map(|entry| Ok(entry?.path())).collect() };
    read().map_err(StoreError::file("list", folder))
}

fn files_in(folder: &Path) -> Result<Vec<PathBuf>, StoreError> {
    Ok(entries(folder)?.into_iter().filter(|path| path.is_file()).collect())
}

/// The sub-folders whose names are not before `first`.
fn folders_from(folder: &Path, first: &str) -> Result<Vec<PathBuf>, StoreError> {
    let late = |path: &PathBuf| path.is_dir() && path.file_name().is_some_and(|name| *name.to_string_lossy() >= *first);
    Ok(entries(folder)?.into_iter().filter(late).collect())
}

fn key_of(path: &Path, extension: &str) -> Option<BlobKey> {
    let stem = path.file_stem()?.to_str()?;
    (path.extension()? == extension && stem.len() == 26 && stem.is_ascii()).then(|| BlobKey(stem.to_owned()))
}

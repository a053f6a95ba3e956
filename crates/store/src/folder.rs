//! The data folder: what is where in it, and the lock that keeps a second server out.
//!
//! ```text
//! lightbox.db        the database (SQLite), with -wal and -shm beside it
//! blobs/01kan/x3/    instances as plain .dcm files, in folders by time of arrival
//! metadata/01kan/x3/ the metadata of settled series, compressed; made anew from the instances at any time
//! releases/<digest>/ the files of deployed releases
//! lock               held while a server works on the folder
//! arrivals.lock      held by imports
//! backup.lock        held by backups, while which nothing is purged
//! ```

use crate::StoreError;
use std::fs::File;
use std::path::{Path, PathBuf};

/// The data folder of one installation.
#[derive(Clone, Debug)]
pub struct DataFolder {
    root: PathBuf,
}

/// Held while a server works on the folder. Short commands do not take it.
#[derive(Debug)]
pub struct FolderLock {
    _file: File,
}

impl DataFolder {
    /// The size of the disk that holds the folder, in bytes.
    ///
    /// # Errors
    /// When the disk cannot be asked.
    pub fn disk_bytes(&self) -> Result<u64, StoreError> {
        let disk = rustix::fs::statvfs(self.root())
            .map_err(|error| StoreError::file("ask for the size of the disk of", self.root())(error.into()))?;
        Ok(disk.f_blocks.saturating_mul(disk.f_frsize))
    }

    /// Creates what is missing of the folder.
    ///
    /// # Errors
    /// When a folder cannot be made.
    pub fn open(root: &Path) -> Result<Self, StoreError> {
        for folder in ["blobs", "metadata", "releases"] {
            let path = root.join(folder);
            std::fs::create_dir_all(&path).map_err(StoreError::file("create the folder", &path))?;
        }
        let root = root.canonicalize().map_err(StoreError::file("find the folder", root))?;
        Ok(Self { root })
    }

    /// Takes the lock (a kernel `flock`, so a crash releases it).
    ///
    /// # Errors
    /// [`StoreError::InUse`] when another server has it.
    pub fn lock(&self) -> Result<FolderLock, StoreError> {
        let path = self.root.join("lock");
        let file = File::create(&path).map_err(StoreError::file("open the lock", &path))?;
        rustix::fs::flock(&file, rustix::fs::FlockOperation::NonBlockingLockExclusive)
            .map_err(|_| StoreError::InUse(self.root.clone()))?;
        Ok(FolderLock { _file: file })
    }

    /// Says that files arrive by another process than the server, such as an import, so that a server that starts does
    /// not take them for what a crash left.
    ///
    /// # Errors
    /// When the lock cannot be opened.
    pub fn lock_arrivals(&self) -> Result<FolderLock, StoreError> {
        let path = self.root.join("arrivals.lock");
        let file = File::create(&path).map_err(StoreError::file("open the lock", &path))?;
        rustix::fs::flock(&file, rustix::fs::FlockOperation::LockShared)
            .map_err(|error| StoreError::file("take the lock", &path)(error.into()))?;
        Ok(FolderLock { _file: file })
    }

    /// Holds off imports for a moment; `None` when one is under way.
    ///
    /// # Errors
    /// When the lock cannot be opened.
    pub fn try_lock_arrivals(&self) -> Result<Option<FolderLock>, StoreError> {
        let path = self.root.join("arrivals.lock");
        let file = File::create(&path).map_err(StoreError::file("open the lock", &path))?;
        let locked = rustix::fs::flock(&file, rustix::fs::FlockOperation::NonBlockingLockExclusive);
        Ok(locked.is_ok().then_some(FolderLock { _file: file }))
    }

    /// Holds off the removal of stored files while a backup copies them; waits for one that is under way. Several
    /// backups may be.
    ///
    /// # Errors
    /// When the lock cannot be opened.
    pub fn lock_against_purges(&self) -> Result<FolderLock, StoreError> {
        self.take("backup.lock", rustix::fs::FlockOperation::LockShared)
    }

    /// Takes the right to remove stored files; `None` while a backup is under way.
    ///
    /// # Errors
    /// When the lock cannot be opened.
    pub fn try_lock_for_purge(&self) -> Result<Option<FolderLock>, StoreError> {
        match self.take("backup.lock", rustix::fs::FlockOperation::NonBlockingLockExclusive) {
            Ok(lock) => Ok(Some(lock)),
            Err(StoreError::File { source, .. }) if source.kind() == std::io::ErrorKind::WouldBlock => Ok(None),
            Err(error) => Err(error),
        }
    }

    fn take(&self, name: &str, operation: rustix::fs::FlockOperation) -> Result<FolderLock, StoreError> {
        let path = self.root.join(name);
        let file = File::create(&path).map_err(StoreError::file("open the lock", &path))?;
        rustix::fs::flock(&file, operation).map_err(|error| StoreError::file("take the lock", &path)(error.into()))?;
        Ok(FolderLock { _file: file })
    }

    /// The folder itself.
    #[must_use]
    pub fn root(&self) -> &Path {
        &self.root
    }

    /// Where the files of a release are, by its digest.
    #[must_use]
    pub fn release(&self, digest: &str) -> PathBuf {
        self.root.join("releases").join(digest)
    }

    pub(crate) fn blobs(&self) -> PathBuf {
        self.root.join("blobs")
    }

    pub(crate) fn metadata(&self) -> PathBuf {
        self.root.join("metadata")
    }

    pub(crate) fn database_url(&self) -> String {
        sqlite_url(&self.database(), "rwc")
    }

    /// SQLite's file.
    pub(crate) fn database(&self) -> PathBuf {
        self.root.join("lightbox.db")
    }
}

/// The URL of a SQLite database, opened in this mode.
pub(crate) fn sqlite_url(path: &Path, mode: &str) -> String {
    let path: String = path.to_string_lossy().chars().flat_map(url_escape).collect();
    format!("sqlite://{path}?mode={mode}")
}

/// The characters that would end the path of a `sqlite:` URL, escaped.
fn url_escape(character: char) -> Vec<char> {
    match character {
        '%' | '?' | '#' => format!("%{:02X}", u32::from(character)).chars().collect(),
        plain => vec![plain],
    }
}

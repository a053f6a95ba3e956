//! What measured servers stored, which is removed when all is measured, or when room gets short. For minutes after many
//! files were removed, some file systems (ext4 without a journal) look long for inodes that may be used again, and the
//! server measured next would pay for it.

use std::sync::{Mutex, PoisonError};

use anyhow::{Context, Result};
use tempfile::TempDir;

/// With less free than this, in bytes, what was stored first is removed.
const FREE_BYTES_MIN: u64 = 15 << 30;

static FOLDERS: Mutex<Vec<TempDir>> = Mutex::new(Vec::new());

/// Removes all that is left when it is dropped.
pub struct RemovedAtEnd;

impl Drop for RemovedAtEnd {
    fn drop(&mut self) {
        FOLDERS.lock().unwrap_or_else(PoisonError::into_inner).clear();
    }
}

/// Has a folder removed later.
pub fn remove_later(folder: TempDir) -> Result<()> {
    let disk = rustix::fs::statvfs(folder.path()).context("cannot ask for the free space of the disk")?;
    let mut folders = FOLDERS.lock().unwrap_or_else(PoisonError::into_inner);
    folders.push(folder);
    if disk.f_bavail.saturating_mul(disk.f_frsize) < FREE_BYTES_MIN {
        folders.remove(0).close().context("cannot remove what a server stored")?;
    }
    Ok(())
}

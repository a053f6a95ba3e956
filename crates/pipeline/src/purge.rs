//! Removes the bytes of what was deleted long enough ago.

use crate::JobError;
use lightbox_domain::Job;
use lightbox_store::{Store, now_ms};

/// How long a purge waits for a backup that is under way, in milliseconds.
const BACKUP_WAIT_MS: i64 = 10 * 60 * 1_000;

/// Removes rows and files of a deletion that is due and was not undone.
///
/// # Errors
/// When the database or the disk refuses.
pub async fn purge(store: &Store, deletion_id: &str) -> Result<(), JobError> {
    let mut write = store.write().await?;
    write.purge(deletion_id).await?;
    write.commit().await?;
    if store.remove_files().await?.is_some() {
        return Ok(());
    }
    let mut write = store.write().await?;
    write.enqueue(&Job::Purge { deletion_id: deletion_id.to_owned() }, now_ms() + BACKUP_WAIT_MS).await?;
    Ok(write.commit().await?)
}

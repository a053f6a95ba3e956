//! Moves what is committed from SQLite's log into its database, off the way of whoever commits.

use crate::{Shared, StoreError};
use sqlx::Row;
use std::sync::Weak;
use std::time::Duration;

/// How often.
const EVERY: Duration = Duration::from_secs(1);

/// From so many pages of 4 KiB on, the log is begun anew, for which the writer waits a moment; else it would grow for as
/// long as instances go on arriving.
const LOG_PAGES_MAX: i64 = 16_384;

/// Checkpoints until the store is dropped.
pub(crate) async fn run(store: Weak<Shared>) {
    loop {
        tokio::time::sleep(EVERY).await;
        let Some(shared) = store.upgrade() else { return };
        if let Err(error) = checkpoint(&shared).await {
            // The log keeps what was committed; it only grows.
            tracing::warn!(%error, "cannot checkpoint the database");
        }
    }
}

async fn checkpoint(shared: &Shared) -> Result<(), StoreError> {
    let readers = &shared.database.readers;
    let row = sqlx::query("PRAGMA wal_checkpoint(PASSIVE)").fetch_one(readers).await?;
    if row.try_get_unchecked::<i64, _>(1)? > LOG_PAGES_MAX {
        sqlx::query("PRAGMA wal_checkpoint(RESTART)").fetch_one(readers).await?;
    }
    Ok(())
}

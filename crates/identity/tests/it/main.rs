//! Accounts, sessions and tokens on a real store, and the table of who may do what.

// The lint spares `#[test]` functions only, not what they call.
#![allow(clippy::unwrap_used)]

mod accounts;
mod roles;
mod sessions;
mod tokens;

use lightbox_store::{DataFolder, Store};
use tempfile::TempDir;

/// A store of its own for one test.
async fn store() -> (TempDir, Store) {
    let folder = tempfile::tempdir().unwrap();
    let store = Store::open(&DataFolder::open(folder.path()).unwrap()).await.unwrap();
    (folder, store)
}

/// The log, oldest first, as `actor action object outcome`.
async fn log(store: &Store) -> Vec<String> {
    let mut lines = store.events(i64::MAX, 100).await.unwrap();
    lines.reverse();
    let readable =
        |line: &lightbox_store::LogLine| format!("{} {} {} {}", line.actor, line.action, line.object_id, line.outcome);
    lines.iter().map(readable).collect()
}

//! What can go wrong in the store.

use std::path::PathBuf;

/// Why the store could not do what was asked.
#[derive(Debug, thiserror::Error)]
pub enum StoreError {
    /// The database refused or cannot be reached.
    #[error("database: {0}")]
    Database(#[from] sqlx::Error),
    /// SQLite refused what arrived.
    #[error("database: {0}")]
    Local(#[from] rusqlite::Error),
    /// The schema cannot be brought up to date, for example because a newer Lightbox wrote it.
    #[error("cannot bring the database's schema up to date: {0}")]
    Schema(#[from] sqlx::migrate::MigrateError),
    /// A file or folder cannot be used.
    #[error("cannot {attempt} {path}: {source}")]
    File {
        /// What was attempted.
        attempt: &'static str,
        /// On what.
        path: PathBuf,
        /// Why not.
        source: std::io::Error,
    },
    /// A file grows beyond what is accepted.
    #[error("larger than {bytes_max} bytes, the limit `instance_bytes_max`")]
    TooLarge {
        /// The limit.
        bytes_max: u64,
    },
    /// Another server works on the data folder.
    #[error("the data folder {0} is in use by another lightbox; stop that one or choose another --data")]
    InUse(PathBuf),
    /// What was named does not exist.
    #[error("there is no {kind} {id}")]
    Missing {
        /// The kind of object.
        kind: &'static str,
        /// Its identifier.
        id: String,
    },
    /// What was to be created exists already.
    #[error("{kind} {id} exists already")]
    Exists {
        /// The kind of object.
        kind: &'static str,
        /// Its identifier.
        id: String,
    },
    /// A run cannot go from its state to the one asked for.
    #[error("run {run_id} is {from}; it cannot become {to}")]
    Transition {
        /// The run.
        run_id: String,
        /// Its state.
        from: &'static str,
        /// The state asked for.
        to: &'static str,
    },
    /// A row holds what this release cannot read.
    #[error("the row of {kind} {id} cannot be read: {why}")]
    Row {
        /// The kind of object.
        kind: &'static str,
        /// Its identifier.
        id: String,
        /// What is wrong.
        why: String,
    },
    /// The transaction in which an instance waited could not be written.
    #[error("the instance could not be written: {0}")]
    Unwritten(String),
    /// A backup cannot be used.
    #[error("the backup cannot be used: {0}")]
    Backup(String),
    /// The store is shutting down.
    #[error("the store is closed")]
    Closed,
}

impl StoreError {
    /// For `map_err` on file operations.
    pub(crate) fn file(attempt: &'static str, path: &std::path::Path) -> impl FnOnce(std::io::Error) -> Self {
        let path = path.to_owned();
        move |source| Self::File { attempt, path, source }
    }

    /// For rows that cannot be read.
    pub(crate) fn row(kind: &'static str, id: &str, why: impl ToString) -> Self {
        Self::Row { kind, id: id.to_owned(), why: why.to_string() }
    }
}

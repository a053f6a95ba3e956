//! The database: one writer, many readers, and the schema.

use crate::StoreError;
use sqlx::any::AnyPoolOptions;
use sqlx::migrate::{Migration, MigrationType, Migrator};
use sqlx::{AnyPool, Executor, SqlSafeStr, SqlStr};

const MIGRATIONS: [(i64, &str, &str); 4] = [
    (1, "first", include_str!("../migrations/0001_first.sql")),
    (2, "archive", include_str!("../migrations/0002_archive.sql")),
    (3, "commitment", include_str!("../migrations/0003_commitment.sql")),
    (4, "keeping", include_str!("../migrations/0004_keeping.sql")),
];

/// How many connections read at once.
const READERS: u32 = 8;

/// What every SQLite connection is set to. FULL, since NORMAL does not sync the WAL at commit.
const SQLITE_SETTINGS: &str = "
    PRAGMA journal_mode = WAL;
    PRAGMA synchronous = FULL;
    PRAGMA foreign_keys = ON;
    PRAGMA busy_timeout = 10000;
    PRAGMA cache_size = -8000;
    PRAGMA temp_store = MEMORY;
    PRAGMA case_sensitive_like = ON;
    PRAGMA wal_autocheckpoint = 0;
";

/// The pools of one database.
pub(crate) struct Database {
    /// One connection: SQLite has one writer, and it must not wait for itself.
    pub writer: AnyPool,
    /// Connections for reads.
    pub readers: AnyPool,
    /// Whether it is SQLite: one of the few places where the two engines differ.
    pub sqlite: bool,
}

impl Database {
    /// Connects and brings the schema up to date.
    pub async fn open(url: &str) -> Result<Self, StoreError> {
        sqlx::any::install_default_drivers();
        let writer = pool(1).connect(url).await?;
        migrator().run(&writer).await?;
        let readers = pool(READERS).connect(url).await?;
        Ok(Self { writer, readers, sqlite: url.starts_with("sqlite:") })
    }
}

fn pool(connections_max: u32) -> AnyPoolOptions {
    AnyPoolOptions::new().max_connections(connections_max).test_before_acquire(false).after_connect(|connection, _| {
        Box::pin(async move {
            if connection.backend_name() == "SQLite" {
                connection.execute(sqlx::raw_sql(SQLITE_SETTINGS)).await?;
            }
            Ok(())
        })
    })
}

fn migrator() -> Migrator {
    let migration = |(version, name, sql): (i64, &'static str, &'static str)| {
        let sql: SqlStr = sql.into_sql_str();
        Migration::new(version, name.into(), MigrationType::Simple, sql, false)
    };
    Migrator::with_migrations(MIGRATIONS.into_iter().map(migration).collect())
}

//! The database: one writer, many readers, and the schema.

use crate::StoreError;
use sqlx::any::AnyPoolOptions;
use sqlx::migrate::{Migration, MigrationType, Migrator};
use sqlx::{AnyPool, Executor, SqlSafeStr, SqlStr};

const MIGRATIONS: [(i64, &str, &str); 13] = [
    (1, "first", include_str!("../migrations/0001_first.sql")),
    (2, "archive", include_str!("../migrations/0002_archive.sql")),
    (3, "commitment", include_str!("../migrations/0003_commitment.sql")),
    (4, "keeping", include_str!("../migrations/0004_keeping.sql")),
    (5, "workitems", include_str!("../migrations/0005_workitems.sql")),
    (6, "shelf", include_str!("../migrations/0006_shelf.sql")),
    (7, "digest", include_str!("../migrations/0007_digest.sql")),
    (8, "overlays", include_str!("../migrations/0008_overlays.sql")),
    (9, "compressed", include_str!("../migrations/0009_compressed.sql")),
    (10, "peers_and_steps", include_str!("../migrations/0010_peers_and_steps.sql")),
    (11, "orders", include_str!("../migrations/0011_orders.sql")),
    (12, "jurisdiction", include_str!("../migrations/0012_jurisdiction.sql")),
    (13, "names", include_str!("../migrations/0013_names.sql")),
];

/// How many connections read at once.
const READERS: u32 = 8;

/// What every SQLite connection is set to. FULL, since NORMAL does not sync the WAL at commit.
pub(crate) const SQLITE_SETTINGS: &str = "
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
        migrator(&MIGRATIONS).run(&writer).await?;
        let readers = pool(READERS).connect(url).await?;
        Ok(Self { writer, readers, sqlite: url.starts_with("sqlite:") })
    }

    /// Closes every connection.
    pub async fn close(&self) {
        self.readers.close().await;
        self.writer.close().await;
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

fn migrator(migrations: &[(i64, &'static str, &'static str)]) -> Migrator {
    let migration = |&(version, name, sql): &(i64, &'static str, &'static str)| {
        let sql: SqlStr = sql.into_sql_str();
        Migration::new(version, name.into(), MigrationType::Simple, sql, false)
    };
    Migrator::with_migrations(migrations.iter().map(migration).collect())
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::{DataFolder, Store};
    use lightbox_domain::{Attribute, JobKind, Level, Query};

    /// A study as the first schema kept it.
    const OLD_ROWS: &str = "
        INSERT INTO studies VALUES ('1.2', 'P1', '', 'MÜLLER^Jörg=王^小東', '', '', '', 'A1', '20240102', '', '', '', '', 1, 1,
            'none', '');
        INSERT INTO series VALUES ('1.2', '1.2.1', 'DX', 1, '', '', NULL, 1);
        INSERT INTO series VALUES ('1.2', '1.2.2', 'SR', 2, '', '', '01J', 1);
        INSERT INTO instances VALUES ('1.2.1.1', '1.2', '1.2.1', '1.9', '1.8', 1, 4, 5, 1, 'a', 10, 'f', 'd', 'import', NULL,
            1, 1, 1);
        INSERT INTO instances VALUES ('1.2.2.1', '1.2', '1.2.2', '1.7', '1.8', 1, NULL, NULL, 0, 'b', 20, 'f', 'd', 'run:01J',
            '01J', 1, 1, 1);
    ";

    #[tokio::test]
    async fn what_the_first_schema_kept_is_found_after_an_upgrade() {
        let directory = tempfile::tempdir().unwrap();
        let folder = DataFolder::open(directory.path()).unwrap();
        sqlx::any::install_default_drivers();
        let old = pool(1).connect(&folder.database_url()).await.unwrap();
        migrator(&MIGRATIONS[..1]).run(&old).await.unwrap();
        old.execute(sqlx::raw_sql(OLD_ROWS)).await.unwrap();
        old.close().await;

        let store = Store::open(&folder).await.unwrap();
        let study = store.study("1.2").await.unwrap().expect("kept");
        assert_eq!(
            (study.series_count, study.instance_count, study.acquired_modalities),
            (2, 2, vec!["DX".to_owned()])
        );
        for name in ["muller^jo*", "王*"] {
            let mut query = Query::new(Level::Study, 10);
            query.push(Attribute::of_keyword("PatientName").unwrap(), name, false).unwrap();
            let found = store.search(&query).await.unwrap();
            assert_eq!(found[0].text("ModalitiesInStudy"), "DX\\SR", "{name}");
            assert_eq!(found[0].text("SOPClassesInStudy"), "1.7\\1.9");
        }
        let image = store.instance("1.2.1.1").await.unwrap().expect("kept");
        assert_eq!((image.rows, image.columns, image.frames), (Some(4), Some(5), 1));
        assert_eq!(store.jobs_left(JobKind::LAST).await.unwrap(), 1, "the metadata of the series are to be gathered");
        drop(store);
        assert!(Store::open(&folder).await.unwrap().study("1.2").await.unwrap().is_some(), "and it opens again");
    }
}

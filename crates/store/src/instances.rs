//! Rows of instances.

use crate::batch::{Batch, Row};
use crate::{BlobKey, FileDigest, Store, StoreError, Write, now_ms};
use lightbox_domain::Uid;
use sqlx::any::AnyRow;
use sqlx::{AnyPool, QueryBuilder, Row as _};

/// A stored instance.
#[derive(Clone, Debug, PartialEq)]
pub struct StoredInstance {
    /// Its SOP Instance UID.
    pub sop_instance_uid: Uid,
    /// Its study.
    pub study_instance_uid: Uid,
    /// Its series.
    pub series_instance_uid: Uid,
    /// Its SOP class.
    pub sop_class_uid: Uid,
    /// The syntax in which it is stored.
    pub transfer_syntax_uid: Uid,
    /// `InstanceNumber`.
    pub instance_number: Option<i64>,
    /// Height in pixels.
    pub rows: Option<i64>,
    /// Width in pixels.
    pub columns: Option<i64>,
    /// Frames; 0 when it has no pixels.
    pub frames: i64,
    /// Its file.
    pub blob: BlobKey,
    /// The file's size.
    pub size_bytes: i64,
    /// What the file is checked against.
    pub file_digest: FileDigest,
    /// From where it came.
    pub source: String,
    /// The run that made it, if it is a result.
    pub run_id: Option<String>,
    /// When its last byte had arrived, in milliseconds since 1970.
    pub received_ms: i64,
    /// Whether it belongs to the study's index.
    pub indexed: bool,
}

/// The beginning of a query for [`StoredInstance`]s, as `instance_of` reads them.
const SELECT: &str = "
    SELECT sop_instance_uid, study_instance_uid, series_instance_uid, sop_class_uid, transfer_syntax_uid, instance_number,
        rows, columns, number_of_frames, blob_key, size_bytes, file_digest, source, run_id, received_ms, indexed
    FROM instances WHERE ";

pub(crate) fn uid_of(row: &AnyRow, column: &'static str) -> Result<Uid, StoreError> {
    let text: String = row.try_get(column)?;
    Uid::parse(&text).map_err(|error| StoreError::row(column, &text, error))
}

fn instance_of(row: &Row) -> Result<StoredInstance, StoreError> {
    Ok(StoredInstance {
        sop_instance_uid: row.uid(0)?,
        study_instance_uid: row.uid(1)?,
        series_instance_uid: row.uid(2)?,
        sop_class_uid: row.uid(3)?,
        transfer_syntax_uid: row.uid(4)?,
        instance_number: row.integer(5),
        rows: row.integer(6),
        columns: row.integer(7),
        frames: row.integer(8).unwrap_or(0),
        blob: BlobKey::of_row(row.text(9).to_owned()),
        size_bytes: row.integer(10).unwrap_or(0),
        file_digest: FileDigest::of_row(row.text(11).to_owned()),
        source: row.text(12).to_owned(),
        run_id: row.optional_text(13),
        received_ms: row.integer(14).unwrap_or(0),
        indexed: row.integer(15) == Some(1),
    })
}

impl Store {
    /// The instance of this UID, whether indexed or not; none that is deleted.
    ///
    /// # Errors
    /// When the database refuses.
    pub async fn instance(&self, sop_instance_uid: &str) -> Result<Option<StoredInstance>, StoreError> {
        let mut batch = Batch::default();
        batch.statement(SELECT).push("deletion_id IS NULL AND sop_instance_uid = ").bind(sop_instance_uid);
        self.read_by_key(batch).await?.first().map(instance_of).transpose()
    }

    /// The indexed instances of a study in the order of series and instance number.
    ///
    /// # Errors
    /// When the database refuses.
    pub async fn instances_of_study(&self, study_instance_uid: &str) -> Result<Vec<StoredInstance>, StoreError> {
        let mut batch = Batch::default();
        batch.statement(SELECT).push("indexed = 1 AND study_instance_uid = ").bind(study_instance_uid);
        batch.push(" ORDER BY series_instance_uid, instance_number, sop_instance_uid");
        self.read(batch).await?.iter().map(instance_of).collect()
    }

    /// The first indexed instance of a study, or of a series of it, or this instance.
    ///
    /// # Errors
    /// When the database refuses.
    pub async fn first_instance(
        &self,
        study_instance_uid: &str,
        series_instance_uid: Option<&str>,
        sop_instance_uid: Option<&str>,
    ) -> Result<Option<StoredInstance>, StoreError> {
        let mut batch = Batch::default();
        batch.statement(SELECT).push("indexed = 1 AND study_instance_uid = ").bind(study_instance_uid);
        if let Some(series) = series_instance_uid {
            batch.push(" AND series_instance_uid = ").bind(series);
        }
        if let Some(instance) = sop_instance_uid {
            batch.push(" AND sop_instance_uid = ").bind(instance);
        }
        batch.push(" ORDER BY series_instance_uid, instance_number, sop_instance_uid LIMIT 1");
        self.read(batch).await?.first().map(instance_of).transpose()
    }

    /// The instances of a series that no rule has looked at yet.
    ///
    /// # Errors
    /// When the database refuses.
    pub async fn unrouted(&self, study_uid: &str, series_uid: &str) -> Result<Vec<StoredInstance>, StoreError> {
        let mut batch = Batch::default();
        batch.statement(SELECT).push("routed = 0 AND deletion_id IS NULL AND study_instance_uid = ").bind(study_uid);
        batch.push(" AND series_instance_uid = ").bind(series_uid);
        batch.push(" ORDER BY instance_number, sop_instance_uid");
        self.read(batch).await?.iter().map(instance_of).collect()
    }

    /// Stored files, conflict shelf included, after this key: key, size in bytes and SHA-256, at most `limit`.
    ///
    /// # Errors
    /// When the database refuses.
    pub async fn files_after(&self, key: &str, limit: i64) -> Result<Vec<(BlobKey, i64, FileDigest)>, StoreError> {
        files_after(self.readers(), key, limit).await
    }

    /// Removes what a crash left: files that were still arriving, and files without a row. Called once at start by the
    /// server that holds the data folder's lock. Gives how many files were removed.
    ///
    /// # Errors
    /// When the database or the disk refuses.
    pub async fn sweep_orphans(&self) -> Result<usize, StoreError> {
        /// An orphan is at most so much older than the newest row: no file arrives for longer.
        const ARRIVAL_MS_MAX: i64 = 24 * 3_600 * 1_000;
        let mut removed = 0;
        let row = sqlx::query("SELECT MAX(received_ms) AS newest_ms FROM instances").fetch_one(self.readers()).await?;
        let newest_ms: Option<i64> = row.try_get("newest_ms")?;
        for key in self.blobs().keys_since(newest_ms.unwrap_or(0) - ARRIVAL_MS_MAX)? {
            if !self.has_file(&key).await? {
                self.blobs().remove(&key)?;
                removed += 1;
            }
        }
        self.sweep_metadata().await?;
        removed += self.remove_files().await?.unwrap_or(0);
        Ok(removed)
    }

    async fn has_file(&self, key: &BlobKey) -> Result<bool, StoreError> {
        let row = sqlx::query(
            "SELECT (SELECT COUNT(*) FROM instances WHERE blob_key = $1)
                  + (SELECT COUNT(*) FROM conflicts WHERE blob_key = $2) AS files",
        )
        .bind(key.as_str())
        .bind(key.as_str())
        .fetch_one(self.readers())
        .await?;
        Ok(row.try_get::<i64, _>("files")? > 0)
    }
}

/// Stored files after this key, from the database of a store or of a backup.
pub(crate) async fn files_after(
    database: &AnyPool,
    key: &str,
    limit: i64,
) -> Result<Vec<(BlobKey, i64, FileDigest)>, StoreError> {
    let rows = sqlx::query(
        "SELECT blob_key, size_bytes, file_digest FROM instances WHERE blob_key > $1
         UNION ALL SELECT blob_key, size_bytes, file_digest FROM conflicts WHERE blob_key > $2
         ORDER BY blob_key LIMIT $3",
    )
    .bind(key)
    .bind(key)
    .bind(limit)
    .fetch_all(database)
    .await?;
    let file = |row: &AnyRow| {
        Ok((
            BlobKey::of_row(row.try_get("blob_key")?),
            row.try_get("size_bytes")?,
            FileDigest::of_row(row.try_get("file_digest")?),
        ))
    };
    rows.iter().map(file).collect()
}

/// How many rows one statement marks.
const MARKED_AT_ONCE: usize = 500;

impl Write {
    /// Remembers that rules have looked at these instances.
    ///
    /// # Errors
    /// When the database refuses.
    pub async fn mark_routed(&mut self, instances: &[&Uid]) -> Result<(), StoreError> {
        for some in instances.chunks(MARKED_AT_ONCE) {
            let mut sql = QueryBuilder::new("UPDATE instances SET routed = 1 WHERE sop_instance_uid IN (");
            let mut list = sql.separated(", ");
            for uid in some {
                list.push_bind(uid.as_str());
            }
            sql.push(")");
            sql.build().execute(&mut *self.transaction).await?;
        }
        Ok(())
    }

    /// Has every instance that no run was ever queued for looked at again, because the deployments changed. Gives the
    /// number of series.
    ///
    /// # Errors
    /// When the database refuses.
    pub async fn route_again(&mut self, study_instance_uid: &str) -> Result<usize, StoreError> {
        sqlx::query(
            "UPDATE instances SET routed = 0 WHERE study_instance_uid = $1 AND run_id IS NULL AND deletion_id IS NULL",
        )
        .bind(study_instance_uid)
        .execute(&mut *self.transaction)
        .await?;
        let rows = sqlx::query(
            "SELECT DISTINCT series_instance_uid FROM instances WHERE study_instance_uid = $1 AND routed = 0 AND deletion_id IS NULL",
        )
        .bind(study_instance_uid)
        .fetch_all(&mut *self.transaction)
        .await?;
        for row in &rows {
            let job = lightbox_domain::Job::Route {
                study_instance_uid: study_instance_uid.to_owned(),
                series_instance_uid: row.try_get("series_instance_uid")?,
            };
            self.enqueue(&job, now_ms()).await?;
        }
        Ok(rows.len())
    }
}

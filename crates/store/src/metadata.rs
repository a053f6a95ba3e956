//! The metadata of settled series, kept compressed: derived from the instances, so that a study is described without
//! opening its files.

use crate::batch::{Batch, Row};
use crate::{BlobKey, Store, StoreError, now_ms};
use lightbox_domain::Uid;
use sqlx::Row as _;

/// How hard it is compressed: zstd's own default.
const COMPRESSION_LEVEL: i32 = 3;

/// The most bytes that metadata of one series may have, uncompressed.
const METADATA_BYTES_MAX: usize = 1 << 30;

/// A series, and its metadata if they are kept and still tell of all its instances.
#[derive(Clone, Debug)]
pub struct SeriesMetadata {
    /// The series.
    pub series_instance_uid: Uid,
    /// The run that made it.
    pub run_id: Option<String>,
    file: Option<BlobKey>,
}

impl SeriesMetadata {
    /// The key of the file that keeps them, which is another one whenever they are gathered anew; empty when they are not
    /// kept.
    #[must_use]
    pub fn key(&self) -> &str {
        self.file.as_ref().map_or("", BlobKey::as_str)
    }

    /// Whether they are kept.
    #[must_use]
    pub fn is_kept(&self) -> bool {
        self.file.is_some()
    }
}

impl Store {
    /// The indexed series of a study by series number, each with what is kept of its metadata.
    ///
    /// # Errors
    /// When the database refuses.
    pub async fn metadata_of_study(&self, study_instance_uid: &str) -> Result<Vec<SeriesMetadata>, StoreError> {
        let mut batch = Batch::default();
        batch
            .statement(
                "SELECT series.series_instance_uid, series.run_id, series_metadata.blob_key
                 FROM series LEFT JOIN series_metadata
                     ON series_metadata.study_instance_uid = series.study_instance_uid
                    AND series_metadata.series_instance_uid = series.series_instance_uid
                    AND series_metadata.instances = series.number_of_series_related_instances
                 WHERE series.number_of_series_related_instances > 0 AND series.study_instance_uid = ",
            )
            .bind(study_instance_uid)
            .push(" ORDER BY series.series_number, series.series_instance_uid");
        let metadata = |row: &Row| {
            Ok(SeriesMetadata {
                series_instance_uid: row.uid(0)?,
                run_id: row.optional_text(1),
                file: row.optional_text(2).map(BlobKey::of_row),
            })
        };
        self.read(batch).await?.iter().map(metadata).collect()
    }

    /// What is kept of the metadata of a series, uncompressed, as [`Store::keep_metadata`] was given it. Blocks.
    ///
    /// # Errors
    /// When nothing is kept or it cannot be read; the instances' files then say the same.
    pub fn read_metadata(&self, series: &SeriesMetadata) -> Result<Vec<u8>, StoreError> {
        let missing = || StoreError::Missing { kind: "metadata of series", id: series.series_instance_uid.to_string() };
        let path = self.shared.metadata.path(series.file.as_ref().ok_or_else(missing)?);
        let compressed = std::fs::read(&path).map_err(StoreError::file("read", &path))?;
        let length = zstd::bulk::Decompressor::upper_bound(&compressed).unwrap_or(METADATA_BYTES_MAX);
        zstd::bulk::decompress(&compressed, length.min(METADATA_BYTES_MAX)).map_err(StoreError::file("read", &path))
    }

    /// Keeps the metadata of a series of so many instances in place of what was kept of it.
    ///
    /// # Errors
    /// When the database or the disk refuses.
    pub async fn keep_metadata(
        &self,
        study_instance_uid: &str,
        series_instance_uid: &str,
        instances: i64,
        metadata: Vec<u8>,
    ) -> Result<(), StoreError> {
        let files = self.shared.metadata.clone();
        let write = move || {
            let compressed = zstd::bulk::compress(&metadata, COMPRESSION_LEVEL)
                .map_err(|error| StoreError::Unwritten(error.to_string()))?;
            let mut file = files.begin(u64::MAX)?;
            file.write(&compressed)?;
            files.keep(file.finish())
        };
        let kept = tokio::task::spawn_blocking(write)
            .await
            .unwrap_or_else(|error| Err(StoreError::Unwritten(error.to_string())))?;
        let mut write = self.write().await?;
        let before = sqlx::query(
            "SELECT blob_key FROM series_metadata WHERE study_instance_uid = $1 AND series_instance_uid = $2",
        )
        .bind(study_instance_uid)
        .bind(series_instance_uid)
        .fetch_optional(&mut *write.transaction)
        .await?;
        sqlx::query(
            "INSERT INTO series_metadata
                 (study_instance_uid, series_instance_uid, blob_key, size_bytes, instances, gathered_ms)
             VALUES ($1, $2, $3, $4, $5, $6)
             ON CONFLICT (study_instance_uid, series_instance_uid) DO UPDATE SET
                 blob_key = excluded.blob_key, size_bytes = excluded.size_bytes, instances = excluded.instances,
                 gathered_ms = excluded.gathered_ms",
        )
        .bind(study_instance_uid)
        .bind(series_instance_uid)
        .bind(kept.key.as_str())
        .bind(i64::try_from(kept.size_bytes).unwrap_or(i64::MAX))
        .bind(instances)
        .bind(now_ms())
        .execute(&mut *write.transaction)
        .await?;
        write.commit().await?;
        match before {
            // Whoever reads it just now falls back on the instances.
            Some(row) => self.shared.metadata.remove(&BlobKey::of_row(row.try_get("blob_key")?)),
            None => Ok(()),
        }
    }

    /// Removes files of metadata that a crash left without a row.
    pub(crate) async fn sweep_metadata(&self) -> Result<(), StoreError> {
        /// A file without a row is at most so much older than the newest row, in milliseconds.
        const GATHERING_MS_MAX: i64 = 3_600 * 1_000;
        let row = sqlx::query("SELECT COALESCE(MAX(gathered_ms), 0) AS newest_ms FROM series_metadata")
            .fetch_one(self.readers())
            .await?;
        for key in self.shared.metadata.keys_since(row.try_get::<i64, _>("newest_ms")? - GATHERING_MS_MAX)? {
            let row = sqlx::query("SELECT COUNT(*) AS files FROM series_metadata WHERE blob_key = $1")
                .bind(key.as_str())
                .fetch_one(self.readers())
                .await?;
            if row.try_get::<i64, _>("files")? == 0 {
                self.shared.metadata.remove(&key)?;
            }
        }
        Ok(())
    }
}

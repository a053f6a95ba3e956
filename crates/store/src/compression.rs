//! Instances that are kept compressed, without loss, in place of the file that arrived.

use crate::batch::Batch;
use crate::instances::{SELECT, instance_of};
use crate::{BlobKey, FileDigest, Kept, Store, StoreError, StoredInstance, Write, now_ms};
use lightbox_domain::{Job, Uid};
use sqlx::Row as _;

/// The transfer syntaxes that are compressed: implicit and explicit VR little endian.
pub(crate) const COMPRESSIBLE: [&str; 2] = ["1.2.840.10008.1.2", "1.2.840.10008.1.2.1"];

/// For how long a file stays that another took the place of, in milliseconds: whoever began to read the study may be
/// that slow.
const READING_MS_MAX: i64 = 3_600 * 1_000;

/// How long after the last of its instances was compressed the metadata of a series are gathered anew, in milliseconds.
const SETTLE_MS: i64 = 3_000;

/// A smaller file of an instance.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct SmallerFile {
    /// It, durable.
    pub file: Kept,
    /// What it is checked against.
    pub file_digest: FileDigest,
    /// Its transfer syntax.
    pub transfer_syntax_uid: Uid,
}

impl Store {
    /// Indexed instances of a series that are neither compressed nor known not to become smaller, at most `limit`.
    ///
    /// # Errors
    /// When the database refuses.
    pub async fn uncompressed(
        &self,
        study_instance_uid: &str,
        series_instance_uid: &str,
        limit: i64,
    ) -> Result<Vec<StoredInstance>, StoreError> {
        let mut batch = Batch::default();
        batch.statement(SELECT).push("indexed = 1 AND number_of_frames > 0 AND uncompressed_reason = ''");
        batch.push(" AND transfer_syntax_uid IN (").bind_list(COMPRESSIBLE.map(Into::into));
        batch.push(") AND study_instance_uid = ").bind(study_instance_uid);
        batch.push(" AND series_instance_uid = ").bind(series_instance_uid);
        batch.push(" ORDER BY sop_instance_uid LIMIT ").bind(limit);
        self.read(batch).await?.iter().map(instance_of).collect()
    }
}

impl Write {
    /// Puts a smaller file in the place of an instance's; the other goes after a while, see [`Store::remove_files`]. False
    /// when the instance has another file than it had, or is deleted: the smaller one is then of no use.
    ///
    /// # Errors
    /// When the database refuses.
    pub async fn compress(&mut self, instance: &StoredInstance, smaller: &SmallerFile) -> Result<bool, StoreError> {
        let changed = sqlx::query(
            "UPDATE instances SET blob_key = $1, size_bytes = $2, file_digest = $3, transfer_syntax_uid = $4,
                 received_transfer_syntax_uid = transfer_syntax_uid, received_size_bytes = size_bytes
             WHERE sop_instance_uid = $5 AND blob_key = $6 AND deletion_id IS NULL",
        )
        .bind(smaller.file.key.as_str())
        .bind(i64::try_from(smaller.file.size_bytes).unwrap_or(i64::MAX))
        .bind(smaller.file_digest.as_str())
        .bind(smaller.transfer_syntax_uid.as_str())
        .bind(instance.sop_instance_uid.as_str())
        .bind(instance.blob.as_str())
        .execute(&mut *self.transaction)
        .await?
        .rows_affected()
            == 1;
        if changed {
            self.remove_later(&instance.blob).await?;
        }
        Ok(changed)
    }

    async fn remove_later(&mut self, blob: &BlobKey) -> Result<(), StoreError> {
        sqlx::query("INSERT INTO removals (blob_key, kind, due_ms) VALUES ($1, 'instance', $2)")
            .bind(blob.as_str())
            .bind(now_ms() + READING_MS_MAX)
            .execute(&mut *self.transaction)
            .await?;
        Ok(())
    }

    /// Remembers why an instance stays as it arrived, so that it is not tried again.
    ///
    /// # Errors
    /// When the database refuses.
    pub async fn leave_uncompressed(&mut self, instance: &StoredInstance, why: &str) -> Result<(), StoreError> {
        sqlx::query("UPDATE instances SET uncompressed_reason = $1 WHERE sop_instance_uid = $2 AND blob_key = $3")
            .bind(why)
            .bind(instance.sop_instance_uid.as_str())
            .bind(instance.blob.as_str())
            .execute(&mut *self.transaction)
            .await?;
        Ok(())
    }

    /// Has study and series say how much smaller they became, and the series described anew.
    ///
    /// # Errors
    /// When the database refuses.
    pub async fn gather_compressed(&mut self, study: &str, series: &str) -> Result<(), StoreError> {
        self.recount_bytes(study).await?;
        for statement in [
            "INSERT INTO removals (blob_key, kind) SELECT blob_key, 'metadata' FROM series_metadata
             WHERE study_instance_uid = $1 AND series_instance_uid = $2",
            "DELETE FROM series_metadata WHERE study_instance_uid = $1 AND series_instance_uid = $2",
        ] {
            sqlx::query(statement).bind(study).bind(series).execute(&mut *self.transaction).await?;
        }
        let (study_instance_uid, series_instance_uid) = (study.to_owned(), series.to_owned());
        self.enqueue(&Job::Describe { study_instance_uid, series_instance_uid }, now_ms() + SETTLE_MS).await
    }

    /// Adds up anew what the instances of a study take, and by how much less than they arrived with.
    pub(crate) async fn recount_bytes(&mut self, study: &str) -> Result<(), StoreError> {
        let sums = sqlx::query(
            "SELECT CAST(COALESCE(SUM(size_bytes), 0) AS BIGINT) AS size_bytes,
                 CAST(COALESCE(SUM(received_size_bytes - size_bytes), 0) AS BIGINT) AS saved_bytes
             FROM instances WHERE study_instance_uid = $1",
        )
        .bind(study)
        .fetch_one(&mut *self.transaction)
        .await?;
        sqlx::query("UPDATE studies SET size_bytes = $1, saved_bytes = $2 WHERE study_instance_uid = $3")
            .bind(sums.try_get::<i64, _>("size_bytes")?)
            .bind(sums.try_get::<i64, _>("saved_bytes")?)
            .bind(study)
            .execute(&mut *self.transaction)
            .await?;
        Ok(())
    }
}

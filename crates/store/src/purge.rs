//! The end of what was deleted: its rows go in one transaction, then its files. The log keeps its lines.

use crate::{BlobKey, Store, StoreError, Write, now_ms};
use lightbox_domain::Event;
use sqlx::Row;

/// How many files are looked up at once.
const FILES_AT_ONCE: i64 = 500;

/// Each takes the deletion's identifier: what is to be removed from the disk, then rows from the narrowest to the widest.
const PURGES: [&str; 10] = [
    "INSERT INTO removals (blob_key, kind)
     SELECT conflicts.blob_key, 'instance' FROM conflicts
     JOIN instances ON instances.sop_instance_uid = conflicts.sop_instance_uid WHERE instances.deletion_id = $1",
    "INSERT INTO removals (blob_key, kind) SELECT blob_key, 'instance' FROM instances WHERE deletion_id = $1",
    "DELETE FROM conflicts WHERE sop_instance_uid IN (SELECT sop_instance_uid FROM instances WHERE deletion_id = $1)",
    "DELETE FROM discarded_conflicts
     WHERE sop_instance_uid IN (SELECT sop_instance_uid FROM instances WHERE deletion_id = $1)",
    "DELETE FROM commitment_requests WHERE delivery_id IN (
         SELECT deliveries.id FROM deliveries JOIN runs ON runs.id = deliveries.run_id
         JOIN instances ON instances.sop_instance_uid = runs.sop_instance_uid WHERE instances.deletion_id = $1)",
    "DELETE FROM deliveries WHERE run_id IN (
         SELECT runs.id FROM runs JOIN instances ON instances.sop_instance_uid = runs.sop_instance_uid
         WHERE instances.deletion_id = $1)",
    "DELETE FROM results WHERE run_id IN (
         SELECT runs.id FROM runs JOIN instances ON instances.sop_instance_uid = runs.sop_instance_uid
         WHERE instances.deletion_id = $1)",
    "DELETE FROM runs WHERE sop_instance_uid IN (SELECT sop_instance_uid FROM instances WHERE deletion_id = $1)",
    "DELETE FROM decisions WHERE sop_instance_uid IN (SELECT sop_instance_uid FROM instances WHERE deletion_id = $1)",
    "DELETE FROM instances WHERE deletion_id = $1",
];

/// Each takes the study: what nothing is left of.
const EMPTIED: [&str; 6] = [
    "DELETE FROM series_metadata WHERE study_instance_uid = $1 AND NOT EXISTS (
         SELECT 1 FROM instances WHERE instances.study_instance_uid = series_metadata.study_instance_uid
           AND instances.series_instance_uid = series_metadata.series_instance_uid)",
    "DELETE FROM series WHERE study_instance_uid = $1 AND NOT EXISTS (
         SELECT 1 FROM instances WHERE instances.study_instance_uid = series.study_instance_uid
           AND instances.series_instance_uid = series.series_instance_uid)",
    "DELETE FROM study_overlays WHERE study_instance_uid = $1 AND NOT EXISTS (
         SELECT 1 FROM series WHERE series.study_instance_uid = study_overlays.study_instance_uid)",
    "DELETE FROM overlays WHERE scope_study = $1 AND NOT EXISTS (
         SELECT 1 FROM series WHERE series.study_instance_uid = overlays.scope_study)",
    "DELETE FROM order_matches WHERE study_instance_uid = $1 AND NOT EXISTS (
         SELECT 1 FROM series WHERE series.study_instance_uid = order_matches.study_instance_uid)",
    "DELETE FROM studies WHERE study_instance_uid = $1 AND NOT EXISTS (
         SELECT 1 FROM series WHERE series.study_instance_uid = studies.study_instance_uid)",
];

impl Write {
    /// Removes the rows of what a deletion hid, and notes the files that are to go. False when it was undone or purged
    /// already.
    ///
    /// # Errors
    /// When the database refuses.
    pub async fn purge(&mut self, deletion_id: &str) -> Result<bool, StoreError> {
        let row = sqlx::query(
            "UPDATE deletions SET purged_ms = $1 WHERE id = $2 AND undone_ms IS NULL AND purged_ms IS NULL
             RETURNING study_instance_uid, instances",
        )
        .bind(now_ms())
        .bind(deletion_id)
        .fetch_optional(&mut *self.transaction)
        .await?;
        let Some(row) = row else { return Ok(false) };
        let study: String = row.try_get("study_instance_uid")?;
        self.drop_metadata(&study).await?;
        for statement in PURGES {
            sqlx::query(statement).bind(deletion_id).execute(&mut *self.transaction).await?;
        }
        for statement in EMPTIED {
            sqlx::query(statement).bind(&study).execute(&mut *self.transaction).await?;
        }
        self.recount(&study).await?;
        self.refresh_summary(&study).await?;
        let detail = serde_json::json!({ "instances": row.try_get::<i64, _>("instances")? });
        let event = Event::new("lightbox", "instances.purged", "deletion", deletion_id).detail(detail.to_string());
        self.append_event(event.study(&study)).await?;
        Ok(true)
    }

    /// Forgets the kept metadata of a study, and notes that their files are to go.
    pub(crate) async fn drop_metadata(&mut self, study: &str) -> Result<(), StoreError> {
        for statement in [
            "INSERT INTO removals (blob_key, kind)
             SELECT blob_key, 'metadata' FROM series_metadata WHERE study_instance_uid = $1",
            "DELETE FROM series_metadata WHERE study_instance_uid = $1",
        ] {
            sqlx::query(statement).bind(study).execute(&mut *self.transaction).await?;
        }
        Ok(())
    }
}

impl Store {
    /// Removes the files whose rows are gone, or have another file for so long that nobody reads the first any more; gives
    /// how many. `None` while a backup is under way, which must not miss them: then the next call does it.
    ///
    /// # Errors
    /// When the database or the disk refuses; the rest is removed at the next call.
    pub async fn remove_files(&self) -> Result<Option<usize>, StoreError> {
        let Some(_no_backup) = self.folder().try_lock_for_purge()? else { return Ok(None) };
        let mut removed = 0;
        loop {
            let rows = sqlx::query("SELECT blob_key, kind FROM removals WHERE due_ms <= $1 ORDER BY blob_key LIMIT $2")
                .bind(now_ms())
                .bind(FILES_AT_ONCE)
                .fetch_all(self.readers())
                .await?;
            if rows.is_empty() {
                return Ok(Some(removed));
            }
            removed += rows.len();
            let mut write = self.write().await?;
            for row in &rows {
                let key = BlobKey::of_row(row.try_get("blob_key")?);
                let files = match row.try_get::<String, _>("kind")?.as_str() {
                    "metadata" => &self.shared.metadata,
                    _ => self.blobs(),
                };
                // A crash may have come between file and row.
                if files.path(&key).exists() {
                    files.remove(&key)?;
                }
                sqlx::query("DELETE FROM removals WHERE blob_key = $1")
                    .bind(key.as_str())
                    .execute(&mut *write.transaction)
                    .await?;
            }
            write.commit().await?;
        }
    }
}

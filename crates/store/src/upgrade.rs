//! What an older release's rows lack and SQL alone cannot fill: gathered lists and folded names. Done once, at the first
//! opening after the schema was brought up to date.

use crate::index::folded_groups;
use crate::{Store, StoreError, Write, now_ms};
use lightbox_domain::{Job, fold_name};
use sqlx::Row;

/// How many studies one transaction fills.
const STUDIES_AT_ONCE: i64 = 200;

impl Store {
    /// Fills the rows of studies that an older release wrote. What the index now keeps of series and that one did not,
    /// such as the station's name, stays empty for them.
    ///
    /// # Errors
    /// When the database refuses.
    pub(crate) async fn fill_old_rows(&self) -> Result<(), StoreError> {
        loop {
            let mut write = self.write().await?;
            let filled = write.fill_some_old_rows().await?;
            write.commit().await?;
            if filled == 0 {
                return Ok(());
            }
            tracing::info!(studies = filled, "brought studies of an older release up to date");
        }
    }
}

impl Write {
    /// Every study with instances has SOP classes, so one without has not been gathered.
    async fn fill_some_old_rows(&mut self) -> Result<usize, StoreError> {
        let rows = sqlx::query(
            "SELECT study_instance_uid, patient_name, referring_physician_name FROM studies
             WHERE sop_classes_in_study = '' AND number_of_study_related_instances > 0 LIMIT $1",
        )
        .bind(STUDIES_AT_ONCE)
        .fetch_all(&mut *self.transaction)
        .await?;
        for row in &rows {
            let study: String = row.try_get("study_instance_uid")?;
            let names = (row.try_get("patient_name")?, row.try_get("referring_physician_name")?);
            self.fold_names(&study, names).await?;
            self.recount(&study).await?;
            self.describe_series(&study).await?;
        }
        Ok(rows.len())
    }

    async fn fold_names(&mut self, study: &str, (patient, physician): (&str, &str)) -> Result<(), StoreError> {
        let [alphabetic, ideographic, phonetic] = folded_groups(patient);
        sqlx::query(
            "UPDATE studies SET patient_name_alphabetic = $1, patient_name_ideographic = $2, patient_name_phonetic = $3,
                 referring_physician_name_folded = $4 WHERE study_instance_uid = $5",
        )
        .bind(alphabetic)
        .bind(ideographic)
        .bind(phonetic)
        .bind(fold_name(physician))
        .bind(study)
        .execute(&mut *self.transaction)
        .await?;
        Ok(())
    }

    /// Has the metadata of a study's series gathered; those that runs made are small, and shown instance by instance.
    pub(crate) async fn describe_series(&mut self, study: &str) -> Result<(), StoreError> {
        let rows = sqlx::query(
            "SELECT series_instance_uid FROM series
             WHERE study_instance_uid = $1 AND number_of_series_related_instances > 0 AND run_id IS NULL",
        )
        .bind(study)
        .fetch_all(&mut *self.transaction)
        .await?;
        for row in &rows {
            let (study_instance_uid, series_instance_uid) = (study.to_owned(), row.try_get("series_instance_uid")?);
            self.enqueue(&Job::Describe { study_instance_uid, series_instance_uid }, now_ms()).await?;
        }
        Ok(())
    }
}

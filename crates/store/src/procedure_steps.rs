//! Modality performed procedure steps (PS3.4 §F.7): what a modality says that it did, and with which images.

use crate::{Store, StoreError, Write, now_ms};
use serde::{Deserialize, Serialize};
use sqlx::any::AnyRow;
use sqlx::{QueryBuilder, Row};

/// A performed procedure step.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ProcedureStep {
    /// Its own SOP Instance UID.
    pub sop_instance_uid: String,
    /// The modality that created it.
    pub ae_title: String,
    /// The study; empty when the modality named none.
    pub study_instance_uid: String,
    /// `IN PROGRESS`, `COMPLETED` or `DISCONTINUED`.
    pub state: String,
    /// `PerformedProcedureStepID`.
    pub step_id: String,
    /// `Modality`.
    pub modality: String,
    /// What it made, as the modality lists it.
    pub series: Vec<ListedSeries>,
    /// How many of the listed instances are missing for so long that it was told.
    pub missing: usize,
    /// When its modality last said something of it, in milliseconds since 1970.
    pub updated_ms: i64,
}

/// A series as a modality lists it.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct ListedSeries {
    /// `SeriesInstanceUID`; empty if it was not said.
    pub series_instance_uid: String,
    /// SOP Instance UIDs of all that is in it.
    pub instances: Vec<String>,
    /// How many of these had been received when it was last looked.
    pub received: usize,
}

impl ListedSeries {
    /// Whether all of it had been received.
    #[must_use]
    pub fn is_complete(&self) -> bool {
        self.received >= self.instances.len()
    }
}

impl ProcedureStep {
    /// SOP Instance UIDs of all that it made.
    #[must_use]
    pub fn instances(&self) -> Vec<&str> {
        self.series.iter().flat_map(|series| &series.instances).map(String::as_str).collect()
    }

    /// Whether its modality has said that it goes on no longer.
    #[must_use]
    pub fn has_ended(&self) -> bool {
        self.state != "IN PROGRESS"
    }
}

/// How many instances one statement looks for.
const SOUGHT_AT_ONCE: usize = 500;

impl Store {
    /// The step of this SOP Instance UID.
    ///
    /// # Errors
    /// When the database refuses.
    pub async fn procedure_step(&self, sop_instance_uid: &str) -> Result<Option<ProcedureStep>, StoreError> {
        let row = sqlx::query(
            "SELECT sop_instance_uid, ae_title, study_instance_uid, state, step_id, modality, instances,
                 series, missing, updated_ms
             FROM procedure_steps WHERE sop_instance_uid = $1",
        )
        .bind(sop_instance_uid)
        .fetch_optional(self.readers())
        .await?;
        row.as_ref().map(step_of).transpose()
    }

    /// The steps of a study, in the order in which they began.
    ///
    /// # Errors
    /// When the database refuses.
    pub async fn procedure_steps(&self, study_instance_uid: &str) -> Result<Vec<ProcedureStep>, StoreError> {
        let rows = sqlx::query(
            "SELECT sop_instance_uid, ae_title, study_instance_uid, state, step_id, modality, instances,
                 series, missing, updated_ms
             FROM procedure_steps WHERE study_instance_uid = $1 ORDER BY created_ms, sop_instance_uid",
        )
        .bind(study_instance_uid)
        .fetch_all(self.readers())
        .await?;
        rows.iter().map(step_of).collect()
    }
}

impl Store {
    /// What a step lists, with what of it has been received by now. What was deleted since was received, too.
    ///
    /// # Errors
    /// When the database refuses.
    pub async fn received_of(&self, step: &ProcedureStep) -> Result<Vec<ListedSeries>, StoreError> {
        let mut series = step.series.clone();
        for one in &mut series {
            one.received = 0;
            for some in one.instances.chunks(SOUGHT_AT_ONCE) {
                let mut sql =
                    QueryBuilder::new("SELECT COUNT(*) AS received FROM instances WHERE sop_instance_uid IN (");
                let mut list = sql.separated(", ");
                for uid in some {
                    list.push_bind(uid.as_str());
                }
                sql.push(")");
                let row = sql.build().fetch_one(self.readers()).await?;
                one.received += usize::try_from(row.try_get::<i64, _>("received")?).unwrap_or(0);
            }
        }
        Ok(series)
    }
}

impl Write {
    /// Keeps what of a step's series has been received, and how many instances are missing for too long.
    ///
    /// # Errors
    /// When the database refuses.
    pub async fn note_received(
        &mut self,
        sop_instance_uid: &str,
        series: &[ListedSeries],
        missing: usize,
    ) -> Result<(), StoreError> {
        sqlx::query("UPDATE procedure_steps SET series = $1, missing = $2 WHERE sop_instance_uid = $3")
            .bind(text_of(series)?)
            .bind(i64::try_from(missing).unwrap_or(i64::MAX))
            .bind(sop_instance_uid)
            .execute(&mut *self.transaction)
            .await?;
        Ok(())
    }

    /// Has what waits for a series to settle done now.
    ///
    /// # Errors
    /// When the database refuses.
    pub async fn hasten(&mut self, study_instance_uid: &str, series_instance_uid: &str) -> Result<(), StoreError> {
        let now = now_ms();
        let hastened = sqlx::query(
            "UPDATE jobs SET due_ms = $1
             WHERE kind IN ('route', 'describe') AND subject = $2 AND dead = 0 AND claimed_until_ms = 0 AND due_ms > $3",
        )
        .bind(now)
        .bind(format!("{study_instance_uid}/{series_instance_uid}"))
        .bind(now)
        .execute(&mut *self.transaction)
        .await?;
        if hastened.rows_affected() > 0 {
            self.told.nudge_at(now);
        }
        Ok(())
    }

    /// Inserts a step that a modality began; false when there is one of this UID.
    ///
    /// # Errors
    /// When the database refuses.
    pub async fn insert_procedure_step(&mut self, step: &ProcedureStep) -> Result<bool, StoreError> {
        let now = now_ms();
        let inserted = sqlx::query(
            "INSERT INTO procedure_steps (sop_instance_uid, ae_title, study_instance_uid, state, step_id, modality,
                 instances, series, created_ms, updated_ms)
             VALUES ($1, $2, $3, $4, $5, $6, '', $7, $8, $9) ON CONFLICT (sop_instance_uid) DO NOTHING",
        )
        .bind(&step.sop_instance_uid)
        .bind(&step.ae_title)
        .bind(&step.study_instance_uid)
        .bind(&step.state)
        .bind(&step.step_id)
        .bind(&step.modality)
        .bind(text_of(&step.series)?)
        .bind(now)
        .bind(now)
        .execute(&mut *self.transaction)
        .await?;
        Ok(inserted.rows_affected() == 1)
    }

    /// Changes state and list of a step that is in progress; false when it is not, or not there.
    ///
    /// # Errors
    /// When the database refuses.
    pub async fn update_procedure_step(&mut self, step: &ProcedureStep) -> Result<bool, StoreError> {
        let updated = sqlx::query(
            "UPDATE procedure_steps SET state = $1, series = $2, updated_ms = $3
             WHERE sop_instance_uid = $4 AND state = 'IN PROGRESS'",
        )
        .bind(&step.state)
        .bind(text_of(&step.series)?)
        .bind(now_ms())
        .bind(&step.sop_instance_uid)
        .execute(&mut *self.transaction)
        .await?;
        Ok(updated.rows_affected() == 1)
    }
}

fn step_of(row: &AnyRow) -> Result<ProcedureStep, StoreError> {
    let (sop_instance_uid, series): (String, String) = (row.try_get("sop_instance_uid")?, row.try_get("series")?);
    let unfit = |error: serde_json::Error| StoreError::row("procedure step", &sop_instance_uid, error);
    let mut series: Vec<ListedSeries> = serde_json::from_str(&series).map_err(unfit)?;
    let before: String = row.try_get("instances")?;
    if series.is_empty() && !before.is_empty() {
        let instances = before.split_whitespace().map(str::to_owned).collect();
        series.push(ListedSeries { series_instance_uid: String::new(), instances, received: 0 });
    }
    Ok(ProcedureStep {
        sop_instance_uid,
        ae_title: row.try_get("ae_title")?,
        study_instance_uid: row.try_get("study_instance_uid")?,
        state: row.try_get("state")?,
        step_id: row.try_get("step_id")?,
        modality: row.try_get("modality")?,
        series,
        missing: usize::try_from(row.try_get::<i64, _>("missing")?).unwrap_or(0),
        updated_ms: row.try_get("updated_ms")?,
    })
}

fn text_of(series: &[ListedSeries]) -> Result<String, StoreError> {
    serde_json::to_string(series).map_err(|error| StoreError::Unwritten(error.to_string()))
}

//! Modality performed procedure steps (PS3.4 §F.7): what a modality says that it did, and with which images.

use crate::{Store, StoreError, Write, now_ms};
use sqlx::Row;
use sqlx::any::AnyRow;

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
    /// SOP Instance UIDs of all that it made, as the modality lists them.
    pub instances: Vec<String>,
}

impl Store {
    /// The step of this SOP Instance UID.
    ///
    /// # Errors
    /// When the database refuses.
    pub async fn procedure_step(&self, sop_instance_uid: &str) -> Result<Option<ProcedureStep>, StoreError> {
        let row = sqlx::query(
            "SELECT sop_instance_uid, ae_title, study_instance_uid, state, step_id, modality, instances
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
            "SELECT sop_instance_uid, ae_title, study_instance_uid, state, step_id, modality, instances
             FROM procedure_steps WHERE study_instance_uid = $1 ORDER BY created_ms, sop_instance_uid",
        )
        .bind(study_instance_uid)
        .fetch_all(self.readers())
        .await?;
        rows.iter().map(step_of).collect()
    }
}

impl Write {
    /// Inserts a step that a modality began; false when there is one of this UID.
    ///
    /// # Errors
    /// When the database refuses.
    pub async fn insert_procedure_step(&mut self, step: &ProcedureStep) -> Result<bool, StoreError> {
        let now = now_ms();
        let inserted = sqlx::query(
            "INSERT INTO procedure_steps (sop_instance_uid, ae_title, study_instance_uid, state, step_id, modality,
                 instances, created_ms, updated_ms)
             VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9) ON CONFLICT (sop_instance_uid) DO NOTHING",
        )
        .bind(&step.sop_instance_uid)
        .bind(&step.ae_title)
        .bind(&step.study_instance_uid)
        .bind(&step.state)
        .bind(&step.step_id)
        .bind(&step.modality)
        .bind(step.instances.join(" "))
        .bind(now)
        .bind(now)
        .execute(&mut *self.transaction)
        .await?;
        Ok(inserted.rows_affected() == 1)
    }

    /// Changes state and instances of a step that is in progress; false when it is not, or not there.
    ///
    /// # Errors
    /// When the database refuses.
    pub async fn update_procedure_step(&mut self, step: &ProcedureStep) -> Result<bool, StoreError> {
        let updated = sqlx::query(
            "UPDATE procedure_steps SET state = $1, instances = $2, updated_ms = $3
             WHERE sop_instance_uid = $4 AND state = 'IN PROGRESS'",
        )
        .bind(&step.state)
        .bind(step.instances.join(" "))
        .bind(now_ms())
        .bind(&step.sop_instance_uid)
        .execute(&mut *self.transaction)
        .await?;
        Ok(updated.rows_affected() == 1)
    }
}

fn step_of(row: &AnyRow) -> Result<ProcedureStep, StoreError> {
    let instances: String = row.try_get("instances")?;
    Ok(ProcedureStep {
        sop_instance_uid: row.try_get("sop_instance_uid")?,
        ae_title: row.try_get("ae_title")?,
        study_instance_uid: row.try_get("study_instance_uid")?,
        state: row.try_get("state")?,
        step_id: row.try_get("step_id")?,
        modality: row.try_get("modality")?,
        instances: instances.split_whitespace().map(str::to_owned).collect(),
    })
}

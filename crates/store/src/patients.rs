//! Patients, of whom the index knows what their studies say.

use crate::{Store, StoreError};
use lightbox_domain::{Patient, PatientKey};
use sqlx::Row;
use sqlx::any::AnyRow;

impl Store {
    /// Patients of whom a study is here, by their identifiers or names, as the newest of their studies says them, with the
    /// number of their studies; at most `limit`.
    ///
    /// # Errors
    /// When the database refuses.
    pub async fn patients(&self, search: &str, limit: i64) -> Result<Vec<(Patient, i64)>, StoreError> {
        let search = search.to_lowercase().replace('\\', "\\\\").replace('%', "\\%").replace('_', "\\_");
        let rows = sqlx::query(
            "SELECT studies.patient_id, studies.issuer_of_patient_id, studies.patient_name, studies.patient_birth_date,
                 studies.patient_sex, found.studies AS studies
             FROM studies JOIN (
                 SELECT patient_id, issuer_of_patient_id, COUNT(*) AS studies, MAX(received_ms) AS last_ms FROM studies
                 WHERE number_of_study_related_instances > 0 AND patient_id <> ''
                   AND LOWER(patient_name || ' ' || patient_id) LIKE $1 ESCAPE '\\'
                 GROUP BY patient_id, issuer_of_patient_id ORDER BY patient_id, issuer_of_patient_id LIMIT $2) AS found
             ON found.patient_id = studies.patient_id AND found.issuer_of_patient_id = studies.issuer_of_patient_id
                 AND found.last_ms = studies.received_ms
             ORDER BY studies.patient_id, studies.issuer_of_patient_id, studies.study_instance_uid",
        )
        .bind(format!("%{search}%"))
        .bind(limit)
        .fetch_all(self.readers())
        .await?;
        let mut patients = rows.iter().map(patient_of).collect::<Result<Vec<_>, _>>()?;
        patients.dedup_by(|one, before| one.0.key == before.0.key);
        Ok(patients)
    }
}

fn patient_of(row: &AnyRow) -> Result<(Patient, i64), StoreError> {
    let patient = Patient {
        key: PatientKey { id: row.try_get("patient_id")?, issuer: row.try_get("issuer_of_patient_id")? },
        name: row.try_get("patient_name")?,
        birth_date: row.try_get("patient_birth_date")?,
        sex: row.try_get("patient_sex")?,
        age: String::new(),
    };
    Ok((patient, row.try_get("studies")?))
}

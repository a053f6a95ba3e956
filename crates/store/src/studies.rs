//! Studies and series as the worklist and a study's page show them.

use crate::instances::uid_of;
use crate::{Store, StoreError, Write, now_ms};
use lightbox_domain::{AiState, AiSummary, Finding, Patient, PatientKey, StudyAttributes, Uid, summarise};
use sqlx::Row;
use sqlx::any::AnyRow;

/// A stored study with its counts; results outside the index are not counted.
#[derive(Clone, Debug, PartialEq)]
pub struct StoredStudy {
    /// What the index keeps.
    pub attributes: StudyAttributes,
    /// The modalities of its series, sorted.
    pub modalities: Vec<String>,
    /// Those of the series that no run made.
    pub acquired_modalities: Vec<String>,
    /// Series.
    pub series_count: i64,
    /// Instances.
    pub instance_count: i64,
    /// When its first instance arrived, in milliseconds since 1970.
    pub received_ms: i64,
    /// When its last instance arrived.
    pub updated_ms: i64,
    /// What AI says of it.
    pub ai: AiSummary,
}

/// A stored series.
#[derive(Clone, Debug, PartialEq)]
pub struct StoredSeries {
    /// Its study.
    pub study_instance_uid: Uid,
    /// Its UID.
    pub series_instance_uid: Uid,
    /// `Modality`.
    pub modality: String,
    /// `SeriesNumber`.
    pub series_number: Option<i64>,
    /// `SeriesDescription`.
    pub series_description: String,
    /// `BodyPartExamined`.
    pub body_part_examined: String,
    /// The run that made it.
    pub run_id: Option<String>,
    /// Indexed instances.
    pub instance_count: i64,
}

/// How much is kept.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Volume {
    /// Studies.
    pub studies: i64,
    /// Indexed instances.
    pub instances: i64,
    /// Bytes of all instances.
    pub bytes: i64,
    /// How many more there were before instances were compressed.
    pub saved_bytes: i64,
}

/// What the worklist is asked for.
#[derive(Clone, Debug, Default)]
pub struct WorklistFilter {
    /// Part of the patient's name or number, accession number or description.
    pub search: Option<String>,
    /// Only studies in this state.
    pub ai_state: Option<AiState>,
    /// How many rows at most.
    pub limit: i64,
    /// How many rows to pass over.
    pub offset: i64,
}

/// The columns of [`StoredStudy`], as `study_of` reads them.
macro_rules! study_columns {
    () => {
        "studies.study_instance_uid, studies.patient_id, studies.issuer_of_patient_id, studies.patient_name,
         studies.patient_birth_date, studies.patient_sex, studies.patient_age, studies.accession_number,
         studies.study_date, studies.study_time, studies.study_id, studies.study_description,
         studies.referring_physician_name, studies.received_ms, studies.updated_ms, studies.ai_state,
         studies.ai_top_finding, studies.modalities_in_study, studies.acquired_modalities,
         studies.number_of_study_related_series, studies.number_of_study_related_instances"
    };
}

pub(crate) use study_columns;

/// The columns of [`StoredSeries`], as `series_of` reads them.
macro_rules! series_columns {
    () => {
        "series.study_instance_uid, series.series_instance_uid, series.modality, series.series_number,
         series.series_description, series.body_part_examined, series.run_id,
         series.number_of_series_related_instances"
    };
}

impl Store {
    /// A page of the worklist, newest arrival first, and how many studies there are in all.
    ///
    /// # Errors
    /// When the database refuses.
    pub async fn worklist(&self, filter: &WorklistFilter) -> Result<(Vec<StoredStudy>, i64), StoreError> {
        let search = filter.search.as_deref().unwrap_or_default().to_lowercase();
        let pattern = format!("%{}%", search.replace('\\', "\\\\").replace('%', "\\%").replace('_', "\\_"));
        let ai_state = filter.ai_state.map_or("", AiState::as_str);
        let rows = sqlx::query(concat!(
            "SELECT ",
            study_columns!(),
            " FROM studies
              WHERE LOWER(patient_name || ' ' || patient_id || ' ' || accession_number || ' ' || study_description)
                    LIKE $1 ESCAPE '\\'
                AND ($2 = '' OR ai_state = $3) AND number_of_study_related_instances > 0
              ORDER BY received_ms DESC, study_instance_uid LIMIT $4 OFFSET $5"
        ))
        .bind(&pattern)
        .bind(ai_state)
        .bind(ai_state)
        .bind(filter.limit)
        .bind(filter.offset)
        .fetch_all(self.readers())
        .await?;
        let total = sqlx::query(
            "SELECT COUNT(*) AS studies FROM studies
             WHERE LOWER(patient_name || ' ' || patient_id || ' ' || accession_number || ' ' || study_description)
                   LIKE $1 ESCAPE '\\'
               AND ($2 = '' OR ai_state = $3) AND number_of_study_related_instances > 0",
        )
        .bind(&pattern)
        .bind(ai_state)
        .bind(ai_state)
        .fetch_one(self.readers())
        .await?;
        let studies = rows.iter().map(study_of).collect::<Result<_, _>>()?;
        Ok((studies, total.try_get("studies")?))
    }

    /// How much is kept.
    ///
    /// # Errors
    /// When the database refuses.
    pub async fn volume(&self) -> Result<Volume, StoreError> {
        let row = sqlx::query(
            "SELECT CAST(COALESCE(SUM(CASE WHEN number_of_study_related_instances > 0 THEN 1 ELSE 0 END), 0) AS BIGINT)
                        AS studies,
                    CAST(COALESCE(SUM(number_of_study_related_instances), 0) AS BIGINT) AS instances,
                    CAST(COALESCE(SUM(size_bytes), 0) AS BIGINT) AS bytes,
                    CAST(COALESCE(SUM(saved_bytes), 0) AS BIGINT) AS saved_bytes FROM studies",
        )
        .fetch_one(self.readers())
        .await?;
        Ok(Volume {
            studies: row.try_get("studies")?,
            instances: row.try_get("instances")?,
            bytes: row.try_get("bytes")?,
            saved_bytes: row.try_get("saved_bytes")?,
        })
    }

    /// The study of this UID.
    ///
    /// # Errors
    /// When the database refuses.
    pub async fn study(&self, study_instance_uid: &str) -> Result<Option<StoredStudy>, StoreError> {
        let row = sqlx::query(concat!("SELECT ", study_columns!(), " FROM studies WHERE study_instance_uid = $1"))
            .bind(study_instance_uid)
            .fetch_optional(self.readers())
            .await?;
        row.as_ref().map(study_of).transpose()
    }

    /// The indexed series of a study, by series number.
    ///
    /// # Errors
    /// When the database refuses.
    pub async fn series_of_study(&self, study_instance_uid: &str) -> Result<Vec<StoredSeries>, StoreError> {
        let rows = sqlx::query(concat!(
            "SELECT ",
            series_columns!(),
            " FROM series WHERE study_instance_uid = $1 AND number_of_series_related_instances > 0
              ORDER BY series_number, series_instance_uid"
        ))
        .bind(study_instance_uid)
        .fetch_all(self.readers())
        .await?;
        rows.iter().map(series_of).collect()
    }
}

pub(crate) fn study_of(row: &AnyRow) -> Result<StoredStudy, StoreError> {
    let study_instance_uid = uid_of(row, "study_instance_uid")?;
    let ai_state: String = row.try_get("ai_state")?;
    let state = AiState::parse(&ai_state)
        .ok_or_else(|| StoreError::row("study", study_instance_uid.as_str(), "unknown ai_state"))?;
    let top_finding: String = row.try_get("ai_top_finding")?;
    let attributes = StudyAttributes {
        patient: Patient {
            key: PatientKey { id: row.try_get("patient_id")?, issuer: row.try_get("issuer_of_patient_id")? },
            name: row.try_get("patient_name")?,
            birth_date: row.try_get("patient_birth_date")?,
            sex: row.try_get("patient_sex")?,
            age: row.try_get("patient_age")?,
        },
        accession_number: row.try_get("accession_number")?,
        study_date: row.try_get("study_date")?,
        study_time: row.try_get("study_time")?,
        study_id: row.try_get("study_id")?,
        study_description: row.try_get("study_description")?,
        referring_physician_name: row.try_get("referring_physician_name")?,
        study_instance_uid,
    };
    Ok(StoredStudy {
        ai: AiSummary { state, top_finding: serde_json::from_str(&top_finding).ok() },
        attributes,
        modalities: listed(row.try_get("modalities_in_study")?),
        acquired_modalities: listed(row.try_get("acquired_modalities")?),
        series_count: row.try_get("number_of_study_related_series")?,
        instance_count: row.try_get("number_of_study_related_instances")?,
        received_ms: row.try_get("received_ms")?,
        updated_ms: row.try_get("updated_ms")?,
    })
}

fn series_of(row: &AnyRow) -> Result<StoredSeries, StoreError> {
    Ok(StoredSeries {
        study_instance_uid: uid_of(row, "study_instance_uid")?,
        series_instance_uid: uid_of(row, "series_instance_uid")?,
        modality: row.try_get("modality")?,
        series_number: row.try_get("series_number")?,
        series_description: row.try_get("series_description")?,
        body_part_examined: row.try_get("body_part_examined")?,
        run_id: row.try_get("run_id")?,
        instance_count: row.try_get("number_of_series_related_instances")?,
    })
}

/// The values of a list that a column holds divided by backslashes.
pub(crate) fn listed(column: &str) -> Vec<String> {
    column.split('\\').filter(|value| !value.is_empty()).map(str::to_owned).collect()
}

impl Write {
    /// Sums up what AI says of a study, after its runs or decisions changed in this transaction.
    ///
    /// # Errors
    /// When the database refuses.
    pub async fn refresh_summary(&mut self, study_instance_uid: &str) -> Result<(), StoreError> {
        let runs = self.runs_of_study(study_instance_uid).await?;
        let decisions = self.decisions_of_study(study_instance_uid).await?;
        let waits = sqlx::query(
            "SELECT 1 FROM instances WHERE study_instance_uid = $1 AND routed = 0 AND deletion_id IS NULL LIMIT 1",
        )
        .bind(study_instance_uid)
        .fetch_optional(&mut *self.transaction)
        .await?;
        let summary = summarise(&runs, &decisions, waits.is_some(), now_ms());
        sqlx::query("UPDATE studies SET ai_state = $1, ai_top_finding = $2 WHERE study_instance_uid = $3")
            .bind(summary.state.as_str())
            .bind(summary.top_finding.as_ref().map(finding_text).unwrap_or_default())
            .bind(study_instance_uid)
            .execute(&mut *self.transaction)
            .await?;
        Ok(())
    }
}

fn finding_text(finding: &Finding) -> String {
    serde_json::to_string(finding).unwrap_or_default()
}

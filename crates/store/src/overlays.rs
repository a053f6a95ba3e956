//! Overlays: corrections of studies and merges of patients, and what comes of them in the index.

use crate::batch::{Batch, Execute, Row as BatchRow};
use crate::columns::Column;
use crate::index::folded_groups;
use crate::{NewInstance, Store, StoreError, Write, new_id, now_ms};
use lightbox_domain::{
    Attribute, Correction, Event, Job, Overlaid, Overlay, OverlayScope, PatientKey, Uid, Values, fold_name, overlay,
};
use sqlx::Row;
use sqlx::any::AnyRow;
use std::collections::BTreeSet;

/// An order to say something else than what is stored.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct NewOverlay {
    /// Of what.
    pub scope: OverlayScope,
    /// The new values.
    pub values: Values,
    /// Why, in words.
    pub reason: String,
    /// Who ordered it, as the log names them.
    pub made_by: String,
}

/// An overlay, and for which studies what counts has changed.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Changed {
    /// The overlay.
    pub overlay: Overlay,
    /// The studies.
    pub studies: Vec<Uid>,
}

/// How many merges of merges are followed.
const MERGES_MAX: usize = 64;

macro_rules! overlay_columns {
    () => {
        "overlays.id, overlays.scope_study, overlays.patient_id, overlays.issuer_of_patient_id, overlays.new_values,
         overlays.reason, overlays.made_by, overlays.made_ms, overlays.undone_by, overlays.undone_ms"
    };
}

const OVERLAYS_OF_STUDY: &str = concat!(
    "SELECT ",
    overlay_columns!(),
    " FROM overlays JOIN study_overlays ON study_overlays.overlay_id = overlays.id
      WHERE study_overlays.study_instance_uid = $1 ORDER BY overlays.made_ms"
);

const STUDIES_OF_PATIENT: &str = "SELECT study_instance_uid FROM studies
     WHERE patient_id = $1 AND issuer_of_patient_id = $2 ORDER BY study_instance_uid";

impl Store {
    /// The overlays that count or have counted for a study, in the order in which they were made.
    ///
    /// # Errors
    /// When the database refuses.
    pub async fn overlays_of_study(&self, study_instance_uid: &str) -> Result<Vec<Overlay>, StoreError> {
        let rows = sqlx::query(OVERLAYS_OF_STUDY).bind(study_instance_uid).fetch_all(self.readers()).await?;
        rows.iter().map(overlay_of).collect()
    }

    /// The overlay of this identifier.
    ///
    /// # Errors
    /// [`StoreError::Missing`], or when the database refuses.
    pub async fn overlay(&self, id: &str) -> Result<Overlay, StoreError> {
        let row = sqlx::query(concat!("SELECT ", overlay_columns!(), " FROM overlays WHERE id = $1"))
            .bind(id)
            .fetch_optional(self.readers())
            .await?;
        overlay_of(&row.ok_or_else(|| missing(id))?)
    }

    /// Identity and demographics of a patient, as the newest of their studies says them; `None` when there is none.
    ///
    /// # Errors
    /// When the database refuses.
    pub async fn demographics(&self, patient: &PatientKey) -> Result<Option<Values>, StoreError> {
        let row = sqlx::query(
            "SELECT patient_name, patient_birth_date, patient_sex FROM studies
             WHERE patient_id = $1 AND issuer_of_patient_id = $2 ORDER BY received_ms DESC LIMIT 1",
        )
        .bind(&patient.id)
        .bind(&patient.issuer)
        .fetch_optional(self.readers())
        .await?;
        let Some(row) = row else { return Ok(None) };
        let (name, birth_date, sex): (String, String, String) =
            (row.try_get("patient_name")?, row.try_get("patient_birth_date")?, row.try_get("patient_sex")?);
        let values = [
            ("PatientID", patient.id.as_str()),
            ("IssuerOfPatientID", &patient.issuer),
            ("PatientName", &name),
            ("PatientBirthDate", &birth_date),
            ("PatientSex", &sex),
        ];
        let known = values.into_iter().filter_map(|(keyword, value)| Some((Attribute::of_keyword(keyword)?, value)));
        Ok(Some(Values::as_arrived(known)))
    }

    /// The studies that are a patient's now.
    ///
    /// # Errors
    /// When the database refuses.
    pub async fn studies_of_patient(&self, patient: &PatientKey) -> Result<Vec<Uid>, StoreError> {
        let rows =
            sqlx::query(STUDIES_OF_PATIENT).bind(&patient.id).bind(&patient.issuer).fetch_all(self.readers()).await?;
        uids(&rows)
    }

    /// What a study arrived with and what counts now, of all that may be corrected; `None` when there is no such study.
    ///
    /// # Errors
    /// When the database refuses.
    pub async fn said_of_study(&self, study: &Uid) -> Result<Option<(Values, Values)>, StoreError> {
        let rows = self.read(said(study)).await?;
        let Some((now, correction)) = rows.first().map(|row| said_of(study, row)).transpose()? else { return Ok(None) };
        Ok(Some((correction.map_or_else(|| now.clone(), |correction| correction.arrived), now)))
    }

    /// What a study's instances say in place of what is stored; `None` for the many that nobody corrected.
    ///
    /// # Errors
    /// When the database refuses.
    pub async fn correction(&self, study_instance_uid: &str) -> Result<Option<Correction>, StoreError> {
        let mut batch = Batch::default();
        batch.statement("SELECT correction FROM studies WHERE correction <> '' AND study_instance_uid = ");
        batch.bind(study_instance_uid);
        let rows = self.read_by_key(batch).await?;
        rows.first().map(|row| parse(study_instance_uid, row.text(0))).transpose()
    }
}

fn missing(id: &str) -> StoreError {
    StoreError::Missing { kind: "correction", id: id.to_owned() }
}

fn parse(study: &str, text: &str) -> Result<Correction, StoreError> {
    serde_json::from_str(text).map_err(|error| StoreError::row("correction of study", study, error))
}

fn overlay_of(row: &AnyRow) -> Result<Overlay, StoreError> {
    let id: String = row.try_get("id")?;
    let study: Option<String> = row.try_get("scope_study")?;
    let scope = match study {
        Some(uid) => OverlayScope::Study(Uid::parse(&uid).map_err(|error| StoreError::row("overlay", &id, error))?),
        None => OverlayScope::Patient(PatientKey {
            id: row.try_get("patient_id")?,
            issuer: row.try_get("issuer_of_patient_id")?,
        }),
    };
    let values: String = row.try_get("new_values")?;
    Ok(Overlay {
        scope,
        values: serde_json::from_str(&values).map_err(|error| StoreError::row("overlay", &id, error))?,
        reason: row.try_get("reason")?,
        made_by: row.try_get("made_by")?,
        made_ms: row.try_get("made_ms")?,
        undone_by: row.try_get("undone_by")?,
        undone_ms: row.try_get("undone_ms")?,
        id,
    })
}

impl Write {
    /// Lays new values over a study, or over all studies of a patient.
    ///
    /// # Errors
    /// [`StoreError::Missing`] when there is no such study; else when the database refuses.
    pub async fn make_overlay(&mut self, new: NewOverlay) -> Result<Changed, StoreError> {
        let overlay = Overlay {
            id: new_id(),
            scope: new.scope,
            values: new.values,
            reason: new.reason,
            made_by: new.made_by,
            made_ms: self.next_made_ms().await?,
            undone_by: None,
            undone_ms: None,
        };
        self.insert_overlay(&overlay).await?;
        let (studies, action) = match &overlay.scope {
            OverlayScope::Study(uid) => (vec![uid.clone()], "study.corrected"),
            OverlayScope::Patient(patient) => (self.studies_of(patient).await?, "patient.merged"),
        };
        for study in &studies {
            let is_there = self.correct_study(study).await?;
            if !is_there {
                return Err(StoreError::Missing { kind: "study", id: study.to_string() });
            }
        }
        self.announce_overlay(&overlay, action, &overlay.made_by, &studies).await?;
        Ok(Changed { overlay, studies })
    }

    /// Takes an overlay away again; those made after it stay.
    ///
    /// # Errors
    /// [`StoreError::Missing`] when there is none that stands; else when the database refuses.
    pub async fn undo_overlay(&mut self, id: &str, by: &str) -> Result<Changed, StoreError> {
        let row = sqlx::query(concat!(
            "UPDATE overlays SET undone_by = $1, undone_ms = $2 WHERE id = $3 AND undone_ms IS NULL RETURNING ",
            overlay_columns!()
        ))
        .bind(by)
        .bind(now_ms())
        .bind(id)
        .fetch_optional(&mut *self.transaction)
        .await?;
        let overlay = overlay_of(&row.ok_or_else(|| missing(id))?)?;
        let rows = sqlx::query("SELECT study_instance_uid FROM study_overlays WHERE overlay_id = $1")
            .bind(id)
            .fetch_all(&mut *self.transaction)
            .await?;
        let studies = uids(&rows)?;
        for study in &studies {
            self.correct_study(study).await?;
        }
        let action = match overlay.scope {
            OverlayScope::Study(_) => "study.correction_undone",
            OverlayScope::Patient(_) => "patient.merge_undone",
        };
        self.announce_overlay(&overlay, action, by, &studies).await?;
        Ok(Changed { overlay, studies })
    }

    /// Applies to a study that has arrived what was decided of its patient before, and says so in the log.
    ///
    /// # Errors
    /// When the database refuses.
    pub async fn apply_overlays(&mut self, study: &Uid) -> Result<(), StoreError> {
        let before: BTreeSet<String> = self.overlays_of(study).await?.into_iter().map(|one| one.id).collect();
        self.correct_study(study).await?;
        for one in self.overlays_of(study).await?.iter().filter(|one| !before.contains(&one.id)) {
            self.announce_overlay(one, "study.merged_on_arrival", "lightbox", std::slice::from_ref(study)).await?;
        }
        Ok(())
    }

    /// A time after that of every overlay, whatever the clock says, since their order counts.
    async fn next_made_ms(&mut self) -> Result<i64, StoreError> {
        let row = sqlx::query("SELECT COALESCE(MAX(made_ms), 0) AS last_ms FROM overlays")
            .fetch_one(&mut *self.transaction)
            .await?;
        Ok(now_ms().max(row.try_get::<i64, _>("last_ms")? + 1))
    }

    async fn insert_overlay(&mut self, overlay: &Overlay) -> Result<(), StoreError> {
        let (study, patient) = match &overlay.scope {
            OverlayScope::Study(uid) => (Some(uid.as_str()), None),
            OverlayScope::Patient(patient) => (None, Some(patient)),
        };
        sqlx::query(
            "INSERT INTO overlays
                 (id, scope_study, patient_id, issuer_of_patient_id, new_values, reason, made_by, made_ms)
             VALUES ($1, $2, $3, $4, $5, $6, $7, $8)",
        )
        .bind(&overlay.id)
        .bind(study)
        .bind(patient.map(|one| one.id.as_str()))
        .bind(patient.map(|one| one.issuer.as_str()))
        .bind(json(&overlay.values)?)
        .bind(&overlay.reason)
        .bind(&overlay.made_by)
        .bind(overlay.made_ms)
        .execute(&mut *self.transaction)
        .await?;
        Ok(())
    }

    /// The studies that are a patient's now.
    async fn studies_of(&mut self, patient: &PatientKey) -> Result<Vec<Uid>, StoreError> {
        let rows = sqlx::query(STUDIES_OF_PATIENT)
            .bind(&patient.id)
            .bind(&patient.issuer)
            .fetch_all(&mut *self.transaction)
            .await?;
        uids(&rows)
    }

    async fn announce_overlay(
        &mut self,
        overlay: &Overlay,
        action: &'static str,
        by: &str,
        studies: &[Uid],
    ) -> Result<(), StoreError> {
        let keywords: Vec<&str> = overlay.values.keywords().collect();
        let detail = serde_json::json!({ "attributes": keywords, "reason": overlay.reason }).to_string();
        let event = Event::new(by, action, "correction", &overlay.id).detail(detail);
        if studies.is_empty() {
            return self.append_event(event).await;
        }
        for study in studies {
            self.append_event(event.clone().study(study.as_str())).await?;
        }
        Ok(())
    }

    async fn overlays_of(&mut self, study: &Uid) -> Result<Vec<Overlay>, StoreError> {
        let rows = sqlx::query(OVERLAYS_OF_STUDY).bind(study.as_str()).fetch_all(&mut *self.transaction).await?;
        rows.iter().map(overlay_of).collect()
    }

    /// Computes anew what counts for a study: its row, and what its instances say. False when there is no such study.
    async fn correct_study(&mut self, study: &Uid) -> Result<bool, StoreError> {
        let Some((shown, before)) = self.arrived(study).await? else { return Ok(false) };
        let arrived = before.as_ref().map_or(&shown, |before| &before.arrived).clone();
        let candidates = self.candidates(study, &arrived).await?;
        let overlaid = overlay(study, &arrived, &candidates);
        if overlaid.by.is_empty() && before.is_none() {
            return Ok(true);
        }
        for one in &overlaid.by {
            self.link(study, &one.id).await?;
        }
        let ever = self.overlays_of(study).await?;
        let was_set = |keyword: &str| ever.iter().any(|one| one.values.get(keyword).is_some());
        let Overlaid { values, standing, .. } = overlaid;
        let is_restored = |keyword: &str| was_set(keyword) && standing.get(keyword).is_none();
        let restored = arrived.clone().only(is_restored);
        let correction = Correction { restored, standing, arrived, changed_ms: now_ms() };
        self.update_study(study, &values, &correction).await?;
        self.drop_metadata(study.as_str()).await?;
        self.describe_series(study.as_str()).await?;
        self.match_corrected(study, [shown.patient(), values.patient()]).await?;
        Ok(true)
    }

    /// What the row of a study says, and what has been decided of it.
    async fn arrived(&mut self, study: &Uid) -> Result<Option<(Values, Option<Correction>)>, StoreError> {
        self.execute(said(study)).await?.first().map(|row| said_of(study, row)).transpose()
    }

    /// All overlays that might count for a study: its own, and those of every patient whom it might name.
    async fn candidates(&mut self, study: &Uid, arrived: &Values) -> Result<Vec<Overlay>, StoreError> {
        let mut found = self.overlays_where("scope_study", study.as_str()).await?;
        let mut patients = vec![arrived.patient().id];
        patients.extend(found.iter().filter_map(|one| one.values.get("PatientID").map(str::to_owned)));
        let mut place = 0;
        while let Some(patient) = patients.get(place).cloned().filter(|_| place < MERGES_MAX) {
            for one in self.overlays_where("patient_id", &patient).await? {
                let next = one.values.get("PatientID").filter(|next| !patients.iter().any(|known| known == next));
                patients.extend(next.map(str::to_owned));
                if !found.contains(&one) {
                    found.push(one);
                }
            }
            place += 1;
        }
        Ok(found)
    }

    async fn overlays_where(&mut self, column: &'static str, value: &str) -> Result<Vec<Overlay>, StoreError> {
        let sql = match column {
            "scope_study" => concat!("SELECT ", overlay_columns!(), " FROM overlays WHERE scope_study = $1"),
            _ => concat!("SELECT ", overlay_columns!(), " FROM overlays WHERE patient_id = $1"),
        };
        let rows = sqlx::query(sql).bind(value).fetch_all(&mut *self.transaction).await?;
        rows.iter().map(overlay_of).collect()
    }

    async fn link(&mut self, study: &Uid, overlay_id: &str) -> Result<(), StoreError> {
        sqlx::query(
            "INSERT INTO study_overlays (study_instance_uid, overlay_id) VALUES ($1, $2)
             ON CONFLICT (study_instance_uid, overlay_id) DO NOTHING",
        )
        .bind(study.as_str())
        .bind(overlay_id)
        .execute(&mut *self.transaction)
        .await?;
        Ok(())
    }

    async fn update_study(&mut self, study: &Uid, values: &Values, correction: &Correction) -> Result<(), StoreError> {
        let mut batch = Batch::default();
        batch.statement("UPDATE studies SET correction = ").bind(json(correction)?);
        for column in correctable() {
            let value = values.get(&column.attribute.keyword).unwrap_or_default();
            batch.push(", ").push(&column.name).push(" = ").bind(value);
        }
        let groups = ["patient_name_alphabetic", "patient_name_ideographic", "patient_name_phonetic"];
        let folded = folded_groups(values.get("PatientName").unwrap_or_default());
        for (name, group) in groups.into_iter().zip(folded) {
            batch.push(", ").push(name).push(" = ").bind(group);
        }
        let referrer = fold_name(values.get("ReferringPhysicianName").unwrap_or_default());
        batch.push(", referring_physician_name_folded = ").bind(referrer);
        batch.push(", updated_ms = ").bind(correction.changed_ms);
        batch.push(" WHERE study_instance_uid = ").bind(study.as_str());
        self.execute(batch).await.map(|_| ())
    }
}

/// The columns whose values a person may correct.
fn correctable() -> impl Iterator<Item = &'static Column> {
    Attribute::all().iter().filter(|one| one.is_correctable).map(Column::of)
}

/// Asks for what the row of a study says, and what has been decided of it.
fn said(study: &Uid) -> Batch {
    let mut batch = Batch::default();
    batch.statement("SELECT correction");
    for column in correctable() {
        batch.push(", ").push(&column.name);
    }
    batch.push(" FROM studies WHERE study_instance_uid = ").bind(study.as_str());
    batch
}

fn said_of(study: &Uid, row: &BatchRow) -> Result<(Values, Option<Correction>), StoreError> {
    let values = correctable().enumerate().map(|(place, column)| (column.attribute, row.text(place + 1)));
    let correction = Some(row.text(0)).filter(|text| !text.is_empty());
    let correction = correction.map(|text| parse(study.as_str(), text)).transpose()?;
    Ok((Values::as_arrived(values), correction))
}

fn json(value: &impl serde::Serialize) -> Result<String, StoreError> {
    serde_json::to_string(value).map_err(|error| StoreError::Unwritten(error.to_string()))
}

fn uids(rows: &[AnyRow]) -> Result<Vec<Uid>, StoreError> {
    rows.iter().map(|row| crate::instances::uid_of(row, "study_instance_uid")).collect()
}

/// Asks whether the patients of arriving studies were merged in a way that does not count for these studies yet.
pub(crate) fn push_look<'a>(batch: &mut Batch, arriving: impl Iterator<Item = &'a NewInstance>) {
    let mut seen = BTreeSet::new();
    for study in arriving.map(|one| &one.entry.study) {
        let (uid, patient) = (study.study_instance_uid.as_str(), &study.patient.key);
        if !seen.insert(uid) {
            continue;
        }
        batch.statement("SELECT 'overlay', ").bind(uid);
        batch.push(" FROM overlays WHERE undone_ms IS NULL AND patient_id = ").bind(patient.id.as_str());
        batch.push(" AND issuer_of_patient_id = ").bind(patient.issuer.as_str());
        batch.push(" AND NOT EXISTS (SELECT 1 FROM study_overlays WHERE overlay_id = overlays.id");
        batch.push(" AND study_instance_uid = ").bind(uid).push(") LIMIT 1");
    }
}

/// The job that applies what [`push_look`] found.
pub(crate) fn job_of(row: &BatchRow) -> Job {
    Job::Correct { study_instance_uid: row.text(1).to_owned() }
}

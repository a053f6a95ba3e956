//! The way of an arriving instance into the index: many wait for one commit.
//!
//! One task takes whatever is ready and writes it in one transaction; while that commits, the next batch gathers. So
//! one association waits for one sync, and sixteen share it.

use crate::{BlobKey, Kept, Shared, Store, StoreError, Write, new_id, now_ms};
use lightbox_domain::{Event, IndexEntry, Job, Source};
use sqlx::Row;
use std::collections::BTreeMap;
use std::sync::{Arc, Weak};
use tokio::sync::{mpsc, oneshot};

/// The most instances that wait for the writer before their senders are slowed down.
pub(crate) const WAITING_MAX: usize = 256;

/// The most instances in one transaction.
const BATCH_MAX: usize = 64;

/// An instance whose file is durable and that wants its row.
#[derive(Clone, Debug)]
pub struct NewInstance {
    /// What the index keeps.
    pub entry: IndexEntry,
    /// Its durable file.
    pub file: Kept,
    /// SHA-256 of the data set without group 0002.
    pub data_set_sha256: String,
    /// From where it came.
    pub source: Source,
    /// When its last byte had arrived, in milliseconds since 1970.
    pub received_ms: i64,
    /// False for a result that must stay outside the study's index.
    pub indexed: bool,
}

/// What became of an arriving instance.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Intake {
    /// It has a row; its file stays.
    Stored,
    /// The same data set is stored already; its file is not needed.
    Duplicate,
    /// Another data set with this SOP Instance UID is stored, or the same one in another encoding: compare with this
    /// file, then call [`Store::shelve_conflict`] or drop the newcomer.
    Differs {
        /// The stored file.
        stored: BlobKey,
    },
}

pub(crate) struct Request {
    instance: NewInstance,
    answer: oneshot::Sender<Result<Intake, StoreError>>,
}

impl Store {
    /// Writes the row of an instance whose file is durable, its series' routing job and the event, and returns after
    /// the commit.
    ///
    /// # Errors
    /// When the database refuses; nothing of the instance is then stored.
    pub async fn insert_instance(&self, instance: NewInstance) -> Result<Intake, StoreError> {
        let (answer, answered) = oneshot::channel();
        let request = Request { instance, answer };
        self.shared.intake.send(request).await.map_err(|_| StoreError::Closed)?;
        answered.await.map_err(|_| StoreError::Closed)?
    }

    /// Keeps a newcomer with a known SOP Instance UID and another data set on the conflict shelf. False when the same
    /// newcomer lies there already.
    ///
    /// # Errors
    /// When the database refuses.
    pub async fn shelve_conflict(&self, instance: &NewInstance) -> Result<bool, StoreError> {
        let mut write = self.write().await?;
        let id = new_id();
        let shelved = sqlx::query(
            "INSERT INTO conflicts
                 (id, sop_instance_uid, blob_key, size_bytes, file_sha256, data_set_sha256, source, received_ms)
             VALUES ($1, $2, $3, $4, $5, $6, $7, $8)
             ON CONFLICT (sop_instance_uid, data_set_sha256) DO NOTHING",
        )
        .bind(&id)
        .bind(instance.entry.instance.sop_instance_uid.as_str())
        .bind(instance.file.key.as_str())
        .bind(size_of(instance))
        .bind(&instance.file.sha256)
        .bind(&instance.data_set_sha256)
        .bind(instance.source.label())
        .bind(instance.received_ms)
        .execute(&mut *write.transaction)
        .await?
        .rows_affected()
            == 1;
        if shelved {
            let uid = instance.entry.instance.sop_instance_uid.as_str();
            let event = Event::new(&instance.source.label(), "instance.conflicted", "instance", uid)
                .outcome("another data set with this SOP Instance UID is stored; the newcomer is on the conflict shelf")
                .detail(serde_json::json!({ "conflict": id }).to_string());
            write.append_event(event).await?;
        }
        write.commit().await?;
        Ok(shelved)
    }
}

/// Serves until the store is dropped.
pub(crate) async fn serve(store: Weak<Shared>, mut requests: mpsc::Receiver<Request>) {
    while let Some(first) = requests.recv().await {
        let Some(shared) = store.upgrade() else { return };
        let mut batch = vec![first];
        while batch.len() < BATCH_MAX {
            let Ok(request) = requests.try_recv() else { break };
            batch.push(request);
        }
        answer_batch(&shared, batch).await;
    }
}

/// Writes the batch; should that fail, each on its own, so that one bad instance does not take others with it.
async fn answer_batch(shared: &Arc<Shared>, batch: Vec<Request>) {
    let (instances, answers): (Vec<_>, Vec<_>) =
        batch.into_iter().map(|request| (request.instance, request.answer)).unzip();
    match write_batch(shared, &instances).await {
        Ok(intakes) => {
            for (answer, intake) in answers.into_iter().zip(intakes) {
                // A sender that gave up does not wait for its answer.
                let _ = answer.send(Ok(intake));
            }
        }
        Err(_) if instances.len() > 1 => {
            for (answer, instance) in answers.into_iter().zip(instances) {
                let result = write_batch(shared, std::slice::from_ref(&instance)).await;
                let _ = answer.send(result.map(|mut intakes| intakes.remove(0)));
            }
        }
        Err(error) => {
            for answer in answers {
                let _ = answer.send(Err(StoreError::Unwritten(error.to_string())));
            }
        }
    }
}

async fn write_batch(shared: &Arc<Shared>, instances: &[NewInstance]) -> Result<Vec<Intake>, StoreError> {
    let mut write = Write::begin(shared).await?;
    let mut intakes = Vec::with_capacity(instances.len());
    let mut stored = Vec::new();
    for instance in instances {
        let intake = write.insert_one(instance).await?;
        if intake == Intake::Stored {
            stored.push(instance);
        }
        intakes.push(intake);
    }
    write.announce(&stored).await?;
    write.commit().await?;
    Ok(intakes)
}

fn size_of(instance: &NewInstance) -> i64 {
    i64::try_from(instance.file.size_bytes).unwrap_or(i64::MAX)
}

impl Write {
    async fn insert_one(&mut self, instance: &NewInstance) -> Result<Intake, StoreError> {
        let known = sqlx::query("SELECT blob_key, data_set_sha256 FROM instances WHERE sop_instance_uid = $1")
            .bind(instance.entry.instance.sop_instance_uid.as_str())
            .fetch_optional(&mut *self.transaction)
            .await?;
        if let Some(row) = known {
            let same = row.try_get::<String, _>("data_set_sha256")? == instance.data_set_sha256;
            let stored = BlobKey::of_row(row.try_get("blob_key")?);
            return Ok(if same { Intake::Duplicate } else { Intake::Differs { stored } });
        }
        self.upsert_study(instance).await?;
        self.insert_series(instance).await?;
        self.insert_instance_row(instance).await?;
        Ok(Intake::Stored)
    }

    async fn upsert_study(&mut self, instance: &NewInstance) -> Result<(), StoreError> {
        let study = &instance.entry.study;
        sqlx::query(
            "INSERT INTO studies
                 (study_instance_uid, patient_id, patient_issuer, patient_name, patient_birth_date, patient_sex,
                  patient_age, accession_number, study_date, study_time, study_id, study_description,
                  referring_physician_name, received_ms, updated_ms, ai_state, ai_top_finding)
             VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $11, $12, $13, $14, $15, 'waiting', '')
             ON CONFLICT (study_instance_uid) DO UPDATE SET updated_ms = excluded.updated_ms",
        )
        .bind(study.study_instance_uid.as_str())
        .bind(&study.patient.key.id)
        .bind(&study.patient.key.issuer)
        .bind(&study.patient.name)
        .bind(&study.patient.birth_date)
        .bind(&study.patient.sex)
        .bind(&study.patient.age)
        .bind(&study.accession_number)
        .bind(&study.study_date)
        .bind(&study.study_time)
        .bind(&study.study_id)
        .bind(&study.study_description)
        .bind(&study.referring_physician_name)
        .bind(instance.received_ms)
        .bind(instance.received_ms)
        .execute(&mut *self.transaction)
        .await?;
        Ok(())
    }

    async fn insert_series(&mut self, instance: &NewInstance) -> Result<(), StoreError> {
        let series = &instance.entry.series;
        sqlx::query(
            "INSERT INTO series
                 (study_instance_uid, series_instance_uid, modality, series_number, series_description,
                  body_part_examined, run_id, received_ms)
             VALUES ($1, $2, $3, $4, $5, $6, $7, $8)
             ON CONFLICT (study_instance_uid, series_instance_uid) DO NOTHING",
        )
        .bind(instance.entry.study.study_instance_uid.as_str())
        .bind(series.series_instance_uid.as_str())
        .bind(&series.modality)
        .bind(series.series_number)
        .bind(&series.series_description)
        .bind(&series.body_part_examined)
        .bind(instance.source.run_id())
        .bind(instance.received_ms)
        .execute(&mut *self.transaction)
        .await?;
        Ok(())
    }

    async fn insert_instance_row(&mut self, instance: &NewInstance) -> Result<(), StoreError> {
        let attributes = &instance.entry.instance;
        let is_result = instance.source.run_id().is_some();
        sqlx::query(
            "INSERT INTO instances
                 (sop_instance_uid, study_instance_uid, series_instance_uid, sop_class_uid, transfer_syntax_uid,
                  instance_number, image_rows, image_columns, frames, blob_key, size_bytes, file_sha256,
                  data_set_sha256, source, run_id, received_ms, indexed, routed)
             VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $11, $12, $13, $14, $15, $16, $17, $18)",
        )
        .bind(attributes.sop_instance_uid.as_str())
        .bind(instance.entry.study.study_instance_uid.as_str())
        .bind(instance.entry.series.series_instance_uid.as_str())
        .bind(attributes.sop_class_uid.as_str())
        .bind(attributes.transfer_syntax_uid.as_str())
        .bind(attributes.instance_number)
        .bind(attributes.rows)
        .bind(attributes.columns)
        .bind(attributes.frames)
        .bind(instance.file.key.as_str())
        .bind(size_of(instance))
        .bind(&instance.file.sha256)
        .bind(&instance.data_set_sha256)
        .bind(instance.source.label())
        .bind(instance.source.run_id())
        .bind(instance.received_ms)
        .bind(i64::from(instance.indexed))
        // Rules skip results unless they ask for them; none can ask yet.
        .bind(i64::from(is_result))
        .execute(&mut *self.transaction)
        .await?;
        Ok(())
    }

    /// One event and one routing job for each series and source of what was stored.
    async fn announce(&mut self, stored: &[&NewInstance]) -> Result<(), StoreError> {
        let mut groups: BTreeMap<(String, String, String), Vec<&NewInstance>> = BTreeMap::new();
        for instance in stored {
            let study = instance.entry.study.study_instance_uid.to_string();
            let series = instance.entry.series.series_instance_uid.to_string();
            groups.entry((study, series, instance.source.label())).or_default().push(instance);
        }
        for ((study_instance_uid, series_instance_uid, source), group) in groups {
            let uids: Vec<&str> = group.iter().map(|one| one.entry.instance.sop_instance_uid.as_str()).collect();
            let event = Event::new(&source, "instance.stored", "series", &series_instance_uid)
                .detail(serde_json::json!({ "instances": uids }).to_string())
                .study(&study_instance_uid);
            self.append_event(event).await?;
            if group.iter().any(|instance| instance.source.run_id().is_none()) {
                self.enqueue(&Job::Route { study_instance_uid, series_instance_uid }, now_ms()).await?;
            }
        }
        Ok(())
    }
}

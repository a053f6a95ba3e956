//! The way of an arriving instance into the index: many wait for one commit.
//!
//! One task takes whatever is ready and writes it in one transaction; while that commits, the next batch gathers. So
//! one association waits for one sync, and sixteen share it.

use crate::index::{KnownInstance, size_of};
use crate::{BlobKey, Kept, Shared, Store, StoreError, Write, new_id};
use lightbox_domain::{Event, IndexEntry, Source};
use metrics::histogram;
use std::collections::BTreeMap;
use std::sync::{Arc, Weak};
use std::time::Instant;
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
    /// Digest of the data set without group 0002, as the door that received it computes it.
    pub data_set_digest: String,
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
                 (id, sop_instance_uid, blob_key, size_bytes, file_sha256, data_set_digest, source, received_ms)
             VALUES ($1, $2, $3, $4, $5, $6, $7, $8)
             ON CONFLICT (sop_instance_uid, data_set_digest) DO NOTHING",
        )
        .bind(&id)
        .bind(instance.entry.instance.sop_instance_uid.as_str())
        .bind(instance.file.key.as_str())
        .bind(size_of(instance))
        .bind(&instance.file.sha256)
        .bind(&instance.data_set_digest)
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
                .detail(serde_json::json!({ "conflict": id }).to_string())
                .study(instance.entry.study.study_instance_uid.as_str());
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

impl Write {
    /// Deals with deleted instances that were sent again: they return, or stay deleted, which the log says.
    async fn settle_deleted(&mut self, deleted: &[(&NewInstance, bool)]) -> Result<(), StoreError> {
        let mut groups: BTreeMap<_, Vec<&str>> = BTreeMap::new();
        for (instance, returns) in deleted {
            let key = (instance.entry.study.study_instance_uid.as_str(), instance.source.label(), *returns);
            groups.entry(key).or_default().push(instance.entry.instance.sop_instance_uid.as_str());
        }
        for ((study, source, returns), instances) in groups {
            if returns {
                self.bring_back(study, &instances, &source).await?;
                continue;
            }
            let event = Event::new(&source, "instances.still_deleted", "study", study)
                .outcome("they are deleted, and stay so until somebody undoes it")
                .detail(serde_json::json!({ "instances": instances }).to_string());
            self.append_event(event.study(study)).await?;
        }
        Ok(())
    }
}

async fn write_batch(shared: &Arc<Shared>, instances: &[NewInstance]) -> Result<Vec<Intake>, StoreError> {
    let start = Instant::now();
    let mut write = Write::begin(shared).await?;
    let mut known = write.known_among(instances).await?;
    let (mut stored, mut deleted) = (Vec::new(), Vec::new());
    let intakes = instances.iter().map(|instance| {
        let uid = instance.entry.instance.sop_instance_uid.as_str();
        match known.get(uid) {
            Some(one) if one.data_set_digest == instance.data_set_digest => {
                deleted.extend(one.returns.map(|returns| (instance, returns)));
                Intake::Duplicate
            }
            Some(one) => Intake::Differs { stored: one.blob.clone() },
            None => {
                let (blob, data_set_digest) = (instance.file.key.clone(), instance.data_set_digest.clone());
                known.insert(uid.to_owned(), KnownInstance { blob, data_set_digest, returns: None });
                stored.push(instance);
                Intake::Stored
            }
        }
    });
    let intakes = intakes.collect();
    let fresh = write.insert(&stored).await?;
    write.announce(&stored, &fresh).await?;
    write.settle_deleted(&deleted).await?;
    write.commit().await?;
    histogram!("lightbox_commit_seconds").record(start.elapsed());
    histogram!("lightbox_commit_instances").record(instances.len() as f64);
    Ok(intakes)
}

//! The way of an arriving instance into the index: many wait for one commit.
//!
//! Whatever is ready is written in one transaction; while that commits, the next batch gathers. So one association waits
//! for one sync, and sixteen share it. On SQLite the threads that wait take turns at it ([`crate::local`]), else a task
//! does it.

use crate::batch::Execute;
use crate::index::{self, Before, KnownInstance, size_of};
use crate::local::Local;
use crate::write::Told;
use crate::{BlobKey, FileDigest, Kept, Shared, Store, StoreError, Write, new_id};
use lightbox_domain::{Event, IndexEntry, Source};
use metrics::histogram;
use std::collections::BTreeMap;
use std::sync::{Arc, Weak};
use tokio::sync::{mpsc, oneshot};

/// The most instances that wait for the writer before their senders are slowed down.
pub(crate) const WAITING_MAX: usize = 256;

/// The most instances in one transaction.
pub(crate) const BATCH_MAX: usize = 64;

/// An instance whose file is durable and that wants its row.
#[derive(Clone, Debug)]
pub struct NewInstance {
    /// What the index keeps.
    pub entry: IndexEntry,
    /// Its durable file, whose folder the intake syncs ([`crate::Blobs::keep_for_intake`]).
    pub file: Kept,
    /// What that is checked against.
    pub file_digest: FileDigest,
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

/// An instance that waits for its row.
pub(crate) struct Request {
    instance: NewInstance,
    answer: oneshot::Sender<Result<Intake, StoreError>>,
}

impl Request {
    pub(crate) fn new(instance: NewInstance) -> (Self, oneshot::Receiver<Result<Intake, StoreError>>) {
        let (answer, answered) = oneshot::channel();
        (Self { instance, answer }, answered)
    }
}

/// Where instances wait for their rows.
pub(crate) enum Queue {
    /// For the thread that has SQLite's connection.
    Local(Local),
    /// For the task that writes to a server.
    Task(mpsc::Sender<Request>),
}

impl Store {
    /// Writes the row of an instance whose file is durable, its series' routing job and the event, and returns after
    /// the commit. Blocks; call it on a thread of its own.
    ///
    /// # Errors
    /// When the database refuses; nothing of the instance is then stored.
    pub fn insert_instance(&self, instance: NewInstance) -> Result<Intake, StoreError> {
        match &self.shared.intake {
            Queue::Local(local) => local.insert(&self.shared, instance),
            Queue::Task(requests) => {
                let (request, answered) = Request::new(instance);
                requests.blocking_send(request).map_err(|_| StoreError::Closed)?;
                answered.blocking_recv().map_err(|_| StoreError::Closed)?
            }
        }
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
                 (id, sop_instance_uid, blob_key, size_bytes, file_digest, data_set_digest, source, received_ms)
             VALUES ($1, $2, $3, $4, $5, $6, $7, $8)
             ON CONFLICT (sop_instance_uid, data_set_digest) DO NOTHING",
        )
        .bind(&id)
        .bind(instance.entry.instance.sop_instance_uid.as_str())
        .bind(instance.file.key.as_str())
        .bind(size_of(instance))
        .bind(instance.file_digest.as_str())
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
        let (instances, answers) = apart(batch);
        match write(&shared, &instances).await {
            Err(_) if instances.len() > 1 => {
                for (answer, instance) in answers.into_iter().zip(instances) {
                    let result = write(&shared, std::slice::from_ref(&instance)).await;
                    answer_all(vec![answer], result);
                }
            }
            result => answer_all(answers, result),
        }
    }
}

async fn write(shared: &Arc<Shared>, instances: &[NewInstance]) -> Result<Vec<Intake>, StoreError> {
    sync_folders(shared, instances)?;
    let mut write = Write::begin(shared).await?;
    let written = write_batch(&mut write, instances).await?;
    write.told.add(written.told);
    write.commit().await?;
    settle_deleted(shared, instances, &written.deleted).await?;
    Ok(written.intakes)
}

/// Writes the batch on this thread; should that fail, each on its own, so that one bad instance does not take others
/// with it.
pub(crate) fn answer_batch(
    batch: Vec<Request>,
    mut write: impl FnMut(&[NewInstance]) -> Result<Vec<Intake>, StoreError>,
) {
    let (instances, answers) = apart(batch);
    match write(&instances) {
        Err(_) if instances.len() > 1 => {
            for (answer, instance) in answers.into_iter().zip(&instances) {
                answer_all(vec![answer], write(std::slice::from_ref(instance)));
            }
        }
        result => answer_all(answers, result),
    }
}

type Answer = oneshot::Sender<Result<Intake, StoreError>>;

fn apart(batch: Vec<Request>) -> (Vec<NewInstance>, Vec<Answer>) {
    batch.into_iter().map(|request| (request.instance, request.answer)).unzip()
}

fn answer_all(answers: Vec<Answer>, result: Result<Vec<Intake>, StoreError>) {
    let results: Vec<Result<Intake, StoreError>> = match result {
        Ok(intakes) => intakes.into_iter().map(Ok).collect(),
        Err(error) => answers.iter().map(|_| Err(StoreError::Unwritten(error.to_string()))).collect(),
    };
    for (answer, result) in answers.into_iter().zip(results) {
        // A sender that gave up does not wait for its answer.
        let _ = answer.send(result);
    }
}

/// What a batch came to.
pub(crate) struct Written {
    /// What became of each.
    pub intakes: Vec<Intake>,
    /// The places of those that are deleted, and whether they return.
    pub deleted: Vec<(usize, bool)>,
    /// What is to be told after the commit.
    pub told: Told,
}

/// Makes the entries of the files of a batch durable, before a row says that they are there. Many lie in one folder.
pub(crate) fn sync_folders(shared: &Shared, instances: &[NewInstance]) -> Result<(), StoreError> {
    shared.blobs.sync_folders(instances.iter().map(|instance| &instance.file.key))
}

/// Writes a batch in a transaction that the caller commits.
pub(crate) async fn write_batch(
    transaction: &mut impl Execute,
    instances: &[NewInstance],
) -> Result<Written, StoreError> {
    let mut before = Before::look(transaction, instances).await?;
    let (mut stored, mut deleted) = (Vec::new(), Vec::new());
    let intakes = instances.iter().enumerate().map(|(place, instance)| {
        let uid = instance.entry.instance.sop_instance_uid.as_str();
        match before.known.get(uid) {
            // It is asked for again because what followed its commit failed; its file must stay.
            Some(one) if one.blob == instance.file.key => Intake::Stored,
            Some(one) if one.data_set_digest == instance.data_set_digest => {
                deleted.extend(one.returns.map(|returns| (place, returns)));
                Intake::Duplicate
            }
            Some(one) => Intake::Differs { stored: one.blob.clone() },
            None => {
                let (blob, data_set_digest) = (instance.file.key.clone(), instance.data_set_digest.clone());
                before.known.insert(uid.to_owned(), KnownInstance { blob, data_set_digest, returns: None });
                stored.push(instance);
                Intake::Stored
            }
        }
    });
    let intakes = intakes.collect();
    let told = index::insert(transaction, &stored, before).await?;
    histogram!("lightbox_commit_instances").record(instances.len() as f64);
    Ok(Written { intakes, deleted, told })
}

/// Deals with deleted instances that were sent again: they return, or stay deleted, which the log says.
pub(crate) async fn settle_deleted(
    shared: &Arc<Shared>,
    instances: &[NewInstance],
    deleted: &[(usize, bool)],
) -> Result<(), StoreError> {
    if deleted.is_empty() {
        return Ok(());
    }
    let mut groups: BTreeMap<_, Vec<&str>> = BTreeMap::new();
    for (place, returns) in deleted {
        let instance = &instances[*place];
        let key = (instance.entry.study.study_instance_uid.as_str(), instance.source.label(), *returns);
        groups.entry(key).or_default().push(instance.entry.instance.sop_instance_uid.as_str());
    }
    let mut write = Write::begin(shared).await?;
    for ((study, source, returns), instances) in groups {
        if returns {
            write.bring_back(study, &instances, &source).await?;
            continue;
        }
        let event = Event::new(&source, "instances.still_deleted", "study", study)
            .outcome("they are deleted, and stay so until somebody undoes it")
            .detail(serde_json::json!({ "instances": instances }).to_string());
        write.append_event(event.study(study)).await?;
    }
    write.commit().await
}

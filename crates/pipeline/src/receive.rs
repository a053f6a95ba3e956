//! The one way in. C-STORE, STOW-RS, import and the results of apps all come through here.

use crate::arrival::{Arrived, Order};
use crate::conflict::{Settlement, settle_conflict};
use crate::{PipelineError, ReceiveError};
use bytes::Bytes;
use futures_util::Stream;
use lightbox_dicom::same_data_set;
use lightbox_domain::{Actor, ConflictPolicy, DeploymentMode, Event, IndexEntry, Limits, Run, Source, Uid};
use lightbox_store::{BlobKey, Intake, NewInstance, Store, StoreError, now_ms};
use metrics::histogram;
use std::path::Path;
use std::sync::Arc;
use std::time::{Duration, Instant};
use tokio::sync::{Mutex, Semaphore};

/// Receives instances. Cheap to clone.
#[derive(Clone)]
pub struct Receiver {
    store: Store,
    limits: Arc<Limits>,
    quota: Arc<Mutex<Quota>>,
    /// For `arrivals_max`.
    places: Arc<Semaphore>,
    /// What becomes of newcomers under a known UID that no peer sent.
    conflicts: ConflictPolicy,
}

/// How much was stored when it was last asked for.
#[derive(Default)]
struct Quota {
    bytes: u64,
    asked: Option<Instant>,
}

/// For how long the answer to how much is stored is good enough: by what arrives meanwhile a quota may be exceeded.
const QUOTA_AGE_MAX: Duration = Duration::from_secs(5);

/// What became of an instance.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum ReceivedOutcome {
    /// It is stored.
    Stored,
    /// The same data set was stored already; no new work.
    Duplicate,
    /// Another data set with this SOP Instance UID is stored and stays; the newcomer lies on the conflict shelf.
    Conflict,
    /// Another data set with this SOP Instance UID was stored; it lies on the conflict shelf now, the newcomer counts.
    Replaced,
}

impl ReceivedOutcome {
    /// The outcome's name in metrics.
    const fn as_str(self) -> &'static str {
        match self {
            Self::Stored => "stored",
            Self::Duplicate => "duplicate",
            Self::Conflict => "conflict",
            Self::Replaced => "replaced",
        }
    }
}

/// An instance that was received.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Received {
    /// Its SOP class.
    pub sop_class_uid: Uid,
    /// Its SOP Instance UID.
    pub sop_instance_uid: Uid,
    /// Its study.
    pub study_instance_uid: Uid,
    /// Its series.
    pub series_instance_uid: Uid,
    /// What became of it.
    pub outcome: ReceivedOutcome,
}

impl Receiver {
    /// A receiver into this store.
    #[must_use]
    pub fn new(store: Store, limits: Arc<Limits>) -> Self {
        let places = Arc::new(Semaphore::new(limits.arrivals_max.max(1)));
        Self { store, limits, quota: Arc::default(), places, conflicts: ConflictPolicy::KeepFirst }
    }

    /// The same, with a policy of its own for newcomers under a known UID that are uploaded or imported; of a peer's, the
    /// peer's policy decides.
    #[must_use]
    pub fn deciding(self, conflicts: ConflictPolicy) -> Self {
        Self { conflicts, ..self }
    }

    /// Receives an instance as a stream of the bytes of a DICOM file (PS3.10 §7). Returns once file and row are
    /// durable. An error in the stream means that the sender broke off.
    ///
    /// # Errors
    /// [`ReceiveError`]; nothing of the instance is then kept.
    pub async fn receive<S>(&self, source: Source, chunks: S) -> Result<Received, ReceiveError>
    where
        S: Stream<Item = std::io::Result<Bytes>> + Send + Unpin,
    {
        self.check_quota().await?;
        self.settle(self.order(source).take_stream(chunks).await?).await
    }

    /// The same from a sender who said to which study the instance belongs.
    ///
    /// # Errors
    /// As [`Receiver::receive`], and [`ReceiveError::OtherStudy`].
    pub async fn receive_into<S>(&self, source: Source, study: &Uid, chunks: S) -> Result<Received, ReceiveError>
    where
        S: Stream<Item = std::io::Result<Bytes>> + Send + Unpin,
    {
        self.check_quota().await?;
        let order = Order { study: Some(study.clone()), ..self.order(source) };
        self.settle(order.take_stream(chunks).await?).await
    }

    /// Receives an instance that is in memory as a DICOM file.
    ///
    /// # Errors
    /// As [`Receiver::receive`].
    pub async fn receive_bytes(&self, source: Source, bytes: Vec<u8>) -> Result<Received, ReceiveError> {
        self.settle(self.order(source).take_bytes(bytes).await?).await
    }

    /// Receives a DICOM file from a path.
    ///
    /// # Errors
    /// As [`Receiver::receive`].
    pub async fn receive_file(&self, source: Source, path: &Path) -> Result<Received, ReceiveError> {
        self.check_quota().await?;
        self.settle(self.order(source).take_file(path.to_owned()).await?).await
    }

    /// Receives a result of a run. In shadow mode it stays outside the study's index.
    pub(crate) async fn receive_result(&self, run: &Run, bytes: Vec<u8>) -> Result<Received, ReceiveError> {
        let indexed = run.mode == DeploymentMode::Live;
        let order = Order { indexed, ..self.order(Source::Run(run.id.clone())) };
        self.settle(order.take_bytes(bytes).await?).await
    }

    fn order(&self, source: Source) -> Order {
        let (store, limits, places) = (self.store.clone(), Arc::clone(&self.limits), Arc::clone(&self.places));
        Order { store, limits, places, source, indexed: true, study: None }
    }

    /// Refuses what arrives once the archive is as large as it may become.
    async fn check_quota(&self) -> Result<(), ReceiveError> {
        if self.limits.archive_bytes_max == u64::MAX {
            return Ok(());
        }
        let mut quota = self.quota.lock().await;
        if quota.asked.is_none_or(|asked| asked.elapsed() > QUOTA_AGE_MAX) {
            quota.bytes = u64::try_from(self.store.volume().await?.bytes).unwrap_or(0);
            quota.asked = Some(Instant::now());
        }
        match quota.bytes < self.limits.archive_bytes_max {
            true => Ok(()),
            false => Err(ReceiveError::ArchiveFull { bytes: quota.bytes }),
        }
    }

    /// Keeps the file of what has a row now, on the conflict shelf if need be, and removes that of a duplicate.
    async fn settle(&self, (instance, intake): Arrived) -> Result<Received, ReceiveError> {
        let outcome = match intake {
            Intake::Stored => ReceivedOutcome::Stored,
            Intake::Duplicate => ReceivedOutcome::Duplicate,
            Intake::Differs { stored } => self.settle_difference(&instance, stored).await?,
        };
        let waited = Duration::from_millis(u64::try_from(now_ms() - instance.received_ms).unwrap_or(0));
        histogram!("lightbox_receive_seconds", "outcome" => outcome.as_str()).record(waited);
        if outcome == ReceivedOutcome::Duplicate {
            self.discard(instance.file.key.clone()).await?;
        }
        let IndexEntry { study, series, instance, .. } = instance.entry;
        Ok(Received {
            sop_class_uid: instance.sop_class_uid,
            sop_instance_uid: instance.sop_instance_uid,
            study_instance_uid: study.study_instance_uid,
            series_instance_uid: series.series_instance_uid,
            outcome,
        })
    }

    /// The same UID with other bytes: the same data set in another encoding is a duplicate, anything else a conflict.
    async fn settle_difference(
        &self,
        newcomer: &NewInstance,
        stored: BlobKey,
    ) -> Result<ReceivedOutcome, ReceiveError> {
        let blobs = self.store.blobs();
        let (new_path, stored_path) = (blobs.path(&newcomer.file.key), blobs.path(&stored));
        let limits = Arc::clone(&self.limits);
        let compare = move || same_data_set(&new_path, &stored_path, &limits);
        // What cannot be compared is not known to be equal, and is kept.
        if tokio::task::spawn_blocking(compare).await.is_ok_and(|same| same.unwrap_or(false)) {
            return Ok(ReceivedOutcome::Duplicate);
        }
        let policy = match &newcomer.source {
            Source::Peer(ae_title) => self.store.conflict_policy(ae_title).await?,
            Source::Upload(_) | Source::Import => self.conflicts,
            Source::Run(_) => ConflictPolicy::KeepFirst,
        };
        if policy == ConflictPolicy::Refuse {
            return self.refuse(newcomer).await;
        }
        match self.store.shelve_conflict(newcomer).await? {
            true => tracing::warn!(
                sop_instance_uid = %newcomer.entry.instance.sop_instance_uid,
                source = %newcomer.source.label(),
                "put an instance on the conflict shelf: another data set with its UID is stored"
            ),
            // The same lies there already.
            false => self.discard(newcomer.file.key.clone()).await?,
        }
        if policy == ConflictPolicy::Replace && self.replace(newcomer).await? {
            return Ok(ReceivedOutcome::Replaced);
        }
        Ok(ReceivedOutcome::Conflict)
    }

    /// Does not take a newcomer, which the log says.
    async fn refuse(&self, newcomer: &NewInstance) -> Result<ReceivedOutcome, ReceiveError> {
        let (instance, study) = (&newcomer.entry.instance, &newcomer.entry.study.study_instance_uid);
        let uid = instance.sop_instance_uid.as_str();
        let event = Event::new(&newcomer.source.label(), "instance.refused", "instance", uid).outcome(
            "another data set with this SOP Instance UID is stored, and the newcomer's sender may not replace it",
        );
        let mut write = self.store.write().await?;
        write.append_event(event.study(study.as_str())).await?;
        write.commit().await?;
        self.discard(newcomer.file.key.clone()).await?;
        let (sop_class_uid, sop_instance_uid) = (instance.sop_class_uid.clone(), instance.sop_instance_uid.clone());
        Err(ReceiveError::Conflict { sop_class_uid, sop_instance_uid })
    }

    /// Puts a newcomer from the shelf in the place of what is stored, as a person could; false where a person could not, or
    /// has decided otherwise. It then waits on the shelf.
    async fn replace(&self, newcomer: &NewInstance) -> Result<bool, ReceiveError> {
        let uid = newcomer.entry.instance.sop_instance_uid.as_str();
        let shelved = self.store.shelved(uid, &newcomer.data_set_digest).await?;
        let Some(shelved) = shelved.filter(|shelved| shelved.state != "kept") else { return Ok(false) };
        let sender = Actor::system(&newcomer.source.label());
        match settle_conflict(&self.store, &self.limits, &shelved.id, Settlement::Replace, &sender).await {
            Ok(()) => Ok(true),
            Err(PipelineError::Store(error @ (StoreError::Unwritten(_) | StoreError::Closed))) => Err(error.into()),
            Err(error) => {
                tracing::info!(%error, sop_instance_uid = uid, "a newcomer does not replace what is stored yet");
                Ok(false)
            }
        }
    }

    async fn discard(&self, key: BlobKey) -> Result<(), ReceiveError> {
        let blobs = self.store.blobs().clone();
        let removed = tokio::task::spawn_blocking(move || blobs.remove(&key)).await;
        Ok(removed.unwrap_or_else(|error| Err(lightbox_store::StoreError::Unwritten(error.to_string())))?)
    }
}

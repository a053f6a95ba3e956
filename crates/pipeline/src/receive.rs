//! The one way in. C-STORE, STOW-RS, import and the results of apps all come through here.

use crate::ReceiveError;
use bytes::Bytes;
use futures_util::{Stream, StreamExt};
use lightbox_dicom::{DatasetHasher, inspect, same_data_set};
use lightbox_domain::{DeploymentMode, IndexEntry, InstanceAttributes, Limits, Run, Source, Uid};
use lightbox_store::{BlobKey, Blobs, Incoming, Intake, Kept, NewInstance, Store, now_ms};
use metrics::histogram;
use std::io::Read;
use std::path::Path;
use std::sync::Arc;
use std::time::{Duration, Instant};
use tokio::sync::{Mutex, mpsc};

/// How many pieces of an instance may wait for the disk before its sender is slowed down.
const PIECES_WAITING_MAX: usize = 8;

/// How much of a file is read at once when it is imported, in bytes.
const IMPORT_PIECE_BYTES: usize = 256 * 1024;

/// Receives instances. Cheap to clone.
#[derive(Clone)]
pub struct Receiver {
    store: Store,
    limits: Arc<Limits>,
    quota: Arc<Mutex<Quota>>,
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
}

impl ReceivedOutcome {
    /// The outcome's name in metrics.
    const fn as_str(self) -> &'static str {
        match self {
            Self::Stored => "stored",
            Self::Duplicate => "duplicate",
            Self::Conflict => "conflict",
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

/// What became of an instance whose sender said to which study it belongs.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum ReceivedInto {
    /// It belongs there and was received.
    Study(Received),
    /// It belongs to another study and was not kept.
    OtherStudy {
        /// Its SOP class.
        sop_class_uid: Uid,
        /// Its SOP Instance UID.
        sop_instance_uid: Uid,
    },
}

/// A file that is durable and described, but has no row yet.
struct Durable {
    file: Kept,
    entry: IndexEntry,
    data_set_digest: String,
    received_ms: i64,
}

/// What a sender hands to the thread that writes.
enum Piece {
    Bytes(Bytes),
    End,
}

impl Receiver {
    /// A receiver into this store.
    #[must_use]
    pub fn new(store: Store, limits: Arc<Limits>) -> Self {
        Self { store, limits, quota: Arc::default() }
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
        let durable = self.write_stream(chunks).await?;
        self.index(source, durable, true).await
    }

    /// The same from a sender who said to which study the instance belongs. One of another study is not kept.
    ///
    /// # Errors
    /// As [`Receiver::receive`].
    pub async fn receive_into<S>(&self, source: Source, study: &Uid, chunks: S) -> Result<ReceivedInto, ReceiveError>
    where
        S: Stream<Item = std::io::Result<Bytes>> + Send + Unpin,
    {
        let durable = self.write_stream(chunks).await?;
        if durable.entry.study.study_instance_uid == *study {
            return self.index(source, durable, true).await.map(ReceivedInto::Study);
        }
        self.discard(durable.file.key).await?;
        let InstanceAttributes { sop_class_uid, sop_instance_uid, .. } = durable.entry.instance;
        Ok(ReceivedInto::OtherStudy { sop_class_uid, sop_instance_uid })
    }

    /// Writes a stream to a durable file, which has no row yet.
    async fn write_stream<S>(&self, mut chunks: S) -> Result<Durable, ReceiveError>
    where
        S: Stream<Item = std::io::Result<Bytes>> + Send + Unpin,
    {
        self.check_quota().await?;
        let (pieces, waiting) = mpsc::channel(PIECES_WAITING_MAX);
        let (blobs, limits) = (self.store.blobs().clone(), Arc::clone(&self.limits));
        let writing = tokio::task::spawn_blocking(move || write_pieces(&blobs, &limits, waiting));
        let mut aborted = None;
        while let Some(chunk) = chunks.next().await {
            match chunk {
                Ok(bytes) => {
                    if pieces.send(Piece::Bytes(bytes)).await.is_err() {
                        // The writer has given up; its error says why.
                        break;
                    }
                }
                Err(error) => {
                    aborted = Some(error);
                    break;
                }
            }
        }
        if aborted.is_none() {
            let _ = pieces.send(Piece::End).await;
        }
        drop(pieces);
        let written = writing.await.unwrap_or_else(|error| Err(broken(&error)));
        match aborted {
            Some(error) => Err(ReceiveError::Aborted(error)),
            None => written,
        }
    }

    /// Receives an instance that is in memory as a DICOM file.
    ///
    /// # Errors
    /// As [`Receiver::receive`].
    pub async fn receive_bytes(&self, source: Source, bytes: Vec<u8>) -> Result<Received, ReceiveError> {
        self.receive_whole(source, bytes, true).await
    }

    /// Receives a DICOM file from a path.
    ///
    /// # Errors
    /// As [`Receiver::receive`].
    pub async fn receive_file(&self, source: Source, path: &Path) -> Result<Received, ReceiveError> {
        self.check_quota().await?;
        let (blobs, limits, path) = (self.store.blobs().clone(), Arc::clone(&self.limits), path.to_owned());
        let write = move || {
            let mut file = std::fs::File::open(path).map_err(ReceiveError::Aborted)?;
            let mut arrival = Arrival::begin(&blobs, &limits)?;
            let mut piece = vec![0; IMPORT_PIECE_BYTES];
            loop {
                match file.read(&mut piece).map_err(ReceiveError::Aborted)? {
                    0 => return arrival.end(&blobs, &limits),
                    count => arrival.write(&piece[..count])?,
                }
            }
        };
        let written = tokio::task::spawn_blocking(write).await.unwrap_or_else(|error| Err(broken(&error)))?;
        self.index(source, written, true).await
    }

    /// Receives a result of a run. In shadow mode it stays outside the study's index.
    pub(crate) async fn receive_result(&self, run: &Run, bytes: Vec<u8>) -> Result<Received, ReceiveError> {
        self.receive_whole(Source::Run(run.id.clone()), bytes, run.mode == DeploymentMode::Live).await
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

    async fn receive_whole(&self, source: Source, bytes: Vec<u8>, indexed: bool) -> Result<Received, ReceiveError> {
        let (blobs, limits) = (self.store.blobs().clone(), Arc::clone(&self.limits));
        let write = move || {
            let mut arrival = Arrival::begin(&blobs, &limits)?;
            arrival.write(&bytes)?;
            arrival.end(&blobs, &limits)
        };
        let written = tokio::task::spawn_blocking(write).await.unwrap_or_else(|error| Err(broken(&error)))?;
        self.index(source, written, indexed).await
    }

    /// Gives a durable file its row, or finds that it needs none.
    async fn index(&self, source: Source, durable: Durable, indexed: bool) -> Result<Received, ReceiveError> {
        let Durable { file, entry, data_set_digest, received_ms } = durable;
        let instance = NewInstance { entry, file, data_set_digest, source, received_ms, indexed };
        let outcome = match self.store.insert_instance(instance.clone()).await? {
            Intake::Stored => ReceivedOutcome::Stored,
            Intake::Duplicate => ReceivedOutcome::Duplicate,
            Intake::Differs { stored } => self.settle_difference(&instance, stored).await?,
        };
        let waited = Duration::from_millis(u64::try_from(now_ms() - received_ms).unwrap_or(0));
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
        let same = tokio::task::spawn_blocking(compare).await.is_ok_and(|same| same.unwrap_or(false));
        if same || !self.store.shelve_conflict(newcomer).await? {
            return Ok(match same {
                true => ReceivedOutcome::Duplicate,
                false => {
                    self.discard(newcomer.file.key.clone()).await?;
                    ReceivedOutcome::Conflict
                }
            });
        }
        tracing::warn!(
            sop_instance_uid = %newcomer.entry.instance.sop_instance_uid,
            source = %newcomer.source.label(),
            "put an instance on the conflict shelf: another data set with its UID is stored"
        );
        Ok(ReceivedOutcome::Conflict)
    }

    async fn discard(&self, key: BlobKey) -> Result<(), ReceiveError> {
        let blobs = self.store.blobs().clone();
        let removed = tokio::task::spawn_blocking(move || blobs.remove(&key)).await;
        Ok(removed.unwrap_or_else(|error| Err(lightbox_store::StoreError::Unwritten(error.to_string())))?)
    }
}

/// An instance that is being written, with the digest of its data set on the way.
struct Arrival {
    incoming: Incoming,
    hasher: DatasetHasher,
}

impl Arrival {
    fn begin(blobs: &Blobs, limits: &Limits) -> Result<Self, ReceiveError> {
        let free_bytes = blobs.free_bytes()?;
        if free_bytes < limits.disk_free_bytes_min {
            return Err(ReceiveError::DiskLow { free_bytes });
        }
        Ok(Self { incoming: blobs.begin(limits.instance_bytes_max)?, hasher: DatasetHasher::new() })
    }

    fn write(&mut self, bytes: &[u8]) -> Result<(), ReceiveError> {
        self.hasher.update(bytes);
        Ok(self.incoming.write(bytes)?)
    }

    fn end(self, blobs: &Blobs, limits: &Limits) -> Result<Durable, ReceiveError> {
        let received_ms = now_ms();
        let written = self.incoming.finish();
        let entry = inspect(written.path(), limits)?;
        let file = blobs.keep(written)?;
        Ok(Durable { file, entry, data_set_digest: self.hasher.finish(), received_ms })
    }
}

fn write_pieces(blobs: &Blobs, limits: &Limits, mut pieces: mpsc::Receiver<Piece>) -> Result<Durable, ReceiveError> {
    let mut arrival = Arrival::begin(blobs, limits)?;
    loop {
        match pieces.blocking_recv() {
            Some(Piece::Bytes(bytes)) => arrival.write(&bytes)?,
            Some(Piece::End) => return arrival.end(blobs, limits),
            None => return Err(ReceiveError::Aborted(std::io::ErrorKind::UnexpectedEof.into())),
        }
    }
}

fn broken(error: &tokio::task::JoinError) -> ReceiveError {
    ReceiveError::Store(lightbox_store::StoreError::Unwritten(format!("the writing thread broke: {error}")))
}

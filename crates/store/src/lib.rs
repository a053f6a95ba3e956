//! All that persists: SQL, blobs, the event log, jobs; the nudge and the broadcast of committed events.
//!
//! The only crate that speaks SQL. Reads are methods of [`Store`]; whatever changes goes through a [`Write`], which is
//! one transaction: its events are appended in it, and only after its commit are they broadcast and workers nudged.
//! Instances take a way of their own, because many wait for one commit: [`Store::insert_instance`].

mod accounts;
mod backup;
mod batch;
mod blobs;
mod checkpoint;
mod clock;
mod columns;
mod commitments;
mod compression;
mod conflicts;
mod database;
mod deletions;
mod deliveries;
mod deployments;
mod digest;
mod error;
mod events;
mod folder;
mod index;
mod instances;
mod intake;
mod jobs;
mod lifecycle;
mod local;
mod metadata;
mod nudge;
mod order_matches;
mod orders;
mod overlays;
mod patients;
mod peers;
mod procedure_steps;
mod purge;
mod restore;
mod runs;
mod search;
mod set_back;
mod studies;
mod timeline;
mod upgrade;
mod workitems;
mod write;

pub use accounts::{Account, Token};
pub use backup::{BackedUp, BackupBy, BackupFile, BackupManifest, Progress};
pub use blobs::{BlobKey, Blobs, Incoming, Kept, Written};
pub use clock::{new_id, now_ms};
pub use commitments::{Commitment, CommitmentRequest, StoredEvidence};
pub use compression::SmallerFile;
pub use conflicts::Shelved;
pub use deletions::Deletion;
pub use deliveries::Delivery;
pub use digest::FileDigest;
pub use error::StoreError;
pub use events::{LiveEvent, LogLine};
pub use folder::{DataFolder, FolderLock};
pub use instances::StoredInstance;
pub use intake::{Intake, NewInstance};
pub use jobs::{Claimed, JobCount};
pub use lifecycle::AgedSeries;
pub use metadata::{InstanceMetadata, KeptMetadata, SeriesMetadata};
pub use order_matches::{MATCHER, MatchDecision, StoredMatch};
pub use orders::{NewOrder, OrderFilter, Saved};
pub use overlays::{Changed, NewOverlay};
pub use procedure_steps::{ListedSeries, ProcedureStep};
pub use restore::{Restored, restore};
pub use runs::{NewRun, StoredResult};
pub use search::Found;
pub use studies::{StoredSeries, StoredStudy, Volume, WorklistFilter};
pub use timeline::{LeftJob, TracedCommitment, TracedDelivery};
pub use workitems::Workitem;
pub use write::Write;

use std::sync::Arc;
use tokio::runtime::Handle;
use tokio::sync::{Mutex, broadcast, mpsc, watch};

/// How many live events a slow watcher may lag behind before it is told to look at everything again.
const LIVE_EVENTS_KEPT: usize = 1_024;

/// The store of one data folder. Cheap to clone.
#[derive(Clone)]
pub struct Store {
    shared: Arc<Shared>,
}

struct Shared {
    database: database::Database,
    blobs: Blobs,
    metadata: Blobs,
    metadata_in_memory: metadata::InMemory,
    folder: DataFolder,
    intake: intake::Queue,
    local_readers: local::Readers,
    /// Held by whoever writes: SQLite has one writer at a time, and waits badly.
    turn: Arc<Mutex<()>>,
    live: broadcast::Sender<LiveEvent>,
    nudge: nudge::Nudge,
    runtime: Handle,
}

impl Store {
    /// Opens the data folder's database, brings its schema up to date and starts the intake.
    ///
    /// # Errors
    /// [`StoreError`] when the folder, the database or the schema cannot be used.
    pub async fn open(folder: &DataFolder) -> Result<Self, StoreError> {
        let database = database::Database::open(&folder.database_url()).await?;
        let (requests, waiting) = mpsc::channel(intake::WAITING_MAX);
        let intake = match database.sqlite {
            true => intake::Queue::Local(local::Local::open(&folder.database())?),
            false => intake::Queue::Task(requests),
        };
        let (live, _) = broadcast::channel(LIVE_EVENTS_KEPT);
        let (blobs, metadata) = (Blobs::of_instances(folder), Blobs::of_metadata(folder));
        let folder = folder.clone();
        let runtime = Handle::current();
        let nudge = nudge::Nudge::new(runtime.clone());
        let (turn, local_readers) = (Arc::default(), local::Readers::new(folder.database()));
        let metadata_in_memory = metadata::InMemory::default();
        let shared = Shared {
            database,
            blobs,
            metadata,
            metadata_in_memory,
            folder,
            intake,
            local_readers,
            turn,
            live,
            nudge,
            runtime,
        };
        let store = Self { shared: Arc::new(shared) };
        tokio::spawn(intake::serve(Arc::downgrade(&store.shared), waiting));
        if store.shared.database.sqlite {
            tokio::spawn(checkpoint::run(Arc::downgrade(&store.shared)));
        }
        store.fill_old_rows().await?;
        Ok(store)
    }

    /// The bytes of instances.
    #[must_use]
    pub fn blobs(&self) -> &Blobs {
        &self.shared.blobs
    }

    /// The data folder.
    #[must_use]
    pub fn folder(&self) -> &DataFolder {
        &self.shared.folder
    }

    /// What is committed from now on, for those who watch.
    #[must_use]
    pub fn watch(&self) -> broadcast::Receiver<LiveEvent> {
        self.shared.live.subscribe()
    }

    /// Changes whenever a job that was ordered is due. A nudge is only a hint; the job's row is the truth.
    #[must_use]
    pub fn nudges(&self) -> watch::Receiver<u64> {
        self.shared.nudge.subscribe()
    }

    /// Begins a transaction.
    ///
    /// # Errors
    /// When the database cannot be reached.
    pub async fn write(&self) -> Result<Write, StoreError> {
        Write::begin(&self.shared).await
    }

    /// Closes every connection to the database; whoever still uses the store is refused.
    pub async fn close(self) {
        if let intake::Queue::Local(local) = &self.shared.intake {
            local.close();
        }
        self.shared.local_readers.close();
        self.shared.database.close().await;
    }

    fn readers(&self) -> &sqlx::AnyPool {
        &self.shared.database.readers
    }
}

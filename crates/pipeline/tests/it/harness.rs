//! A pipeline over a folder of its own.

use bytes::Bytes;
use lightbox_domain::{Actor, Deployment, DeploymentMode, Job, JobKind, Limits, Run, Source};
use lightbox_inference::Runners;
use lightbox_pipeline::{DeploymentTerms, Pipeline, ReceiveError, Received, Worker, deploy};
use lightbox_store::{DataFolder, Kept, Store};
use std::sync::Arc;
use std::time::Duration;
use tempfile::TempDir;
use tokio::sync::watch;

/// How long a test waits for what must come.
const WAIT_MAX: Duration = Duration::from_secs(60);

pub struct TestPipeline {
    pub pipeline: Pipeline,
    pub folder: DataFolder,
    _directory: TempDir,
}

impl TestPipeline {
    pub async fn open() -> Self {
        Self::open_with(Limits::default()).await
    }

    pub async fn open_with(limits: Limits) -> Self {
        let directory = tempfile::tempdir().expect("a folder");
        let folder = DataFolder::open(directory.path()).expect("a data folder");
        let store = Store::open(&folder).await.expect("a store");
        let pipeline = Pipeline::new(store, Arc::new(Runners::new(None, None)), Arc::new(limits));
        Self { pipeline, folder, _directory: directory }
    }

    pub fn store(&self) -> &Store {
        &self.pipeline.store
    }

    pub async fn deploy(&self, mode: DeploymentMode) -> Deployment {
        let actor = Actor::system("test");
        let terms = DeploymentTerms { mode, jurisdiction: None };
        deploy(self.store(), &self.folder, &lightbox_testkit::app(), terms, &actor).await.expect("deployed")
    }

    /// Receives in pieces of 1,000 bytes.
    pub async fn receive(&self, bytes: Vec<u8>) -> Result<Received, ReceiveError> {
        let pieces: Vec<_> = bytes.chunks(1_000).map(|piece| Ok(Bytes::copy_from_slice(piece))).collect();
        let source = Source::Peer("CT1".to_owned());
        self.pipeline.receiver.receive(source, futures_util::stream::iter(pieces)).await
    }

    /// Orders that a series is routed, as if an app had been deployed when it arrived.
    pub async fn order_routing(&self, study: &str, series: &str) {
        let (study_instance_uid, series_instance_uid) = (study.to_owned(), series.to_owned());
        let mut write = self.store().write().await.expect("a transaction");
        write.enqueue(&Job::Route { study_instance_uid, series_instance_uid }, 0).await.expect("ordered");
        write.commit().await.expect("committed");
    }

    /// Works until no job is left.
    pub async fn work(&self) {
        self.work_with(Worker::new(self.pipeline.clone())).await;
    }

    pub async fn work_with(&self, worker: Worker) {
        let (stop, stopped) = watch::channel(false);
        let working = tokio::spawn(worker.work(stopped));
        let drained = async {
            while self.store().jobs_left(JobKind::Explain).await.expect("counted") > 0 {
                tokio::time::sleep(Duration::from_millis(10)).await;
            }
        };
        tokio::time::timeout(WAIT_MAX, drained).await.expect("no job is left");
        stop.send(true).expect("the worker listens");
        working.await.expect("the worker ends");
    }

    pub async fn runs(&self, study_instance_uid: &str) -> Vec<Run> {
        self.store().runs_of_study(study_instance_uid).await.expect("runs")
    }

    /// Makes a file durable that no row names.
    pub fn keep_file(&self, bytes: &[u8]) -> Kept {
        let mut incoming = self.store().blobs().begin(u64::MAX).expect("begun");
        incoming.write(bytes).expect("written");
        self.store().blobs().keep(incoming.finish()).expect("kept")
    }

    /// Files under `blobs`.
    pub fn files(&self) -> usize {
        let mut folders = vec![self.folder.root().join("blobs")];
        let mut files = 0;
        while let Some(folder) = folders.pop() {
            for entry in std::fs::read_dir(folder).expect("listed") {
                let path = entry.expect("an entry").path();
                match path.is_dir() {
                    true => folders.push(path),
                    false => files += 1,
                }
            }
        }
        files
    }

    /// The kinds of job that are left.
    pub async fn jobs_left(&self) -> Vec<JobKind> {
        let mut kinds = Vec::new();
        while let Some(claimed) = self.store().claim(JobKind::Explain).await.expect("claimed") {
            kinds.push(claimed.job.kind());
        }
        kinds
    }
}

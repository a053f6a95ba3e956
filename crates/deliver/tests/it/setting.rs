//! A store with a film, a finished run on it and its report, whose delivery is due.

use lightbox_dicom::{Header, ResultContext, write_report};
use lightbox_domain::{
    Code, Deployment, DeploymentMode, Finding, Limits, Manifest, Peer, ResultKind, Run, RunState, Source, Uid,
};
use lightbox_pipeline::{Received, Receiver};
use lightbox_store::{DataFolder, Delivery, NewRun, Store, StoredResult, new_id, now_ms};
use lightbox_testkit::Film;
use std::collections::BTreeMap;
use std::path::Path;
use std::sync::Arc;
use tempfile::TempDir;

pub struct Setting {
    pub store: Store,
    pub run: Run,
    pub report: Uid,
    _directory: TempDir,
}

impl Setting {
    /// A live result that is due at this peer.
    pub async fn due_at(peer: &Peer) -> Self {
        Self::due(peer, DeploymentMode::Live).await
    }

    pub async fn due(peer: &Peer, mode: DeploymentMode) -> Self {
        let directory = tempfile::tempdir().unwrap();
        let store = Store::open(&DataFolder::open(directory.path()).unwrap()).await.unwrap();
        let receiver = Receiver::new(store.clone(), Arc::new(Limits::default()));
        let film = receiver.receive_bytes(Source::Import, Film::new().bytes()).await.unwrap();
        let deployment = insert_deployment(&store, directory.path()).await;
        let run = insert_run(&store, &deployment, &film, mode).await;
        let report = write(&store, &deployment, &run).await;
        let received = receiver.receive_bytes(Source::Run(run.id.clone()), report).await.unwrap();
        order(&store, peer, &run, &received).await;
        Self { store, run, report: received.sop_instance_uid, _directory: directory }
    }

    pub async fn delivery(&self) -> Delivery {
        let deliveries = self.store.deliveries(&self.run.id).await.unwrap();
        assert_eq!(deliveries.len(), 1);
        deliveries.into_iter().next().unwrap()
    }

    pub async fn deliver(&self) -> Result<(), lightbox_pipeline::JobError> {
        lightbox_deliver::deliver(&self.store, &lightbox_dimse::Node::new("LIGHTBOX"), &self.delivery().await.id).await
    }

    /// How often the event log tells of this.
    pub async fn told(&self, action: &str) -> usize {
        let lines = self.store.events(i64::MAX, 1_000).await.unwrap();
        lines.iter().filter(|line| line.action == action).count()
    }
}

async fn insert_deployment(store: &Store, folder: &Path) -> Deployment {
    let path = concat!(env!("CARGO_MANIFEST_DIR"), "/../../apps/cxr-pneumonia/app.toml");
    let text = std::fs::read_to_string(path).unwrap();
    let deployment = Deployment {
        id: new_id(),
        digest: "5".repeat(64),
        folder: folder.to_owned(),
        manifest: Manifest::parse(&text).unwrap(),
        mode: DeploymentMode::Live,
        enabled: true,
        jurisdiction: None,
        thresholds: BTreeMap::new(),
        created_ms: now_ms(),
    };
    let mut write = store.write().await.unwrap();
    write.insert_deployment(&deployment, &text).await.unwrap();
    write.commit().await.unwrap();
    deployment
}

async fn insert_run(store: &Store, deployment: &Deployment, film: &Received, mode: DeploymentMode) -> Run {
    let new = NewRun {
        deployment_id: deployment.id.clone(),
        mode,
        study_instance_uid: film.study_instance_uid.clone(),
        series_instance_uid: film.series_instance_uid.clone(),
        sop_instance_uid: film.sop_instance_uid.clone(),
        received_ms: now_ms(),
        overridden: None,
        state: RunState::Queued,
        reason: String::new(),
        has_map: false,
    };
    let rule = &deployment.manifest.findings[0];
    let code = Code { scheme: "SCT".into(), value: "233604007".into(), meaning: "Pneumonia".into() };
    let finding = Finding { id: rule.id.clone(), code, score: 0.86, threshold: 0.5 };
    let mut write = store.write().await.unwrap();
    let id = write.insert_run(&new).await.unwrap().unwrap();
    write.advance_run(&id, RunState::Running, "").await.unwrap();
    write.store_findings(&id, &[finding], 24_000).await.unwrap();
    write.commit().await.unwrap();
    store.run(&id).await.unwrap().unwrap()
}

async fn write(store: &Store, deployment: &Deployment, run: &Run) -> Vec<u8> {
    let film = store.instance(run.sop_instance_uid.as_str()).await.unwrap().unwrap();
    let source = Header::read(&store.blobs().path(&film.blob)).unwrap();
    let (manifest, digest) = (&deployment.manifest, deployment.digest.as_str());
    write_report(&ResultContext { source: &source, manifest, run, digest, clearance: None, language: "en" }).unwrap()
}

async fn order(store: &Store, peer: &Peer, run: &Run, received: &Received) {
    let result = StoredResult {
        kind: ResultKind::Report,
        sop_instance_uid: received.sop_instance_uid.clone(),
        series_instance_uid: received.series_instance_uid.clone(),
        stored_ms: now_ms(),
    };
    let mut write = store.write().await.unwrap();
    write.upsert_peer(peer).await.unwrap();
    write.insert_result(&run.id, &result).await.unwrap();
    write.order_deliveries(&run.id, &received.sop_instance_uid).await.unwrap();
    write.commit().await.unwrap();
}

//! The door under test, and a client for each role.

use axum::Router;
use axum::body::{Body, to_bytes};
use axum::http::{HeaderMap, Method, Request, StatusCode, header};
use lightbox_dicom::{DatasetHasher, Hashed, inspect};
use lightbox_domain::{
    Deployment, DeploymentMode, Finding, Limits, Manifest, Map, ResultKind, Role, RunState, Source, Uid,
};
use lightbox_http::{EchoOutcome, HttpState, router};
use lightbox_identity::create_token;
use lightbox_pipeline::Receiver;
use lightbox_store::{DataFolder, FileDigest, Intake, NewInstance, NewRun, Store, StoredResult, now_ms};
use lightbox_testkit::Film;
use serde_json::Value;
use std::collections::BTreeMap;
use std::sync::Arc;
use tempfile::TempDir;
use tower::ServiceExt;

const MANIFEST: &str = include_str!("../../../../apps/cxr-pneumonia/app.toml");

/// A server without a socket.
pub struct Door {
    pub store: Store,
    pub router: Router,
    limits: Arc<Limits>,
    _folder: TempDir,
}

/// Somebody who asks.
pub struct Client {
    router: Router,
    headers: Vec<(String, String)>,
}

/// An answer.
pub struct Reply {
    pub status: StatusCode,
    pub headers: HeaderMap,
    pub body: Vec<u8>,
}

impl Door {
    pub async fn open() -> Self {
        Self::with(Limits::default()).await
    }

    pub async fn with(limits: Limits) -> Self {
        let folder = tempfile::tempdir().unwrap();
        let store = Store::open(&DataFolder::open(folder.path()).unwrap()).await.unwrap();
        let limits = Arc::new(limits);
        let receiver = Receiver::new(store.clone(), Arc::clone(&limits));
        let echo =
            Arc::new(|peer: lightbox_domain::Peer| -> std::pin::Pin<Box<dyn Future<Output = EchoOutcome> + Send>> {
                let detail = format!("{} answered", peer.ae_title);
                Box::pin(async move { EchoOutcome { ok: true, ms: 3, detail } })
            });
        let state = HttpState::new(store.clone(), receiver, Arc::clone(&limits), "0.1.0", "Test site", echo);
        Self { store, router: router(state), limits, _folder: folder }
    }

    /// Somebody without login or token.
    pub fn nobody(&self) -> Client {
        Client { router: self.router.clone(), headers: vec![("host".to_owned(), "lightbox.test".to_owned())] }
    }

    /// A program with a token of this role.
    pub async fn client(&self, role: Role) -> Client {
        let name = format!("{role}-{}", self.store.tokens().await.unwrap().len());
        let actor = lightbox_domain::Actor::system("test");
        let token = create_token(&self.store, &name, role, &actor).await.unwrap();
        self.nobody().with("authorization", &format!("Bearer {token}"))
    }

    /// Stores a film as if it came by upload.
    pub async fn put(&self, film: &Film) {
        self.put_from(film, Source::Upload("test".to_owned()), true).await;
    }

    /// Stores a film as if it came from there.
    pub async fn put_from(&self, film: &Film, source: Source, indexed: bool) {
        let blobs = self.store.blobs();
        let mut incoming = blobs.begin(1 << 30).unwrap();
        incoming.write(&film.bytes()).unwrap();
        let file = blobs.keep(incoming.finish()).unwrap();
        let entry = inspect(&blobs.path(&file.key), &self.limits).unwrap();
        let mut hasher = DatasetHasher::new();
        hasher.update(&film.bytes());
        let Hashed { data_set_digest, head } = hasher.finish();
        let file_digest = FileDigest::chained(&head, &data_set_digest);
        let instance =
            NewInstance { entry, file, file_digest, data_set_digest, source, received_ms: now_ms(), indexed };
        let store = self.store.clone();
        let intake = tokio::task::spawn_blocking(move || store.insert_instance(instance)).await.unwrap();
        assert_eq!(intake.unwrap(), Intake::Stored);
    }

    /// Deploys the reference app, without its model.
    pub async fn deploy(&self, mode: DeploymentMode) -> Deployment {
        let deployment = Deployment {
            id: "01J0000000000000000000000A".to_owned(),
            digest: "d".repeat(64),
            folder: "releases".into(),
            manifest: Manifest::parse(MANIFEST).unwrap(),
            mode,
            enabled: true,
            jurisdiction: None,
            thresholds: BTreeMap::new(),
            created_ms: now_ms(),
        };
        let mut write = self.store.write().await.unwrap();
        write.insert_deployment(&deployment, MANIFEST).await.unwrap();
        write.commit().await.unwrap();
        deployment
    }

    /// A run of the deployment on the default film that ended in this state; finished, it has a finding, a map and a
    /// report with the UIDs 2.25.1, 2.25.20 and 2.25.30.
    pub async fn run(&self, deployment: &Deployment, state: RunState) -> String {
        let uid = |text: &str| Uid::parse(text).unwrap();
        let rejected = state == RunState::Rejected;
        let new = NewRun {
            deployment_id: deployment.id.clone(),
            mode: deployment.mode,
            study_instance_uid: uid("2.25.1"),
            series_instance_uid: uid("2.25.2"),
            sop_instance_uid: uid("2.25.3"),
            received_ms: now_ms(),
            overridden: None,
            state: if rejected { RunState::Rejected } else { RunState::Queued },
            reason: if rejected { "the patient's age is 40 years".to_owned() } else { String::new() },
            has_map: true,
        };
        let mut write = self.store.write().await.unwrap();
        let run_id = write.insert_run(&new).await.unwrap().unwrap();
        match state {
            RunState::Rejected => {}
            RunState::Failed => {
                write.advance_run(&run_id, RunState::Running, "").await.unwrap();
                write.advance_run(&run_id, RunState::Failed, "the model is missing").await.unwrap();
            }
            _ => finish(&mut write, deployment, &run_id).await,
        }
        write.refresh_summary("2.25.1").await.unwrap();
        write.commit().await.unwrap();
        if state == RunState::Finished {
            let report = Film::new().uids("2.25.1", "2.25.20", "2.25.30");
            let live = deployment.mode == DeploymentMode::Live;
            self.put_from(&report, Source::Run(run_id.clone()), live).await;
        }
        run_id
    }
}

async fn finish(write: &mut lightbox_store::Write, deployment: &Deployment, run_id: &str) {
    let rule = &deployment.manifest.findings[0];
    let finding = Finding { id: rule.id.clone(), code: rule.code.clone(), score: 0.86, threshold: rule.threshold };
    let map = Map { rows: 1, columns: 2, values: vec![0.25, 1.0], drop_max: 0.31, method: "occlusion".to_owned() };
    let report = StoredResult {
        kind: ResultKind::Report,
        sop_instance_uid: Uid::parse("2.25.30").unwrap(),
        series_instance_uid: Uid::parse("2.25.20").unwrap(),
        stored_ms: now_ms(),
    };
    write.advance_run(run_id, RunState::Running, "").await.unwrap();
    write.store_findings(run_id, &[finding], 24_300).await.unwrap();
    write.insert_result(run_id, &report).await.unwrap();
    write.store_map(run_id, Some(&map), 950).await.unwrap();
    write.advance_run(run_id, RunState::Finished, "").await.unwrap();
}

impl Client {
    /// The same with a header more.
    pub fn with(mut self, name: &str, value: &str) -> Self {
        self.headers.push((name.to_owned(), value.to_owned()));
        self
    }

    /// The value of a header that it sends.
    pub fn header(&self, name: &str) -> &str {
        self.headers.iter().find(|(known, _)| known == name).map_or("", |(_, value)| value)
    }

    pub async fn get(&self, path: &str) -> Reply {
        self.send("GET", path, &[], Vec::new()).await
    }

    /// GET with an `Accept` header.
    pub async fn accept(&self, path: &str, accept: &str) -> Reply {
        self.send("GET", path, &[("accept", accept)], Vec::new()).await
    }

    pub async fn post(&self, path: &str, body: &Value) -> Reply {
        self.json("POST", path, body).await
    }

    pub async fn json(&self, method: &str, path: &str, body: &Value) -> Reply {
        self.send(method, path, &[("content-type", "application/json")], body.to_string().into_bytes()).await
    }

    /// POST of these parts as STOW-RS does it.
    pub async fn stow(&self, path: &str, parts: &[Vec<u8>]) -> Reply {
        let content_type = "multipart/related; type=\"application/dicom\"; boundary=part";
        self.send("POST", path, &[("content-type", content_type)], message(parts)).await
    }

    pub async fn send(&self, method: &str, path: &str, headers: &[(&str, &str)], body: Vec<u8>) -> Reply {
        self.send_body(method, path, headers, Body::from(body)).await
    }

    pub async fn send_body(&self, method: &str, path: &str, headers: &[(&str, &str)], body: Body) -> Reply {
        let mut request = Request::builder().method(Method::from_bytes(method.as_bytes()).unwrap()).uri(path);
        for (name, value) in &self.headers {
            request = request.header(name, value);
        }
        for (name, value) in headers {
            request = request.header(*name, *value);
        }
        let response = self.router.clone().oneshot(request.body(body).unwrap()).await.unwrap();
        let (parts, body) = response.into_parts();
        let body = to_bytes(body, usize::MAX).await.unwrap().to_vec();
        Reply { status: parts.status, headers: parts.headers, body }
    }
}

/// A `multipart/related` message of DICOM files, with the boundary `part`.
pub fn message(parts: &[Vec<u8>]) -> Vec<u8> {
    let mut message = Vec::new();
    for part in parts {
        message.extend_from_slice(b"--part\r\nContent-Type: application/dicom\r\n\r\n");
        message.extend_from_slice(part);
        message.extend_from_slice(b"\r\n");
    }
    message.extend_from_slice(b"--part--\r\n");
    message
}

impl Reply {
    /// The status, for comparing to a number.
    pub fn code(&self) -> u16 {
        self.status.as_u16()
    }

    pub fn json(&self) -> Value {
        serde_json::from_slice(&self.body).unwrap_or_else(|error| panic!("{error}: {}", self.text()))
    }

    pub fn text(&self) -> String {
        String::from_utf8_lossy(&self.body).into_owned()
    }

    pub fn header(&self, name: &str) -> &str {
        self.headers.get(name).map(|value| value.to_str().unwrap()).unwrap_or_default()
    }

    /// The parts of a multipart answer: Content-Type and bytes of each.
    pub fn parts(&self) -> Vec<(String, Vec<u8>)> {
        let content_type = self.header(header::CONTENT_TYPE.as_str());
        let boundary = content_type.split("boundary=").nth(1).unwrap_or_else(|| panic!("{content_type}: no boundary"));
        let delimiter = format!("--{boundary}");
        let ends = find_all(&self.body, delimiter.as_bytes());
        let pairs = ends.windows(2).map(|pair| &self.body[pair[0] + delimiter.len() + 2..pair[1] - 2]);
        let read = |part: &[u8]| {
            let end = find_all(part, b"\r\n\r\n")[0];
            let head = String::from_utf8(part[..end].to_vec()).unwrap();
            (head.trim_start_matches("Content-Type: ").to_owned(), part[end + 4..].to_vec())
        };
        pairs.map(read).collect()
    }
}

fn find_all(bytes: &[u8], wanted: &[u8]) -> Vec<usize> {
    (0..bytes.len()).filter(|start| bytes[*start..].starts_with(wanted)).collect()
}

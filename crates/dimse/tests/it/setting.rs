//! A running door on a port of its own with an empty store, and the foreign programs that call it.

use lightbox_dimse::{DimseConfig, DimseServer};
use lightbox_domain::{AeTitle, Limits, Peer};
use lightbox_pipeline::Receiver;
use lightbox_store::{DataFolder, Store, StoredInstance};
use std::net::SocketAddr;
use std::path::Path;
use std::process::Output;
use std::sync::Arc;
use std::time::Duration;
use tempfile::TempDir;
use tokio::net::TcpListener;
use tokio::process::Command;
use tokio::sync::oneshot;
use tokio::task::JoinHandle;

/// Longer than anything here takes; a test that waits for it fails.
pub const PATIENCE: Duration = Duration::from_secs(30);

pub struct Setting {
    pub store: Store,
    pub address: SocketAddr,
    pub server: DimseServer,
    folder: TempDir,
    stop: oneshot::Sender<()>,
    served: JoinHandle<()>,
}

impl Setting {
    /// A door that admits `TEST` from anywhere.
    pub async fn start() -> Self {
        Self::start_with(|_| {}).await
    }

    pub async fn start_with(change: impl FnOnce(&mut Limits)) -> Self {
        let setting = Self::start_strict(false, change).await;
        setting.admit("TEST", None).await;
        setting
    }

    /// A door that admits nobody.
    pub async fn start_strict(strict_called_aet: bool, change: impl FnOnce(&mut Limits)) -> Self {
        let mut limits = Limits::default();
        change(&mut limits);
        let limits = Arc::new(limits);
        let folder = tempfile::tempdir().unwrap();
        let store = Store::open(&DataFolder::open(folder.path()).unwrap()).await.unwrap();
        let receiver = Receiver::new(store.clone(), Arc::clone(&limits));
        let config =
            DimseConfig { ae_title: AeTitle::parse("LIGHTBOX").unwrap(), strict_called_aet, limits, tls: None };
        let server = DimseServer::new(config, store.clone(), receiver);
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let address = listener.local_addr().unwrap();
        let (stop, stopped) = oneshot::channel::<()>();
        let serving = server.clone();
        let served = tokio::spawn(async move {
            let stopped = async { stopped.await.unwrap_or(()) };
            serving.serve(listener, stopped).await;
        });
        Self { store, address, server, folder, stop, served }
    }

    pub async fn admit(&self, ae_title: &str, host: Option<&str>) {
        self.admit_peer(&Peer { host: host.map(str::to_owned), ..Peer::new(ae_title, 0) }).await;
    }

    pub async fn admit_peer(&self, peer: &Peer) {
        let mut write = self.store.write().await.unwrap();
        write.upsert_peer(peer).await.unwrap();
        write.commit().await.unwrap();
    }

    /// The door as a peer that can be called.
    pub fn as_peer(&self) -> Peer {
        peer_at(self.address.port())
    }

    pub async fn instance(&self, sop_instance_uid: &str) -> Option<StoredInstance> {
        self.store.instance(sop_instance_uid).await.unwrap()
    }

    /// How many files are kept, conflict shelf included.
    pub async fn files_kept(&self) -> usize {
        self.store.files_after("", 10_000).await.unwrap().len()
    }

    /// Everything that lies under the data folder's `blobs`.
    pub fn files_on_disk(&self) -> usize {
        count_files(&self.folder.path().join("blobs"))
    }

    /// Stops the door as its server would, and waits until it has.
    pub async fn shut_down(self) {
        self.stop.send(()).unwrap();
        tokio::time::timeout(PATIENCE, self.served).await.expect("the door closes").unwrap();
    }
}

fn count_files(folder: &Path) -> usize {
    let entries = std::fs::read_dir(folder).unwrap().map(|entry| entry.unwrap().path());
    entries.map(|path| if path.is_dir() { count_files(&path) } else { 1 }).sum()
}

pub fn peer_at(port: u16) -> Peer {
    Peer { host: Some("127.0.0.1".to_owned()), port: Some(port), receives_results: true, ..Peer::new("PACS", 0) }
}

/// A dcmtk program's command line, without Nagle's delays.
pub fn dcmtk(program: &str) -> Command {
    let mut command = Command::new(program);
    command.env("TCP_NODELAY", "1").kill_on_drop(true);
    command
}

/// Runs a dcmtk program as `TEST` (or another title) against the door.
pub async fn call(program: &str, calling: &str, address: SocketAddr, arguments: &[&str]) -> Output {
    let mut command = dcmtk(program);
    command.args(["-v", "-aet", calling, "-aec", "LIGHTBOX"]);
    command.args(arguments.iter().filter(|argument| argument.starts_with(['-', '+'])));
    command.arg("127.0.0.1").arg(address.port().to_string());
    command.args(arguments.iter().filter(|argument| !argument.starts_with(['-', '+'])));
    let run = tokio::time::timeout(PATIENCE, command.output());
    run.await.expect("it ends").unwrap_or_else(|error| panic!("{program} (package dcmtk) cannot be run: {error}"))
}

/// All that a program printed.
pub fn said(output: &Output) -> String {
    format!("{}{}", String::from_utf8_lossy(&output.stdout), String::from_utf8_lossy(&output.stderr))
}

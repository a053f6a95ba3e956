//! dcmtk's `storescp` as a peer.

use lightbox_domain::Peer;
use std::path::PathBuf;
use std::time::Duration;
use tempfile::TempDir;
use tokio::net::{TcpListener, TcpStream};
use tokio::process::{Child, Command};

const PATIENCE: Duration = Duration::from_secs(30);

/// A running `storescp` that keeps what it gets in a folder.
pub struct Pacs {
    _process: Child,
    port: u16,
    folder: TempDir,
}

impl Pacs {
    /// One that takes everything.
    pub async fn start() -> Self {
        Self::start_with(tempfile::tempdir().unwrap(), &[]).await
    }

    /// One that takes everything, but only in the default transfer syntax.
    pub async fn in_implicit_vr() -> Self {
        Self::start_with(tempfile::tempdir().unwrap(), &["+xi"]).await
    }

    /// One that takes no other SOP classes than these.
    pub async fn that_takes(sop_classes: &[&str]) -> Self {
        let folder = tempfile::tempdir().unwrap();
        let contexts: String = sop_classes
            .iter()
            .enumerate()
            .map(|(index, class)| format!("PresentationContext{} = {class}\\Uncompressed\n", index + 1))
            .collect();
        let profile = format!(
            "[[TransferSyntaxes]]\n[Uncompressed]\nTransferSyntax1 = LittleEndianExplicit\n\
             TransferSyntax2 = LittleEndianImplicit\n[[PresentationContexts]]\n[Taken]\n{contexts}\
             [[Profiles]]\n[Default]\nPresentationContexts = Taken\n"
        );
        let file = folder.path().join("storescp.cfg");
        std::fs::write(&file, profile).unwrap();
        Self::start_with(folder, &["--config-file", file.to_str().unwrap(), "Default"]).await
    }

    async fn start_with(folder: TempDir, options: &[&str]) -> Self {
        let port = free_port().await;
        let received = folder.path().join("received");
        std::fs::create_dir(&received).unwrap();
        let mut command = Command::new("storescp");
        command.env("TCP_NODELAY", "1").kill_on_drop(true);
        command.args(options).arg("--output-directory").arg(received).arg(port.to_string());
        let process = command.spawn().expect("storescp (package dcmtk) can be run");
        let is_up = async { while TcpStream::connect(("127.0.0.1", port)).await.is_err() {} };
        tokio::time::timeout(PATIENCE, is_up).await.expect("storescp listens");
        Self { _process: process, port, folder }
    }

    pub fn peer(&self) -> Peer {
        peer_at(self.port)
    }

    /// The files that it got.
    pub fn files(&self) -> Vec<PathBuf> {
        let entries = std::fs::read_dir(self.folder.path().join("received")).unwrap();
        entries.map(|entry| entry.unwrap().path()).collect()
    }
}

pub fn peer_at(port: u16) -> Peer {
    Peer { host: Some("127.0.0.1".to_owned()), port: Some(port), receives_results: true, ..Peer::new("PACS", 0) }
}

pub async fn free_port() -> u16 {
    TcpListener::bind("127.0.0.1:0").await.unwrap().local_addr().unwrap().port()
}

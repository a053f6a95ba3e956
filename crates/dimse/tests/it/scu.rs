//! What Lightbox asks of dcmtk's `storescp`.

use crate::object::{EXPLICIT, IMPLICIT, JPEG_LS, Object};
use crate::setting::{PATIENCE, Setting, dcmtk, peer_at};
use lightbox_dimse::{DimseError, Node, Outgoing, Target, echo, send_files, store};
use lightbox_domain::Peer;
use std::path::Path;
use tempfile::TempDir;
use tokio::net::{TcpListener, TcpStream};
use tokio::process::Child;

/// A running `storescp` that keeps what it gets in a folder.
struct Pacs {
    _process: Child,
    port: u16,
    folder: TempDir,
}

impl Pacs {
    async fn start(options: &[&str]) -> Self {
        let folder = tempfile::tempdir().unwrap();
        let port = free_port().await;
        let mut command = dcmtk("storescp");
        command.args(options).arg("--output-directory").arg(folder.path()).arg(port.to_string());
        let process = command.spawn().expect("storescp (package dcmtk) can be run");
        let is_up = async { while TcpStream::connect(("127.0.0.1", port)).await.is_err() {} };
        tokio::time::timeout(PATIENCE, is_up).await.expect("storescp listens");
        Self { _process: process, port, folder }
    }

    fn peer(&self) -> Peer {
        peer_at(self.port)
    }

    fn files(&self) -> usize {
        std::fs::read_dir(self.folder.path()).unwrap().count()
    }
}

async fn free_port() -> u16 {
    TcpListener::bind("127.0.0.1:0").await.unwrap().local_addr().unwrap().port()
}

fn outgoing(object: &Object) -> Outgoing {
    Outgoing::from_bytes(object.part10()).unwrap()
}

#[tokio::test]
async fn a_peer_that_is_there_answers() {
    let pacs = Pacs::start(&[]).await;
    let took = echo(&pacs.peer(), &Node::new("LIGHTBOX"), PATIENCE).await.unwrap();
    assert!(took < PATIENCE);
}

#[tokio::test]
async fn a_peer_that_is_not_there_may_be_there_later() {
    let nobody = peer_at(free_port().await);
    let error = echo(&nobody, &Node::new("LIGHTBOX"), PATIENCE).await.unwrap_err();
    assert!(matches!(error, DimseError::Unreachable { .. }), "{error}");
    assert!(!error.is_permanent());
    assert!(error.to_string().contains("127.0.0.1"), "{error}");
}

#[tokio::test]
async fn a_peer_that_never_answers_is_given_up() {
    let silent = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let peer = peer_at(silent.local_addr().unwrap().port());
    let error = echo(&peer, &Node::new("LIGHTBOX"), std::time::Duration::from_millis(50)).await.unwrap_err();
    assert!(matches!(error, DimseError::Broken { .. }) && !error.is_permanent(), "{error}");
}

#[tokio::test]
async fn a_peer_without_an_address_cannot_be_called() {
    let peer = Peer { host: None, ..peer_at(104) };
    let error = echo(&peer, &Node::new("LIGHTBOX"), PATIENCE).await.unwrap_err();
    assert_eq!(error.to_string(), "it is not known where PACS is: give its host and port");
    assert!(error.is_permanent());
}

#[tokio::test]
async fn an_object_arrives_as_it_is() {
    let pacs = Pacs::start(&["--bit-preserving"]).await;
    let object = Object { pixel_bytes: 700_001 & !1, ..Object::new(1) };
    store(&pacs.peer(), &Node::new("LIGHTBOX"), &outgoing(&object)).await.unwrap();
    let file = std::fs::read_dir(pacs.folder.path()).unwrap().next().expect("a file").unwrap().path();
    assert!(std::fs::read(file).unwrap().ends_with(&object.data_set()));
}

#[tokio::test]
async fn what_a_peer_does_not_take_is_known_for_good() {
    let pacs = Pacs::start(&[]).await;
    let compressed =
        store(&pacs.peer(), &Node::new("LIGHTBOX"), &outgoing(&Object::in_syntax(1, JPEG_LS))).await.unwrap_err();
    assert!(matches!(compressed, DimseError::ContextRefused { .. }) && compressed.is_permanent(), "{compressed}");
    assert_eq!(pacs.files(), 0);
}

#[tokio::test]
async fn a_peer_that_takes_only_the_default_syntax_gets_it() {
    let pacs = Pacs::start(&["+xi", "--bit-preserving"]).await;
    store(&pacs.peer(), &Node::new("LIGHTBOX"), &outgoing(&Object::in_syntax(1, EXPLICIT))).await.unwrap();
    let file = std::fs::read_dir(pacs.folder.path()).unwrap().next().expect("a file").unwrap().path();
    assert!(std::fs::read(file).unwrap().ends_with(&Object::in_syntax(1, IMPLICIT).data_set()));
}

#[tokio::test]
async fn a_peer_that_refuses_or_breaks_off_says_how() {
    let object = outgoing(&Object { pixel_bytes: 2_000_000, ..Object::new(1) });
    let refusing = Pacs::start(&["--refuse"]).await;
    let error = store(&refusing.peer(), &Node::new("LIGHTBOX"), &object).await.unwrap_err();
    assert!(matches!(error, DimseError::Rejected { .. }), "{error}");

    for option in ["--abort-after", "--abort-during"] {
        let aborting = Pacs::start(&[option]).await;
        let started = std::time::Instant::now();
        let error = store(&aborting.peer(), &Node::new("LIGHTBOX"), &object).await.unwrap_err();
        assert!(matches!(error, DimseError::Broken { .. }) && !error.is_permanent(), "{option}: {error}");
        assert!(started.elapsed().as_secs() < 15, "an abort is heard while sending, not when the peer closes");
    }
}

#[tokio::test]
async fn our_own_door_says_why_it_refuses() {
    let setting = Setting::start_with(|limits| limits.instance_bytes_max = 20_000).await;
    let object = outgoing(&Object { pixel_bytes: 300_000, ..Object::new(1) });
    let unknown = store(&setting.as_peer(), &Node::new("STRANGER"), &object).await.unwrap_err();
    assert!(unknown.is_permanent() && unknown.to_string().contains("calling AE title not recognized"), "{unknown}");
    let large = store(&setting.as_peer(), &Node::new("TEST"), &object).await.unwrap_err();
    assert!(!large.is_permanent() && large.to_string().contains("status A700: larger than 20000 bytes"), "{large}");
}

#[tokio::test]
async fn files_are_sent_and_each_is_told_of() {
    let pacs = Pacs::start(&["+xa"]).await;
    let folder = tempfile::tempdir().unwrap();
    let mut files: Vec<_> = (1..=3).map(|number| Object::new(number).write(folder.path())).collect();
    let text = folder.path().join("readme.txt");
    std::fs::write(&text, "no DICOM").unwrap();
    files.insert(1, text);
    files.push(folder.path().join("missing.dcm"));
    let target = Target::of(&pacs.peer(), &Node::new("LIGHTBOX")).unwrap();
    let mut outcomes = Vec::new();
    let tell = |path: &Path, outcome: Result<(), DimseError>| outcomes.push((path.to_owned(), outcome.is_ok()));
    send_files(&target, &files, tell).await.unwrap();
    outcomes.sort();
    let mut expected: Vec<_> = files.iter().cloned().zip([true, false, true, true, false]).collect();
    expected.sort();
    assert_eq!(outcomes, expected);
    assert_eq!(pacs.files(), 3);
}

#[tokio::test]
async fn more_kinds_than_an_association_can_carry_take_several() {
    let setting = Setting::start().await;
    let folder = tempfile::tempdir().unwrap();
    let object = |number: u32| {
        let sop_class_uid = format!("1.2.840.10008.5.1.4.1.1.9999.{number}");
        Object { sop_class_uid, pixel_bytes: 64 * 64 * 2, ..Object::new(number) }
    };
    let files: Vec<_> = (1..=130).map(|number| object(number).write(folder.path())).collect();
    let target = Target::of(&setting.as_peer(), &Node::new("TEST")).unwrap();
    let mut sent = 0;
    send_files(&target, &files, |_, outcome| {
        outcome.unwrap();
        sent += 1;
    })
    .await
    .unwrap();
    assert_eq!((sent, setting.files_kept().await), (130, 130));
}

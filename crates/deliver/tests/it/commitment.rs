//! What a peer says of what was delivered to it: another Lightbox, which does not know our address and so answers at once.

use crate::pacs::peer_at;
use crate::setting::Setting;
use lightbox_deliver::ask_commitment;
use lightbox_dimse::{DimseConfig, DimseServer, Node};
use lightbox_domain::{AeTitle, Limits, Peer, PeerPolicy};
use lightbox_pipeline::{JobError, Receiver};
use lightbox_store::{DataFolder, Store};
use std::sync::Arc;
use tempfile::TempDir;
use tokio::net::TcpListener;

/// A door on a port of its own that admits everybody.
async fn archive() -> (TempDir, Peer) {
    let folder = tempfile::tempdir().unwrap();
    let store = Store::open(&DataFolder::open(folder.path()).unwrap()).await.unwrap();
    let mut write = store.write().await.unwrap();
    write.upsert_peer(&Peer::new("*", 0)).await.unwrap();
    write.commit().await.unwrap();
    let limits = Arc::new(Limits::default());
    let receiver = Receiver::new(store.clone(), Arc::clone(&limits));
    let ae_title = AeTitle::parse("PACS").unwrap();
    let server =
        DimseServer::new(DimseConfig { ae_title, strict_called_aet: false, limits, tls: None }, store, receiver);
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let policy = PeerPolicy { commits: true, ..PeerPolicy::default() };
    let peer = Peer { policy, ..peer_at(listener.local_addr().unwrap().port()) };
    tokio::spawn(async move { server.serve(listener, std::future::pending()).await });
    (folder, peer)
}

#[tokio::test]
async fn a_peer_s_commitment_is_the_proof_of_arrival() {
    let (_folder, peer) = archive().await;
    let setting = Setting::due_at(&peer).await;
    setting.deliver().await.unwrap();
    let delivery = setting.delivery().await;
    let asked = setting.store.commitment_request(&delivery.id).await.unwrap().expect("it is to be asked");
    assert_eq!((asked.state.as_str(), asked.sop_instance_uid.as_str()), ("due", setting.report.as_str()));

    ask_commitment(&setting.store, &Node::new("LIGHTBOX"), &delivery.id).await.unwrap();
    let asked = setting.store.commitment_request(&delivery.id).await.unwrap().unwrap();
    assert_eq!((asked.state.as_str(), asked.reason.as_str()), ("committed", ""));
    assert_eq!(setting.told("result.committed").await, 1);
    ask_commitment(&setting.store, &Node::new("LIGHTBOX"), &delivery.id).await.unwrap();
    assert_eq!(setting.told("result.committed").await, 1, "what is answered is not asked again");
}

#[tokio::test]
async fn what_a_peer_does_not_have_it_does_not_commit_to() {
    let (_folder, peer) = archive().await;
    let setting = Setting::due_at(&peer).await;
    let delivery = setting.delivery().await;
    let named = ("1.2.840.10008.5.1.4.1.1.88.34", "1.2.3.4");
    let transaction = lightbox_dicom::derived_uid(&delivery.id, "commitment");
    let mut write = setting.store.write().await.unwrap();
    write.order_commitment(&delivery.id, "PACS", &transaction, named).await.unwrap();
    write.commit().await.unwrap();
    ask_commitment(&setting.store, &Node::new("LIGHTBOX"), &delivery.id).await.unwrap();
    let asked = setting.store.commitment_request(&delivery.id).await.unwrap().unwrap();
    assert_eq!((asked.state.as_str(), asked.reason.as_str()), ("refused", "failure reason 0112"));
    assert_eq!(setting.told("result.uncommitted").await, 1);
}

#[tokio::test]
async fn a_peer_that_does_not_commit_is_not_asked() {
    let (_folder, peer) = archive().await;
    let setting = Setting::due_at(&Peer { policy: PeerPolicy::default(), ..peer }).await;
    setting.deliver().await.unwrap();
    let delivery = setting.delivery().await;
    assert_eq!(setting.store.commitment_request(&delivery.id).await.unwrap(), None);
    let unknown = ask_commitment(&setting.store, &Node::new("LIGHTBOX"), &delivery.id).await;
    assert!(matches!(unknown, Err(JobError::Permanent(_))), "{unknown:?}");
}

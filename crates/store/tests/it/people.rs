use crate::harness::TestStore;
use lightbox_domain::{AeTitle, ConflictPolicy, Peer, PeerPolicy, PeerService, Role, Uid};
use lightbox_store::{Account, now_ms};

fn account(name: &str) -> Account {
    Account {
        name: name.to_owned(),
        role: Role::Radiologist,
        password_hash: "hash".to_owned(),
        one_time: true,
        created_ms: 1,
    }
}

#[tokio::test]
async fn a_session_ends_with_its_account_its_password_or_its_time() {
    let store = TestStore::open().await;
    let mut write = store.write().await.unwrap();
    write.insert_account(&account("ada")).await.unwrap();
    write.insert_session("mine", "ada", now_ms() + 60_000).await.unwrap();
    write.insert_session("other", "ada", now_ms() + 60_000).await.unwrap();
    write.insert_session("old", "ada", now_ms() - 1).await.unwrap();
    write.commit().await.unwrap();
    let lives = async |token| store.session_account(token).await.unwrap().is_some();
    assert!(lives("mine").await && lives("other").await && !lives("old").await);

    let mut write = store.write().await.unwrap();
    write.set_password("ada", "new", false, "mine").await.unwrap();
    write.commit().await.unwrap();
    assert!(lives("mine").await && !lives("other").await);

    let mut write = store.write().await.unwrap();
    assert!(write.delete_account("ada").await.unwrap());
    write.commit().await.unwrap();
    assert!(!lives("mine").await);
}

#[tokio::test]
async fn names_are_taken_once() {
    let store = TestStore::open().await;
    let mut write = store.write().await.unwrap();
    write.insert_account(&account("ada")).await.unwrap();
    assert!(write.insert_account(&account("ada")).await.expect_err("twice").to_string().contains("exists already"));
    write.insert_token("bench", Role::Admin, "hash").await.unwrap();
    assert!(write.insert_token("bench", Role::Admin, "other").await.is_err());
    write.commit().await.unwrap();
    assert_eq!(store.token_actor("hash").await.unwrap().map(|actor| actor.role), Some(Role::Admin));
    assert_eq!(store.token_actor("other").await.unwrap(), None);
}

#[tokio::test]
async fn an_unknown_caller_is_pending_until_it_is_admitted() {
    let store = TestStore::open().await;
    let mut write = store.write().await.unwrap();
    assert!(write.note_pending("CT1", "10.0.0.1", 2).await.unwrap());
    assert!(!write.note_pending("CT1", "10.0.0.1", 2).await.unwrap());
    write.commit().await.unwrap();
    assert_eq!(store.pending_peers().await.unwrap()[0].attempts, 2);

    let policy = PeerPolicy {
        services: vec![PeerService::Store, PeerService::Commit],
        associations_max: Some(2),
        idle_seconds_max: Some(30),
        transfer_syntaxes: vec![Uid::parse("1.2.840.10008.1.2.1").unwrap()],
        tls: true,
        commits: true,
        conflicts: ConflictPolicy::Replace,
    };
    let peer = Peer { host: Some("10.0.0.1".to_owned()), port: Some(104), policy, ..Peer::new("CT1", 1) };
    let mut write = store.write().await.unwrap();
    write.upsert_peer(&peer).await.unwrap();
    write.commit().await.unwrap();
    assert_eq!(store.pending_peers().await.unwrap(), []);
    assert_eq!(store.peer("CT1").await.unwrap(), peer);
    let title = AeTitle::parse("CT1").unwrap();
    assert!(peer.admits(&title, "10.0.0.1") && !peer.admits(&title, "10.0.0.2"));
}

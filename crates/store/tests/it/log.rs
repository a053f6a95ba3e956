use crate::harness::TestStore;
use lightbox_domain::Event;
use sqlx::Connection;

async fn append(store: &TestStore, object: &str) {
    let mut write = store.write().await.unwrap();
    write.append_event(Event::new("tester", "thing.done", "thing", object).study("1.2")).await.unwrap();
    write.commit().await.unwrap();
}

#[tokio::test]
async fn lines_are_numbered_newest_first_and_pages_follow() {
    let store = TestStore::open().await;
    for object in ["a", "b", "c"] {
        append(&store, object).await;
    }
    let objects = async |before| -> Vec<String> {
        store.events(before, 2).await.unwrap().into_iter().map(|line| line.object_id).collect()
    };
    assert_eq!(objects(i64::MAX).await, ["c", "b"]);
    assert_eq!(objects(2).await, ["a"]);
    assert_eq!(store.verify_events().await.unwrap(), Ok(3));
}

#[tokio::test]
async fn a_changed_line_and_a_missing_line_break_the_chain() {
    for (change, broken_at) in
        [("UPDATE events SET actor = 'x' WHERE seq = 2", 2), ("DELETE FROM events WHERE seq = 1", 2)]
    {
        let store = TestStore::open().await;
        for object in ["a", "b", "c"] {
            append(&store, object).await;
        }
        let url = format!("sqlite://{}", store.folder.root().join("lightbox.db").display());
        let mut other = sqlx::AnyConnection::connect(&url).await.unwrap();
        sqlx::query(change).execute(&mut other).await.unwrap();
        assert_eq!(store.verify_events().await.unwrap(), Err(broken_at), "{change}");
    }
}

#[tokio::test]
async fn watchers_hear_of_what_is_committed_and_of_nothing_else() {
    let store = TestStore::open().await;
    let mut watch = store.watch();
    let mut write = store.write().await.unwrap();
    write.append_event(Event::new("tester", "thing.undone", "thing", "x")).await.unwrap();
    drop(write);
    append(&store, "a").await;
    let heard = watch.recv().await.unwrap();
    assert_eq!((heard.action, heard.study_instance_uid.as_deref()), ("thing.done", Some("1.2")));
    assert!(watch.try_recv().is_err());
}

#[tokio::test]
async fn what_is_committed_moves_from_the_log_into_the_database_by_itself() {
    let store = TestStore::open().await;
    let size = || std::fs::metadata(store.folder.root().join("lightbox.db")).unwrap().len();
    let before = size();
    for object in 0..200 {
        append(&store, &format!("{object}-{}", "x".repeat(1_000))).await;
    }
    let moved = async {
        while size() < before + 200_000 {
            tokio::time::sleep(std::time::Duration::from_millis(20)).await;
        }
    };
    tokio::time::timeout(std::time::Duration::from_secs(30), moved).await.expect("a checkpoint");
}

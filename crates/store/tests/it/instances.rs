use crate::harness::{Instance, TestStore};
use lightbox_domain::{AiState, Job, JobKind, Source};
use lightbox_store::{DataFolder, Intake, WorklistFilter};
use std::sync::{Arc, Barrier};

#[tokio::test]
async fn a_new_instance_gets_a_row_an_event_and_a_routing_job() {
    let store = TestStore::open().await;
    store.deploy("releases/00").await;
    assert_eq!(store.insert(Instance::default(), b"one").await, Intake::Stored);

    let stored = store.instance("1.2.1.1.1").await.unwrap().expect("stored");
    assert_eq!(std::fs::read(store.blobs().path(&stored.blob)).unwrap(), b"one");
    assert_eq!(stored.source, "peer:CT1");
    let events = store.events(i64::MAX, 10).await.unwrap();
    assert_eq!((events[0].action.as_str(), events[0].object_id.as_str()), ("instance.stored", "1.2.1.1"));
    let job = store.claim(JobKind::Explain).await.unwrap().expect("a job").job;
    assert_eq!(job, Job::Route { study_instance_uid: "1.2.1".to_owned(), series_instance_uid: "1.2.1.1".to_owned() });
}

#[tokio::test]
async fn without_an_app_nothing_waits_to_be_routed() {
    let store = TestStore::open().await;
    store.insert(Instance::default(), b"one").await;
    let study = store.study("1.2.1").await.unwrap().expect("stored");
    assert_eq!(study.ai.state, AiState::None);
    assert!(store.unrouted("1.2.1", "1.2.1.1").await.unwrap().is_empty());
    assert_eq!(store.jobs_left(JobKind::LAST).await.unwrap(), 1, "only that the series is described");
}

#[tokio::test]
async fn the_same_data_set_again_is_a_duplicate_and_no_new_work() {
    let store = TestStore::open().await;
    store.deploy("releases/00").await;
    store.insert(Instance::default(), b"one").await;
    let claimed = store.claim(JobKind::Explain).await.unwrap().expect("a job");
    let mut write = store.write().await.unwrap();
    write.complete(&claimed).await.unwrap();
    write.commit().await.unwrap();

    assert_eq!(store.insert(Instance::default(), b"one").await, Intake::Duplicate);
    assert_eq!(store.jobs_left(JobKind::Explain).await.unwrap(), 0);
    assert_eq!(store.events(i64::MAX, 10).await.unwrap().len(), 1);
}

#[tokio::test]
async fn another_data_set_with_the_same_uid_lies_on_the_shelf_once() {
    let store = TestStore::open().await;
    store.insert(Instance::default(), b"one").await;
    let stored = store.instance("1.2.1.1.1").await.unwrap().expect("stored").blob;
    let newcomer = store.new_instance(Instance::default(), b"two");
    assert_eq!(store.insert_new(newcomer.clone()).await, Intake::Differs { stored });

    assert!(store.shelve_conflict(&newcomer).await.unwrap());
    assert!(!store.shelve_conflict(&store.new_instance(Instance::default(), b"two")).await.unwrap());
    assert_eq!(store.files_after("", 10).await.unwrap().len(), 2);
}

#[tokio::test]
async fn many_at_once_share_commits_and_none_is_lost() {
    let store = TestStore::open().await;
    let uids: Vec<&'static str> =
        (0..100).map(|number| &*Box::leak(format!("1.2.1.1.{number}").into_boxed_str())).collect();
    let inserts = uids.iter().map(|sop| {
        let new = store.new_instance(Instance { sop, ..Instance::default() }, sop.as_bytes());
        let store = store.store.clone();
        tokio::task::spawn_blocking(move || store.insert_instance(new))
    });
    for insert in inserts.collect::<Vec<_>>() {
        assert_eq!(insert.await.unwrap().unwrap(), Intake::Stored);
    }
    assert_eq!(store.instances_of_study("1.2.1").await.unwrap().len(), 100);
}

#[tokio::test]
async fn more_than_one_batch_may_wait_and_each_gets_its_own_answer() {
    /// More than two batches.
    const INSTANCES: usize = 200;
    let store = TestStore::open().await;
    let arrived = Arc::new(Barrier::new(INSTANCES + 1));
    // Whoever comes first waits for this transaction, and all others for them.
    let write = store.write().await.unwrap();
    let insert = |number: usize| {
        let sop = &*Box::leak(format!("1.2.1.1.{}", number + 1).into_boxed_str());
        let new = store.new_instance(Instance { sop, ..Instance::default() }, sop.as_bytes());
        let (store, arrived) = (store.store.clone(), Arc::clone(&arrived));
        tokio::task::spawn_blocking(move || {
            arrived.wait();
            store.insert_instance(new)
        })
    };
    let inserts: Vec<_> = (0..INSTANCES).map(insert).collect();
    tokio::task::spawn_blocking(move || arrived.wait()).await.unwrap();
    drop(write);
    for insert in inserts {
        assert_eq!(insert.await.unwrap().unwrap(), Intake::Stored);
    }
    assert_eq!(store.instances_of_study("1.2.1").await.unwrap().len(), INSTANCES);
}

#[tokio::test]
async fn what_has_its_row_already_is_no_duplicate_of_itself() {
    let store = TestStore::open().await;
    let new = store.new_instance(Instance::default(), b"one");
    assert_eq!(store.insert_new(new.clone()).await, Intake::Stored);
    assert_eq!(store.insert_new(new).await, Intake::Stored, "its file is the one that is stored");
    assert_eq!(store.insert(Instance::default(), b"one").await, Intake::Duplicate, "another file with the same");
}

#[tokio::test]
async fn a_result_in_shadow_stays_outside_the_study() {
    let store = TestStore::open().await;
    store.insert(Instance::default(), b"one").await;
    let shadow = Instance {
        series: "1.2.1.9",
        sop: "1.2.1.9.1",
        source: Source::Run("01J".to_owned()),
        indexed: false,
        ..Instance::default()
    };
    store.insert(shadow, b"two").await;

    assert!(store.instance("1.2.1.9.1").await.unwrap().is_some());
    let (studies, total) = store.worklist(&WorklistFilter { limit: 10, ..Default::default() }).await.unwrap();
    assert_eq!((total, studies[0].series_count, studies[0].instance_count), (1, 1, 1));
}

#[tokio::test]
async fn what_a_crash_left_is_swept_and_what_has_a_row_stays() {
    let store = TestStore::open().await;
    store.insert(Instance::default(), b"one").await;
    // A file without a row, and one that was still arriving.
    let orphan = store.new_instance(Instance::default(), b"two").file.key;
    let mut arriving = store.blobs().begin(10).unwrap();
    arriving.write(b"half").unwrap();
    std::mem::forget(arriving);

    assert_eq!(store.sweep_orphans().await.unwrap(), 2);
    assert!(!store.blobs().path(&orphan).exists());
    let kept = store.instance("1.2.1.1.1").await.unwrap().expect("stored").blob;
    assert!(store.blobs().path(&kept).exists());
}

#[tokio::test]
async fn a_file_beyond_its_limit_is_refused_and_leaves_nothing() {
    let store = TestStore::open().await;
    let mut incoming = store.blobs().begin(3).unwrap();
    let error = incoming.write(b"four").expect_err("too large").to_string();
    assert!(error.contains("instance_bytes_max"), "{error}");
    drop(incoming);
    assert_eq!(store.sweep_orphans().await.unwrap(), 0);
}

#[tokio::test]
async fn the_worklist_searches_and_filters() {
    let store = TestStore::open().await;
    store.deploy("releases/00").await;
    store.insert(Instance::default(), b"one").await;
    let second = Instance {
        study: "1.2.2",
        series: "1.2.2.1",
        sop: "1.2.2.1.1",
        patient_name: "Other^100%",
        ..Instance::default()
    };
    store.insert(second, b"two").await;
    let found = async |search: &str, ai_state| {
        let filter = WorklistFilter { search: Some(search.to_owned()), ai_state, limit: 10, offset: 0 };
        store.worklist(&filter).await.unwrap().1
    };
    assert_eq!(found("", None).await, 2);
    assert_eq!(found("film", None).await, 1);
    assert_eq!(found("100%", None).await, 1);
    assert_eq!(found("%", None).await, 1);
    assert_eq!(found("", Some(AiState::Waiting)).await, 2);
    assert_eq!(found("", Some(AiState::Found)).await, 0);
}

#[tokio::test]
async fn a_second_server_is_refused() {
    let store = TestStore::open().await;
    let _first = store.folder.lock().unwrap();
    let again = DataFolder::open(store.folder.root()).unwrap();
    assert!(again.lock().expect_err("in use").to_string().contains("in use by another lightbox"));
}

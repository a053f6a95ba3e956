use crate::harness::{Instance, TestStore, described, uid};
use lightbox_domain::{DeletedPart, DeletionCause, DeletionOrder, JobKind, Level, Query, Source};
use lightbox_store::{Deletion, Intake, WorklistFilter};

fn order(part: DeletedPart) -> DeletionOrder {
    DeletionOrder {
        study_instance_uid: uid("1.2.1"),
        part,
        cause: DeletionCause::Person,
        reason: "a test object".to_owned(),
        deleted_by: "ann".to_owned(),
        purge_ms: Some(i64::MAX),
        returns: false,
    }
}

async fn delete(store: &TestStore, order: &DeletionOrder) -> Option<Deletion> {
    let mut write = store.write().await.unwrap();
    let deletion = write.delete(order).await.unwrap();
    write.commit().await.unwrap();
    deletion
}

async fn undo(store: &TestStore, id: &str) -> Result<Deletion, lightbox_store::StoreError> {
    let mut write = store.write().await.unwrap();
    let undone = write.undo_deletion(id, "bob").await?;
    write.commit().await.unwrap();
    Ok(undone)
}

async fn purge(store: &TestStore, id: &str) -> bool {
    let mut write = store.write().await.unwrap();
    let purged = write.purge(id).await.unwrap();
    write.commit().await.unwrap();
    purged
}

/// How many studies and instances a search and the worklist find.
async fn found(store: &TestStore) -> (usize, usize, i64) {
    let ask = async |level| {
        let query = Query { level, keys: Vec::new(), limit: 10, offset: 0 };
        store.search(&query).await.unwrap().len()
    };
    let (_, listed) = store.worklist(&WorklistFilter { limit: 10, ..Default::default() }).await.unwrap();
    (ask(Level::Study).await, ask(Level::Instance).await, listed)
}

async fn actions(store: &TestStore) -> Vec<String> {
    store.events(i64::MAX, 100).await.unwrap().into_iter().map(|line| line.action).collect()
}

/// Two instances in two series of one study.
async fn study() -> TestStore {
    let store = TestStore::open().await;
    store.deploy("releases/00").await;
    store.insert(Instance::default(), b"one").await;
    store.insert(Instance { series: "1.2.1.2", sop: "1.2.1.2.1", modality: "CT", ..Instance::default() }, b"two").await;
    store
}

#[tokio::test]
async fn a_deleted_study_is_in_no_answer_and_comes_back_as_it_was() {
    let store = study().await;
    let (before, files) = (store.study("1.2.1").await.unwrap(), store.files_after("", 10).await.unwrap());
    assert_eq!(found(&store).await, (1, 2, 1));

    let deletion = delete(&store, &order(DeletedPart::Study)).await.expect("deleted");
    assert_eq!((deletion.instances, deletion.deleted_by.as_str()), (2, "ann"));
    assert_eq!(found(&store).await, (0, 0, 0));
    assert!(store.instance("1.2.1.1.1").await.unwrap().is_none());
    assert!(store.series_of_study("1.2.1").await.unwrap().is_empty());
    let volume = store.volume().await.unwrap();
    assert_eq!((volume.studies, volume.instances, volume.bytes), (0, 0, 6), "the bytes are still there");
    assert_eq!(store.files_after("", 10).await.unwrap(), files, "and are verified and backed up");
    assert_eq!(delete(&store, &order(DeletedPart::Study)).await, None, "nothing is left to delete");

    let undone = undo(&store, &deletion.id).await.unwrap();
    assert_eq!(undone.undone_by.as_deref(), Some("bob"));
    assert_eq!(found(&store).await, (1, 2, 1));
    assert_eq!(store.study("1.2.1").await.unwrap(), before);
    assert!(undo(&store, &deletion.id).await.is_err(), "it is undone already");
    assert!(!purge(&store, &deletion.id).await, "what was brought back is not purged");
    assert_eq!(actions(&store).await[..2], ["instances.undeleted", "instances.deleted"]);
}

#[tokio::test]
async fn a_deleted_part_leaves_the_counts_and_the_kept_metadata() {
    let store = study().await;
    store.keep_metadata("1.2.1", "1.2.1.1", vec![described("1.2.1.1.1")]).await.unwrap();
    delete(&store, &order(DeletedPart::Series(uid("1.2.1.2")))).await.expect("deleted");
    let study = store.study("1.2.1").await.unwrap().expect("the rest");
    assert_eq!((study.series_count, study.instance_count, study.modalities), (1, 1, vec!["DX".to_owned()]));
    let metadata = store.metadata_of_study("1.2.1").await.unwrap();
    assert!(metadata.len() == 1 && !metadata[0].is_kept(), "they are gathered anew");
    assert_eq!(store.remove_files().await.unwrap(), Some(1));

    delete(&store, &order(DeletedPart::Instances(vec![uid("1.2.1.1.1")]))).await.expect("deleted");
    assert_eq!(found(&store).await, (0, 0, 0));
}

#[tokio::test]
async fn what_is_left_to_do_is_said_in_words() {
    let store = study().await;
    let mut write = store.write().await.unwrap();
    assert_eq!(write.work_due("1.2.1").await.unwrap().as_deref(), Some("2 series to look at"));
    assert_eq!(write.work_due("1.2").await.unwrap(), None, "another study");
    drop(write);
    while let Some(claimed) = store.claim(JobKind::LAST).await.unwrap() {
        let mut write = store.write().await.unwrap();
        write.complete(&claimed).await.unwrap();
        write.commit().await.unwrap();
    }
    let mut write = store.write().await.unwrap();
    assert_eq!(write.work_due("1.2.1").await.unwrap(), None, "metadata that are to be gathered hold nothing up");
}

#[tokio::test]
async fn a_purge_removes_rows_and_files_and_leaves_the_log() {
    let store = study().await;
    let newcomer = store.new_instance(Instance::default(), b"another");
    assert!(matches!(store.insert_new(newcomer.clone()).await, Intake::Differs { .. }));
    assert!(store.shelve_conflict(&newcomer).await.unwrap());
    let files = store.files_after("", 10).await.unwrap();
    assert_eq!(files.len(), 3);
    let deletion = delete(&store, &order(DeletedPart::Study)).await.expect("deleted");

    assert!(purge(&store, &deletion.id).await);
    assert!(!purge(&store, &deletion.id).await, "once");
    let backup = store.folder.lock_against_purges().unwrap();
    assert_eq!(store.remove_files().await.unwrap(), None, "a backup is under way");
    assert!(files.iter().all(|(key, ..)| store.blobs().path(key).exists()));
    drop(backup);
    assert_eq!(store.remove_files().await.unwrap(), Some(3));
    assert!(files.iter().all(|(key, ..)| !store.blobs().path(key).exists()));

    assert_eq!(store.study("1.2.1").await.unwrap(), None);
    assert!(undo(&store, &deletion.id).await.is_err());
    assert!(store.verify_events().await.unwrap().is_ok());
    assert_eq!(actions(&store).await[..2], ["instances.purged", "instances.deleted"]);
    assert_eq!(store.insert(Instance::default(), b"one").await, Intake::Stored, "sent again, it is new");
}

#[tokio::test]
async fn what_is_sent_again_stays_deleted_and_the_log_says_so() {
    let store = study().await;
    delete(&store, &order(DeletedPart::Study)).await.expect("deleted");
    assert_eq!(store.insert(Instance::default(), b"one").await, Intake::Duplicate);
    assert_eq!(found(&store).await, (0, 0, 0));
    assert_eq!(actions(&store).await[0], "instances.still_deleted");
}

#[tokio::test]
async fn what_may_return_does_when_it_is_sent_again() {
    let store = study().await;
    delete(&store, &DeletionOrder { returns: true, ..order(DeletedPart::Study) }).await.expect("deleted");
    assert_eq!(store.insert(Instance::default(), b"one").await, Intake::Duplicate);
    assert_eq!(found(&store).await, (1, 1, 1), "only what was sent");
    assert_eq!(actions(&store).await[0], "instances.returned");
}

#[tokio::test]
async fn a_result_in_shadow_goes_with_its_study_and_comes_back_in_shadow() {
    let store = study().await;
    let shadow = Instance {
        series: "1.2.1.9",
        sop: "1.2.1.9.1",
        source: Source::Run("R".to_owned()),
        indexed: false,
        ..Instance::default()
    };
    store.insert(shadow, b"three").await;
    let deletion = delete(&store, &order(DeletedPart::Study)).await.expect("deleted");
    assert!(store.instance("1.2.1.9.1").await.unwrap().is_none());
    undo(&store, &deletion.id).await.unwrap();
    assert!(!store.instance("1.2.1.9.1").await.unwrap().expect("back").indexed);
    assert_eq!(found(&store).await, (1, 2, 1));
}

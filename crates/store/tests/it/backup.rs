use crate::harness::{Instance, MANIFEST, TestStore, described};
use lightbox_domain::{Job, JobKind};
use lightbox_store::{BackupBy, DataFolder, Store, restore};

#[tokio::test]
async fn what_was_true_at_the_old_place_is_put_right_at_the_new_one() {
    let store = TestStore::open().await;
    let release = store.folder.release("00");
    std::fs::create_dir_all(&release).unwrap();
    std::fs::write(release.join("app.toml"), MANIFEST).unwrap();
    store.deploy(release).await;
    store.insert(Instance::default(), b"one").await;
    store.keep_metadata("1.2.1", "1.2.1.1", vec![described("1.2.1.1.1")]).await.unwrap();
    let place = tempfile::tempdir().unwrap();
    let (backup, to) = (place.path().join("backup"), place.path().join("restored"));
    store.back_up(&backup, BackupBy::Copy, &|_, _| {}).await.unwrap();

    restore(&backup, &to, false, &|_, _| {}).await.unwrap();
    let restored = Store::open(&DataFolder::open(&to).unwrap()).await.unwrap();
    let folder = restored.deployment("D").await.unwrap().folder;
    assert!(folder.starts_with(&to), "{}", folder.display());
    assert_eq!(std::fs::read_to_string(folder.join("app.toml")).unwrap(), MANIFEST);
    assert!(!restored.metadata_of_study("1.2.1").await.unwrap()[0].is_kept());
    let mut kinds = Vec::new();
    while let Some(claimed) = restored.claim(JobKind::LAST).await.unwrap() {
        kinds.push(matches!(claimed.job, Job::Describe { .. } | Job::Route { .. }));
    }
    assert_eq!(kinds, [true], "the series is routed; its metadata are gathered once it has settled");
    let actions: Vec<_> = restored.events(i64::MAX, 1).await.unwrap().into_iter().map(|line| line.action).collect();
    assert_eq!(actions, ["backup.restored"]);
}

#[tokio::test]
async fn a_backup_that_fails_leaves_the_one_before_whole() {
    let store = TestStore::open().await;
    store.insert(Instance::default(), b"one").await;
    let place = tempfile::tempdir().unwrap();
    let (backup, to) = (place.path().join("backup"), place.path().join("restored"));
    store.back_up(&backup, BackupBy::Copy, &|_, _| {}).await.unwrap();
    // A later one was cut off: a database without a manifest, and half a file.
    std::fs::write(backup.join("lightbox-cut.db"), b"half").unwrap();
    std::fs::write(backup.join("manifest.part"), b"{").unwrap();
    let restored = restore(&backup, &to, false, &|_, _| {}).await.unwrap();
    assert_eq!((restored.manifest.files, restored.problems.len()), (1, 0));

    store.back_up(&backup, BackupBy::Copy, &|_, _| {}).await.unwrap();
    assert!(!backup.join("lightbox-cut.db").exists(), "what was cut off is cleared away");
}

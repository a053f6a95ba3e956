//! Rejection notes, and the purge of what was deleted.

use crate::harness::TestPipeline;
use lightbox_domain::{Actor, DeletedPart, DeploymentMode, Limits, RunState, Uid};
use lightbox_pipeline::{PipelineError, ReceivedOutcome, delete, purge};
use lightbox_testkit::{Film, key_object_selection};

fn film(number: u8) -> Film {
    Film::new().uids("1.2.1", "1.2.1.1", &format!("1.2.1.1.{number}"))
}

/// Two films of one series, looked at by every rule.
async fn study() -> TestPipeline {
    let test = TestPipeline::open().await;
    test.receive(film(1).bytes()).await.expect("received");
    test.receive(film(2).bytes()).await.expect("received");
    test.work().await;
    test
}

async fn reject(test: &TestPipeline, title: &str) {
    let note = key_object_selection(title, "1.2.1", "1.2.1.1", &["1.2.1.1.1"]);
    assert_eq!(test.receive(note.bytes()).await.expect("received").outcome, ReceivedOutcome::Stored);
    test.work().await;
}

/// The instances of the study that are seen.
async fn seen(test: &TestPipeline) -> Vec<String> {
    let instances = test.store().instances_of_study("1.2.1").await.expect("read");
    instances.into_iter().map(|one| one.sop_instance_uid.to_string()).collect()
}

#[tokio::test]
async fn what_a_note_rejects_is_hidden_and_stays_so_when_it_is_sent_again() {
    for title in ["113001", "113037", "113038"] {
        let test = study().await;
        reject(&test, title).await;
        let left = ["1.2.1.1.2".to_owned(), format!("1.2.1.1.88.{title}")];
        assert_eq!(seen(&test).await, left, "the note itself is kept");
        let deletion = test.store().deletions(Some("1.2.1"), 10).await.expect("read").remove(0);
        assert_eq!((deletion.instances, deletion.purge_ms, deletion.deleted_by.as_str()), (1, None, "peer:CT1"));
        assert!(deletion.reason.contains(title), "{}", deletion.reason);

        let again = test.receive(film(1).bytes()).await.expect("received");
        assert_eq!(again.outcome, ReceivedOutcome::Duplicate);
        test.work().await;
        assert_eq!(seen(&test).await, left);
    }
}

#[tokio::test]
async fn what_data_retention_rejects_is_purged_and_returns_when_it_is_sent_again() {
    let test = study().await;
    reject(&test, "113039").await;
    assert_eq!(seen(&test).await.len(), 2);
    test.receive(film(1).bytes()).await.expect("received");
    test.work().await;
    assert_eq!(seen(&test).await.len(), 3, "it is there again");

    let note = key_object_selection("113039", "1.2.1", "1.2.1.1", &["1.2.1.1.2"]).uids("1.2.1", "1.2.1.7", "1.2.1.7.1");
    test.receive(note.bytes()).await.expect("received");
    test.work().await;
    let deletion = test.store().deletions(Some("1.2.1"), 10).await.expect("read").remove(0);
    let (days, waits_ms) =
        (Limits::default().purge_after_days, deletion.purge_ms.expect("purged") - deletion.deleted_ms);
    assert!((waits_ms - days * 86_400_000).abs() < 60_000, "{waits_ms}");
    let files = test.files();
    purge::purge(test.store(), &deletion.id).await.expect("purged");
    assert_eq!(test.files(), files - 1);
}

#[tokio::test]
async fn a_selection_of_another_kind_rejects_nothing() {
    let test = study().await;
    reject(&test, "113000").await;
    assert_eq!(seen(&test).await.len(), 3);
    assert!(test.store().deletions(None, 10).await.expect("read").is_empty());
}

#[tokio::test]
async fn a_run_on_what_is_rejected_ends_without_a_result() {
    let test = TestPipeline::open().await;
    test.deploy(DeploymentMode::Live).await;
    test.receive(film(1).bytes()).await.expect("received");
    let note = key_object_selection("113037", "1.2.1", "1.2.1.1", &["1.2.1.1.1"]);
    test.receive(note.bytes()).await.expect("received");
    test.work().await;
    assert_eq!(seen(&test).await, ["1.2.1.1.88.113037"]);
    assert!(test.runs("1.2.1").await.iter().all(|run| run.state == RunState::Failed));
}

#[tokio::test]
async fn nothing_is_deleted_while_work_is_due() {
    let test = TestPipeline::open().await;
    test.receive(film(1).bytes()).await.expect("received");
    test.order_routing("1.2.1", "1.2.1.1").await;
    let (study, actor, limits) = (Uid::parse("1.2.1").expect("a UID"), Actor::system("ann"), Limits::default());
    let order = || delete(test.store(), &limits, &study, DeletedPart::Study, "a test", &actor);
    let refused = order().await.expect_err("work is due");
    assert!(matches!(&refused, PipelineError::Refused(why) if why.contains("1 series to look at")), "{refused}");
    test.work().await;
    assert_eq!(order().await.expect("deleted").instances, 1);
}

//! Newcomers on the conflict shelf, and what people decide about them.

use crate::harness::TestPipeline;
use crate::runs::child;
use lightbox_domain::{Actor, ConflictPolicy, DeploymentMode, Limits, Outcome, Peer, RunState, Source};
use lightbox_pipeline::{PipelineError, ReceiveError, ReceivedOutcome, Settlement, settle_conflict};
use lightbox_store::Shelved;
use std::sync::Arc;

const INSTANCE: &str = "1.2.1.1.1";

/// The film of a child, and another with its UID from an adult.
async fn with_conflict(mode: DeploymentMode) -> (TestPipeline, Shelved) {
    let test = TestPipeline::open().await;
    test.deploy(mode).await;
    test.receive(child().bytes()).await.expect("received");
    let other = test.receive(child().age("041Y").bytes()).await.expect("received");
    assert_eq!(other.outcome, ReceivedOutcome::Conflict);
    test.work().await;
    let shelved = open(&test).await.remove(0);
    (test, shelved)
}

async fn open(test: &TestPipeline) -> Vec<Shelved> {
    test.store().conflicts(false, 10).await.expect("conflicts")
}

async fn settle(test: &TestPipeline, id: &str, how: Settlement) -> Result<(), PipelineError> {
    settle_conflict(test.store(), &Arc::new(Limits::default()), id, how, &Actor::system("ada")).await
}

fn bytes_of(test: &TestPipeline, blob: &lightbox_store::BlobKey) -> Vec<u8> {
    std::fs::read(test.store().blobs().path(blob)).expect("a file")
}

#[tokio::test]
async fn a_replacement_changes_places_runs_again_and_can_be_taken_back() {
    let (test, shelved) = with_conflict(DeploymentMode::Live).await;
    let first = test.runs("1.2.1").await.remove(0);
    assert_eq!(first.state, RunState::Finished, "{}", first.reason);
    let stored = test.store().instance(INSTANCE).await.expect("read").expect("stored");
    let (old, new) = (bytes_of(&test, &stored.blob), bytes_of(&test, &shelved.blob));

    settle(&test, &shelved.id, Settlement::Replace).await.expect("replaced");
    let now = test.store().instance(INSTANCE).await.expect("read").expect("stored");
    assert_eq!((bytes_of(&test, &now.blob), now.size_bytes as usize), (new.clone(), new.len()));
    let there = test.store().conflict(&shelved.id).await.expect("still there");
    assert_eq!((there.state.as_str(), there.settled_by.as_deref()), ("replaced", Some("ada")));
    assert_eq!(bytes_of(&test, &there.blob), old, "no file changed");
    assert_eq!(open(&test).await, []);

    test.work().await;
    let runs = test.runs("1.2.1").await;
    assert_eq!(runs.iter().map(|run| run.state).collect::<Vec<_>>(), [RunState::Finished, RunState::Rejected]);
    assert_eq!(runs[0].superseded_by.as_ref(), Some(&runs[1].id), "the first is of what was replaced");
    let decisions = test.store().decisions_of_study("1.2.1").await.expect("decisions");
    assert_eq!(decisions.iter().map(|one| one.outcome).collect::<Vec<_>>(), [Outcome::OutsideIntendedUse]);
    assert_eq!(test.store().verify_events().await.expect("read").map(|_| ()), Ok(()));

    settle(&test, &shelved.id, Settlement::Replace).await.expect("taken back");
    let back = test.store().instance(INSTANCE).await.expect("read").expect("stored");
    assert_eq!(bytes_of(&test, &back.blob), old);
    test.work().await;
    let runs = test.runs("1.2.1").await;
    assert_eq!((runs.len(), runs[2].state), (3, RunState::Finished));
}

#[tokio::test]
async fn what_is_kept_or_thrown_away_is_never_promised_to_its_sender() {
    let (test, shelved) = with_conflict(DeploymentMode::Shadow).await;
    let files = test.files();
    settle(&test, &shelved.id, Settlement::KeepFirst).await.expect("kept");
    assert_eq!((open(&test).await, test.files()), (vec![], files));
    assert_eq!(test.store().conflicts(true, 10).await.expect("conflicts")[0].state, "kept");

    let again = settle(&test, &shelved.id, Settlement::KeepFirst).await;
    assert!(matches!(again, Err(PipelineError::Refused(_))), "it is decided");
    settle(&test, &shelved.id, Settlement::Discard).await.expect("discarded");
    assert_eq!(test.files(), files - 1);
    assert!(test.store().conflict(&shelved.id).await.is_err());
    let evidence = test.store().evidence(INSTANCE).await.expect("evidence");
    assert_eq!(evidence.shelved_from, ["peer:CT1"]);
    assert!(settle(&test, &shelved.id, Settlement::Discard).await.is_err(), "once");
}

#[tokio::test]
async fn a_newcomer_of_another_study_replaces_nothing() {
    let test = TestPipeline::open().await;
    test.receive(child().bytes()).await.expect("received");
    test.receive(child().uids("1.2.8", "1.2.8.1", INSTANCE).bytes()).await.expect("received");
    test.work().await;
    let shelved = open(&test).await.remove(0);
    let refused = settle(&test, &shelved.id, Settlement::Replace).await;
    assert!(matches!(refused, Err(PipelineError::Refused(why)) if why.contains("another study")));
}

#[tokio::test]
async fn nothing_is_replaced_while_work_is_due() {
    let test = TestPipeline::open().await;
    test.receive(child().bytes()).await.expect("received");
    test.receive(child().age("041Y").bytes()).await.expect("received");
    let shelved = open(&test).await.remove(0);
    let stored = test.store().instance(INSTANCE).await.expect("read").expect("stored");
    test.order_routing(stored.study_instance_uid.as_str(), stored.series_instance_uid.as_str()).await;
    let refused = settle(&test, &shelved.id, Settlement::Replace).await;
    assert!(matches!(refused, Err(PipelineError::Refused(why)) if why.contains("work is due")));
}

/// Two versions of an instance from a peer of this policy, and what became of the second.
async fn second_from(policy: ConflictPolicy) -> (TestPipeline, Result<ReceivedOutcome, ReceiveError>) {
    let test = TestPipeline::open().await;
    let mut peer = Peer::new("CT1", 0);
    peer.policy.conflicts = policy;
    let mut write = test.store().write().await.expect("a transaction");
    write.upsert_peer(&peer).await.expect("admitted");
    write.commit().await.expect("committed");
    test.receive(child().bytes()).await.expect("received");
    test.work().await;
    let second = test.receive(child().age("041Y").bytes()).await;
    (test, second.map(|second| second.outcome))
}

async fn stored_bytes(test: &TestPipeline) -> Vec<u8> {
    let stored = test.store().instance(INSTANCE).await.expect("read").expect("stored");
    bytes_of(test, &stored.blob)
}

#[tokio::test]
async fn a_peer_that_may_replace_has_its_newest_count() {
    let (test, second) = second_from(ConflictPolicy::Replace).await;
    assert_eq!(second.expect("received"), ReceivedOutcome::Replaced);
    assert_eq!(stored_bytes(&test).await, child().age("041Y").bytes());
    let shelved = test.store().conflicts(true, 10).await.expect("read").remove(0);
    assert_eq!((shelved.state.as_str(), shelved.settled_by.as_deref()), ("replaced", Some("peer:CT1")));
    test.work().await;
    let again = test.receive(child().bytes()).await.expect("received");
    assert_eq!(again.outcome, ReceivedOutcome::Replaced, "what was first is the newest now");
    assert_eq!(stored_bytes(&test).await, child().bytes());
    assert_eq!(test.files(), 2);
}

#[tokio::test]
async fn a_peer_replaces_nothing_while_work_is_due_or_after_a_person_decided() {
    let (test, _) = second_from(ConflictPolicy::Replace).await;
    test.order_routing("1.2.1", "1.2.1.1").await;
    let third = child().age("007Y").bytes();
    assert_eq!(test.receive(third.clone()).await.expect("received").outcome, ReceivedOutcome::Conflict);
    test.work().await;
    settle(&test, &open(&test).await[0].id, Settlement::KeepFirst).await.expect("decided");
    assert_eq!(test.receive(third).await.expect("received").outcome, ReceivedOutcome::Conflict);
    assert_eq!(stored_bytes(&test).await, child().age("041Y").bytes());
}

#[tokio::test]
async fn a_peer_that_may_not_is_told_so_and_nothing_is_kept() {
    let (test, second) = second_from(ConflictPolicy::Refuse).await;
    assert!(
        matches!(second, Err(ReceiveError::Conflict { sop_instance_uid, .. }) if sop_instance_uid.as_str() == INSTANCE)
    );
    assert_eq!((open(&test).await, test.files()), (Vec::new(), 1));
    assert_eq!(stored_bytes(&test).await, child().bytes());
    let log = test.store().events_of_study("1.2.1", 100).await.expect("read");
    assert!(log.iter().any(|line| line.action == "instance.refused" && line.actor == "peer:CT1"));
    let same = test.receive(child().bytes()).await.expect("received");
    assert_eq!(same.outcome, ReceivedOutcome::Duplicate, "the same is no conflict");
}

#[tokio::test]
async fn uploads_and_imports_obey_what_the_site_says() {
    let (test, _) = second_from(ConflictPolicy::KeepFirst).await;
    let receiver = test.pipeline.receiver.clone().deciding(ConflictPolicy::Refuse);
    for source in [Source::Import, Source::Upload("ada".to_owned())] {
        let refused = receiver.receive_bytes(source, child().age("007Y").bytes()).await;
        assert!(matches!(refused, Err(ReceiveError::Conflict { .. })), "{refused:?}");
    }
    let peers_own = receiver.receive_bytes(Source::Peer("CT1".to_owned()), child().age("007Y").bytes()).await;
    assert_eq!(peers_own.expect("received").outcome, ReceivedOutcome::Conflict);
}

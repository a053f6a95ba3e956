//! Steps that people have done again.

use crate::harness::TestPipeline;
use crate::runs::child;
use lightbox_domain::{Actor, DeploymentMode, Job, JobKind, Peer, Run, RunState, Uid};
use lightbox_pipeline::{PipelineError, Replay, replay};
use lightbox_store::{StoreError, TracedDelivery};

const STUDY: &str = "1.2.1";

async fn order(test: &TestPipeline, step: Replay) -> Result<(), PipelineError> {
    let study = Uid::parse(STUDY).expect("a UID");
    replay(test.store(), &study, &step, &Actor::system("ada")).await
}

async fn admit(test: &TestPipeline, ae_title: &str) {
    let mut write = test.store().write().await.expect("begun");
    let peer = Peer { receives_results: true, ..Peer::new(ae_title, 0) };
    write.upsert_peer(&peer).await.expect("admitted");
    write.commit().await.expect("committed");
}

async fn deliveries(test: &TestPipeline) -> Vec<TracedDelivery> {
    test.store().deliveries_of_study(STUDY).await.expect("deliveries")
}

async fn finished(mode: DeploymentMode) -> (TestPipeline, Run) {
    let test = TestPipeline::open().await;
    test.deploy(mode).await;
    test.receive(child().bytes()).await.expect("received");
    test.work().await;
    let run = test.runs(STUDY).await.remove(0);
    assert_eq!(run.state, RunState::Finished, "{}", run.reason);
    (test, run)
}

#[tokio::test]
async fn publishing_again_repeats_nothing_and_reaches_a_new_peer() {
    let (test, run) = finished(DeploymentMode::Live).await;
    let files = test.files();
    admit(&test, "PACS1").await;
    order(&test, Replay::Publish { run_id: run.id.clone() }).await.expect("ordered");
    test.work().await;

    assert_eq!(test.runs(STUDY).await, std::slice::from_ref(&run), "the run stays as it was");
    assert_eq!(test.files(), files);
    let traced = deliveries(&test).await;
    assert_eq!(traced.len(), 2, "report and map");
    assert!(traced.iter().all(|one| one.delivery.ae_title == "PACS1"));
    let actions = test.store().events_of_study(STUDY, 100).await.expect("lines");
    assert!(actions.iter().any(|line| line.action == "run.published_again" && line.actor == "ada"));

    let wrong = order(&test, Replay::Explain { run_id: run.id }).await;
    assert!(matches!(wrong, Err(PipelineError::Refused(_))), "its map did not fail");
}

#[tokio::test]
async fn a_shadow_result_is_published_again_to_nobody() {
    let (test, run) = finished(DeploymentMode::Shadow).await;
    admit(&test, "PACS1").await;
    order(&test, Replay::Publish { run_id: run.id }).await.expect("ordered");
    test.work().await;
    assert_eq!(deliveries(&test).await, []);
}

#[tokio::test]
async fn a_failed_delivery_says_so_in_its_study_and_is_ordered_once_more() {
    let (test, run) = finished(DeploymentMode::Live).await;
    admit(&test, "PACS1").await;
    order(&test, Replay::Publish { run_id: run.id }).await.expect("ordered");
    // Nothing here takes a delivery anywhere, so that the worker gives both up.
    test.work().await;
    let failed = deliveries(&test).await.remove(0).delivery;
    assert_eq!(failed.state, "failed");
    let lines = test.store().events_of_study(STUDY, 100).await.expect("lines");
    assert!(lines.iter().any(|line| line.action == "delivery.failed" && line.object_id == failed.id));

    order(&test, Replay::Deliver { delivery_id: failed.id.clone() }).await.expect("ordered");
    assert_eq!(deliveries(&test).await[0].delivery.state, "due");
    let left = test.store().jobs_of_study(STUDY).await.expect("jobs");
    let job = Job::Deliver { delivery_id: failed.id };
    assert!(left.iter().any(|one| one.job == job && !one.given_up), "{left:?}");
    let none = order(&test, Replay::Deliver { delivery_id: "none".to_owned() }).await;
    assert!(matches!(none, Err(PipelineError::Store(StoreError::Missing { .. }))));
}

#[tokio::test]
async fn what_arrived_before_an_app_is_routed_again() {
    let test = TestPipeline::open().await;
    test.receive(child().bytes()).await.expect("received");
    test.work().await;
    assert_eq!(test.runs(STUDY).await, []);
    test.deploy(DeploymentMode::Live).await;
    order(&test, Replay::Route).await.expect("ordered");
    test.work().await;
    assert_eq!(test.runs(STUDY).await.len(), 1);
    order(&test, Replay::Route).await.expect("ordered");
    test.work().await;
    assert_eq!(test.runs(STUDY).await.len(), 1, "one run for one input");
}

#[tokio::test]
async fn a_series_is_described_again() {
    let test = TestPipeline::open().await;
    test.receive(child().bytes()).await.expect("received");
    test.work().await;
    order(&test, Replay::Describe { series_instance_uid: "1.2.1.1".to_owned() }).await.expect("ordered");
    let left = test.store().jobs_of_study(STUDY).await.expect("jobs");
    assert!(left.iter().any(|one| one.job.kind() == JobKind::Describe));
    assert!(order(&test, Replay::Describe { series_instance_uid: "1.9".to_owned() }).await.is_err());
}

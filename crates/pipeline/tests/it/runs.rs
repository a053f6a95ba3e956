use crate::harness::TestPipeline;
use lightbox_domain::{Actor, AiState, DeploymentMode, MapState, Outcome, RunState};
use lightbox_pipeline::{change_deployment, override_run, retry_run};
use lightbox_testkit::Film;

/// A film that the reference app takes.
pub fn child() -> Film {
    let set = |film: Film, keyword: &str, text: &str| film.set_keyword(keyword, text);
    let film = Film::new().size(64, 64).age("004Y").uids("1.2.1", "1.2.1.1", "1.2.1.1.1");
    let film = set(film, "BodyPartExamined", "CHEST");
    set(film, "ViewPosition", "AP")
}

#[tokio::test]
async fn a_film_becomes_findings_a_report_and_a_map() {
    let test = TestPipeline::open().await;
    test.deploy(DeploymentMode::Live).await;
    test.receive(child().bytes()).await.expect("received");
    test.work().await;

    let run = test.runs("1.2.1").await.remove(0);
    assert_eq!((run.state, run.map_state), (RunState::Finished, MapState::Stored), "{}", run.reason);
    assert_eq!(run.findings.len(), 1);
    let results = test.store().results(&run.id).await.expect("results");
    assert_eq!(results.len(), 2);
    assert_eq!(test.store().instances_of_study("1.2.1").await.expect("instances").len(), 3);
}

#[tokio::test]
async fn results_in_shadow_are_kept_outside_the_study() {
    let test = TestPipeline::open().await;
    test.deploy(DeploymentMode::Shadow).await;
    test.receive(child().bytes()).await.expect("received");
    test.work().await;
    let run = test.runs("1.2.1").await.remove(0);
    assert_eq!(run.state, RunState::Finished);
    assert_eq!(test.store().results(&run.id).await.expect("results").len(), 2);
    assert_eq!(test.store().instances_of_study("1.2.1").await.expect("instances").len(), 1);
    assert_eq!(test.store().study("1.2.1").await.expect("read").expect("stored").ai.state, AiState::None);
}

#[tokio::test]
async fn what_is_no_chest_film_is_not_applicable_and_an_adult_is_refused() {
    let test = TestPipeline::open().await;
    test.deploy(DeploymentMode::Live).await;
    test.receive(child().set_keyword("Modality", "CT").bytes()).await.expect("received");
    test.receive(child().age("041Y").uids("1.2.2", "1.2.2.1", "1.2.2.1.1").bytes()).await.expect("received");
    test.work().await;

    assert_eq!(test.runs("1.2.1").await, []);
    let decisions = test.store().decisions_of_study("1.2.1").await.expect("decisions");
    assert_eq!((decisions[0].outcome, decisions[0].reason.contains("CT")), (Outcome::NotApplicable, true));
    let refused = test.runs("1.2.2").await.remove(0);
    assert_eq!(refused.state, RunState::Rejected);
    assert!(refused.reason.contains("41 years"), "{}", refused.reason);

    let actor = Actor::system("ada");
    assert!(override_run(test.store(), &refused.id, " ", &actor).await.is_err(), "a reason is needed");
    override_run(test.store(), &refused.id, "a study of adults", &actor).await.expect("ordered");
    assert!(override_run(test.store(), &refused.id, "again", &actor).await.is_err(), "once");
    test.work().await;
    let runs = test.runs("1.2.2").await;
    assert_eq!((runs.len(), runs[1].state), (2, RunState::Finished));
}

#[tokio::test]
async fn a_run_whose_model_is_gone_fails_with_a_reason_and_can_be_tried_again() {
    let test = TestPipeline::open().await;
    let deployment = test.deploy(DeploymentMode::Live).await;
    let (model, aside) = (deployment.folder.join("model.onnx"), deployment.folder.join("aside"));
    std::fs::rename(&model, &aside).expect("moved");
    test.receive(child().bytes()).await.expect("received");
    test.work().await;
    let run = test.runs("1.2.1").await.remove(0);
    assert_eq!(run.state, RunState::Failed);
    assert!(run.reason.contains("model.onnx is missing"), "{}", run.reason);

    std::fs::rename(&aside, &model).expect("moved");
    retry_run(test.store(), &run.id, &Actor::system("ada")).await.expect("queued");
    test.work().await;
    assert_eq!(test.runs("1.2.1").await[0].state, RunState::Finished);
}

#[tokio::test]
async fn the_sites_threshold_holds_and_a_release_is_deployed_once() {
    let test = TestPipeline::open().await;
    let mut deployment = test.deploy(DeploymentMode::Live).await;
    assert_eq!(test.deploy(DeploymentMode::Shadow).await, deployment);
    let actor = Actor::system("ada");
    deployment.thresholds.insert("effusion".to_owned(), 0.5);
    assert!(change_deployment(test.store(), &deployment, &actor).await.is_err(), "no such finding");
    deployment.thresholds.clear();
    deployment.thresholds.insert("pneumonia".to_owned(), 1.0);
    change_deployment(test.store(), &deployment, &actor).await.expect("changed");
    test.receive(child().bytes()).await.expect("received");
    test.work().await;
    let run = test.runs("1.2.1").await.remove(0);
    assert!((run.findings[0].threshold - 1.0).abs() < f64::EPSILON);
}

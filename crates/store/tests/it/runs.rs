use crate::harness::{Instance, MANIFEST, TestStore, uid};
use lightbox_domain::{AiState, Code, Deployment, DeploymentMode, Finding, Override, RunState};
use lightbox_store::{NewRun, StoreError};

async fn deployed() -> TestStore {
    let store = TestStore::open().await;
    store.insert(Instance::default(), b"one").await;
    let deployment = store.deploy("releases/00").await;
    let mut write = store.write().await.unwrap();
    let again = Deployment { id: "E".to_owned(), ..deployment.clone() };
    assert!(matches!(write.insert_deployment(&again, MANIFEST).await, Err(StoreError::Exists { .. })));
    drop(write);
    assert_eq!(store.deployment("D").await.unwrap(), deployment);
    store
}

fn new_run(state: RunState, mode: DeploymentMode) -> NewRun {
    NewRun {
        deployment_id: "D".to_owned(),
        mode,
        study_instance_uid: uid("1.2.1"),
        series_instance_uid: uid("1.2.1.1"),
        sop_instance_uid: uid("1.2.1.1.1"),
        received_ms: 1_000,
        overridden: None,
        state,
        reason: String::new(),
        has_map: true,
    }
}

fn finding(score: f64) -> Finding {
    let code = Code { scheme: "SCT".to_owned(), value: "1".to_owned(), meaning: "Pneumonia".to_owned() };
    Finding { id: "pneumonia".to_owned(), code, score, threshold: 0.5 }
}

#[tokio::test]
async fn routing_twice_queues_one_run() {
    let store = deployed().await;
    let mut write = store.write().await.unwrap();
    let new = new_run(RunState::Queued, DeploymentMode::Live);
    assert!(write.insert_run(&new).await.unwrap().is_some());
    assert_eq!(write.insert_run(&new).await.unwrap(), None);
    write.commit().await.unwrap();
}

#[tokio::test]
async fn a_run_goes_only_where_its_machine_lets_it() {
    let store = deployed().await;
    let mut write = store.write().await.unwrap();
    let id = write.insert_run(&new_run(RunState::Queued, DeploymentMode::Live)).await.unwrap().expect("new");
    assert!(matches!(write.advance_run(&id, RunState::Finished, "").await, Err(StoreError::Transition { .. })));
    write.advance_run(&id, RunState::Running, "").await.unwrap();
    write.store_findings(&id, &[finding(0.9)], 24_000).await.unwrap();
    write.advance_run(&id, RunState::Finished, "").await.unwrap();
    write.commit().await.unwrap();

    let run = store.run(&id).await.unwrap().expect("stored");
    assert_eq!((run.state, run.attempts, run.model_us), (RunState::Finished, 1, Some(24_000)));
    assert_eq!(run.findings, [finding(0.9)]);
    assert!(run.turnaround_ms().is_some());
}

#[tokio::test]
async fn the_study_says_in_one_word_what_ai_says() {
    let check = async |mode, end: Option<f64>, expected: AiState| {
        let store = deployed().await;
        let mut write = store.write().await.unwrap();
        write.mark_routed(&[&uid("1.2.1.1.1")]).await.unwrap();
        let id = write.insert_run(&new_run(RunState::Queued, mode)).await.unwrap().expect("new");
        if let Some(score) = end {
            write.advance_run(&id, RunState::Running, "").await.unwrap();
            write.store_findings(&id, &[finding(score)], 1).await.unwrap();
            write.advance_run(&id, RunState::Finished, "").await.unwrap();
        }
        write.refresh_summary("1.2.1").await.unwrap();
        write.commit().await.unwrap();
        assert_eq!(store.study("1.2.1").await.unwrap().expect("stored").ai.state, expected);
    };
    check(DeploymentMode::Live, None, AiState::Running).await;
    check(DeploymentMode::Live, Some(0.9), AiState::Found).await;
    check(DeploymentMode::Live, Some(0.1), AiState::NothingFound).await;
    check(DeploymentMode::Shadow, Some(0.9), AiState::None).await;
}

#[tokio::test]
async fn a_run_that_a_person_orders_supersedes_the_rejected_one() {
    let store = deployed().await;
    let mut write = store.write().await.unwrap();
    let rejected = new_run(RunState::Rejected, DeploymentMode::Live);
    let first = write.insert_run(&rejected).await.unwrap().expect("new");
    let overridden = Override { reason: "study of adults".to_owned(), by: "ada".to_owned(), at_ms: 5 };
    let ordered = NewRun { overridden: Some(overridden.clone()), state: RunState::Queued, ..rejected };
    let second = write.insert_run(&ordered).await.unwrap().expect("new");
    write.commit().await.unwrap();

    let first = store.run(&first).await.unwrap().expect("stored");
    assert_eq!(first.superseded_by.as_deref(), Some(second.as_str()));
    assert_eq!(store.run(&second).await.unwrap().expect("stored").overridden, Some(overridden));
}

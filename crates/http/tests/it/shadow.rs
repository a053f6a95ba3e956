//! Results in shadow mode: seen by those who evaluate, and by nobody else at any door.

use crate::door::Door;
use lightbox_domain::{DeploymentMode, Role, RunState};
use lightbox_testkit::Film;
use serde_json::{Value, json};

const REPORT: &str = "/dicomweb/studies/2.25.1/series/2.25.20/instances/2.25.30";

async fn with_run(mode: DeploymentMode) -> (Door, String) {
    let door = Door::open().await;
    door.put(&Film::new()).await;
    let deployment = door.deploy(mode).await;
    let run_id = door.run(&deployment, RunState::Finished).await;
    (door, run_id)
}

#[tokio::test]
async fn a_shadow_result_is_nowhere_to_be_seen() {
    let (door, run_id) = with_run(DeploymentMode::Shadow).await;
    for role in [Role::Radiologist, Role::Clinician, Role::Technologist] {
        let reader = door.client(role).await;
        let detail = reader.get("/api/v1/studies/2.25.1").await.json();
        assert_eq!((&detail["runs"], &detail["decisions"]), (&json!([]), &json!([])), "{role}");
        assert_eq!(detail["series"].as_array().unwrap().len(), 1, "{role}");
        let item = &reader.get("/api/v1/worklist").await.json()["items"][0];
        assert_eq!((&item["top_finding"], &item["instance_count"]), (&Value::Null, &json!(1)), "{role}");
        assert_ne!(item["ai_state"], "found");
        for path in [
            REPORT.to_owned(),
            format!("{REPORT}/metadata"),
            format!("{REPORT}/frames/1"),
            format!("{REPORT}/rendered"),
            format!("{REPORT}/bulkdata/7FE00010"),
            "/dicomweb/studies/2.25.1/series/2.25.20".to_owned(),
            format!("/api/v1/runs/{run_id}/map"),
        ] {
            assert_eq!(reader.get(&path).await.code(), 404, "{role} {path}");
        }
        assert_eq!(reader.get("/dicomweb/instances").await.json().as_array().unwrap().len(), 1);
        assert_eq!(reader.get("/dicomweb/studies/2.25.1").await.parts().len(), 1);
    }
    let radiologist = door.client(Role::Radiologist).await;
    for order in ["override", "retry"] {
        let path = format!("/api/v1/runs/{run_id}/{order}");
        assert_eq!(radiologist.post(&path, &json!({ "reason": "to see it" })).await.code(), 404, "{order}");
    }
}

#[tokio::test]
async fn those_who_evaluate_see_it() {
    let (door, run_id) = with_run(DeploymentMode::Shadow).await;
    let lead = door.client(Role::AiLead).await;
    let detail = lead.get("/api/v1/studies/2.25.1").await.json();
    assert_eq!((&detail["runs"][0]["id"], &detail["runs"][0]["mode"]), (&json!(run_id), &json!("shadow")));
    assert_eq!(lead.get(&format!("/api/v1/runs/{run_id}/map")).await.code(), 200);
    assert_eq!(lead.get(REPORT).await.code(), 200);
    assert_eq!(
        lead.get("/dicomweb/instances").await.json().as_array().unwrap().len(),
        1,
        "searches see the index only"
    );
}

#[tokio::test]
async fn a_live_result_is_an_instance_like_any_other() {
    let (door, _run_id) = with_run(DeploymentMode::Live).await;
    let reader = door.client(Role::Clinician).await;
    assert_eq!(reader.get(REPORT).await.code(), 200);
    assert_eq!(reader.get("/dicomweb/instances").await.json().as_array().unwrap().len(), 2);
    assert_eq!(reader.get("/dicomweb/studies/2.25.1").await.parts().len(), 2);
}

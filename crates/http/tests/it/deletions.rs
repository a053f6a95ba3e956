//! Deleting, as a client meets it.

use crate::door::Door;
use lightbox_domain::{DeploymentMode, JobKind, Role, RunState};
use lightbox_testkit::Film;
use serde_json::json;

/// Addresses at which the default film is seen, with the status while it is there.
const SEEN_AT: [&str; 6] = [
    "/api/v1/studies/2.25.1",
    "/dicomweb/studies/2.25.1",
    "/dicomweb/studies/2.25.1/metadata",
    "/dicomweb/studies/2.25.1/series/2.25.2/instances/2.25.3",
    "/dicomweb/studies/2.25.1/series/2.25.2/instances/2.25.3/rendered",
    "/dicomweb/studies/2.25.1/series/2.25.2/instances/2.25.3/bulkdata/7FE00010",
];

async fn work_off(door: &Door) {
    while let Some(claimed) = door.store.claim(JobKind::LAST).await.unwrap() {
        let mut write = door.store.write().await.unwrap();
        write.complete(&claimed).await.unwrap();
        write.commit().await.unwrap();
    }
}

#[tokio::test]
async fn a_deleted_study_is_seen_nowhere_until_it_is_brought_back() {
    let door = Door::open().await;
    let deployment = door.deploy(DeploymentMode::Live).await;
    door.put(&Film::new()).await;
    let admin = door.client(Role::Admin).await;
    let path = "/api/v1/studies/2.25.1/deletions";
    let early = admin.post(path, &json!({ "reason": "a test" })).await;
    assert_eq!(early.code(), 409);
    assert!(early.text().contains("1 series to look at"), "{}", early.text());
    work_off(&door).await;
    let run = door.run(&deployment, RunState::Failed).await;

    assert_eq!(admin.post(path, &json!({ "reason": " " })).await.code(), 409);
    let made = admin.post(path, &json!({ "reason": "a test" })).await;
    assert_eq!(made.code(), 201, "{}", made.text());
    let id = made.json()["id"].as_str().unwrap().to_owned();
    assert!(made.json()["purge_at"].as_str().unwrap().ends_with('Z'));
    for address in SEEN_AT {
        assert_eq!(admin.get(address).await.code(), 404, "{address}");
    }
    assert_eq!(admin.post(&format!("/api/v1/runs/{run}/retry"), &json!({})).await.code(), 404);
    assert_eq!(admin.get("/api/v1/worklist").await.json()["total"], 0);
    assert_eq!(admin.get("/api/v1/deletions").await.json()["items"][0]["reason"], "a test");

    let undone = admin.post(&format!("/api/v1/deletions/{id}/undo"), &json!({})).await;
    assert_eq!(undone.code(), 200, "{}", undone.text());
    for address in SEEN_AT {
        assert_eq!(admin.get(address).await.code(), 200, "{address}");
    }
    assert_eq!(admin.post(&format!("/api/v1/deletions/{id}/undo"), &json!({})).await.code(), 404);
}

#[tokio::test]
async fn a_series_or_instances_are_deleted_and_nothing_is_404() {
    let door = Door::open().await;
    door.put(&Film::new()).await;
    door.put(&Film::new().uids("2.25.1", "2.25.2", "2.25.4")).await;
    work_off(&door).await;
    let admin = door.client(Role::Admin).await;
    let path = "/api/v1/studies/2.25.1/deletions";
    let both = json!({ "reason": "a test", "series_instance_uid": "2.25.2", "sop_instance_uids": ["2.25.4"] });
    assert_eq!(admin.post(path, &both).await.code(), 422);
    let one = json!({ "reason": "a test", "sop_instance_uids": ["2.25.4"] });
    assert_eq!(admin.post(path, &one).await.json()["instances"], 1);
    assert_eq!(admin.post(path, &one).await.code(), 404);
    assert_eq!(admin.get("/dicomweb/studies/2.25.1/instances").await.json().as_array().unwrap().len(), 1);
    let series = json!({ "reason": "a test", "series_instance_uid": "2.25.2" });
    assert_eq!(admin.post(path, &series).await.json()["series_instance_uid"], "2.25.2");
    let technologist = door.client(Role::Technologist).await;
    assert_eq!(technologist.post(path, &series).await.code(), 403);
}

//! The conflict shelf, as a client meets it.

use crate::door::{Client, Door};
use lightbox_domain::{DeploymentMode, Role};
use lightbox_testkit::Film;
use serde_json::{Value, json};

/// A film, and a newcomer with its UID that says another age.
async fn with_conflict() -> (Door, Client, String) {
    let door = Door::open().await;
    door.deploy(DeploymentMode::Live).await;
    let admin = door.client(Role::Admin).await;
    let film = || Film::new().age("004Y");
    assert_eq!(admin.stow("/dicomweb/studies", &[film().bytes()]).await.code(), 200);
    admin.stow("/dicomweb/studies", &[film().age("041Y").bytes()]).await;
    let listed = admin.get("/api/v1/conflicts").await.json();
    let id = listed["items"][0]["id"].as_str().unwrap_or_else(|| panic!("{listed}")).to_owned();
    (door, admin, id)
}

async fn work_off(door: &Door) {
    while let Some(claimed) = door.store.claim(lightbox_domain::JobKind::LAST).await.unwrap() {
        let mut write = door.store.write().await.unwrap();
        write.complete(&claimed).await.unwrap();
        write.commit().await.unwrap();
    }
}

#[tokio::test]
async fn the_shelf_says_what_differs_and_values_only_to_those_who_read() {
    let (door, admin, id) = with_conflict().await;
    let path = format!("/api/v1/conflicts/{id}");
    let detail = admin.get(&path).await.json();
    assert_eq!(
        (&detail["conflict"]["state"], &detail["conflict"]["study_instance_uid"]),
        (&json!("open"), &json!("2.25.1"))
    );
    let age =
        json!({ "name": "PatientAge", "in_stored": true, "in_shelved": true, "stored": "004Y", "shelved": "041Y" });
    assert_eq!(detail["differences"], json!([age]));

    let operations = door.client(Role::Operations).await.get(&path).await.json();
    let told = &operations["differences"][0];
    assert_eq!((&told["name"], &told["stored"], &told["shelved"]), (&json!("PatientAge"), &Value::Null, &Value::Null));
    for role in [Role::Clinician, Role::Vendor] {
        assert_eq!(door.client(role).await.get("/api/v1/conflicts").await.code(), 403, "{role}");
    }
    let timeline = admin.get("/api/v1/studies/2.25.1/timeline").await.json();
    assert!(timeline.to_string().contains("it is on the shelf"), "{timeline}");
}

#[tokio::test]
async fn a_decision_is_made_by_those_who_may() {
    let (door, admin, id) = with_conflict().await;
    let path = format!("/api/v1/conflicts/{id}/settle");
    let replace = json!({ "decision": "replace" });
    assert_eq!(door.client(Role::Technologist).await.post(&path, &replace).await.code(), 403);
    assert_eq!(admin.post(&path, &replace).await.code(), 409, "work is due");
    work_off(&door).await;
    assert_eq!(admin.post(&path, &replace).await.code(), 204);
    let metadata = admin.get("/dicomweb/studies/2.25.1/metadata").await.json();
    assert_eq!(metadata[0]["00101010"]["Value"][0], "041Y");
    assert_eq!(admin.get("/api/v1/conflicts").await.json()["items"], json!([]));
    let settled = admin.get("/api/v1/conflicts?settled=true").await.json();
    assert_eq!(settled["items"][0]["state"], "replaced");

    assert_eq!(admin.post(&path, &json!({ "decision": "burn" })).await.code(), 422);
    assert_eq!(admin.post(&path, &json!({ "decision": "discard" })).await.code(), 204);
    assert_eq!(admin.get(&format!("/api/v1/conflicts/{id}")).await.code(), 404);
}

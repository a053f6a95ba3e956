//! Who gets in at all: nobody without login or token, and nobody without the role.

use crate::door::{Client, Door};
use lightbox_domain::{DeploymentMode, Role, RunState};
use serde_json::{Value, json};

/// Every address below `/dicomweb`, with its methods.
const DICOMWEB: [(&str, &str); 21] = [
    ("GET", "/dicomweb/studies"),
    ("GET", "/dicomweb/series"),
    ("GET", "/dicomweb/instances"),
    ("GET", "/dicomweb/studies/2.25.1/series"),
    ("GET", "/dicomweb/studies/2.25.1/instances"),
    ("GET", "/dicomweb/studies/2.25.1/series/2.25.2/instances"),
    ("GET", "/dicomweb/studies/2.25.1"),
    ("GET", "/dicomweb/studies/2.25.1/series/2.25.2"),
    ("GET", "/dicomweb/studies/2.25.1/series/2.25.2/instances/2.25.3"),
    ("GET", "/dicomweb/studies/2.25.1/metadata"),
    ("GET", "/dicomweb/studies/2.25.1/series/2.25.2/metadata"),
    ("GET", "/dicomweb/studies/2.25.1/series/2.25.2/instances/2.25.3/metadata"),
    ("GET", "/dicomweb/studies/2.25.1/series/2.25.2/instances/2.25.3/frames/1"),
    ("GET", "/dicomweb/studies/2.25.1/series/2.25.2/instances/2.25.3/rendered"),
    ("GET", "/dicomweb/studies/2.25.1/series/2.25.2/instances/2.25.3/thumbnail"),
    ("GET", "/dicomweb/studies/2.25.1/series/2.25.2/instances/2.25.3/frames/1/rendered"),
    ("GET", "/dicomweb/studies/2.25.1/series/2.25.2/instances/2.25.3/frames/1/thumbnail"),
    ("GET", "/dicomweb/studies/2.25.1/series/2.25.2/instances/2.25.3/bulkdata/7FE00010"),
    ("GET", "/dicomweb/studies/2.25.1/series/2.25.2/instances/2.25.3/bulkdata/00100010"),
    ("POST", "/dicomweb/studies"),
    ("POST", "/dicomweb/studies/2.25.1"),
];

/// Every operation of the API with a body that it takes, and every address of DICOMweb.
fn operations(run_id: &str) -> Vec<(String, String, Value)> {
    let api: Value = serde_json::from_str(&lightbox_http::openapi_json()).unwrap();
    let mut operations = Vec::new();
    for (path, item) in api["paths"].as_object().unwrap() {
        for method in item.as_object().unwrap().keys() {
            let path = path.replace("{study_instance_uid}", "2.25.1").replace("{ae_title}", "CT1");
            let path = path.replace("{name}", "ann").replace("{id}", run_id);
            operations.push((method.to_uppercase(), path, body_for(method)));
        }
    }
    assert!(operations.len() >= 23, "the description lacks operations");
    operations.extend(DICOMWEB.map(|(method, path)| (method.to_owned(), path.to_owned(), Value::Null)));
    operations
}

/// One body that every operation can read.
fn body_for(method: &str) -> Value {
    match method {
        "patch" => json!({ "enabled": false }),
        _ => json!({ "name": "ann", "role": "learner", "password": "a long password", "ae_title": "CT1",
                     "new_password": "a long password", "reason": "teaching" }),
    }
}

async fn statuses(client: &Client, run_id: &str) -> Vec<(String, u16)> {
    let mut statuses = Vec::new();
    for (method, path, body) in operations(run_id) {
        let reply = client.json(&method, &path, &body).await;
        statuses.push((format!("{method} {path}"), reply.code()));
    }
    statuses
}

#[tokio::test]
async fn nothing_but_health_and_the_page_answers_without_login() {
    let door = Door::open().await;
    door.put(&lightbox_testkit::Film::new()).await;
    let nobody = door.nobody();
    for (operation, status) in statuses(&nobody, "01J").await {
        assert_eq!(status, 401, "{operation}");
    }
    assert_eq!(nobody.get("/healthz").await.text(), "ok");
    assert_eq!(nobody.get("/readyz").await.text(), "ready");
    let wrong = nobody.with("authorization", "Bearer lbx_guess");
    let refused = wrong.get("/api/v1/worklist").await;
    assert_eq!((refused.code(), refused.header("www-authenticate")), (401, "Bearer"));
}

#[tokio::test]
async fn whoever_may_do_nothing_is_refused_everywhere_but_at_their_own_session() {
    let door = Door::open().await;
    door.put(&lightbox_testkit::Film::new()).await;
    let deployment = door.deploy(DeploymentMode::Live).await;
    let run_id = door.run(&deployment, RunState::Failed).await;
    let own = [
        ("GET /api/v1/session", 200),
        ("DELETE /api/v1/session", 400),
        ("POST /api/v1/session", 401),
        ("POST /api/v1/session/password", 400),
        ("GET /api/v1/system", 200),
        ("GET /api/v1/openapi.json", 200),
        ("GET /api/v1/conformance", 200),
    ];
    let learner = door.client(Role::Learner).await;
    for (operation, status) in statuses(&learner, &run_id).await {
        let open = own.iter().find(|(known, _)| *known == operation).map(|(_, status)| *status);
        // A body that does not fit is only looked at after the permission.
        assert_eq!(status, open.unwrap_or(if takes_another_body(&operation) { 422 } else { 403 }), "{operation}");
    }
}

/// The operations that refuse the common body before their handler runs: they take no other fields, or need one more.
fn takes_another_body(operation: &str) -> bool {
    let others = [
        "POST /api/v1/accounts",
        "POST /api/v1/orders",
        "POST /api/v1/patients/merge",
        "POST /api/v1/peers",
        "POST /api/v1/studies/2.25.1/corrections",
        "POST /api/v1/studies/2.25.1/order/link",
        "POST /api/v1/studies/2.25.1/replay",
    ];
    others.contains(&operation) || operation.ends_with("/settle")
}

#[tokio::test]
async fn a_refusal_names_the_roles_that_would_do_and_carries_an_id() {
    let door = Door::open().await;
    let reply = door.client(Role::Clinician).await.get("/api/v1/events").await;
    assert_eq!((reply.code(), reply.header("content-type")), (403, "application/problem+json"));
    let problem = reply.json();
    assert_eq!(problem["title"], "Your role does not permit this");
    assert_eq!(problem["detail"], "event.read needs one of these roles: admin, ai_lead, operations");
    assert_eq!(problem["status"], 403);
    assert_eq!(problem["type"], "about:blank");
    assert_eq!(problem["id"].as_str().unwrap().len(), 26);
}

#[tokio::test]
async fn only_those_who_acquire_may_store() {
    let door = Door::open().await;
    let film = lightbox_testkit::Film::new().bytes();
    for (role, expected) in [(Role::Radiologist, 403), (Role::AiLead, 403), (Role::Technologist, 200)] {
        let reply = door.client(role).await.stow("/dicomweb/studies", std::slice::from_ref(&film)).await;
        assert_eq!(reply.code(), expected, "{role}");
    }
}

#[tokio::test]
async fn the_numbers_are_for_those_who_run_the_place() {
    let door = Door::open().await;
    for (role, expected) in [(Role::Clinician, 403), (Role::Operations, 404), (Role::Admin, 404)] {
        // Nothing is measured in this process, which only those learn who may ask.
        assert_eq!(door.client(role).await.get("/metrics").await.code(), expected, "{role}");
    }
    assert_eq!(door.nobody().get("/metrics").await.code(), 401);
}

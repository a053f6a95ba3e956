//! The API's nouns.

use crate::door::Door;
use lightbox_domain::{DeploymentMode, Role, RunState};
use lightbox_testkit::Film;
use serde_json::{Value, json};

#[tokio::test]
async fn the_worklist_lists_studies_with_what_ai_says() {
    let door = Door::open().await;
    door.put(&Film::new()).await;
    let deployment = door.deploy(DeploymentMode::Live).await;
    door.run(&deployment, RunState::Finished).await;
    door.put(&Film::new().uids("2.25.9", "2.25.91", "2.25.92").patient_id("P9")).await;

    let reader = door.client(Role::Clinician).await;
    let list = reader.get("/api/v1/worklist").await.json();
    assert_eq!(list["total"], 2);
    let mut study = list["items"].as_array().unwrap().iter().find(|one| one["patient_id"] == "P1").unwrap().clone();
    let received_at = study.as_object_mut().unwrap().remove("received_at").unwrap();
    assert!(received_at.as_str().unwrap().ends_with('Z'));
    assert_eq!(
        study,
        json!({
            "study_instance_uid": "2.25.1", "patient_name": "Phantom^Pia", "patient_id": "P1",
            "patient_birth_date": "2020-01-01", "patient_sex": "F", "patient_age": "4 y", "accession_number": "A1",
            "study_date": "2024-03-05", "study_time": "10:15:00", "study_description": "Chest", "modalities": ["DX"],
            "series_count": 2, "instance_count": 2, "ai_state": "found",
            "top_finding": { "meaning": "Pneumonia", "score": 0.86, "threshold": 0.5, "positive": true },
        })
    );
    assert_eq!(reader.get("/api/v1/worklist?search=p9").await.json()["total"], 1);
    assert_eq!(reader.get("/api/v1/worklist?ai_state=found&limit=1").await.json()["total"], 1);
    assert_eq!(reader.get("/api/v1/worklist?ai_state=perhaps").await.code(), 400);
    assert_eq!(reader.get("/api/v1/worklist?offset=2").await.json()["items"], json!([]));
}

#[tokio::test]
async fn a_study_shows_series_runs_and_their_findings() {
    let door = Door::open().await;
    door.put(&Film::new().frames(3)).await;
    let deployment = door.deploy(DeploymentMode::Live).await;
    let run_id = door.run(&deployment, RunState::Finished).await;
    let reader = door.client(Role::Radiologist).await;
    let detail = reader.get("/api/v1/studies/2.25.1").await.json();
    assert_eq!(detail["study"]["study_instance_uid"], "2.25.1");
    let series: Vec<_> = detail["series"].as_array().unwrap().iter().map(|one| one["run_id"].clone()).collect();
    assert_eq!(series.len(), 2);
    assert!(series.contains(&json!(run_id)) && series.contains(&Value::Null));
    let film = detail["series"].as_array().unwrap().iter().find(|one| one["run_id"].is_null()).unwrap();
    assert_eq!(film["instances"][0]["frames"], 3);
    assert_eq!(film["instances"][0]["is_image"], true);

    let run = &detail["runs"][0];
    assert_eq!(run["id"], json!(run_id));
    assert_eq!(run["state"], "finished");
    assert_eq!(run["app_id"], "cxr-pneumonia");
    assert_eq!(run["clearance"], Value::Null);
    assert_eq!(run["model_ms"], 24);
    assert_eq!(run["findings"][0]["positive"], true);
    assert_eq!(run["map"], json!({ "state": "stored", "ms": 950 }));
    assert_eq!(run["results"][0]["sop_instance_uid"], "2.25.30");
    let map = reader.get(&format!("/api/v1/runs/{run_id}/map")).await.json();
    assert_eq!(map["values"], json!([0.25, 1.0]));
    assert!(map["legend"].as_str().unwrap().contains("0.310"));

    assert_eq!(reader.get("/api/v1/studies/2.25.404").await.code(), 404);
    assert_eq!(reader.get("/api/v1/studies/no-uid").await.code(), 400);
    assert_eq!(reader.get("/api/v1/runs/01J/map").await.code(), 404);
}

#[tokio::test]
async fn a_rejected_run_is_overridden_with_a_reason_and_only_then() {
    let door = Door::open().await;
    door.put(&Film::new()).await;
    let deployment = door.deploy(DeploymentMode::Live).await;
    let rejected = door.run(&deployment, RunState::Rejected).await;
    let radiologist = door.client(Role::Radiologist).await;
    let path = format!("/api/v1/runs/{rejected}/override");
    assert_eq!(radiologist.post(&path, &json!({ "reason": "  " })).await.code(), 409);
    assert_eq!(radiologist.post(&path, &json!({})).await.code(), 422);
    let refused = door.client(Role::Clinician).await.post(&path, &json!({ "reason": "teaching" })).await;
    assert_eq!(refused.code(), 403);

    let ordered = radiologist.post(&path, &json!({ "reason": "teaching" })).await;
    assert_eq!(ordered.code(), 202);
    let run = ordered.json();
    assert_eq!((run["state"].as_str(), run["override"]["reason"].as_str()), (Some("queued"), Some("teaching")));
    assert!(run["override"]["by"].as_str().unwrap().starts_with("token:radiologist"));
    assert_eq!(radiologist.post(&path, &json!({ "reason": "again" })).await.code(), 409);
    let detail = radiologist.get("/api/v1/studies/2.25.1").await.json();
    assert_eq!(detail["runs"][0]["superseded_by"], run["id"]);
}

#[tokio::test]
async fn a_failed_run_is_tried_again() {
    let door = Door::open().await;
    door.put(&Film::new()).await;
    let deployment = door.deploy(DeploymentMode::Live).await;
    let failed = door.run(&deployment, RunState::Failed).await;
    let lead = door.client(Role::AiLead).await;
    let path = format!("/api/v1/runs/{failed}/retry");
    let retried = lead.post(&path, &Value::Null).await;
    assert_eq!((retried.code(), retried.json()["state"].as_str()), (202, Some("queued")));
    let again = lead.post(&path, &Value::Null).await;
    assert_eq!(again.code(), 409);
    assert!(again.json()["detail"].as_str().unwrap().contains("only a failed run"));
}

#[tokio::test]
async fn a_deployment_is_changed_within_its_manifest() {
    let door = Door::open().await;
    let deployment = door.deploy(DeploymentMode::Shadow).await;
    let lead = door.client(Role::AiLead).await;
    let path = format!("/api/v1/deployments/{}", deployment.id);
    let change = json!({ "mode": "live", "thresholds": { "pneumonia": 0.7 } });
    let changed = lead.json("PATCH", &path, &change).await;
    assert_eq!(changed.code(), 200);
    assert_eq!(changed.json()["mode"], "live");
    assert_eq!(changed.json()["findings"][0]["threshold"], 0.7);
    assert_eq!(lead.get("/api/v1/deployments").await.json()[0], changed.json());

    let cases = [
        json!({ "thresholds": { "pneumonia": 1.5 } }),
        json!({ "thresholds": { "gout": 0.5 } }),
        json!({ "mode": "loud" }),
        json!({ "colour": "red" }),
    ];
    for case in cases {
        assert_eq!(lead.json("PATCH", &path, &case).await.code(), 422, "{case}");
    }
    assert_eq!(lead.json("PATCH", "/api/v1/deployments/01J", &change).await.code(), 404);
}

#[tokio::test]
async fn peers_are_admitted_tested_and_removed() {
    let door = Door::open().await;
    let admin = door.client(Role::Admin).await;
    let mut write = door.store.write().await.unwrap();
    write.note_pending("CT1", "10.0.0.7", 10).await.unwrap();
    write.commit().await.unwrap();
    let listed = admin.get("/api/v1/peers").await.json();
    assert_eq!((listed["peers"].clone(), listed["pending"][0]["ae_title"].as_str()), (json!([]), Some("CT1")));

    let admitted = admin.post("/api/v1/peers/pending/CT1/admit", &Value::Null).await;
    assert_eq!((admitted.code(), admitted.json()["host"].as_str()), (201, Some("10.0.0.7")));
    assert_eq!(admin.post("/api/v1/peers/pending/CT1/admit", &Value::Null).await.code(), 404);
    assert_eq!(admin.post("/api/v1/peers/CT1/echo", &Value::Null).await.code(), 422, "no port is known");

    let known = json!({ "ae_title": "CT1", "host": "10.0.0.7", "port": 104, "receives_results": true });
    assert_eq!(admin.post("/api/v1/peers", &known).await.code(), 201);
    let echo = admin.post("/api/v1/peers/CT1/echo", &Value::Null).await.json();
    assert_eq!(echo, json!({ "ok": true, "ms": 3, "detail": "CT1 answered" }));
    let removed = admin.send("DELETE", "/api/v1/peers/CT1", &[], Vec::new()).await;
    assert_eq!(removed.code(), 204);
    assert_eq!(admin.send("DELETE", "/api/v1/peers/CT1", &[], Vec::new()).await.code(), 404);

    for bad in [
        json!({ "ae_title": "SEVENTEEN_LETTERS" }),
        json!({ "ae_title": "CT1", "host": "a b" }),
        json!({ "ae_title": "CT1", "port": 0 }),
        json!({ "ae_title": "CT1", "port": 70_000 }),
        json!({ "ae_title": "*", "host": "h", "port": 104, "receives_results": true }),
    ] {
        assert_eq!(admin.post("/api/v1/peers", &bad).await.code(), 422, "{bad}");
    }
}

#[tokio::test]
async fn accounts_are_made_and_removed_and_the_log_tells_of_it() {
    let door = Door::open().await;
    let admin = door.client(Role::Admin).await;
    let ann = json!({ "name": "ann", "role": "ai_lead", "password": "a long password" });
    let made = admin.post("/api/v1/accounts", &ann).await;
    assert_eq!((made.code(), made.json()["role"].as_str()), (201, Some("ai_lead")));
    assert_eq!(admin.post("/api/v1/accounts", &ann).await.code(), 409);
    let short = json!({ "name": "bob", "role": "learner", "password": "short" });
    assert_eq!(admin.post("/api/v1/accounts", &short).await.code(), 422);
    assert_eq!(admin.get("/api/v1/accounts").await.json()[0]["name"], "ann");
    assert_eq!(admin.send("DELETE", "/api/v1/accounts/ann", &[], Vec::new()).await.code(), 204);
    assert_eq!(admin.send("DELETE", "/api/v1/accounts/ann", &[], Vec::new()).await.code(), 404);

    let log = admin.get("/api/v1/events?limit=2").await.json();
    let actions: Vec<_> = log["items"].as_array().unwrap().iter().map(|line| line["action"].clone()).collect();
    assert_eq!(actions, ["account.removed", "account.created"]);
    assert_eq!(log["items"][1]["detail"], "{\"role\":\"ai_lead\"}");
    let before = log["items"][1]["seq"].as_i64().unwrap();
    let earlier = admin.get(&format!("/api/v1/events?before_seq={before}")).await.json();
    assert_eq!(earlier["items"][0]["action"], "token.created");
}

#[tokio::test]
async fn watchers_hear_what_is_committed() {
    use axum::body::Body;
    use axum::http::Request;
    use tower::ServiceExt;
    let door = Door::open().await;
    let actor = lightbox_domain::Actor::system("test");
    let token = lightbox_identity::create_token(&door.store, "watcher", Role::Clinician, &actor).await.unwrap();
    let bearer = format!("Bearer {token}");
    let request = Request::get("/api/v1/live").header("authorization", bearer).body(Body::empty()).unwrap();
    let response = door.router.clone().oneshot(request).await.unwrap();
    assert_eq!(response.headers()["content-type"], "text/event-stream");
    let mut stream = response.into_body().into_data_stream();
    door.put(&Film::new()).await;
    let line = futures_util::StreamExt::next(&mut stream).await.unwrap().unwrap();
    assert_eq!(line, "data: {\"action\":\"instance.stored\",\"study_instance_uid\":\"2.25.1\"}\n\n");
}

#[tokio::test]
async fn the_system_and_the_description_are_served() {
    let door = Door::open().await;
    let admin = door.client(Role::Admin).await;
    let system = admin.get("/api/v1/system").await.json();
    assert_eq!((system["version"].as_str(), system["site"].as_str()), (Some("0.1.0"), Some("Test site")));
    assert_eq!(system["ready"], true);
    let api = admin.get("/api/v1/openapi.json").await.json();
    assert_eq!(api["openapi"], "3.1.0");
    assert_eq!(api["paths"]["/api/v1/session"]["post"]["operationId"], "sign_in");
    let problem = &api["paths"]["/api/v1/worklist"]["get"]["responses"]["default"]["content"];
    assert_eq!(problem["application/problem+json"]["schema"]["$ref"], "#/components/schemas/ProblemDetails");
}

#[tokio::test]
async fn a_body_that_cannot_be_read_is_a_problem() {
    let door = Door::open().await;
    let admin = door.client(Role::Admin).await;
    let json = [("content-type", "application/json")];
    assert_eq!(admin.send("POST", "/api/v1/peers", &json, b"{".to_vec()).await.code(), 400);
    assert_eq!(admin.send("POST", "/api/v1/peers", &[], b"{}".to_vec()).await.code(), 415);
    let endless = [b"{\"ae_title\":\"".to_vec(), vec![b'x'; 100_000]].concat();
    let reply = admin.send("POST", "/api/v1/peers", &json, endless).await;
    assert_eq!((reply.code(), reply.header("content-type")), (413, "application/problem+json"));
    let wrong_method = admin.send("PUT", "/api/v1/peers", &json, Vec::new()).await;
    assert_eq!((wrong_method.code(), wrong_method.header("content-type")), (405, "application/problem+json"));
}

#[tokio::test]
async fn an_address_that_is_not_text_is_a_problem() {
    let door = Door::open().await;
    let reply = door.client(Role::Admin).await.get("/api/v1/studies/%FF").await;
    assert_eq!((reply.code(), reply.header("content-type")), (400, "application/problem+json"));
}

#[tokio::test]
async fn what_a_peer_may_do_is_set_and_stays_when_only_its_address_changes() {
    let door = Door::open().await;
    let admin = door.client(Role::Admin).await;
    let peer = json!({ "ae_title": "CT1", "host": "ct1", "port": 104 });
    let admitted = admin.post("/api/v1/peers", &peer).await.json();
    assert_eq!(admitted["policy"]["services"].as_array().unwrap().len(), 6, "all, at first");
    assert_eq!(admitted["policy"]["conflicts"], "keep_first");
    let policy = json!({
        "services": ["find", "store", "find"], "associations_max": 2, "idle_seconds_max": 30,
        "transfer_syntaxes": ["1.2.840.10008.1.2.1"], "tls": true, "commits": true, "conflicts": "refuse",
    });
    let mut with_policy = peer.clone();
    with_policy["policy"] = policy.clone();
    let changed = admin.post("/api/v1/peers", &with_policy).await.json();
    let mut expected = policy.clone();
    expected["services"] = json!(["store", "find"]);
    assert_eq!(changed["policy"], expected);
    let moved = json!({ "ae_title": "CT1", "host": "ct2", "port": 104 });
    assert_eq!(admin.post("/api/v1/peers", &moved).await.json()["policy"], expected);

    for (field, value) in [
        ("associations_max", json!(0)),
        ("idle_seconds_max", json!(0)),
        ("services", json!(["print"])),
        ("transfer_syntaxes", json!(["uncompressed"])),
        ("conflicts", json!("toss")),
    ] {
        let mut bad = with_policy.clone();
        bad["policy"][field] = value;
        assert_eq!(admin.post("/api/v1/peers", &bad).await.code(), 422, "{field}");
    }
    let mut nowhere = with_policy;
    nowhere["port"] = Value::Null;
    assert_eq!(admin.post("/api/v1/peers", &nowhere).await.code(), 422, "it is called over TLS, so where?");
}

#[tokio::test]
async fn activity_tells_what_is_kept_and_what_waits() {
    let door = Door::open().await;
    door.deploy(DeploymentMode::Live).await;
    door.put(&Film::new()).await;
    let claimed = door.store.claim(lightbox_domain::JobKind::LAST).await.unwrap().unwrap();
    let mut write = door.store.write().await.unwrap();
    write.bury(&claimed, "the file cannot be read").await.unwrap();
    write.commit().await.unwrap();
    let activity = door.client(Role::Operations).await.get("/api/v1/system/activity").await.json();
    assert_eq!((&activity["studies"], &activity["instances"]), (&json!(1), &json!(1)));
    assert!(activity["disk_bytes"].as_u64() > activity["disk_free_bytes"].as_u64());
    assert_eq!((&activity["archive_bytes_max"], &activity["associations"]), (&Value::Null, &json!([])));
    let jobs = activity["jobs"].as_array().unwrap();
    let kinds: Vec<_> = jobs.iter().map(|job| (&job["kind"], &job["waiting"], &job["given_up"])).collect();
    assert_eq!(kinds, [(&json!("route"), &json!(0), &json!(1)), (&json!("describe"), &json!(1), &json!(0))]);
    assert_eq!(door.client(Role::Radiologist).await.get("/api/v1/system/activity").await.code(), 403);
}

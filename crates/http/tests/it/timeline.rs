//! A study's timeline and its replays, as a client meets them.

use crate::door::{Client, Door};
use lightbox_domain::{Decision, Deployment, DeploymentMode, Event, Outcome, Peer, Role, RunState, Source, Uid};
use lightbox_testkit::Film;
use serde_json::{Value, json};

const TIMELINE: &str = "/api/v1/studies/2.25.1/timeline";
const REPLAY: &str = "/api/v1/studies/2.25.1/replay";

/// A film of three instances from CT1 with a run in this state on the first of them.
async fn with_run(mode: DeploymentMode, state: RunState) -> (Door, Deployment, String) {
    let door = Door::open().await;
    let from = || Source::Peer("CT1".to_owned());
    door.put_from(&Film::new(), from(), true).await;
    door.put_from(&Film::new().uids("2.25.1", "2.25.2", "2.25.4"), from(), true).await;
    door.put_from(&Film::new().uids("2.25.1", "2.25.2", "2.25.5"), from(), true).await;
    let deployment = door.deploy(mode).await;
    let uid = |text: &str| Uid::parse(text).unwrap();
    let decision = |instance: &str, outcome, reason: &str| Decision {
        deployment_id: deployment.id.clone(),
        study_instance_uid: uid("2.25.1"),
        series_instance_uid: uid("2.25.2"),
        sop_instance_uid: uid(instance),
        outcome,
        reason: reason.to_owned(),
        decided_ms: lightbox_store::now_ms(),
    };
    let mut write = door.store.write().await.unwrap();
    write.insert_decision(&decision("2.25.3", Outcome::Matched, "")).await.unwrap();
    let old = "the patient's age is 40 years";
    write.insert_decision(&decision("2.25.4", Outcome::OutsideIntendedUse, old)).await.unwrap();
    write.insert_decision(&decision("2.25.5", Outcome::OutsideIntendedUse, old)).await.unwrap();
    let routed = Event::new("lightbox", "series.routed", "series", "2.25.2").study("2.25.1");
    write.append_event(routed).await.unwrap();
    write.commit().await.unwrap();
    let run = door.run(&deployment, state).await;
    (door, deployment, run)
}

/// The steps of this kind.
async fn steps(client: &Client, kind: &str) -> Vec<Value> {
    let timeline = client.get(TIMELINE).await.json();
    timeline["steps"].as_array().unwrap().iter().filter(|step| step["kind"] == kind).cloned().collect()
}

#[tokio::test]
async fn a_study_tells_its_way_in_sentences() {
    let (door, _, run) = with_run(DeploymentMode::Live, RunState::Finished).await;
    let admin = door.client(Role::Admin).await;
    let timeline = admin.get(TIMELINE).await.json();
    assert_eq!((&timeline["truncated"], &timeline["study"]["patient_id"]), (&json!(false), &json!("P1")));
    let times: Vec<_> = timeline["steps"].as_array().unwrap().iter().map(|step| step["at"].to_string()).collect();
    assert!(times.is_sorted(), "{times:?}");

    let received = steps(&admin, "received").await;
    assert_eq!(received.len(), 1, "{received:?}");
    assert_eq!(received[0]["sentence"], "Received 3 instances of DX series 1 from CT1.");
    assert_eq!((&received[0]["actor"], &received[0]["replay"]["step"]), (&json!("CT1"), &json!("describe")));
    assert_eq!(steps(&admin, "routed").await[0]["replay"], json!({ "step": "route", "id": null }));
    let decisions = steps(&admin, "decision").await;
    assert_eq!(decisions.len(), 2, "{decisions:?}");
    let refused = decisions.iter().find(|step| step["outcome"] == "problem").unwrap();
    assert!(
        refused["sentence"]
            .as_str()
            .unwrap()
            .ends_with("did not run on 2 instances of DX series 1, which it is not meant for.")
    );
    assert_eq!(refused["reason"], "the patient's age is 40 years");
    let ran = &steps(&admin, "run").await[0];
    assert!(ran["sentence"].as_str().unwrap().ends_with("ran and found Pneumonia (0.86, threshold 0.50)."), "{ran}");
    assert_eq!(ran["replay"], json!({ "step": "publish", "id": run }));
    assert_eq!(steps(&admin, "published").await.len(), 1);

    let clinician = door.client(Role::Clinician).await;
    assert!(steps(&clinician, "run").await[0]["replay"].is_null(), "may look, not replay");
    assert_eq!(door.client(Role::Vendor).await.get(TIMELINE).await.code(), 403);
    assert_eq!(admin.get("/api/v1/studies/2.25.99/timeline").await.code(), 404);
}

#[tokio::test]
async fn a_study_that_came_before_any_app_can_be_shown_to_one_that_comes_later() {
    let door = Door::open().await;
    door.put_from(&Film::new(), Source::Peer("CT1".to_owned()), true).await;
    let admin = door.client(Role::Admin).await;
    let routed = steps(&admin, "routed").await;
    assert_eq!(routed.len(), 1, "{routed:?}");
    assert_eq!(routed[0]["sentence"], "No app was at work to be asked about DX series 1.");
    assert_eq!(routed[0]["replay"], json!({ "step": "route", "id": null }));

    door.deploy(DeploymentMode::Live).await;
    assert_eq!(admin.post(REPLAY, &routed[0]["replay"]).await.code(), 202);
    assert_eq!(steps(&admin, "routed").await, Vec::<Value>::new(), "it waits to be shown, which is told instead");
    assert_eq!(steps(&admin, "waiting").await[0]["sentence"], "DX series 1 waits to be shown to the apps.");
}

#[tokio::test]
async fn a_study_is_taken_along_by_those_who_may_read_it_and_the_log_tells_of_it() {
    let (door, ..) = with_run(DeploymentMode::Live, RunState::Finished).await;
    let admin = door.client(Role::Admin).await;
    let path = "/api/v1/studies/2.25.1/export";
    let radiologist = door.client(Role::Radiologist).await;
    let reply = radiologist.get(path).await;
    assert_eq!((reply.code(), reply.header("content-type")), (200, "application/zip"));
    assert_eq!(reply.header("content-disposition"), "attachment; filename=\"2.25.1.zip\"");
    assert!(reply.body.starts_with(b"PK\x03\x04"));
    let log = admin.get("/api/v1/events").await.json();
    assert_eq!(log["items"][0]["action"], "study.exported");
    let told = steps(&admin, "other").await;
    assert!(told[0]["sentence"].as_str().unwrap().ends_with(" took the study along."), "{told:?}");
    assert_eq!(door.client(Role::Vendor).await.get(path).await.code(), 403);
    assert_eq!(radiologist.get("/api/v1/studies/2.25.9/export").await.code(), 404);
}

#[tokio::test]
async fn nothing_of_a_shadow_run_is_told_or_replayed() {
    let (door, _, run) = with_run(DeploymentMode::Shadow, RunState::Finished).await;
    let mut write = door.store.write().await.unwrap();
    for action in ["run.queued", "run.retried", "run.something_new"] {
        write.append_event(Event::new("lead", action, "run", &run).study("2.25.1")).await.unwrap();
    }
    write.commit().await.unwrap();
    for role in [Role::Radiologist, Role::Technologist] {
        let reader = door.client(role).await;
        let timeline = reader.get(TIMELINE).await.json();
        let kinds: Vec<_> = timeline["steps"].as_array().unwrap().iter().map(|step| step["kind"].clone()).collect();
        assert!(
            kinds.iter().all(|kind| ["received", "routed", "waiting"].contains(&kind.as_str().unwrap())),
            "{kinds:?}"
        );
        assert!(!timeline.to_string().contains(&run), "{role}");
    }
    let technologist = door.client(Role::Technologist).await;
    assert_eq!(technologist.post(REPLAY, &json!({ "step": "publish", "id": run })).await.code(), 404);
    let lead = door.client(Role::AiLead).await;
    assert_eq!(steps(&lead, "run").await.len(), 1);
    assert_eq!(lead.post(REPLAY, &json!({ "step": "publish", "id": run })).await.code(), 202);
}

#[tokio::test]
async fn a_failed_run_is_tried_again_and_the_timeline_says_who_ordered_it() {
    let (door, _, run) = with_run(DeploymentMode::Live, RunState::Failed).await;
    let admin = door.client(Role::Admin).await;
    let failed = &steps(&admin, "run").await[0];
    assert_eq!((&failed["outcome"], &failed["reason"]), (&json!("problem"), &json!("the model is missing")));
    assert_eq!(failed["replay"], json!({ "step": "run", "id": run }));
    assert_eq!(admin.post(REPLAY, &failed["replay"]).await.code(), 202);
    assert_eq!(steps(&admin, "run").await[0]["outcome"], "waiting");
    let ordered = &steps(&admin, "ordered").await[0];
    assert!(ordered["sentence"].as_str().unwrap().ends_with("tried again."), "{ordered}");
    assert_eq!(admin.post(REPLAY, &json!({ "step": "run", "id": run })).await.code(), 409);
}

#[tokio::test]
async fn a_replay_names_a_step_of_this_study_and_needs_the_role() {
    let (door, _, run) = with_run(DeploymentMode::Live, RunState::Finished).await;
    door.put(&Film::new().uids("2.25.9", "2.25.91", "2.25.92")).await;
    let admin = door.client(Role::Admin).await;
    let publish = json!({ "step": "publish", "id": run });
    assert_eq!(admin.post("/api/v1/studies/2.25.9/replay", &publish).await.code(), 404);
    assert_eq!(admin.post("/api/v1/studies/2.25.99/replay", &json!({ "step": "route" })).await.code(), 404);
    assert_eq!(admin.post(REPLAY, &json!({ "step": "publish" })).await.code(), 422);
    assert_eq!(admin.post(REPLAY, &json!({ "step": "paint" })).await.code(), 422);
    assert_eq!(admin.post(REPLAY, &json!({ "step": "deliver", "id": "none" })).await.code(), 404);
    assert_eq!(admin.post(REPLAY, &json!({ "step": "describe", "id": "2.25.2" })).await.code(), 202);
    assert_eq!(admin.post(REPLAY, &json!({ "step": "route" })).await.code(), 202);
    for role in [Role::Clinician, Role::Radiologist] {
        assert_eq!(door.client(role).await.post(REPLAY, &json!({ "step": "route" })).await.code(), 403, "{role}");
    }
}

#[tokio::test]
async fn a_delivery_tells_why_it_waits_and_is_ordered_once_more() {
    let (door, _, run) = with_run(DeploymentMode::Live, RunState::Finished).await;
    let mut write = door.store.write().await.unwrap();
    write.upsert_peer(&Peer { receives_results: true, ..Peer::new("PACS1", 0) }).await.unwrap();
    write.order_deliveries(&run, &Uid::parse("2.25.30").unwrap()).await.unwrap();
    write.commit().await.unwrap();
    let admin = door.client(Role::Admin).await;
    let due = steps(&admin, "delivered").await.remove(0);
    assert_eq!((&due["outcome"], &due["actor"]), (&json!("waiting"), &json!("PACS1")));

    let id = due["object_id"].as_str().unwrap();
    let mut write = door.store.write().await.unwrap();
    write.end_delivery(id, Some("the peer refused the SOP class")).await.unwrap();
    write.commit().await.unwrap();
    let failed = steps(&admin, "delivered").await.remove(0);
    assert_eq!(failed["reason"], "the peer refused the SOP class");
    assert!(failed["sentence"].as_str().unwrap().starts_with("PACS1 did not get the structured report of"));
    assert_eq!(admin.post(REPLAY, &failed["replay"]).await.code(), 202);
    assert_eq!(steps(&admin, "delivered").await[0]["outcome"], "waiting");
    assert_eq!(steps(&admin, "ordered").await.len(), 1);
}

#[tokio::test]
async fn what_was_ordered_again_comes_after_what_it_repeats() {
    let (door, _, run) = with_run(DeploymentMode::Live, RunState::Finished).await;
    let mut write = door.store.write().await.unwrap();
    write.upsert_peer(&Peer { receives_results: true, ..Peer::new("PACS1", 0) }).await.unwrap();
    write.order_deliveries(&run, &Uid::parse("2.25.30").unwrap()).await.unwrap();
    write.commit().await.unwrap();
    let id = door.store.deliveries(&run).await.unwrap().remove(0).id;
    let deliver = async || {
        let detail = json!({ "delivery": id }).to_string();
        let event = Event::new("lightbox", "result.delivered", "instance", "2.25.30").detail(detail).study("2.25.1");
        let mut write = door.store.write().await.unwrap();
        write.end_delivery(&id, None).await.unwrap();
        write.append_event(event).await.unwrap();
        write.commit().await.unwrap();
    };
    deliver().await;
    let admin = door.client(Role::Admin).await;
    assert_eq!(steps(&admin, "delivered").await.len(), 1);
    assert_eq!(admin.post(REPLAY, &json!({ "step": "deliver", "id": id })).await.code(), 202);
    let waits = steps(&admin, "delivered").await;
    assert_eq!(waits.iter().map(|step| &step["outcome"]).collect::<Vec<_>>(), ["ok", "waiting"]);
    deliver().await;
    let twice = steps(&admin, "delivered").await;
    assert_eq!(twice.iter().map(|step| &step["outcome"]).collect::<Vec<_>>(), ["ok", "ok"]);
    assert_eq!((&twice[0]["replay"], &twice[1]["replay"]["id"]), (&Value::Null, &json!(id)));
}

//! Orders and the queue of unmatched studies, as a client meets them.

use crate::door::{Client, Door};
use lightbox_domain::{MatchReason, MatchState, OrderMatch, Role, Uid};
use lightbox_store::MatchDecision;
use lightbox_testkit::Film;
use serde_json::{Value, json};

const OF_STUDY: &str = "/api/v1/studies/2.25.1/order";

fn order(number: &str, accession: &str, patient: &str) -> Value {
    json!({
        "source": "RIS", "number": number, "accession_number": accession, "patient_id": patient,
        "patient_birth_date": "1950-01-31", "scheduled_date": "2026-11-22", "scheduled_time": "08:15", "modality": "DX",
    })
}

async fn place(client: &Client, order: &Value) -> Value {
    let placed = client.post("/api/v1/orders", order).await;
    assert_eq!(placed.code(), 201, "{}", placed.text());
    placed.json()
}

#[tokio::test]
async fn an_order_is_placed_changed_and_canceled() {
    let door = Door::open().await;
    let technologist = door.client(Role::Technologist).await;
    let placed = place(&technologist, &order("1", "A1", "P1")).await;
    assert_eq!(placed["scheduled_date"], "2026-11-22");
    assert_eq!((&placed["scheduled_time"], &placed["state"]), (&json!("08:15"), &json!("active")));
    let id = placed["id"].as_str().unwrap();
    assert_eq!(technologist.post("/api/v1/orders", &order("1", "A2", "P1")).await.code(), 200);
    let path = format!("/api/v1/orders/{id}");
    let changed = technologist.json("PUT", &path, &json!({ "patient_id": "P2", "accession_number": "A2" })).await;
    assert_eq!((changed.code(), changed.json()["number"].as_str()), (200, Some("1")));
    assert_eq!(technologist.json("DELETE", &path, &json!({})).await.json()["state"], "canceled");
    assert_eq!(technologist.json("DELETE", &path, &json!({})).await.code(), 404);
    let detail = technologist.get(&path).await.json();
    let actions: Vec<_> = detail["history"].as_array().unwrap().iter().map(|line| line["action"].clone()).collect();
    assert_eq!(actions, ["order.placed", "order.changed", "order.changed", "order.canceled"]);
    assert_eq!(detail["history"][1]["changed"], json!(["accession_number"]));
    let listed = technologist.get("/api/v1/orders?search=p2&state=canceled").await.json();
    assert_eq!(listed["items"][0]["id"], id);
}

#[tokio::test]
async fn what_is_no_order_is_refused_with_the_field() {
    let door = Door::open().await;
    let (admin, radiologist) = (door.client(Role::Admin).await, door.client(Role::Radiologist).await);
    for (field, value, told) in [
        ("patient_birth_date", "yesterday", "patient_birth_date is not valid: a date"),
        ("accession_number", "A2345678901234567", "accession_number is not valid: 16 characters"),
        ("patient_id", "", "patient_id is missing"),
        ("number", " ", "number is missing"),
    ] {
        let mut new = order("1", "A1", "P1");
        new[field] = json!(value);
        let refused = admin.post("/api/v1/orders", &new).await;
        assert_eq!(refused.code(), 422, "{}", refused.text());
        assert!(refused.text().contains(told) && !refused.text().contains("yesterday"), "{}", refused.text());
    }
    assert_eq!(radiologist.post("/api/v1/orders", &order("1", "A1", "P1")).await.code(), 403);
    assert_eq!(radiologist.get("/api/v1/orders").await.json()["items"], json!([]));
    assert_eq!(door.client(Role::Clinician).await.get("/api/v1/orders").await.code(), 403);
    assert_eq!(admin.get("/api/v1/orders?state=lost").await.code(), 422);
}

/// Puts the default film into the queue, as the pipeline does.
async fn queue(door: &Door) {
    let study = Uid::parse("2.25.1").unwrap();
    let found = OrderMatch { state: MatchState::Unmatched, reason: MatchReason::AccessionUnknown, order_id: None };
    let mut write = door.store.write().await.unwrap();
    let decision = MatchDecision { found, overlay_id: None, by: "lightbox", because: "" };
    write.keep_match(&study, &decision).await.unwrap();
    write.commit().await.unwrap();
}

#[tokio::test]
async fn a_study_of_the_queue_is_linked_and_that_is_taken_back() {
    let door = Door::open().await;
    door.put(&Film::new().patient_id("P1").set_keyword("AccessionNumber", "WRONG")).await;
    queue(&door).await;
    let (technologist, radiologist) = (door.client(Role::Technologist).await, door.client(Role::Radiologist).await);
    let placed = place(&technologist, &order("1", "A1", "P1")).await;
    let queued = radiologist.get("/api/v1/unmatched").await.json();
    let item = &queued["items"][0];
    assert_eq!(item["study"]["accession_number"], "WRONG");
    assert_eq!(item["match"]["reason"], "the patient has orders, but none with this accession number");
    let detail = radiologist.get(OF_STUDY).await.json();
    assert_eq!(detail["candidates"][0]["order"]["id"], placed["id"]);
    let differs = detail["candidates"][0]["differs"].as_array().unwrap();
    assert!(differs.contains(&json!("AccessionNumber")) && !differs.contains(&json!("PatientID")), "{differs:?}");

    let link = json!({ "order_id": placed["id"], "reason": "typed at the console" });
    let path = format!("{OF_STUDY}/link");
    assert_eq!(radiologist.post(&path, &link).await.code(), 403);
    let linked = technologist.post(&path, &link).await;
    assert_eq!(linked.code(), 200, "{}", linked.text());
    assert_eq!((&linked.json()["state"], &linked.json()["by_person"]), (&json!("matched"), &json!(true)));
    assert_eq!(radiologist.get("/dicomweb/studies?AccessionNumber=A1").await.json().as_array().unwrap().len(), 1);
    let told = radiologist.get("/api/v1/studies/2.25.1/timeline").await.text();
    assert!(told.contains("linked the study to an order.") && told.contains("Put the study into the queue"), "{told}");
    assert_eq!(radiologist.get("/api/v1/unmatched").await.json()["items"], json!([]));
    assert_eq!(radiologist.get("/api/v1/unmatched?decided=true").await.json()["items"].as_array().unwrap().len(), 1);

    assert_eq!(technologist.post(&format!("{OF_STUDY}/undo"), &json!({})).await.code(), 204);
    assert_eq!(technologist.post(&format!("{OF_STUDY}/undo"), &json!({})).await.code(), 404);
    assert_eq!(radiologist.get(OF_STUDY).await.json()["study"]["accession_number"], "WRONG");
}

#[tokio::test]
async fn a_study_that_needs_no_order_leaves_the_queue() {
    let door = Door::open().await;
    door.put(&Film::new()).await;
    let technologist = door.client(Role::Technologist).await;
    let (path, body) = (format!("{OF_STUDY}/dismiss"), json!({ "reason": "the daily check" }));
    assert_eq!(technologist.post(&path, &body).await.code(), 404, "it is not in the queue");
    queue(&door).await;
    assert_eq!(technologist.post(&path, &json!({ "reason": "" })).await.code(), 409);
    assert_eq!(technologist.post(&path, &body).await.json()["state"], "not_needed");
    assert_eq!(technologist.get("/api/v1/unmatched").await.json()["items"], json!([]));
    let canceled = place(&technologist, &order("1", "A1", "P1")).await;
    let id = canceled["id"].as_str().unwrap();
    technologist.json("DELETE", &format!("/api/v1/orders/{id}"), &json!({})).await;
    let link = json!({ "order_id": id, "reason": "found" });
    assert_eq!(technologist.post(&format!("{OF_STUDY}/link"), &link).await.code(), 409, "a canceled order");
}

#[tokio::test]
async fn patients_are_looked_up_with_their_issuer() {
    let door = Door::open().await;
    let film = |study: &str| Film::new().uids(study, &format!("{study}.1"), &format!("{study}.2"));
    door.put(&film("2.25.1").patient_id("P-1").set_keyword("PatientName", "Doe^Jane")).await;
    door.put(&film("2.25.2").patient_id("P-1").set_keyword("PatientName", "Doe^Jane")).await;
    door.put(&film("2.25.3").patient_id("P-1").set_keyword("IssuerOfPatientID", "HOSPITAL")).await;
    let radiologist = door.client(Role::Radiologist).await;
    let found = radiologist.get("/api/v1/patients?search=p-1").await.json();
    let items = found["items"].as_array().unwrap();
    let told: Vec<_> = items.iter().map(|one| (&one["issuer_of_patient_id"], &one["study_count"])).collect();
    assert_eq!(told, [(&json!(""), &json!(2)), (&json!("HOSPITAL"), &json!(1))]);
    assert_eq!(radiologist.get("/api/v1/patients?search=%25").await.json()["items"], json!([]));
    assert_eq!(door.client(Role::Vendor).await.get("/api/v1/patients?search=p").await.code(), 403);
}

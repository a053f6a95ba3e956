//! Correcting and merging, as a client meets it.

use crate::door::Door;
use lightbox_dicom::Header;
use lightbox_domain::Role;
use lightbox_testkit::Film;
use serde_json::{Value, json};

const OF_STUDY: &str = "/api/v1/studies/2.25.1/corrections";
const INSTANCE: &str = "/dicomweb/studies/2.25.1/series/2.25.2/instances/2.25.3";

fn correction(keyword: &str, value: &str) -> Value {
    json!({ "values": { keyword: value }, "reason": "typing error" })
}

#[tokio::test]
async fn a_technologist_corrects_a_study_and_takes_it_back() {
    let door = Door::open().await;
    door.put(&Film::new().patient_id("OLD")).await;
    let (technologist, radiologist) = (door.client(Role::Technologist).await, door.client(Role::Radiologist).await);
    let new = correction("PatientID", "NEW");
    assert_eq!(radiologist.post(OF_STUDY, &new).await.code(), 403);
    let as_stored = "application/dicom; transfer-syntax=*";
    let tag_before = radiologist.accept(INSTANCE, as_stored).await.header("etag").to_owned();
    let made = technologist.post(OF_STUDY, &new).await;
    assert_eq!(made.code(), 201, "{}", made.text());
    assert_eq!(made.json()["study_instance_uids"], json!(["2.25.1"]));
    let listed = radiologist.get(OF_STUDY).await.json();
    assert_eq!(
        (&listed["items"][0]["scope"], &listed["items"][0]["values"]),
        (&json!("study"), &json!({ "PatientID": "NEW" }))
    );
    assert_eq!(radiologist.get("/api/v1/studies/2.25.1").await.json()["study"]["patient_id"], "NEW");

    let whole = radiologist.accept(INSTANCE, as_stored).await;
    assert_eq!(whole.header("content-length"), whole.body.len().to_string());
    assert_eq!(Header::from_bytes(&whole.body).unwrap().text("PatientID"), "NEW");
    assert_ne!(whole.header("etag"), tag_before, "whoever has the object as it was asks in vain whether it still is");
    let asked = radiologist.with("accept", as_stored).with("range", "bytes=100-299");
    assert_eq!(asked.get(INSTANCE).await.body, &whole.body[100..300]);
    let radiologist = door.client(Role::Radiologist).await;
    let archive = radiologist.get("/api/v1/studies/2.25.1/export").await;
    assert!(archive.body.windows(4).any(|bytes| bytes == b"NEW "), "in an archive, too");
    let several = radiologist.get("/dicomweb/studies/2.25.1").await;
    assert!(several.body.windows(4).any(|bytes| bytes == b"NEW "), "in multipart/related, too");
    let asked = radiologist.get("/dicomweb/studies?includefield=04000561").await.json();
    assert_eq!(asked[0]["04000561"]["Value"][0]["04000563"]["Value"][0], "Lightbox");

    let id = made.json()["correction"]["id"].as_str().unwrap().to_owned();
    let elsewhere = format!("/api/v1/studies/2.25.9/corrections/{id}");
    assert_eq!(technologist.json("DELETE", &elsewhere, &json!({})).await.code(), 404);
    let undone = technologist.json("DELETE", &format!("{OF_STUDY}/{id}"), &json!({})).await;
    assert_eq!(undone.code(), 200, "{}", undone.text());
    assert!(undone.json()["correction"]["undone_at"].is_string());
    assert_eq!(radiologist.get("/api/v1/studies/2.25.1").await.json()["study"]["patient_id"], "OLD");
    assert_eq!(technologist.json("DELETE", &format!("{OF_STUDY}/{id}"), &json!({})).await.code(), 404);
}

#[tokio::test]
async fn what_cannot_be_corrected_is_refused_with_the_reason() {
    let door = Door::open().await;
    let latin = Film::new().set_keyword("SpecificCharacterSet", "ISO_IR 100");
    door.put(&latin.set_keyword("StudyDescription", "Schädel")).await;
    let admin = door.client(Role::Admin).await;
    for (new, code, told) in [
        (correction("StudyInstanceUID", "1.2"), 422, "StudyInstanceUID cannot be corrected"),
        (correction("PatientBirthDate", "yesterday"), 422, "a date, YYYYMMDD"),
        (json!({ "values": {}, "reason": "why not" }), 409, "name an attribute"),
        (json!({ "values": { "PatientID": "NEW" }, "reason": " " }), 409, "a reason"),
        (correction("PatientName", "Люксембург"), 409, "its character set cannot say it"),
    ] {
        let refused = admin.post(OF_STUDY, &new).await;
        assert_eq!(refused.code(), code, "{}", refused.text());
        assert!(refused.text().contains(told) && !refused.text().contains("yesterday"), "{}", refused.text());
    }
    let missing = admin.post("/api/v1/studies/2.25.9/corrections", &correction("PatientID", "NEW")).await;
    assert_eq!(missing.code(), 404);
    assert_eq!(admin.get(OF_STUDY).await.json()["items"], json!([]));
}

#[tokio::test]
async fn patients_are_merged_by_identifier_and_issuer() {
    let door = Door::open().await;
    let film =
        |study: &str, id: &str| Film::new().patient_id(id).uids(study, &format!("{study}.1"), &format!("{study}.2"));
    door.put(&film("2.25.1", "OLD")).await;
    door.put(&film("2.25.2", "NEW").set_keyword("IssuerOfPatientID", "HOSPITAL")).await;
    let admin = door.client(Role::Admin).await;
    let merge = |into: Value| json!({ "from": { "patient_id": "OLD" }, "into": into, "reason": "one person" });
    let path = "/api/v1/patients/merge";
    assert_eq!(admin.post(path, &merge(json!({ "patient_id": "NEW" }))).await.code(), 404, "of no issuer");
    assert_eq!(admin.post(path, &merge(json!({ "patient_id": "OLD" }))).await.code(), 409, "the same");
    let into = json!({ "patient_id": "NEW", "issuer_of_patient_id": "HOSPITAL" });
    let merged = admin.post(path, &merge(into)).await;
    assert_eq!(merged.code(), 201, "{}", merged.text());
    assert_eq!(merged.json()["correction"]["scope"], "patient");
    let found = admin.get("/dicomweb/studies?PatientID=NEW&IssuerOfPatientID=HOSPITAL").await.json();
    assert_eq!(found.as_array().unwrap().len(), 2);
    let radiologist = door.client(Role::Radiologist).await;
    assert_eq!(radiologist.post(path, &merge(json!({ "patient_id": "NEW" }))).await.code(), 403);
}

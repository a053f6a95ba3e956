//! QIDO-RS (PS3.18 §10.6).

use crate::door::{Client, Door};
use lightbox_domain::{Limits, Role};
use lightbox_testkit::Film;
use serde_json::{Value, json};

/// Three studies: two of P1 on different days, one of P2 whose name has another script.
async fn filled(limits: Limits) -> (Door, Client) {
    let door = Door::with(limits).await;
    door.put(&Film::new().uids("2.25.1", "2.25.2", "2.25.3")).await;
    door.put(&Film::new().uids("2.25.1", "2.25.2", "2.25.4").set_keyword("InstanceNumber", "2")).await;
    let later = Film::new().uids("2.25.10", "2.25.11", "2.25.12");
    door.put(&later.set_keyword("StudyDate", "20250101").set_keyword("StudyTime", "235959")).await;
    let other = Film::new().uids("2.25.20", "2.25.21", "2.25.22").patient_id("P2");
    door.put(&other.set_keyword("PatientName", "Müller^Jörg").set_keyword("Modality", "CR")).await;
    let client = door.client(Role::Clinician).await;
    (door, client)
}

/// The values of an attribute in the rows of an answer.
async fn values(client: &Client, path: &str, tag: &str) -> Vec<String> {
    let reply = client.get(path).await;
    assert_eq!(reply.code(), 200, "{path}: {}", reply.text());
    let rows = reply.json();
    let mut values: Vec<String> = rows
        .as_array()
        .unwrap()
        .iter()
        .map(|row| row[tag]["Value"][0].as_str().unwrap_or_default().to_owned())
        .collect();
    values.sort();
    values
}

#[tokio::test]
async fn studies_are_found_by_their_attributes() {
    let (_door, client) = filled(Limits::default()).await;
    let check = async |query: &str, expected: &[&str]| {
        let found = values(&client, &format!("/dicomweb/studies?{query}"), "0020000D").await;
        assert_eq!(found, expected, "{query}");
    };
    check("", &["2.25.1", "2.25.10", "2.25.20"]).await;
    check("PatientID=P2", &["2.25.20"]).await;
    check("00100020=P2", &["2.25.20"]).await;
    check("PatientName=m%C3%BCller*", &["2.25.20"]).await;
    check("PatientName=PHANTOM^PIA", &["2.25.1", "2.25.10"]).await;
    check("PatientName=pia+pha&fuzzymatching=true", &["2.25.1", "2.25.10"]).await;
    check("PatientBirthDate=20200101&PatientSex=F", &["2.25.1", "2.25.10", "2.25.20"]).await;
    check("StudyDate=20240101-20241231", &["2.25.1", "2.25.20"]).await;
    check("StudyDate=20250101", &["2.25.10"]).await;
    check("StudyDate=20240306-&StudyTime=23", &["2.25.10"]).await;
    check("StudyDate=20241231-20250102&StudyTime=1000-1800", &["2.25.10"]).await;
    check("StudyDate=20250101-20250101&StudyTime=1000-1800", &[]).await;
    check("StudyDate=20250101-&StudyTime=-1000", &[]).await;
    check("StudyInstanceUID=2.25.1,2.25.20", &["2.25.1", "2.25.20"]).await;
    check("ModalitiesInStudy=CR", &["2.25.20"]).await;
    check("AccessionNumber=A%3F&includefield=all", &["2.25.1", "2.25.10", "2.25.20"]).await;
    check("PatientID=%27%20OR%201%3D1", &[]).await;
    check("limit=1&offset=1", &["2.25.1"]).await;
}

#[tokio::test]
async fn a_row_has_what_the_standard_requires() {
    let (_door, client) = filled(Limits::default()).await;
    let reply = client.get("/dicomweb/studies?PatientID=P1&StudyDate=20240305").await;
    assert_eq!(reply.header("content-type"), "application/dicom+json");
    let value = |vr: &str, value: Value| json!({ "vr": vr, "Value": [value] });
    assert_eq!(
        reply.json(),
        json!([{
            "00080005": value("CS", json!("ISO_IR 192")),
            "00080020": value("DA", json!("20240305")),
            "00080030": value("TM", json!("101500")),
            "00080050": value("SH", json!("A1")),
            "00080056": value("CS", json!("ONLINE")),
            "00080061": value("CS", json!("DX")),
            "00080090": value("PN", json!({ "Alphabetic": "Referrer^Rita" })),
            "00081030": value("LO", json!("Chest")),
            "00081190": value("UR", json!("http://lightbox.test/dicomweb/studies/2.25.1")),
            "00100010": value("PN", json!({ "Alphabetic": "Phantom^Pia" })),
            "00100020": value("LO", json!("P1")),
            "00100021": { "vr": "LO" },
            "00100030": value("DA", json!("20200101")),
            "00100040": value("CS", json!("F")),
            "0020000D": value("UI", json!("2.25.1")),
            "00200010": value("SH", json!("1")),
            "00201206": value("IS", json!(1)),
            "00201208": value("IS", json!(2)),
        }])
    );
}

#[tokio::test]
async fn series_and_instances_are_found_across_studies_and_within() {
    let (_door, client) = filled(Limits::default()).await;
    assert_eq!(values(&client, "/dicomweb/series?Modality=DX", "0020000E").await, ["2.25.11", "2.25.2"]);
    assert_eq!(values(&client, "/dicomweb/studies/2.25.20/series", "0020000E").await, ["2.25.21"]);
    assert_eq!(values(&client, "/dicomweb/instances?PatientID=P1", "00080018").await.len(), 3);
    assert_eq!(values(&client, "/dicomweb/studies/2.25.1/instances", "00080018").await, ["2.25.3", "2.25.4"]);
    let path = "/dicomweb/studies/2.25.1/series/2.25.2/instances?InstanceNumber=2";
    let rows = client.get(path).await.json();
    assert_eq!(rows[0]["00080018"]["Value"][0], "2.25.4");
    assert_eq!(rows[0]["00280010"], json!({ "vr": "US", "Value": [16] }));
    assert_eq!(rows[0]["00080060"]["Value"][0], "DX");
    assert_eq!(rows[0]["00100020"]["Value"][0], "P1");
    let url = "http://lightbox.test/dicomweb/studies/2.25.1/series/2.25.2/instances/2.25.4";
    assert_eq!(rows[0]["00081190"]["Value"][0], url);
    assert_eq!(values(&client, "/dicomweb/studies/2.25.404/series", "0020000E").await, Vec::<String>::new());
}

#[tokio::test]
async fn further_fields_come_from_the_index_and_from_the_instances() {
    let door = Door::open().await;
    let film = Film::new().uids("2.25.1", "2.25.2", "2.25.3");
    door.put(&film.set_keyword("StationName", "XRAY1").set_keyword("KVP", "85")).await;
    let client = door.client(Role::Clinician).await;
    let row = async |query: &str| client.get(&format!("/dicomweb/series?{query}")).await.json()[0].clone();

    assert_eq!(row("").await.get("00081010"), None);
    assert_eq!(row("StationName=XRAY*").await["00081010"]["Value"][0], "XRAY1");
    assert_eq!(row("includefield=all").await["00081010"]["Value"][0], "XRAY1");
    let named = row("includefield=StationName,KVP&includefield=00120062").await;
    assert_eq!((&named["00081010"]["Value"][0], &named["00180060"]["Value"][0]), (&json!("XRAY1"), &json!(85)));
    assert_eq!(named.get("00120062"), None);
}

#[tokio::test]
async fn what_cannot_be_asked_is_refused_without_repeating_it() {
    let (_door, client) = filled(Limits::default()).await;
    for query in [
        "Colour=red",
        "StudyDate=yesterday",
        "StudyTime=noon",
        "limit=-1",
        "limit=ten",
        "StudyInstanceUID=x",
        "Modality=DX",
        "NumberOfStudyRelatedSeries=77777",
        "includefield=Colour",
    ] {
        let reply = client.get(&format!("/dicomweb/studies?{query}")).await;
        assert_eq!((reply.code(), reply.header("content-type")), (400, "application/problem+json"), "{query}");
        assert!(!reply.text().contains(query.split('=').nth(1).unwrap()) || query.contains("DX"), "{}", reply.text());
    }
    assert_eq!(client.accept("/dicomweb/studies", "application/dicom+xml").await.code(), 406);
}

#[tokio::test]
async fn an_answer_that_is_cut_says_so() {
    let (_door, client) = filled(Limits { page_rows_max: 2, ..Limits::default() }).await;
    let cut = client.get("/dicomweb/studies").await;
    assert_eq!(cut.json().as_array().unwrap().len(), 2);
    assert!(cut.header("warning").starts_with("299"), "{}", cut.header("warning"));
    let whole = client.get("/dicomweb/studies?offset=2").await;
    assert_eq!((whole.json().as_array().unwrap().len(), whole.header("warning")), (1, ""));
    let asked_for = client.get("/dicomweb/studies?limit=1").await;
    assert_eq!((asked_for.json().as_array().unwrap().len(), asked_for.header("warning")), (1, ""));
}

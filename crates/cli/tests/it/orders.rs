//! Orders meet the studies that were taken for them.

use crate::server::{TestServer, samples, wait_for};
use serde_json::{Value, json};
use std::process::Command;

/// How many studies dcmtk's `findscu` finds under this accession number.
fn found(server: &TestServer, accession: &str) -> usize {
    let output = Command::new("findscu")
        .env("TCP_NODELAY", "1")
        .args(["-v", "-S", "-aet", "TESTER", "-aec", "LIGHTBOX", "127.0.0.1", server.dicom_port()])
        .args([
            "-k",
            "QueryRetrieveLevel=STUDY",
            "-k",
            "StudyInstanceUID",
            "-k",
            &format!("AccessionNumber={accession}"),
        ])
        .output()
        .expect("findscu is installed: run `cargo xtask setup`");
    assert!(output.status.success());
    String::from_utf8_lossy(&[output.stdout, output.stderr].concat()).matches("(Pending)").count()
}

#[test]
fn a_study_with_a_wrong_accession_number_is_linked_to_its_order_and_found_by_the_right_one() {
    let server = TestServer::start_empty();
    server.command(&["peer", "allow", "*"]);
    let film = &samples("finding")[0];
    let header = lightbox_dicom::Header::from_bytes(&std::fs::read(&film.path).expect("read")).expect("DICOM");
    let ordered = json!({
        "source": "RIS", "number": "4711", "accession_number": "RIGHT-1", "patient_id": header.text("PatientID"),
        "patient_name": header.text("PatientName"), "modality": header.text("Modality"),
    });
    let order = server.post("/api/v1/orders", &ordered);
    assert!(server.storescu(film));
    let queued = wait_for("the study in the queue", || {
        server.get("/api/v1/unmatched").expect("the queue")["items"].as_array().and_then(|items| items.first().cloned())
    });
    assert_eq!(queued["study"]["study_instance_uid"], film.study_instance_uid.as_str());
    let reason = queued["match"]["reason"].as_str().expect("a reason");
    assert!(reason.contains("accession number"), "{reason}");
    assert_eq!(found(&server, "RIGHT-1"), 0);

    let path = format!("/api/v1/studies/{}/order/link", film.study_instance_uid);
    let linked = server.post(&path, &json!({ "order_id": order["id"], "reason": "typed at the console" }));
    assert_eq!(linked["state"], "matched");
    assert_eq!(found(&server, "RIGHT-1"), 1);
    assert_eq!(server.get("/api/v1/unmatched").expect("the queue")["items"], json!([]));
    let log = server.get("/api/v1/events").expect("the log").to_string();
    assert!(log.contains("study.order_linked") && !log.contains("RIGHT-1"), "the log names no patient");
}

#[test]
fn orders_are_read_from_a_file_line_by_line() {
    let server = TestServer::start_empty();
    let file = server.data().join("orders.csv");
    let lines = "number,accession_number,patient_id,scheduled_date\n1,A1,P1,2026-11-22\n2,A2,,\n3,A3,P3,soon\n";
    std::fs::write(&file, lines).expect("written");
    let path = file.to_string_lossy().into_owned();
    let read = server.try_command(&["order", "import", &path, "--source", "RIS", "--json"]);
    assert!(!read.status.success(), "two lines are refused");
    let tally: Value = serde_json::from_slice(&read.stdout).expect("JSON");
    assert_eq!((&tally["placed"], tally["refused"].as_array().expect("a list").len()), (&json!(1), 2));
    assert_eq!(tally["refused"][0], json!({ "line": 3, "why": "patient_id is missing" }));

    server.command(&["order", "add", "9", "--set", "patient_id=P9", "--set", "accession_number=A9"]);
    let listed = server.command(&["order", "list"]);
    assert!(listed.contains("A1") && listed.contains("A9") && !listed.contains("A2"), "{listed}");
    assert!(server.command(&["order", "cancel", "1", "--source", "RIS"]).contains("canceled order 1"));
    assert!(!server.command(&["order", "list"]).contains("A1"));
    let unknown = server.try_command(&["order", "cancel", "1"]);
    assert!(String::from_utf8_lossy(&unknown.stderr).contains("there is no order 1"));
}

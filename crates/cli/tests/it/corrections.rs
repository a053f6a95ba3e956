//! What people correct is what others find and get; what is stored stays as it was.

use crate::server::{Sample, TestServer, samples, testkit_app, wait_for};
use lightbox_dicom::Header;
use lightbox_testkit::Film;
use serde_json::{Value, json};
use std::process::Command;

fn json_of(text: &str) -> Value {
    serde_json::from_str(text).expect("one line of JSON")
}

/// Series of the film, and the address of its object.
fn address(server: &TestServer, film: &Sample) -> String {
    let detail = server.get(&format!("/api/v1/studies/{}", film.study_instance_uid)).expect("the study");
    let series = detail["series"][0]["series_instance_uid"].as_str().expect("a series");
    format!("/dicomweb/studies/{}/series/{series}/instances/{}", film.study_instance_uid, film.sop_instance_uid)
}

/// How many studies QIDO-RS and dcmtk's `findscu` find under this identifier.
fn found(server: &TestServer, patient_id: &str) -> (usize, usize) {
    let by_qido = server.get(&format!("/dicomweb/studies?PatientID={patient_id}")).expect("an answer");
    let output = Command::new("findscu")
        .env("TCP_NODELAY", "1")
        .args(["-v", "-S", "-aet", "TESTER", "-aec", "LIGHTBOX", "127.0.0.1", server.dicom_port()])
        .args(["-k", "QueryRetrieveLevel=STUDY", "-k", "StudyInstanceUID", "-k", &format!("PatientID={patient_id}")])
        .output()
        .expect("findscu is installed: run `cargo xtask setup`");
    assert!(output.status.success());
    let told = [output.stdout, output.stderr].concat();
    (by_qido.as_array().expect("a list").len(), String::from_utf8_lossy(&told).matches("(Pending)").count())
}

/// The film's object as dcmtk's `getscu` gets it, and as WADO-RS gives it.
fn got(server: &TestServer, film: &Sample) -> [Vec<u8>; 2] {
    let folder = tempfile::tempdir().expect("a folder");
    let got = Command::new("getscu")
        .env("TCP_NODELAY", "1")
        .args(["-S", "-aet", "TESTER", "-aec", "LIGHTBOX", "-od"])
        .arg(folder.path())
        .args(["127.0.0.1", server.dicom_port(), "-k", "QueryRetrieveLevel=STUDY"])
        .args(["-k", &format!("StudyInstanceUID={}", film.study_instance_uid)])
        .status();
    assert!(got.expect("getscu is installed: run `cargo xtask setup`").success());
    let mut files = std::fs::read_dir(folder.path()).expect("read").map(|entry| entry.expect("an entry").path());
    let by_get = files.find(|path| path.to_string_lossy().ends_with(&film.sop_instance_uid)).expect("the film");
    let by_wado = server.get_bytes(&address(server, film), "application/dicom; transfer-syntax=*");
    [std::fs::read(by_get).expect("read"), by_wado]
}

fn header(part10: &[u8]) -> Header {
    Header::from_bytes(part10).expect("DICOM")
}

/// What the first item of Original Attributes Sequence says that the patient's identifier was before.
fn id_before(header: &Header) -> Option<String> {
    let said = header.object().element_opt((0x0400, 0x0561).into()).expect("readable")?.items().expect("items");
    let before = said[0].element((0x0400, 0x0550).into()).expect("there").items().expect("items");
    Some(before[0].element((0x0010, 0x0020).into()).expect("there").to_str().expect("text").trim().to_owned())
}

fn verified(server: &TestServer) -> Value {
    json_of(&server.command(&["verify", "--json"]))["ok"].clone()
}

#[test]
fn a_corrected_study_is_found_and_leaves_as_corrected_until_that_is_undone() {
    let server = TestServer::start_empty();
    server.command(&["peer", "allow", "*"]);
    let film = &samples("finding")[0];
    assert!(server.storescu(film));
    let stored = std::fs::read(&film.path).expect("read");
    let old = header(&stored).text("PatientID");
    let set = ["correct", &film.study_instance_uid, "--set", "PatientID=RIGHT-1", "--set", "PatientName=Right^Rita"];
    let refused = server.try_command(&[&set[..], &["--set", "StudyInstanceUID=1.2"], &["--reason", "x"]].concat());
    assert!(String::from_utf8_lossy(&refused.stderr).contains("StudyInstanceUID cannot be corrected"));
    let made = json_of(&server.command(&[&set[..], &["--reason", "the wrong patient was chosen", "--json"]].concat()));

    assert_eq!((found(&server, "RIGHT-1"), found(&server, &old)), ((1, 1), (0, 0)));
    let metadata = server.get(&format!("/dicomweb/studies/{}/metadata", film.study_instance_uid)).expect("metadata");
    assert_eq!(metadata[0]["00100020"]["Value"][0], "RIGHT-1");
    assert_eq!(metadata[0]["04000561"]["Value"][0]["04000550"]["Value"][0]["00100020"]["Value"][0], old.as_str());
    let leaves = got(&server, film);
    for object in leaves.iter().map(|bytes| header(bytes)) {
        assert_eq!((object.text("PatientID"), object.text("PatientName")), ("RIGHT-1".into(), "Right^Rita".into()));
        assert_eq!(id_before(&object).as_deref(), Some(old.as_str()));
    }
    assert!(leaves[1].ends_with(&stored[stored.len() - 10_000..]), "pixels leave bit for bit");
    assert_eq!(verified(&server), true, "every stored byte is as it was");
    let timeline = server.get(&format!("/api/v1/studies/{}/timeline", film.study_instance_uid)).expect("a timeline");
    assert!(timeline.to_string().contains("command-line corrected PatientID and PatientName."), "{timeline}");
    let log = server.get("/api/v1/events").expect("the log").to_string();
    assert!(log.contains("study.corrected") && !log.contains("RIGHT-1"), "the log names no patient");

    let id = made["id"].as_str().expect("an id");
    server.command(&["correct", &film.study_instance_uid, "--undo", id]);
    assert_eq!((found(&server, "RIGHT-1"), found(&server, &old)), ((0, 0), (1, 1)));
    for object in got(&server, film).iter().map(|bytes| header(bytes)) {
        assert_eq!((object.text("PatientID"), id_before(&object)), (old.clone(), None));
    }
    assert!(server.command(&["correct", &film.study_instance_uid, "--history"]).contains("undone"));
}

#[test]
fn what_an_app_said_of_a_corrected_study_names_the_corrected_patient() {
    let server = TestServer::start_empty();
    server.command(&["peer", "allow", "*"]);
    let film = &samples("finding")[0];
    assert!(server.storescu(film));
    let of_study = format!("/api/v1/studies/{}/corrections", film.study_instance_uid);
    let body = json!({ "values": { "PatientID": "RIGHT-1" }, "reason": "the wrong patient was chosen" });
    let made = server.post(&of_study, &body);
    server.command(&["deploy", &testkit_app().to_string_lossy()]);
    server.post(&format!("/api/v1/studies/{}/replay", film.study_instance_uid), &json!({ "step": "route" }));
    wait_for("the app's run", || (!server.settled_runs(&film.study_instance_uid).is_empty()).then_some(()));

    // The identifier that film, report and map name, and what they say that it was before.
    let said = || {
        let metadata = server.get(&format!("/dicomweb/studies/{}/metadata", film.study_instance_uid));
        let metadata = metadata.expect("metadata").as_array().expect("a list").clone();
        let before = |one: &Value| one["04000561"]["Value"][0]["04000550"]["Value"][0]["00100020"]["Value"][0].clone();
        let of_object = |one: &Value| (one["00100020"]["Value"][0].clone(), before(one));
        metadata.iter().map(of_object).collect::<Vec<_>>()
    };
    let old = json!(header(&std::fs::read(&film.path).expect("read")).text("PatientID"));
    let new = json!("RIGHT-1");
    let during = wait_for("film, report and map", || Some(said()).filter(|all| all.len() == 3));
    assert!(during.iter().all(|(id, _)| *id == new), "{during:?}");
    let corrected: Vec<_> = during.iter().map(|(_, before)| before).filter(|before| !before.is_null()).collect();
    assert_eq!(corrected, [&old], "report and map are written with the corrected patient, the film is not");
    let id = made["correction"]["id"].as_str().expect("an id");
    server.command(&["correct", &film.study_instance_uid, "--undo", id]);
    let after = said();
    assert!(after.iter().all(|(id, _)| *id == old), "{after:?}");
    let restored = after.iter().filter(|(_, before)| *before == new).count();
    assert_eq!(restored, 2, "report and map are stored with the corrected patient, and say the first one now");
    assert_eq!(server.get(&of_study).expect("a history")["items"][0]["undone_by"], "command-line");
}

#[test]
fn patients_are_merged_also_in_what_arrives_later() {
    let server = TestServer::start_empty();
    server.command(&["peer", "allow", "*"]);
    let film = |number: usize, patient: &str| {
        let study = format!("2.25.8{number}");
        Film::new().patient_id(patient).uids(&study, &format!("{study}.1"), &format!("{study}.1.1")).bytes()
    };
    assert_eq!(server.stow(&film(1, "OLD")).0, 200);
    assert_eq!(server.stow(&film(2, "NEW")).0, 200);
    let unknown = server.try_command(&["merge", "OLD", "NOBODY", "--reason", "one person"]);
    assert!(!unknown.status.success() && !String::from_utf8_lossy(&unknown.stderr).contains("NOBODY"));
    let merged = json_of(&server.command(&["merge", "OLD", "NEW", "--reason", "one person", "--json"]));
    assert_eq!(merged["study_instance_uids"], json!(["2.25.81"]));
    assert_eq!((found(&server, "NEW"), found(&server, "OLD")), ((2, 2), (0, 0)));

    assert_eq!(server.stow(&film(3, "OLD")).0, 200);
    wait_for("the study that arrived later to be merged", || (found(&server, "NEW").0 == 3).then_some(()));
    let of_later =
        server.get_bytes("/dicomweb/studies/2.25.83/series/2.25.83.1/instances/2.25.83.1.1", "application/dicom");
    assert_eq!(header(&of_later).text("PatientID"), "NEW");
    let told = server.get("/api/v1/studies/2.25.83/timeline").expect("a timeline").to_string();
    assert!(told.contains("had been merged into another before this arrived"), "{told}");

    server.command(&["correct", "2.25.83", "--undo", merged["id"].as_str().expect("an id")]);
    assert_eq!((found(&server, "NEW"), found(&server, "OLD")), ((1, 1), (2, 2)));
    assert_eq!(verified(&server), true);
}

//! What is kept can be brought elsewhere and back: backup and restore while the server works.

use crate::server::{BINARY, TestServer};
use lightbox_testkit::Film;
use serde_json::Value;
use std::path::{Path, PathBuf};
use std::process::{Command, Output};
use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};

/// How many films are there before the backup begins.
const FILMS_BEFORE: usize = 12;

fn film(number: usize) -> Film {
    Film::new().uids(&format!("2.25.7{number}"), &format!("2.25.7{number}.1"), &format!("2.25.7{number}.1.1"))
}

fn stow(server: &TestServer, number: usize) {
    assert_eq!(server.stow(&film(number).bytes()).0, 200, "film {number}");
}

fn json(text: &str) -> Value {
    serde_json::from_str(text).expect("one line of JSON")
}

fn restore(backup: &Path, to: &Path, more: &[&str]) -> Output {
    let mut command = Command::new(BINARY);
    command.args(["restore", "--json"]).args(more).arg(backup).arg("--data").arg(to);
    command.output().expect("the binary runs")
}

fn verify(data: &Path) -> Value {
    let output = Command::new(BINARY).args(["verify", "--json", "--data"]).arg(data).output().expect("runs");
    json(&String::from_utf8(output.stdout).expect("text"))
}

/// Any stored file of the backup.
fn a_file(backup: &Path) -> PathBuf {
    let mut files = walkdir::WalkDir::new(backup.join("blobs")).into_iter().filter_map(Result::ok);
    files.find(|entry| entry.file_type().is_file()).expect("a file").into_path()
}

#[test]
fn a_backup_is_taken_while_instances_arrive_and_restored_whole() {
    let server = TestServer::start_empty();
    let place = tempfile::tempdir().expect("a folder");
    let (backup, restored) = (place.path().join("backup"), place.path().join("restored"));
    (0..FILMS_BEFORE).for_each(|number| stow(&server, number));
    let (stop, sent) = (AtomicBool::new(false), AtomicUsize::new(FILMS_BEFORE));
    let taken = std::thread::scope(|scope| {
        let arriving = scope.spawn(|| {
            while !stop.load(Ordering::SeqCst) {
                stow(&server, sent.load(Ordering::SeqCst));
                sent.fetch_add(1, Ordering::SeqCst);
            }
        });
        let taken = json(&server.command(&["backup", "--json", &backup.to_string_lossy()]));
        stop.store(true, Ordering::SeqCst);
        arriving.join().expect("every film was acknowledged");
        taken
    });
    let files = usize::try_from(taken["files"].as_u64().expect("a number")).expect("few");
    assert!(files >= FILMS_BEFORE && files <= sent.load(Ordering::SeqCst), "{taken}");
    assert_eq!(taken["files_added"], taken["files"]);

    // The second backup adds only what arrived since.
    let again = json(&server.command(&["backup", "--json", &backup.to_string_lossy()]));
    assert_eq!(again["files"], sent.load(Ordering::SeqCst));
    assert_eq!(again["files_added"], sent.load(Ordering::SeqCst) - files);

    let output = restore(&backup, &restored, &[]);
    assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
    let verified = verify(&restored);
    assert_eq!(verified["ok"], true, "{verified}");
    assert_eq!(verified["files"], sent.load(Ordering::SeqCst));
    let refused = restore(&backup, &restored, &[]);
    assert!(String::from_utf8_lossy(&refused.stderr).contains("is not empty"));
}

#[test]
fn a_restored_server_has_the_studies_the_accounts_and_the_apps() {
    let mut server = TestServer::start();
    stow(&server, 0);
    server.settled_runs("2.25.70");
    let place = tempfile::tempdir().expect("a folder");
    let backup = place.path().join("backup");
    server.command(&["backup", "--link", &backup.to_string_lossy()]);
    server.kill();
    std::fs::remove_dir_all(server.data()).expect("lost");
    let output = restore(&backup, &server.data(), &[]);
    assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));

    server.restart();
    let detail = server.get("/api/v1/studies/2.25.70").expect("the study, and the token");
    assert_eq!(detail["series"][0]["instances"][0]["sop_instance_uid"], "2.25.70.1.1");
    let deployments: Value = server.get("/api/v1/deployments").expect("deployments");
    assert_eq!(deployments.as_array().or(deployments["items"].as_array()).expect("a list").len(), 1);
    stow(&server, 1);
    assert_eq!(server.settled_runs("2.25.71").len(), server.settled_runs("2.25.70").len());
    assert!(!server.log().contains("backup/"), "nothing points at the backup");
}

#[test]
fn a_damaged_backup_is_refused_by_name_and_leaves_nothing() {
    let server = TestServer::start_empty();
    (0..3).for_each(|number| stow(&server, number));
    let place = tempfile::tempdir().expect("a folder");
    let (backup, restored) = (place.path().join("backup"), place.path().join("restored"));
    server.command(&["backup", &backup.to_string_lossy()]);
    let damaged = a_file(&backup);
    let mut bytes = std::fs::read(&damaged).expect("read");
    *bytes.last_mut().expect("not empty") ^= 1;
    std::fs::write(&damaged, bytes).expect("written");

    let refused = restore(&backup, &restored, &[]);
    let name = damaged.file_name().expect("a name").to_string_lossy().into_owned();
    let line = String::from_utf8_lossy(&refused.stderr).into_owned();
    assert!(!refused.status.success() && line.contains(&name) && line.contains("1 of 3"), "{line}");
    assert_eq!(std::fs::read_dir(place.path()).expect("listed").count(), 1, "only the backup is there");

    let partial = restore(&backup, &restored, &["--partial"]);
    assert_eq!(partial.status.code(), Some(1));
    assert_eq!(
        json(&String::from_utf8(partial.stdout).expect("text"))["problems"].as_array().expect("a list").len(),
        1
    );
    assert_eq!(verify(&restored)["problems"].as_array().expect("a list").len(), 1);
}

#[test]
fn a_stored_file_that_has_rotted_is_named_by_the_backup() {
    let server = TestServer::start_empty();
    (0..2).for_each(|number| stow(&server, number));
    let rotten = a_file(&server.data());
    std::fs::write(&rotten, b"rotten").expect("written");
    let place = tempfile::tempdir().expect("a folder");
    let output = server.try_command(&["backup", "--json", &place.path().join("backup").to_string_lossy()]);
    assert_eq!(output.status.code(), Some(1));
    let taken = json(&String::from_utf8(output.stdout).expect("text"));
    let problem = taken["problems"][0].as_str().expect("a line");
    assert!(problem.contains(&*rotten.file_name().expect("a name").to_string_lossy()), "{problem}");
}

#[test]
fn what_is_deleted_and_what_a_rule_would_delete_is_listed() {
    let server = TestServer::start_empty();
    (0..2).for_each(|number| stow(&server, number));
    let refused = server.try_command(&["lifecycle", "--dry-run"]);
    assert!(String::from_utf8_lossy(&refused.stderr).contains("has no [[lifecycle]] rule"));
    let rule = "[[lifecycle]]\nname = \"films\"\nmodality = [\"DX\"]\naction = \"delete\"\n";
    std::fs::write(server.data().join("lightbox.toml"), rule).expect("written");
    crate::server::wait_for("both films to be routed", || {
        let would = json(&server.command(&["lifecycle", "--dry-run", "--json"]));
        let series = would["series"].as_array().expect("a list");
        (series.len() == 2 && series.iter().all(|one| one["postponed"].is_null())).then_some(())
    });

    let deleted = json(&server.command(&["delete", "2.25.70", "--reason", "sent by mistake", "--json"]));
    assert_eq!(deleted["instances"], 1, "{deleted}");
    assert_eq!(server.get("/api/v1/studies/2.25.70"), Err(404));
    assert!(server.command(&["deletions"]).contains("sent by mistake"));
    server.command(&["undelete", deleted["id"].as_str().expect("an id")]);
    assert!(server.get("/api/v1/studies/2.25.70").is_ok());
    assert_eq!(json(&server.command(&["verify", "--json"]))["ok"], true);
}

#[test]
fn the_server_applies_its_rules_by_itself() {
    let mut server = TestServer::start_empty();
    stow(&server, 0);
    server.settled_runs("2.25.70");
    assert!(server.terminate());
    let rules = "[[lifecycle]]\nname = \"all\"\naction = \"delete\"\n\n[limits]\npurge_after_days = 0\n";
    std::fs::write(server.data().join("lightbox.toml"), rules).expect("written");
    server.restart();
    crate::server::wait_for("the film to be purged", || {
        let verified = json(&server.command(&["verify", "--json"]));
        (verified["files"] == 0).then_some(())
    });
    assert_eq!(json(&server.command(&["deletions", "--json"]))[0]["cause"], "rule");
}

#[test]
fn an_import_goes_on_where_it_broke_off() {
    let server = TestServer::start_empty();
    let place = tempfile::tempdir().expect("a folder");
    let (folder, journal) = (place.path().join("films"), place.path().join("journal.txt"));
    std::fs::create_dir(&folder).expect("made");
    let import = || {
        let arguments = ["import", "--json", "--journal", &journal.to_string_lossy(), &folder.to_string_lossy()];
        json(&String::from_utf8(server.try_command(&arguments).stdout).expect("text"))
    };
    let write = |number: usize| film(number).write(&folder.join(format!("{number}.dcm")));
    (0..3).for_each(|number| drop(write(number)));
    std::fs::write(folder.join("broken.dcm"), b"no DICOM").expect("written");
    let first = import();
    assert_eq!((&first["stored"], &first["skipped"]), (&Value::from(3), &Value::from(0)), "{first}");

    // As after a crash in the middle of a line.
    let mut text = std::fs::read_to_string(&journal).expect("read");
    text.push_str(&folder.join("3.d").to_string_lossy());
    std::fs::write(&journal, text).expect("written");
    write(3);
    let second = import();
    assert_eq!((&second["stored"], &second["skipped"]), (&Value::from(1), &Value::from(3)), "{second}");
    assert_eq!(second["refused"].as_array().expect("a list").len(), 1, "what was refused is tried again");
    assert_eq!(import()["skipped"], 4);
}

//! Bad input: a status and one readable line for each, nothing lost, nothing else disturbed.

use crate::server::{BINARY, TestServer, samples, testkit_app};
use std::path::PathBuf;
use std::process::Command;

fn odd(name: &str) -> PathBuf {
    lightbox_testkit::samples().join("odd").join(name)
}

/// What cannot be kept is refused at every door, in one line, and leaves nothing behind.
#[test]
fn what_is_no_instance_is_refused_at_every_door() {
    let server = TestServer::start();
    for (name, words) in [
        ("not-dicom.dcm", "not a DICOM file"),
        ("truncated.dcm", "cut short"),
        ("no-sop-instance-uid.dcm", "SOPInstanceUID"),
        ("no-study-instance-uid.dcm", "StudyInstanceUID"),
    ] {
        let path = odd(name);
        let (status, _) = server.stow(&std::fs::read(&path).expect("readable"));
        assert_eq!(status, 409, "{name}");
        let output = server.try_command(&["import", &path.to_string_lossy(), "--json"]);
        let answer: serde_json::Value = serde_json::from_slice(&output.stdout).expect("JSON");
        let reason = answer["refused"][0]["reason"].as_str().unwrap_or_default();
        assert!(!output.status.success(), "{name}");
        assert!(reason.to_lowercase().contains(&words.to_lowercase()), "{name}: {reason}");
        assert!(!reason.contains('\n'), "{name}: one line");
    }
    assert_eq!(server.get("/api/v1/worklist").expect("a list")["total"], 0);
    assert_still_works(&server);
}

/// What can be kept but not read as an image is stored, and its run says why it has no finding.
#[test]
fn what_cannot_be_read_as_an_image_is_a_run_with_a_reason() {
    let server = TestServer::start();
    for name in ["absurd-dimensions.dcm", "corrupt-jpeg-2000.dcm", "deflate-bomb.dcm"] {
        server.try_command(&["import", &odd(name).to_string_lossy()]);
    }
    server.command(&["import", &odd("garbage-signed-16-bit.dcm").to_string_lossy()]);
    let list = server.get("/api/v1/worklist").expect("a list");
    for study in list["items"].as_array().expect("studies") {
        let study = study["study_instance_uid"].as_str().expect("a UID");
        for run in server.settled_runs(study) {
            match run["state"].as_str() {
                Some("finished") => assert!(run["findings"][0]["score"].is_number()),
                _ => assert!(!run["reason"].as_str().unwrap_or_default().is_empty(), "{run}"),
            }
        }
    }
    assert_still_works(&server);
}

fn assert_still_works(server: &TestServer) {
    let film = &samples("finding")[0];
    assert!(server.storescu(film), "{}", server.log());
    assert_eq!(server.settled_runs(&film.study_instance_uid)[0]["state"], "finished");
}

#[test]
fn an_unknown_caller_is_refused_and_pending_until_it_is_admitted() {
    let server = TestServer::start_empty();
    let film = &samples("finding")[0];
    assert!(!server.storescu(film));
    let peers = server.get("/api/v1/peers").expect("peers");
    assert_eq!(peers["pending"][0]["ae_title"], "TESTER");
    server.command(&["peer", "allow", "TESTER"]);
    assert!(server.storescu(film));
}

#[test]
fn nothing_but_health_is_open() {
    let server = TestServer::start_empty();
    assert_eq!(server.get("/api/v1/worklist").map(|list| list["total"].clone()), Ok(0.into()));
    for path in ["/api/v1/worklist", "/api/v1/openapi.json", "/dicomweb/studies", "/api/v1/events"] {
        assert_eq!(server.get_as_nobody(path), 401, "{path}");
    }
    assert_eq!(server.get_as_nobody("/healthz"), 200);
    assert_eq!(server.get_as_nobody("/readyz"), 200);
}

/// A server without ONNX Runtime starts and serves; a run says what is missing, and succeeds once it is there.
#[test]
fn a_missing_library_or_model_fails_the_run_and_nothing_else() {
    let mut server = TestServer::start_with(&[("LIGHTBOX_ONNXRUNTIME", "/nowhere/libonnxruntime.so")]);
    let film = &samples("finding")[0];
    assert!(server.storescu(film));
    let run = server.settled_runs(&film.study_instance_uid).remove(0);
    assert_eq!(run["state"], "failed");
    assert!(run["reason"].as_str().unwrap_or_default().contains("/nowhere/libonnxruntime.so"), "{run}");

    server.kill();
    server.restart();
    server.command(&["run", "retry", run["id"].as_str().expect("an id")]);
    assert_eq!(server.settled_runs(&film.study_instance_uid)[0]["state"], "finished");
}

#[test]
fn a_release_that_is_not_in_order_is_refused_in_one_line() {
    let folder = tempfile::tempdir().expect("a folder");
    for file in ["app.toml", "model.onnx", "MODEL_CARD.md"] {
        std::fs::copy(testkit_app().join(file), folder.path().join(file)).expect("copied");
    }
    let check = |words: &str| {
        let output = Command::new(BINARY).args(["app", "check"]).arg(folder.path()).output().expect("runs");
        let line = String::from_utf8(output.stderr).expect("text");
        assert!(!output.status.success() && line.contains(words) && line.lines().count() == 1, "{line}");
    };
    let manifest = std::fs::read_to_string(folder.path().join("app.toml")).expect("readable");
    std::fs::write(folder.path().join("app.toml"), format!("colour = 1\n{manifest}")).expect("written");
    check("unknown field `colour`");
    std::fs::write(folder.path().join("app.toml"), manifest).expect("written");
    std::fs::write(folder.path().join("model.onnx"), b"other").expect("written");
    check("is not the file that app.toml pins");
    std::fs::remove_file(folder.path().join("model.onnx")).expect("removed");
    check("model.onnx is missing");
}

//! `kill -9` at any point, and a restart: no lost instance, no lost and no doubled run.

use crate::server::{Sample, TestServer, samples, wait_for};
use std::collections::HashSet;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::Duration;

/// When the server is killed: after so many films were acknowledged, and so many milliseconds more.
const KILLS: [(usize, u64); 6] = [(0, 30), (1, 5), (2, 40), (4, 15), (7, 60), (11, 120)];

#[test]
fn nothing_is_lost_or_doubled_when_the_server_is_killed() {
    let mut server = TestServer::start();
    let films = samples("finding");
    let mut acknowledged: HashSet<String> = HashSet::new();
    for (films_before, more_ms) in KILLS {
        let sent = AtomicUsize::new(0);
        std::thread::scope(|scope| {
            let sending = scope.spawn(|| send_until_refused(&server, &films, &sent));
            wait_for("films to be acknowledged", || (sent.load(Ordering::SeqCst) >= films_before).then_some(()));
            std::thread::park_timeout(Duration::from_millis(more_ms));
            kill_by_id(&server);
            acknowledged.extend(sending.join().expect("sent"));
        });
        server.kill();
        server.restart();
    }
    for film in films.iter().filter(|film| acknowledged.contains(&film.sop_instance_uid)) {
        let runs = server.settled_runs(&film.study_instance_uid);
        assert_eq!(runs.len(), 1, "one run for {}", film.path.display());
        assert_eq!(runs[0]["state"], "finished", "{}", runs[0]);
        let detail = server.get(&format!("/api/v1/studies/{}", film.study_instance_uid)).expect("the study");
        assert_eq!(detail["study"]["instance_count"], 3, "film, report and map, each once");
    }
    let verified = server.command(&["verify", "--json"]);
    assert!(verified.contains(r#""ok":true"#), "{verified}");
    assert_no_orphans(&server);
}

/// Sends film after film, each by a `storescu` of its own; gives those that were acknowledged.
fn send_until_refused(server: &TestServer, films: &[Sample], sent: &AtomicUsize) -> Vec<String> {
    let mut acknowledged = Vec::new();
    for film in films {
        if !server.storescu(film) {
            break;
        }
        acknowledged.push(film.sop_instance_uid.clone());
        sent.fetch_add(1, Ordering::SeqCst);
    }
    acknowledged
}

/// SIGKILL, while another thread still talks with the server.
fn kill_by_id(server: &TestServer) {
    let status = std::process::Command::new("kill").args(["-9", &server.process_id()]).status().expect("kill");
    assert!(status.success());
}

/// Every file under `blobs` has a row: as many as `verify` checks.
fn assert_no_orphans(server: &TestServer) {
    let verified: serde_json::Value = serde_json::from_str(&server.command(&["verify", "--json"])).expect("JSON");
    assert_eq!(verified["files"], stored_files(server));
}

/// How many files lie under `blobs`.
pub fn stored_files(server: &TestServer) -> usize {
    walkdir::WalkDir::new(server.data().join("blobs"))
        .into_iter()
        .filter(|entry| entry.as_ref().is_ok_and(|entry| entry.file_type().is_file()))
        .count()
}

//! How an instance becomes an AI result, from the sender's and the reader's side.

use crate::server::{TestServer, samples};
use serde_json::json;

#[test]
fn films_arrive_by_c_store_and_come_out_as_findings_a_report_and_a_map() {
    let server = TestServer::start();
    let films = samples("finding");
    assert_eq!(films.len(), 16);
    for film in &films {
        assert!(server.storescu(film), "{}: {}", film.path.display(), server.log());
    }

    for film in &films {
        let runs = server.settled_runs(&film.study_instance_uid);
        let [run] = runs.as_slice() else { panic!("one run, not {}", runs.len()) };
        assert_eq!(run["state"], "finished", "{run}");
        let score = run["findings"][0]["score"].as_f64().expect("a score");
        let expected = film.expected_probability.expect("known");
        assert!((score - expected).abs() <= 1e-4, "{}: {score} is not {expected}", film.path.display());
        assert_eq!(run["map"]["state"], "stored");
        assert_eq!(run["clearance"], json!(null));
        let kinds: Vec<_> = run["results"].as_array().expect("results").iter().map(|result| &result["kind"]).collect();
        assert_eq!(kinds, ["sr", "sc"], "the report comes before the map");

        let detail = server.get(&format!("/api/v1/studies/{}", film.study_instance_uid)).expect("the study");
        assert_eq!(detail["series"].as_array().expect("series").len(), 3);
        let expected_state = if score >= 0.5 { "found" } else { "nothing_found" };
        assert_eq!(detail["study"]["ai_state"], expected_state);
    }
}

#[test]
fn bytes_come_out_as_they_went_in() {
    let server = TestServer::start_empty();
    for film in samples("finding").iter().take(4) {
        let bytes = std::fs::read(&film.path).expect("readable");
        assert_eq!(server.stow(&bytes).0, 200);
        let detail = server.get(&format!("/api/v1/studies/{}", film.study_instance_uid)).expect("the study");
        let series = detail["series"][0]["series_instance_uid"].as_str().expect("a series");
        let path = format!(
            "/dicomweb/studies/{}/series/{series}/instances/{}",
            film.study_instance_uid, film.sop_instance_uid
        );
        assert_eq!(server.get_bytes(&path, "application/dicom; transfer-syntax=*"), bytes);
    }
}

#[test]
fn the_same_film_again_is_success_and_no_new_work_whatever_the_door() {
    let server = TestServer::start();
    let film = &samples("finding")[0];
    assert!(server.storescu(film));
    let before = server.settled_runs(&film.study_instance_uid);

    assert!(server.storescu(film));
    assert_eq!(server.stow(&std::fs::read(&film.path).expect("readable")).0, 200);
    let imported = server.command(&["import", &film.path.to_string_lossy(), "--json"]);
    let imported: serde_json::Value = serde_json::from_str(&imported).expect("JSON");
    assert_eq!(imported, json!({ "stored": 0, "duplicates": 1, "conflicts": 0, "skipped": 0, "refused": [] }));

    assert_eq!(server.settled_runs(&film.study_instance_uid), before);
    let detail = server.get(&format!("/api/v1/studies/{}", film.study_instance_uid)).expect("the study");
    assert_eq!(detail["study"]["instance_count"], 3);
}

#[test]
fn an_adult_is_refused_with_the_reason_and_a_person_may_override_it() {
    let server = TestServer::start();
    let adult = &samples("refused")[0];
    assert!(server.storescu(adult));
    let runs = server.settled_runs(&adult.study_instance_uid);
    assert_eq!(runs[0]["state"], "rejected");
    let reason = runs[0]["reason"].as_str().expect("a reason");
    assert!(reason.contains("outside the intended use") && reason.contains("64 years"), "{reason}");

    let run = runs[0]["id"].as_str().expect("an id");
    let ordered = server.post(&format!("/api/v1/runs/{run}/override"), &json!({ "reason": "teaching file" }));
    let runs = server.settled_runs(&adult.study_instance_uid);
    let second = runs.iter().find(|run| run["id"] == ordered["id"]).expect("the ordered run");
    assert_eq!((&second["state"], &second["override"]["reason"]), (&json!("finished"), &json!("teaching file")));
    let events = server.get("/api/v1/events?limit=1000").expect("the log");
    let logged = events["items"].as_array().expect("lines").iter().any(|line| line["action"] == "run.overridden");
    assert!(logged);
}

#[test]
fn what_happens_is_measured() {
    let server = TestServer::start_empty();
    let film = std::fs::read(&samples("finding")[0].path).expect("readable");
    assert_eq!(server.stow(&film).0, 200);
    assert_eq!(server.stow(&film).0, 200);
    let metrics = String::from_utf8(server.get_bytes("/metrics", "text/plain")).expect("text");
    for line in [
        "lightbox_receive_seconds_count{outcome=\"stored\"} 1",
        "lightbox_receive_seconds_count{outcome=\"duplicate\"} 1",
        "lightbox_http_request_seconds_count{method=\"POST\",route=\"/dicomweb/studies\",status=\"200\"} 2",
        "lightbox_studies 1",
    ] {
        assert!(metrics.lines().any(|found| found == line), "{line} is missing in\n{metrics}");
    }
    assert!(metrics.contains("lightbox_commit_seconds_bucket{le=\"0.001\"}"), "{metrics}");
    assert!(!metrics.contains("2.25."), "an identifier is a label in\n{metrics}");
    assert_eq!(server.get_as_nobody("/metrics"), 401);
}

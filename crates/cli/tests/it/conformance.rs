//! The DICOM Conformance Statement: printed, served, and kept in the repository.

use crate::server::{BINARY, TestServer};
use std::process::Command;

const KEPT: &str = include_str!("../../../../docs/conformance.md");

#[test]
fn the_statement_in_the_repository_is_what_the_program_says() {
    let output = Command::new(BINARY).arg("conformance").output().expect("runs");
    let printed = String::from_utf8(output.stdout).expect("text");
    assert!(printed == KEPT, "docs/conformance.md is stale: run `cargo xtask openapi`, and commit it");
    let output = Command::new(BINARY).args(["conformance", "--json"]).output().expect("runs");
    let json: serde_json::Value = serde_json::from_slice(&output.stdout).expect("JSON");
    assert!(json["sop_classes"].as_array().expect("a list").len() > 200);
    assert_eq!(json["limits"]["associations_max"], 64);
}

#[test]
fn the_statement_is_served() {
    let server = TestServer::start_empty();
    let served = server.get_bytes("/api/v1/conformance", "text/markdown");
    assert!(served.trim_ascii() == KEPT.as_bytes().trim_ascii());
}

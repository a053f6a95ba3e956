//! The command line, as a script uses it.

use crate::server::{BINARY, TestServer};
use std::process::Command;

#[test]
fn a_token_is_made_before_the_first_start_and_only_it_is_printed() {
    let folder = tempfile::tempdir().expect("a folder");
    let output = Command::new(BINARY)
        .args(["token", "create", "script", "--role", "admin", "--data"])
        .arg(folder.path().join("new"))
        .output()
        .expect("runs");
    let token = String::from_utf8(output.stdout).expect("text");
    assert!(output.status.success());
    assert_eq!(token.lines().count(), 1);
    assert!(token.trim_end().len() >= 32 && !token.trim_end().contains(' '));
}

#[test]
fn errors_are_one_line_that_says_what_to_do() {
    let server = TestServer::start_empty();
    let check = |arguments: &[&str], words: &str| {
        let output = server.try_command(arguments);
        let line = String::from_utf8(output.stderr).expect("text");
        assert!(!output.status.success(), "{arguments:?}");
        assert!(line.contains(words) && line.lines().count() == 1, "{arguments:?}: {line}");
    };
    check(&["token", "create", "x", "--role", "king"], "choose one of admin, radiologist");
    check(&["peer", "remove", "NOBODY"], "lightbox peer list");
    check(&["peer", "allow", "A_TITLE_OF_MORE_THAN_16"], "1 to 16 printable");
    check(&["deploy", "/nowhere"], "no such folder");
    check(&["import", "/nowhere"], "there is no /nowhere");
    check(&["run", "retry", "01J"], "there is no run 01J");
    check(&["serve", "--http", "127.0.0.1:0", "--dicom", "127.0.0.1:0"], "in use by another lightbox");
}

#[test]
fn a_setting_that_is_not_known_is_named() {
    let folder = tempfile::tempdir().expect("a folder");
    std::fs::write(folder.path().join("lightbox.toml"), "htp = \"127.0.0.1:0\"\n").expect("written");
    let output = Command::new(BINARY).args(["serve", "--data"]).arg(folder.path()).output().expect("runs");
    let line = String::from_utf8(output.stderr).expect("text");
    assert!(line.contains("lightbox.toml") && line.contains("htp"), "{line}");
}

#[test]
fn a_server_that_is_ready_ends_in_good_order_however_soon_it_is_told_to() {
    let mut server = TestServer::start_empty();
    for _ in 0..5 {
        assert!(server.terminate(), "{}", server.log());
        server.restart();
    }
}

#[test]
fn help_teaches_the_first_steps() {
    let output = Command::new(BINARY).arg("--help").output().expect("runs");
    let help = String::from_utf8(output.stdout).expect("text");
    for words in ["First steps", "lightbox serve", "lightbox deploy", "LIGHTBOX_HTTP"] {
        assert!(help.contains(words), "{words}");
    }
}

//! ONNX Runtime's library: there, not there, and something else in its place.
//!
//! A process keeps the first library that it loads, so what must not find one loaded runs in a process of its own: this
//! test binary again, with one test and a place to look at.

use crate::setting::{assert_says, library, library_path, text_of};
use lightbox_inference::Library;
use std::env;
use std::fs;
use std::path::{Path, PathBuf};
use std::process::Command;

const PLACE: &str = "LIGHTBOX_TEST_LIBRARY";

#[test]
fn the_library_is_loaded_once() {
    let path = fs::canonicalize(library_path()).unwrap();
    assert!(library().path().is_file());
    assert_eq!(Library::open(None).unwrap().path(), library().path());
    assert_eq!(answer_for(&path), format!("loaded {}", path.display()));
}

#[test]
fn a_place_without_a_library_is_told_with_what_to_do() {
    let result = Library::open(Some(Path::new("/nowhere/libonnxruntime.so")));
    let expected = [
        "ONNX Runtime cannot be loaded from /nowhere/libonnxruntime.so (not there)",
        "pip download --no-deps onnxruntime==1.31.1",
        "--onnxruntime PATH",
    ];
    assert_says(result, &expected);
}

#[test]
fn a_file_that_is_no_library_is_told_and_ends_nothing() {
    let folder = tempfile::tempdir().unwrap();
    let text = folder.path().join("libonnxruntime.so");
    fs::write(&text, "not a library").unwrap();
    let answer = answer_for(&text);
    assert!(answer.contains("libonnxruntime.so (") && !answer.contains("dlopen failed"), "{answer}");
    let other = other_library();
    let answer = answer_for(&other);
    assert!(answer.contains(&format!("{} (not ONNX Runtime)", other.display())), "{answer}");
}

/// What opening the library at `place` says in a process that has loaded none.
fn answer_for(place: &Path) -> String {
    let output = Command::new(env::current_exe().unwrap())
        .args(["--exact", "library::a_process_of_its_own", "--nocapture"])
        .env(PLACE, place)
        .output()
        .unwrap();
    let text = String::from_utf8(output.stdout).unwrap();
    assert!(output.status.success(), "{text}{}", String::from_utf8_lossy(&output.stderr));
    let answer = text.lines().find_map(|line| line.split_once("answer: ")).expect("the process answers");
    answer.1.to_owned()
}

/// The other process's part; by itself it looks at a place that is nowhere.
#[test]
fn a_process_of_its_own() {
    let place = env::var_os(PLACE).map_or_else(|| PathBuf::from("/nowhere/at/all"), PathBuf::from);
    match Library::open(Some(&place)) {
        Ok(library) => println!("answer: loaded {}", library.path().display()),
        Err(error) => println!("answer: {}", text_of::<()>(Err(error))),
    }
}

/// A shared library that every Linux process has loaded: the C library.
fn other_library() -> PathBuf {
    let maps = fs::read_to_string("/proc/self/maps").unwrap();
    let line = maps.lines().find(|line| line.contains("/libc.so.") || line.contains("/libc-")).unwrap();
    PathBuf::from(line.split_whitespace().last().unwrap())
}

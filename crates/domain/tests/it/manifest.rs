//! A manifest as a packager writes it: what is understood, and what is refused in which words.

use lightbox_domain::Manifest;

pub const VALID: &str = include_str!("../data/manifest.toml");

#[track_caller]
fn check(change: (&str, &str), expected: &str) {
    let text = VALID.replacen(change.0, change.1, 1);
    assert_ne!(text, VALID, "the change must apply");
    let error = Manifest::parse(&text).expect_err("must be refused").to_string();
    assert!(error.contains(expected) && !error.contains('\n'), "{error}");
}

#[test]
fn a_valid_manifest_is_read() {
    let manifest = Manifest::parse(VALID).expect("valid");
    assert_eq!(manifest.explained_finding().map(|rule| rule.id.as_str()), Some("pneumonia"));
}

#[test]
fn what_is_wrong_is_named() {
    check(("seconds_max", "second_max"), "line 30: unknown field `second_max`");
    check(("level = \"instance\"", "level = "), "line 10: ");
    check(("schema = 1", "schema = 2"), "this Lightbox reads schema 1");
    check(("\"cxr-example\"", "\"Cxr Example\""), "app.id");
    check(("\"model.onnx\"", "\"../model.onnx\""), "own folder");
    check(("sha256 = \"00", "sha256 = \"zz"), "64 hexadecimal");
    check(("finding = \"pneumonia\"", "finding = \"effusion\""), "effusion, which is no finding");
    check(("window = 36", "window = 181"), "window");
    check(("threshold = 0.5", "threshold = 1.5"), "0 to 1");
    check(("channels = 3", "channels = 2"), "1 or 3");
    check(("one_of = [\"CR\", \"DX\"]", "one_of = []"), "either one_of");
    check(("fill = \"mean\"", "fill = \"median\""), "line 50: fill must be");
}

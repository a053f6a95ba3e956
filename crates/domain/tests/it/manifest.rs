//! A manifest as a packager writes it: what is understood, and what is refused in which words.

use lightbox_domain::Manifest;

pub const VALID: &str = r#"
schema = 1
[app]
id = "cxr-example"
name = "Example"
vendor = "Lightbox contributors"
release = "1.0.0"
summary = "An example."
intended_use = "Tests."
[input]
level = "instance"
[[input.applies]]
attribute = "Modality"
one_of = ["CR", "DX"]
[[input.intended]]
attribute = "PatientAge"
minimum_years = 1.0
maximum_years = 5.999
reason = "ages 1 to 5 years"
[[input.intended]]
attribute = "ViewPosition"
one_of = ["PA", "AP"]
[[input.intended]]
attribute = "PresentationIntentType"
one_of = ["FOR PRESENTATION"]
absent = "accept"
[model]
runner = "onnx"
file = "model.onnx"
sha256 = "0000000000000000000000000000000000000000000000000000000000000000"
seconds_max = 60
[model.input]
name = "image"
layout = "NHWC"
rows = 180
columns = 180
channels = 3
resize = "bilinear"
range = [0.0, 255.0]
[[finding]]
id = "pneumonia"
code = { scheme = "SCT", value = "233604007", meaning = "Pneumonia" }
output = "probability"
index = 0
threshold = 0.5
[map]
method = "occlusion"
finding = "pneumonia"
window = 36
stride = 18
fill = "mean"
"#;

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
    check(("seconds_max", "second_max"), "line 31: unknown field `second_max`");
    check(("level = \"instance\"", "level = "), "line 11: ");
    check(("schema = 1", "schema = 2"), "this Lightbox reads schema 1");
    check(("\"cxr-example\"", "\"Cxr Example\""), "app.id");
    check(("\"model.onnx\"", "\"../model.onnx\""), "own folder");
    check(("sha256 = \"00", "sha256 = \"zz"), "64 hexadecimal");
    check(("finding = \"pneumonia\"", "finding = \"effusion\""), "effusion, which is no finding");
    check(("window = 36", "window = 181"), "window");
    check(("threshold = 0.5", "threshold = 1.5"), "0 to 1");
    check(("channels = 3", "channels = 2"), "1 or 3");
    check(("one_of = [\"CR\", \"DX\"]", "one_of = []"), "either one_of");
    check(("fill = \"mean\"", "fill = \"median\""), "line 51: fill must be");
}

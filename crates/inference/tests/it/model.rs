//! Models that are not what their manifest says, or do not answer as they should.

use crate::onnx_file::{ANY, BOOL, DOUBLE, FLOAT, OnnxFile, mean_model};
use crate::setting::{MANIFEST, assert_says, folder, library, load, seen};
use lightbox_inference::{InferenceError, Release, Runner};
use std::fs;

#[test]
fn scores_become_findings_by_the_manifests_rules() {
    let runner = load(MANIFEST, &mean_model(8, 12)).unwrap();
    let outcome = runner.run(&seen(16, 24, |_, _| 51)).unwrap();
    let [finding] = &outcome.findings[..] else { panic!("{outcome:?}") };
    assert_eq!((finding.id.as_str(), finding.code.meaning.as_str(), finding.threshold), ("bright", "Bright", 0.5));
    assert!((finding.score - 0.2).abs() < 1e-6, "{finding:?}");
    assert!(!finding.positive());
    assert!(runner.run(&seen(8, 12, |_, _| 200)).unwrap().findings[0].positive());
}

#[test]
fn each_finding_has_its_output_and_index() {
    let two = "[[finding]]\nid = \"dark\"\ncode = { scheme = \"99TEST\", value = \"2\", meaning = \"Dark\" }\n\
               output = \"both\"\nindex = 1\nthreshold = 0.25\n[map]";
    let model = OnnxFile::default()
        .input("image", FLOAT, &[1, 8, 12, 1])
        .constant("one", FLOAT, &1f32.to_le_bytes())
        .mean_of_each("image", "probability")
        .operator("Sub", &["one", "probability"], "dark")
        .concat(&["probability", "dark"], "both")
        .output("probability", FLOAT, &[1])
        .output("both", FLOAT, &[2]);
    let runner = load(&MANIFEST.replace("[map]", two), &model).unwrap();
    let scores: Vec<_> = runner.run(&seen(8, 12, |_, _| 51)).unwrap().findings.iter().map(|f| f.score).collect();
    assert!((scores[0] - 0.2).abs() < 1e-6 && (scores[1] - 0.8).abs() < 1e-6, "{scores:?}");
}

#[test]
fn what_is_no_score_is_an_error_and_not_a_finding() {
    for (factor, shown) in [(f32::NAN, "NaN"), (f32::INFINITY, "inf"), (-1.0, "-0.2"), (100.0, "20")] {
        let model = OnnxFile::default()
            .input("image", FLOAT, &[ANY, 8, 12, 1])
            .constant("factor", FLOAT, &factor.to_le_bytes())
            .mean_of_each("image", "mean")
            .operator("Mul", &["mean", "factor"], "probability")
            .output("probability", FLOAT, &[ANY]);
        let result = load(MANIFEST, &model).unwrap().run(&seen(8, 12, |_, _| 51));
        let Err(error) = &result else { panic!("{factor} became {result:?}") };
        assert!(error.is_permanent());
        assert_says(result, &["bright 1.0.0 answered", shown, "finding bright", "a score is from 0 to 1"]);
    }
}

#[test]
fn a_model_that_does_not_end_is_stopped() {
    let body = OnnxFile::default()
        .input("round", 7, &[])
        .input("go_on", BOOL, &[])
        .input("before", FLOAT, &[ANY])
        .operator("Identity", &["go_on"], "go_on_further")
        .operator("Sin", &["before"], "after")
        .output("go_on_further", BOOL, &[])
        .output("after", FLOAT, &[ANY]);
    let model = OnnxFile::default()
        .input("image", FLOAT, &[ANY, 8, 12, 1])
        .constant("always", BOOL, &[1])
        .mean_of_each("image", "mean")
        .repeat("always", "mean", "probability", &body)
        .output("probability", FLOAT, &[ANY]);
    let runner = load(&MANIFEST.replace("seconds_max = 60", "seconds_max = 1"), &model).unwrap();
    for _ in 0..2 {
        let error = runner.run(&seen(8, 12, |_, _| 51)).unwrap_err();
        assert!(matches!(error, InferenceError::Timeout { seconds: 1, .. }), "{error:?}");
        assert!(!error.is_permanent());
        assert_eq!(
            error.to_string(),
            "model of bright 1.0.0 was stopped after 1 s, the longest that its manifest allows"
        );
    }
}

#[test]
fn a_model_that_is_none_is_refused() {
    for bytes in [&b"not a model at all"[..], b"", &mean_model(8, 12).to_bytes()[..40]] {
        let folder = folder(MANIFEST, bytes);
        let result = Runner::load(&library(), &Release::open(folder.path()).unwrap(), 1);
        assert!(result.as_ref().is_err_and(InferenceError::is_permanent));
        assert_says(result, &["model of bright 1.0.0 cannot be used"]);
    }
}

#[test]
fn a_model_does_not_read_files_that_nobody_checked() {
    let model = |file: &str| {
        OnnxFile::default()
            .input("image", FLOAT, &[ANY, 8, 12, 1])
            .constant_elsewhere("factor", FLOAT, file)
            .mean_of_each("image", "mean")
            .operator("Mul", &["mean", "factor"], "probability")
            .output("probability", FLOAT, &[ANY])
    };
    // Tests run in the crate's own folder, where this file lies.
    assert!(fs::exists("Cargo.toml").unwrap());
    for file in ["Cargo.toml", "../inference/Cargo.toml", "/etc/hostname"] {
        assert_says(load(MANIFEST, &model(file)), &["model of bright 1.0.0 cannot be used"]);
    }
}

#[test]
fn a_model_that_changed_since_it_was_deployed_does_not_run() {
    let folder = folder(MANIFEST, &mean_model(8, 12).to_bytes());
    let release = Release::open(folder.path()).unwrap();
    fs::write(folder.path().join("model.onnx"), mean_model(12, 8).to_bytes()).unwrap();
    assert_says(Runner::load(&library(), &release, 1), &["is not the file that app.toml pins"]);
    fs::remove_file(folder.path().join("model.onnx")).unwrap();
    assert_says(Runner::load(&library(), &release, 1), &["incomplete: model.onnx is missing"]);
}

#[test]
fn a_manifest_that_does_not_fit_its_model_is_told_where() {
    let check = |from: &str, to: &str, expected: &[&str]| {
        let result = load(&MANIFEST.replace(from, to), &mean_model(8, 12));
        assert!(matches!(result, Err(InferenceError::ModelInvalid { .. })), "{from} → {to}");
        assert_says(result, expected);
    };
    check("name = \"image\"", "name = \"film\"", &["it has no input film, only image"]);
    check("\"probability\"", "\"probabilty\"", &["finding bright", "no output probabilty, only probability"]);
    check("index = 0", "index = 1", &["finding bright: index 1 is beyond output probability, which has 1 values"]);
    check("[8, 12]", "[9, 12]", &["its input image is Tensor<f32>", "Tensor<f32>(1, 9, 12, 1), NHWC"]);
    check("channels = 1", "channels = 3", &["(1, 8, 12, 3)"]);
    check("NHWC", "NCHW", &["(1, 1, 8, 12), NCHW"]);
}

#[test]
fn a_model_of_another_kind_is_refused() {
    let double = OnnxFile::default()
        .input("image", DOUBLE, &[ANY, 8, 12, 1])
        .mean_of_each("image", "probability")
        .output("probability", DOUBLE, &[ANY]);
    assert_says(load(MANIFEST, &double), &["its input image is Tensor<f64>", "Tensor<f32>(1, 8, 12, 1)"]);

    let two_inputs = OnnxFile::default()
        .input("image", FLOAT, &[ANY, 8, 12, 1])
        .input("age", FLOAT, &[ANY])
        .mean_of_each("image", "mean")
        .operator("Mul", &["mean", "age"], "probability")
        .output("probability", FLOAT, &[ANY]);
    assert_says(load(MANIFEST, &two_inputs), &["it wants the inputs image, age, and no [[tensor]] is age"]);

    let batches = OnnxFile::default()
        .input("image", FLOAT, &[4, 8, 12, 1])
        .mean_of_each("image", "probability")
        .output("probability", FLOAT, &[4]);
    assert_says(load(MANIFEST, &batches), &["(4, 8, 12, 1)", "(1, 8, 12, 1)"]);
}

//! Reports and captures: what they say, that they conform, that they never change.

use dicom_core::{DataElement, PrimitiveValue, VR};
use dicom_dictionary_std::{tags, uids};
use lightbox_dicom::{
    GreyImage, Header, IMPLEMENTATION_VERSION_NAME, ResultContext, ResultError, check_result, derived_uid,
    write_capture, write_report, write_report_basic,
};
use lightbox_domain::{Code, DeploymentMode, Finding, Manifest, Map, MapState, Override, Run, RunState, Uid};
use lightbox_testkit::{Film, dump, venv_tool};
use std::path::Path;
use std::process::Command;

const MANIFEST: &str = r#"
schema = 2
[app]
id = "cxr-phantom"
name = "Chest phantom reader"
vendor = "Phantom Works"
release = "1.2.0"
summary = "Reads phantoms."
task = "classify"
intended_use = "Frontal chest radiographs of phantoms."
licence = "Apache-2.0"
[input.image]
of = "instance"
modality = ["DX"]
[model]
runner = "onnx"
file = "model.onnx"
sha256 = "0000000000000000000000000000000000000000000000000000000000000000"
seconds_max = 60
[[tensor]]
name = "image"
values = "display"
steps = [{ do = "resize", size = [180, 180], filter = "linear" }]
channels = 3
layout = "NHWC"
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

fn manifest() -> Manifest {
    Manifest::parse(MANIFEST).unwrap()
}

fn run() -> Run {
    let finding = Finding {
        id: "pneumonia".to_owned(),
        code: Code { scheme: "SCT".to_owned(), value: "233604007".to_owned(), meaning: "Pneumonia".to_owned() },
        score: 0.931_640_625,
        threshold: 0.5,
    };
    Run {
        id: "01J00000000000000000000000".to_owned(),
        deployment_id: "01J0000000000000000000000D".to_owned(),
        study_instance_uid: Uid::parse("2.25.1").unwrap(),
        series_instance_uid: Uid::parse("2.25.2").unwrap(),
        sop_instance_uid: Uid::parse("2.25.3").unwrap(),
        state: RunState::Publishing,
        reason: String::new(),
        attempts: 1,
        overridden: None,
        received_ms: 1_709_633_700_000,
        queued_ms: 1_709_633_700_010,
        started_ms: Some(1_709_633_700_020),
        inferred_ms: Some(1_709_633_700_123),
        finished_ms: None,
        model_us: Some(24_000),
        findings: vec![finding],
        mode: DeploymentMode::Live,
        map_state: MapState::None,
        map_ms: None,
        superseded_by: None,
    }
}

fn map() -> Map {
    let values = (0..81).map(|at| if at % 9 > 5 && at / 9 > 4 { 0.9 } else { 0.0 }).collect();
    Map {
        rows: 9, columns: 9, values, drop_max: 0.41, method: "occlusion, 36 × 36 of 180 × 180, stride 18".to_owned()
    }
}

fn image(rows: u32, columns: u32) -> GreyImage {
    let phantom = lightbox_testkit::phantoms::chest(rows, columns);
    let pixels = (0..rows).flat_map(|row| (0..columns).map(move |column| (row, column)));
    GreyImage { rows, columns, pixels: pixels.map(|(row, column)| phantom(row, column) as u8).collect() }
}

/// Writes all three results of the run on the film.
fn results(film: &Film, run: &Run) -> [Vec<u8>; 3] {
    let source = Header::from_bytes(&film.bytes()).unwrap();
    let manifest = manifest();
    let digest = "ab".repeat(32);
    let context =
        ResultContext { source: &source, manifest: &manifest, run, digest: &digest, clearance: None, language: "en" };
    [
        write_report(&context).unwrap(),
        write_report_basic(&context).unwrap(),
        write_capture(&context, &image(300, 240), &map()).unwrap(),
    ]
}

/// The dump without what changes with each release of Lightbox.
fn stable_dump(part10: &[u8]) -> String {
    dump(part10).replace(IMPLEMENTATION_VERSION_NAME, "LIGHTBOX_VERSION")
}

#[test]
fn a_report_says_what_was_found_by_whom_on_what() {
    let [report, basic, _] = results(&Film::new(), &run());
    insta::assert_snapshot!("report", stable_dump(&report));
    let only_in = |text: &str| -> Vec<String> {
        let other = dump(&report);
        text.lines()
            .filter(|line| !other.contains(*line))
            .map(|line| line.split(' ').nth(1).unwrap().to_owned())
            .collect()
    };
    assert_eq!(only_in(&dump(&basic)), ["SOPClassUID", "SOPInstanceUID", "SeriesInstanceUID", "SeriesNumber"]);
}

#[test]
fn a_capture_says_what_it_shows() {
    let [_, _, capture] = results(&Film::new(), &run());
    insta::assert_snapshot!("capture", stable_dump(&capture));
}

#[test]
fn an_override_is_printed_on_every_result() {
    let overridden = Override { reason: "trial in adults".to_owned(), by: "admin".to_owned(), at_ms: 0 };
    for result in results(&Film::new(), &Run { overridden: Some(overridden), ..run() }) {
        assert!(dump(&result).contains("trial in adults"));
    }
}

#[test]
fn the_same_run_gives_the_same_bytes() {
    assert_eq!(results(&Film::new(), &run()), results(&Film::new(), &run()));
    let other = Run { id: "01J00000000000000000000001".to_owned(), ..run() };
    let uids = |run: &Run| {
        results(&Film::new(), run).map(|result| Header::from_bytes(&result).unwrap().text("SOPInstanceUID"))
    };
    assert!(uids(&run()).iter().all(|uid| !uids(&other).contains(uid)));
    assert_eq!(uids(&run())[0], derived_uid(&run().id, "report").to_string());
}

#[test]
fn no_validator_finds_an_error() {
    let folder = tempfile::tempdir().unwrap();
    let overridden = Override { reason: "übt \\ lange ".repeat(20), by: "admin".to_owned(), at_ms: 0 };
    let films = [
        Film::new(),
        Film::new().set(tags::PATIENT_NAME, VR::PN, "Müller^Jürgen=王^小東").without(tags::PATIENT_BIRTH_DATE),
        Film::new()
            .frames(3)
            .set(tags::SOP_CLASS_UID, VR::UI, uids::MULTI_FRAME_GRAYSCALE_BYTE_SECONDARY_CAPTURE_IMAGE_STORAGE)
            .set(tags::TIMEZONE_OFFSET_FROM_UTC, VR::SH, "+0100"),
        Film::new().set(tags::LOSSY_IMAGE_COMPRESSION, VR::CS, "01").set(
            tags::LOSSY_IMAGE_COMPRESSION_RATIO,
            VR::DS,
            "10",
        ),
    ];
    for (film, run) in films.iter().zip([run(), Run { overridden: Some(overridden), ..run() }, run(), run()]) {
        for result in results(film, &run) {
            let path = folder.path().join("result.dcm");
            std::fs::write(&path, &result).unwrap();
            let report = Command::new(venv_tool("dciodvfy")).arg(&path).output().unwrap();
            let report = String::from_utf8_lossy(&report.stderr).into_owned();
            assert!(!report.contains("Error"), "{report}");
            assert!(report.contains("SR") || report.contains("SCImage"), "{report}");
        }
    }
}

#[test]
fn another_implementation_reads_them() {
    let folder = tempfile::tempdir().unwrap();
    let script = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/it/pydicom_results.py");
    let film = Film::new().set(tags::PATIENT_NAME, VR::PN, "Müller^Jürgen=王^小東");
    let mut command = Command::new(venv_tool("python"));
    command.arg(script);
    for (name, result) in ["report.dcm", "basic.dcm", "capture.dcm"].iter().zip(results(&film, &run())) {
        let path = folder.path().join(name);
        std::fs::write(&path, result).unwrap();
        command.arg(path);
    }
    let output = command.output().unwrap();
    let said = String::from_utf8_lossy(&output.stdout).into_owned();
    assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
    let report = "Müller^Jürgen=王^小東: Pneumonia, Score 0.931640625, Threshold Value 0.5, Present\n";
    assert_eq!(said, format!("{report}{report}Müller^Jürgen=王^小東: RGB (1060, 720, 3)\n"));
}

#[test]
fn results_pass_the_gate() {
    let film = Film::new().set(tags::PATIENT_NAME, VR::PN, "Müller^Jürgen");
    let source = Header::from_bytes(&film.bytes()).unwrap();
    for result in results(&film, &run()) {
        check_result(&result, &source).unwrap();
    }
}

#[track_caller]
fn check_refused(change: impl Fn(&mut dicom_object::DefaultDicomObject), expected: &[&str]) {
    let source = Header::from_bytes(&Film::new().bytes()).unwrap();
    let [report, _, _] = results(&Film::new(), &run());
    let mut object = dicom_object::from_reader(report.as_slice()).unwrap();
    change(&mut object);
    let mut changed = Vec::new();
    object.write_all(&mut changed).unwrap();
    assert_eq!(check_result(&changed, &source).unwrap_err().0, expected);
}

#[test]
fn the_gate_says_what_is_wrong() {
    check_refused(
        |object| {
            object.put(DataElement::new(tags::PATIENT_ID, VR::LO, PrimitiveValue::from("P2")));
        },
        &["PatientID differs from the source's"],
    );
    check_refused(
        |object| {
            object.remove_element(tags::COMPLETION_FLAG);
            object.remove_element(tags::STUDY_DATE);
        },
        &[
            "StudyDate is absent, which Comprehensive 3D SR demands",
            "CompletionFlag has no value, which Comprehensive 3D SR demands",
        ],
    );
    check_refused(
        |object| {
            object.remove_element(tags::CODING_SCHEME_IDENTIFICATION_SEQUENCE);
        },
        &[
            "a code in ContentSequence › ConceptNameCodeSequence is of the private scheme 99LIGHTBOX, which is not declared",
            "a code in ContentSequence › ConceptNameCodeSequence is of the private scheme 99LIGHTBOX, which is not declared",
        ],
    );
    check_refused(
        |object| {
            let mut evidence = object.element(tags::CURRENT_REQUESTED_PROCEDURE_EVIDENCE_SEQUENCE).unwrap().clone();
            evidence.update_value(|value| {
                let items = value.items_mut().unwrap();
                items[0].put(DataElement::new(tags::STUDY_INSTANCE_UID, VR::UI, PrimitiveValue::from("2.25.77")));
            });
            object.put(evidence);
        },
        &["the evidence names another study than the source's"],
    );
    check_refused(
        |object| {
            let mut root = object.element(tags::CONCEPT_NAME_CODE_SEQUENCE).unwrap().clone();
            root.update_value(|value| {
                value.items_mut().unwrap()[0].remove_element(tags::CODE_MEANING);
            });
            object.put(root);
        },
        &["a code in ConceptNameCodeSequence has no meaning"],
    );
}

#[test]
fn the_gate_refuses_what_is_no_result() {
    let source = Header::from_bytes(&Film::new().bytes()).unwrap();
    assert_eq!(
        check_result(b"nothing", &source).unwrap_err().to_string(),
        "the result does not conform: not a DICOM file: send DICOM Part 10 files"
    );
    let of_other_study = Film::new().uids("2.25.11", "2.25.12", "2.25.3");
    let reasons = check_result(&of_other_study.bytes(), &source).unwrap_err().0;
    assert!(reasons.iter().any(|reason| reason.contains("is none that Lightbox writes")), "{reasons:?}");
    assert!(reasons.contains(&"StudyInstanceUID differs from the source's".to_owned()), "{reasons:?}");
}

#[test]
fn a_run_that_has_said_nothing_gives_no_result() {
    let source = Header::from_bytes(&Film::new().bytes()).unwrap();
    let (manifest, digest) = (manifest(), "ab".repeat(32));
    let refusal = |run: &Run| {
        let context = ResultContext {
            source: &source,
            manifest: &manifest,
            run,
            digest: &digest,
            clearance: None,
            language: "en",
        };
        match write_report(&context) {
            Err(ResultError::Incomplete(what)) => what,
            other => panic!("{other:?}"),
        }
    };
    assert_eq!(refusal(&Run { findings: Vec::new(), ..run() }), "the run has no findings");
    assert_eq!(refusal(&Run { inferred_ms: None, ..run() }), "the run has not inferred yet");
    let other = Uid::parse("2.25.99").unwrap();
    assert_eq!(refusal(&Run { sop_instance_uid: other, ..run() }), "the source is not the run's input");
}

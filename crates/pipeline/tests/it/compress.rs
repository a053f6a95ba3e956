//! Series that are kept compressed: what arrived can be given back, and nothing else notices.

use crate::harness::TestPipeline;
use lightbox_dicom::{DatasetHasher, Hashed, display_image, stored_frame, transcode};
use lightbox_domain::{LifecycleAction, LifecycleRule, Limits};
use lightbox_pipeline::{ReceivedOutcome, compress, describe, lifecycle};
use lightbox_store::{SmallerFile, StoredInstance};
use lightbox_testkit::{Film, venv_tool};
use std::path::{Path, PathBuf};
use std::process::Command;

const EXPLICIT: &str = "1.2.840.10008.1.2.1";
const IMPLICIT: &str = "1.2.840.10008.1.2";
const JPEG_LS: &str = "1.2.840.10008.1.2.4.80";

/// A film with smooth pixels and a sequence.
fn film(number: usize, syntax: &str) -> Film {
    Film::new()
        .uids("1.2.1", "1.2.1.1", &format!("1.2.1.1.{number}"))
        .size(64, 80)
        .bits(12)
        .pixels(|row, column| (row * 3 + column) as i32)
        .syntax(syntax)
}

fn data_set_digest(part10: &[u8]) -> String {
    let mut hasher = DatasetHasher::new();
    hasher.update(part10);
    let Hashed { data_set_digest, .. } = hasher.finish();
    data_set_digest
}

/// The digest of an instance's data set as it leaves in this syntax.
fn leaves_as(path: &Path, syntax: &str) -> String {
    let mut bytes = Vec::new();
    transcode(path, syntax, &Limits::default()).expect("a way").write_file(&mut bytes).expect("written");
    data_set_digest(&bytes)
}

async fn instance(test: &TestPipeline, uid: &str) -> StoredInstance {
    test.store().instance(uid).await.expect("read").expect("stored")
}

fn path(test: &TestPipeline, instance: &StoredInstance) -> PathBuf {
    test.store().blobs().path(&instance.blob)
}

/// What an app or a viewer is shown, if there is anything to see.
fn seen(path: &Path) -> Option<Vec<u8>> {
    display_image(path, 0, None, &Limits::default()).ok().map(|image| image.into_grey().pixels)
}

/// Compresses until nothing of the series is left to try.
async fn compress_all(test: &TestPipeline, study: &str, series: &str) {
    compress::compress(&test.pipeline, study, series).await.expect("compressed");
    assert_eq!(test.store().uncompressed(study, series, 1).await.expect("read"), []);
}

async fn verify(test: &TestPipeline) {
    for (key, _, digest) in test.store().files_after("", 100).await.expect("read") {
        assert_eq!(test.store().blobs().check(&key, &digest), Ok(()));
    }
}

#[tokio::test]
async fn what_arrived_is_given_back_byte_for_byte() {
    let test = TestPipeline::open().await;
    let arrived = [film(1, EXPLICIT).bytes(), film(2, IMPLICIT).bytes(), film(3, EXPLICIT).frames(3).bytes()];
    for bytes in &arrived {
        test.receive(bytes.clone()).await.expect("received");
    }
    test.work().await;
    let before = [instance(&test, "1.2.1.1.1").await, instance(&test, "1.2.1.1.2").await];
    compress_all(&test, "1.2.1", "1.2.1.1").await;
    for (number, bytes) in arrived.iter().enumerate() {
        let after = instance(&test, &format!("1.2.1.1.{}", number + 1)).await;
        assert_eq!(after.transfer_syntax_uid.as_str(), JPEG_LS);
        assert!(after.size_bytes < bytes.len() as i64 * 9 / 10, "{}", after.size_bytes);
        let received = if number == 1 { IMPLICIT } else { EXPLICIT };
        assert_eq!(leaves_as(&path(&test, &after), received), data_set_digest(bytes));
        assert_eq!(test.receive(bytes.clone()).await.expect("again").outcome, ReceivedOutcome::Duplicate);
    }
    verify(&test).await;
    assert_eq!(before.map(|one| path(&test, &one).exists()), [true; 2], "somebody may be reading them");
    let volume = test.store().volume().await.expect("read");
    let all: usize = arrived.iter().map(Vec::len).sum();
    assert_eq!(volume.bytes + volume.saved_bytes, all as i64);
    let log = test.store().events_of_study("1.2.1", 100).await.expect("read");
    let told = log.iter().find(|line| line.action == "instances.compressed").expect("a line");
    let detail: serde_json::Value = serde_json::from_str(&told.detail).expect("JSON");
    assert_eq!((&detail["instances"], &detail["bytes_before"]), (&3.into(), &all.into()));
}

/// The images that come with pydicom.
fn pydicom_file(name: &str) -> Vec<u8> {
    let print = "import pydicom, pathlib; print(pathlib.Path(pydicom.__file__).parent / 'data' / 'test_files')";
    let output = Command::new(venv_tool("python")).args(["-c", print]).output().expect("python runs");
    let folder = String::from_utf8(output.stdout).expect("a path");
    std::fs::read(Path::new(folder.trim()).join(name)).unwrap_or_else(|error| panic!("{name}: {error}"))
}

/// Real images as scanners sent them: each becomes smaller, or stays as it is.
#[tokio::test]
async fn real_images_are_given_back_whether_they_became_smaller_or_not() {
    const IMAGES: [(&str, bool); 8] = [
        ("CT_small.dcm", true),
        ("MR_small_implicit.dcm", true),
        ("MR_small_padded.dcm", false),
        ("SC_rgb_small_odd.dcm", false),
        ("SC_ybr_full_422_uncompressed.dcm", false),
        ("examples_rgb_color.dcm", true),
        ("rtdose.dcm", true),
        ("liver_1frame.dcm", false),
    ];
    let mut became = Vec::new();
    for (name, _) in IMAGES {
        let (test, bytes) = (TestPipeline::open().await, pydicom_file(name));
        let received = test.receive(bytes.clone()).await.expect("received");
        let (study, series) = (received.study_instance_uid.as_str(), received.series_instance_uid.as_str());
        let before = instance(&test, received.sop_instance_uid.as_str()).await;
        compress_all(&test, study, series).await;
        let after = instance(&test, received.sop_instance_uid.as_str()).await;
        let syntax = before.transfer_syntax_uid.as_str();
        assert_eq!(leaves_as(&path(&test, &after), syntax), data_set_digest(&bytes), "{name}");
        assert_eq!(seen(&path(&test, &after)), seen(&path(&test, &before)), "{name}");
        verify(&test).await;
        became.push((name, after.blob != before.blob));
    }
    assert_eq!(became, IMAGES);
}

/// A crash before the commit leaves the new file as an orphan, one after it the old file; a start sweeps either, but not
/// the old one while somebody may be reading it.
#[tokio::test]
async fn whenever_it_is_killed_one_of_the_two_files_counts() {
    let test = TestPipeline::open().await;
    test.receive(film(1, EXPLICIT).bytes()).await.expect("received");
    test.work().await;
    let before = instance(&test, "1.2.1.1.1").await;
    let file = SmallerFile {
        file: test.keep_file(&std::fs::read(path(&test, &before)).expect("read")),
        file_digest: before.file_digest.clone(),
        transfer_syntax_uid: before.transfer_syntax_uid.clone(),
    };
    let new_path = test.store().blobs().path(&file.file.key);
    let mut write = test.store().write().await.expect("a transaction");
    assert!(write.compress(&before, &file).await.expect("changed"));
    drop(write);
    assert_eq!(instance(&test, "1.2.1.1.1").await, before, "not committed");
    test.store().sweep_orphans().await.expect("swept");
    assert!(!new_path.exists() && path(&test, &before).exists());

    compress_all(&test, "1.2.1", "1.2.1.1").await;
    let after = instance(&test, "1.2.1.1.1").await;
    test.store().sweep_orphans().await.expect("swept");
    assert!(path(&test, &after).exists() && path(&test, &before).exists());
    verify(&test).await;
}

#[tokio::test]
async fn a_series_waits_while_work_is_due_on_its_study() {
    let test = TestPipeline::open().await;
    test.receive(film(1, EXPLICIT).bytes()).await.expect("received");
    test.order_routing("1.2.1", "1.2.1.1").await;
    let before = instance(&test, "1.2.1.1.1").await;
    compress::compress(&test.pipeline, "1.2.1", "1.2.1.1").await.expect("nothing is done");
    assert_eq!(instance(&test, "1.2.1.1.1").await, before);
    test.work().await;
    compress_all(&test, "1.2.1", "1.2.1.1").await;
    assert_ne!(instance(&test, "1.2.1.1.1").await.blob, before.blob);
}

/// Its metadata are gathered anew, and it can still be deleted, replaced and compared.
#[tokio::test]
async fn a_rule_orders_it_and_what_is_kept_of_the_series_follows() {
    let test = TestPipeline::open().await;
    test.receive(film(1, EXPLICIT).bytes()).await.expect("received");
    test.work().await;
    describe::describe(test.store(), "1.2.1", "1.2.1.1").await.expect("described");
    let rule = LifecycleRule {
        name: "all".to_owned(),
        modality: Vec::new(),
        body_part: Vec::new(),
        source: Vec::new(),
        older_than_days: 0,
        action: LifecycleAction::Compress,
    };
    let apply = async || lifecycle::apply(test.store(), std::slice::from_ref(&rule), &Limits::default(), false).await;
    let steps = apply().await.expect("applied");
    assert_eq!((steps.len(), steps[0].action), (1, LifecycleAction::Compress));
    let waiting = test.store().jobs_waiting().await.expect("counted");
    assert!(waiting.contains(&("compress", 1)), "{waiting:?}");
    compress_all(&test, "1.2.1", "1.2.1.1").await;
    assert_eq!(apply().await.expect("applied"), [], "done once");
    let metadata = test.store().metadata_of_study("1.2.1").await.expect("read");
    assert!(!metadata[0].is_kept(), "they spoke of the other file");
    let after = instance(&test, "1.2.1.1.1").await;
    assert_eq!(
        stored_frame(&path(&test, &after), 0, &Limits::default()).expect("a frame").transfer_syntax_uid,
        JPEG_LS
    );
    let other =
        test.receive(film(1, EXPLICIT).set_keyword("BodyPartExamined", "HAND").bytes()).await.expect("received");
    assert_eq!(other.outcome, ReceivedOutcome::Conflict);
    let implicit = test.receive(film(1, IMPLICIT).bytes()).await.expect("received");
    assert_eq!(implicit.outcome, ReceivedOutcome::Duplicate, "the same in another encoding");
}

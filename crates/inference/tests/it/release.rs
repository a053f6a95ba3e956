//! A release's folder, whole and broken.

use crate::onnx_file::mean_model;
use crate::setting::{MANIFEST, app_folder, assert_says, copy_of_app, folder, read, sha256};
use lightbox_inference::{Release, ReleaseError};
use std::fs;
use std::path::Path;

#[test]
fn the_app_is_read_and_known_by_its_digest() {
    let release = Release::open(&app_folder()).unwrap();
    assert_eq!(release.name(), "cxr-pneumonia 0.1.0");
    assert_eq!(release.manifest.findings[0].id, "pneumonia");
    let line = |name: &str| format!("{}  {name}\n", sha256(&fs::read(app_folder().join(name)).unwrap()));
    let lines = ["MODEL_CARD.md", "app.toml", "model.onnx"].map(line).concat();
    assert_eq!(release.digest, sha256(lines.as_bytes()));
}

#[test]
fn the_digest_depends_on_every_file_and_not_on_the_place() {
    let digest = Release::open(&app_folder()).unwrap().digest;
    let copy = copy_of_app();
    assert_eq!(Release::open(copy.path()).unwrap().digest, digest);
    append(&copy.path().join("MODEL_CARD.md"), "\nOne more line.\n");
    assert_ne!(Release::open(copy.path()).unwrap().digest, digest);

    let copy = copy_of_app();
    append(&copy.path().join("app.toml"), "\n# One more line.\n");
    assert_ne!(Release::open(copy.path()).unwrap().digest, digest);
    fs::write(copy.path().join("notes.txt"), "not part of the release").unwrap();
    fs::write(copy.path().join("app.toml"), read(&app_folder().join("app.toml"))).unwrap();
    assert_eq!(Release::open(copy.path()).unwrap().digest, digest);
}

#[test]
fn a_missing_folder_or_file_is_named() {
    let whole = folder(MANIFEST, b"a model");
    let nowhere = whole.path().join("nowhere");
    assert_says(Release::open(&nowhere), &["nowhere", "there is no such folder"]);
    for file in ["app.toml", "model.onnx", "MODEL_CARD.md"] {
        let copy = copy_of_app();
        fs::remove_file(copy.path().join(file)).unwrap();
        assert_says(Release::open(copy.path()), &[&format!("incomplete: {file} is missing")]);
    }
}

#[test]
fn a_folder_in_place_of_a_file_is_a_missing_file() {
    let folder = folder(MANIFEST, b"a model");
    fs::remove_file(folder.path().join("model.onnx")).unwrap();
    fs::create_dir(folder.path().join("model.onnx")).unwrap();
    assert_says(Release::open(folder.path()), &["model.onnx is missing"]);
}

#[test]
fn a_model_card_outside_the_folder_is_not_read() {
    let outside = tempfile::NamedTempFile::new().unwrap();
    for card in [outside.path().to_str().unwrap(), "../secret", "..", "."] {
        let manifest = MANIFEST.replace("release = \"1.0.0\"", &format!("release = \"1.0.0\"\nmodel_card = '{card}'"));
        assert_says(Release::open(folder(&manifest, b"a model").path()), &[&format!("{card} is missing")]);
    }
}

#[test]
fn an_unknown_key_is_named() {
    let manifest = MANIFEST.replace("seconds_max = 60", "seconds_max = 60\nsecond_max = 5");
    let result = Release::open(folder(&manifest, b"a model").path());
    assert!(matches!(result, Err(ReleaseError::Manifest { .. })));
    assert_says(result, &["app.toml: line 20: unknown field `second_max`"]);
}

#[test]
fn a_manifest_of_absurd_size_is_not_read_to_its_end() {
    let folder = folder(MANIFEST, b"a model");
    append(&folder.path().join("app.toml"), &"# more\n".repeat(100_000));
    assert_says(Release::open(folder.path()), &["app.toml", "at most 262144 bytes"]);
}

#[test]
fn another_model_than_the_pinned_one_is_refused() {
    let folder = folder(MANIFEST, &mean_model(8, 12).to_bytes());
    fs::write(folder.path().join("model.onnx"), b"another").unwrap();
    let found = sha256(b"another");
    assert_says(Release::open(folder.path()), &["model.onnx is not the file that app.toml pins", &found]);
}

fn append(path: &Path, text: &str) {
    fs::write(path, read(path) + text).unwrap();
}

//! What `docs/package.md` says that a person can do without Lightbox is done as it stands there.

use crate::setting::{package, run};
use lightbox_catalogue::{PrivateKey, sign};
use std::path::Path;
use std::process::Command;

const PAGE: &str = include_str!("../../../../docs/package.md");

fn commands() -> &'static str {
    let (_, section) = PAGE.split_once("## Checking by hand").unwrap();
    let (_, block) = section.split_once("```sh\n").unwrap();
    block.split_once("```").unwrap().0
}

fn check(layout: &Path, key: &Path) -> Command {
    let mut bash = Command::new("bash");
    bash.args(["-euo", "pipefail", "-c", commands()]).env("PACKAGE", layout).env("KEY", key);
    bash
}

#[test]
fn a_package_is_checked_by_hand_as_documented() {
    let (_app, mut package) = package("", "");
    let (key, other) = (PrivateKey::generate(), PrivateKey::generate());
    package.add_signature(sign(&package, &key));
    let place = tempfile::tempdir().unwrap();
    let layout = place.path().join("layout");
    package.save(&layout).unwrap();
    let (trusted, stranger) = (place.path().join("key.pub"), place.path().join("other.pub"));
    key.public().save(&trusted).unwrap();
    other.public().save(&stranger).unwrap();
    let said = String::from_utf8(run(&mut check(&layout, &trusted))).unwrap();
    assert!(said.contains("Signature Verified Successfully"), "{said}");
    assert!(said.contains(&package.digest().to_string()) && said.contains("golden/1/image.dcm"), "{said}");
    assert!(!check(&layout, &stranger).output().unwrap().status.success(), "another key");
    let model = package.files().iter().find(|file| file.path.as_str() == "model.onnx").unwrap();
    std::fs::write(layout.join("blobs/sha256").join(model.digest.hex()), "A MODEL").unwrap();
    assert!(!check(&layout, &trusted).output().unwrap().status.success(), "an altered file");
}

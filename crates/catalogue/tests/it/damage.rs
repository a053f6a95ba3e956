//! Bytes that are not what they were: each is noticed, and the file that it is in is named.

use crate::setting::{app, assert_says, content, package, text_of, write};
use lightbox_catalogue::{Digest, Package, PackageError, PrivateKey, pack, sign, verify_unpacked};
use proptest::prelude::*;
use std::collections::BTreeMap;
use std::fs;
use std::path::Path;
use std::sync::LazyLock;
use tempfile::TempDir;

/// A signed package in a layout.
fn signed_layout() -> (TempDir, Package) {
    let (_app, mut package) = package("", "");
    package.add_signature(sign(&package, &PrivateKey::generate()));
    let place = tempfile::tempdir().unwrap();
    package.save(&place.path().join("layout")).unwrap();
    let package = Package::open(&place.path().join("layout")).unwrap();
    (place, package)
}

fn open_and_check(path: &Path) -> Result<Package, PackageError> {
    let package = Package::open(path)?;
    package.check()?;
    Ok(package)
}

/// What each blob of a package is called in an error.
fn names(package: &Package) -> BTreeMap<String, String> {
    package.files().iter().rev().map(|file| (file.digest.hex(), file.path.to_string())).collect()
}

#[test]
fn every_byte_of_every_file_counts() {
    let (place, package) = signed_layout();
    let layout = place.path().join("layout");
    let names = names(&package);
    let mut flipped = 0;
    for (path, bytes) in content(&layout).into_iter().filter(|(path, _)| path.starts_with("blobs/")) {
        let digest = path.rsplit('/').next().unwrap();
        let name = names.get(digest).map_or("of the package", String::as_str);
        for at in 0..bytes.len() {
            let mut bytes = bytes.clone();
            bytes[at] ^= 1;
            fs::write(layout.join(&path), &bytes).unwrap();
            let text = text_of(open_and_check(&layout));
            let is_named = text.contains(name) || (name == "of the package" && text.contains("signature"));
            assert!(is_named && text.contains("altered"), "byte {at} of {name}: {text}");
            flipped += 1;
        }
        fs::write(layout.join(&path), &bytes).unwrap();
    }
    assert!(flipped > 2000, "{flipped}");
    open_and_check(&layout).unwrap();
}

#[test]
fn every_byte_of_an_index_is_either_noticed_or_changes_nothing() {
    let (place, package) = signed_layout();
    let layout = place.path().join("layout");
    for file in ["index.json", "oci-layout"] {
        let bytes = fs::read(layout.join(file)).unwrap();
        for at in 0..bytes.len() {
            let mut bytes = bytes.clone();
            bytes[at] ^= 1;
            fs::write(layout.join(file), &bytes).unwrap();
            if let Ok(opened) = open_and_check(&layout) {
                assert_eq!(
                    (opened.digest(), opened.files()),
                    (package.digest(), package.files()),
                    "byte {at} of {file}"
                );
            }
        }
        fs::write(layout.join(file), &bytes).unwrap();
    }
}

static TAR: LazyLock<(Vec<u8>, Digest)> = LazyLock::new(|| {
    let (place, package) = signed_layout();
    package.save(&place.path().join("it.tar")).unwrap();
    (fs::read(place.path().join("it.tar")).unwrap(), package.digest())
});

proptest! {
    #![proptest_config(ProptestConfig { cases: 400, failure_persistence: None, ..ProptestConfig::default() })]

    #[test]
    fn a_flipped_bit_of_a_tar_is_noticed_or_changes_nothing(at in 0..TAR.0.len(), bit in 0..8) {
        let mut bytes = TAR.0.clone();
        bytes[at] ^= 1_u8 << bit;
        let file = tempfile::NamedTempFile::new().unwrap();
        fs::write(file.path(), bytes).unwrap();
        if let Ok(opened) = open_and_check(file.path()) {
            prop_assert_eq!(opened.digest(), TAR.1);
        }
    }

    #[test]
    fn a_tar_that_is_cut_off_is_refused(end in 0..TAR.0.len() - 1536) {
        // Behind that there is nothing but zeros, which nobody needs.
        let file = tempfile::NamedTempFile::new().unwrap();
        fs::write(file.path(), &TAR.0[..end]).unwrap();
        prop_assert!(open_and_check(file.path()).is_err());
    }
}

#[test]
fn a_layer_in_the_place_of_another_is_refused() {
    let (place, package) = signed_layout();
    let layout = place.path().join("layout");
    let path = |name: &str| {
        let file = package.files().iter().find(|file| file.path.as_str() == name).unwrap();
        layout.join("blobs/sha256").join(file.digest.hex())
    };
    // Of one length, so that only the digest can tell.
    assert_eq!(fs::read(path("model.onnx")).unwrap().len() + 1, fs::read(path("golden/1/image.dcm")).unwrap().len());
    fs::copy(path("LICENSE"), path("model.onnx")).unwrap();
    assert_says(Package::open(&layout), "model.onnx has 9 bytes instead of 7");
    fs::write(path("model.onnx"), "A MODEL").unwrap();
    assert_says(open_and_check(&layout), "model.onnx was altered");
    fs::remove_file(path("model.onnx")).unwrap();
    assert_says(Package::open(&layout), "model.onnx is no package: its content");
}

#[test]
fn a_changed_description_is_refused() {
    let (place, package) = signed_layout();
    let layout = place.path().join("layout");
    let description = layout.join("blobs/sha256").join(Digest::of(package.description().as_bytes()).hex());
    let text = fs::read_to_string(&description).unwrap();
    fs::write(&description, text.replace("0.5", "0.1")).unwrap();
    assert_says(Package::open(&layout), "app.toml was altered");
}

#[test]
fn an_unpacked_release_that_was_touched_is_refused() {
    let app = app();
    let package = pack(app.path()).unwrap().package;
    let check = |touch: &dyn Fn(&Path), expected: &str| {
        let place = tempfile::tempdir().unwrap();
        let release = place.path().join("release");
        package.unpack(&release).unwrap();
        verify_unpacked(&release, &package.digest()).unwrap();
        touch(&release);
        assert_says(verify_unpacked(&release, &package.digest()), expected);
    };
    check(&|release| write(&release.join("model.onnx"), b"A MODEL"), "model.onnx was altered");
    check(&|release| write(&release.join("model.onnx"), b"a model "), "model.onnx has 8 bytes instead of 7");
    check(&|release| fs::remove_file(release.join("golden/1/image.dcm")).unwrap(), "there is nothing at");
    check(
        &|release| write(&release.join("golden/weights.bin"), b""),
        "\"golden/weights.bin\" is not part of the release",
    );
    check(&|release| write(&release.join(".hidden"), b""), "\".hidden\" is not part of the release");
    check(&|release| write(&release.join("oci-manifest.json"), b"{}"), "oci-manifest.json was altered");
    let link = |release: &Path| {
        fs::rename(release.join("model.onnx"), release.with_extension("onnx")).unwrap();
        std::os::unix::fs::symlink(release.with_extension("onnx"), release.join("model.onnx")).unwrap();
    };
    check(&link, "model.onnx");
    let place = tempfile::tempdir().unwrap();
    package.unpack(&place.path().join("release")).unwrap();
    assert_says(
        verify_unpacked(&place.path().join("release"), &Digest::of(b"another")),
        "oci-manifest.json was altered",
    );
}

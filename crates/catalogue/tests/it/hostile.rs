//! Packages that somebody made to do harm.

use crate::setting::{assert_says, package, text_of};
use lightbox_catalogue::{Digest, Package, PackageError, limit};
use serde_json::{Value, json};
use std::fs::{self, File};
use std::io::{Seek as _, SeekFrom, Write as _};
use std::path::{Path, PathBuf};
use tar::{Builder, EntryType, Header};
use tempfile::TempDir;

fn layout() -> (TempDir, PathBuf) {
    let (_app, package) = package("", "");
    let place = tempfile::tempdir().unwrap();
    let layout = place.path().join("layout");
    package.save(&layout).unwrap();
    (place, layout)
}

fn blob(layout: &Path, digest: &str) -> PathBuf {
    layout.join("blobs/sha256").join(digest.strip_prefix("sha256:").unwrap())
}

fn read(path: &Path) -> Value {
    serde_json::from_slice(&fs::read(path).unwrap()).unwrap()
}

/// Changes a layout's manifest and makes the index fit, as a vendor with bad intent would.
fn forge(change: impl FnOnce(&mut Value)) -> (TempDir, PathBuf) {
    let (place, layout) = layout();
    let mut index = read(&layout.join("index.json"));
    let entry = &mut index["manifests"][0];
    let mut manifest = read(&blob(&layout, entry["digest"].as_str().unwrap()));
    change(&mut manifest);
    let bytes = serde_json::to_vec(&manifest).unwrap();
    let digest = Digest::of(&bytes).to_string();
    fs::write(blob(&layout, &digest), &bytes).unwrap();
    entry["digest"] = json!(digest);
    entry["size"] = json!(bytes.len());
    fs::write(layout.join("index.json"), serde_json::to_vec(&index).unwrap()).unwrap();
    (place, layout)
}

fn title(layer: &mut Value) -> &mut Value {
    &mut layer["annotations"]["org.opencontainers.image.title"]
}

#[test]
fn a_file_never_leaves_the_folder() {
    for path in
        ["../evil", "/etc/evil", "a/../../evil", "golden/./x", ".ssh/evil", "a\\..\\evil", "oci-manifest.json", ""]
    {
        let (place, layout) = forge(|manifest| *title(&mut manifest["layers"][1]) = json!(path));
        let text = text_of(Package::open(&layout).and_then(|package| package.unpack(&place.path().join("release"))));
        assert!(text.contains("cannot be a file of a package"), "{path}: {text}");
        assert_eq!(fs::read_dir(place.path()).unwrap().count(), 1);
    }
}

#[test]
fn two_files_are_never_unpacked_into_one() {
    let check = |path: &str, expected: &str| {
        let (_place, layout) = forge(|manifest| *title(&mut manifest["layers"][1]) = json!(path));
        assert_says(Package::open(&layout), expected);
    };
    check("App.toml", "but for case");
    check("golden", "it is a file and a folder");
}

#[test]
fn sizes_that_exceed_a_limit_are_refused_unread() {
    let sized = |bytes: u64| {
        let (_place, layout) = forge(|manifest| manifest["layers"][1]["size"] = json!(bytes));
        text_of(Package::open(&layout))
    };
    assert!(sized(limit::FILE_BYTES_MAX + 1).contains("at most 8589934592 are allowed"));
    assert!(sized(100).contains("instead of 100"));
    let (_place, many) = forge(|manifest| {
        let layer = manifest["layers"][0].clone();
        let layers = manifest["layers"].as_array_mut().unwrap();
        layers.extend((0..limit::FILES_MAX).map(|number| {
            let mut layer = layer.clone();
            *title(&mut layer) = json!(format!("f{number}"));
            layer
        }));
    });
    assert_says(Package::open(&many), "files, and at most 4096 are allowed");
    let (_place, layout) = layout();
    File::create(layout.join("index.json")).unwrap().set_len(limit::MANIFEST_BYTES_MAX + 1).unwrap();
    assert_says(Package::open(&layout), "index.json: 4194305 bytes, and at most 4194304");
}

#[test]
fn a_description_other_than_the_file_is_refused() {
    let (_place, layout) = forge(|manifest| {
        let card = manifest["layers"][0].clone();
        manifest["config"]["digest"] = card["digest"].clone();
        manifest["config"]["size"] = card["size"].clone();
    });
    assert_says(Package::open(&layout), "its configuration is not the file app.toml");
    let version = "org.opencontainers.image.version";
    let (_place, layout) = forge(|manifest| manifest["annotations"][version] = json!("9.9.9"));
    assert_says(Package::open(&layout), "org.opencontainers.image.version is not what app.toml says");
}

#[test]
fn other_artifacts_are_named() {
    let (_place, image) = forge(|manifest| {
        manifest.as_object_mut().unwrap().remove("artifactType");
        manifest["config"]["mediaType"] = json!("application/vnd.oci.image.config.v1+json");
    });
    assert_says(
        Package::open(&image),
        "is a container image (application/vnd.oci.image.config.v1+json), not the package of an app",
    );
    let place = tempfile::tempdir().unwrap();
    assert_says(Package::open(place.path()), "oci-layout is no package: it is missing");
    fs::write(place.path().join("file"), "PK").unwrap();
    assert_says(Package::open(&place.path().join("file")), "it is neither a folder nor an uncompressed tar");
    assert_says(Package::open(&place.path().join("nothing")), "there is nothing at");
}

#[test]
fn a_link_in_a_layout_is_not_followed() {
    let (_place, layout) = layout();
    let index = layout.join("index.json");
    fs::rename(&index, layout.join("other.json")).unwrap();
    std::os::unix::fs::symlink(layout.join("other.json"), index).unwrap();
    assert_says(Package::open(&layout), "index.json is no package: it is no file");
}

/// A tar with one entry, whatever its name and kind.
fn tar_with(name: &str, kind: EntryType, size: u64) -> tempfile::NamedTempFile {
    let mut header = Header::new_ustar();
    header.as_old_mut().name[..name.len()].copy_from_slice(name.as_bytes());
    header.set_entry_type(kind);
    header.set_size(size);
    header.set_mode(0o644);
    header.set_cksum();
    let mut file = tempfile::NamedTempFile::new().unwrap();
    file.write_all(header.as_bytes()).unwrap();
    file
}

#[test]
fn entries_of_a_tar_that_lead_elsewhere_are_refused() {
    for name in ["../evil", "/etc/evil", "blobs/../../evil", "blobs//x"] {
        let tar = tar_with(name, EntryType::Regular, 0);
        assert!(matches!(Package::open(tar.path()), Err(PackageError::PathRefused { .. })), "{name}");
    }
    for kind in [EntryType::Symlink, EntryType::Link, EntryType::Fifo, EntryType::GNUSparse, EntryType::GNULongName] {
        let tar = tar_with("index.json", kind, 0);
        assert_says(Package::open(tar.path()), "neither a file nor a folder");
    }
}

#[test]
fn ten_gigabytes_of_zeros_are_refused_unread() {
    const TEN_GB: u64 = 10_000_000_000;
    let zeros = tempfile::NamedTempFile::new().unwrap();
    zeros.as_file().set_len(TEN_GB).unwrap();
    assert_says(Package::open(zeros.path()), "it is neither a folder nor an uncompressed tar");
    // As an index, as an extended header, and as a file of a package.
    let index = tar_with("oci-layout", EntryType::Regular, TEN_GB);
    index.as_file().set_len(TEN_GB + 512).unwrap();
    assert_says(Package::open(index.path()), "oci-layout: 10000000000 bytes, and at most 4194304");
    let header = tar_with("x", EntryType::XHeader, TEN_GB);
    header.as_file().set_len(TEN_GB + 512).unwrap();
    assert_says(Package::open(header.path()), "oci-layout is no package: it is missing");
    let (_place, layout) = forge(|manifest| manifest["layers"][1]["size"] = json!(TEN_GB));
    assert_says(Package::open(&layout), "10000000000 bytes, and at most 8589934592");
    let claim = tar_with("oci-layout", EntryType::Regular, TEN_GB);
    assert_says(Package::open(claim.path()), "oci-layout has 0 bytes instead of 10000000000");
}

#[test]
fn a_name_that_is_there_twice_is_refused() {
    let mut tar = Builder::new(tempfile::NamedTempFile::new().unwrap());
    for content in ["{}", r#"{"imageLayoutVersion":"1.0.0"}"#] {
        let mut header = Header::new_ustar();
        header.set_size(content.len() as u64);
        header.set_entry_type(EntryType::Regular);
        tar.append_data(&mut header, "oci-layout", content.as_bytes()).unwrap();
    }
    assert_says(Package::open(tar.into_inner().unwrap().path()), "oci-layout is there twice");
}

#[test]
fn a_tar_of_nothing_but_entries_is_refused_after_a_while() {
    let mut file = tempfile::NamedTempFile::new().unwrap();
    let header = fs::read(tar_with("blobs/", EntryType::Directory, 0).path()).unwrap();
    for _ in 0..20_000 {
        file.write_all(&header).unwrap();
    }
    assert_says(Package::open(file.path()), "entries, and at most");
    // A size that leads back, or beyond what can be counted.
    let mut endless = tar_with("blobs/", EntryType::Directory, u64::MAX - 511);
    endless.seek(SeekFrom::End(0)).unwrap();
    endless.write_all(&header).unwrap();
    assert!(Package::open(endless.path()).is_err());
}

use crate::setting::{APP, app, assert_says, content, folder, package, run, text_of, write};
use lightbox_catalogue::{Digest, Package, PackageError, limit, pack, verify_unpacked};
use std::fs::{self, File};
use std::os::unix::fs::{PermissionsExt as _, symlink};
use std::process::Command;

#[test]
fn the_same_files_have_the_same_digest_everywhere() {
    let (first, second) = (app(), app());
    let model = second.path().join("model.onnx");
    fs::set_permissions(&model, fs::Permissions::from_mode(0o700)).unwrap();
    File::open(&model).unwrap().set_modified(std::time::UNIX_EPOCH).unwrap();
    write(&second.path().join(".git/config"), b"hidden");
    let (first, second) = (pack(first.path()).unwrap(), pack(second.path()).unwrap());
    assert_eq!(first.package.digest(), second.package.digest());
    assert!(first.skipped.is_empty());
    assert_eq!(second.skipped, [".git"]);
}

#[test]
fn the_manifest_is_pinned() {
    // A change here is another format: every digest of every release there is would be another one.
    let (_app, package) = package("", "");
    let place = tempfile::tempdir().unwrap();
    package.unpack(&place.path().join("release")).unwrap();
    let manifest = fs::read_to_string(place.path().join("release/oci-manifest.json")).unwrap();
    let first = manifest.split("},{").next().unwrap();
    assert!(
        first.starts_with(concat!(
            r#"{"schemaVersion":2,"mediaType":"application/vnd.oci.image.manifest.v1+json","#,
            r#""artifactType":"application/vnd.lightbox.app.v2","#,
            r#""config":{"mediaType":"application/vnd.lightbox.app.config.v2+toml","digest":"sha256:"#,
        )),
        "{first}"
    );
    assert!(manifest.ends_with(concat!(
        r#""annotations":{"org.opencontainers.image.description":"Says how bright an image is.","#,
        r#""org.opencontainers.image.licenses":"Apache-2.0","org.opencontainers.image.title":"Brightness","#,
        r#""org.opencontainers.image.vendor":"Lightbox contributors","org.opencontainers.image.version":"1.0.0"}}"#,
    )));
    assert_eq!(Digest::of(manifest.as_bytes()), package.digest());
}

#[test]
fn a_folder_and_a_tar_hold_the_same_release() {
    let (app, package) = package("", "");
    let place = tempfile::tempdir().unwrap();
    let (folder, tar) = (place.path().join("layout"), place.path().join("bright.tar"));
    package.save(&folder).unwrap();
    package.save(&tar).unwrap();
    for path in [&folder, &tar] {
        let opened = Package::open(path).unwrap();
        opened.check().unwrap();
        assert_eq!(opened.digest(), package.digest());
        assert_eq!((opened.info(), opened.files()), (package.info(), package.files()));
        assert_eq!(opened.description(), APP);
        assert_eq!(opened.read("MODEL_CARD.md", 100).unwrap(), b"# Brightness\n");
        assert_says(opened.read("MODEL_CARD.md", 5), "at most 5");
        assert_says(opened.read("nothing", 5), "has no such file");
    }
    assert_eq!(package.files().len(), 9, "with the list of components");
    assert_eq!(package.bytes(), package.files().iter().map(|file| file.bytes).sum::<u64>());
    // The tar is what tar makes of the folder, and the same whoever writes it.
    run(Command::new("tar").arg("-xf").arg(&tar).current_dir(place.path()).args(["--one-top-level=extracted"]));
    assert_eq!(content(&place.path().join("extracted")), content(&folder));
    let again = place.path().join("again.tar");
    pack(app.path()).unwrap().package.save(&again).unwrap();
    assert_eq!(fs::read(&again).unwrap(), fs::read(&tar).unwrap());
}

#[test]
fn a_tar_of_a_layout_by_gnu_tar_is_opened() {
    let (_app, package) = package("", "");
    let place = tempfile::tempdir().unwrap();
    package.save(&place.path().join("layout")).unwrap();
    for format in ["gnu", "pax", "ustar"] {
        let tar = place.path().join(format!("{format}.tar"));
        run(Command::new("tar")
            .arg("-C")
            .arg(place.path().join("layout"))
            .arg(format!("--format={format}"))
            .arg("-cf")
            .arg(&tar)
            .arg("."));
        let opened = Package::open(&tar).unwrap();
        opened.check().unwrap();
        assert_eq!(opened.digest(), package.digest(), "{format}");
    }
}

#[test]
fn what_is_unpacked_is_what_was_packed_and_can_be_packed_again() {
    let (app, package) = package("", "");
    let place = tempfile::tempdir().unwrap();
    let release = place.path().join("release");
    package.unpack(&release).unwrap();
    verify_unpacked(&release, &package.digest()).unwrap();
    let unpacked = content(&release);
    for (path, bytes) in content(app.path()) {
        assert!(unpacked.contains(&(path.clone(), bytes)), "{path}");
    }
    let again = pack(&release).unwrap();
    assert_eq!(again.package.digest(), package.digest());
    assert_eq!((again.skipped.as_slice(), again.sbom_written), (["oci-manifest.json".to_owned()].as_slice(), false));
}

#[test]
fn nothing_is_written_over_and_nothing_half_written_stays() {
    let (app, package) = package("", "");
    let place = tempfile::tempdir().unwrap();
    for name in ["layout", "it.tar", "release"] {
        let path = place.path().join(name);
        fs::write(&path, "mine").unwrap();
        let written = if name == "release" { package.unpack(&path) } else { package.save(&path) };
        assert!(matches!(written, Err(PackageError::Exists(_))), "{name}");
        assert_eq!(fs::read(&path).unwrap(), b"mine");
        fs::remove_file(path).unwrap();
    }
    write(&app.path().join("model.onnx"), b"another");
    for name in ["layout", "it.tar"] {
        assert_says(package.save(&place.path().join(name)), "model.onnx was altered");
    }
    assert_says(package.unpack(&place.path().join("release")), "model.onnx was altered");
    assert_eq!(fs::read_dir(place.path()).unwrap().count(), 0);
}

#[test]
fn a_list_of_components_is_written_only_where_there_is_none() {
    let folder = app();
    let packed = pack(folder.path()).unwrap();
    assert!(packed.sbom_written);
    assert!(!folder.path().join("sbom.cdx.json").exists(), "the vendor's folder is left alone");
    let sbom = packed.package.read("sbom.cdx.json", 1 << 20).unwrap();
    let sbom: serde_json::Value = serde_json::from_slice(&sbom).unwrap();
    assert_eq!(sbom["specVersion"], "1.6");
    assert_eq!(sbom["metadata"]["component"]["name"], "bright");
    assert_eq!(sbom["components"][0]["name"], "model.onnx");
    assert_eq!(sbom["components"][0]["hashes"][0]["content"], Digest::of(b"a model").hex());
    assert_eq!(sbom["components"].as_array().unwrap().len(), 1);
    write(&folder.path().join("vendor.cdx.json"), b"{}");
    let packed = pack(folder.path()).unwrap();
    assert!(!packed.sbom_written && packed.package.read("sbom.cdx.json", 1).is_err());
}

#[test]
fn folders_that_are_no_apps_are_refused_with_the_reason() {
    assert_says(pack(folder(&[]).path()), "has no files");
    assert_says(pack(folder(&[(".hidden", b"")]).path()), "has no files");
    assert_says(pack(folder(&[("a", b"")]).path()), "app.toml: the file is missing");
    assert_says(pack(folder(&[("app.toml", b"x")]).path()), "app.toml: ");
    assert_says(pack(folder(&[("app.toml", b"\xff")]).path()), "app.toml: it is not UTF-8");
    assert_says(pack(folder(&[("app.toml", b"")]).path().join("app.toml").as_path()), "there is nothing at");
    for name in ["a b", "ü", "-rf", "a\nb", "oci-manifest.JSON"] {
        let folder = folder(&[("app.toml", APP.as_bytes()), (name, b"")]);
        assert!(text_of(pack(folder.path())).contains("cannot be a file of a package"), "{name}");
    }
    assert_says(pack(folder(&[("app.toml", APP.as_bytes()), ("A", b""), ("a", b"")]).path()), "but for case");
}

#[test]
fn links_are_refused_even_to_files_of_the_folder() {
    for target in ["model.onnx", "golden", "/etc/passwd", "nowhere"] {
        let app = app();
        symlink(target, app.path().join("link")).unwrap();
        assert_says(pack(app.path()), "\"link\" cannot be a file of a package: it is neither a file nor a folder");
    }
}

#[test]
fn a_package_too_large_is_refused_before_it_is_read() {
    let sparse = |name: &str, bytes: u64| {
        let folder = app();
        for number in 0..3 {
            File::create(folder.path().join(format!("{name}{number}"))).unwrap().set_len(bytes).unwrap();
        }
        text_of(pack(folder.path()))
    };
    assert!(sparse("one", limit::FILE_BYTES_MAX + 1).starts_with("one0: 8589934593 bytes, and at most 8589934592"));
    assert!(sparse("all", limit::FILE_BYTES_MAX).starts_with("all files together: "));
    let large = folder(&[("app.toml", format!("{APP}#{}", "x".repeat(300_000)).as_bytes())]);
    assert_says(pack(large.path()), "app.toml: 300");
    let many = app();
    (0..limit::FILES_MAX).for_each(|number| fs::write(many.path().join(format!("f{number}")), "").unwrap());
    assert_says(pack(many.path()), "at most 4096 are allowed");
}

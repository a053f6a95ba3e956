//! What a packager does: from a model file to a release that passes its golden cases, as `docs/app.md` says it.

use crate::server::{BINARY, testkit_app};
use std::fs;
use std::path::Path;
use std::process::{Command, Output};
use tempfile::TempDir;

const GUIDE: &str = include_str!("../../../../docs/app.md");
const SCHEMA: &str = include_str!("../../../../docs/app.schema.json");

/// What a packager changes in the manifest that `lightbox app new` began: the lines marked TODO.
const EDITS: &str = r#"
    s/^id = "probability-0".*/id = "pneumonia"/
    s/code = .*99LOCAL.*/code = { scheme = "SCT", value = "233604007", meaning = "Pneumonia" }/
    s/filter = "linear"/filter = "antialiased", rounded = true/
    /do = "scale"/d
    s/age_years = .*/age_years = { from = 1, below = 6 }/
    s/ *# TODO.*//
    s/TODO/Done:/
"#;

/// The blocks of a language in a section of the guide.
fn blocks(section: &str, language: &str) -> Vec<String> {
    let begin = GUIDE.find(section).unwrap_or_else(|| panic!("no section {section}"));
    let text = &GUIDE[begin + section.len()..];
    let text = &text[..text.find("\n## ").unwrap_or(text.len())];
    let parts = text.split("```").skip(1).step_by(2);
    parts.filter_map(|block| block.strip_prefix(&format!("{language}\n"))).map(str::to_owned).collect()
}

/// A folder with the model and a film, in which `lightbox` is the program under test and `$EDITOR` makes the edits.
fn workplace() -> TempDir {
    let folder = tempfile::tempdir().unwrap();
    let at = |name: &str| folder.path().join(name);
    fs::copy(testkit_app().join("model.onnx"), at("model.onnx")).unwrap();
    fs::copy(lightbox_testkit::samples().join("film-09-pneumonia.dcm"), at("film.dcm")).unwrap();
    fs::write(at("edits.sed"), EDITS).unwrap();
    fs::create_dir(at("bin")).unwrap();
    std::os::unix::fs::symlink(BINARY, at("bin/lightbox")).unwrap();
    folder
}

fn shell(folder: &Path, script: &str) -> Output {
    let path = std::env::var("PATH").unwrap();
    let mut command = Command::new("sh");
    command.arg("-ec").arg(script).current_dir(folder);
    command.env("PATH", format!("{}:{path}", folder.join("bin").display()));
    command.env("EDITOR", format!("sed -i -f {}", folder.join("edits.sed").display()));
    command.output().unwrap()
}

#[track_caller]
fn succeeds(folder: &Path, script: &str) -> String {
    let output = shell(folder, script);
    let (told, error) = (String::from_utf8_lossy(&output.stdout), String::from_utf8_lossy(&output.stderr));
    assert!(output.status.success(), "{script}\n{told}{error}");
    told.into_owned()
}

/// The guide's own commands, one after the other.
#[test]
fn the_guide_leads_from_a_model_to_a_passing_test() {
    let section = "## From an ONNX file to a passing test";
    let ([steps], [case]) = (&blocks(section, "sh")[..], &blocks(section, "toml")[..]) else { panic!("one of each") };
    let folder = workplace();
    let (before, test) = steps.trim_end().rsplit_once('\n').unwrap();
    succeeds(folder.path(), before);
    fs::write(folder.path().join("my-app/golden/film.toml"), case).unwrap();
    let told = succeeds(folder.path(), test);
    assert!(told.contains("my-app 0.1.0 passes its 1 golden case(s)"), "{told}");
    let report = fs::read_to_string(folder.path().join("test-report.html")).unwrap();
    assert!(report.contains("passes its 1 golden case(s)") && report.contains("data:image/png;base64,"), "{report}");
}

/// The guide's second part, in the folder that the first made.
#[test]
fn the_guide_leads_from_a_folder_to_a_release_that_others_trust() {
    let folder = workplace();
    succeeds(folder.path(), "lightbox app new my-app --model model.onnx");
    let output = shell(folder.path(), "lightbox app pack my-app --to unfinished");
    let error = String::from_utf8_lossy(&output.stderr);
    assert!(!output.status.success() && error.contains("is marked TODO; complete it"), "{error}");
    succeeds(folder.path(), "$EDITOR my-app/app.toml");
    let [steps] = &blocks("## From a folder to a release that others trust", "sh")[..] else { panic!("one") };
    let told = succeeds(folder.path(), steps);
    assert!(told.contains("published my-app 0.1.0") && told.contains("signed by vendor"), "{told}");
    for file in ["app.toml", "model.onnx", "MODEL_CARD.md"] {
        let read = |place: &str| fs::read(folder.path().join(place).join(file)).unwrap();
        assert!(read("my-app") == read("fetched"), "{file}");
    }
}

#[test]
fn what_nobody_trusted_has_signed_or_somebody_altered_is_not_fetched() {
    let folder = workplace();
    let made = "lightbox app new my-app --model model.onnx; $EDITOR my-app/app.toml; lightbox app key new vendor.key; lightbox app key new other.key";
    succeeds(folder.path(), made);
    succeeds(
        folder.path(),
        "lightbox app pack my-app --to unsigned; lightbox app publish unsigned --registry registry",
    );
    let refused = |script: &str, words: &str| {
        let output = shell(folder.path(), script);
        let error = String::from_utf8_lossy(&output.stderr).into_owned();
        assert!(!output.status.success() && error.contains(words) && error.lines().count() == 1, "{script}: {error}");
        assert!(!folder.path().join("fetched").exists(), "{script}");
    };
    let fetch = "lightbox app fetch my-app:0.1.0 --registry registry --to fetched --trust vendor.key.pub";
    refused(fetch, "my-app 0.1.0 is not signed");
    succeeds(
        folder.path(),
        "lightbox app sign unsigned --key other.key; lightbox app publish unsigned --registry registry",
    );
    refused(fetch, "key");
    succeeds(
        folder.path(),
        "lightbox app sign unsigned --key vendor.key; lightbox app publish unsigned --registry registry",
    );
    succeeds(folder.path(), &format!("{fetch}; rm -r fetched"));
    refused("lightbox app key new vendor.key", "keys are not written over");

    // One byte of the model in the registry.
    succeeds(
        folder.path(),
        r#"
        model=$(sha256sum my-app/model.onnx | cut -d' ' -f1)
        blob=$(find registry -name "$model")
        printf x | dd of="$blob" bs=1 seek=1000 conv=notrunc 2>/dev/null
    "#,
    );
    refused(fetch, "model.onnx");
}

#[test]
fn what_differs_from_a_golden_case_is_said() {
    let folder = workplace();
    succeeds(folder.path(), "lightbox app new my-app --model model.onnx; $EDITOR my-app/app.toml");
    let golden = folder.path().join("my-app/golden");
    fs::copy(folder.path().join("film.dcm"), golden.join("film.dcm")).unwrap();
    fs::write(golden.join("one.toml"), "file = \"film.dcm\"\nexpect = \"finished\"\nscores = { pneumonia = 0.5 }")
        .unwrap();
    let output = shell(folder.path(), "lightbox --json app test my-app --report report.html");
    assert!(!output.status.success());
    let told: serde_json::Value = serde_json::from_slice(&output.stdout).unwrap();
    assert_eq!(told["ok"], false, "{told}");
    let difference = told["cases"][0]["differences"][0].as_str().unwrap();
    assert!(difference.starts_with("pneumonia scored 0.999135, expected 0.5"), "{difference}");

    fs::write(golden.join("one.toml"), "file = \"none.dcm\"\nexpect = \"finished\"").unwrap();
    let output = shell(folder.path(), "lightbox app check my-app");
    let error = String::from_utf8_lossy(&output.stderr);
    assert!(!output.status.success() && error.contains("one.toml: there is no"), "{error}");
}

#[test]
fn the_reference_app_passes_its_golden_cases() {
    let folder = tempfile::tempdir().unwrap();
    let output = Command::new(BINARY)
        .args(["--json", "app", "test"])
        .arg(testkit_app())
        .current_dir(folder.path())
        .output()
        .unwrap();
    let told: serde_json::Value = serde_json::from_slice(&output.stdout).unwrap();
    assert_eq!((told["ok"].as_bool(), told["cases"].as_array().map(Vec::len)), (Some(true), Some(4)), "{told}");
}

#[test]
fn the_schema_in_the_guide_is_what_the_program_reads() {
    let printed = Command::new(BINARY).args(["app", "schema"]).output().unwrap();
    let printed = String::from_utf8(printed.stdout).unwrap();
    assert!(printed == SCHEMA, "docs/app.schema.json is stale: run `cargo xtask openapi`, and commit it");
}

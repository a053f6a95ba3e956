use crate::setting::{APP, app, package, write};
use lightbox_catalogue::{diff, pack};
use std::fs;

#[test]
fn a_release_is_compared_file_by_file_and_key_by_key() {
    let (_old, from) = package("", "");
    let new = app();
    let description = APP.replace("1.0.0", "1.1.0").replace("0.5", "0.4").replace("licence = \"Apache-2.0\"\n", "");
    let description = description.replace("[[finding]]", "[[finding]]\nid = \"dark\"\nthreshold = 0.9\n[[finding]]");
    write(&new.path().join("app.toml"), description.as_bytes());
    write(&new.path().join("model.onnx"), b"another model");
    write(&new.path().join("README.md"), b"read me");
    fs::remove_file(new.path().join("notes.txt")).unwrap();
    let to = pack(new.path()).unwrap().package;
    let changes = diff(&from, &to).unwrap();
    let text = changes.to_string();
    let (heads, lines): (Vec<_>, Vec<_>) = text.lines().partition(|line| line.contains("sha256:"));
    assert_eq!(heads, [format!("bright 1.0.0 ({})", from.digest()), format!("bright 1.1.0 ({})", to.digest())]);
    let sizes = |name: &str| {
        let file = |package: &lightbox_catalogue::Package| {
            package.files().iter().find(|file| file.path.as_str() == name).unwrap().bytes
        };
        format!("{} -> {} bytes", file(&from), file(&to))
    };
    assert_eq!(
        lines,
        [
            "+ README.md (readme): 7 bytes",
            &format!("~ app.toml (description): {}", sizes("app.toml")),
            "~ model.onnx (model): 7 -> 13 bytes",
            "- notes.txt (other): 0 bytes",
            &format!("~ sbom.cdx.json (sbom): {}", sizes("sbom.cdx.json")),
            "- app.licence = \"Apache-2.0\"",
            "~ app.release: \"1.0.0\" -> \"1.1.0\"",
            "~ finding[bright].threshold: 0.5 -> 0.4",
            "+ finding[dark].id = \"dark\"",
            "+ finding[dark].threshold = 0.9",
        ]
    );
    let json = serde_json::to_value(&changes).unwrap();
    assert_eq!(json["settings"][1]["key"], "app.release");
    assert_eq!(json["files"][2]["to_bytes"], 13);
}

#[test]
fn a_release_does_not_differ_from_itself() {
    let (_app, package) = package("", "");
    let changes = diff(&package, &package).unwrap();
    assert!(changes.is_empty() && changes.files.is_empty() && changes.settings.is_empty());
}

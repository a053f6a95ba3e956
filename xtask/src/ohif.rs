//! OHIF, the viewer that is served at `/ohif`: taken from its npm package, moved below that address, and compressed
//! for the binary, which embeds what it finds in `crates/http/ohif`.
//!
//! The package is built to live at `/` and to be a web app of its own. Rewritten are the addresses that it loads from;
//! left out are its service worker, its sign-in helpers, its source maps, and the models of a tool that needs a GPU.

use std::fs;
use std::path::Path;
use std::process::Command;

use anyhow::{Context, Result, bail, ensure};
use sha2::{Digest, Sha256};
use walkdir::WalkDir;

use crate::step;
use crate::web;
use crate::workspace::Workspace;

const PACKAGE: &str = "@ohif/app";
const VERSION: &str = "3.13.2";
const SHA256: &str = "b189d3963bfc58e9394a9db8c7be75d07beb029ec211dbb126d47b62969dd3f1";

/// Files of the package that are not served, as patterns of `tar --exclude`.
const LEFT_OUT: [&str; 23] = [
    "*.map",
    "*/dist/ort",
    "*/dist/_headers",
    "*/dist/_redirects",
    "*/dist/serve.json",
    "*/dist/sw.js",
    "*/dist/init-service-worker.js",
    "*/dist/google.js",
    "*/dist/oidc-client.min.js",
    "*/dist/silent-refresh.html",
    "*/dist/app-config.js",
    "*/dist/customizations",
    "*/dist/es6-shim.min.js",
    "*/dist/polyfill.min.js",
    "*/dist/manifest.json",
    "*/dist/*/manifest.webapp",
    "*/dist/*/coast-*",
    "*/dist/*/firefox_*",
    "*/dist/*/android-*",
    "*/dist/*/apple-*",
    "*/dist/*/browserconfig.xml",
    "*/dist/*/mstile-*",
    "*/dist/*/yandex-*",
];

/// Puts the viewer where the binary embeds it from, unless it is there already.
pub fn place(workspace: &Workspace) -> Result<()> {
    let made = workspace.cache.join("ohif").join(recipe_digest());
    if !made.is_dir() {
        make(workspace, &made)?;
    }
    let embedded = workspace.root.join("crates/http/ohif");
    if !embedded.is_dir() || web::tree_digest(&embedded, &[])? != web::tree_digest(&made, &[])? {
        web::replace(&made, &embedded)?;
    }
    Ok(())
}

/// What is made depends on this file and on nothing else.
fn recipe_digest() -> String {
    web::hex(Sha256::new().chain_update(include_bytes!("ohif.rs")))
}

/// Fetches the package and makes of it the folder `made`.
fn make(workspace: &Workspace, made: &Path) -> Result<()> {
    let mut fetch = workspace.command(workspace.root.join("setup/npm.sh"));
    let package = step::output(fetch.args([PACKAGE, VERSION, SHA256]))?;
    let folder = tempfile::Builder::new().prefix("lightbox-ohif-").tempdir()?;
    let mut tar = Command::new("tar");
    tar.args(["--extract", "--gzip", "--file", &package, "--directory"]).arg(folder.path());
    tar.args(LEFT_OUT.iter().map(|pattern| format!("--exclude={pattern}")));
    step::output(tar.args(["package/dist", "package/LICENSE"]))?;

    let dist = folder.path().join("package/dist");
    fs::rename(folder.path().join("package/LICENSE"), dist.join("LICENSE.txt"))?;
    rewrite_all(&dist)?;
    step::output(Command::new("gzip").args(["--recursive", "--best", "--no-name"]).arg(&dist))?;
    web::replace(&dist, made)
}

/// Rewrites every text that names an address. Fails if the package is not built as we know it.
fn rewrite_all(dist: &Path) -> Result<()> {
    let mut moved = 0;
    for entry in WalkDir::new(dist) {
        let entry = entry?;
        let name = entry.file_name().to_string_lossy();
        let rewrite: fn(&str) -> Result<String> = match name.rsplit_once('.').map(|(_, extension)| extension) {
            Some("js") => |text| Ok(move_script(text)),
            Some("css") => |text| Ok(move_style(text)),
            Some("html") if entry.depth() == 1 => page,
            _ => continue,
        };
        let text = fs::read_to_string(entry.path()).with_context(|| format!("cannot read {name}"))?;
        let written = rewrite(&text)?;
        moved += usize::from(written != text);
        fs::write(entry.path(), written)?;
    }
    // The page, the main style, the main script, and the scripts of seven workers.
    ensure!(moved >= 10, "OHIF {VERSION} is built in another way: only {moved} of its files name an address");
    Ok(())
}

/// A script of webpack's with its files, and the one library that it loads by name, below `/ohif/`.
fn move_script(text: &str) -> String {
    text.replace(r#"__webpack_require__.p = "/";"#, r#"__webpack_require__.p = "/ohif/";"#)
        .replace("('/dicom-microscopy-viewer/", "('/ohif/dicom-microscopy-viewer/")
}

/// A style with its fonts below `/ohif/`.
fn move_style(text: &str) -> String {
    text.replace("url(/", "url(/ohif/")
}

/// The page: the package's own, without inline scripts (our policy forbids them) and the parts of an installable app.
fn page(original: &str) -> Result<String> {
    let named = |start: &str, end: &str| {
        let from = original.find(start).with_context(|| format!("OHIF's page has no {start}"))?;
        let length = original[from..].find(end).with_context(|| format!("OHIF's page has no {end} after {start}"))?;
        Ok::<_, anyhow::Error>(&original[from + 1..from + length + end.len()])
    };
    let (script, style) = (named("/app.bundle.", ".js")?, named("/app.bundle.css", "css")?);
    if !original.contains(r#"<div id="root"></div>"#) || !original.contains(r#"<div id="react-portal"></div>"#) {
        bail!("OHIF's page has other elements than those we know");
    }
    Ok(format!(
        r##"<!doctype html>
<html lang="en">
<head>
<meta charset="utf-8">
<meta name="viewport" content="width=device-width, initial-scale=1">
<meta name="theme-color" content="#000000">
<title>OHIF Viewer</title>
<link rel="icon" href="/ohif/assets/favicon.ico">
<link rel="stylesheet" href="/ohif/{style}">
<script src="/ohif/app-config.js"></script>
<script defer src="/ohif/{script}"></script>
</head>
<body>
<noscript>OHIF needs JavaScript.</noscript>
<div id="react-portal"></div>
<div id="root"></div>
</body>
</html>
"##
    ))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn addresses_move_below_ohif_and_nothing_else_does() {
        let check = |rewrite: fn(&str) -> String, text: &str, expected: &str| assert_eq!(rewrite(text), expected);
        check(move_script, r#"__webpack_require__.p = "/";"#, r#"__webpack_require__.p = "/ohif/";"#);
        check(move_script, r#"n.p="/";a="/""#, r#"n.p="/";a="/""#);
        check(move_script, "load('/dicom-microscopy-viewer/a.js')", "load('/ohif/dicom-microscopy-viewer/a.js')");
        check(move_style, "a{src:url(/f.woff2)} b{src:url(data:x)}", "a{src:url(/ohif/f.woff2)} b{src:url(data:x)}");
    }

    #[test]
    fn the_page_loads_the_packages_script_and_holds_none_of_its_own() {
        let original = r#"<html><script>a=1</script><script defer src="/app.bundle.0f61.js"></script>
            <link href="/app.bundle.css" rel="stylesheet"><div id="react-portal"></div><div id="root"></div>"#;
        let page = page(original).unwrap();
        assert!(page.contains(r#"<script defer src="/ohif/app.bundle.0f61.js"></script>"#), "{page}");
        assert!(page.contains(r#"href="/ohif/app.bundle.css""#) && !page.contains("a=1"), "{page}");
        assert!(super::page("<html>").is_err());
    }
}

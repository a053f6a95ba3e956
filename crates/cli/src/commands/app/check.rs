//! `lightbox app check`: whether a release's folder is in order.

use crate::output::Output;
use anyhow::{Context, anyhow};
use lightbox_domain::GoldenCase;
use lightbox_inference::Release;
use std::fs;
use std::path::Path;
use std::process::ExitCode;

/// A golden case and the name of its file without ending.
pub type NamedCase = (String, GoldenCase);

/// Says of a release's folder whether it is in order.
pub fn execute(folder: &Path, output: &Output) -> anyhow::Result<ExitCode> {
    let release = Release::open(folder)?;
    let cases = golden_cases(folder)?;
    let app = &release.manifest.app;
    let json = serde_json::json!({
        "ok": true, "app_id": app.id, "release": app.release, "digest": release.digest,
        "findings": release.manifest.findings.iter().map(|rule| &rule.id).collect::<Vec<_>>(),
        "golden_cases": cases.iter().map(|(name, _)| name).collect::<Vec<_>>(),
    });
    output.print(&json, || {
        let cases = match cases.len() {
            0 => "no golden cases".to_owned(),
            1 => "1 golden case".to_owned(),
            many => format!("{many} golden cases"),
        };
        format!("{} is in order\n  digest {}\n  {cases}", release.name(), release.digest)
    });
    Ok(ExitCode::SUCCESS)
}

/// The golden cases of a release's folder, by name; none if it has no folder `golden`.
///
/// # Errors
/// When a case cannot be read, or the file that it names is missing.
pub fn golden_cases(release: &Path) -> anyhow::Result<Vec<NamedCase>> {
    let folder = release.join("golden");
    let mut cases = Vec::new();
    for entry in folder.read_dir().into_iter().flatten() {
        let path = entry?.path();
        let Some(name) = path.file_name().and_then(|name| name.to_str()?.strip_suffix(".toml")) else { continue };
        let text = fs::read_to_string(&path).with_context(|| format!("cannot read {}", path.display()))?;
        let case = GoldenCase::parse(&text).map_err(|error| anyhow!("{}: {error}", path.display()))?;
        let file = folder.join(&case.file);
        anyhow::ensure!(file.is_file(), "{}: there is no {}", path.display(), file.display());
        cases.push((name.to_owned(), case));
    }
    cases.sort_by(|(one, _), (other, _)| one.cmp(other));
    Ok(cases)
}

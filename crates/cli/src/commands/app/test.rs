//! `lightbox app test`: a release's golden cases, by the very steps by which it works in a hospital.

use super::check::{NamedCase, golden_cases};
use super::report;
use crate::output::{Output, columns};
use anyhow::{Context, bail};
use clap::Args;
use lightbox_dicom::{display_image, encode_png, shrink};
use lightbox_domain::{Limits, ResultKind};
use lightbox_inference::{Release, Runners};
use lightbox_pipeline::golden::{Tried, deploy_for_trial, try_case};
use lightbox_pipeline::{Pipeline, leaving};
use lightbox_store::{DataFolder, Store};
use std::fs;
use std::path::{Path, PathBuf};
use std::process::ExitCode;
use std::sync::Arc;

/// The longer side of a picture in the report, in pixels.
const PICTURE_SIDE_MAX: u32 = 512;

/// Try a release on its golden cases.
#[derive(Args)]
pub struct Test {
    /// The release's folder
    release: PathBuf,
    /// Where the report is written, an HTML file of its own; `test-report.html` in the current folder if not said
    #[arg(long, default_value = "test-report.html")]
    report: PathBuf,
    /// ONNX Runtime's library; else it is looked for
    #[arg(long, env = "ORT_DYLIB_PATH")]
    onnxruntime: Option<PathBuf>,
}

/// A case, what became of it, and how it looks.
pub struct CaseReport {
    /// The case's name.
    pub name: String,
    /// What it shows.
    pub about: String,
    /// What became of it; `None` when it could not be tried.
    pub tried: Option<Tried>,
    /// What differs from what is expected.
    pub differences: Vec<String>,
    /// The picture of the input, or of the map over it, as PNG.
    pub picture: Option<Vec<u8>>,
}

impl Test {
    /// Does it. Ends with 1 when a case differs.
    pub async fn execute(self, output: &Output) -> anyhow::Result<ExitCode> {
        let release = Release::open(&self.release)?;
        let cases = golden_cases(&self.release)?;
        if cases.is_empty() {
            bail!("{} has no golden case; describe one in {}", release.name(), self.release.join("golden").display());
        }
        // What is tried leaves no trace: the data folder goes with the test.
        let place = tempfile::tempdir().context("no temporary folder")?;
        let folder = DataFolder::open(place.path())?;
        let runners = Arc::new(Runners::new(self.onnxruntime.clone(), None));
        let pipeline = Pipeline::new(Store::open(&folder).await?, runners, Arc::new(Limits::default()));
        deploy_for_trial(&pipeline, &folder, &self.release).await?;
        let mut reports = Vec::new();
        for case in cases {
            reports.push(try_one(&pipeline, &self.release, case).await);
        }
        fs::write(&self.report, report::html(&release, &reports))
            .with_context(|| format!("cannot write {}", self.report.display()))?;
        print(&release, &reports, &self.report, output);
        let passed = reports.iter().all(|report| report.differences.is_empty());
        Ok(if passed { ExitCode::SUCCESS } else { ExitCode::FAILURE })
    }
}

async fn try_one(pipeline: &Pipeline, release: &Path, (name, case): NamedCase) -> CaseReport {
    let file = release.join("golden").join(&case.file);
    let about = case.about.clone();
    match try_case(pipeline, &file).await {
        Ok(tried) => {
            let differences = case.differences(&tried.outcome);
            let picture = picture(pipeline, &tried, &file).await;
            CaseReport { name, about, tried: Some(tried), differences, picture }
        }
        Err(error) => CaseReport { name, about, tried: None, differences: vec![error.to_string()], picture: None },
    }
}

/// The map if there is one, else the input; `None` when neither can be shown.
async fn picture(pipeline: &Pipeline, tried: &Tried, file: &Path) -> Option<Vec<u8>> {
    let capture = tried.results.iter().find(|result| result.kind == ResultKind::MapCapture);
    let path = match capture {
        Some(capture) => {
            let instance = pipeline.store.instance(capture.sop_instance_uid.as_str()).await.ok()??;
            leaving(&pipeline.store, &instance).await.ok()?.path().to_owned()
        }
        None => file.to_owned(),
    };
    let image = display_image(&path, 0, None, &pipeline.limits).ok()?;
    encode_png(&shrink(&image, PICTURE_SIDE_MAX)).ok()
}

fn print(release: &Release, reports: &[CaseReport], place: &Path, output: &Output) {
    let failed = reports.iter().filter(|report| !report.differences.is_empty()).count();
    let case = |report: &CaseReport| {
        let findings = report.tried.iter().flat_map(|tried| &tried.outcome.findings);
        serde_json::json!({
            "name": report.name, "ok": report.differences.is_empty(), "differences": report.differences,
            "scores": findings.map(|finding| (finding.id.clone(), finding.score.into())).collect::<serde_json::Map<_, _>>(),
        })
    };
    let json = serde_json::json!({
        "ok": failed == 0, "app_id": release.manifest.app.id, "release": release.manifest.app.release,
        "digest": release.digest, "report": place, "cases": reports.iter().map(case).collect::<Vec<_>>(),
    });
    output.print(&json, || {
        let rows: Vec<Vec<String>> = reports.iter().map(row).collect();
        let verdict = match failed {
            0 => format!("{} passes its {} golden case(s)", release.name(), reports.len()),
            _ => format!("{} fails {failed} of its {} golden case(s)", release.name(), reports.len()),
        };
        format!("{}\n\n{verdict}\n  report {}", columns(&["case", "", "what became of it"], &rows), place.display())
    });
}

fn row(report: &CaseReport) -> Vec<String> {
    let verdict = if report.differences.is_empty() { "ok" } else { "differs" };
    let said = match (&report.differences[..], &report.tried) {
        ([], Some(tried)) => said(tried),
        (differences, _) => differences.join("; "),
    };
    vec![report.name.clone(), verdict.to_owned(), said]
}

/// What was said of an input, in one line.
pub fn said(tried: &Tried) -> String {
    let outcome = &tried.outcome;
    let Some(state) = outcome.state else { return format!("not applicable: {}", outcome.reason) };
    if outcome.findings.is_empty() {
        return format!("{}: {}", state.as_str(), outcome.reason);
    }
    let scores = outcome.findings.iter().map(|finding| format!("{} {:.4}", finding.id, finding.score));
    format!("{}, {}", state.as_str(), scores.collect::<Vec<_>>().join(", "))
}

//! `lightbox app`: what a packager does with a release before anyone deploys it.

use crate::output::Output;
use clap::Subcommand;
use lightbox_inference::Release;
use std::path::PathBuf;
use std::process::ExitCode;

/// Releases on disk.
#[derive(Subcommand)]
pub enum App {
    /// Check a release folder: manifest, files, hashes
    Check {
        /// The release's folder
        release: PathBuf,
    },
}

impl App {
    /// Does it.
    pub fn execute(self, output: &Output) -> anyhow::Result<ExitCode> {
        let Self::Check { release } = self;
        let release = Release::open(&release)?;
        let app = &release.manifest.app;
        let json = serde_json::json!({
            "ok": true, "app_id": app.id, "release": app.release, "digest": release.digest,
            "findings": release.manifest.findings.iter().map(|rule| &rule.id).collect::<Vec<_>>(),
        });
        output.print(&json, || format!("{} is in order\n  digest {}", release.name(), release.digest));
        Ok(ExitCode::SUCCESS)
    }
}

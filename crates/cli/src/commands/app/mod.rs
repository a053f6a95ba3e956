//! `lightbox app`: what a packager does with a release before anyone deploys it.

mod check;
mod new;
mod report;
mod test;

use crate::output::Output;
use clap::Subcommand;
use lightbox_domain::Manifest;
use std::path::PathBuf;
use std::process::ExitCode;

/// Releases on disk.
#[derive(Subcommand)]
pub enum App {
    /// Begin a release's folder from an ONNX file: a manifest filled in as far as the model tells, to be completed
    New(new::New),
    /// Check a release folder: manifest, files, hashes, golden cases
    Check {
        /// The release's folder
        release: PathBuf,
    },
    /// Try a release on its golden cases, by the very steps by which it works in a hospital
    Test(test::Test),
    /// Print the JSON Schema of app.toml, by which editors complete and check it
    Schema,
}

/// The JSON Schema of `app.toml`.
///
/// # Errors
/// Never in practice: what a schema is made of can be written as JSON.
pub fn schema() -> anyhow::Result<String> {
    Ok(serde_json::to_string_pretty(&Manifest::json_schema())?)
}

impl App {
    /// Does it.
    pub async fn execute(self, output: &Output) -> anyhow::Result<ExitCode> {
        match self {
            Self::New(new) => new.execute(output),
            Self::Check { release } => check::execute(&release, output),
            Self::Test(test) => test.execute(output).await,
            Self::Schema => {
                output.line(&schema()?);
                Ok(ExitCode::SUCCESS)
            }
        }
    }
}

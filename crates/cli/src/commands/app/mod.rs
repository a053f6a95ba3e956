//! `lightbox app`: what a packager does with a release before anyone deploys it.

mod check;
mod new;
mod package;
mod registry;
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
    /// Make a package of a release's folder: an OCI image layout, known by its digest
    Pack(package::Pack),
    /// Sign a package
    Sign(package::Sign),
    /// Keys to sign with
    #[command(subcommand)]
    Key(package::Key),
    /// Say what one release changed against another
    Diff(package::Diff),
    /// Publish a release in a registry
    Publish(registry::Publish),
    /// Fetch a release that somebody trusted has signed
    Fetch(registry::Fetch),
    /// List the apps of a registry, or the releases of one app
    Releases(registry::Releases),
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
            Self::Pack(pack) => pack.execute(output),
            Self::Sign(sign) => sign.execute(output),
            Self::Key(key) => key.execute(output),
            Self::Diff(diff) => diff.execute(output),
            Self::Publish(publish) => publish.execute(output).await,
            Self::Fetch(fetch) => fetch.execute(output).await,
            Self::Releases(releases) => releases.execute(output).await,
            Self::Schema => {
                output.line(&schema()?);
                Ok(ExitCode::SUCCESS)
            }
        }
    }
}

//! `lightbox deploy`: put a release to work.

use super::{actor, open};
use crate::output::Output;
use crate::settings::DataFlag;
use anyhow::Context;
use clap::Args;
use lightbox_domain::DeploymentMode;
use lightbox_pipeline::DeploymentTerms;
use std::path::PathBuf;
use std::process::ExitCode;

/// Put a release to work.
#[derive(Args)]
pub struct Deploy {
    /// The release's folder, with its app.toml
    release: PathBuf,
    /// `live`: everybody sees its results; `shadow`: only those who evaluate it
    #[arg(long, default_value = "live")]
    mode: String,
    /// Where it is at work, such as EU or US: only a clearance there makes its results more than "not for clinical use"
    #[arg(long)]
    jurisdiction: Option<String>,
    #[command(flatten)]
    data: DataFlag,
}

impl Deploy {
    /// Does it.
    pub async fn execute(self, output: &Output) -> anyhow::Result<ExitCode> {
        let mode = DeploymentMode::parse(&self.mode)
            .with_context(|| format!("there is no mode {}; choose live or shadow", self.mode))?;
        let terms = DeploymentTerms { mode, jurisdiction: self.jurisdiction };
        let (folder, store) = open(&self.data).await?;
        let deployment = lightbox_pipeline::deploy(&store, &folder, &self.release, terms, &actor()).await?;
        let (app, clearance) = (&deployment.manifest.app, deployment.clearance());
        let json = serde_json::json!({
            "id": deployment.id, "app_id": app.id, "release": app.release, "digest": deployment.digest,
            "mode": deployment.mode.as_str(), "enabled": deployment.enabled, "clearance": clearance,
        });
        output.print(&json, || {
            let use_label = clearance.as_deref().unwrap_or("not for clinical use");
            let mode = deployment.mode.as_str();
            format!("deployed {} {} ({mode}, {use_label})\n  digest {}", app.id, app.release, deployment.digest)
        });
        Ok(ExitCode::SUCCESS)
    }
}

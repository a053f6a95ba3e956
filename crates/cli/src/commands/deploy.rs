//! `lightbox deploy`: put a release to work.

use super::{actor, open};
use crate::output::Output;
use crate::settings::DataFlag;
use anyhow::Context;
use clap::Args;
use lightbox_domain::DeploymentMode;
use std::path::PathBuf;
use std::process::ExitCode;

/// Put a release to work.
#[derive(Args)]
pub struct Deploy {
    /// The release's folder, with its manifest.toml
    release: PathBuf,
    /// `live`: everybody sees its results; `shadow`: only those who evaluate it
    #[arg(long, default_value = "live")]
    mode: String,
    #[command(flatten)]
    data: DataFlag,
}

impl Deploy {
    /// Does it.
    pub async fn execute(self, output: &Output) -> anyhow::Result<ExitCode> {
        let mode = DeploymentMode::parse(&self.mode)
            .with_context(|| format!("there is no mode {}; choose live or shadow", self.mode))?;
        let (folder, store) = open(&self.data).await?;
        let deployment = lightbox_pipeline::deploy(&store, &folder, &self.release, mode, &actor()).await?;
        let app = &deployment.manifest.app;
        let json = serde_json::json!({
            "id": deployment.id, "app_id": app.id, "release": app.release, "digest": deployment.digest,
            "mode": deployment.mode.as_str(), "enabled": deployment.enabled, "clearance": app.clearance,
        });
        output.print(&json, || {
            let use_label = app.clearance.as_deref().unwrap_or("not for clinical use");
            let mode = deployment.mode.as_str();
            format!("deployed {} {} ({mode}, {use_label})\n  digest {}", app.id, app.release, deployment.digest)
        });
        Ok(ExitCode::SUCCESS)
    }
}

//! `lightbox run`: what apps did, and what a person orders.

use super::{actor, open, time};
use crate::output::{Output, columns};
use crate::settings::DataFlag;
use clap::Subcommand;
use lightbox_domain::Run as AppRun;
use std::process::ExitCode;

/// Runs of apps.
#[derive(Subcommand)]
pub enum Run {
    /// List the newest runs
    List {
        /// How many at most
        #[arg(long, default_value_t = 50)]
        limit: i64,
        #[command(flatten)]
        data: DataFlag,
    },
    /// Try a failed run again
    Retry {
        /// The run
        run: String,
        #[command(flatten)]
        data: DataFlag,
    },
    /// Run an app on an input that it refused; the reason is logged and printed on every result
    Override {
        /// The rejected run
        run: String,
        /// Why
        #[arg(long)]
        reason: String,
        #[command(flatten)]
        data: DataFlag,
    },
}

impl Run {
    /// Does it.
    pub async fn execute(self, output: &Output) -> anyhow::Result<ExitCode> {
        match self {
            Self::List { limit, data } => {
                let (_, store) = open(&data).await?;
                let runs = store.newest_runs(limit).await?;
                let json: Vec<_> = runs.iter().map(run_json).collect();
                let rows: Vec<_> = runs.iter().map(run_row).collect();
                output.print(&json, || columns(&["run", "state", "findings", "queued", "reason"], &rows));
            }
            Self::Retry { run, data } => {
                let (_, store) = open(&data).await?;
                lightbox_pipeline::retry_run(&store, &run, &actor()).await?;
                output.print(&serde_json::json!({ "queued": run }), || format!("queued run {run} again"));
            }
            Self::Override { run, reason, data } => {
                let (_, store) = open(&data).await?;
                let new = lightbox_pipeline::override_run(&store, &run, &reason, &actor()).await?;
                output.print(&serde_json::json!({ "queued": new }), || format!("queued run {new} in place of {run}"));
            }
        }
        Ok(ExitCode::SUCCESS)
    }
}

fn run_json(run: &AppRun) -> serde_json::Value {
    serde_json::json!({
        "id": run.id, "deployment_id": run.deployment_id, "state": run.state.as_str(), "reason": run.reason,
        "study_instance_uid": run.study_instance_uid.as_str(), "sop_instance_uid": run.sop_instance_uid.as_str(),
        "attempts": run.attempts, "findings": run.findings, "queued_at": time(run.queued_ms),
        "turnaround_ms": run.turnaround_ms(), "model_us": run.model_us, "map_state": run.map_state.as_str(),
    })
}

fn run_row(run: &AppRun) -> Vec<String> {
    let findings = run
        .findings
        .iter()
        .map(|finding| format!("{} {:.3} (threshold {})", finding.code.meaning, finding.score, finding.threshold));
    let findings = findings.collect::<Vec<_>>().join(", ");
    vec![run.id.clone(), run.state.as_str().to_owned(), findings, time(run.queued_ms), run.reason.clone()]
}

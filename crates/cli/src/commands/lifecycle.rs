//! `lightbox lifecycle`: what the site's rules do, now or as a dry run.

use super::open;
use crate::output::{Output, columns};
use crate::settings::{DataFlag, lifecycle, limits};
use anyhow::bail;
use clap::Args;
use lightbox_domain::LifecycleAction;
use lightbox_pipeline::lifecycle::{LifecycleStep, apply};
use std::process::ExitCode;

/// Apply the lifecycle rules of lightbox.toml now, or say what they would do.
#[derive(Args)]
pub struct Lifecycle {
    /// Only list what would be deleted or compressed
    #[arg(long)]
    dry_run: bool,
    #[command(flatten)]
    data: DataFlag,
}

impl Lifecycle {
    /// Does it.
    pub async fn execute(self, output: &Output) -> anyhow::Result<ExitCode> {
        let rules = lifecycle(&self.data)?;
        if rules.is_empty() {
            bail!("{} has no [[lifecycle]] rule", self.data.data.join("lightbox.toml").display());
        }
        let (_, store) = open(&self.data).await?;
        let steps = apply(&store, &rules, &limits(&self.data)?, self.dry_run).await?;
        let bytes: i64 = steps.iter().filter(|step| step.postponed.is_none()).map(bytes_of).sum();
        let json = serde_json::json!({
            "dry_run": self.dry_run, "bytes": bytes, "series": steps.iter().map(step_json).collect::<Vec<_>>(),
        });
        output.print(&json, || {
            let rows: Vec<_> = steps.iter().map(|step| step_row(step, self.dry_run)).collect();
            let table = columns(&["rule", "what", "bytes", "study", "series"], &rows);
            format!("{table}\n{} series, {bytes} bytes", steps.len())
        });
        Ok(ExitCode::SUCCESS)
    }
}

/// What the rule looks at of a series.
fn bytes_of(step: &LifecycleStep) -> i64 {
    match step.action {
        LifecycleAction::Compress => step.series.compressible_bytes,
        LifecycleAction::Delete | LifecycleAction::Keep => step.series.size_bytes,
    }
}

fn step_json(step: &LifecycleStep) -> serde_json::Value {
    serde_json::json!({
        "rule": step.rule,
        "action": step.action.as_str(),
        "study_instance_uid": step.series.study_instance_uid.as_str(),
        "series_instance_uid": step.series.series_instance_uid.as_str(),
        "bytes": bytes_of(step),
        "postponed": step.postponed,
    })
}

fn step_row(step: &LifecycleStep, dry_run: bool) -> Vec<String> {
    let what = match (&step.postponed, step.action, dry_run) {
        (Some(why), ..) => format!("later: {why}"),
        (None, LifecycleAction::Compress, true) => "would be compressed".to_owned(),
        (None, LifecycleAction::Compress, false) => "ordered to be compressed".to_owned(),
        (None, _, true) => "would be deleted".to_owned(),
        (None, _, false) => "deleted".to_owned(),
    };
    vec![
        step.rule.clone(),
        what,
        bytes_of(step).to_string(),
        step.series.study_instance_uid.to_string(),
        step.series.series_instance_uid.to_string(),
    ]
}

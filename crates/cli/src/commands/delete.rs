//! `lightbox delete`, `undelete` and `deletions`.

use super::{actor, open, time};
use crate::output::{Output, columns};
use crate::settings::{DataFlag, limits};
use anyhow::Context;
use clap::Args;
use lightbox_domain::{DeletedPart, Uid};
use lightbox_store::Deletion;
use std::process::ExitCode;

/// Delete a study or a part of it; it can be brought back until it is purged.
#[derive(Args)]
pub struct Delete {
    /// Study Instance UID
    study: String,
    /// Only this series
    #[arg(long, value_name = "UID", conflicts_with = "instance")]
    series: Option<String>,
    /// Only this instance; may be given several times
    #[arg(long, value_name = "UID")]
    instance: Vec<String>,
    /// Why; the log keeps it
    #[arg(long)]
    reason: String,
    #[command(flatten)]
    data: DataFlag,
}

/// Bring back what a deletion hid.
#[derive(Args)]
pub struct Undelete {
    /// The deletion, as `lightbox deletions` lists it
    deletion: String,
    #[command(flatten)]
    data: DataFlag,
}

/// List what was deleted, why and by whom.
#[derive(Args)]
pub struct Deletions {
    /// How many at most
    #[arg(long, default_value_t = 50)]
    limit: i64,
    #[command(flatten)]
    data: DataFlag,
}

impl Delete {
    /// Does it.
    pub async fn execute(self, output: &Output) -> anyhow::Result<ExitCode> {
        let part = self.part()?;
        let (_, store) = open(&self.data).await?;
        let (limits, study) = (limits(&self.data)?, uid(&self.study)?);
        let deletion = lightbox_pipeline::delete(&store, &limits, &study, part, &self.reason, &actor()).await?;
        output.print(&deletion_json(&deletion), || {
            let until = deletion.purge_ms.map(time).unwrap_or_default();
            format!(
                "deleted {} instances; bring them back until {until} with: lightbox undelete {}",
                deletion.instances, deletion.id
            )
        });
        Ok(ExitCode::SUCCESS)
    }

    fn part(&self) -> anyhow::Result<DeletedPart> {
        match &self.series {
            Some(series) => Ok(DeletedPart::Series(uid(series)?)),
            None if self.instance.is_empty() => Ok(DeletedPart::Study),
            None => Ok(DeletedPart::Instances(self.instance.iter().map(|one| uid(one)).collect::<Result<_, _>>()?)),
        }
    }
}

impl Undelete {
    /// Does it.
    pub async fn execute(self, output: &Output) -> anyhow::Result<ExitCode> {
        let (_, store) = open(&self.data).await?;
        let deletion = lightbox_pipeline::undelete(&store, &self.deletion, &actor()).await?;
        output.print(&deletion_json(&deletion), || format!("brought back {} instances", deletion.instances));
        Ok(ExitCode::SUCCESS)
    }
}

impl Deletions {
    /// Does it.
    pub async fn execute(self, output: &Output) -> anyhow::Result<ExitCode> {
        let (_, store) = open(&self.data).await?;
        let deletions = store.deletions(None, self.limit).await?;
        let json: Vec<_> = deletions.iter().map(deletion_json).collect();
        let row = |one: &Deletion| {
            let state = match (one.undone_ms, one.purged_ms) {
                (Some(_), _) => "undone",
                (None, Some(_)) => "purged",
                (None, None) => "deleted",
            };
            let study = one.study_instance_uid.to_string();
            vec![one.id.clone(), state.to_owned(), one.instances.to_string(), study, one.reason.clone()]
        };
        let rows: Vec<_> = deletions.iter().map(row).collect();
        output.print(&json, || columns(&["deletion", "state", "instances", "study", "reason"], &rows));
        Ok(ExitCode::SUCCESS)
    }
}

fn uid(text: &str) -> anyhow::Result<Uid> {
    Uid::parse(text).with_context(|| format!("{text} is no UID"))
}

fn deletion_json(deletion: &Deletion) -> serde_json::Value {
    serde_json::json!({
        "id": deletion.id,
        "study_instance_uid": deletion.study_instance_uid.as_str(),
        "series_instance_uid": deletion.series_instance_uid.as_ref().map(Uid::as_str),
        "cause": deletion.cause.as_str(),
        "reason": deletion.reason,
        "deleted_by": deletion.deleted_by,
        "deleted_at": time(deletion.deleted_ms),
        "purge_at": deletion.purge_ms.map(time),
        "instances": deletion.instances,
        "undone_at": deletion.undone_ms.map(time),
        "purged_at": deletion.purged_ms.map(time),
    })
}

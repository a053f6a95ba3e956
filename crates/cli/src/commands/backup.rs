//! `lightbox backup` and `lightbox restore`: a copy of everything while the server works, and a data folder made of it.

use super::{file_bar, open, time};
use crate::output::Output;
use crate::settings::DataFlag;
use clap::Args;
use indicatif::ProgressBar;
use lightbox_store::{BackupBy, restore};
use std::path::PathBuf;
use std::process::ExitCode;

/// Copy everything into a folder while the server works.
#[derive(Args)]
pub struct Backup {
    /// The backup's folder; what an earlier backup copied there is not copied again
    folder: PathBuf,
    /// Link files instead of copying them where they are on the same disk: guards against mistakes, not against its loss
    #[arg(long)]
    link: bool,
    #[command(flatten)]
    data: DataFlag,
}

/// Make a new data folder of a backup, after checking every digest.
#[derive(Args)]
pub struct Restore {
    /// The backup's folder
    folder: PathBuf,
    /// Leave damaged files out instead of refusing the backup
    #[arg(long)]
    partial: bool,
    #[command(flatten)]
    data: DataFlag,
}

impl Backup {
    /// Does it. Ends with 1 when a stored file could not be copied.
    pub async fn execute(self, output: &Output) -> anyhow::Result<ExitCode> {
        let (_, store) = open(&self.data).await?;
        let by = if self.link { BackupBy::Link } else { BackupBy::Copy };
        let bar = file_bar(0, output.is_json());
        let done = store.back_up(&self.folder, by, &progress_on(&bar)).await?;
        bar.finish_and_clear();
        let manifest = &done.manifest;
        let json = serde_json::json!({
            "ok": manifest.problems.is_empty(), "taken_at": time(manifest.taken_ms), "files": manifest.files,
            "bytes": manifest.bytes, "files_added": done.files_added, "log_lines": manifest.log_seq,
            "manifest_sha256": done.manifest_sha256, "problems": manifest.problems,
        });
        output.print(&json, || {
            let mut lines = manifest.problems.clone();
            lines.push(format!(
                "{} files of {} bytes in the backup, {} of them new, {} could not be copied",
                manifest.files,
                manifest.bytes,
                done.files_added,
                manifest.problems.len()
            ));
            lines.push(format!("manifest.json has the SHA-256 {}", done.manifest_sha256));
            lines.join("\n")
        });
        Ok(if manifest.problems.is_empty() { ExitCode::SUCCESS } else { ExitCode::FAILURE })
    }
}

impl Restore {
    /// Does it. Ends with 1 when files were left out.
    pub async fn execute(self, output: &Output) -> anyhow::Result<ExitCode> {
        let bar = file_bar(0, output.is_json());
        let done = restore(&self.folder, &self.data.data, self.partial, &progress_on(&bar)).await?;
        bar.finish_and_clear();
        let json = serde_json::json!({
            "ok": done.problems.is_empty(), "taken_at": time(done.manifest.taken_ms), "files": done.manifest.files,
            "log_lines": done.manifest.log_seq, "problems": done.problems,
        });
        output.print(&json, || {
            let mut lines = done.problems.clone();
            lines.push(format!(
                "restored what was stored at {}: {} files, {} left out, {} lines of the log; every digest was checked",
                time(done.manifest.taken_ms),
                done.manifest.files,
                done.problems.len(),
                done.manifest.log_seq
            ));
            lines.push(format!("start it with: lightbox serve --data {}", self.data.data.display()));
            lines.join("\n")
        });
        Ok(if done.problems.is_empty() { ExitCode::SUCCESS } else { ExitCode::FAILURE })
    }
}

/// Shows on the bar how many of how many files are done.
fn progress_on(bar: &ProgressBar) -> impl Fn(i64, i64) + Send + Sync {
    |done, total| {
        bar.set_length(total.unsigned_abs());
        bar.set_position(done.unsigned_abs());
    }
}

//! `lightbox import`: DICOM files and folders, through the same way in as everything else.

use super::journal::Journal;
use super::{file_bar, open};
use crate::output::Output;
use crate::settings::{DataFlag, conflict_policy, limits};
use anyhow::bail;
use clap::Args;
use indicatif::ProgressBar;
use lightbox_domain::{ConflictPolicy, Source};
use lightbox_pipeline::{ReceivedOutcome, Receiver};
use std::path::{Path, PathBuf};
use std::process::ExitCode;
use std::sync::Arc;
use tokio::task::JoinSet;
use walkdir::WalkDir;

/// How many files are read at once.
const FILES_AT_ONCE: usize = 4;

/// Read DICOM files into the store.
#[derive(Args)]
pub struct Import {
    /// Files and folders; folders are read with all that is in them
    #[arg(required = true)]
    paths: Vec<PathBuf>,
    /// Note in this file what is done, and leave out what it names: so an import that broke off goes on
    #[arg(long, value_name = "FILE")]
    journal: Option<PathBuf>,
    /// What becomes of files under the UID of something else that is stored: keep_first, replace or refuse
    #[arg(long, value_name = "POLICY", value_parser = conflict_policy, default_value = "keep_first")]
    conflicts: ConflictPolicy,
    #[command(flatten)]
    data: DataFlag,
}

/// What became of the files.
#[derive(Default)]
struct Tally {
    stored: usize,
    duplicates: usize,
    conflicts: usize,
    skipped: usize,
    refused: Vec<(PathBuf, String)>,
}

impl Import {
    /// Does it. Ends with 1 when a file was refused.
    pub async fn execute(self, output: &Output) -> anyhow::Result<ExitCode> {
        let mut journal = self.journal.as_deref().map(Journal::open).transpose()?;
        let mut files = files_of(&self.paths)?;
        let found = files.len();
        files.retain(|path| journal.as_ref().is_none_or(|journal| !journal.names(path)));
        let skipped = found - files.len();
        let (folder, store) = open(&self.data).await?;
        let _arriving = folder.lock_arrivals()?;
        let receiver = Receiver::new(store, Arc::new(limits(&self.data)?)).deciding(self.conflicts);
        let bar = file_bar(files.len() as u64, output.is_json());
        let mut tally = Tally { skipped, ..Tally::default() };
        import_all(&receiver, files, &bar, &mut tally, &mut journal).await?;
        bar.finish_and_clear();
        report(&tally, output);
        Ok(if tally.refused.is_empty() { ExitCode::SUCCESS } else { ExitCode::FAILURE })
    }
}

fn files_of(paths: &[PathBuf]) -> anyhow::Result<Vec<PathBuf>> {
    let mut files = Vec::new();
    for path in paths {
        if !path.exists() {
            bail!("there is no {}", path.display());
        }
        for entry in WalkDir::new(path).sort_by_file_name() {
            let entry = entry?;
            if entry.file_type().is_file() || (entry.path_is_symlink() && entry.path().is_file()) {
                files.push(entry.into_path());
            }
        }
    }
    Ok(files)
}

async fn import_all(
    receiver: &Receiver,
    files: Vec<PathBuf>,
    bar: &ProgressBar,
    tally: &mut Tally,
    journal: &mut Option<Journal>,
) -> anyhow::Result<()> {
    let mut under_way = JoinSet::new();
    for path in files {
        if under_way.len() >= FILES_AT_ONCE {
            count(tally, under_way.join_next().await, bar, journal)?;
        }
        let receiver = receiver.clone();
        under_way.spawn(async move {
            let outcome = import_one(&receiver, &path).await;
            (path, outcome)
        });
    }
    while let Some(done) = under_way.join_next().await {
        count(tally, Some(done), bar, journal)?;
    }
    Ok(())
}

async fn import_one(receiver: &Receiver, path: &Path) -> Result<ReceivedOutcome, String> {
    let received = receiver.receive_file(Source::Import, path).await;
    received.map(|received| received.outcome).map_err(|error| error.to_string())
}

type Imported = (PathBuf, Result<ReceivedOutcome, String>);

fn count(
    tally: &mut Tally,
    done: Option<Result<Imported, tokio::task::JoinError>>,
    bar: &ProgressBar,
    journal: &mut Option<Journal>,
) -> anyhow::Result<()> {
    bar.inc(1);
    // What was refused is tried again the next time.
    if let (Some(journal), Some(Ok((path, Ok(_))))) = (journal, &done) {
        journal.note(path)?;
    }
    match done {
        Some(Ok((_, Ok(ReceivedOutcome::Stored | ReceivedOutcome::Replaced)))) => tally.stored += 1,
        Some(Ok((_, Ok(ReceivedOutcome::Duplicate)))) => tally.duplicates += 1,
        Some(Ok((_, Ok(ReceivedOutcome::Conflict)))) => tally.conflicts += 1,
        Some(Ok((path, Err(why)))) => tally.refused.push((path, why)),
        Some(Err(error)) => tally.refused.push((PathBuf::new(), error.to_string())),
        None => {}
    }
    if !tally.refused.is_empty() {
        bar.set_message(format!(", {} refused", tally.refused.len()));
    }
    Ok(())
}

fn report(tally: &Tally, output: &Output) {
    let refused: Vec<_> = tally
        .refused
        .iter()
        .map(|(path, why)| serde_json::json!({ "file": path.display().to_string(), "reason": why }))
        .collect();
    let json = serde_json::json!({
        "stored": tally.stored, "duplicates": tally.duplicates, "conflicts": tally.conflicts, "skipped": tally.skipped,
        "refused": refused,
    });
    output.print(&json, || {
        let mut lines: Vec<_> =
            tally.refused.iter().map(|(path, why)| format!("refused {}: {why}", path.display())).collect();
        if tally.skipped > 0 {
            lines.push(format!("{} left out, since the journal names them", tally.skipped));
        }
        lines.push(format!(
            "{} stored, {} already there, {} on the conflict shelf, {} refused",
            tally.stored,
            tally.duplicates,
            tally.conflicts,
            tally.refused.len()
        ));
        lines.join("\n")
    });
}

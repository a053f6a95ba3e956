//! `lightbox verify`: every stored byte against its digest, every line of the log against its chain.

use super::open;
use crate::output::Output;
use crate::settings::DataFlag;
use clap::Args;
use lightbox_store::{Store, StoreError};
use std::process::ExitCode;

/// How many files are listed at once.
const PAGE: i64 = 1_000;

/// Check everything that is stored.
#[derive(Args)]
pub struct Verify {
    #[command(flatten)]
    data: DataFlag,
}

impl Verify {
    /// Does it. Ends with 1 when something is wrong.
    pub async fn execute(self, output: &Output) -> anyhow::Result<ExitCode> {
        let (_, store) = open(&self.data).await?;
        let (files, problems) = verify_files(&store).await?;
        let chain = store.verify_events().await?;
        let sound = problems.is_empty() && chain.is_ok();
        let json = serde_json::json!({
            "ok": sound, "files": files, "problems": problems, "log_lines": chain.ok(), "log_broken_at": chain.err(),
        });
        output.print(&json, || {
            let mut lines = problems.clone();
            lines.push(format!("{files} files checked, {} wrong", problems.len()));
            lines.push(match chain {
                Ok(count) => format!("{count} lines of the log checked, the chain holds"),
                Err(seq) => format!("the log's chain is broken at line {seq}: a line was changed or removed"),
            });
            lines.join("\n")
        });
        Ok(if sound { ExitCode::SUCCESS } else { ExitCode::FAILURE })
    }
}

async fn verify_files(store: &Store) -> Result<(usize, Vec<String>), StoreError> {
    let (mut files, mut problems, mut after) = (0, Vec::new(), String::new());
    loop {
        let page = store.files_after(&after, PAGE).await?;
        let Some((last, ..)) = page.last() else { return Ok((files, problems)) };
        last.as_str().clone_into(&mut after);
        files += page.len();
        let blobs = store.blobs().clone();
        let check = move || page.into_iter().filter_map(|(key, _, digest)| blobs.check(&key, &digest).err()).collect();
        let found: Vec<String> =
            tokio::task::spawn_blocking(check).await.unwrap_or_else(|error| vec![error.to_string()]);
        problems.extend(found);
    }
}

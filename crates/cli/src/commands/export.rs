//! `lightbox export`.

use super::{actor, open};
use crate::output::Output;
use crate::settings::DataFlag;
use anyhow::{Context, bail};
use clap::Args;
use lightbox_domain::Uid;
use lightbox_pipeline::Leaving;
use lightbox_pipeline::export::{log_export, write_zip};
use std::fs::File;
use std::path::PathBuf;
use std::process::ExitCode;

/// Write a study as a zip archive of DICOM files.
#[derive(Args)]
pub struct Export {
    /// Study Instance UID
    study: String,
    /// The archive, which must not exist
    #[arg(long, value_name = "FILE")]
    to: PathBuf,
    #[command(flatten)]
    data: DataFlag,
}

impl Export {
    /// Does it.
    pub async fn execute(self, output: &Output) -> anyhow::Result<ExitCode> {
        let study = Uid::parse(&self.study).with_context(|| format!("{} is no UID", self.study))?;
        let (_, store) = open(&self.data).await?;
        let instances = store.instances_of_study(study.as_str()).await?;
        if instances.is_empty() {
            bail!("there is no study {study}; `lightbox export` takes a Study Instance UID");
        }
        let count = instances.len();
        let cannot = || format!("cannot write {}", self.to.display());
        let file = File::create_new(&self.to).with_context(cannot)?;
        log_export(&store, &study, count, &actor()).await?;
        let (leaving, to) = (Leaving::of_study(&store, study.as_str()).await?, self.to.clone());
        let archive = move || {
            let written = write_zip(&leaving, &instances, &file).and_then(|()| file.sync_all());
            // Half an archive is none; what cannot be removed either is named in the error.
            written.inspect_err(|_| drop(std::fs::remove_file(&to)))
        };
        tokio::task::spawn_blocking(archive).await?.with_context(cannot)?;
        let said = serde_json::json!({ "study_instance_uid": study.as_str(), "instances": count, "file": self.to });
        output.print(&said, || format!("wrote {count} instances to {}", self.to.display()));
        Ok(ExitCode::SUCCESS)
    }
}

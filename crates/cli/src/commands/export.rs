//! `lightbox export`.

use super::{actor, open};
use crate::output::Output;
use crate::settings::DataFlag;
use anyhow::{Context, bail};
use clap::Args;
use lightbox_domain::{Event, Uid};
use lightbox_pipeline::Leaving;
use lightbox_pipeline::export::write_zip;
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
        let mut write = store.write().await?;
        let detail = serde_json::json!({ "instances": count }).to_string();
        let event = Event::new(&actor().name, "study.exported", "study", study.as_str()).detail(detail);
        write.append_event(event.study(study.as_str())).await?;
        write.commit().await?;
        let (leaving, to) = (Leaving::of_study(&store, study.as_str()).await?, self.to.clone());
        let archive = move || {
            let file = File::create_new(&to)?;
            let written = write_zip(&leaving, &instances, &file).and_then(|()| file.sync_all());
            // Half an archive is none; what cannot be removed either is named in the error.
            written.inspect_err(|_| drop(std::fs::remove_file(&to)))
        };
        let written = tokio::task::spawn_blocking(archive).await?;
        written.with_context(|| format!("cannot write {}", self.to.display()))?;
        let said = serde_json::json!({ "study_instance_uid": study.as_str(), "instances": count, "file": self.to });
        output.print(&said, || format!("wrote {count} instances to {}", self.to.display()));
        Ok(ExitCode::SUCCESS)
    }
}

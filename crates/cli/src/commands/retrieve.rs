//! `lightbox retrieve`: have a peer send a study, by C-MOVE.

use super::open;
use crate::output::Output;
use crate::settings::CallerFlags;
use anyhow::Context;
use clap::Args;
use lightbox_dicom::DataSet;
use lightbox_domain::{Attribute, Level};
use std::process::ExitCode;

/// Have a peer send a study, a series or an instance (C-MOVE).
#[derive(Args)]
pub struct Retrieve {
    /// The peer's AE title; it must be admitted with its host and port
    ae_title: String,
    /// The study's UID
    #[arg(long, value_name = "UID")]
    study: String,
    /// Only this series
    #[arg(long, value_name = "UID")]
    series: Option<String>,
    /// Only this instance
    #[arg(long, value_name = "UID", requires = "series")]
    instance: Option<String>,
    /// The AE title to which it is sent; the peer must know it [default: our own]
    #[arg(long, value_name = "TITLE")]
    to: Option<String>,
    #[command(flatten)]
    caller: CallerFlags,
}

impl Retrieve {
    /// Does it. Ends with 1 when an instance is not sent.
    pub async fn execute(self, output: &Output) -> anyhow::Result<ExitCode> {
        let (_, store) = open(&self.caller.data).await?;
        let peer = store.peer(&self.ae_title).await?;
        let us = self.caller.node()?;
        let (level, keys) = self.keys()?;
        let to = self.to.as_deref().unwrap_or(&self.caller.aet);
        let moved = lightbox_dimse::retrieve(&peer, &us, to, level, keys, |_| {}).await?;
        let json = serde_json::json!({
            "to": to, "completed": moved.completed, "warned": moved.warned, "failed": moved.failed,
        });
        output.print(&json, || {
            let sent = moved.completed + moved.warned;
            format!("{} sent {sent} instances to {to}, {} failed", self.ae_title, moved.failed)
        });
        Ok(if moved.failed == 0 { ExitCode::SUCCESS } else { ExitCode::FAILURE })
    }

    fn keys(&self) -> anyhow::Result<(Level, DataSet)> {
        let level = match (&self.series, &self.instance) {
            (_, Some(_)) => Level::Instance,
            (Some(_), None) => Level::Series,
            (None, None) => Level::Study,
        };
        let given = [
            ("StudyInstanceUID", Some(&self.study)),
            ("SeriesInstanceUID", self.series.as_ref()),
            ("SOPInstanceUID", self.instance.as_ref()),
        ];
        let mut keys = DataSet::default();
        for (keyword, uid) in given {
            let (Some(uid), Some(attribute)) = (uid, Attribute::find(keyword)) else { continue };
            lightbox_domain::Uid::parse(uid).with_context(|| format!("{uid} is no UID"))?;
            keys = keys.with(attribute.tag, uid.as_str());
        }
        Ok((level, keys))
    }
}

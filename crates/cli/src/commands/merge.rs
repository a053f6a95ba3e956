//! `lightbox merge`.

use super::correct::{changed_json, way_back};
use super::{actor, open};
use crate::output::Output;
use crate::settings::DataFlag;
use anyhow::Context;
use clap::Args;
use lightbox_domain::PatientKey;
use std::process::ExitCode;

/// Make all studies of one patient, also later ones, studies of another; stored bytes stay, and it can be undone.
#[derive(Args)]
pub struct Merge {
    /// The patient who is no more: PatientID, or PatientID@IssuerOfPatientID
    from: String,
    /// The patient who it is in truth
    into: String,
    /// Why; the log keeps it
    #[arg(long)]
    reason: String,
    #[command(flatten)]
    data: DataFlag,
}

impl Merge {
    /// Does it.
    pub async fn execute(self, output: &Output) -> anyhow::Result<ExitCode> {
        let (_, store) = open(&self.data).await?;
        let (from, into) = (patient(&self.from), patient(&self.into));
        let merged = lightbox_pipeline::merge(&store, from, &into, &self.reason, &actor()).await;
        let changed =
            merged.context("a patient is an identifier and its issuer: ID@ISSUER, or ID where there is none")?;
        output.print(&changed_json(&changed), || match changed.studies.len() {
            0 => format!("no study of that patient is here; those that arrive are merged; {}", way_back(&changed)),
            1 => format!("merged 1 study; {}", way_back(&changed)),
            studies => format!("merged {studies} studies; {}", way_back(&changed)),
        });
        Ok(ExitCode::SUCCESS)
    }
}

/// What follows the last `@` is the issuer.
fn patient(text: &str) -> PatientKey {
    let (id, issuer) = text.rsplit_once('@').unwrap_or((text, ""));
    PatientKey { id: id.trim().to_owned(), issuer: issuer.trim().to_owned() }
}

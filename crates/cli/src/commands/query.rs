//! `lightbox query`: what a peer has, by C-FIND.

use super::open;
use crate::output::{Output, columns};
use crate::settings::CallerFlags;
use anyhow::{Context, bail};
use clap::{Args, ValueEnum};
use lightbox_dicom::DataSet;
use lightbox_domain::{Attribute, Level};
use std::process::ExitCode;

/// Ask a peer what it has (C-FIND).
#[derive(Args)]
pub struct Query {
    /// The peer's AE title; it must be admitted with its host and port
    ae_title: String,
    /// What is listed
    #[arg(long, value_enum, default_value_t = QueryLevel::Study)]
    level: QueryLevel,
    /// An attribute to match or, without a value, to be told: KEYWORD[=VALUE], with * and ? and ranges
    #[arg(long = "key", value_name = "KEY")]
    keys: Vec<String>,
    /// The most matches
    #[arg(long, default_value_t = 1_000)]
    limit: usize,
    #[command(flatten)]
    caller: CallerFlags,
}

/// A level of the query information model.
#[derive(Clone, Copy, ValueEnum)]
pub enum QueryLevel {
    /// Patients
    Patient,
    /// Studies
    Study,
    /// Series
    Series,
    /// Instances
    Instance,
}

impl QueryLevel {
    /// The level of the domain.
    pub fn level(self) -> Level {
        match self {
            Self::Patient => Level::Patient,
            Self::Study => Level::Study,
            Self::Series => Level::Series,
            Self::Instance => Level::Instance,
        }
    }

    /// What is asked for beside the keys that are given.
    fn usual_keys(self) -> &'static [&'static str] {
        match self {
            Self::Patient => &["PatientID", "PatientName"],
            Self::Study => &["StudyInstanceUID", "PatientID", "PatientName", "StudyDate", "ModalitiesInStudy"],
            Self::Series => &["StudyInstanceUID", "SeriesInstanceUID", "Modality", "SeriesDescription"],
            Self::Instance => &["SeriesInstanceUID", "SOPInstanceUID", "SOPClassUID"],
        }
    }
}

impl Query {
    /// Does it.
    pub async fn execute(self, output: &Output) -> anyhow::Result<ExitCode> {
        let asked = asked(self.level.usual_keys(), &self.keys)?;
        let (_, store) = open(&self.caller.data).await?;
        let peer = store.peer(&self.ae_title).await?;
        let us = self.caller.node()?;
        let keys = asked.iter().fold(DataSet::default(), |keys, (one, value)| keys.with(one.tag, value.as_str()));
        let mut found = Vec::new();
        lightbox_dimse::find(&peer, &us, self.level.level(), keys, self.limit, |one| found.push(one)).await?;
        let json: Vec<serde_json::Value> = found
            .iter()
            .map(|one| {
                asked.iter().map(|(key, _)| (key.keyword.clone(), serde_json::json!(one.text(key.tag)))).collect()
            })
            .collect();
        output.print(&json, || {
            let head: Vec<&str> = asked.iter().map(|(key, _)| key.keyword.as_str()).collect();
            let row = |one: &DataSet| asked.iter().map(|(key, _)| one.text(key.tag).to_owned()).collect();
            columns(&head, &found.iter().map(row).collect::<Vec<_>>())
        });
        Ok(ExitCode::SUCCESS)
    }
}

/// The attributes that are asked for, with the values that must match.
fn asked(usual: &[&str], keys: &[String]) -> anyhow::Result<Vec<(&'static Attribute, String)>> {
    let mut asked: Vec<(&'static Attribute, String)> = Vec::new();
    for key in keys.iter().map(String::as_str).chain(usual.iter().copied()) {
        let (name, value) = key.split_once('=').unwrap_or((key, ""));
        let attribute = Attribute::find(name)
            .with_context(|| format!("{name} is no attribute that can be queried; use keywords such as PatientID"))?;
        if attribute.sequence.is_some() {
            bail!("{name} stands in a sequence and cannot be queried from here");
        }
        if !asked.iter().any(|(known, _)| known.tag == attribute.tag) {
            asked.push((attribute, value.to_owned()));
        }
    }
    Ok(asked)
}

#[cfg(test)]
mod tests {
    use super::asked;

    #[test]
    fn keys_that_are_given_go_before_the_usual_ones() {
        let keys = asked(&["PatientID", "StudyDate"], &["StudyDate=2026-".to_owned()]).expect("known");
        let keys: Vec<_> = keys.iter().map(|(one, value)| (one.keyword.as_str(), value.as_str())).collect();
        assert_eq!(keys, [("StudyDate", "2026-"), ("PatientID", "")]);
        assert!(asked(&[], &["PixelData=1".to_owned()]).is_err());
        assert!(asked(&[], &["RequestedProcedureID".to_owned()]).is_err());
    }
}

//! `lightbox correct`.

use super::{actor, open, time};
use crate::output::{Output, columns};
use crate::settings::DataFlag;
use anyhow::{Context, bail};
use clap::Args;
use lightbox_domain::{Overlay, OverlayScope, Uid, Values};
use lightbox_store::{Changed, Store};
use serde_json::{Value, json};
use std::process::ExitCode;

/// Correct what is said of a study and its patient; stored bytes stay, and it can be undone.
#[derive(Args)]
pub struct Correct {
    /// Study Instance UID
    study: String,
    /// A new value, such as PatientID=123; nothing after the sign stands for no value. May be given several times
    #[arg(long, value_name = "KEYWORD=VALUE")]
    set: Vec<String>,
    /// Why; the log keeps it
    #[arg(long, required_unless_present_any = ["undo", "history"])]
    reason: Option<String>,
    /// Take back this correction or merge, as --history lists it
    #[arg(long, value_name = "ID", conflicts_with_all = ["set", "reason"])]
    undo: Option<String>,
    /// List what was corrected of the study, when and by whom
    #[arg(long, conflicts_with_all = ["set", "reason", "undo"])]
    history: bool,
    #[command(flatten)]
    data: DataFlag,
}

impl Correct {
    /// Does it.
    pub async fn execute(self, output: &Output) -> anyhow::Result<ExitCode> {
        let (_, store) = open(&self.data).await?;
        let study = Uid::parse(&self.study).with_context(|| format!("{} is no UID", self.study))?;
        if self.history {
            return history(&store, &study, output).await;
        }
        let changed = match &self.undo {
            Some(id) => undo(&store, &study, id).await?,
            None => {
                let reason = self.reason.as_deref().unwrap_or_default();
                lightbox_pipeline::correct(&store, &study, self.values()?, reason, &actor()).await?
            }
        };
        output.print(&changed_json(&changed), || sentence(&changed));
        Ok(ExitCode::SUCCESS)
    }

    fn values(&self) -> anyhow::Result<Values> {
        let mut values = Values::default();
        for pair in &self.set {
            let (keyword, value) = pair.split_once('=').context("--set takes KEYWORD=VALUE")?;
            values.set(keyword.trim(), value)?;
        }
        Ok(values)
    }
}

async fn undo(store: &Store, study: &Uid, id: &str) -> anyhow::Result<Changed> {
    let overlays = store.overlays_of_study(study.as_str()).await?;
    if !overlays.iter().any(|one| one.id == id) {
        bail!("there is no correction {id} of study {study}: see --history");
    }
    Ok(lightbox_pipeline::undo_correction(store, id, &actor()).await?)
}

async fn history(store: &Store, study: &Uid, output: &Output) -> anyhow::Result<ExitCode> {
    let overlays = store.overlays_of_study(study.as_str()).await?;
    let json: Vec<_> = overlays.iter().map(overlay_json).collect();
    let row = |one: &Overlay| {
        let state = if one.undone_ms.is_some() { "undone" } else { "counts" };
        let keywords = one.values.keywords().collect::<Vec<_>>().join(" ");
        vec![one.id.clone(), state.to_owned(), time(one.made_ms), one.made_by.clone(), keywords, one.reason.clone()]
    };
    let rows: Vec<_> = overlays.iter().map(row).collect();
    output.print(&json, || columns(&["correction", "state", "made", "by", "attributes", "reason"], &rows));
    Ok(ExitCode::SUCCESS)
}

fn sentence(changed: &Changed) -> String {
    let (id, studies) = (&changed.overlay.id, changed.studies.len());
    match changed.overlay.undone_ms {
        Some(_) => format!("{id} no longer counts; studies that say again what they said without it: {studies}"),
        None => format!("corrected; {}", way_back(changed)),
    }
}

/// How a correction or a merge is taken back.
pub(super) fn way_back(changed: &Changed) -> String {
    let study = changed.studies.first().map_or("STUDY", Uid::as_str);
    format!("take it back with: lightbox correct {study} --undo {}", changed.overlay.id)
}

/// A correction for programs.
pub(super) fn changed_json(changed: &Changed) -> Value {
    let mut json = overlay_json(&changed.overlay);
    json["study_instance_uids"] = changed.studies.iter().map(Uid::as_str).collect();
    json
}

fn overlay_json(overlay: &Overlay) -> Value {
    let scope = match overlay.scope {
        OverlayScope::Study(_) => "study",
        OverlayScope::Patient(_) => "patient",
    };
    json!({
        "id": overlay.id,
        "scope": scope,
        "values": overlay.values,
        "reason": overlay.reason,
        "made_by": overlay.made_by,
        "made_at": time(overlay.made_ms),
        "undone_by": overlay.undone_by,
        "undone_at": overlay.undone_ms.map(time),
    })
}

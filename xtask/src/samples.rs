//! The sample images: what `samples.json` says of each, how to send one, and whether its outcome is right.

use std::fs;
use std::path::Path;
use std::process::Command;

use anyhow::{Context, Result, bail};
use serde::Deserialize;

use crate::api::Run;
use crate::server::Ready;
use crate::step;
use crate::workspace::Workspace;

/// How far a score may be from the original model's.
const SCORE_TOLERANCE: f64 = 1e-4;
/// What we call ourselves when we send.
pub const AE_TITLE: &str = "LIGHTBOX_DEMO";

#[derive(Deserialize)]
struct Description {
    samples: Vec<Sample>,
}

/// One image of the samples.
#[derive(Clone, Deserialize)]
pub struct Sample {
    /// Its name in the samples' folder.
    pub file: String,
    /// How its data set is encoded.
    pub transfer_syntax_uid: String,
    /// The study.
    pub study_instance_uid: String,
    /// The image.
    pub sop_instance_uid: String,
    /// The study's number at the hospital; may be empty.
    #[serde(default)]
    pub accession_number: String,
    /// What must come of it.
    #[serde(flatten)]
    pub expected: Expected,
}

/// What must come of an image.
#[derive(Clone, Deserialize)]
#[serde(tag = "expected_outcome", rename_all = "snake_case")]
pub enum Expected {
    /// One finding with the original model's score.
    Finding {
        /// 0 to 1.
        expected_probability: f64,
    },
    /// The app must not be used on it.
    Refused {
        /// Stands in the reason that is given.
        expected_reason: String,
    },
}

/// Reads the `samples.json` of a folder.
pub fn read(folder: &Path) -> Result<Vec<Sample>> {
    let path = folder.join("samples.json");
    let text = fs::read_to_string(&path).with_context(|| format!("cannot read {}", path.display()))?;
    let description: Description =
        serde_json::from_str(&text).with_context(|| format!("cannot understand {}", path.display()))?;
    Ok(description.samples)
}

impl Sample {
    /// A short name of the study: its accession number, else the end of its UID.
    pub fn study(&self) -> String {
        if self.accession_number.is_empty() {
            let uid = &self.study_instance_uid;
            return format!("…{}", &uid[uid.len().saturating_sub(9)..]);
        }
        self.accession_number.clone()
    }

    /// Sends the image by dcmtk's `storescu`, in the encoding that it has. Fails unless it was stored.
    pub fn send(&self, workspace: &Workspace, folder: &Path, to: &Ready) -> Result<()> {
        let (host, port) = to.dicom.rsplit_once(':').context("the DICOM address has no port")?;
        let mut storescu: Command = workspace.command("storescu");
        storescu.env("TCP_NODELAY", "1").args(["--required", propose(&self.transfer_syntax_uid)?]);
        storescu.args(["--aetitle", AE_TITLE, "--call", &to.ae_title, host, port]).arg(folder.join(&self.file));
        step::output(&mut storescu).with_context(|| format!("cannot send {}", self.file)).map(drop)
    }

    /// What is wrong with the outcome, in words; `None` if it is as expected.
    pub fn complaint(&self, run: &Run) -> Option<String> {
        match &self.expected {
            Expected::Finding { expected_probability } => finding_complaint(run, *expected_probability),
            Expected::Refused { expected_reason } => {
                let reason = run.reason.as_deref().unwrap_or_default();
                let is_right = run.state == "rejected" && reason.contains(expected_reason.as_str());
                (!is_right).then(|| format!("should be refused for {expected_reason:?}, is {}: {reason}", run.state))
            }
        }
    }
}

fn finding_complaint(run: &Run, expected: f64) -> Option<String> {
    if run.state != "finished" {
        return Some(format!("is {}: {}", run.state, run.reason.as_deref().unwrap_or("no reason given")));
    }
    let [finding] = run.findings.as_slice() else {
        return Some(format!("should have one finding, has {}", run.findings.len()));
    };
    if (finding.score - expected).abs() > SCORE_TOLERANCE {
        return Some(format!("should score {expected:.5}, scores {:.5}", finding.score));
    }
    let missing = ["sr", "sc"].into_iter().find(|kind| run.results.iter().all(|result| result.kind != *kind));
    missing.map(|kind| format!("has no stored result of kind {kind}"))
}

/// dcmtk proposes the encodings of a file only if told to.
fn propose(transfer_syntax_uid: &str) -> Result<&'static str> {
    Ok(match transfer_syntax_uid {
        "1.2.840.10008.1.2" => "--propose-implicit",
        "1.2.840.10008.1.2.1" => "--propose-little",
        "1.2.840.10008.1.2.1.99" => "--propose-deflated",
        "1.2.840.10008.1.2.4.70" => "--propose-lossless",
        "1.2.840.10008.1.2.4.80" => "--propose-jls-lossless",
        "1.2.840.10008.1.2.4.90" => "--propose-j2k-lossless",
        "1.2.840.10008.1.2.5" => "--propose-rle",
        other => bail!("no option of storescu is known for transfer syntax {other}"),
    })
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    fn sample(mut expected: serde_json::Value) -> Sample {
        let mut sample = json!({
            "file": "a.dcm", "transfer_syntax_uid": "1.2.840.10008.1.2.1",
            "study_instance_uid": "2.25.123456789012", "sop_instance_uid": "2.25.2",
        });
        sample.as_object_mut().unwrap().append(expected.as_object_mut().unwrap());
        serde_json::from_value(sample).unwrap()
    }

    fn run(state: &str, score: f64, kinds: &[&str]) -> Run {
        let results: Vec<_> = kinds.iter().map(|kind| json!({ "kind": kind })).collect();
        serde_json::from_value(json!({
            "app_id": "a", "release": "1", "state": state, "reason": "ages 1 to 5 years; is 64", "sop_instance_uid": "2.25.2",
            "model_ms": 20, "turnaround_ms": 90, "map": { "state": "stored", "ms": 5 }, "results": results,
            "findings": [{ "code": { "meaning": "Pneumonia" }, "score": score, "threshold": 0.5, "positive": false }],
        }))
        .unwrap()
    }

    #[test]
    fn a_finding_must_be_finished_right_and_stored() {
        let sample = sample(json!({ "expected_outcome": "finding", "expected_probability": 0.25 }));
        let check = |run, expected: Option<&str>| assert_eq!(sample.complaint(&run).as_deref(), expected);
        check(run("finished", 0.25009, &["sr", "sc"]), None);
        check(run("finished", 0.2502, &["sr", "sc"]), Some("should score 0.25000, scores 0.25020"));
        check(run("finished", 0.25, &["sr"]), Some("has no stored result of kind sc"));
        check(run("failed", 0.25, &[]), Some("is failed: ages 1 to 5 years; is 64"));
    }

    #[test]
    fn a_refusal_must_give_its_reason() {
        let refused = |reason: &str| sample(json!({ "expected_outcome": "refused", "expected_reason": reason }));
        assert_eq!(refused("ages 1 to 5").complaint(&run("rejected", 0.0, &[])), None);
        assert!(refused("frontal").complaint(&run("rejected", 0.0, &[])).is_some());
        assert!(refused("ages 1 to 5").complaint(&run("finished", 0.0, &["sr", "sc"])).is_some());
    }

    #[test]
    fn a_study_without_accession_number_is_named_by_the_end_of_its_uid() {
        let mut sample = sample(json!({ "expected_outcome": "finding", "expected_probability": 0.25 }));
        assert_eq!(sample.study(), "…456789012");
        sample.accession_number = "DEMO0001".to_owned();
        assert_eq!(sample.study(), "DEMO0001");
    }
}

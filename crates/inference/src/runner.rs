//! Runs a release: prepares its tensors, has its model answer, and reads findings from what it answers.

use crate::onnx::{Answer, OnnxModel, PassError};
use crate::tensor::{Tensor, prepare};
use crate::{InferenceError, Library, Release, RunImage, answer};
use lightbox_domain::{Finding, FindingRule, Manifest};
use std::time::Duration;

/// A release that is loaded. Shared between threads; they take turns.
#[derive(Debug)]
pub struct Runner {
    manifest: Manifest,
    release: String,
    model: OnnxModel,
}

/// What a run says.
#[derive(Clone, Debug, PartialEq)]
pub struct Outcome {
    /// One for each of the manifest's, in its order and with its thresholds.
    pub findings: Vec<Finding>,
    /// How long the model itself took, without preparation and waiting.
    pub model_time: Duration,
}

/// What one pass of the model says.
pub(crate) struct Pass {
    /// One for each finding of the manifest, in its order.
    pub(crate) scores: Vec<f64>,
    pub(crate) model_time: Duration,
}

impl Runner {
    /// Loads a release. `threads` work on one run, at least 1.
    ///
    /// # Errors
    /// [`InferenceError::ReleaseInvalid`] if the model is not the pinned one, [`InferenceError::ModelInvalid`] if it
    /// cannot be loaded, or if its inputs and outputs are not those of the manifest.
    pub fn load(library: &Library, release: &Release, threads: usize) -> Result<Self, InferenceError> {
        let model = OnnxModel::load(library, release, threads)?;
        Ok(Self { manifest: release.manifest.clone(), release: release.name(), model })
    }

    /// What the release says of an image.
    ///
    /// # Errors
    /// [`InferenceError::ImageInvalid`], [`InferenceError::AnswerInvalid`] if a score is not from 0 to 1,
    /// [`InferenceError::Timeout`] after the manifest's `seconds_max`, [`InferenceError::Failed`].
    pub fn run(&self, image: &RunImage) -> Result<Outcome, InferenceError> {
        let tensors = self.prepare(image)?;
        let Pass { scores, model_time } = self.pass(&tensors, self.time_max())?;
        let finding = |(rule, score): (&FindingRule, f64)| Finding {
            id: rule.id.clone(),
            code: rule.code.clone(),
            score,
            threshold: rule.threshold,
        };
        let findings = self.manifest.findings.iter().zip(scores).map(finding).collect();
        Ok(Outcome { findings, model_time })
    }

    /// The manifest by which the model runs.
    #[must_use]
    pub fn manifest(&self) -> &Manifest {
        &self.manifest
    }

    /// The longest that a run, or all of a map, may take.
    pub(crate) fn time_max(&self) -> Duration {
        Duration::from_secs(self.manifest.model.seconds_max)
    }

    /// The model's inputs, in the manifest's order.
    pub(crate) fn prepare(&self, image: &RunImage) -> Result<Vec<Tensor>, InferenceError> {
        self.manifest.tensors.iter().map(|section| prepare(image, section)).collect()
    }

    /// One pass of the model.
    pub(crate) fn pass(&self, tensors: &[Tensor], time_left: Duration) -> Result<Pass, InferenceError> {
        let Answer { mut outputs, model_time } = self.model.infer(tensors, time_left).map_err(|error| match error {
            PassError::Timeout => self.timeout(),
            PassError::Failed(reason) => InferenceError::Failed { release: self.release.clone(), reason },
        })?;
        for section in &self.manifest.outputs {
            if let Some(values) = outputs.get_mut(&section.name) {
                section.steps.iter().for_each(|step| answer::take(step, values));
            }
        }
        let score = |rule: &FindingRule| {
            let value = outputs.get(&rule.output).and_then(|values| values.iter().nth(rule.index));
            self.check_score(rule, value.copied().map(f64::from))
        };
        let scores = self.manifest.findings.iter().map(score).collect::<Result<_, _>>()?;
        Ok(Pass { scores, model_time })
    }

    pub(crate) fn timeout(&self) -> InferenceError {
        InferenceError::Timeout { release: self.release.clone(), seconds: self.manifest.model.seconds_max }
    }

    pub(crate) fn invalid(&self, reason: String) -> InferenceError {
        InferenceError::ModelInvalid { release: self.release.clone(), reason }
    }

    fn check_score(&self, rule: &FindingRule, score: Option<f64>) -> Result<f64, InferenceError> {
        match score {
            Some(score) if (0.0..=1.0).contains(&score) => Ok(score),
            Some(score) => {
                Err(InferenceError::AnswerInvalid { release: self.release.clone(), finding: rule.id.clone(), score })
            }
            None => {
                Err(self.invalid(format!("finding {}: output {} has no value {}", rule.id, rule.output, rule.index)))
            }
        }
    }
}

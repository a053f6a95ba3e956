//! How a model's output becomes findings, and how a finding is explained.

use crate::Code;
use schemars::JsonSchema;
use serde::Deserialize;

/// What is done with an output of the model before findings are read from it.
#[derive(Clone, Debug, PartialEq, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct OutputSection {
    /// The output's name in the model.
    pub name: String,
    /// What is done with its values, in order.
    pub steps: Vec<OutputStep>,
}

/// One step after the model.
#[derive(Clone, Debug, PartialEq, Deserialize, JsonSchema)]
#[serde(tag = "do", rename_all = "snake_case", deny_unknown_fields)]
pub enum OutputStep {
    /// Logits become probabilities that sum to 1, along the last axis.
    Softmax {},
    /// Each logit becomes a probability.
    Sigmoid {},
    /// Each probability p is calibrated after Platt: the sigmoid of `slope` × logit(p) + `intercept`.
    Calibrate {
        /// The slope.
        slope: f64,
        /// The intercept.
        intercept: f64,
    },
    /// `(value - from[0]) / (from[1] - from[0])`: two numbers become 0 and 1.
    Scale {
        /// Two different numbers.
        from: [f64; 2],
    },
}

/// How one value of an output becomes a finding.
#[derive(Clone, Debug, PartialEq, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct FindingRule {
    /// Identifier within the manifest.
    pub id: String,
    /// The coded concept.
    pub code: Code,
    /// The output's name in the model.
    pub output: String,
    /// Place of the score in the flattened output.
    pub index: usize,
    /// The score from which the finding counts as present, unless the deployment sets another; 0 to 1.
    pub threshold: f64,
}

/// How the map that explains a finding is made.
#[derive(Clone, Debug, PartialEq, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct MapSection {
    /// The method.
    pub method: MapMethod,
    /// Identifier of the finding that is explained.
    pub finding: String,
    /// Side of the hidden square, in pixels of the model's input.
    pub window: u32,
    /// Step between squares, in pixels of the model's input.
    pub stride: u32,
    /// What a hidden square is filled with.
    pub fill: Fill,
}

/// How a map is made.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Deserialize, JsonSchema)]
#[serde(rename_all = "lowercase")]
pub enum MapMethod {
    /// Hide one square after another and see how the score changes.
    Occlusion,
}

/// What a hidden square is filled with.
#[derive(Clone, Copy, Debug, PartialEq, Deserialize, JsonSchema)]
#[serde(untagged, expecting = "fill must be \"mean\" or a number")]
pub enum Fill {
    /// A named value.
    Named(FillName),
    /// This value of the tensor.
    Value(f32),
}

/// A named value to hide with.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Deserialize, JsonSchema)]
#[serde(rename_all = "lowercase")]
pub enum FillName {
    /// The mean of the image.
    Mean,
}

impl OutputSection {
    pub(super) fn check(&self) -> Result<(), String> {
        let flat = |step: &OutputStep| matches!(step, OutputStep::Scale { from: [one, other] } if one == other);
        match self.steps.iter().any(flat) {
            true => Err(format!("output {}: the two numbers of `from` must differ", self.name)),
            false => Ok(()),
        }
    }
}

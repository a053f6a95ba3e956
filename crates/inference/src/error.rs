//! Why a run has no findings.

use crate::ReleaseError;

/// Why a run has no findings, or no map. Each text is one line that says what to do where a person can do something.
#[derive(Debug, thiserror::Error)]
pub enum InferenceError {
    /// ONNX Runtime is nowhere, or what is there cannot be used; the text says where it was looked for.
    #[error("{0}")]
    LibraryMissing(String),
    /// The release's folder is incomplete, or not what was deployed.
    #[error(transparent)]
    ReleaseInvalid(#[from] ReleaseError),
    /// The model cannot be loaded, or is not what the manifest says.
    #[error("model of {release} cannot be used: {reason}")]
    ModelInvalid {
        /// App and release.
        release: String,
        /// What is wrong.
        reason: String,
    },
    /// The image cannot become the model's input.
    #[error("image cannot be prepared: {0}")]
    ImageInvalid(String),
    /// The model answered what is no score.
    #[error("model of {release} answered {score} as finding {finding}; a score is from 0 to 1")]
    AnswerInvalid {
        /// App and release.
        release: String,
        /// Identifier of the finding.
        finding: String,
        /// What the model answered.
        score: f64,
    },
    /// The model was stopped at the manifest's `seconds_max`.
    #[error("model of {release} was stopped after {seconds} s, the longest that its manifest allows")]
    Timeout {
        /// App and release.
        release: String,
        /// `seconds_max`.
        seconds: u64,
    },
    /// ONNX Runtime failed in the middle, for want of memory or threads for instance.
    #[error("model of {release} failed: {reason}")]
    Failed {
        /// App and release.
        release: String,
        /// ONNX Runtime's own words.
        reason: String,
    },
}

impl InferenceError {
    /// Whether another attempt would end the same way until a person changes something.
    #[must_use]
    pub fn is_permanent(&self) -> bool {
        match self {
            Self::LibraryMissing(_)
            | Self::ReleaseInvalid(_)
            | Self::ModelInvalid { .. }
            | Self::ImageInvalid(_)
            | Self::AnswerInvalid { .. } => true,
            Self::Timeout { .. } | Self::Failed { .. } => false,
        }
    }
}

//! What a run says.

/// A coded concept (PS3.3 §8.1).
#[derive(Clone, Debug, PartialEq, Eq, serde::Serialize, serde::Deserialize, schemars::JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct Code {
    /// `CodingSchemeDesignator`, such as `SCT`.
    pub scheme: String,
    /// `CodeValue`.
    pub value: String,
    /// `CodeMeaning`.
    pub meaning: String,
}

/// One statement of an app on one input.
#[derive(Clone, Debug, PartialEq, serde::Serialize, serde::Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Finding {
    /// The finding's identifier in the manifest.
    pub id: String,
    /// What it is about.
    pub code: Code,
    /// The app's output, 0 to 1.
    pub score: f64,
    /// The score from which the finding counts as present; the deployment's, else the manifest's.
    pub threshold: f64,
}

impl Finding {
    /// Whether the app says that the finding is present.
    #[must_use]
    pub fn positive(&self) -> bool {
        self.score >= self.threshold
    }
}

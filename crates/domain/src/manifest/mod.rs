//! What a release says of itself in `app.toml`: who makes it and what it claims, for which input it is, how the input
//! becomes tensors, how the model's output becomes findings. The format is described for packagers in `docs/app.md`.

mod answer;
mod app;
mod input;
mod tensor;

pub use answer::{Fill, FillName, FindingRule, MapMethod, MapSection, OutputSection, OutputStep};
pub use app::{AppSection, Clearance, RegulatoryStatus, Task};
pub use input::{
    Absent, AgeRange, AttributeRule, Contrast, ImageLevel, ImageNeed, InputSection, Laterality, PatientNeed,
    Presentation, Range,
};
pub use tensor::{ElementType, Filter, Layout, Over, PixelValues, STEPS_MAX, Step, TENSOR_ELEMENTS_MAX, TensorSection};

use schemars::JsonSchema;
use serde::Deserialize;

/// The version of the format that is read.
pub const SCHEMA: u32 = 2;

/// The manifest of a release, `app.toml`. An unknown key is an error, so that a misspelt rule is never ignored.
#[derive(Clone, Debug, PartialEq, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct Manifest {
    /// The version of this format; 2.
    pub schema: u32,
    /// Who and what.
    pub app: AppSection,
    /// What authorities say of it; where none is said, it is not for clinical use.
    #[serde(default)]
    pub regulatory: Vec<RegulatoryStatus>,
    /// For which input.
    pub input: InputSection,
    /// The model.
    pub model: ModelSection,
    /// What the model reads.
    #[serde(rename = "tensor")]
    pub tensors: Vec<TensorSection>,
    /// What is done with what it answers.
    #[serde(default, rename = "output")]
    pub outputs: Vec<OutputSection>,
    /// What it finds.
    #[serde(rename = "finding")]
    pub findings: Vec<FindingRule>,
    /// The map that explains a finding, if there is one.
    pub map: Option<MapSection>,
}

/// The model and what runs it.
#[derive(Clone, Debug, PartialEq, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct ModelSection {
    /// What runs it.
    pub runner: RunnerKind,
    /// The model's file in the release's folder.
    pub file: String,
    /// SHA-256 of that file, hexadecimal.
    pub sha256: String,
    /// A run that takes longer fails.
    pub seconds_max: u64,
}

/// What runs a model.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Deserialize, JsonSchema)]
#[serde(rename_all = "lowercase")]
pub enum RunnerKind {
    /// ONNX Runtime, in process.
    Onnx,
}

/// Why a manifest is refused.
#[derive(Debug, thiserror::Error)]
pub enum ManifestError {
    /// Not TOML, an unknown key, a missing key or a wrong type; the text says which and where.
    #[error("app.toml: {0}")]
    Syntax(String),
    /// The parts contradict one another.
    #[error("app.toml: {0}")]
    Contradiction(String),
}

impl Manifest {
    /// Reads and checks `app.toml`.
    ///
    /// # Errors
    /// [`ManifestError`] with the place and what to do.
    pub fn parse(text: &str) -> Result<Self, ManifestError> {
        check_schema(text)?;
        let manifest: Self = toml::from_str(text).map_err(|error| ManifestError::Syntax(in_one_line(text, &error)))?;
        manifest.check().map_err(ManifestError::Contradiction)?;
        Ok(manifest)
    }

    /// The JSON Schema of the format (draft 2020-12).
    #[must_use]
    pub fn json_schema() -> serde_json::Value {
        schemars::schema_for!(Self).to_value()
    }

    /// The authority's reference, if it is cleared for clinical use in this jurisdiction.
    #[must_use]
    pub fn clearance(&self, jurisdiction: &str) -> Option<&str> {
        let holds =
            |status: &&RegulatoryStatus| status.status == Clearance::Cleared && status.jurisdiction == jurisdiction;
        self.regulatory.iter().find(holds).map(|status| status.reference.as_str())
    }

    /// The rule of the finding that the map explains.
    #[must_use]
    pub fn explained_finding(&self) -> Option<&FindingRule> {
        let map = self.map.as_ref()?;
        self.findings.iter().find(|rule| rule.id == map.finding)
    }

    fn check(&self) -> Result<(), String> {
        self.app.check()?;
        self.regulatory.iter().try_for_each(RegulatoryStatus::check)?;
        self.input.check()?;
        self.model.check()?;
        self.check_tensors()?;
        self.outputs.iter().try_for_each(OutputSection::check)?;
        self.check_findings()?;
        self.check_map()
    }

    fn check_tensors(&self) -> Result<(), String> {
        if self.tensors.is_empty() {
            return Err("at least one [[tensor]] is needed".to_owned());
        }
        self.tensors.iter().try_for_each(TensorSection::check)?;
        no_twice("tensor", self.tensors.iter().map(|tensor| tensor.name.as_str()))?;
        no_twice("output", self.outputs.iter().map(|output| output.name.as_str()))
    }

    fn check_findings(&self) -> Result<(), String> {
        if self.findings.is_empty() {
            return Err("at least one [[finding]] is needed".to_owned());
        }
        if let Some(rule) = self.findings.iter().find(|rule| !(0.0..=1.0).contains(&rule.threshold)) {
            return Err(format!("finding {}: the threshold must be from 0 to 1", rule.id));
        }
        no_twice("finding", self.findings.iter().map(|rule| rule.id.as_str()))
    }

    fn check_map(&self) -> Result<(), String> {
        let Some(map) = &self.map else { return Ok(()) };
        if self.explained_finding().is_none() {
            return Err(format!("[map] explains {}, which is no finding", map.finding));
        }
        let Some([rows, columns]) = self.tensors[0].size() else {
            return Err(format!(
                "[map] needs tensor {} to have a fixed size of rows and columns",
                self.tensors[0].name
            ));
        };
        let side_min = rows.min(columns);
        if self.tensors.len() > 1 || map.stride == 0 || !(1..=*side_min).contains(&map.window) {
            return Err(format!("[map] needs one tensor, a window from 1 to {side_min} and a stride of at least 1"));
        }
        Ok(())
    }
}

impl ModelSection {
    fn check(&self) -> Result<(), String> {
        if self.file.is_empty() || self.file.contains(['/', '\\']) || self.file.starts_with('.') {
            return Err("model.file must name a file in the release's own folder".to_owned());
        }
        if self.sha256.len() != 64 || !self.sha256.bytes().all(|byte| byte.is_ascii_hexdigit()) {
            return Err("model.sha256 must be 64 hexadecimal digits".to_owned());
        }
        Ok(())
    }
}

/// Says of another version that it is another version, rather than which of its keys are not known.
fn check_schema(text: &str) -> Result<(), ManifestError> {
    #[derive(Deserialize)]
    struct Version {
        schema: i64,
    }
    match toml::from_str(text) {
        Ok(Version { schema }) if schema != i64::from(SCHEMA) => Err(ManifestError::Contradiction(format!(
            "schema {schema} is not known; this Lightbox reads schema {SCHEMA}"
        ))),
        // What else is wrong is said with its line.
        _ => Ok(()),
    }
}

fn no_twice<'a>(what: &str, names: impl Iterator<Item = &'a str>) -> Result<(), String> {
    let mut seen = Vec::new();
    for name in names {
        if seen.contains(&name) {
            return Err(format!("{what} {name} is there twice"));
        }
        seen.push(name);
    }
    Ok(())
}

pub(crate) fn in_one_line(text: &str, error: &toml::de::Error) -> String {
    let message = error.message().split_whitespace().collect::<Vec<_>>().join(" ");
    match error.span().and_then(|span| text.get(..span.start)) {
        Some(before) => format!("line {}: {message}", before.matches('\n').count() + 1),
        None => message,
    }
}

//! What a release says of itself: for which input it is, how the input becomes a tensor, how scores become findings.

use crate::Code;
use serde::Deserialize;

/// The manifest of a release, `manifest.toml`. An unknown key is an error, so that a misspelt rule is never ignored.
#[derive(Clone, Debug, PartialEq, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Manifest {
    /// The version of this format; 1.
    pub schema: u32,
    /// Who and what.
    pub app: AppSection,
    /// For which input.
    pub input: InputSection,
    /// The model and how it is fed.
    pub model: ModelSection,
    /// What it finds.
    #[serde(rename = "finding")]
    pub findings: Vec<FindingRule>,
    /// The map that explains a finding, if there is one.
    pub map: Option<MapSection>,
}

/// Who made the app, and what it claims.
#[derive(Clone, Debug, PartialEq, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct AppSection {
    /// Identifier: lower-case letters, digits and dashes.
    pub id: String,
    /// Name for people.
    pub name: String,
    /// Who makes it.
    pub vendor: String,
    /// Version of the release.
    pub release: String,
    /// One sentence.
    pub summary: String,
    /// What it may be used for.
    pub intended_use: String,
    /// The regulatory clearance; without one everything it says is labelled *not for clinical use*.
    pub clearance: Option<String>,
    /// File of the model card.
    pub model_card: Option<String>,
}

/// For which input a release is.
#[derive(Clone, Debug, PartialEq, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct InputSection {
    /// What one run reads.
    pub level: InputLevel,
    /// All must hold, else the app is not applicable.
    #[serde(default)]
    pub applies: Vec<AttributeRule>,
    /// All must hold, else the input is refused as outside the intended use.
    #[serde(default)]
    pub intended: Vec<AttributeRule>,
}

/// What one run reads.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum InputLevel {
    /// One instance.
    Instance,
}

/// A condition on one attribute: one of a list of values, or a range of years.
#[derive(Clone, Debug, PartialEq, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct AttributeRule {
    /// Keyword of PS3.6. `PatientAge` falls back to the birth date and the study date.
    pub attribute: String,
    /// The values of which one must be present; case does not matter.
    #[serde(default)]
    pub one_of: Vec<String>,
    /// The least age in years.
    pub minimum_years: Option<f64>,
    /// The greatest age in years.
    pub maximum_years: Option<f64>,
    /// What holds when the attribute is absent or empty.
    #[serde(default)]
    pub absent: Absent,
    /// What the rule means, in words that complete "the app is for …".
    pub reason: Option<String>,
}

/// What holds when an attribute is absent or empty.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Default, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Absent {
    /// The rule does not hold.
    #[default]
    Refuse,
    /// The rule holds.
    Accept,
}

/// The model file and its input.
#[derive(Clone, Debug, PartialEq, Deserialize)]
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
    /// The input tensor.
    pub input: TensorSection,
}

/// What runs a model.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum RunnerKind {
    /// ONNX Runtime, in process.
    Onnx,
}

/// How an image becomes the input tensor.
#[derive(Clone, Debug, PartialEq, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct TensorSection {
    /// The input's name in the model.
    pub name: String,
    /// The order of the axes.
    pub layout: Layout,
    /// Height in pixels.
    pub rows: u32,
    /// Width in pixels.
    pub columns: u32,
    /// 1, or 3 for grey repeated as RGB.
    pub channels: u32,
    /// How the image is brought to that size.
    pub resize: Resize,
    /// The values that black and white become.
    pub range: [f32; 2],
}

/// The order of a tensor's axes: batch N, channel C, height H, width W.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Deserialize)]
pub enum Layout {
    /// Channels last.
    #[serde(rename = "NHWC")]
    Nhwc,
    /// Channels first.
    #[serde(rename = "NCHW")]
    Nchw,
}

/// How an image is resized.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Resize {
    /// Antialiased triangle filter on 8-bit values.
    Bilinear,
}

/// How one value of an output becomes a finding.
#[derive(Clone, Debug, PartialEq, Deserialize)]
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
    /// The score from which the finding counts as present, unless the deployment sets another.
    pub threshold: f64,
}

/// How the map that explains a finding is made.
#[derive(Clone, Debug, PartialEq, Deserialize)]
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
#[derive(Clone, Copy, Debug, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum MapMethod {
    /// Hide one square after another and see how the score changes.
    Occlusion,
}

/// What a hidden square is filled with.
#[derive(Clone, Copy, Debug, PartialEq, Deserialize)]
#[serde(untagged, expecting = "fill must be \"mean\" or a number")]
pub enum Fill {
    /// A named value.
    Named(FillName),
    /// This value of the tensor.
    Value(f32),
}

/// A named value to hide with.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum FillName {
    /// The mean of the image.
    Mean,
}

/// Why a manifest is refused.
#[derive(Debug, thiserror::Error)]
pub enum ManifestError {
    /// Not TOML, an unknown key, a missing key or a wrong type; the text says which and where.
    #[error("manifest.toml: {0}")]
    Syntax(String),
    /// The parts contradict one another.
    #[error("manifest.toml: {0}")]
    Contradiction(String),
}

impl Manifest {
    /// Reads and checks `manifest.toml`.
    ///
    /// # Errors
    /// [`ManifestError`] with the place and what to do.
    pub fn parse(text: &str) -> Result<Self, ManifestError> {
        let manifest: Self = toml::from_str(text).map_err(|error| ManifestError::Syntax(in_one_line(text, &error)))?;
        manifest.check().map_err(ManifestError::Contradiction)?;
        Ok(manifest)
    }

    /// The rule of the finding that the map explains.
    #[must_use]
    pub fn explained_finding(&self) -> Option<&FindingRule> {
        let map = self.map.as_ref()?;
        self.findings.iter().find(|rule| rule.id == map.finding)
    }

    fn check(&self) -> Result<(), String> {
        if self.schema != 1 {
            return Err(format!("schema {} is not known; this Lightbox reads schema 1", self.schema));
        }
        check_app(&self.app)?;
        check_model(&self.model)?;
        self.input.applies.iter().chain(&self.input.intended).try_for_each(check_rule)?;
        self.check_findings()
    }

    fn check_findings(&self) -> Result<(), String> {
        if self.findings.is_empty() {
            return Err("at least one [[finding]] is needed".to_owned());
        }
        for (place, rule) in self.findings.iter().enumerate() {
            if !(0.0..=1.0).contains(&rule.threshold) {
                return Err(format!("finding {}: the threshold must be from 0 to 1", rule.id));
            }
            if self.findings[..place].iter().any(|other| other.id == rule.id) {
                return Err(format!("finding {}: the identifier is used twice", rule.id));
            }
        }
        if let Some(map) = &self.map {
            if self.explained_finding().is_none() {
                return Err(format!("[map] explains {}, which is no finding", map.finding));
            }
            let side_min = self.model.input.rows.min(self.model.input.columns);
            if map.stride == 0 || map.window == 0 || map.window > side_min {
                return Err(format!("[map] window must be from 1 to {side_min} and stride at least 1"));
            }
        }
        Ok(())
    }
}

fn in_one_line(text: &str, error: &toml::de::Error) -> String {
    let message = error.message().split_whitespace().collect::<Vec<_>>().join(" ");
    match error.span().and_then(|span| text.get(..span.start)) {
        Some(before) => format!("line {}: {message}", before.matches('\n').count() + 1),
        None => message,
    }
}

fn check_app(app: &AppSection) -> Result<(), String> {
    let plain = |text: &str, extra: &str| {
        !text.is_empty()
            && text.len() <= 64
            && text.chars().all(|c| c.is_ascii_lowercase() || c.is_ascii_digit() || extra.contains(c))
    };
    if !plain(&app.id, "-") {
        return Err("app.id must have 1 to 64 lower-case letters, digits and dashes".to_owned());
    }
    if !plain(&app.release, "-.+") {
        return Err("app.release must have 1 to 64 lower-case letters, digits, dots, dashes and plus signs".to_owned());
    }
    for (key, text) in [("name", &app.name), ("vendor", &app.vendor), ("intended_use", &app.intended_use)] {
        if text.trim().is_empty() {
            return Err(format!("app.{key} must not be empty"));
        }
    }
    Ok(())
}

fn check_model(model: &ModelSection) -> Result<(), String> {
    if model.file.is_empty() || model.file.contains(['/', '\\']) || model.file.starts_with('.') {
        return Err("model.file must name a file in the release's own folder".to_owned());
    }
    if model.sha256.len() != 64 || !model.sha256.bytes().all(|byte| byte.is_ascii_hexdigit()) {
        return Err("model.sha256 must be 64 hexadecimal digits".to_owned());
    }
    let input = &model.input;
    if !matches!(input.channels, 1 | 3) {
        return Err("model.input.channels must be 1 or 3".to_owned());
    }
    let side = 1..=4096;
    if !side.contains(&input.rows) || !side.contains(&input.columns) {
        return Err("model.input.rows and columns must be from 1 to 4096".to_owned());
    }
    Ok(())
}

fn check_rule(rule: &AttributeRule) -> Result<(), String> {
    let ranged = rule.minimum_years.is_some() || rule.maximum_years.is_some();
    match (ranged, rule.one_of.is_empty()) {
        (true, true) if rule.attribute == "PatientAge" => Ok(()),
        (true, true) => Err(format!("rule on {}: years are only known of PatientAge", rule.attribute)),
        (false, false) => Ok(()),
        _ => Err(format!("rule on {}: give either one_of, or minimum_years and maximum_years", rule.attribute)),
    }
}

//! Who makes an app, what it claims, and what authorities say of that.

use schemars::JsonSchema;
use serde::Deserialize;

/// Who makes the app, and what it claims.
#[derive(Clone, Debug, PartialEq, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct AppSection {
    /// Identifier: lower-case letters, digits and dashes.
    pub id: String,
    /// Name for people.
    pub name: String,
    /// Who makes it.
    pub vendor: String,
    /// Version of the release: lower-case letters, digits, dots, dashes and plus signs.
    pub release: String,
    /// One sentence.
    pub summary: String,
    /// What it does with its input.
    pub task: Task,
    /// What it may be used for.
    pub intended_use: String,
    /// What it must not be used for.
    #[serde(default)]
    pub not_for: String,
    /// Licence of the release: an SPDX expression, or the name of a file in it.
    pub licence: String,
    /// File of the model card.
    pub model_card: Option<String>,
}

/// What an app does with its input; people look for apps by it.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Deserialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
pub enum Task {
    /// Says whether something is present.
    Classify,
    /// Says where something is.
    Detect,
    /// Outlines something, pixel by pixel.
    Segment,
    /// Says how much: an age, a volume, a density.
    Measure,
    /// Looks at the image itself: view, quality, burned-in text.
    CheckQuality,
    /// A clinical score from values.
    Score,
}

/// What an authority says of the release.
#[derive(Clone, Debug, PartialEq, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct RegulatoryStatus {
    /// Where it holds: a country (ISO 3166-1 alpha-2, such as `US`) or `EU`.
    pub jurisdiction: String,
    /// What holds there.
    pub status: Clearance,
    /// The device's class there, such as `IIb`.
    #[serde(default)]
    pub class: String,
    /// The authority's number or certificate, such as `K203514`; needed where it is cleared.
    #[serde(default)]
    pub reference: String,
}

/// What an authority says.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Deserialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
pub enum Clearance {
    /// For clinical use, as its intended use says.
    Cleared,
    /// In a study that the authority knows of.
    Investigational,
    /// Not for clinical use.
    NotCleared,
}

impl Task {
    /// The task's name in manifests and the API.
    #[must_use]
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Classify => "classify",
            Self::Detect => "detect",
            Self::Segment => "segment",
            Self::Measure => "measure",
            Self::CheckQuality => "check_quality",
            Self::Score => "score",
        }
    }
}

impl AppSection {
    pub(super) fn check(&self) -> Result<(), String> {
        let plain = |text: &str, extra: &str| {
            !text.is_empty()
                && text.len() <= 64
                && text.chars().all(|c| c.is_ascii_lowercase() || c.is_ascii_digit() || extra.contains(c))
        };
        if !plain(&self.id, "-") {
            return Err("app.id must have 1 to 64 lower-case letters, digits and dashes".to_owned());
        }
        if !plain(&self.release, "-.+") {
            return Err(
                "app.release must have 1 to 64 lower-case letters, digits, dots, dashes and plus signs".to_owned()
            );
        }
        let texts = [
            ("name", &self.name),
            ("vendor", &self.vendor),
            ("summary", &self.summary),
            ("intended_use", &self.intended_use),
            ("licence", &self.licence),
        ];
        match texts.into_iter().find(|(_, text)| text.trim().is_empty()) {
            Some((key, _)) => Err(format!("app.{key} must not be empty")),
            None => Ok(()),
        }
    }
}

impl RegulatoryStatus {
    pub(super) fn check(&self) -> Result<(), String> {
        let place = &self.jurisdiction;
        if place.len() != 2 || !place.bytes().all(|byte| byte.is_ascii_uppercase()) {
            return Err(format!("regulatory.jurisdiction {place} must be two capital letters, such as US or EU"));
        }
        if self.status == Clearance::Cleared && self.reference.trim().is_empty() {
            return Err(format!("regulatory: what is cleared in {place} needs the authority's reference"));
        }
        Ok(())
    }
}

//! For which input a release is, in words that a modality engineer knows.

use crate::word;
use schemars::JsonSchema;
use serde::Deserialize;

/// For which input a release is.
#[derive(Clone, Debug, PartialEq, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct InputSection {
    /// The image that one run reads.
    pub image: ImageNeed,
    /// The patients for whom it is.
    #[serde(default)]
    pub patient: PatientNeed,
}

/// What kind of image one run reads. What the first part asks for decides whether the app is applicable at all; what the
/// second part asks for, whether an applicable image is within the intended use: if not, it is refused with the reason.
#[derive(Clone, Debug, PartialEq, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct ImageNeed {
    /// What one run reads.
    pub of: ImageLevel,

    /// `Modality`: one of these.
    pub modality: Vec<String>,
    /// `SOPClassUID`: one of these; any if empty.
    #[serde(default)]
    pub sop_class: Vec<String>,
    /// The body part: one of these words of `regions.toml`; any if empty. It is looked for in the coded region, then in
    /// `BodyPartExamined`, and only where neither says anything in the descriptions.
    #[serde(default)]
    pub body_part: Vec<String>,
    /// Further conditions of what the app is applicable to.
    #[serde(default)]
    pub applies: Vec<AttributeRule>,

    /// The view: one of these words of `views.toml`; any if empty.
    #[serde(default)]
    pub view: Vec<String>,
    /// `ImageLaterality` or `Laterality`: one of these; any if empty.
    #[serde(default)]
    pub laterality: Vec<Laterality>,
    /// `PresentationIntentType`, where the object has one.
    pub presentation: Option<Presentation>,
    /// `SliceThickness` in millimetres.
    pub slice_thickness_mm: Option<Range>,
    /// `ConvolutionKernel`: one of these; `*` at the end stands for any rest.
    #[serde(default)]
    pub kernel: Vec<String>,
    /// Whether contrast medium was given, by `ContrastBolusAgent`.
    pub contrast: Option<Contrast>,
    /// Whether the size of a pixel must be known.
    #[serde(default)]
    pub pixel_spacing: bool,
    /// Further conditions of the intended use.
    #[serde(default)]
    pub intended: Vec<AttributeRule>,
}

/// What one run reads.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Deserialize, JsonSchema)]
#[serde(rename_all = "lowercase")]
pub enum ImageLevel {
    /// One instance.
    Instance,
}

/// For which side.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Deserialize, JsonSchema)]
#[serde(rename_all = "lowercase")]
pub enum Laterality {
    /// `L`.
    Left,
    /// `R`.
    Right,
    /// `B`.
    Both,
}

/// What an image was made for (PS3.3 §C.8.11.1).
#[derive(Clone, Copy, Debug, PartialEq, Eq, Deserialize, JsonSchema)]
pub enum Presentation {
    /// For people to look at.
    #[serde(rename = "for presentation")]
    Presentation,
    /// Raw detector data.
    #[serde(rename = "for processing")]
    Processing,
}

/// Whether contrast medium was given.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Deserialize, JsonSchema)]
#[serde(rename_all = "lowercase")]
pub enum Contrast {
    /// It was.
    With,
    /// It was not.
    Without,
}

/// A range of numbers, both ends included.
#[derive(Clone, Copy, Debug, PartialEq, Default, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct Range {
    /// The least.
    pub from: Option<f64>,
    /// The greatest.
    pub to: Option<f64>,
}

/// The patients for whom an app is.
#[derive(Clone, Debug, PartialEq, Default, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct PatientNeed {
    /// Their age.
    pub age_years: Option<AgeRange>,
    /// `PatientSex`: one of these; any if empty.
    #[serde(default)]
    pub sex: Vec<String>,
}

/// Ages in years.
#[derive(Clone, Debug, PartialEq, Default, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct AgeRange {
    /// From this birthday on.
    pub from: Option<f64>,
    /// Until the day before this birthday.
    pub below: Option<f64>,
    /// What holds when the age is not known.
    #[serde(default)]
    pub absent: Absent,
    /// What it means, in words that complete "the app is for …"; else the numbers are said.
    pub reason: Option<String>,
}

/// A condition on any one attribute of an instance.
#[derive(Clone, Debug, PartialEq, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct AttributeRule {
    /// Keyword of PS3.6.
    pub attribute: String,
    /// The values of which one must be present; case does not matter.
    pub one_of: Vec<String>,
    /// What holds when the attribute is absent or empty.
    #[serde(default)]
    pub absent: Absent,
    /// What the rule means, in words that complete "the app is for …".
    pub reason: Option<String>,
}

/// What holds when an attribute is absent or empty.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Default, Deserialize, JsonSchema)]
#[serde(rename_all = "lowercase")]
pub enum Absent {
    /// The rule does not hold.
    #[default]
    Refuse,
    /// The rule holds.
    Accept,
}

impl InputSection {
    pub(super) fn check(&self) -> Result<(), String> {
        self.image.check()?;
        match &self.patient.age_years {
            Some(AgeRange { from: None, below: None, .. }) => {
                Err("input.patient.age_years needs `from`, `below` or both".to_owned())
            }
            Some(AgeRange { from: Some(from), below: Some(below), .. }) if from >= below => {
                Err(format!("input.patient.age_years: from {from} is not before {below}"))
            }
            _ => Ok(()),
        }
    }
}

impl ImageNeed {
    fn check(&self) -> Result<(), String> {
        if self.modality.is_empty() {
            return Err("input.image.modality must name at least one modality".to_owned());
        }
        let unknown = |key: &str, word: &str, known: Vec<&str>| {
            Err(format!("input.image.{key}: {word} is not known; known are {}", known.join(", ")))
        };
        if let Some(part) = self.body_part.iter().find(|part| word::region(part).is_none()) {
            return unknown("body_part", part, word::regions().collect());
        }
        if let Some(view) = self.view.iter().find(|view| word::view(view).is_none()) {
            return unknown("view", view, word::views().collect());
        }
        if let Some(Range { from: None, to: None }) = self.slice_thickness_mm {
            return Err("input.image.slice_thickness_mm needs `from`, `to` or both".to_owned());
        }
        let rules = self.applies.iter().chain(&self.intended);
        match rules.into_iter().find(|rule| rule.one_of.is_empty()) {
            Some(rule) => Err(format!("rule on {}: one_of must name at least one value", rule.attribute)),
            None => Ok(()),
        }
    }
}

impl Laterality {
    /// The value of `ImageLaterality` (PS3.3 §C.8.11.1).
    #[must_use]
    pub const fn term(self) -> &'static str {
        match self {
            Self::Left => "L",
            Self::Right => "R",
            Self::Both => "B",
        }
    }
}

impl Presentation {
    /// The value of `PresentationIntentType`.
    #[must_use]
    pub const fn term(self) -> &'static str {
        match self {
            Self::Presentation => "FOR PRESENTATION",
            Self::Processing => "FOR PROCESSING",
        }
    }
}

impl Range {
    /// Whether the number lies in it.
    #[must_use]
    pub fn contains(self, number: f64) -> bool {
        self.from.is_none_or(|from| number >= from) && self.to.is_none_or(|to| number <= to)
    }
}

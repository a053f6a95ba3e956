//! Which deployments apply to an instance, and in which words that is explained.

use crate::{Absent, AgeRange, AttributeRule, Contrast, ImageNeed, InputSection, Range, word};

/// Where rules find the values of an instance's attributes.
pub trait AttributeSource {
    /// The attribute's values by keyword of PS3.6, decoded, without padding; empty when absent or without value.
    fn values(&self, keyword: &str) -> Vec<String>;

    /// The codes of a sequence of coded concepts (PS3.3 §8.8), each as `SCHEME:value`.
    fn codes(&self, keyword: &str) -> Vec<String>;
}

/// What a deployment's rules say of an instance.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Applicability {
    /// The app runs.
    Applies,
    /// The app is not meant for this kind of object; said beside the study, no run.
    NotApplicable(String),
    /// The app is meant for this kind of object but not for this patient, view or image; a run that is rejected.
    OutsideIntendedUse(String),
}

/// Decides whether an app's input section covers an instance.
#[must_use]
pub fn evaluate(input: &InputSection, instance: &dyn AttributeSource) -> Applicability {
    let not_applicable = kind_complaints(&input.image, instance);
    if !not_applicable.is_empty() {
        return Applicability::NotApplicable(not_applicable.join("; "));
    }
    let outside = use_complaints(input, instance);
    if !outside.is_empty() {
        return Applicability::OutsideIntendedUse(outside.join("; "));
    }
    Applicability::Applies
}

/// Why the app is not applicable to this kind of object.
fn kind_complaints(image: &ImageNeed, instance: &dyn AttributeSource) -> Vec<String> {
    let kind = [
        one_of("Modality", &image.modality, Absent::Refuse, instance),
        one_of("SOPClassUID", &image.sop_class, Absent::Refuse, instance),
        word::region_complaint(&image.body_part, instance),
    ];
    kind.into_iter().flatten().chain(image.applies.iter().filter_map(|rule| complaint(rule, instance))).collect()
}

/// Why the object is outside the intended use.
fn use_complaints(input: &InputSection, instance: &dyn AttributeSource) -> Vec<String> {
    let InputSection { image, patient } = input;
    let laterality: Vec<String> = image.laterality.iter().map(|side| side.term().to_owned()).collect();
    let intent: Vec<String> = image.presentation.iter().map(|intent| intent.term().to_owned()).collect();
    let side = if instance.values("ImageLaterality").is_empty() { "Laterality" } else { "ImageLaterality" };
    let complaints = [
        patient.age_years.as_ref().and_then(|range| age_complaint(range, instance)),
        one_of("PatientSex", &patient.sex, Absent::Refuse, instance),
        word::view_complaint(&image.view, instance),
        one_of(side, &laterality, Absent::Refuse, instance),
        // Only digital radiographs and mammograms carry it.
        one_of("PresentationIntentType", &intent, Absent::Accept, instance),
        image.slice_thickness_mm.and_then(|range| thickness_complaint(range, instance)),
        kernel_complaint(&image.kernel, instance),
        image.contrast.and_then(|contrast| contrast_complaint(contrast, instance)),
        image.pixel_spacing.then(|| spacing_complaint(instance)).flatten(),
    ];
    complaints.into_iter().flatten().chain(image.intended.iter().filter_map(|rule| complaint(rule, instance))).collect()
}

/// Why an attribute has none of these values, in words; `None` when it has one, or none is asked for.
fn one_of(keyword: &str, wanted: &[String], absent: Absent, instance: &dyn AttributeSource) -> Option<String> {
    if wanted.is_empty() {
        return None;
    }
    let values = instance.values(keyword);
    let present: Vec<&str> = values.iter().map(|value| value.trim()).filter(|value| !value.is_empty()).collect();
    if present.is_empty() {
        return (absent == Absent::Refuse).then(|| format!("{keyword} is not given"));
    }
    let is_wanted = |value: &&str| wanted.iter().any(|one| one.eq_ignore_ascii_case(value));
    let found = present.iter().any(is_wanted);
    (!found).then(|| format!("{keyword} is {}, not {}", present.join("\\"), wanted.join(" or ")))
}

/// Why a rule of a manifest's own does not hold, in words; `None` when it holds.
fn complaint(rule: &AttributeRule, instance: &dyn AttributeSource) -> Option<String> {
    let is = one_of(&rule.attribute, &rule.one_of, rule.absent, instance)?;
    Some(with_reason(rule.reason.as_deref(), &is))
}

fn age_complaint(range: &AgeRange, instance: &dyn AttributeSource) -> Option<String> {
    let is_for = || range.reason.clone().unwrap_or_else(|| said_ages(range));
    let Some(years) = age_years(instance) else {
        let refused = range.absent == Absent::Refuse;
        return refused.then(|| with_reason(Some(&is_for()), "the patient's age is not given"));
    };
    let young = range.from.is_some_and(|from| years < from);
    let old = range.below.is_some_and(|below| years >= below);
    (young || old).then(|| with_reason(Some(&is_for()), &format!("the patient's age is {}", readable_age(years))))
}

fn said_ages(range: &AgeRange) -> String {
    match (range.from, range.below) {
        (Some(from), Some(below)) => format!("patients from {from} to under {below} years"),
        (Some(from), None) => format!("patients of {from} years and older"),
        (None, Some(below)) => format!("patients under {below} years"),
        (None, None) => "patients of any age".to_owned(),
    }
}

fn thickness_complaint(range: Range, instance: &dyn AttributeSource) -> Option<String> {
    let limits = match (range.from, range.to) {
        (Some(from), Some(to)) => format!("slices of {from} to {to} mm"),
        (Some(from), None) => format!("slices of {from} mm and more"),
        (_, to) => format!("slices of up to {} mm", to.unwrap_or(f64::INFINITY)),
    };
    match first_number("SliceThickness", instance) {
        Some(thickness) if range.contains(thickness) => None,
        Some(thickness) => Some(with_reason(Some(&limits), &format!("SliceThickness is {thickness} mm"))),
        None => Some(with_reason(Some(&limits), "SliceThickness is not given")),
    }
}

fn kernel_complaint(wanted: &[String], instance: &dyn AttributeSource) -> Option<String> {
    if wanted.is_empty() {
        return None;
    }
    let kernels = instance.values("ConvolutionKernel");
    let Some(kernel) = kernels.first() else { return Some("ConvolutionKernel is not given".to_owned()) };
    let fits = |pattern: &String| match pattern.strip_suffix('*') {
        Some(beginning) => kernel.to_lowercase().starts_with(&beginning.to_lowercase()),
        None => kernel.eq_ignore_ascii_case(pattern),
    };
    (!wanted.iter().any(fits)).then(|| format!("ConvolutionKernel is {kernel}, not {}", wanted.join(" or ")))
}

fn contrast_complaint(contrast: Contrast, instance: &dyn AttributeSource) -> Option<String> {
    let given = instance.values("ContrastBolusAgent").iter().any(|agent| !agent.trim().is_empty());
    match (contrast, given) {
        (Contrast::With, false) => {
            Some("ContrastBolusAgent is not given; the app is for images with contrast".to_owned())
        }
        (Contrast::Without, true) => Some("contrast was given; the app is for images without".to_owned()),
        _ => None,
    }
}

fn spacing_complaint(instance: &dyn AttributeSource) -> Option<String> {
    let known = ["PixelSpacing", "ImagerPixelSpacing"].iter().any(|keyword| first_number(keyword, instance).is_some());
    (!known).then(|| "PixelSpacing is not given; the app is for images of known size".to_owned())
}

fn first_number(keyword: &str, instance: &dyn AttributeSource) -> Option<f64> {
    let text = instance.values(keyword).into_iter().next()?;
    text.trim().parse().ok().filter(|number: &f64| number.is_finite())
}

fn with_reason(reason: Option<&str>, is: &str) -> String {
    match reason {
        Some(reason) => format!("{is}; the app is for {reason}"),
        None => is.to_owned(),
    }
}

fn readable_age(years: f64) -> String {
    match years {
        young if young < 2.0 => format!("{} months", (young * 12.0).floor()),
        older => format!("{} years", older.floor()),
    }
}

/// The patient's age in years: `PatientAge`, else from `PatientBirthDate` to `StudyDate`.
#[must_use]
pub fn age_years(instance: &dyn AttributeSource) -> Option<f64> {
    let first = |keyword: &str| instance.values(keyword).into_iter().next().unwrap_or_default();
    parse_age(&first("PatientAge")).or_else(|| years_between(&first("PatientBirthDate"), &first("StudyDate")))
}

/// Reads an age string (PS3.5 §6.2, VR AS), such as `004Y` or `18M`, as years.
#[must_use]
pub fn parse_age(text: &str) -> Option<f64> {
    let text = text.trim();
    let (number, unit) = text.split_at_checked(text.len().checked_sub(1)?)?;
    let number: f64 = number.parse::<u32>().ok()?.into();
    match unit {
        "Y" => Some(number),
        "M" => Some(number / 12.0),
        "W" => Some(number / 52.18),
        "D" => Some(number / 365.25),
        _ => None,
    }
}

/// Whole years and the months after them as twelfths between two dates `YYYYMMDD`; `None` when one is no date, or the
/// second comes before the first.
#[must_use]
pub fn years_between(from: &str, to: &str) -> Option<f64> {
    let (from_year, from_month, from_day) = parse_date(from)?;
    let (to_year, to_month, to_day) = parse_date(to)?;
    let months = (to_year - from_year) * 12 + to_month - from_month - i32::from(to_day < from_day);
    (months >= 0).then(|| f64::from(months) / 12.0)
}

fn parse_date(text: &str) -> Option<(i32, i32, i32)> {
    let text = text.trim();
    if text.len() != 8 || !text.bytes().all(|byte| byte.is_ascii_digit()) {
        return None;
    }
    let (month, day) = (text[4..6].parse().ok()?, text[6..8].parse().ok()?);
    ((1..=12).contains(&month) && (1..=31).contains(&day)).then_some(())?;
    Some((text[..4].parse().ok()?, month, day))
}

//! Which deployments apply to an instance, and in which words that is explained.

use crate::{Absent, AttributeRule, InputSection};

/// Where rules find the values of an instance's attributes.
pub trait AttributeSource {
    /// The attribute's values by keyword of PS3.6, decoded, without padding; empty when absent or without value.
    fn values(&self, keyword: &str) -> Vec<String>;
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
    let complaints = |rules: &[AttributeRule]| -> Vec<String> {
        rules.iter().filter_map(|rule| complaint(rule, instance)).collect()
    };
    let not_applicable = complaints(&input.applies);
    if !not_applicable.is_empty() {
        return Applicability::NotApplicable(not_applicable.join("; "));
    }
    let outside = complaints(&input.intended);
    if !outside.is_empty() {
        return Applicability::OutsideIntendedUse(outside.join("; "));
    }
    Applicability::Applies
}

/// Why the rule does not hold, in words; `None` when it holds.
fn complaint(rule: &AttributeRule, instance: &dyn AttributeSource) -> Option<String> {
    if rule.attribute == "PatientAge" && rule.one_of.is_empty() {
        return age_complaint(rule, instance);
    }
    let values = instance.values(&rule.attribute);
    let present: Vec<&str> = values.iter().map(|value| value.trim()).filter(|value| !value.is_empty()).collect();
    if present.is_empty() {
        return match rule.absent {
            Absent::Accept => None,
            Absent::Refuse => Some(with_reason(rule, &format!("{} is not given", rule.attribute))),
        };
    }
    let wanted = |value: &&str| rule.one_of.iter().any(|one| one.eq_ignore_ascii_case(value));
    if present.iter().any(wanted) {
        return None;
    }
    let is = format!("{} is {}, not {}", rule.attribute, present.join("\\"), rule.one_of.join(" or "));
    Some(with_reason(rule, &is))
}

fn age_complaint(rule: &AttributeRule, instance: &dyn AttributeSource) -> Option<String> {
    let Some(years) = age_years(instance) else {
        return match rule.absent {
            Absent::Accept => None,
            Absent::Refuse => Some(with_reason(rule, "the patient's age is not given")),
        };
    };
    let young = rule.minimum_years.is_some_and(|minimum| years < minimum);
    let old = rule.maximum_years.is_some_and(|maximum| years > maximum);
    (young || old).then(|| with_reason(rule, &format!("the patient's age is {}", readable_age(years))))
}

fn with_reason(rule: &AttributeRule, is: &str) -> String {
    match &rule.reason {
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

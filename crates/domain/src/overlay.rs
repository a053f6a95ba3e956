//! Corrections and merges: other values that lie over those that are stored, whose bytes never change.
//!
//! An overlay is made by a person, never altered, and undone at most once. What counts for a study is computed anew from
//! what it arrived with and from the overlays that stand, in the order in which they were made; so undoing one of them
//! leaves the others as they are. A merge is an overlay of the patient who is no more: it gives their studies the identity
//! and demographics of the other one, also those that arrive later.

use crate::{Attribute, PatientKey, Uid};
use serde::{Deserialize, Serialize};
use std::collections::BTreeMap;
use std::fmt;

/// Values of attributes that may be corrected, by keyword. An empty value stands for none.
#[derive(Clone, PartialEq, Eq, Default, Serialize, Deserialize)]
#[serde(transparent)]
pub struct Values(BTreeMap<String, String>);

/// Why a value cannot be set. The value itself, which may name a patient, is not repeated.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum ValuesError {
    /// The attribute is not among those that may be corrected.
    #[error("{0} cannot be corrected: choose from {list}", list = correctable())]
    NotCorrectable(String),
    /// The value is not of the attribute's representation.
    #[error("{keyword} is not valid: {why}")]
    Invalid {
        /// The attribute.
        keyword: &'static str,
        /// What its value has to be.
        why: &'static str,
    },
}

/// The keywords that may be corrected, for messages.
fn correctable() -> String {
    let keywords = Attribute::all().iter().filter(|one| one.is_correctable).map(|one| one.keyword.as_str());
    keywords.collect::<Vec<_>>().join(", ")
}

impl Values {
    /// Sets an attribute by its keyword, after checking its value.
    ///
    /// # Errors
    /// [`ValuesError`].
    pub fn set(&mut self, keyword: &str, value: &str) -> Result<(), ValuesError> {
        let attribute = Attribute::of_keyword(keyword).filter(|one| one.is_correctable);
        let attribute = attribute.ok_or_else(|| ValuesError::NotCorrectable(keyword.to_owned()))?;
        let value = value.trim();
        check(attribute, value).map_err(|why| ValuesError::Invalid { keyword: &attribute.keyword, why })?;
        self.0.insert(keyword.to_owned(), value.to_owned());
        Ok(())
    }

    /// Values as they arrived, which nobody checks; those that cannot be corrected are passed over.
    pub fn as_arrived<'a>(values: impl IntoIterator<Item = (&'a Attribute, &'a str)>) -> Self {
        let kept = values.into_iter().filter(|(attribute, _)| attribute.is_correctable);
        Self(kept.map(|(attribute, value)| (attribute.keyword.clone(), value.to_owned())).collect())
    }

    /// Each attribute with its value, in the order of their keywords.
    pub fn iter(&self) -> impl Iterator<Item = (&'static Attribute, &str)> {
        self.0.iter().filter_map(|(keyword, value)| Some((Attribute::of_keyword(keyword)?, value.as_str())))
    }

    /// The value of an attribute; `None` when it is not among them.
    #[must_use]
    pub fn get(&self, keyword: &str) -> Option<&str> {
        self.0.get(keyword).map(String::as_str)
    }

    /// Whether there are none.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.0.is_empty()
    }

    /// The keywords.
    pub fn keywords(&self) -> impl Iterator<Item = &str> {
        self.0.keys().map(String::as_str)
    }

    /// The patient that they name.
    #[must_use]
    pub fn patient(&self) -> PatientKey {
        let text = |keyword| self.get(keyword).unwrap_or_default().to_owned();
        PatientKey { id: text("PatientID"), issuer: text("IssuerOfPatientID") }
    }

    /// The same with the others on top.
    #[must_use]
    pub fn with(mut self, others: &Self) -> Self {
        self.0.extend(others.0.iter().map(|(keyword, value)| (keyword.clone(), value.clone())));
        self
    }

    /// Those of them whose keyword is wanted.
    #[must_use]
    pub fn only(mut self, is_wanted: impl Fn(&str) -> bool) -> Self {
        self.0.retain(|keyword, _| is_wanted(keyword));
        self
    }
}

impl fmt::Debug for Values {
    /// Identifying attributes never reach a log line.
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.debug_set().entries(self.0.keys()).finish()
    }
}

/// What a value has to be by its representation (PS3.5 §6.2); an empty one is none.
fn check(attribute: &Attribute, value: &str) -> Result<(), &'static str> {
    match (value.is_empty(), attribute.keyword.as_str()) {
        (true, "PatientID") => Err("a patient has an identifier"),
        (true, _) => Ok(()),
        (false, _) => check_value(&attribute.vr, value),
    }
}

/// The same for a value that is one.
pub(crate) fn check_value(vr: &str, value: &str) -> Result<(), &'static str> {
    if value.contains('\\') || value.chars().any(char::is_control) {
        return Err("one line without backslash");
    }
    let fits = |characters_max: usize| value.chars().count() <= characters_max;
    match vr {
        "LO" if !fits(64) => Err("64 characters at most"),
        "SH" if !fits(16) => Err("16 characters at most"),
        "PN" if !is_name(value) => Err("at most 3 component groups of 64 characters, each of 5 components"),
        "DA" if !is_date(value) => Err("a date, YYYYMMDD"),
        "TM" if !is_time(value) => Err("a time, HHMMSS.FFFFFF, of which the end may be left out"),
        // The only one is PatientSex (PS3.3 §C.7.1.1).
        "CS" if !matches!(value, "F" | "M" | "O") => Err("F, M or O"),
        _ => Ok(()),
    }
}

fn is_name(name: &str) -> bool {
    let fits = |group: &str| group.chars().count() <= 64 && group.split('^').count() <= 5;
    name.split('=').count() <= 3 && name.split('=').all(fits)
}

fn is_date(date: &str) -> bool {
    let number = |range: std::ops::Range<usize>| date.get(range).and_then(|digits| digits.parse::<u32>().ok());
    let digits = date.len() == 8 && date.bytes().all(|byte| byte.is_ascii_digit());
    let (Some(year), Some(month), Some(day)) = (number(0..4), number(4..6), number(6..8)) else { return false };
    let days = match month {
        4 | 6 | 9 | 11 => 30,
        2 if year % 4 == 0 && (year % 100 != 0 || year % 400 == 0) => 29,
        2 => 28,
        _ => 31,
    };
    digits && (1..=12).contains(&month) && (1..=days).contains(&day)
}

fn is_time(time: &str) -> bool {
    let (whole, fraction) = time.split_once('.').unwrap_or((time, "0"));
    let is_digits = |text: &str| text.bytes().all(|byte| byte.is_ascii_digit());
    let below = |at: usize, limit: u32| {
        let part = whole.get(at..at + 2).map(|digits| digits.parse::<u32>());
        part.is_none_or(|number| number.is_ok_and(|number| number < limit))
    };
    let has_fraction = time.contains('.');
    is_digits(whole)
        && is_digits(fraction)
        && (1..=6).contains(&fraction.len())
        && (whole.len() == 6 || !has_fraction && matches!(whole.len(), 2 | 4))
        // A leap second is the 60th.
        && below(0, 24) && below(2, 60) && below(4, 61)
}

/// Of what an overlay changes what is said.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum OverlayScope {
    /// One study.
    Study(Uid),
    /// All studies of a patient, also those that arrive later.
    Patient(PatientKey),
}

/// A correction or a merge.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Overlay {
    /// Its identifier.
    pub id: String,
    /// Of what.
    pub scope: OverlayScope,
    /// The new values.
    pub values: Values,
    /// Why, in words.
    pub reason: String,
    /// Who made it, as the log names them.
    pub made_by: String,
    /// When, in milliseconds since 1970; later than every other.
    pub made_ms: i64,
    /// Who undid it.
    pub undone_by: Option<String>,
    /// When it was undone.
    pub undone_ms: Option<i64>,
}

/// What comes of the overlays of a study.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Overlaid<'a> {
    /// What counts: every value of the study.
    pub values: Values,
    /// Those of them that an overlay set.
    pub standing: Values,
    /// The overlays that did.
    pub by: Vec<&'a Overlay>,
}

/// What counts for a study that arrived with these values. Of a patient's overlays only those matter that are of the
/// patient whose study it is at that point of the order.
#[must_use]
pub fn overlay<'a>(study: &Uid, arrived: &Values, overlays: &'a [Overlay]) -> Overlaid<'a> {
    let mut made: Vec<&Overlay> = overlays.iter().filter(|one| one.undone_ms.is_none()).collect();
    made.sort_by(|a, b| (a.made_ms, &a.id).cmp(&(b.made_ms, &b.id)));
    let mut overlaid = Overlaid { values: arrived.clone(), standing: Values::default(), by: Vec::new() };
    for one in made {
        let applies = match &one.scope {
            OverlayScope::Study(uid) => uid == study,
            OverlayScope::Patient(patient) => *patient == overlaid.values.patient(),
        };
        if applies {
            overlaid.values = overlaid.values.with(&one.values);
            overlaid.standing = overlaid.standing.with(&one.values);
            overlaid.by.push(one);
        }
    }
    overlaid
}

/// What instances of a study say when they leave, in place of what is stored.
#[derive(Clone, Debug, PartialEq, Eq, Default, Serialize, Deserialize)]
pub struct Correction {
    /// What the study arrived with: every attribute that may be corrected.
    pub arrived: Values,
    /// What overlays set.
    pub standing: Values,
    /// What overlays had set that were undone since, as it arrived. Results that were written meanwhile say otherwise.
    pub restored: Values,
    /// When this last changed, in milliseconds since 1970.
    pub changed_ms: i64,
}

impl Correction {
    /// What an instance says: one that arrived as it was sent, but for what overlays set; one that an app's run made also
    /// what the study arrived with, where an undone overlay had said otherwise.
    #[must_use]
    pub fn values(&self, is_result: bool) -> Values {
        if is_result { self.restored.clone().with(&self.standing) } else { self.standing.clone() }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn values(pairs: &[(&str, &str)]) -> Values {
        let mut values = Values::default();
        pairs.iter().for_each(|(keyword, value)| values.set(keyword, value).expect("valid"));
        values
    }

    fn made(made_ms: i64, scope: OverlayScope, pairs: &[(&str, &str)]) -> Overlay {
        let (reason, made_by) = ("typing error".to_owned(), "admin".to_owned());
        let id = format!("01J{made_ms}");
        Overlay { id, scope, values: values(pairs), reason, made_by, made_ms, undone_by: None, undone_ms: None }
    }

    fn patient(id: &str, issuer: &str) -> OverlayScope {
        OverlayScope::Patient(PatientKey { id: id.to_owned(), issuer: issuer.to_owned() })
    }

    #[track_caller]
    fn refused(keyword: &str, value: &str) {
        let error = Values::default().set(keyword, value).expect_err("refused");
        assert!(value.len() < 3 || !error.to_string().contains(value), "{error}");
    }

    #[test]
    fn values_are_checked_by_their_representation() {
        values(&[
            ("PatientName", "Yamada^Tarou=山田^太郎=やまだ^たろう"),
            ("PatientBirthDate", "20240229"),
            ("PatientSex", ""),
            ("StudyTime", "235960.5"),
            ("StudyTime", "12"),
        ]);
        refused("PatientID", " ");
        refused("PatientID", "12\\13");
        refused("PatientID", &"1".repeat(65));
        refused("AccessionNumber", "A2345678901234567");
        refused("PatientName", "a^b^c^d^e^f");
        for date in ["20230229", "2024022", "20241301", "2024-2-9", "0000000ä"] {
            refused("StudyDate", date);
        }
        for time in ["2400", "1", "1230.5", "123000.", "123000.1234567", "12:30"] {
            refused("StudyTime", time);
        }
        refused("PatientSex", "U");
    }

    #[test]
    fn only_what_names_patient_and_study_may_be_corrected() {
        for keyword in ["StudyInstanceUID", "SOPInstanceUID", "PatientAge", "Modality", "PixelData", "nonsense"] {
            let error = Values::default().set(keyword, "1").expect_err("refused");
            assert!(matches!(error, ValuesError::NotCorrectable(_)), "{keyword}");
        }
        assert_eq!(Attribute::all().iter().filter(|one| one.is_correctable).count(), 11);
        assert!(Attribute::all().iter().filter(|one| one.is_correctable).all(|one| one.vr != "UI" && one.is_read()));
    }

    #[test]
    fn overlays_count_in_the_order_in_which_they_were_made() {
        let study = Uid::parse("1.2").unwrap();
        let arrived = values(&[("PatientID", "A"), ("PatientName", "Doe"), ("StudyDescription", "Thorax")]);
        let mut overlays = vec![
            made(2, patient("B", ""), &[("PatientID", "C"), ("PatientName", "Roe")]),
            made(1, OverlayScope::Study(study.clone()), &[("PatientID", "B"), ("StudyDescription", "Chest")]),
            made(3, patient("B", "X"), &[("PatientID", "D")]),
            made(4, OverlayScope::Study(Uid::parse("1.3").unwrap()), &[("PatientID", "E")]),
        ];
        let both = overlay(&study, &arrived, &overlays);
        let expected = values(&[("PatientID", "C"), ("PatientName", "Roe"), ("StudyDescription", "Chest")]);
        assert_eq!((&both.values, &both.standing), (&expected, &expected));
        assert_eq!(both.by.iter().map(|one| one.made_ms).collect::<Vec<_>>(), [1, 2]);

        overlays[1].undone_ms = Some(5);
        let none = overlay(&study, &arrived, &overlays);
        assert_eq!(
            (none.values, none.standing.is_empty()),
            (arrived, true),
            "the patient is A again, whom nobody merged"
        );
    }

    #[test]
    fn results_say_again_what_an_undone_overlay_had_changed() {
        let correction = Correction {
            arrived: values(&[("PatientID", "A"), ("StudyID", "1")]),
            standing: values(&[("StudyID", "2")]),
            restored: values(&[("PatientID", "A")]),
            changed_ms: 1,
        };
        assert_eq!(correction.values(false), values(&[("StudyID", "2")]));
        assert_eq!(correction.values(true), values(&[("PatientID", "A"), ("StudyID", "2")]));
    }

    #[test]
    fn values_do_not_show_themselves() {
        assert_eq!(format!("{:?}", values(&[("PatientName", "Doe^Jane")])), r#"{"PatientName"}"#);
    }
}

//! Values that stand in the place of others: dummies, moved dates, words of a vocabulary.

use super::ProjectKey;
use super::pseudonym;
use dicom_core::{Tag, VR};
use jiff::ToSpan;
use jiff::civil::Date;
use std::collections::HashSet;
use std::sync::LazyLock;

const WORDS: &str = include_str!("../../data/deidentification/words.txt");
/// The age from which all are said to be of the same: there are few of them (45 CFR 164.514(b)(2)(i)(C)).
const AGE_YEARS_MAX: u32 = 89;
/// What is said of those who are older.
const OLDEST: &str = "090Y";

static VOCABULARY: LazyLock<HashSet<&'static str>> =
    LazyLock::new(|| WORDS.lines().filter(|line| !line.starts_with('#')).flat_map(str::split_whitespace).collect());

/// Whether values of this representation are texts that a person may have written.
pub(super) fn is_free_text(vr: VR) -> bool {
    matches!(vr, VR::LO | VR::LT | VR::SH | VR::ST | VR::UC | VR::UT)
}

/// D: a value that says nothing, right for its representation. Texts and names are pseudonyms of what they replace, so
/// that equal ones stay equal.
pub(super) fn dummy(key: &ProjectKey, tag: Tag, vr: VR, original: &str) -> Vec<u8> {
    match vr {
        VR::AE | VR::PN | VR::SH | VR::LO | VR::LT | VR::ST | VR::UC | VR::UT => {
            pseudonym::text(key, tag, original).into_bytes()
        }
        VR::UI => pseudonym::uid(key, original).map_or_else(Vec::new, |uid| uid.as_str().into()),
        VR::CS => b"ANONYMIZED".to_vec(),
        VR::DA => b"19000101".to_vec(),
        VR::TM => b"000000".to_vec(),
        VR::DT => b"19000101000000".to_vec(),
        VR::AS => b"000Y".to_vec(),
        VR::UR => b"urn:oid:2.25.0".to_vec(),
        VR::DS | VR::IS => b"0".to_vec(),
        VR::FD | VR::OD | VR::OV | VR::SV | VR::UV => vec![0; 8],
        VR::AT | VR::FL | VR::OF | VR::OL | VR::SL | VR::UL => vec![0; 4],
        _ => vec![0; 2],
    }
}

/// The words of the vocabulary that a text has, in capitals and in their order; `None` when there are none. Values stay
/// divided where the representation divides them.
pub(super) fn known_words(vr: VR, text: &str) -> Option<String> {
    let divides = !matches!(vr, VR::LT | VR::ST | VR::UT);
    let values: Vec<String> = match divides {
        true => text.split('\\').map(words_of).filter(|words| !words.is_empty()).collect(),
        false => vec![words_of(text)],
    };
    let cleaned = values.join("\\");
    (!cleaned.is_empty()).then_some(cleaned)
}

fn words_of(text: &str) -> String {
    let words = text.split(|letter: char| !letter.is_alphanumeric()).map(str::to_ascii_uppercase);
    words.filter(|word| VOCABULARY.contains(word.as_str())).collect::<Vec<_>>().join(" ")
}

/// Dates moved by whole days; times of day and offsets stay. `None` when any value is none.
pub(super) fn moved(vr: VR, text: &str, days: i32) -> Option<String> {
    let values: Option<Vec<String>> = text
        .split('\\')
        .map(|value| match vr {
            VR::DA => moved_date(value.trim(), days),
            VR::DT => moved_date_time(value.trim(), days),
            VR::TM => is_time(value.trim()).then(|| value.trim().to_owned()),
            _ => None,
        })
        .collect();
    values.map(|values| values.join("\\")).filter(|text| !text.is_empty())
}

/// `YYYYMMDD`, or `YYYY.MM.DD` as before 1993 (PS3.5 §6.2).
fn moved_date(value: &str, days: i32) -> Option<String> {
    let dotted = value.len() == 10 && value.as_bytes()[4] == b'.' && value.as_bytes()[7] == b'.';
    let digits = if dotted { value.replace('.', "") } else { value.to_owned() };
    (digits.len() == 8).then(|| moved_digits(&digits, days)).flatten()
}

/// `YYYYMMDDHHMMSS.FFFFFF&ZZXX`, cut after any part. What has no day moves as if it were the first, and is cut as it was.
fn moved_date_time(value: &str, days: i32) -> Option<String> {
    let end = value.find(['+', '-']).unwrap_or(value.len());
    let (date_time, offset) = value.split_at(end);
    let date = date_time.get(..date_time.len().min(8))?;
    let rest = date_time.get(date.len()..)?;
    let is_whole = rest.chars().chain(offset.chars()).all(|one| one.is_ascii_digit() || matches!(one, '.' | '+' | '-'));
    if !is_whole || !matches!(date.len(), 4 | 6 | 8) {
        return None;
    }
    let moved = moved_digits(&format!("{date:0<8}"), days)?;
    Some(format!("{}{rest}{offset}", &moved[..date.len()]))
}

/// Eight digits; a month or day of zeros is the first.
fn moved_digits(digits: &str, days: i32) -> Option<String> {
    if !digits.bytes().all(|byte| byte.is_ascii_digit()) {
        return None;
    }
    let part = |from, to| digits.get(from..to).and_then(|part: &str| part.parse::<i16>().ok());
    let (year, month, day) = (part(0, 4)?, part(4, 6)?.max(1), part(6, 8)?.max(1));
    let date = Date::new(year, i8::try_from(month).ok()?, i8::try_from(day).ok()?).ok()?;
    let moved = date.checked_add(days.days()).ok().filter(|date| date.year() > 0)?;
    Some(moved.strftime("%Y%m%d").to_string())
}

fn is_time(value: &str) -> bool {
    value.len() >= 2 && value.chars().all(|one| one.is_ascii_digit() || matches!(one, '.' | ':'))
}

/// An age as it may stay; `None` when it is none.
pub(super) fn retained_age(text: &str) -> Option<String> {
    let (digits, unit) = text.trim().split_at_checked(text.trim().len().checked_sub(1)?)?;
    let number: u32 = digits.parse().ok()?;
    let years = match unit {
        "Y" => number,
        "M" => number / 12,
        "W" => number / 52,
        "D" => number / 365,
        _ => return None,
    };
    Some(if years > AGE_YEARS_MAX { OLDEST.to_owned() } else { text.trim().to_owned() })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[track_caller]
    fn check(vr: VR, value: &str, days: i32, expected: Option<&str>) {
        assert_eq!(moved(vr, value, days).as_deref(), expected, "{value}");
    }

    #[test]
    fn dates_move_by_days_and_keep_their_form() {
        check(VR::DA, "20240301", -1, Some("20240229"));
        check(VR::DA, "20231231\\20240101", 1, Some("20240101\\20240102"));
        check(VR::DA, "1987.05.04", 1, Some("19870505"));
        check(VR::DT, "20240301120000.123456+0100", -1, Some("20240229120000.123456+0100"));
        check(VR::DT, "20240301-0500", -1, Some("20240229-0500"));
        check(VR::DT, "202403", -1, Some("202402"));
        check(VR::DT, "2024", -1, Some("2023"));
        check(VR::TM, "101500.12", -1, Some("101500.12"));
    }

    #[test]
    fn what_is_no_date_does_not_stay() {
        check(VR::DA, "Doe", 1, None);
        check(VR::DA, "20240230", 1, None);
        check(VR::DA, "00010101", -1, None);
        check(VR::DA, "2024éé", -1, None);
        check(VR::DT, "20240301 Doe", 1, None);
        check(VR::TM, "ten", 1, None);
        check(VR::SH, "+0100", 1, None);
        check(VR::DA, "", 1, None);
    }

    #[test]
    fn texts_keep_words_of_the_vocabulary() {
        let cleaned = |text| known_words(VR::LO, text);
        assert_eq!(cleaned("CT Chest, Mr. Doe 12345").as_deref(), Some("CT CHEST MR"));
        assert_eq!(cleaned("Doe\\Left hand").as_deref(), Some("LEFT HAND"));
        assert_eq!(cleaned("Jane Müller"), None);
        assert_eq!(known_words(VR::LT, "left\\right").as_deref(), Some("LEFT RIGHT"));
    }

    #[test]
    fn the_oldest_are_of_one_age() {
        assert_eq!(retained_age("089Y").as_deref(), Some("089Y"));
        assert_eq!(retained_age("090Y").as_deref(), Some(OLDEST));
        assert_eq!(retained_age("103Y").as_deref(), Some(OLDEST));
        assert_eq!(retained_age("004M").as_deref(), Some("004M"));
        assert_eq!(retained_age("Doe"), None);
        assert_eq!(retained_age("é"), None);
        assert_eq!(retained_age(""), None);
    }
}

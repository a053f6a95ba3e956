//! Times, dates and ages as the API writes them.

use jiff::Timestamp;
use lightbox_domain::{StudyAttributes, years_between};

/// A time in RFC 3339 with milliseconds, such as `2026-11-22T02:00:00.123Z`.
pub(super) fn time(ms: i64) -> String {
    let timestamp = Timestamp::from_millisecond(ms).unwrap_or(Timestamp::UNIX_EPOCH);
    timestamp.strftime("%Y-%m-%dT%H:%M:%S.%3fZ").to_string()
}

/// A DICOM date (PS3.5 §6.2, VR DA) as `YYYY-MM-DD`; `None` when it is none.
pub(super) fn date(dicom: &str) -> Option<String> {
    let dicom = dicom.trim();
    let whole = dicom.len() == 8 && dicom.bytes().all(|byte| byte.is_ascii_digit());
    whole.then(|| format!("{}-{}-{}", &dicom[..4], &dicom[4..6], &dicom[6..]))
}

/// A DICOM time (VR TM) as `HH:MM:SS`, as far as it is given; `None` when it is none.
pub(super) fn clock(dicom: &str) -> Option<String> {
    let digits: Vec<char> = dicom.trim().chars().take_while(char::is_ascii_digit).take(6).collect();
    let pairs: Vec<String> = digits.chunks_exact(2).map(|pair| pair.iter().collect()).collect();
    (!pairs.is_empty()).then(|| pairs.join(":"))
}

/// The patient's age at the study, such as `4 y` or `18 mo`: as given (VR AS), else from the dates; `None` without both.
pub(super) fn age(study: &StudyAttributes) -> Option<String> {
    let patient = &study.patient;
    given_age(patient.age.trim()).or_else(|| match years_between(&patient.birth_date, &study.study_date)? {
        young if young < 2.0 => Some(format!("{} mo", (young * 12.0).floor())),
        older => Some(format!("{} y", older.floor())),
    })
}

fn given_age(text: &str) -> Option<String> {
    let (number, unit) = text.split_at_checked(text.len().checked_sub(1)?)?;
    let number: u32 = number.parse().ok()?;
    let unit = match unit {
        "Y" => "y",
        "M" => "mo",
        "W" => "w",
        "D" => "d",
        _ => return None,
    };
    Some(format!("{number} {unit}"))
}

/// The text, unless it is empty.
pub(super) fn given(text: &str) -> Option<String> {
    (!text.is_empty()).then(|| text.to_owned())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn times_carry_milliseconds() {
        assert_eq!(time(1_795_312_800_120), "2026-11-22T02:00:00.120Z");
    }

    #[test]
    fn dates_and_times_are_readable_or_absent() {
        assert_eq!(date("20261122").as_deref(), Some("2026-11-22"));
        assert_eq!(date("2026.11.22"), None);
        assert_eq!(clock("101530.250").as_deref(), Some("10:15:30"));
        assert_eq!(clock("1015").as_deref(), Some("10:15"));
        assert_eq!(clock(""), None);
    }

    #[test]
    fn ages_are_readable_or_absent() {
        let aged = |age: &str| super::given_age(age);
        assert_eq!(aged("004Y").as_deref(), Some("4 y"));
        assert_eq!(aged("018M").as_deref(), Some("18 mo"));
        assert_eq!(aged("old"), None);
        assert_eq!(aged(""), None);
    }
}

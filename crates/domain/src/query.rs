//! What C-FIND and QIDO-RS ask for: attributes and how their values must match (PS3.4 §C.2.2.2).

use crate::{Attribute, Level, Uid};

/// A search over one level of the information model.
#[derive(Clone, Debug, PartialEq)]
pub struct Query {
    /// What is listed.
    pub level: Level,
    /// All must match; attributes of narrower levels than the query's do not occur.
    pub keys: Vec<Key>,
    /// How many rows at most.
    pub limit: i64,
    /// How many rows to pass over.
    pub offset: i64,
}

/// One condition of a query.
#[derive(Clone, Debug, PartialEq)]
pub struct Key {
    /// The attribute.
    pub attribute: &'static Attribute,
    /// How it must match.
    pub matching: Matching,
}

/// How an attribute must match.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Matching {
    /// One of these values, exactly.
    OneOf(Vec<String>),
    /// One of these patterns with `*` and `?`. Names are compared as [`fold_name`] folds them.
    Like(Vec<String>),
    /// From the first to the second, both included; empty for open.
    Range(String, String),
    /// A single time, as exact as it is given: from its first moment to its last.
    During(String, String),
    /// A date whose time is `time`: both together from the first pair to the second, both included; empty for open.
    Moments {
        /// The attribute that has the time.
        time: &'static Attribute,
        /// The first date and time.
        from: (String, String),
        /// The last ones.
        to: (String, String),
    },
    /// Each of these folded beginnings of words begins a word of the name.
    Words(Vec<String>),
    /// No value.
    Empty,
}

/// A query cannot be understood. Values are not repeated, since they identify patients.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum QueryError {
    /// The attribute is not in the index.
    #[error("{0} is no attribute that can be searched by here")]
    Unknown(String),
    /// The attribute belongs to a narrower level.
    #[error("{0} cannot be searched by at this level")]
    Narrower(String),
    /// The value does not fit the attribute.
    #[error("{keyword} must be {expected}")]
    Value {
        /// The attribute.
        keyword: String,
        /// What it must be.
        expected: &'static str,
    },
}

impl Query {
    /// A search for everything at this level, one page.
    #[must_use]
    pub fn new(level: Level, limit: i64) -> Self {
        Self { level, keys: Vec::new(), limit, offset: 0 }
    }

    /// The same with one condition more.
    #[must_use]
    pub fn with(mut self, attribute: &'static Attribute, matching: Matching) -> Self {
        self.keys.push(Key { attribute, matching });
        self
    }

    /// Adds the condition that a value as sent stands for; none if it matches everything (PS3.4 §C.2.2.2.3).
    ///
    /// # Errors
    /// [`QueryError`] when the attribute belongs to a narrower level, is counted, or the value does not fit it.
    pub fn push(&mut self, attribute: &'static Attribute, value: &str, fuzzy: bool) -> Result<(), QueryError> {
        if attribute.level > self.level || attribute.is_count {
            return Err(QueryError::Narrower(attribute.keyword.clone()));
        }
        if let Some(matching) = Matching::parse(attribute, value, fuzzy)? {
            self.keys.push(Key { attribute, matching });
        }
        Ok(())
    }

    /// Makes one condition of each pair of a date and its time that are ranges of the same form: `20260705-20260707` with
    /// `1000-1800` is all from ten o'clock of the first day to six of the last (PS3.4 §C.2.2.2.5.4).
    pub fn combine_dates_and_times(&mut self) {
        for place in 0..self.keys.len() {
            let Some((after, moments)) = self.keys.get(place).and_then(|date| self.moments(date)) else { continue };
            if let Some(key) = self.keys.get_mut(place) {
                key.matching = moments;
            }
            self.keys.remove(after);
        }
    }

    /// The place of the time that belongs to a date, and both as one condition.
    fn moments(&self, date: &Key) -> Option<(usize, Matching)> {
        let Matching::Range(from_date, to_date) = &date.matching else { return None };
        let keyword = date.attribute.keyword.strip_suffix("Date").map(|stem| format!("{stem}Time"))?;
        let place = self.keys.iter().position(|key| key.attribute.keyword == keyword)?;
        let time = self.keys.get(place)?;
        let Matching::Range(from_time, to_time) = &time.matching else { return None };
        let is_same_form = from_date.is_empty() == from_time.is_empty() && to_date.is_empty() == to_time.is_empty();
        let from = (from_date.clone(), from_time.clone());
        let to = (to_date.clone(), to_time.clone());
        is_same_form.then_some((place, Matching::Moments { time: time.attribute, from, to }))
    }
}

impl Matching {
    /// Reads a value as C-FIND and QIDO-RS send it, decoded to UTF-8; `None` when everything matches. `fuzzy` asks
    /// for names by the beginnings of their words, in any order.
    ///
    /// # Errors
    /// [`QueryError::Value`] says what was expected.
    pub fn parse(attribute: &Attribute, value: &str, fuzzy: bool) -> Result<Option<Self>, QueryError> {
        Self::of(&attribute.keyword, &attribute.vr, value, fuzzy)
    }

    /// The same for an attribute of this keyword and value representation.
    ///
    /// # Errors
    /// As [`Matching::parse`].
    pub fn of(keyword: &str, vr: &str, value: &str, fuzzy: bool) -> Result<Option<Self>, QueryError> {
        let value = value.trim_matches([' ', '\0']);
        if value.is_empty() || value.bytes().all(|byte| byte == b'*') {
            return Ok(None);
        }
        if value == "\"\"" {
            return Ok(Some(Self::Empty));
        }
        let complain = |expected| QueryError::Value { keyword: keyword.to_owned(), expected };
        let matching = match vr {
            "UI" => uids(value).ok_or_else(|| complain("one UID, or several divided by commas or backslashes")),
            "DA" => dates(value).ok_or_else(|| complain("YYYYMMDD, or a range YYYYMMDD-YYYYMMDD with one end or both")),
            "TM" => times(value).ok_or_else(|| complain("HHMMSS, or a range HHMMSS-HHMMSS with one end or both")),
            "DT" => date_times(value)
                .ok_or_else(|| complain("YYYYMMDDHHMMSS, or a range of two with one end or both; without time zone")),
            "IS" | "US" => numbers(value).ok_or_else(|| complain("a whole number")),
            "PN" if fuzzy => return Ok(words(value)),
            "PN" => Ok(Self::Like(values(value).map(fold_name).collect())),
            _ if value.contains(['*', '?']) => Ok(Self::Like(values(value).map(str::to_owned).collect())),
            _ => Ok(Self::OneOf(values(value).map(str::to_owned).collect())),
        };
        matching.map(Some)
    }
}

fn values(value: &str) -> impl Iterator<Item = &str> {
    value.split('\\').map(|one| one.trim_matches(' ')).filter(|one| !one.is_empty())
}

fn uids(value: &str) -> Option<Matching> {
    let uid = |text: &str| Uid::parse(text.trim()).ok().map(|uid| uid.to_string());
    value.split([',', '\\']).map(uid).collect::<Option<_>>().map(Matching::OneOf)
}

fn numbers(value: &str) -> Option<Matching> {
    let number = |text: &str| text.parse::<i64>().ok().map(|number| number.to_string());
    values(value).map(number).collect::<Option<_>>().map(Matching::OneOf)
}

/// Dates as they are, or as `YYYY.MM.DD` of old (PS3.5 §6.2).
fn dates(value: &str) -> Option<Matching> {
    let date = |text: &str| {
        let digits = text.trim().replace('.', "");
        (digits.len() == 8 && is_digits(&digits)).then_some(digits)
    };
    match value.split_once('-') {
        None => value.split([',', '\\']).map(date).collect::<Option<_>>().map(Matching::OneOf),
        Some((from, to)) => range(from, to, date, date),
    }
}

/// A time is as exact as it is given: `10` is all of the hour.
fn times(value: &str) -> Option<Matching> {
    let time = |text: &str| {
        let digits = text.trim().replace(':', "");
        let (whole, fraction) = digits.split_once('.').unwrap_or((&digits, "0"));
        let fits = matches!(whole.len(), 2 | 4 | 6) && is_digits(whole) && fraction.len() <= 6 && is_digits(fraction);
        fits.then_some(digits)
    };
    const LATEST: &str = "999999.999999";
    let until = |text: &str| time(text).map(|time| format!("{time}{}", &LATEST[time.len()..]));
    match value.split_once('-') {
        None => Some(Matching::During(time(value)?, until(value)?)),
        Some((from, to)) => range(from, to, time, until),
    }
}

/// A date with a time is as exact as it is given, too: `20260102` is all of the day. Time zones are not compared.
fn date_times(value: &str) -> Option<Matching> {
    let date_time = |text: &str| {
        let (whole, fraction) = text.split_once('.').unwrap_or((text, "0"));
        let fits = matches!(whole.len(), 4 | 6 | 8 | 10 | 12 | 14) && is_digits(whole);
        (fits && fraction.len() <= 6 && is_digits(fraction)).then(|| text.to_owned())
    };
    const LATEST: &str = "99999999999999.999999";
    let until = |text: &str| date_time(text).map(|time| format!("{time}{}", &LATEST[time.len()..]));
    let (from, to) = value.split_once('-').unwrap_or((value, value));
    range(from, to, date_time, until)
}

fn range(
    from: &str,
    to: &str,
    first: impl Fn(&str) -> Option<String>,
    last: impl Fn(&str) -> Option<String>,
) -> Option<Matching> {
    let (from, to) = (from.trim(), to.trim());
    if from.is_empty() && to.is_empty() {
        return None;
    }
    let from = if from.is_empty() { String::new() } else { first(from)? };
    let to = if to.is_empty() { String::new() } else { last(to)? };
    Some(Matching::Range(from, to))
}

fn words(value: &str) -> Option<Matching> {
    let folded = fold_name(value);
    let words: Vec<_> = folded.split(WORD_ENDS).map(|word| word.replace(['*', '?'], "")).collect();
    let words: Vec<_> = words.into_iter().filter(|word| !word.is_empty()).collect();
    (!words.is_empty()).then_some(Matching::Words(words))
}

fn is_digits(text: &str) -> bool {
    !text.is_empty() && text.bytes().all(|byte| byte.is_ascii_digit())
}

/// What ends a word of a folded name.
const WORD_ENDS: [char; 4] = ['^', ' ', '-', '='];

/// A person's name as it is compared: in lower case, without accents and width, without empty components at the end
/// of a component group, without empty groups at the end (PS3.4 §C.2.2.2.1 leaves these open for PN).
#[must_use]
pub fn fold_name(name: &str) -> String {
    use unicode_normalization::UnicodeNormalization;
    use unicode_normalization::char::is_combining_mark;
    let fold = |text: &str| -> String {
        // Kana and Hangul keep their marks: there they are no accents.
        let is_accent = |character: &char| is_combining_mark(*character) && *character < '\u{3000}';
        text.nfkd().filter(|character| !is_accent(character)).nfc().flat_map(char::to_lowercase).collect()
    };
    let groups: Vec<_> =
        name.split('=').map(|group| fold(group.trim_matches(' ')).trim_end_matches(['^', ' ']).to_owned()).collect();
    groups.join("=").trim_end_matches('=').to_owned()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn attribute(keyword: &str) -> &'static Attribute {
        Attribute::find(keyword).expect("in the table")
    }

    #[track_caller]
    fn check(keyword: &str, value: &str, expected: Option<Matching>) {
        assert_eq!(Matching::parse(attribute(keyword), value, false), Ok(expected), "{keyword} {value}");
    }

    fn one_of(values: &[&str]) -> Option<Matching> {
        Some(Matching::OneOf(values.iter().map(|value| (*value).to_owned()).collect()))
    }

    fn range(from: &str, to: &str) -> Option<Matching> {
        Some(Matching::Range(from.to_owned(), to.to_owned()))
    }

    #[test]
    fn values_become_matches_by_their_representation() {
        check("PatientID", "P1 ", one_of(&["P1"]));
        check("PatientID", "*", None);
        check("PatientID", "", None);
        check("PatientID", "\"\"", Some(Matching::Empty));
        check("PatientID", "P*", Some(Matching::Like(vec!["P*".into()])));
        check("StudyInstanceUID", "1.2,1.3\\1.4", one_of(&["1.2", "1.3", "1.4"]));
        check("SeriesNumber", "07", one_of(&["7"]));
        check("Modality", "CT\\MR", one_of(&["CT", "MR"]));
        check("PatientName", "Müller^JÖRG^^", Some(Matching::Like(vec!["muller^jorg".into()])));
    }

    #[test]
    fn dates_and_times_are_ranges_as_exact_as_they_are_given() {
        check("StudyDate", "20260102", one_of(&["20260102"]));
        check("StudyDate", "-20261231", range("", "20261231"));
        check("StudyDate", "2026.01.02-", range("20260102", ""));
        let during = |from: &str, to: &str| Some(Matching::During(from.to_owned(), to.to_owned()));
        check("StudyTime", "10", during("10", "109999.999999"));
        check("StudyTime", "10:15:30.5", during("101530.5", "101530.599999"));
        check("StudyTime", "10-1230", range("10", "123099.999999"));
        for (keyword, bad) in
            [("StudyDate", "yesterday"), ("StudyDate", "-"), ("StudyTime", "1"), ("SeriesNumber", "x")]
        {
            assert!(Matching::parse(attribute(keyword), bad, false).is_err(), "{keyword} {bad}");
        }
    }

    /// What becomes of a date and a time that are asked for together: how many conditions, and the first of them.
    #[track_caller]
    fn combined(date: &str, time: &str, expected: &[Matching]) {
        let mut query = Query::new(Level::Study, 10);
        query.push(attribute("PatientID"), "P1", false).unwrap();
        query.push(attribute("StudyTime"), time, false).unwrap();
        query.push(attribute("StudyDate"), date, false).unwrap();
        query.combine_dates_and_times();
        let found: Vec<_> = query.keys.into_iter().skip(1).map(|key| key.matching).collect();
        assert_eq!(found, expected, "{date} {time}");
    }

    #[test]
    fn a_date_and_its_time_are_one_moment_if_both_are_ranges_of_one_form() {
        let moments = |from: (&str, &str), to: (&str, &str)| {
            let owned = |(date, time): (&str, &str)| (date.to_owned(), time.to_owned());
            Matching::Moments { time: attribute("StudyTime"), from: owned(from), to: owned(to) }
        };
        let (first, last) = (("20060705", "1000"), ("20060707", "180099.999999"));
        combined("20060705-20060707", "1000-1800", &[moments(first, last)]);
        combined("20060705-", "1000-", &[moments(first, ("", ""))]);
        combined("-20060707", "-1800", &[moments(("", ""), last)]);
        let time = Matching::Range(String::new(), last.1.to_owned());
        combined("20060705-", "-1800", &[time, Matching::Range(first.0.to_owned(), String::new())]);
        let during = Matching::During("10".to_owned(), "109999.999999".to_owned());
        combined("20060705-", "10", &[during, Matching::Range(first.0.to_owned(), String::new())]);
        combined("20060705", "1000-", &[range("1000", "").unwrap(), one_of(&["20060705"]).unwrap()]);
    }

    #[test]
    fn fuzzy_names_are_words_in_any_order() {
        let words = Matching::parse(attribute("PatientName"), "jo mÜl*", true);
        assert_eq!(words, Ok(Some(Matching::Words(vec!["jo".into(), "mul".into()]))));
    }

    #[test]
    fn names_are_folded_for_comparison() {
        for (name, folded) in [
            ("Müller^Jörg^^^", "muller^jorg"),
            ("Wang^XiaoDong=王^小東==", "wang^xiaodong=王^小東"),
            ("ﾔﾏﾀﾞ^ﾀﾛｳ=山田^太郎=やまだ^たろう", "ヤマダ^タロウ=山田^太郎=やまだ^たろう"),
            ("Hong^Gildong=洪^吉洞=홍^길동", "hong^gildong=洪^吉洞=홍^길동"),
        ] {
            assert_eq!(fold_name(name), folded);
        }
    }

    #[test]
    fn narrower_attributes_and_counts_cannot_be_matched() {
        let mut query = Query::new(Level::Study, 10);
        for keyword in ["Modality", "NumberOfStudyRelatedSeries"] {
            let refused = query.push(attribute(keyword), "CT", false);
            assert_eq!(refused, Err(QueryError::Narrower(keyword.to_owned())));
        }
    }
}

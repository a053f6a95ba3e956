//! The query of a QIDO-RS request (PS3.18 §8.3.4) as a search: attributes by keyword or tag, and how many rows.

use lightbox_domain::Uid;
use lightbox_store::{Column, Level, Match, Search};

/// What a client asks for.
#[derive(Debug)]
pub(super) struct Asked {
    /// The search, for one row more than is given, so that it shows whether there are more.
    pub(super) search: Search,
    /// How many rows are given at most.
    pub(super) rows_max: usize,
    /// Whether that is less than the client wanted.
    pub(super) cut: bool,
    /// Whether the client asked for fuzzy matching, which is not done.
    pub(super) fuzzy: bool,
}

/// How the values of an attribute are matched (PS3.4 §C.2.2.2).
#[derive(Clone, Copy)]
enum Kind {
    Uids,
    Text,
    Name,
    Date,
    Time,
    Number,
}

/// The attributes that can be searched by: keyword, tag, column, kind.
const ATTRIBUTES: [(&str, &str, Column, Kind); 18] = [
    ("StudyDate", "00080020", Column::StudyDate, Kind::Date),
    ("StudyTime", "00080030", Column::StudyTime, Kind::Time),
    ("AccessionNumber", "00080050", Column::AccessionNumber, Kind::Text),
    ("ModalitiesInStudy", "00080061", Column::ModalitiesInStudy, Kind::Text),
    ("ReferringPhysicianName", "00080090", Column::ReferringPhysicianName, Kind::Name),
    ("StudyDescription", "00081030", Column::StudyDescription, Kind::Text),
    ("PatientName", "00100010", Column::PatientName, Kind::Name),
    ("PatientID", "00100020", Column::PatientId, Kind::Text),
    ("IssuerOfPatientID", "00100021", Column::IssuerOfPatientId, Kind::Text),
    ("StudyInstanceUID", "0020000D", Column::StudyInstanceUid, Kind::Uids),
    ("StudyID", "00200010", Column::StudyId, Kind::Text),
    ("Modality", "00080060", Column::Modality, Kind::Text),
    ("SeriesDescription", "0008103E", Column::SeriesDescription, Kind::Text),
    ("SeriesInstanceUID", "0020000E", Column::SeriesInstanceUid, Kind::Uids),
    ("SeriesNumber", "00200011", Column::SeriesNumber, Kind::Number),
    ("SOPClassUID", "00080016", Column::SopClassUid, Kind::Uids),
    ("SOPInstanceUID", "00080018", Column::SopInstanceUid, Kind::Uids),
    ("InstanceNumber", "00200013", Column::InstanceNumber, Kind::Number),
];

/// Reads a query. `fixed` is what the address already says.
///
/// # Errors
/// What cannot be understood or searched by, in words; values are not repeated.
pub(super) fn parse(
    level: Level,
    fixed: Vec<(Column, Match)>,
    pairs: &[(String, String)],
    page_rows_max: i64,
) -> Result<Asked, String> {
    let mut search = Search { matches: fixed, limit: page_rows_max, offset: 0 };
    let (mut wanted, mut fuzzy) = (None, false);
    for (name, value) in pairs {
        match name.as_str() {
            "limit" => wanted = Some(count("limit", value)?),
            "offset" => search.offset = count("offset", value)?,
            "fuzzymatching" => fuzzy = value.eq_ignore_ascii_case("true"),
            // Every row has all that the index knows; more than that is in the metadata.
            "includefield" | "accept" | "emptyvaluematching" | "multiplevaluematching" => {}
            attribute => search.matches.extend(condition(level, attribute, value)?),
        }
    }
    search.limit = wanted.unwrap_or(page_rows_max).min(page_rows_max);
    let rows_max = usize::try_from(search.limit).unwrap_or(usize::MAX);
    search.limit += 1;
    Ok(Asked { search, rows_max, cut: wanted.is_none_or(|wanted| wanted > page_rows_max), fuzzy })
}

fn count(name: &str, value: &str) -> Result<i64, String> {
    let number = value.parse().ok().filter(|number: &i64| *number >= 0);
    number.ok_or_else(|| format!("{name} must be a whole number of at least 0"))
}

/// One condition; `None` for one that everything matches.
fn condition(level: Level, attribute: &str, value: &str) -> Result<Option<(Column, Match)>, String> {
    let known =
        ATTRIBUTES.iter().find(|(keyword, tag, ..)| *keyword == attribute || tag.eq_ignore_ascii_case(attribute));
    let (keyword, _, column, kind) = known.ok_or("a parameter is no attribute that can be searched by here")?;
    if rank(column.level()) > rank(level) {
        return Err(format!("{keyword} cannot be searched by at this level"));
    }
    let value = value.trim();
    if value.is_empty() || value == "*" {
        return Ok(None);
    }
    let wanted = match kind {
        Kind::Uids => uids(keyword, value)?,
        Kind::Text if value.contains(['*', '?']) => Match::Wildcard(value.to_owned()),
        Kind::Text => Match::OneOf(vec![value.to_owned()]),
        Kind::Name => Match::Wildcard(value.trim_end_matches('^').to_owned()),
        Kind::Date => date(keyword, value)?,
        Kind::Time => clock(keyword, value)?,
        Kind::Number => Match::Number(value.parse().map_err(|_| format!("{keyword} must be a number"))?),
    };
    Ok(Some((*column, wanted)))
}

fn rank(level: Level) -> u8 {
    match level {
        Level::Study => 0,
        Level::Series => 1,
        Level::Instance => 2,
    }
}

fn uids(keyword: &str, value: &str) -> Result<Match, String> {
    let parse = |uid: &str| Uid::parse(uid).map(|uid| uid.to_string()).map_err(|error| format!("{keyword}: {error}"));
    Ok(Match::OneOf(value.split([',', '\\']).map(parse).collect::<Result<_, _>>()?))
}

/// A date or a range of dates.
fn date(keyword: &str, value: &str) -> Result<Match, String> {
    let checked = |text: &str| match text.len() == 8 && is_digits(text) {
        true => Ok(text.to_owned()),
        false => Err(format!("{keyword} must be YYYYMMDD, or a range YYYYMMDD-YYYYMMDD with one end or both")),
    };
    match value.split_once('-') {
        None => Ok(Match::OneOf(vec![checked(value)?])),
        Some(ends) => range(ends, checked, checked),
    }
}

/// A time or a range of times, as exact as it is given: `10` is all of the hour.
fn clock(keyword: &str, value: &str) -> Result<Match, String> {
    let checked = |text: &str| {
        let (whole, fraction) = text.split_once('.').unwrap_or((text, "0"));
        match matches!(whole.len(), 2 | 4 | 6) && is_digits(whole) && is_digits(fraction) {
            true => Ok(text.to_owned()),
            false => Err(format!("{keyword} must be HHMMSS, or a range HHMMSS-HHMMSS with one end or both")),
        }
    };
    let until = |text: &str| checked(text).map(|text| format!("{text}{}", &"999999.999999"[text.len().min(13)..]));
    range(value.split_once('-').unwrap_or((value, value)), checked, until)
}

fn range(
    (from, to): (&str, &str),
    first: impl Fn(&str) -> Result<String, String>,
    last: impl Fn(&str) -> Result<String, String>,
) -> Result<Match, String> {
    let end = |text: &str, check: &dyn Fn(&str) -> Result<String, String>| match text.trim() {
        "" => Ok(String::new()),
        given => check(given),
    };
    Ok(Match::Range(end(from, &first)?, end(to, &last)?))
}

fn is_digits(text: &str) -> bool {
    !text.is_empty() && text.bytes().all(|byte| byte.is_ascii_digit())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[track_caller]
    fn check(level: Level, query: &[(&str, &str)], expected: Result<Vec<(Column, Match)>, &str>) {
        let pairs: Vec<_> = query.iter().map(|(name, value)| ((*name).to_owned(), (*value).to_owned())).collect();
        let found = parse(level, Vec::new(), &pairs, 100).map(|asked| asked.search.matches);
        assert_eq!(found, expected.map_err(str::to_owned));
    }

    fn one(value: &str) -> Match {
        Match::OneOf(vec![value.to_owned()])
    }

    #[test]
    fn attributes_are_asked_by_keyword_or_tag() {
        let expected = || Ok(vec![(Column::PatientId, one("P1"))]);
        check(Level::Study, &[("PatientID", "P1")], expected());
        check(Level::Study, &[("00100020", "P1")], expected());
        check(Level::Study, &[("PatientID", "*"), ("StudyDate", "")], Ok(vec![]));
        let unknown = Err("a parameter is no attribute that can be searched by here");
        check(Level::Study, &[("Colour", "red")], unknown);
        check(Level::Study, &[("Modality", "DX")], Err("Modality cannot be searched by at this level"));
        check(
            Level::Series,
            &[("0008103e", "a*")],
            Ok(vec![(Column::SeriesDescription, Match::Wildcard("a*".into()))]),
        );
    }

    #[test]
    fn lists_ranges_and_patterns_become_matches() {
        let uids = Match::OneOf(vec!["1.2".into(), "1.3".into()]);
        check(Level::Study, &[("StudyInstanceUID", "1.2,1.3")], Ok(vec![(Column::StudyInstanceUid, uids)]));
        let name = Match::Wildcard("Doe^J*".into());
        check(Level::Study, &[("PatientName", "Doe^J*")], Ok(vec![(Column::PatientName, name)]));
        let until = Match::Range(String::new(), "20261231".into());
        check(Level::Study, &[("StudyDate", "-20261231")], Ok(vec![(Column::StudyDate, until)]));
        let hour = Match::Range("10".into(), "109999.999999".into());
        check(Level::Study, &[("StudyTime", "10")], Ok(vec![(Column::StudyTime, hour)]));
        let exact = Match::Range("101530.5".into(), "101530.599999".into());
        check(Level::Study, &[("StudyTime", "101530.5")], Ok(vec![(Column::StudyTime, exact)]));
        let complaint = "StudyDate must be YYYYMMDD, or a range YYYYMMDD-YYYYMMDD with one end or both";
        check(Level::Study, &[("StudyDate", "yesterday")], Err(complaint));
    }

    #[test]
    fn pages_are_limited_and_one_row_more_is_looked_for() {
        let parse = |limit: &str| parse(Level::Study, Vec::new(), &[("limit".into(), limit.into())], 100);
        let asked = parse("10").unwrap();
        assert_eq!((asked.search.limit, asked.rows_max, asked.cut), (11, 10, false));
        let asked = parse("1000").unwrap();
        assert_eq!((asked.search.limit, asked.rows_max, asked.cut), (101, 100, true));
        assert!(parse("-1").is_err() && parse("ten").is_err());
    }
}

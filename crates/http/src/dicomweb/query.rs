//! The parameters of a QIDO-RS request (PS3.18 §8.3.4) as a query: attributes by keyword or tag, which attributes come
//! back, and how many rows.

use lightbox_dicom::json::tag_of_name;
use lightbox_domain::{Attribute, Query, QueryError};

/// What a client asks for.
#[derive(Debug)]
pub(super) struct Asked {
    /// The query, for one row more than is given, so that it shows whether there are more.
    pub(super) query: Query,
    /// How many rows are given at most.
    pub(super) rows_max: usize,
    /// Whether that is less than the client wanted.
    pub(super) cut: bool,
    /// What comes back beside the attributes that always do.
    pub(super) include: Include,
}

/// What a client wants to have back.
#[derive(Debug, Default, PartialEq)]
pub(super) struct Include {
    /// All that the index keeps.
    pub(super) all: bool,
    /// These attributes of the index.
    pub(super) indexed: Vec<&'static Attribute>,
    /// These tags, which only the instances have, as eight hexadecimal digits.
    pub(super) others: Vec<String>,
}

impl Include {
    /// Whether an attribute of the index is given.
    pub(super) fn gives(&self, attribute: &'static Attribute) -> bool {
        !attribute.is_optional || self.all || self.indexed.contains(&attribute)
    }

    fn add(&mut self, name: &str) -> Result<(), String> {
        if name == "all" {
            self.all = true;
        } else if let Some(attribute) = Attribute::find(name) {
            self.indexed.push(attribute);
        } else {
            // Of an attribute in a sequence, the whole sequence comes back.
            let outermost = name.split('.').next().unwrap_or(name);
            let tag =
                tag_of_name(outermost).ok_or("includefield must name attributes by keyword or tag, or be `all`")?;
            self.others.push(tag);
        }
        Ok(())
    }
}

/// Reads the parameters into `query`, which has what the address already says and the most rows that are given.
///
/// # Errors
/// What cannot be understood or searched by, in words; values are not repeated.
pub(super) fn parse(mut query: Query, pairs: &[(String, String)]) -> Result<Asked, String> {
    let page_rows_max = query.limit;
    let (mut wanted, mut include) = (None, Include::default());
    let fuzzy = pairs.iter().any(|(name, value)| name == "fuzzymatching" && value.eq_ignore_ascii_case("true"));
    for (name, value) in pairs {
        match name.as_str() {
            "limit" => wanted = Some(count("limit", value)?),
            "offset" => query.offset = count("offset", value)?,
            "includefield" => value.split(',').filter(|one| !one.is_empty()).try_for_each(|one| include.add(one))?,
            "accept" | "fuzzymatching" | "emptyvaluematching" | "multiplevaluematching" => {}
            name => include.indexed.extend(condition(&mut query, name, value, fuzzy)?),
        }
    }
    // "Combined date-time matching shall be performed" (PS3.18 §8.3.4.1).
    query.combine_dates_and_times();
    query.limit = wanted.unwrap_or(page_rows_max).min(page_rows_max);
    let rows_max = usize::try_from(query.limit).unwrap_or(usize::MAX);
    query.limit += 1;
    Ok(Asked { query, rows_max, cut: wanted.is_none_or(|wanted| wanted > page_rows_max), include })
}

/// Adds one condition. Gives the attribute, which then comes back, too.
fn condition(query: &mut Query, name: &str, value: &str, fuzzy: bool) -> Result<Option<&'static Attribute>, String> {
    let Some(attribute) = Attribute::find(name) else {
        // What is not repeated cannot leak: a value may stand where a name should.
        let known = tag_of_name(name).map_or_else(|| "a parameter".to_owned(), |_| name.to_owned());
        return Err(QueryError::Unknown(known).to_string());
    };
    // To ask for an attribute without a value is to ask for it back (PS3.4 §C.2.2.2.3), whatever its level.
    if !value.is_empty() {
        query.push(attribute, value, fuzzy).map_err(|error| error.to_string())?;
    }
    Ok(Some(attribute))
}

/// A whole number of at least 0.
pub(super) fn count(name: &str, value: &str) -> Result<i64, String> {
    let number = value.parse().ok().filter(|number: &i64| *number >= 0);
    number.ok_or_else(|| format!("{name} must be a whole number of at least 0"))
}

#[cfg(test)]
mod tests {
    use super::*;
    use lightbox_domain::{Level, Matching};

    fn asked(level: Level, pairs: &[(&str, &str)]) -> Result<Asked, String> {
        let pairs: Vec<_> = pairs.iter().map(|(name, value)| ((*name).to_owned(), (*value).to_owned())).collect();
        parse(Query::new(level, 100), &pairs)
    }

    fn attribute(keyword: &str) -> &'static Attribute {
        Attribute::find(keyword).unwrap()
    }

    #[test]
    fn attributes_are_asked_by_keyword_or_tag() {
        for name in ["PatientID", "00100020"] {
            let query = asked(Level::Study, &[(name, "P1")]).unwrap().query;
            assert_eq!(query.keys[0].attribute, attribute("PatientID"));
            assert_eq!(query.keys[0].matching, Matching::OneOf(vec!["P1".into()]));
        }
        let complaint = |pairs: &[(&str, &str)]| asked(Level::Study, pairs).unwrap_err();
        assert_eq!(complaint(&[("Mueller^Jo", "x")]), "a parameter is no attribute that can be searched by here");
        assert_eq!(complaint(&[("KVP", "x")]), "KVP is no attribute that can be searched by here");
        assert_eq!(complaint(&[("Modality", "DX")]), "Modality cannot be searched by at this level");
        assert!(complaint(&[("StudyDate", "yesterday")]).starts_with("StudyDate must be YYYYMMDD"));
    }

    #[test]
    fn fields_to_include_are_told_apart() {
        let pairs =
            [("includefield", "StationName,00180060"), ("includefield", "00081110.00081150"), ("Manufacturer", "")];
        let include = asked(Level::Series, &pairs).unwrap().include;
        assert_eq!(include.indexed, [attribute("StationName"), attribute("Manufacturer")]);
        assert_eq!(include.others, ["00180060", "00081110"]);
        assert!(include.gives(attribute("StationName")) && !include.gives(attribute("OperatorsName")));
        assert!(asked(Level::Series, &[("includefield", "all")]).unwrap().include.all);
        assert!(asked(Level::Series, &[("includefield", "Colour")]).is_err());
    }

    #[test]
    fn fuzzy_matching_is_for_names_wherever_it_stands() {
        let query = asked(Level::Study, &[("PatientName", "jo"), ("fuzzymatching", "true")]).unwrap().query;
        assert_eq!(query.keys[0].matching, Matching::Words(vec!["jo".into()]));
    }

    #[test]
    fn dates_and_times_are_combined() {
        let query = asked(Level::Study, &[("StudyTime", "1000-"), ("00080020", "20060705-")]).unwrap().query;
        assert!(matches!(query.keys.as_slice(), [key] if matches!(key.matching, Matching::Moments { .. })));
    }

    #[test]
    fn pages_are_limited_and_one_row_more_is_looked_for() {
        let page = |limit| asked(Level::Study, &[("limit", limit)]);
        let ten = page("10").unwrap();
        assert_eq!((ten.query.limit, ten.rows_max, ten.cut), (11, 10, false));
        let thousand = page("1000").unwrap();
        assert_eq!((thousand.query.limit, thousand.rows_max, thousand.cut), (101, 100, true));
        assert!(page("-1").is_err() && page("ten").is_err());
    }
}

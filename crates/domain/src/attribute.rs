//! The attributes that the index keeps, from `data/attributes.toml`.

use serde::Deserialize;
use std::collections::BTreeMap;
use std::sync::LazyLock;

/// An entity of the DICOM information model, from the widest to the narrowest.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Level {
    /// Patients.
    Patient,
    /// Studies.
    Study,
    /// Series.
    Series,
    /// Instances.
    Instance,
}

/// An attribute that can be searched by and is given back.
#[derive(Debug, PartialEq, Eq)]
pub struct Attribute {
    /// Its keyword of PS3.6.
    pub keyword: String,
    /// Its tag: group in the upper sixteen bits, element in the lower.
    pub tag: u32,
    /// Its value representation, such as `PN`.
    pub vr: String,
    /// The entity that it describes.
    pub level: Level,
    /// The tag of the sequence in whose first item it stands.
    pub sequence: Option<u32>,
    /// Whether it is counted, so that nothing can be matched with it.
    pub is_count: bool,
    /// Whether it is gathered from the series and instances of a study.
    pub is_gathered: bool,
    /// Whether it is given only to those who ask for it.
    pub is_optional: bool,
    /// Whether a person may correct it.
    pub is_correctable: bool,
}

impl Attribute {
    /// All attributes by level, then as the table lists them by keyword.
    #[must_use]
    pub fn all() -> &'static [Self] {
        &ATTRIBUTES
    }

    /// The attribute of this keyword or of this tag, given as eight hexadecimal digits; one within a sequence as
    /// `sequence.attribute` (PS3.18 §8.3.4.1) or alone.
    #[must_use]
    pub fn find(name: &str) -> Option<&'static Self> {
        let (sequence, name) = name.rsplit_once('.').map_or((None, name), |(outer, inner)| (Some(outer), inner));
        let tag = parse_tag(name);
        let found = ATTRIBUTES.iter().find(|one| one.keyword == name || Some(one.tag) == tag)?;
        let is_within = |outer: &str| match outer {
            "RequestAttributesSequence" => found.sequence == Some(REQUEST_ATTRIBUTES),
            tag => found.sequence.is_some() && found.sequence == parse_tag(tag),
        };
        sequence.is_none_or(is_within).then_some(found)
    }

    /// The attribute of this keyword.
    #[must_use]
    pub fn of_keyword(keyword: &str) -> Option<&'static Self> {
        ATTRIBUTES.iter().find(|one| one.keyword == keyword)
    }

    /// The attribute of this tag.
    #[must_use]
    pub fn of_tag(tag: u32) -> Option<&'static Self> {
        ATTRIBUTES.iter().find(|one| one.tag == tag)
    }

    /// Whether each instance says it of itself.
    #[must_use]
    pub fn is_read(&self) -> bool {
        !self.is_count && !self.is_gathered
    }

    /// Whether values are whole numbers in the index.
    #[must_use]
    pub fn is_number(&self) -> bool {
        matches!(self.vr.as_str(), "IS" | "US")
    }

    /// Whether values are names of persons.
    #[must_use]
    pub fn is_name(&self) -> bool {
        self.vr == "PN"
    }
}

const REQUEST_ATTRIBUTES: u32 = 0x0040_0275;

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Row {
    tag: String,
    vr: String,
    level: Level,
    sequence: Option<String>,
    #[serde(default)]
    count: bool,
    #[serde(default)]
    gathered: bool,
    #[serde(default)]
    optional: bool,
    #[serde(default)]
    correctable: bool,
}

static ATTRIBUTES: LazyLock<Vec<Attribute>> = LazyLock::new(|| {
    // A table of the program itself: a test reads all of it.
    let rows: BTreeMap<String, Row> = toml::from_str(include_str!("../data/attributes.toml")).unwrap_or_default();
    let attribute = |(keyword, row): (String, Row)| {
        Some(Attribute {
            tag: parse_tag(&row.tag)?,
            sequence: row.sequence.as_deref().and_then(parse_tag),
            keyword,
            vr: row.vr,
            level: row.level,
            is_count: row.count,
            is_gathered: row.gathered,
            is_optional: row.optional,
            is_correctable: row.correctable,
        })
    };
    let mut attributes: Vec<_> = rows.into_iter().filter_map(attribute).collect();
    attributes.sort_by_key(|attribute| (attribute.level, attribute.tag));
    attributes
});

fn parse_tag(text: &str) -> Option<u32> {
    (text.len() == 8).then(|| u32::from_str_radix(text, 16).ok()).flatten()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_table_is_read_whole() {
        assert_eq!(Attribute::all().len(), include_str!("../data/attributes.toml").matches("tag = ").count());
        assert!(Attribute::all().iter().all(|one| one.vr.len() == 2));
    }

    #[test]
    fn attributes_are_found_by_keyword_tag_and_path() {
        let step = Attribute::find("ScheduledProcedureStepID").expect("known");
        for name in ["00400009", "RequestAttributesSequence.ScheduledProcedureStepID", "00400275.00400009"] {
            assert_eq!(Attribute::find(name), Some(step), "{name}");
        }
        for name in ["PixelData", "00400275.00100020", "", "0040000", "OtherSequence.PatientID"] {
            assert_eq!(Attribute::find(name), None, "{name}");
        }
    }
}

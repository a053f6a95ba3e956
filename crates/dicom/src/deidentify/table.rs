//! PS3.15 Table E.1-1 as data, and which action it asks for.

use super::DeidentificationOption;
use super::types::Type;
use dicom_core::Tag;
use std::collections::{BTreeSet, HashMap};
use std::sync::LazyLock;

const TABLE: &str = include_str!("../../data/deidentification/table_e1_1.tsv");
const BEYOND: &str = include_str!("../../data/deidentification/beyond_table.tsv");

/// A row of the table.
#[derive(Debug)]
pub(super) struct Row {
    basic: Basic,
    /// What options ask for instead; C before K, since what one option would clean another must not give away.
    options: Vec<(Letter, DeidentificationOption)>,
}

/// An action of the Basic Profile (PS3.15 Table E.1-1a).
#[derive(Clone, Copy, Debug, PartialEq)]
enum Basic {
    Remove,
    Empty,
    Dummy,
    ReplaceUid,
    /// Several letters: which one, the attribute's type decides. Each says whether it is among them.
    ByType {
        remove: bool,
        empty: bool,
        last: Last,
    },
}

/// The last letter of a combined action, for attributes that must have a value.
#[derive(Clone, Copy, Debug, PartialEq)]
enum Last {
    Empty,
    Dummy,
    /// U*: a sequence keeps its items, whose UIDs are replaced.
    References,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
enum Letter {
    Clean,
    Keep,
}

/// What is to be done with an attribute.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(super) enum Task {
    Remove,
    Empty,
    Dummy,
    ReplaceUid,
    /// U*: see [`Last::References`].
    References,
    Keep,
    Clean(DeidentificationOption),
}

impl Row {
    /// What this row asks for with these options on; `kind` is the attribute's type in its IOD.
    pub(super) fn task(&self, options: &BTreeSet<DeidentificationOption>, kind: impl Fn() -> Type) -> Task {
        match self.options.iter().find(|(_, option)| options.contains(option)) {
            Some((Letter::Clean, option)) => Task::Clean(*option),
            Some((Letter::Keep, _)) => Task::Keep,
            None => self.basic_task(kind),
        }
    }

    /// What the Basic Profile asks for.
    pub(super) fn basic_task(&self, kind: impl Fn() -> Type) -> Task {
        match self.basic {
            Basic::Remove => Task::Remove,
            Basic::Empty => Task::Empty,
            Basic::Dummy => Task::Dummy,
            Basic::ReplaceUid => Task::ReplaceUid,
            Basic::ByType { remove, empty, last } => match (kind(), last) {
                (Type::Optional, _) if remove => Task::Remove,
                (Type::Optional | Type::MayBeEmpty, _) if empty => Task::Empty,
                (_, Last::Empty) => Task::Empty,
                (_, Last::Dummy) => Task::Dummy,
                (_, Last::References) => Task::References,
            },
        }
    }
}

struct Table {
    rows: HashMap<Tag, Row>,
    curves: Row,
    overlay_data: Row,
    overlay_comments: Row,
}

static ROWS: LazyLock<Table> = LazyLock::new(|| {
    let mut repeating = HashMap::new();
    let mut rows = HashMap::new();
    for line in TABLE.lines().chain(BEYOND.lines()).filter(|line| !line.starts_with('#')) {
        let (name, row) = parse(line).expect("the packaged table is well-formed");
        match u32::from_str_radix(name, 16) {
            Ok(tag) => rows.insert(Tag((tag >> 16) as u16, tag as u16), row),
            Err(_) => repeating.insert(name, row),
        };
    }
    let mut take = |name: &str| repeating.remove(name).expect("the packaged table has its repeating groups");
    Table { rows, curves: take("50xxxxxx"), overlay_data: take("60xx3000"), overlay_comments: take("60xx4000") }
});

fn parse(line: &'static str) -> Option<(&'static str, Row)> {
    let mut fields = line.split('\t');
    let (tag, basic, options) = (fields.next()?, fields.next()?, fields.next()?);
    let mut parsed = Vec::new();
    for one in options.split(' ').filter(|options| *options != "-") {
        let (name, letter) = one.split_once('=')?;
        let letter = if letter == "K" { Letter::Keep } else { Letter::Clean };
        parsed.push((letter, DeidentificationOption::from_name(name)?));
    }
    parsed.sort();
    Some((tag, Row { basic: parse_basic(basic)?, options: parsed }))
}

fn parse_basic(letters: &str) -> Option<Basic> {
    let by_type = |remove, empty, last| Some(Basic::ByType { remove, empty, last });
    match letters {
        "X" => Some(Basic::Remove),
        "Z" => Some(Basic::Empty),
        "D" => Some(Basic::Dummy),
        "U" => Some(Basic::ReplaceUid),
        "X/Z" => by_type(true, true, Last::Empty),
        "X/D" => by_type(true, false, Last::Dummy),
        "X/Z/D" => by_type(true, true, Last::Dummy),
        "Z/D" => by_type(false, true, Last::Dummy),
        "X/Z/U*" => by_type(true, true, Last::References),
        _ => None,
    }
}

/// The row of a public attribute; `None` when the table does not name it.
pub(super) fn row(tag: Tag) -> Option<&'static Row> {
    match (tag.group(), tag.element()) {
        (0x5000..=0x50FF, _) => Some(&ROWS.curves),
        (0x6000..=0x60FF, 0x3000) => Some(&ROWS.overlay_data),
        (0x6000..=0x60FF, 0x4000) => Some(&ROWS.overlay_comments),
        _ => ROWS.rows.get(&tag),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use dicom_dictionary_std::tags;

    #[track_caller]
    fn check(tag: Tag, kind: Type, options: &[DeidentificationOption], expected: Task) {
        let options = options.iter().copied().collect();
        assert_eq!(row(tag).map(|row| row.task(&options, || kind)), Some(expected));
    }

    #[test]
    fn the_type_decides_between_letters() {
        check(tags::SERIES_DATE, Type::Optional, &[], Task::Remove);
        check(tags::SERIES_DATE, Type::MayBeEmpty, &[], Task::Dummy);
        check(tags::CONTENT_DATE, Type::Optional, &[], Task::Empty);
        check(tags::CONTENT_DATE, Type::Required, &[], Task::Dummy);
        check(tags::ACQUISITION_DATE, Type::Required, &[], Task::Empty);
        check(tags::INSTITUTION_NAME, Type::MayBeEmpty, &[], Task::Empty);
        check(tags::SOURCE_IMAGE_SEQUENCE, Type::Required, &[], Task::References);
    }

    #[test]
    fn what_one_option_cleans_no_other_gives_away() {
        use DeidentificationOption::{RetainDeviceIdentity, RetainModifiedDates};
        let calibration = tags::DATE_OF_LAST_CALIBRATION;
        check(calibration, Type::Optional, &[RetainDeviceIdentity], Task::Keep);
        let both = [RetainDeviceIdentity, RetainModifiedDates];
        check(calibration, Type::Optional, &both, Task::Clean(RetainModifiedDates));
    }

    #[test]
    fn repeating_groups_are_one_row() {
        check(Tag(0x5004, 0x3000), Type::Optional, &[], Task::Remove);
        check(Tag(0x601E, 0x4000), Type::Optional, &[], Task::Remove);
        assert!(row(Tag(0x6000, 0x0010)).is_none());
    }
}

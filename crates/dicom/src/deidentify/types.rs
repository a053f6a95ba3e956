//! Whether an attribute must be there and must have a value (PS3.5 §7.4), as far as the combined actions need to know.

use dicom_core::Tag;
use std::collections::HashMap;
use std::sync::LazyLock;

const TYPES: &str = include_str!("../../data/deidentification/types.tsv");

/// The type of an attribute. Conditional types count as their strict ones: the condition may hold.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Type {
    /// 1: has to be there with a value.
    Required,
    /// 2: has to be there.
    MayBeEmpty,
    /// 3: may be left out.
    Optional,
}

#[derive(Default)]
struct Types {
    /// The IOD of a SOP class.
    iods: HashMap<&'static str, &'static str>,
    /// Of the data set: by IOD.
    top: HashMap<(Tag, &'static str), Type>,
    /// Of items: by the sequence that holds them, the strictest of all IODs.
    nested: HashMap<(Tag, Tag), Type>,
}

static BY_CLASS: LazyLock<Types> = LazyLock::new(|| {
    let mut types = Types::default();
    for line in TYPES.lines().filter(|line| !line.starts_with('#')) {
        types.add(line).expect("the packaged types are well-formed");
    }
    types
});

impl Types {
    fn add(&mut self, line: &'static str) -> Option<()> {
        let fields: Vec<&str> = line.split('\t').collect();
        match fields[..] {
            ["class", uid, iod] => {
                self.iods.insert(uid, iod);
            }
            ["top", tag, kind, iods] => {
                let (tag, kind) = (parse_tag(tag)?, parse_type(kind)?);
                self.top.extend(iods.split(' ').map(|iod| ((tag, iod), kind)));
            }
            ["in", sequence, tag, kind] => {
                self.nested.insert((parse_tag(sequence)?, parse_tag(tag)?), parse_type(kind)?);
            }
            _ => return None,
        }
        Some(())
    }
}

fn parse_tag(text: &str) -> Option<Tag> {
    let number = u32::from_str_radix(text, 16).ok()?;
    Some(Tag((number >> 16) as u16, number as u16))
}

fn parse_type(text: &str) -> Option<Type> {
    match text {
        "1" => Some(Type::Required),
        "2" => Some(Type::MayBeEmpty),
        "3" => Some(Type::Optional),
        _ => None,
    }
}

/// The type of an attribute of the data set itself, or of items of the sequence `within`. What no table names in a known
/// SOP class is an extension, and optional (PS3.2 §7.3); where nothing is known, a value keeps the object valid.
pub(super) fn type_of(sop_class_uid: &str, within: Option<Tag>, tag: Tag) -> Type {
    if let Some(sequence) = within {
        return BY_CLASS.nested.get(&(sequence, tag)).copied().unwrap_or(Type::Required);
    }
    match BY_CLASS.iods.get(sop_class_uid) {
        Some(iod) => BY_CLASS.top.get(&(tag, *iod)).copied().unwrap_or(Type::Optional),
        None => Type::Required,
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use dicom_dictionary_std::{tags, uids};

    #[test]
    fn types_are_those_of_the_iod() {
        let of = |class, tag| type_of(class, None, tag);
        assert_eq!(of(uids::CT_IMAGE_STORAGE, tags::CONTENT_DATE), Type::MayBeEmpty);
        assert_eq!(of(uids::COMPREHENSIVE_SR_STORAGE, tags::CONTENT_DATE), Type::Required);
        assert_eq!(of(uids::CT_IMAGE_STORAGE, tags::SERIES_DATE), Type::Optional);
        assert_eq!(of(uids::ENHANCED_CT_IMAGE_STORAGE, tags::DEVICE_SERIAL_NUMBER), Type::Required);
        assert_eq!(of("1.2.3.4", tags::SERIES_DATE), Type::Required, "a class that no table names");
    }

    #[test]
    fn items_have_types_of_their_own() {
        let of = |sequence, tag| type_of(uids::CT_IMAGE_STORAGE, Some(sequence), tag);
        assert_eq!(of(tags::CONTRIBUTING_EQUIPMENT_SEQUENCE, tags::INSTITUTION_NAME), Type::Optional);
        assert_eq!(of(tags::AUTHOR_OBSERVER_SEQUENCE, tags::INSTITUTION_NAME), Type::MayBeEmpty);
        assert_eq!(of(tags::ROI_CONTOUR_SEQUENCE, tags::INSTITUTION_NAME), Type::Required);
    }
}

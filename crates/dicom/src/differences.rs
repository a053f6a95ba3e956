//! In which attributes two data sets differ, for a person who decides between them.

use crate::compare::{only_encodes, same_pixels};
use crate::{Header, InspectError};
use dicom_core::dictionary::{DataDictionary, DataDictionaryEntry};
use dicom_core::header::Header as _;
use dicom_core::value::Value;
use dicom_core::{Tag, VR};
use dicom_dictionary_std::{StandardDataDictionary, tags};
use dicom_object::InMemDicomObject;
use dicom_object::mem::InMemElement;
use lightbox_domain::Limits;
use std::collections::BTreeSet;
use std::path::Path;

/// The longest value that is given in full, in characters.
const VALUE_CHARACTERS_MAX: usize = 120;

/// One attribute of the top level that two data sets do not share.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Difference {
    /// Its keyword of PS3.6, or its tag as `(gggg,eeee)`.
    pub name: String,
    /// What the first says, shortened; `None` when it lacks the attribute.
    pub first: Option<String>,
    /// What the second says.
    pub second: Option<String>,
}

/// The attributes in which two files differ, in the order of their tags, at most `max`. Encoding does not count.
///
/// # Errors
/// [`InspectError`] when either file cannot be read.
pub fn differences(first: &Path, second: &Path, max: usize, limits: &Limits) -> Result<Vec<Difference>, InspectError> {
    let (of_first, of_second) = (Header::read(first)?, Header::read(second)?);
    let (a, b) = (of_first.object(), of_second.object());
    let all: BTreeSet<Tag> = a.iter().chain(b.iter()).map(|element| element.tag()).collect();
    let counted = all.into_iter().filter(|tag| !only_encodes(*tag));
    let differing = counted.filter(|tag| !same_element(a.get(*tag), b.get(*tag)));
    let describe = |tag: Tag| Difference {
        name: name_of(tag),
        first: a.get(tag).map(value_text),
        second: b.get(tag).map(value_text),
    };
    let mut found: Vec<Difference> = differing.take(max).map(describe).collect();
    if found.len() < max && !same_pixels(first, second, limits)? {
        let says = |header: &Header| header.pixel_data().map(|_| "pixels".to_owned());
        let (first, second) = (says(&of_first), says(&of_second));
        found.push(Difference { name: name_of(tags::PIXEL_DATA), first, second });
    }
    Ok(found)
}

fn same_element(a: Option<&InMemElement>, b: Option<&InMemElement>) -> bool {
    let (Some(a), Some(b)) = (a, b) else { return a.is_none() && b.is_none() };
    match (a.value(), b.value()) {
        (Value::Primitive(a), Value::Primitive(b)) => {
            let text = |value: &dicom_core::PrimitiveValue| value.to_str().trim_end_matches([' ', '\0']).to_owned();
            text(a) == text(b)
        }
        (Value::Sequence(a), Value::Sequence(b)) => {
            let pairs = a.items().iter().zip(b.items());
            a.items().len() == b.items().len() && pairs.into_iter().all(|(a, b)| same_object(a, b))
        }
        (a, b) => a == b,
    }
}

fn same_object(a: &InMemDicomObject, b: &InMemDicomObject) -> bool {
    let all: BTreeSet<Tag> = a.iter().chain(b.iter()).map(|element| element.tag()).collect();
    all.into_iter().filter(|tag| !only_encodes(*tag)).all(|tag| same_element(a.get(tag), b.get(tag)))
}

fn name_of(tag: Tag) -> String {
    match StandardDataDictionary.by_tag(tag) {
        Some(entry) if !entry.alias().is_empty() => entry.alias().to_owned(),
        _ => tag.to_string(),
    }
}

fn value_text(element: &InMemElement) -> String {
    let text = match element.value() {
        Value::Primitive(value) if is_binary(element.vr()) => {
            let bytes = value.calculate_byte_len();
            return format!("{bytes} bytes");
        }
        Value::Primitive(value) => value.to_str().trim_end_matches([' ', '\0']).to_owned(),
        Value::Sequence(sequence) => return format!("{} items", sequence.items().len()),
        Value::PixelSequence(_) => return "fragments".to_owned(),
    };
    match text.char_indices().nth(VALUE_CHARACTERS_MAX) {
        Some((end, _)) => format!("{}…", &text[..end]),
        None => text,
    }
}

const fn is_binary(vr: VR) -> bool {
    matches!(vr, VR::OB | VR::OD | VR::OF | VR::OL | VR::OV | VR::OW | VR::UN)
}

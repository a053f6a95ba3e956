//! The DICOM JSON model (PS3.18 Annex F).

use crate::object::{PixelData, little_endian_bytes};
use crate::{DatasetJson, Header, InspectError, ObjectFile};
use base64::prelude::{BASE64_STANDARD as BASE64, Engine};
use dicom_core::dictionary::{DataDictionary, DataDictionaryEntry};
use dicom_core::{DicomValue, PrimitiveValue, Tag, VR};
use dicom_dictionary_std::{StandardDataDictionary, tags};
use dicom_object::InMemDicomObject;
use dicom_object::mem::InMemElement;
use serde_json::{Map, Value, json};

/// The longest binary value that is given inline, in bytes.
const INLINE_BYTES_MAX: usize = 1024;

/// One instance's attributes; pixel data and binary values of more than a kibibyte become a `BulkDataURI`, which is
/// `bulk_data_uri` with the tag as last segment. Lookup tables stay inline: no image is shown without them, and a tag
/// alone would not tell the modality's table from the VOI's.
///
/// # Errors
/// [`InspectError`] when the file cannot be read.
pub fn metadata(file: impl Into<ObjectFile>, bulk_data_uri: &str) -> Result<Value, InspectError> {
    let header = Header::read(file)?;
    let mut attributes = data_set(header.object(), bulk_data_uri);
    // Texts leave as UTF-8, whatever they were.
    attributes.insert(hex(tags::SPECIFIC_CHARACTER_SET), json!({ "vr": "CS", "Value": ["ISO_IR 192"] }));
    for (tag, vr) in header.bulk() {
        attributes.insert(hex(*tag), bulk(*tag, *vr, bulk_data_uri));
    }
    match header.pixel_data() {
        Some(PixelData::Native { vr, .. }) => {
            attributes.insert(hex(tags::PIXEL_DATA), bulk(tags::PIXEL_DATA, *vr, bulk_data_uri));
        }
        Some(PixelData::Encapsulated { .. }) => {
            attributes.insert(hex(tags::PIXEL_DATA), bulk(tags::PIXEL_DATA, VR::OB, bulk_data_uri));
        }
        None => {}
    }
    Ok(Value::Object(attributes))
}

/// These attributes of the top level, by tags of eight hexadecimal digits; what is bulk is left out.
///
/// # Errors
/// [`InspectError`] when the file cannot be read.
pub fn selected(file: impl Into<ObjectFile>, tags: &[String]) -> Result<DatasetJson, InspectError> {
    let header = Header::read(file)?;
    let mut attributes = data_set(header.object(), "");
    attributes.retain(|tag, value| tags.contains(tag) && value.get("BulkDataURI").is_none());
    Ok(attributes.iter().fold(DatasetJson::new(), |row, (tag, attribute)| row.json(tag, attribute)))
}

/// The tag of an attribute given by keyword or by eight hexadecimal digits, as eight upper-case digits.
#[must_use]
pub fn tag_of_name(name: &str) -> Option<String> {
    let is_tag = name.len() == 8 && name.bytes().all(|byte| byte.is_ascii_hexdigit());
    if is_tag {
        return Some(name.to_uppercase());
    }
    StandardDataDictionary.by_name(name).map(|entry| hex(entry.tag()))
}

/// Attributes in the order of their tags.
fn data_set(object: &InMemDicomObject, bulk_data_uri: &str) -> Map<String, Value> {
    let attributes = object.iter().map(|element| (hex(element.header().tag), attribute(element, bulk_data_uri)));
    attributes.collect()
}

fn attribute(element: &InMemElement, bulk_data_uri: &str) -> Value {
    let vr = element.vr();
    let values = match element.value() {
        DicomValue::Sequence(sequence) => {
            sequence.items().iter().map(|item| Value::Object(data_set(item, bulk_data_uri))).collect()
        }
        DicomValue::Primitive(value) if is_binary(vr) => return binary(element.header().tag, vr, value, bulk_data_uri),
        DicomValue::Primitive(value) => values(vr, value),
        DicomValue::PixelSequence(_) => Vec::new(),
    };
    attribute_of(vr.to_string(), values)
}

/// An attribute of these values; without any it has only its representation (PS3.18 §F.2.5).
pub(crate) fn attribute_of(vr: &str, values: Vec<Value>) -> Value {
    if values.iter().all(Value::is_null) { json!({ "vr": vr }) } else { json!({ "vr": vr, "Value": values }) }
}

/// Values by PS3.18 Table F.2.3-1; an empty one among others is null.
fn values(vr: VR, value: &PrimitiveValue) -> Vec<Value> {
    let each = |convert: fn(&str) -> Value| value.to_multi_str().iter().map(|text| convert(text)).collect();
    match (vr, value) {
        (_, PrimitiveValue::Empty) => Vec::new(),
        (_, PrimitiveValue::Tags(tags)) => tags.iter().map(|tag| hex(*tag).into()).collect(),
        (_, PrimitiveValue::F32(numbers)) => numbers.iter().map(|number| decimal(f64::from(*number))).collect(),
        (_, PrimitiveValue::F64(numbers)) => numbers.iter().map(|number| decimal(*number)).collect(),
        (VR::PN, _) => each(person_name),
        (VR::DS | VR::IS | VR::US | VR::SS | VR::UL | VR::SL | VR::UV | VR::SV, _) => each(number),
        _ => each(|text| if text.is_empty() { Value::Null } else { text.into() }),
    }
}

/// A number where the text is one; else the text itself, which PS3.18 §F.2.3.1 allows for what a number cannot hold.
pub(crate) fn number(text: &str) -> Value {
    let text = text.trim();
    match (text.parse::<i64>(), text.parse::<f64>()) {
        _ if text.is_empty() => Value::Null,
        (Ok(whole), _) => whole.into(),
        (_, Ok(decimal)) if decimal.is_finite() => decimal.into(),
        _ => text.into(),
    }
}

fn decimal(number: f64) -> Value {
    match number {
        finite if finite.is_finite() => finite.into(),
        nan if nan.is_nan() => "NaN".into(),
        infinite => if infinite > 0.0 { "inf" } else { "-inf" }.into(),
    }
}

pub(crate) fn person_name(name: &str) -> Value {
    let groups = ["Alphabetic", "Ideographic", "Phonetic"].into_iter().zip(name.split('='));
    let given = groups.filter(|(_, group)| !group.is_empty()).map(|(key, group)| (key.to_owned(), group.into()));
    let name: Map<String, Value> = given.collect();
    if name.is_empty() { Value::Null } else { name.into() }
}

fn is_binary(vr: VR) -> bool {
    matches!(vr, VR::OB | VR::OD | VR::OF | VR::OL | VR::OV | VR::OW | VR::UN)
}

fn binary(tag: Tag, vr: VR, value: &PrimitiveValue, bulk_data_uri: &str) -> Value {
    let bytes = little_endian_bytes(value);
    match bytes.len() {
        0 => json!({ "vr": vr.to_string() }),
        length if length <= INLINE_BYTES_MAX || tag == tags::LUT_DATA => {
            json!({ "vr": vr.to_string(), "InlineBinary": BASE64.encode(bytes) })
        }
        _ => bulk(tag, vr, bulk_data_uri),
    }
}

fn bulk(tag: Tag, vr: VR, bulk_data_uri: &str) -> Value {
    json!({ "vr": vr.to_string(), "BulkDataURI": format!("{bulk_data_uri}/{}", hex(tag)) })
}

fn hex(Tag(group, element): Tag) -> String {
    format!("{group:04X}{element:04X}")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn long_values_are_left_to_bulk_data_but_for_lookup_tables() {
        let long = PrimitiveValue::from(vec![0_u8; INLINE_BYTES_MAX + 2]);
        let table = binary(tags::LUT_DATA, VR::OW, &long, "/bulkdata");
        assert!(table["InlineBinary"].is_string(), "{table}");
        let other = binary(tags::ICC_PROFILE, VR::OB, &long, "/bulkdata");
        assert_eq!(other, json!({ "vr": "OB", "BulkDataURI": "/bulkdata/00282000" }));
    }

    #[test]
    fn numbers_stay_numbers_where_they_can() {
        let given = ["1", " 0.5 ", "1e3", "", "abc"].map(number);
        assert_eq!(given, [json!(1), json!(0.5), json!(1000.0), Value::Null, json!("abc")]);
        assert_eq!([f64::NAN, f64::NEG_INFINITY].map(decimal), [json!("NaN"), json!("-inf")]);
    }
}

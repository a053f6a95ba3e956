//! A [`DataSet`] in the DICOM JSON model (PS3.18 Annex F), as workitems travel. Binary values do not.

use crate::data_set::{Content, DataSet, Element};
use crate::json::{attribute_of, number, person_name};
use dicom_core::VR;
use serde_json::{Map, Value};
use std::str::FromStr;

/// Why JSON is no data set. Values are not repeated, since they identify patients.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("{place} {why}")]
pub struct JsonError {
    /// The tag, or what else is wrong.
    pub place: String,
    /// What is wrong with it.
    pub why: &'static str,
}

impl DataSet {
    /// Reads a data set. Group 0002 and group lengths do not belong into one, and are passed over.
    ///
    /// # Errors
    /// [`JsonError`] names the attribute that is not as Annex F has it, or that is binary.
    pub fn from_json(json: &Value) -> Result<Self, JsonError> {
        let attributes = json.as_object().ok_or_else(|| wrong("a data set", "must be a JSON object"))?;
        let mut data_set = Self::default();
        for (name, attribute) in attributes {
            let tag = tag(name).ok_or_else(|| wrong("an attribute's name", "must be eight hexadecimal digits"))?;
            if tag >> 16 != 2 && tag & 0xFFFF != 0 {
                data_set.put(tag, element(name, attribute)?);
            }
        }
        Ok(data_set)
    }

    /// The data set in JSON, in the order of its tags.
    #[must_use]
    pub fn to_json(&self) -> Value {
        let attributes = self.elements().map(|(tag, element)| (format!("{tag:08X}"), attribute(element)));
        Value::Object(attributes.collect())
    }
}

fn wrong(place: &str, why: &'static str) -> JsonError {
    JsonError { place: place.to_owned(), why }
}

fn tag(name: &str) -> Option<u32> {
    let is_tag = name.len() == 8 && name.bytes().all(|byte| byte.is_ascii_hexdigit());
    is_tag.then(|| u32::from_str_radix(name, 16).ok()).flatten()
}

fn element(name: &str, attribute: &Value) -> Result<Element, JsonError> {
    let wrong = |why| wrong(name, why);
    let vr = attribute.get("vr").and_then(Value::as_str).and_then(|vr| VR::from_str(vr).ok());
    let vr = vr.ok_or_else(|| wrong("must have a value representation as `vr`"))?;
    if ["InlineBinary", "BulkDataURI"].iter().any(|binary| attribute.get(binary).is_some()) {
        return Err(wrong("is binary, which is not taken here"));
    }
    let values = match attribute.get("Value") {
        None | Some(Value::Null) => &[][..],
        Some(Value::Array(values)) => values,
        Some(_) => return Err(wrong("must have its values in an array")),
    };
    let content = match vr {
        VR::SQ => Content::Items(values.iter().map(DataSet::from_json).collect::<Result<_, _>>()?),
        VR::LT | VR::ST | VR::UT | VR::UR if values.len() > 1 => return Err(wrong("has one value at most")),
        _ => {
            let texts: Result<Vec<_>, _> = values.iter().map(|value| text(vr, value)).collect();
            Content::Text(texts.map_err(wrong)?.join("\\"))
        }
    };
    Ok(Element { vr, content })
}

/// A value as text (PS3.18 Table F.2.3-1); a name as its component groups.
fn text(vr: VR, value: &Value) -> Result<String, &'static str> {
    match (vr, value) {
        (_, Value::Null) => Ok(String::new()),
        (VR::PN, Value::Object(name)) => {
            let group = |key: &str| name.get(key).and_then(Value::as_str).unwrap_or_default();
            let groups = [group("Alphabetic"), group("Ideographic"), group("Phonetic")].join("=");
            single(groups.trim_end_matches('='))
        }
        (VR::PN, _) => Err("must have names as objects of their component groups"),
        (VR::LT | VR::ST | VR::UT | VR::UR, Value::String(text)) => Ok(text.clone()),
        (_, Value::String(text)) => single(text),
        (_, Value::Number(number)) => Ok(number.to_string()),
        _ => Err("has a value that its representation does not know"),
    }
}

/// A backslash divides values (PS3.5 §6.2), so that it stands in none of them.
fn single(text: &str) -> Result<String, &'static str> {
    if text.contains('\\') { Err("has a backslash in a value") } else { Ok(text.to_owned()) }
}

fn attribute(element: &Element) -> Value {
    let values = match &element.content {
        Content::Items(items) => items.iter().map(DataSet::to_json).collect(),
        Content::Text(text) if text.is_empty() => Vec::new(),
        Content::Text(text) => match element.vr {
            VR::LT | VR::ST | VR::UT | VR::UR => vec![text.as_str().into()],
            vr => text.split('\\').map(|text| value(vr, text)).collect(),
        },
    };
    match values.is_empty() {
        true => Value::Object(Map::from_iter([("vr".to_owned(), element.vr.to_string().into())])),
        false => attribute_of(element.vr.to_string(), values),
    }
}

fn value(vr: VR, text: &str) -> Value {
    match vr {
        VR::PN => person_name(text),
        VR::DS | VR::IS | VR::US | VR::SS | VR::UL | VR::SL | VR::UV | VR::SV | VR::FL | VR::FD => number(text),
        _ if text.is_empty() => Value::Null,
        _ => text.into(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    #[test]
    fn what_is_read_is_written_as_it_was() {
        let whole = json!({
            "00080005": { "vr": "CS", "Value": ["ISO_IR 192"] },
            "00100010": { "vr": "PN", "Value": [{ "Alphabetic": "Wang^XiaoDong", "Ideographic": "王^小東" }] },
            "00100020": { "vr": "LO" },
            "00400400": { "vr": "LT", "Value": ["a \\ b"] },
            "00404018": { "vr": "SQ", "Value": [
                { "00080100": { "vr": "SH", "Value": ["110005"] }, "0040A30A": { "vr": "DS", "Value": [1.5, 2] } },
            ] },
            "00404021": { "vr": "SQ" },
        });
        let read = DataSet::from_json(&whole).unwrap();
        assert_eq!(read.text(0x0010_0010), "Wang^XiaoDong=王^小東");
        assert_eq!(read.items(0x0040_4018)[0].text(0x0040_A30A), "1.5\\2");
        assert_eq!(read.to_json(), whole);
    }

    #[track_caller]
    fn check(json: Value, complaint: &str) {
        assert_eq!(DataSet::from_json(&json).unwrap_err().to_string(), complaint);
    }

    #[test]
    fn what_is_no_data_set_is_refused_without_repeating_it() {
        check(json!([]), "a data set must be a JSON object");
        check(json!({ "Doe^John": {} }), "an attribute's name must be eight hexadecimal digits");
        check(json!({ "00100010": { "Value": [] } }), "00100010 must have a value representation as `vr`");
        check(json!({ "00100020": { "vr": "LO", "Value": "P1" } }), "00100020 must have its values in an array");
        check(json!({ "00100020": { "vr": "LO", "Value": ["P\\1"] } }), "00100020 has a backslash in a value");
        check(
            json!({ "00100010": { "vr": "PN", "Value": ["Doe^John"] } }),
            "00100010 must have names as objects of their component groups",
        );
        let nested =
            json!({ "00404018": { "vr": "SQ", "Value": [{ "00420011": { "vr": "OB", "InlineBinary": "" } }] } });
        check(nested, "00420011 is binary, which is not taken here");
    }
}

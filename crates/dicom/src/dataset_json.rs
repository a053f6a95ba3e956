//! Data sets in the DICOM JSON model (PS3.18 Annex F), built as text: a page of an answer has thousands of attributes, and
//! to make a tree of each costs more than to find them.

use serde::Serialize;
use std::collections::BTreeMap;

/// A data set in JSON, such as a row of a QIDO-RS answer. Tags are eight hexadecimal digits.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct DatasetJson(BTreeMap<String, Vec<u8>>);

/// The object of an attribute, while its values are written.
struct Attribute {
    text: Vec<u8>,
    has_values: bool,
}

impl Attribute {
    fn new(vr: &str) -> Self {
        let mut text = b"{\"vr\":".to_vec();
        write(&mut text, vr);
        Self { text, has_values: false }
    }

    /// Where the next value is to be written.
    fn value(&mut self) -> &mut Vec<u8> {
        let before: &[u8] = if self.has_values { b"," } else { b",\"Value\":[" };
        self.has_values = true;
        self.text.extend_from_slice(before);
        &mut self.text
    }

    /// The whole; without a value it has only its representation (PS3.18 §F.2.5).
    fn end(mut self) -> Vec<u8> {
        self.text.extend_from_slice(if self.has_values { b"]}" } else { b"}" });
        self.text
    }
}

fn write(text: &mut Vec<u8>, value: impl Serialize) {
    // Texts and numbers have a form in JSON, and memory takes what is written.
    let _ = serde_json::to_writer(text, &value);
}

impl DatasetJson {
    /// An empty data set.
    #[must_use]
    pub fn new() -> Self {
        Self::default()
    }

    /// Adds one text; an empty one becomes an attribute without value.
    #[must_use]
    pub fn text(self, tag: &str, vr: &str, value: &str) -> Self {
        self.texts(tag, vr, [value])
    }

    /// Adds several texts; empty ones are left out.
    #[must_use]
    pub fn texts<'a>(self, tag: &str, vr: &str, values: impl IntoIterator<Item = &'a str>) -> Self {
        let mut attribute = Attribute::new(vr);
        for value in values.into_iter().filter(|value| !value.is_empty()) {
            write(attribute.value(), value);
        }
        self.with(tag, attribute)
    }

    /// Adds one number.
    #[must_use]
    pub fn number(self, tag: &str, vr: &str, value: i64) -> Self {
        let mut attribute = Attribute::new(vr);
        write(attribute.value(), value);
        self.with(tag, attribute)
    }

    /// Adds a person's name given in its DICOM form `Family^Given^…`, component groups divided by `=`.
    #[must_use]
    pub fn person_name(self, tag: &str, name: &str) -> Self {
        let groups = ["Alphabetic", "Ideographic", "Phonetic"].into_iter().zip(name.split('='));
        let groups: BTreeMap<&str, &str> = groups.filter(|(_, group)| !group.is_empty()).collect();
        let mut attribute = Attribute::new("PN");
        if !groups.is_empty() {
            write(attribute.value(), groups);
        }
        self.with(tag, attribute)
    }

    /// Adds a sequence.
    #[must_use]
    pub fn items(self, tag: &str, items: impl IntoIterator<Item = Self>) -> Self {
        let mut attribute = Attribute::new("SQ");
        for item in items {
            item.write(attribute.value());
        }
        self.with(tag, attribute)
    }

    /// Adds an attribute that is JSON already.
    #[must_use]
    pub fn json(mut self, tag: &str, attribute: &serde_json::Value) -> Self {
        let mut text = Vec::new();
        write(&mut text, attribute);
        self.0.insert(tag.to_owned(), text);
        self
    }

    /// The same with all of another's attributes.
    #[must_use]
    pub fn merged(mut self, other: Self) -> Self {
        self.0.extend(other.0);
        self
    }

    /// Whether it has no attribute.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.0.is_empty()
    }

    /// Writes the object, its attributes in the order of their tags.
    pub fn write(&self, text: &mut Vec<u8>) {
        text.push(b'{');
        for (place, (tag, attribute)) in self.0.iter().enumerate() {
            if place > 0 {
                text.push(b',');
            }
            write(text, tag);
            text.push(b':');
            text.extend_from_slice(attribute);
        }
        text.push(b'}');
    }

    fn with(mut self, tag: &str, attribute: Attribute) -> Self {
        self.0.insert(tag.to_owned(), attribute.end());
        self
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    #[test]
    fn rows_are_built_as_the_standard_says() {
        let item = DatasetJson::new().text("00401001", "SH", "say \"1\"");
        let row = DatasetJson::new()
            .text("0020000D", "UI", "1.2.3")
            .text("00080050", "SH", "")
            .texts("00080061", "CS", ["CR", "", "SR"])
            .number("00201208", "IS", 3)
            .person_name("00100010", "Wang^XiaoDong=王^小東")
            .person_name("00080090", "")
            .items("00400275", [item.clone(), item])
            .items("00081199", [])
            .merged(DatasetJson::new().json("00280010", &json!({ "vr": "US", "Value": [512] })));
        let mut text = Vec::new();
        row.write(&mut text);
        assert!(text.starts_with(b"{\"00080050\":"), "in the order of tags");
        assert_eq!(
            serde_json::from_slice::<serde_json::Value>(&text).unwrap(),
            json!({
                "0020000D": { "vr": "UI", "Value": ["1.2.3"] },
                "00080050": { "vr": "SH" },
                "00080061": { "vr": "CS", "Value": ["CR", "SR"] },
                "00201208": { "vr": "IS", "Value": [3] },
                "00100010": { "vr": "PN", "Value": [{ "Alphabetic": "Wang^XiaoDong", "Ideographic": "王^小東" }] },
                "00080090": { "vr": "PN" },
                "00400275": { "vr": "SQ", "Value": [
                    { "00401001": { "vr": "SH", "Value": ["say \"1\""] } },
                    { "00401001": { "vr": "SH", "Value": ["say \"1\""] } },
                ] },
                "00081199": { "vr": "SQ" },
                "00280010": { "vr": "US", "Value": [512] },
            })
        );
    }
}

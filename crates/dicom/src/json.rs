//! The DICOM JSON model (PS3.18 Annex F).

use crate::InspectError;
use serde_json::{Map, Value};
use std::path::Path;

/// One instance's attributes; pixel data and binary values of more than a kibibyte become a `BulkDataURI`.
///
/// # Errors
/// [`InspectError`] when the file cannot be read.
pub fn metadata(path: &Path, bulk_data_uri: &str) -> Result<Value, InspectError> {
    let _ = (path, bulk_data_uri);
    todo!()
}

/// Builds a data set in JSON, such as a row of a QIDO-RS answer. Tags are eight hexadecimal digits.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct DatasetJson(Map<String, Value>);

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
        let values = values.into_iter().filter(|value| !value.is_empty()).map(Value::from).collect();
        self.attribute(tag, vr, values)
    }

    /// Adds one number.
    #[must_use]
    pub fn number(self, tag: &str, vr: &str, value: i64) -> Self {
        self.attribute(tag, vr, vec![value.into()])
    }

    /// Adds a person's name given in its DICOM form `Family^Given^…`, component groups divided by `=`.
    #[must_use]
    pub fn person_name(self, tag: &str, name: &str) -> Self {
        let _ = name;
        self.attribute(tag, "PN", Vec::new())
    }

    /// The data set.
    #[must_use]
    pub fn into_value(self) -> Value {
        Value::Object(self.0)
    }

    fn attribute(mut self, tag: &str, vr: &str, values: Vec<Value>) -> Self {
        let mut attribute = Map::new();
        attribute.insert("vr".to_owned(), vr.into());
        if !values.is_empty() {
            attribute.insert("Value".to_owned(), values.into());
        }
        self.0.insert(tag.to_owned(), attribute.into());
        self
    }
}

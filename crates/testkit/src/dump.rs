//! A readable text of a DICOM object, for snapshots.

use dicom_core::dictionary::{DataDictionary, DataDictionaryEntry};
use dicom_core::{DicomValue, PrimitiveValue, Tag};
use dicom_dictionary_std::{StandardDataDictionary, tags};
use dicom_object::InMemDicomObject;
use dicom_object::mem::InMemElement;
use std::fmt::Write;

const VALUE_CHARACTERS_MAX: usize = 300;

/// One line an element: tag, keyword, VR, value; items are indented. Group 0002 is left out, binary values are counted.
///
/// # Panics
/// When the bytes are no Part 10 file.
#[must_use]
pub fn dump(part10: &[u8]) -> String {
    let file = dicom_object::from_reader(part10).expect("a Part 10 file");
    let mut text = String::new();
    dump_object(&mut text, &file, 0);
    text
}

fn dump_object(text: &mut String, object: &InMemDicomObject, depth: usize) {
    for element in object {
        let Tag(group, number) = element.header().tag;
        let keyword = StandardDataDictionary.by_tag(element.header().tag).map_or("?", |entry| entry.alias());
        let indent = "  ".repeat(depth);
        let vr = element.vr().to_string();
        let _ = writeln!(text, "{indent}({group:04X},{number:04X}) {keyword} {vr} {}", value(element));
        for (place, item) in element.items().unwrap_or_default().iter().enumerate() {
            let _ = writeln!(text, "{indent}  item {}", place + 1);
            dump_object(text, item, depth + 2);
        }
    }
}

fn value(element: &InMemElement) -> String {
    match element.value() {
        DicomValue::Sequence(sequence) => format!("{} item(s)", sequence.items().len()),
        DicomValue::PixelSequence(sequence) => format!("{} fragment(s)", sequence.fragments().len()),
        DicomValue::Primitive(PrimitiveValue::Empty) => "(no value)".to_owned(),
        DicomValue::Primitive(PrimitiveValue::U8(bytes)) => format!("({} bytes)", bytes.len()),
        DicomValue::Primitive(value) if element.header().tag == tags::PIXEL_DATA => {
            format!("({} bytes)", value.to_bytes().len())
        }
        DicomValue::Primitive(value) => {
            let whole = value.to_multi_str().join("\\").replace("\r\n", " / ");
            let shown: String = whole.trim_end_matches('\0').chars().take(VALUE_CHARACTERS_MAX).collect();
            let more = if whole.chars().count() > VALUE_CHARACTERS_MAX { "…" } else { "" };
            format!("[{shown}{more}]")
        }
    }
}

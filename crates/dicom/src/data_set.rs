//! Small data sets without a file around them: the identifiers of queries, and what the N-services carry.
//!
//! Values are texts in UTF-8, whatever the character set or the number format on the wire; several values are divided
//! by `\`. Bulk and private binary values are not kept.

use crate::InspectError;
use crate::object::{read_attributes, texts};
use crate::source::ByteSource;
use crate::syntax::{self, Syntax};
use crate::text::encode_in;
use crate::walk::{Walker, dictionary_vr, has_short_length};
use dicom_core::{Tag, VR};
use dicom_dictionary_std::{tags, uids};
use dicom_object::InMemDicomObject;
use std::collections::BTreeMap;
use std::io::Cursor;

/// The character set that can write every text (PS3.3 §C.12.1.1.2).
const UTF_8: &str = "ISO_IR 192";
const SPECIFIC_CHARACTER_SET: u32 = 0x0008_0005;
/// The longest value whose length has two bytes.
const SHORT_BYTES_MAX: usize = 0xFFFE;

/// A data set by tag: group in the upper sixteen bits, element in the lower.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct DataSet {
    elements: BTreeMap<u32, Element>,
}

/// An element of a [`DataSet`].
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Element {
    /// Its value representation.
    pub vr: VR,
    /// What it holds.
    pub content: Content,
}

/// What an element holds.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Content {
    /// Values as text, divided by `\`; empty for none.
    Text(String),
    /// The items of a sequence.
    Items(Vec<DataSet>),
}

impl DataSet {
    /// Reads a data set in any transfer syntax without pixels.
    ///
    /// # Errors
    /// [`InspectError`] when the bytes are no whole data set.
    pub fn read(bytes: &[u8], transfer_syntax_uid: &str) -> Result<Self, InspectError> {
        let unknown = || InspectError::UnknownTransferSyntax(transfer_syntax_uid.to_owned());
        let Syntax { encoding, deflated } = syntax::lookup(transfer_syntax_uid).ok_or_else(unknown)?;
        let source = ByteSource::new(Box::new(Cursor::new(bytes)))?;
        let source = if deflated { source.inflate(INFLATED_BYTES_MAX) } else { source };
        let attributes = read_attributes(&mut Walker::new(source, encoding), |_| true)?;
        Ok(Self::of_object(&attributes.object))
    }

    fn of_object(object: &InMemDicomObject) -> Self {
        let element = |element: &dicom_object::mem::InMemElement| {
            let Tag(group, number) = element.header().tag;
            let content = match element.items() {
                Some(items) => Content::Items(items.iter().map(Self::of_object).collect()),
                None if matches!(element.vr(), VR::OB | VR::OW | VR::OF | VR::OD | VR::OL | VR::OV | VR::UN) => {
                    Content::Text(String::new())
                }
                None => Content::Text(texts(object, element.header().tag).join("\\")),
            };
            (u32::from(group) << 16 | u32::from(number), Element { vr: element.vr(), content })
        };
        Self { elements: object.iter().map(element).collect() }
    }

    /// Its elements by tag.
    pub fn elements(&self) -> impl Iterator<Item = (u32, &Element)> {
        self.elements.iter().map(|(tag, element)| (*tag, element))
    }

    /// The element of this tag.
    #[must_use]
    pub fn get(&self, tag: u32) -> Option<&Element> {
        self.elements.get(&tag)
    }

    /// Removes an element and gives it.
    pub fn remove(&mut self, tag: u32) -> Option<Element> {
        self.elements.remove(&tag)
    }

    /// The values of an attribute as text; empty when it is absent, has none, or is a sequence.
    #[must_use]
    pub fn text(&self, tag: u32) -> &str {
        match self.elements.get(&tag) {
            Some(Element { content: Content::Text(text), .. }) => text,
            _ => "",
        }
    }

    /// The items of a sequence; none when it is absent.
    #[must_use]
    pub fn items(&self, tag: u32) -> &[Self] {
        match self.elements.get(&tag) {
            Some(Element { content: Content::Items(items), .. }) => items,
            _ => &[],
        }
    }

    /// Whether it has no element.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.elements.is_empty()
    }

    /// The same with this attribute, represented as the dictionary of PS3.6 says.
    #[must_use]
    pub fn with(mut self, tag: u32, text: impl Into<String>) -> Self {
        self.put(tag, Element { vr: dictionary_vr(tag_of(tag)), content: Content::Text(text.into()) });
        self
    }

    /// The same with this sequence.
    #[must_use]
    pub fn with_items(mut self, tag: u32, items: Vec<Self>) -> Self {
        self.put(tag, Element { vr: VR::SQ, content: Content::Items(items) });
        self
    }

    /// Sets an element.
    pub fn put(&mut self, tag: u32, element: Element) {
        self.elements.insert(tag, element);
    }

    /// The bytes in explicit VR little endian, or in implicit VR when that is the syntax. Texts are in the character set
    /// `preferred` if it is a single one that can say them all; else, if there is more than ASCII, in UTF-8.
    #[must_use]
    pub fn write(&self, transfer_syntax_uid: &str, preferred: &str) -> Vec<u8> {
        let explicit = transfer_syntax_uid != uids::IMPLICIT_VR_LITTLE_ENDIAN;
        let mut whole = self.clone();
        whole.elements.remove(&SPECIFIC_CHARACTER_SET);
        let character_set = whole.character_set(preferred.trim());
        if !character_set.is_empty() {
            whole = whole.with(SPECIFIC_CHARACTER_SET, character_set);
        }
        let mut bytes = Vec::new();
        whole.write_elements(&mut bytes, explicit, character_set);
        bytes
    }

    /// The set in which all texts can be said: none for plain ASCII.
    fn character_set<'a>(&self, preferred: &'a str) -> &'a str {
        if self.all_texts(&|text| text.is_ascii()) {
            ""
        } else if self.all_texts(&|text| encode_in(preferred, text).is_some()) {
            preferred
        } else {
            UTF_8
        }
    }

    fn all_texts(&self, holds: &dyn Fn(&str) -> bool) -> bool {
        self.elements.values().all(|element| match &element.content {
            Content::Text(text) => holds(text),
            Content::Items(items) => items.iter().all(|item| item.all_texts(holds)),
        })
    }

    fn write_elements(&self, bytes: &mut Vec<u8>, explicit: bool, character_set: &str) {
        for (tag, element) in &self.elements {
            if !explicit && !is_told_apart(*tag, element) {
                continue;
            }
            let value = match &element.content {
                Content::Text(text) => text_bytes(element.vr, text, character_set),
                Content::Items(items) => items_bytes(items, explicit, character_set),
            };
            write_element(bytes, *tag, element.vr, &value, explicit);
        }
    }
}

/// The most that a deflated data set may inflate to, in bytes.
const INFLATED_BYTES_MAX: u64 = 64 << 20;

fn tag_of(tag: u32) -> Tag {
    Tag((tag >> 16) as u16, tag as u16)
}

/// Whether a reader who knows VRs by the dictionary alone takes a sequence for a sequence, and nothing else for one.
fn is_told_apart(tag: u32, element: &Element) -> bool {
    match (dictionary_vr(tag_of(tag)), &element.content) {
        (VR::SQ, Content::Text(text)) => text.is_empty(),
        (VR::SQ | VR::UN, Content::Items(_)) | (_, Content::Text(_)) => true,
        (_, Content::Items(items)) => items.is_empty(),
    }
}

fn write_element(bytes: &mut Vec<u8>, tag: u32, vr: VR, value: &[u8], explicit: bool) {
    bytes.extend(((tag >> 16) as u16).to_le_bytes());
    bytes.extend((tag as u16).to_le_bytes());
    if !explicit {
        bytes.extend((value.len() as u32).to_le_bytes());
    } else if has_short_length(vr) {
        bytes.extend(vr.to_string().as_bytes());
        bytes.extend((value.len() as u16).to_le_bytes());
    } else {
        bytes.extend(vr.to_string().as_bytes());
        bytes.extend([0, 0]);
        bytes.extend((value.len() as u32).to_le_bytes());
    }
    bytes.extend(value);
}

fn items_bytes(items: &[DataSet], explicit: bool, character_set: &str) -> Vec<u8> {
    let mut bytes = Vec::new();
    for item in items {
        let mut value = Vec::new();
        item.write_elements(&mut value, explicit, character_set);
        bytes.extend([0xFE, 0xFF, 0x00, 0xE0]);
        bytes.extend((value.len() as u32).to_le_bytes());
        bytes.extend(value);
    }
    bytes
}

/// A value with its padding (PS3.5 §6.2). What is no number where one belongs is left out, and values that no length
/// field of two bytes can count, the last first.
fn text_bytes(vr: VR, text: &str, character_set: &str) -> Vec<u8> {
    let numbers = || text.split('\\').filter_map(|value| value.trim().parse::<i64>().ok());
    let mut value: Vec<u8> = match vr {
        VR::US => numbers().flat_map(|number| (number as u16).to_le_bytes()).collect(),
        VR::SS => numbers().flat_map(|number| (number as i16).to_le_bytes()).collect(),
        VR::UL => numbers().flat_map(|number| (number as u32).to_le_bytes()).collect(),
        VR::SL => numbers().flat_map(|number| (number as i32).to_le_bytes()).collect(),
        VR::FL | VR::FD | VR::AT | VR::OB | VR::OW | VR::OF | VR::OD | VR::OL | VR::OV | VR::UN | VR::SV | VR::UV => {
            Vec::new()
        }
        _ if text.is_ascii() => text.into(),
        _ => encode_in(character_set, text).unwrap_or_else(|| text.as_bytes().to_vec()),
    };
    if has_short_length(vr) && value.len() > SHORT_BYTES_MAX {
        let whole = value[..SHORT_BYTES_MAX].iter().rposition(|byte| *byte == b'\\').unwrap_or(SHORT_BYTES_MAX);
        value.truncate(whole);
    }
    if value.len() % 2 == 1 {
        value.push(if vr == VR::UI { 0 } else { b' ' });
    }
    value
}

/// The tags that are used by name.
pub mod tag {
    use super::tags;
    use dicom_core::Tag;

    const fn number(Tag(group, element): Tag) -> u32 {
        (group as u32) << 16 | element as u32
    }

    /// (0008,0005)
    pub const SPECIFIC_CHARACTER_SET: u32 = number(tags::SPECIFIC_CHARACTER_SET);
    /// (0008,0052)
    pub const QUERY_RETRIEVE_LEVEL: u32 = number(tags::QUERY_RETRIEVE_LEVEL);
    /// (0008,0054)
    pub const RETRIEVE_AE_TITLE: u32 = number(tags::RETRIEVE_AE_TITLE);
    /// (0008,0056)
    pub const INSTANCE_AVAILABILITY: u32 = number(tags::INSTANCE_AVAILABILITY);
    /// (0008,0058)
    pub const FAILED_SOP_INSTANCE_UID_LIST: u32 = number(tags::FAILED_SOP_INSTANCE_UID_LIST);
    /// (0008,1150)
    pub const REFERENCED_SOP_CLASS_UID: u32 = number(tags::REFERENCED_SOP_CLASS_UID);
    /// (0008,1155)
    pub const REFERENCED_SOP_INSTANCE_UID: u32 = number(tags::REFERENCED_SOP_INSTANCE_UID);
    /// (0008,1195)
    pub const TRANSACTION_UID: u32 = number(tags::TRANSACTION_UID);
    /// (0008,1197)
    pub const FAILURE_REASON: u32 = number(tags::FAILURE_REASON);
    /// (0008,1198)
    pub const FAILED_SOP_SEQUENCE: u32 = number(tags::FAILED_SOP_SEQUENCE);
    /// (0008,1199)
    pub const REFERENCED_SOP_SEQUENCE: u32 = number(tags::REFERENCED_SOP_SEQUENCE);
}

#[cfg(test)]
mod tests {
    use super::*;

    const PATIENT_NAME: u32 = 0x0010_0010;
    const ROWS: u32 = 0x0028_0010;

    fn sample(name: &str) -> DataSet {
        let item = DataSet::default().with(0x0040_1001, "RP1");
        DataSet::default().with(PATIENT_NAME, name).with(ROWS, "512").with_items(0x0040_0275, vec![item])
    }

    #[track_caller]
    fn check(name: &str, preferred: &str, expected_set: &str) {
        for syntax in [uids::IMPLICIT_VR_LITTLE_ENDIAN, uids::EXPLICIT_VR_LITTLE_ENDIAN] {
            let read = DataSet::read(&sample(name).write(syntax, preferred), syntax).expect("whole");
            assert_eq!(read.text(tag::SPECIFIC_CHARACTER_SET), expected_set);
            assert_eq!((read.text(PATIENT_NAME), read.text(ROWS)), (name, "512"));
            assert_eq!(read.items(0x0040_0275)[0].text(0x0040_1001), "RP1");
        }
    }

    #[test]
    fn texts_are_written_in_the_set_that_the_reader_wants_if_it_can_say_them() {
        check("Doe^John", "ISO_IR 100", "");
        check("Buc^Jérôme", "ISO_IR 100", "ISO_IR 100");
        check("Buc^Jérôme", "", "ISO_IR 192");
        check("Wang^XiaoDong=王^小东", "GB18030", "GB18030");
        check("Yamada^Tarou=山田^太郎", "ISO_IR 100", "ISO_IR 192");
        check("Yamada^Tarou=山田^太郎", "\\ISO 2022 IR 87", "ISO_IR 192");
        check("Люкceмбypг", "ISO_IR 144", "ISO_IR 144");
    }

    #[test]
    fn a_list_longer_than_its_length_field_loses_its_last_values() {
        let uids = vec!["1.2.3.4.5.6.7.8.9.10.11.12.13.14"; 3_000].join("\\");
        let written =
            DataSet::default().with(tag::FAILED_SOP_INSTANCE_UID_LIST, uids).write(uids::EXPLICIT_VR_LITTLE_ENDIAN, "");
        let read = DataSet::read(&written, uids::EXPLICIT_VR_LITTLE_ENDIAN).expect("whole");
        let kept: Vec<_> = read.text(tag::FAILED_SOP_INSTANCE_UID_LIST).split('\\').collect();
        assert!(kept.len() > 1_900 && kept.iter().all(|uid| *uid == kept[0]));
    }

    #[test]
    fn what_an_implicit_reader_would_take_for_a_sequence_is_left_out() {
        const REFERENCED_STUDY_SEQUENCE: u32 = 0x0008_1110;
        let mut wrong = DataSet::default().with(PATIENT_NAME, "Doe^John");
        let text = Element { vr: VR::LO, content: Content::Text("no items".to_owned()) };
        wrong.put(REFERENCED_STUDY_SEQUENCE, text);
        let read = |syntax| DataSet::read(&wrong.write(syntax, ""), syntax).expect("whole");
        assert_eq!(read(uids::EXPLICIT_VR_LITTLE_ENDIAN), wrong);
        let implicit = read(uids::IMPLICIT_VR_LITTLE_ENDIAN);
        assert_eq!((implicit.text(PATIENT_NAME), implicit.get(REFERENCED_STUDY_SEQUENCE)), ("Doe^John", None));
    }

    #[test]
    fn what_is_cut_short_is_no_data_set() {
        let whole = sample("Doe^John").write(uids::EXPLICIT_VR_LITTLE_ENDIAN, "");
        for cut in [1, 7, 11, whole.len() - 1] {
            assert!(DataSet::read(&whole[..cut], uids::EXPLICIT_VR_LITTLE_ENDIAN).is_err(), "{cut}");
        }
    }
}

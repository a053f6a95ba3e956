//! The DICOMDIR of a File-set (PS3.3 Annex F, PS3.10 §8): patients, studies, series and instances, by which a reader finds
//! the files without opening them. Which record an instance has, and what it says, is `data/directory_records.toml`.
//!
//! A record says what its object says: what is missing there stays empty, but for numbers, which are then counted.

use crate::object::{integer, items, text};
use crate::{Header, ResultError, part10_prefix};
use dicom_core::dictionary::{DataDictionary, DataDictionaryEntry};
use dicom_core::value::{DataSetSequence, PrimitiveValue, Value};
use dicom_core::{DataElement, Tag, VR};
use dicom_dictionary_std::{StandardDataDictionary, tags, uids};
use dicom_object::InMemDicomObject;
use dicom_transfer_syntax_registry::entries::EXPLICIT_VR_LITTLE_ENDIAN;
use lightbox_domain::Uid;
use serde::Deserialize;
use std::sync::LazyLock;

/// The name of the File-set, VR CS.
const FILE_SET_ID: &str = "LIGHTBOX";

/// Tag and length of an item.
const ITEM_HEADER_BYTES: usize = 8;

/// Where in a record's item the offset of the next record stands: behind the element's tag, VR and length.
const NEXT_AT: usize = ITEM_HEADER_BYTES + 8;

/// Where the offset of the first record below it stands: behind those 4 bytes, the flag's 10, and another 8.
const LOWER_AT: usize = NEXT_AT + 4 + 10 + 8;

#[derive(Deserialize)]
struct Table {
    patient: Vec<String>,
    study: Vec<String>,
    series: Vec<String>,
    image: Vec<String>,
    record: Vec<RecordType>,
}

#[derive(Deserialize)]
struct RecordType {
    r#type: String,
    keys: Vec<String>,
    classes: Vec<String>,
}

static TABLE: LazyLock<Table> = LazyLock::new(|| {
    toml::from_str(include_str!("../data/directory_records.toml")).expect("the packaged table is valid TOML")
});

/// The directory of a File-set, which files are added to.
#[derive(Debug, Default)]
pub struct FileSet {
    patients: Vec<Record>,
}

#[derive(Debug)]
struct Record {
    /// What tells it from others beside it.
    key: String,
    /// Its item; the offsets in it are not known yet.
    item: Vec<u8>,
    lower: Vec<Record>,
}

impl FileSet {
    /// Adds an instance, as its header describes it, that lies in the file of this ID: the components of its path, each of
    /// 1 to 8 capital letters, digits and underscores (PS3.10 §8.2).
    ///
    /// # Errors
    /// When what the header says cannot be encoded.
    pub fn add(&mut self, header: &Header, file_id: &[&str]) -> Result<(), ResultError> {
        let (object, table) = (header.object(), &*TABLE);
        let issued = format!("{}\\{}", header.text("PatientID"), header.text("IssuerOfPatientID"));
        let patient = find(&mut self.patients, &issued, |_| record("PATIENT", object, &table.patient, None))?;
        let study = header.text("StudyInstanceUID");
        let study = find(&mut patient.lower, &study, |_| record("STUDY", object, &table.study, None))?;
        let series = header.text("SeriesInstanceUID");
        let series = find(&mut study.lower, &series, |place| record("SERIES", object, &table.series, Some(place)))?;
        let place = series.lower.len() + 1;
        let key = header.text("SOPInstanceUID");
        let class = header.text("SOPClassUID");
        let known = table.record.iter().find(|one| one.classes.contains(&class));
        let (name, keys) = match known {
            Some(known) => (known.r#type.as_str(), &known.keys),
            None if header.pixel_data().is_some() => ("IMAGE", &table.image),
            None => ("PRIVATE", &table.image),
        };
        let mut item = record(name, object, keys, Some(place));
        if name == "PRIVATE" {
            // Which kind of private record it is: one of an object of that class.
            item.put(element(tags::PRIVATE_RECORD_UID, VR::UI, &class));
        }
        let file_id = PrimitiveValue::Strs(file_id.iter().map(|part| (*part).to_owned()).collect());
        item.put(DataElement::new(tags::REFERENCED_FILE_ID, VR::CS, file_id));
        item.put(element(tags::REFERENCED_SOP_CLASS_UID_IN_FILE, VR::UI, &class));
        item.put(element(tags::REFERENCED_SOP_INSTANCE_UID_IN_FILE, VR::UI, &key));
        item.put(element(tags::REFERENCED_TRANSFER_SYNTAX_UID_IN_FILE, VR::UI, header.transfer_syntax_uid()));
        series.lower.push(Record { key, item: encode_item(&item)?, lower: Vec::new() });
        Ok(())
    }

    /// The DICOMDIR, a Part 10 file under a SOP Instance UID of its own.
    ///
    /// # Errors
    /// When it is too large for its own offsets, which have four bytes.
    pub fn write(mut self, sop_instance_uid: &Uid) -> Result<Vec<u8>, ResultError> {
        let uid = |uid| Uid::parse(uid).map_err(|error| ResultError::Encoding(error.to_string()));
        let (class, syntax) = (uid(uids::MEDIA_STORAGE_DIRECTORY_STORAGE)?, uid(uids::EXPLICIT_VR_LITTLE_ENDIAN)?);
        let mut bytes = part10_prefix(&class, sop_instance_uid, &syntax, "");
        let head = |first: u32, last: u32| {
            encode(&InMemDicomObject::from_element_iter([
                element(tags::FILE_SET_ID, VR::CS, FILE_SET_ID),
                number(tags::OFFSET_OF_THE_FIRST_DIRECTORY_RECORD_OF_THE_ROOT_DIRECTORY_ENTITY, first),
                number(tags::OFFSET_OF_THE_LAST_DIRECTORY_RECORD_OF_THE_ROOT_DIRECTORY_ENTITY, last),
                DataElement::new(tags::FILE_SET_CONSISTENCY_FLAG, VR::US, PrimitiveValue::from(0_u16)),
            ]))
        };
        // Tag, VR and length of the Directory Record Sequence.
        const SEQUENCE_HEADER_BYTES: usize = 12;
        let start = bytes.len() + head(0, 0)?.len() + SEQUENCE_HEADER_BYTES;
        let end = place(&mut self.patients, start)?;
        let last = self.patients.last().map_or(0, |last| end - last.bytes());
        let first = if self.patients.is_empty() { 0 } else { start };
        bytes.extend(head(offset(first)?, offset(last)?)?);
        bytes.extend_from_slice(b"\x04\x00\x20\x12SQ\0\0");
        bytes.extend_from_slice(&offset(end - start)?.to_le_bytes());
        self.patients.iter().for_each(|record| record.append_to(&mut bytes));
        Ok(bytes)
    }
}

impl Record {
    /// Bytes of its item and of all below it.
    fn bytes(&self) -> usize {
        self.item.len() + self.lower.iter().map(Self::bytes).sum::<usize>()
    }

    fn append_to(&self, bytes: &mut Vec<u8>) {
        bytes.extend_from_slice(&self.item);
        self.lower.iter().for_each(|record| record.append_to(bytes));
    }
}

/// Writes into records that lie one after the other from `start` on, each followed by what is below it, where the next one
/// and the first one below it begin. Gives where they end.
fn place(records: &mut [Record], start: usize) -> Result<usize, ResultError> {
    let (mut at, count) = (start, records.len());
    for (number, record) in records.iter_mut().enumerate() {
        let below = at + record.item.len();
        if !record.lower.is_empty() {
            record.item[LOWER_AT..LOWER_AT + 4].copy_from_slice(&offset(below)?.to_le_bytes());
        }
        at = place(&mut record.lower, below)?;
        if number + 1 < count {
            record.item[NEXT_AT..NEXT_AT + 4].copy_from_slice(&offset(at)?.to_le_bytes());
        }
    }
    Ok(at)
}

fn offset(bytes: usize) -> Result<u32, ResultError> {
    u32::try_from(bytes).map_err(|_| ResultError::Encoding("the directory is larger than four gibibytes".to_owned()))
}

/// The record of this key, made at its place if it is not there.
fn find<'r>(
    records: &'r mut Vec<Record>,
    key: &str,
    make: impl FnOnce(usize) -> InMemDicomObject,
) -> Result<&'r mut Record, ResultError> {
    let place = match records.iter().position(|record| record.key == key) {
        Some(place) => place,
        None => {
            let item = encode_item(&make(records.len() + 1))?;
            records.push(Record { key: key.to_owned(), item, lower: Vec::new() });
            records.len() - 1
        }
    };
    Ok(&mut records[place])
}

/// A record with its keys; `place` stands for a number that the object has not.
fn record(name: &str, object: &InMemDicomObject, keys: &[String], place: Option<usize>) -> InMemDicomObject {
    let mut record = InMemDicomObject::from_element_iter([
        number(tags::OFFSET_OF_THE_NEXT_DIRECTORY_RECORD, 0),
        DataElement::new(tags::RECORD_IN_USE_FLAG, VR::US, PrimitiveValue::from(0xFFFF_u16)),
        number(tags::OFFSET_OF_REFERENCED_LOWER_LEVEL_DIRECTORY_ENTITY, 0),
        element(tags::DIRECTORY_RECORD_TYPE, VR::CS, name),
    ]);
    let known = keys.iter().filter_map(|keyword| StandardDataDictionary.by_name(keyword));
    for (tag, vr) in known.map(|entry| (entry.tag(), entry.vr().relaxed())) {
        let value = match (tag, object.get(tag).map(|found| found.value().clone())) {
            (tags::CONTENT_SEQUENCE, _) => modifiers(object),
            (tags::SERIES_NUMBER | tags::INSTANCE_NUMBER, _) if integer(object, tag).is_none() => {
                place.map(|place| PrimitiveValue::from(place.to_string()).into())
            }
            (_, None) if vr == VR::SQ => None,
            (_, found) => Some(found.unwrap_or_else(|| PrimitiveValue::Empty.into())),
        };
        if let Some(value) = value {
            record.put(DataElement::new(tag, vr, value));
        }
    }
    // The object's texts were decoded, and are encoded anew.
    record.put(element(tags::SPECIFIC_CHARACTER_SET, VR::CS, "ISO_IR 192"));
    record
}

/// The concept modifiers of a document's title, if it has any (PS3.3 §F.5.25).
fn modifiers(object: &InMemDicomObject) -> Option<Value<InMemDicomObject>> {
    let is_modifier = |item: &&InMemDicomObject| text(item, tags::RELATIONSHIP_TYPE) == "HAS CONCEPT MOD";
    let found: Vec<_> = items(object, tags::CONTENT_SEQUENCE).iter().filter(is_modifier).cloned().collect();
    (!found.is_empty()).then(|| DataSetSequence::from(found).into())
}

fn element(tag: Tag, vr: VR, value: &str) -> DataElement<InMemDicomObject> {
    DataElement::new(tag, vr, PrimitiveValue::from(value))
}

fn number(tag: Tag, value: u32) -> DataElement<InMemDicomObject> {
    DataElement::new(tag, VR::UL, PrimitiveValue::from(value))
}

fn encode(object: &InMemDicomObject) -> Result<Vec<u8>, ResultError> {
    let mut bytes = Vec::new();
    object
        .write_dataset_with_ts(&mut bytes, &EXPLICIT_VR_LITTLE_ENDIAN.erased())
        .map_err(|error| ResultError::Encoding(error.to_string()))?;
    Ok(bytes)
}

fn encode_item(object: &InMemDicomObject) -> Result<Vec<u8>, ResultError> {
    let content = encode(object)?;
    let mut item = b"\xfe\xff\x00\xe0".to_vec();
    item.extend_from_slice(&offset(content.len())?.to_le_bytes());
    item.extend(content);
    Ok(item)
}

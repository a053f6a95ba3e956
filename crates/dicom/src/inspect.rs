//! What the index keeps of a file, and whether the file is whole.
//!
//! An archive keeps odd objects: an unknown SOP class, a missing patient, dimensions that no pixels could fill; whoever
//! wants to show such an image learns why not. What is refused are bytes that end too early or cannot be interpreted, and
//! objects that nobody could ask for again.

use crate::InspectError;
use crate::object::{self, integer, items, text, texts};
use dicom_core::Tag;
use dicom_dictionary_std::tags;
use dicom_object::InMemDicomObject;
use lightbox_domain::{
    Attribute, IndexEntry, InstanceAttributes, Limits, Patient, PatientKey, SeriesAttributes, StudyAttributes, Uid,
};
use std::collections::HashSet;
use std::fs::File;
use std::path::Path;
use std::sync::LazyLock;

/// What the index is made from beside the attributes that can be searched by.
const ALSO_WANTED: [Tag; 5] = [
    tags::SPECIFIC_CHARACTER_SET,
    tags::PIXEL_REPRESENTATION,
    tags::REQUEST_ATTRIBUTES_SEQUENCE,
    tags::FLOAT_PIXEL_DATA,
    tags::DOUBLE_FLOAT_PIXEL_DATA,
];

/// The tags of the top level that the index is made from.
static WANTED: LazyLock<HashSet<Tag>> = LazyLock::new(|| {
    let searched =
        Attribute::all().iter().filter(|one| one.is_read()).map(|one| tag_of(one.sequence.unwrap_or(one.tag)));
    searched.chain(ALSO_WANTED).collect()
});

fn tag_of(number: u32) -> Tag {
    Tag((number >> 16) as u16, number as u16)
}

/// Reads a Part 10 file's header and checks that the file is whole. Values are passed over, not loaded; a deflated data
/// set is inflated and forgotten as it is read.
///
/// # Errors
/// [`InspectError`] says what the sender has to do.
pub fn inspect(path: &Path, limits: &Limits) -> Result<IndexEntry, InspectError> {
    let mut opened = object::open(Box::new(File::open(path)?), limits.inflated_bytes_max)?;
    let attributes = object::read_attributes(&mut opened.walker, |tag| WANTED.contains(&tag))?;
    let object = &attributes.object;
    let has_float_pixels =
        attributes.bulk.iter().any(|(tag, _)| is_float_pixels(*tag)) || object.tags().any(is_float_pixels);
    let transfer_syntax_uid = parse_uid("TransferSyntaxUID", &opened.transfer_syntax_uid)?;
    let has_pixels = attributes.pixel_data.is_some() || has_float_pixels;
    let instance = instance_attributes(object, transfer_syntax_uid, has_pixels)?;
    Ok(IndexEntry {
        study: study_attributes(object)?,
        series: series_attributes(object)?,
        values: Attribute::all().iter().filter_map(|one| Some((one, value(object, one, &instance)?))).collect(),
        instance,
    })
}

/// The value of an attribute, from the first item of its sequence if it has one.
fn value(object: &InMemDicomObject, attribute: &Attribute, instance: &InstanceAttributes) -> Option<String> {
    match attribute.keyword.as_str() {
        "AvailableTransferSyntaxUID" => return Some(instance.transfer_syntax_uid.to_string()),
        "NumberOfFrames" => return Some(instance.frames.to_string()),
        _ if !attribute.is_read() => return None,
        _ => {}
    }
    let object = match attribute.sequence {
        Some(sequence) => items(object, tag_of(sequence)).first()?,
        None => object,
    };
    let values = texts(object, tag_of(attribute.tag));
    (!values.is_empty()).then(|| values.join("\\"))
}

fn is_float_pixels(tag: Tag) -> bool {
    matches!(tag, tags::FLOAT_PIXEL_DATA | tags::DOUBLE_FLOAT_PIXEL_DATA)
}

fn study_attributes(object: &InMemDicomObject) -> Result<StudyAttributes, InspectError> {
    Ok(StudyAttributes {
        study_instance_uid: required_uid(object, "StudyInstanceUID", tags::STUDY_INSTANCE_UID)?,
        patient: Patient {
            key: PatientKey { id: text(object, tags::PATIENT_ID), issuer: text(object, tags::ISSUER_OF_PATIENT_ID) },
            name: text(object, tags::PATIENT_NAME),
            birth_date: text(object, tags::PATIENT_BIRTH_DATE),
            sex: text(object, tags::PATIENT_SEX),
            age: text(object, tags::PATIENT_AGE),
        },
        accession_number: text(object, tags::ACCESSION_NUMBER),
        study_date: text(object, tags::STUDY_DATE),
        study_time: text(object, tags::STUDY_TIME),
        study_id: text(object, tags::STUDY_ID),
        study_description: text(object, tags::STUDY_DESCRIPTION),
        referring_physician_name: text(object, tags::REFERRING_PHYSICIAN_NAME),
    })
}

fn series_attributes(object: &InMemDicomObject) -> Result<SeriesAttributes, InspectError> {
    Ok(SeriesAttributes {
        series_instance_uid: required_uid(object, "SeriesInstanceUID", tags::SERIES_INSTANCE_UID)?,
        modality: text(object, tags::MODALITY),
        series_number: integer(object, tags::SERIES_NUMBER),
        series_description: text(object, tags::SERIES_DESCRIPTION),
        body_part_examined: text(object, tags::BODY_PART_EXAMINED),
    })
}

fn instance_attributes(
    object: &InMemDicomObject,
    transfer_syntax_uid: Uid,
    has_pixels: bool,
) -> Result<InstanceAttributes, InspectError> {
    let frames = integer(object, tags::NUMBER_OF_FRAMES).unwrap_or(1).max(1);
    Ok(InstanceAttributes {
        sop_instance_uid: required_uid(object, "SOPInstanceUID", tags::SOP_INSTANCE_UID)?,
        sop_class_uid: required_uid(object, "SOPClassUID", tags::SOP_CLASS_UID)?,
        transfer_syntax_uid,
        instance_number: integer(object, tags::INSTANCE_NUMBER),
        rows: integer(object, tags::ROWS),
        columns: integer(object, tags::COLUMNS),
        frames: if has_pixels { frames } else { 0 },
    })
}

fn required_uid(object: &InMemDicomObject, keyword: &'static str, tag: Tag) -> Result<Uid, InspectError> {
    match text(object, tag) {
        empty if empty.is_empty() => Err(InspectError::MissingUid(keyword)),
        uid => parse_uid(keyword, &uid),
    }
}

fn parse_uid(keyword: &'static str, text: &str) -> Result<Uid, InspectError> {
    Uid::parse(text).map_err(|why| InspectError::BadUid { keyword, why })
}

//! Corrections over stored objects: what they say when they leave, and that nothing else changes.

use crate::{File, file};
use dicom_core::value::PrimitiveValue;
use dicom_core::{DataElement, VR};
use dicom_dictionary_std::{tags, uids};
use dicom_object::{DefaultDicomObject, InMemDicomObject, from_reader};
use lightbox_dicom::{Header, InspectError, ObjectCorrection, ObjectFile, native_frame, transcode};
use lightbox_domain::{Limits, Values};
use lightbox_testkit::Film;
use std::io::{Read, Seek, SeekFrom};

const SYNTAXES: [&str; 6] = [
    uids::EXPLICIT_VR_LITTLE_ENDIAN,
    uids::IMPLICIT_VR_LITTLE_ENDIAN,
    "1.2.840.10008.1.2.2",
    uids::DEFLATED_EXPLICIT_VR_LITTLE_ENDIAN,
    uids::JPEGLS_LOSSLESS,
    uids::ENCAPSULATED_UNCOMPRESSED_EXPLICIT_VR_LITTLE_ENDIAN,
];

fn corrected(stored: &File, pairs: &[(&str, &str)]) -> ObjectFile {
    let mut values = Values::default();
    pairs.iter().for_each(|(keyword, value)| values.set(keyword, value).unwrap());
    let correction = ObjectCorrection { values, changed_ms: 1_700_000_000_123, source: "peer:CT1".to_owned() };
    ObjectFile::corrected(stored.path.clone(), correction)
}

fn bytes(object: &ObjectFile) -> Vec<u8> {
    let mut bytes = Vec::new();
    object.open().unwrap().read_to_end(&mut bytes).unwrap();
    bytes
}

/// As another implementation reads it.
fn read(object: &ObjectFile) -> DefaultDicomObject {
    from_reader(bytes(object).as_slice()).unwrap()
}

fn text(object: &InMemDicomObject, tag: dicom_core::Tag) -> String {
    object.element(tag).unwrap().to_str().unwrap().trim_end().to_owned()
}

fn items(object: &InMemDicomObject) -> Vec<InMemDicomObject> {
    object.element(tags::ORIGINAL_ATTRIBUTES_SEQUENCE).unwrap().items().unwrap().to_vec()
}

#[test]
fn a_corrected_object_says_the_new_value_and_what_it_said_before_in_every_syntax() {
    for syntax in SYNTAXES {
        let stored = file(&Film::new().patient_id("OLD").syntax(syntax).bytes());
        let object = corrected(&stored, &[("PatientID", "NEW-1"), ("IssuerOfPatientID", "HOSPITAL")]);
        let found = read(&object);
        assert_eq!(text(&found, tags::PATIENT_ID), "NEW-1", "{syntax}");
        assert_eq!(text(&found, tags::ISSUER_OF_PATIENT_ID), "HOSPITAL", "an attribute that was not there");
        let all: Vec<_> = found.iter().map(|element| element.header().tag).collect();
        assert!(all.is_sorted(), "{syntax}");
        let said = items(&found);
        assert_eq!(said.len(), 1, "{syntax}");
        let before = said[0].element(tags::MODIFIED_ATTRIBUTES_SEQUENCE).unwrap().items().unwrap();
        assert_eq!(text(&before[0], tags::PATIENT_ID), "OLD");
        assert_eq!(text(&before[0], tags::ISSUER_OF_PATIENT_ID), "");
        assert_eq!(text(&said[0], tags::MODIFYING_SYSTEM), "Lightbox");
        assert_eq!(text(&said[0], tags::SOURCE_OF_PREVIOUS_VALUES), "peer:CT1");
        assert_eq!(text(&said[0], tags::REASON_FOR_THE_ATTRIBUTE_MODIFICATION), "COERCE");
        assert_eq!(text(&said[0], tags::ATTRIBUTE_MODIFICATION_DATE_TIME), "20231114221320.123+0000");

        // What was not corrected is as it was, pixels and all.
        let plain = from_reader(std::fs::read(&stored.path).unwrap().as_slice()).unwrap();
        let mut rest = found.into_inner();
        rest.remove_element(tags::ORIGINAL_ATTRIBUTES_SEQUENCE);
        rest.remove_element(tags::ISSUER_OF_PATIENT_ID);
        rest.put(plain.element(tags::PATIENT_ID).unwrap().clone());
        assert_eq!(format!("{rest:?}"), format!("{:?}", plain.into_inner()), "{syntax}");
    }
}

#[test]
fn what_says_already_what_it_should_leaves_bit_for_bit() {
    let stored = file(&Film::new().patient_id("P1").bytes());
    let object = corrected(&stored, &[("PatientID", "P1"), ("StudyDescription", "Chest"), ("IssuerOfPatientID", "")]);
    assert_eq!(bytes(&object), std::fs::read(&stored.path).unwrap());
}

#[test]
fn any_part_of_a_corrected_object_can_be_read_alone() {
    let stored = file(&Film::new().size(64, 64).patient_id("OLD").bytes());
    let object = corrected(&stored, &[("PatientID", "A-LONGER-IDENTIFIER"), ("StudyDescription", "Thorax")]);
    let whole = bytes(&object);
    let mut reader = object.open().unwrap();
    assert_eq!(reader.seek(SeekFrom::End(0)).unwrap(), whole.len() as u64);
    for start in (0..whole.len()).step_by(97) {
        let mut part = vec![0; (whole.len() - start).min(130)];
        reader.seek(SeekFrom::Start(start as u64)).unwrap();
        reader.read_exact(&mut part).unwrap();
        assert_eq!(part, &whole[start..start + part.len()], "{start}");
    }
}

#[test]
fn an_earlier_item_of_original_attributes_stays() {
    let mut earlier = InMemDicomObject::new_empty();
    earlier.put(DataElement::new(tags::MODIFYING_SYSTEM, VR::LO, PrimitiveValue::from("PACS")));
    for syntax in SYNTAXES {
        let film = Film::new().sequence(tags::ORIGINAL_ATTRIBUTES_SEQUENCE, earlier.clone());
        let stored = file(&film.syntax(syntax).bytes());
        let said = items(&read(&corrected(&stored, &[("PatientID", "NEW")])));
        let systems: Vec<_> = said.iter().map(|item| text(item, tags::MODIFYING_SYSTEM)).collect();
        assert_eq!(systems, ["PACS", "Lightbox"], "{syntax}");
    }
}

#[test]
fn values_are_written_in_the_character_set_of_the_object() {
    let name = ("PatientName", "Müller^Jürgen");
    let latin = file(&Film::new().set(tags::SPECIFIC_CHARACTER_SET, VR::CS, "ISO_IR 100").bytes());
    let found = Header::read(corrected(&latin, &[name])).unwrap();
    assert_eq!(
        (found.text("PatientName"), found.text("SpecificCharacterSet")),
        (name.1.to_owned(), "ISO_IR 100".into())
    );

    // Cyrillic in Latin-1 cannot be said, but an object whose texts are ASCII is UTF-8 as well.
    let name = ("PatientName", "Люксембург");
    let found = Header::read(corrected(&latin, &[name])).unwrap();
    assert_eq!(
        (found.text("PatientName"), found.text("SpecificCharacterSet")),
        (name.1.to_owned(), "ISO_IR 192".into())
    );

    let film = Film::new().without(tags::SPECIFIC_CHARACTER_SET);
    let found = Header::read(corrected(&file(&film.bytes()), &[name])).unwrap();
    assert_eq!(found.text("PatientName"), name.1, "an object that declares none");

    let film = Film::new().set(tags::SPECIFIC_CHARACTER_SET, VR::CS, "ISO_IR 100");
    let mixed = file(&film.set(tags::STUDY_DESCRIPTION, VR::LO, "Schädel").bytes());
    let refused = Header::read(corrected(&mixed, &[name])).unwrap_err();
    assert!(matches!(refused, InspectError::Uncorrectable(_)), "{refused}");
    assert!(!refused.to_string().contains(name.1));
}

#[test]
fn a_corrected_object_is_transcoded_and_has_the_same_frames() {
    let stored = file(&Film::new().patient_id("OLD").syntax(uids::JPEGLS_LOSSLESS).bytes());
    let object = corrected(&stored, &[("PatientID", "NEW-IDENTIFIER")]);
    for to in
        [uids::JPEGLS_LOSSLESS, uids::EXPLICIT_VR_LITTLE_ENDIAN, uids::IMPLICIT_VR_LITTLE_ENDIAN, uids::RLE_LOSSLESS]
    {
        let mut written = Vec::new();
        transcode(&object, to, &Limits::default()).unwrap().write_file(&mut written).unwrap();
        let written = file(&written);
        assert_eq!(Header::read(&written.path).unwrap().text("PatientID"), "NEW-IDENTIFIER", "{to}");
        let frame = |path| native_frame(path, 0, &Limits::default()).unwrap().bytes;
        assert_eq!(frame(&written.path), frame(&stored.path), "{to}");
    }
}

#[test]
fn group_lengths_go_with_what_they_count() {
    let mut prefix = Film::new().patient_id("OLD").bytes();
    let at = prefix.windows(6).position(|bytes| bytes == b"\x10\0\x10\0PN");
    let length = [0x10, 0, 0, 0, b'U', b'L', 4, 0, 200, 0, 0, 0];
    prefix.splice(at.unwrap()..at.unwrap(), length);
    let stored = file(&prefix);
    let object = bytes(&corrected(&stored, &[("PatientID", "NEW")]));
    assert!(!object.windows(8).any(|bytes| bytes == &length[..8]));
    assert_eq!(Header::from_bytes(&object).unwrap().text("PatientID"), "NEW");
}

/// Two values of one attribute: readers would take the second, which nobody corrected.
#[test]
fn an_object_with_its_elements_out_of_order_is_not_half_corrected() {
    let mut bytes = Film::new().patient_id("OLD").bytes();
    let patient = b"\x10\0\x10\0PN";
    let place = bytes.windows(patient.len()).position(|found| found == patient).expect("the patient's name");
    let misplaced = b"\x50\x20\x01\0CS\x02\0A ";
    bytes.splice(place..place, misplaced.iter().copied());
    let stored = file(&bytes);
    let opened = corrected(&stored, &[("PatientID", "NEW-1")]).open();
    assert!(matches!(opened, Err(InspectError::Malformed(_))));
}

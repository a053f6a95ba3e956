//! Attributes by keyword, as rules ask for them.

use dicom_core::{PrimitiveValue, VR};
use dicom_dictionary_std::{tags, uids};
use dicom_object::InMemDicomObject;
use lightbox_dicom::{Header, InspectError};
use lightbox_domain::{AttributeSource, age_years};
use lightbox_testkit::Film;

fn header(film: &Film) -> Header {
    Header::from_bytes(&film.bytes()).unwrap()
}

#[test]
fn values_are_found_by_keyword_in_every_encoding() {
    let film = || Film::new().signed().set(tags::PIXEL_PADDING_VALUE, VR::SS, "-5").age("018M");
    for syntax in [
        uids::EXPLICIT_VR_LITTLE_ENDIAN,
        uids::IMPLICIT_VR_LITTLE_ENDIAN,
        "1.2.840.10008.1.2.2",
        uids::DEFLATED_EXPLICIT_VR_LITTLE_ENDIAN,
    ] {
        let header = header(&film().syntax(syntax));
        assert_eq!(header.values("PatientOrientation"), ["L", "F"]);
        assert_eq!(header.values("ImagerPixelSpacing"), ["0.2", "0.2"]);
        assert_eq!(header.values("PixelPaddingValue"), ["-5"], "{syntax}");
        assert_eq!(header.text("Rows"), "16");
        assert_eq!(age_years(&header), Some(1.5));
        assert_eq!(header.transfer_syntax_uid(), syntax);
    }
}

/// Some archives write a whole header so, having no dictionary (PS3.5 §6.2.2).
#[test]
fn unknown_value_representations_are_looked_up() {
    let unknown = |text: &str| PrimitiveValue::U8(text.as_bytes().into());
    let film = || {
        Film::new()
            .set_value(tags::STUDY_INSTANCE_UID, VR::UN, unknown("2.25.77\0"))
            .set_value(tags::INSTANCE_NUMBER, VR::UN, unknown("12"))
            .set_value(tags::PIXEL_PADDING_VALUE, VR::UN, PrimitiveValue::U8([5, 1].as_slice().into()))
    };
    for syntax in [uids::EXPLICIT_VR_LITTLE_ENDIAN, "1.2.840.10008.1.2.2"] {
        let header = header(&film().syntax(syntax));
        assert_eq!(header.text("StudyInstanceUID"), "2.25.77", "{syntax}");
        assert_eq!((header.text("InstanceNumber"), header.text("PixelPaddingValue")), ("12".into(), "261".into()));
    }
}

#[test]
fn what_is_absent_has_no_values() {
    let film =
        Film::new().without(tags::VIEW_POSITION).set_value(tags::BODY_PART_EXAMINED, VR::CS, PrimitiveValue::Empty);
    let header = header(&film);
    for keyword in ["ViewPosition", "BodyPartExamined", "NoSuchKeyword", "PixelData", ""] {
        assert_eq!(header.values(keyword), Vec::<String>::new());
    }
}

#[test]
fn what_comes_after_the_pixels_is_read_too() {
    let film = Film::new().sequence(tags::DIGITAL_SIGNATURES_SEQUENCE, InMemDicomObject::new_empty());
    assert!(tags::DIGITAL_SIGNATURES_SEQUENCE > tags::PIXEL_DATA);
    assert!(header(&film).object().get(tags::DIGITAL_SIGNATURES_SEQUENCE).is_some());
}

#[test]
fn bytes_that_are_no_object_are_refused() {
    assert!(matches!(Header::from_bytes(b"no"), Err(InspectError::NotDicom)));
}

//! In which attributes two data sets differ.

use crate::file;
use dicom_core::{PrimitiveValue, Tag, VR};
use dicom_dictionary_std::{tags, uids};
use dicom_object::InMemDicomObject;
use lightbox_dicom::{Difference, differences};
use lightbox_domain::Limits;
use lightbox_testkit::Film;

fn found(a: &Film, b: &Film) -> Vec<Difference> {
    differences(&file(&a.bytes()).path, &file(&b.bytes()).path, 10, &Limits::default()).unwrap()
}

fn difference(name: &str, first: Option<&str>, second: Option<&str>) -> Difference {
    Difference { name: name.to_owned(), first: first.map(str::to_owned), second: second.map(str::to_owned) }
}

#[test]
fn changed_added_and_missing_attributes_are_named() {
    let private = |film: Film, text: &str| film.set_value(Tag(0x0009, 0x1001), VR::LO, PrimitiveValue::from(text));
    let a = private(Film::new().patient_id("P1"), "a");
    let b = private(Film::new().patient_id("P2").set(tags::STUDY_ID, VR::SH, "S7"), "b");
    let expected = [
        difference("(0009,1001)", Some("a"), Some("b")),
        difference("PatientID", Some("P1"), Some("P2")),
        difference("StudyID", a_study_id().as_deref(), Some("S7")),
    ];
    assert_eq!(found(&a, &b), expected);
}

/// What the film says of itself, so that the test does not depend on it.
fn a_study_id() -> Option<String> {
    let header = lightbox_dicom::Header::from_bytes(&Film::new().bytes()).unwrap();
    header.object().get(tags::STUDY_ID).map(|_| header.text("StudyID"))
}

#[test]
fn pixels_and_sequences_count_and_encodings_do_not() {
    let code = |text: &str| {
        InMemDicomObject::from_element_iter([dicom_core::DataElement::new(
            tags::CODE_MEANING,
            VR::LO,
            PrimitiveValue::from(text),
        )])
    };
    let film = |text: &str| Film::new().sequence(tags::VIEW_CODE_SEQUENCE, code(text));
    assert_eq!(found(&film("a"), &film("a").syntax(uids::IMPLICIT_VR_LITTLE_ENDIAN)), []);
    assert_eq!(found(&film("a"), &film("b")), [difference("ViewCodeSequence", Some("1 items"), Some("1 items"))]);
    let dark = film("a").pixels(|_, _| 0);
    assert_eq!(found(&film("a"), &dark), [difference("PixelData", Some("pixels"), Some("pixels"))]);
}

#[test]
fn no_more_than_asked_for_are_named() {
    let a = Film::new().patient_id("P1").age("004Y");
    let b = Film::new().patient_id("P2").age("005Y");
    let (a, b) = (file(&a.bytes()), file(&b.bytes()));
    assert_eq!(differences(&a.path, &b.path, 1, &Limits::default()).unwrap().len(), 1);
}

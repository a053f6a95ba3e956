//! Encodings do not make data sets different, contents do.

use crate::file;
use dicom_core::{PrimitiveValue, Tag, VR};
use dicom_dictionary_std::{tags, uids};
use dicom_object::InMemDicomObject;
use lightbox_dicom::same_data_set;
use lightbox_domain::Limits;
use lightbox_testkit::Film;

#[track_caller]
fn check(a: &Film, b: &Film, expected: bool) {
    assert_eq!(same(a, b), expected);
    assert_eq!(same(b, a), expected);
}

fn same(a: &Film, b: &Film) -> bool {
    same_data_set(&file(&a.bytes()).path, &file(&b.bytes()).path, &Limits::default()).unwrap()
}

/// It says its number of frames, since the encoder at hand says it where the native film does not.
fn film(bits: u16) -> Film {
    let code = InMemDicomObject::from_element_iter([dicom_core::DataElement::new(
        tags::CODE_MEANING,
        VR::LO,
        PrimitiveValue::from("odd"),
    )]);
    Film::new()
        .bits(bits)
        .frames(1)
        .pixels(|row, column| (row * 16 + column) as i32)
        .sequence(tags::VIEW_CODE_SEQUENCE, code)
        .set_value(tags::EXPOSURE_INDEX, VR::DS, PrimitiveValue::from("1.5"))
        .set_value(Tag(0x0009, 0x0010), VR::LO, PrimitiveValue::from("PRIVATE"))
        .set_value(Tag(0x0009, 0x1001), VR::LO, PrimitiveValue::from("odd"))
        .set_value(Tag(0x0009, 0x1002), VR::OB, PrimitiveValue::from(vec![1_u8, 2]))
}

#[test]
fn encodings_do_not_matter() {
    for bits in [8, 12] {
        for syntax in [
            uids::EXPLICIT_VR_LITTLE_ENDIAN,
            uids::IMPLICIT_VR_LITTLE_ENDIAN,
            "1.2.840.10008.1.2.2",
            uids::DEFLATED_EXPLICIT_VR_LITTLE_ENDIAN,
            uids::JPEGLS_LOSSLESS,
            uids::ENCAPSULATED_UNCOMPRESSED_EXPLICIT_VR_LITTLE_ENDIAN,
            uids::JPEGXL_LOSSLESS,
        ] {
            assert!(same(&film(bits), &film(bits).syntax(syntax)), "{bits} bits, {syntax}");
            assert!(same(&film(bits).syntax(syntax), &film(bits)), "{bits} bits, {syntax}");
        }
    }
}

#[test]
fn contents_matter() {
    check(&film(8), &film(8).set(tags::PATIENT_ID, VR::LO, "P2"), false);
    check(&film(8), &film(8).without(tags::PATIENT_ID), false);
    check(&film(8), &film(8).set(tags::PATIENT_ID, VR::LO, "P1 "), true);
    check(&film(8), &film(8).set_value(Tag(0x0009, 0x1002), VR::OB, PrimitiveValue::from(vec![1_u8, 3])), false);
    check(&film(12), &film(12).pixels(|_, _| 7), false);
    check(&film(12), &film(12).pixels(|_, _| 7).syntax(uids::JPEGLS_LOSSLESS), false);
    check(&film(8), &film(8).without(tags::PIXEL_DATA), false);
    let inverted = || film(8).photometric("MONOCHROME1").set(tags::PRESENTATION_LUT_SHAPE, VR::CS, "IDENTITY");
    check(&film(8), &inverted(), false);
    check(&film(8), &inverted().syntax(uids::JPEGLS_LOSSLESS), false);
    check(&film(8).frames(2), &film(8).frames(2).syntax(uids::JPEGLS_LOSSLESS), true);
}

#[test]
fn the_order_of_channels_does_not_matter() {
    let colours = |planar, values: [u8; 12]| {
        Film::new()
            .size(2, 2)
            .photometric("RGB")
            .set(tags::SAMPLES_PER_PIXEL, VR::US, "3")
            .set(tags::PLANAR_CONFIGURATION, VR::US, planar)
            .set_value(tags::PIXEL_DATA, VR::OB, values.to_vec().into())
    };
    let by_pixel = || colours("0", [1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11, 12]);
    check(&by_pixel(), &colours("1", [1, 4, 7, 10, 2, 5, 8, 11, 3, 6, 9, 12]), true);
    check(&by_pixel(), &colours("1", [1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11, 12]), false);
}

#[test]
fn loss_matters() {
    check(&film(8), &film(8).syntax(uids::JPEG_BASELINE8_BIT), false);
    check(&film(8).syntax(uids::JPEG_BASELINE8_BIT), &film(8).syntax(uids::JPEG_BASELINE8_BIT), true);
}

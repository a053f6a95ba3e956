//! Stored values to what a person sees, end to end.

use crate::file;
use dicom_core::{DataElement, PrimitiveValue, Tag, VR};
use dicom_dictionary_std::{tags, uids};
use dicom_object::InMemDicomObject;
use lightbox_dicom::{DisplayImage, Window, display_image};
use lightbox_domain::Limits;
use lightbox_testkit::Film;

/// The greys of the first row.
fn greys(film: &Film) -> Vec<u8> {
    match display_image(&file(&film.bytes()).path, 0, None, &Limits::default()).unwrap() {
        DisplayImage::Grey(image) => image.pixels[..image.columns as usize].to_vec(),
        DisplayImage::Rgb(image) => panic!("{} × {} in colour", image.rows, image.columns),
    }
}

/// A film of one row that holds these values.
fn row(bits: u16, values: &'static [i32]) -> Film {
    Film::new().size(2, values.len() as u32).bits(bits).pixels(|_, column| values[column as usize])
}

const ALL: [i32; 256] = {
    let mut all = [0; 256];
    let mut value = 0;
    while value < 256 {
        all[value] = value as i32;
        value += 1;
    }
    all
};

/// Every grey of 8 bits, stored in many ways, comes back as it was.
#[test]
fn every_way_of_storing_comes_back_exactly() {
    let all: Vec<u8> = (0..=255).collect();
    let inverse: Vec<u8> = (0..=255).rev().collect();
    let stored = |bits: u16, map: fn(i32) -> i32| {
        Film::new().size(2, 256).bits(bits).pixels(move |_, column| map(column as i32))
    };
    assert_eq!(greys(&row(8, &ALL)), all);
    assert_eq!(greys(&row(8, &ALL).photometric("MONOCHROME1")), inverse);
    assert_eq!(greys(&row(8, &ALL).window("128", "256")), all);
    assert_eq!(greys(&stored(12, |grey| grey * 16).window("2040.5", "4081")), all);
    assert_eq!(greys(&stored(12, |grey| grey * 16)), all, "without a window the values fill the range");
    assert_eq!(greys(&stored(16, |grey| grey * 257)), all);
    assert_eq!(greys(&stored(16, |grey| grey * 128).rescale("0.5", "-500").window("7660.5", "16321")), all);
    assert_eq!(greys(&stored(16, |grey| grey * 100 - 12_000).signed().window("750.5", "25501")), all);
    assert_eq!(greys(&stored(14, |grey| 16_320 - grey * 64).photometric("MONOCHROME1").window("8160.5", "16321")), all);
    let exact = stored(10, |grey| grey * 4).window("510", "1020").set(tags::VOILUT_FUNCTION, VR::CS, "LINEAR_EXACT");
    assert_eq!(greys(&exact), all);
    for syntax in [uids::JPEGLS_LOSSLESS, uids::DEFLATED_EXPLICIT_VR_LITTLE_ENDIAN, "1.2.840.10008.1.2.2"] {
        let film = stored(16, |grey| grey * 100 - 12_000).signed().window("750.5", "25501").syntax(syntax);
        assert_eq!(greys(&film), all, "{syntax}");
    }
}

#[test]
fn the_first_window_holds_and_a_given_one_replaces_it() {
    let film = row(12, &[0, 1000, 2000, 4000]).window("1000\\50", "2001\\100");
    assert_eq!(greys(&film), [0, 128, 255, 255]);
    let window = Some(Window { center: 3000.0, width: 2001.0 });
    let image = display_image(&file(&film.bytes()).path, 0, window, &Limits::default()).unwrap().into_grey();
    assert_eq!(image.pixels[..4], [0, 0, 0, 255]);
}

#[test]
fn a_window_that_is_none_is_ignored() {
    assert_eq!(greys(&row(12, &[0, 1000, 4000]).window("1000", "0")), [0, 64, 255]);
    assert_eq!(greys(&row(12, &[7, 7]).window("nan", "x")), [0, 0]);
}

#[test]
fn small_values_without_a_window_keep_their_place() {
    assert_eq!(greys(&row(8, &[10, 20, 200])), [10, 20, 200]);
    assert_eq!(greys(&row(8, &[-128, 0, 127]).signed()), [0, 128, 255]);
    assert_eq!(greys(&row(4, &[0, 5, 15])), [0, 85, 255]);
}

#[test]
fn padding_does_not_count_for_the_range() {
    let film = row(16, &[0, 100, 200, 60_000]).set(tags::PIXEL_PADDING_VALUE, VR::US, "60000");
    assert_eq!(greys(&film), [0, 128, 255, 255]);
}

fn table(descriptor: [u16; 3], data: Vec<u16>) -> InMemDicomObject {
    InMemDicomObject::from_element_iter([
        DataElement::new(tags::LUT_DESCRIPTOR, VR::US, PrimitiveValue::U16(descriptor.into_iter().collect())),
        DataElement::new(tags::LUT_DATA, VR::OW, PrimitiveValue::U16(data.into())),
    ])
}

#[test]
fn lookup_tables_are_applied() {
    let voi = table([4, 100, 8], vec![0, 85, 170, 255]);
    let film = row(12, &[0, 100, 101, 102, 103, 4000]).sequence(tags::VOILUT_SEQUENCE, voi);
    assert_eq!(greys(&film), [0, 0, 85, 170, 255, 255]);
    let modality = table([3, 0, 16], vec![0, 32_768, 65_535]);
    let film = row(8, &[0, 1, 2, 200]).sequence(tags::MODALITY_LUT_SEQUENCE, modality).window("32768", "65536");
    assert_eq!(greys(&film), [0, 128, 255, 255]);
}

#[test]
fn frames_have_windows_of_their_own() {
    let window = |center: &str| {
        let item = InMemDicomObject::from_element_iter([
            DataElement::new(tags::WINDOW_CENTER, VR::DS, PrimitiveValue::from(center)),
            DataElement::new(tags::WINDOW_WIDTH, VR::DS, PrimitiveValue::from("1")),
        ]);
        let sequence = dicom_core::value::DataSetSequence::from(vec![item]);
        InMemDicomObject::from_element_iter([DataElement::new(tags::FRAME_VOILUT_SEQUENCE, VR::SQ, sequence)])
    };
    let film = row(12, &[0, 1000]).frames(2).sequence(tags::SHARED_FUNCTIONAL_GROUPS_SEQUENCE, window("500"));
    assert_eq!(greys(&film), [0, 255]);
    assert_eq!(greys(&film.sequence(tags::PER_FRAME_FUNCTIONAL_GROUPS_SEQUENCE, window("2000"))), [0, 0]);
}

#[test]
fn palettes_become_colours() {
    let channel = |film: Film, descriptor: Tag, data: Tag, values: Vec<u16>| {
        film.set(descriptor, VR::US, "3\\1\\16").set_value(data, VR::OW, PrimitiveValue::U16(values.into()))
    };
    let film = row(8, &[1, 2, 3]).photometric("PALETTE COLOR");
    let film = channel(film, Tag(0x0028, 0x1101), Tag(0x0028, 0x1201), vec![0, 0xFFFF, 0x8080]);
    let film = channel(film, Tag(0x0028, 0x1102), Tag(0x0028, 0x1202), vec![0xFFFF, 0, 0x8080]);
    let film = channel(film, Tag(0x0028, 0x1103), Tag(0x0028, 0x1203), vec![0, 0, 0x8080]);
    match display_image(&file(&film.bytes()).path, 0, None, &Limits::default()).unwrap() {
        DisplayImage::Rgb(image) => assert_eq!(image.pixels[..9], [0, 255, 0, 255, 0, 0, 128, 128, 128]),
        DisplayImage::Grey(_) => panic!("a palette gives colours"),
    }
}

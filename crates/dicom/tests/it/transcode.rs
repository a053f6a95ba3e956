//! Objects in other transfer syntaxes: what must stay stays, and group 0028 says what is written.

use crate::{File, file};
use dicom_core::value::{PixelFragmentSequence, PrimitiveValue};
use dicom_core::{DataElement, Tag, VR};
use dicom_dictionary_std::{tags, uids};
use dicom_object::InMemDicomObject;
use lightbox_dicom::{
    Header, TranscodeError, native_frame, offers, same_data_set, stored_frame, transcode, transfer_syntaxes,
};
use lightbox_domain::Limits;
use lightbox_testkit::Film;
use proptest::prelude::{ProptestConfig, prop_assert, proptest};
use proptest::sample::select;
use std::io::{self, Write};
use std::path::Path;

const BIG_ENDIAN: &str = "1.2.840.10008.1.2.2";

/// What the builder can write.
const SOURCES: [&str; 7] = [
    uids::EXPLICIT_VR_LITTLE_ENDIAN,
    uids::IMPLICIT_VR_LITTLE_ENDIAN,
    BIG_ENDIAN,
    uids::DEFLATED_EXPLICIT_VR_LITTLE_ENDIAN,
    uids::JPEGLS_LOSSLESS,
    uids::ENCAPSULATED_UNCOMPRESSED_EXPLICIT_VR_LITTLE_ENDIAN,
    uids::DEFLATED_IMAGE_FRAME_COMPRESSION,
];

fn targets() -> Vec<&'static str> {
    let written = transfer_syntaxes().iter().filter(|syntax| syntax.encodes());
    written.map(|syntax| syntax.uid.as_str()).collect()
}

fn written(path: &Path, to: &str) -> Result<Vec<u8>, TranscodeError> {
    let mut bytes = Vec::new();
    transcode(path, to, &Limits::default())?.write_file(&mut bytes)?;
    Ok(bytes)
}

#[track_caller]
fn transcoded(path: &Path, to: &str) -> File {
    file(&written(path, to).unwrap_or_else(|error| panic!("to {to}: {error}")))
}

fn same(a: &File, b: &File) -> bool {
    same_data_set(&a.path, &b.path, &Limits::default()).unwrap()
}

fn frame(file: &File, frame: u32) -> Vec<u8> {
    native_frame(&file.path, frame, &Limits::default()).unwrap().bytes
}

/// Of odd size, with nested, private and empty attributes and such whose VR only the pixels' sign tells.
fn film(bits: u16) -> Film {
    let nested = InMemDicomObject::from_element_iter([
        DataElement::new(tags::CODE_MEANING, VR::LO, PrimitiveValue::from("odd")),
        DataElement::new(tags::PURPOSE_OF_REFERENCE_CODE_SEQUENCE, VR::SQ, sequence(InMemDicomObject::new_empty())),
    ]);
    Film::new()
        .size(5, 7)
        .bits(bits)
        .pixels(move |row, column| (row * 7 + column) as i32 * 119 - 300)
        .sequence(tags::VIEW_CODE_SEQUENCE, nested)
        .set(tags::PIXEL_PADDING_VALUE, VR::US, "17")
        .set_value(tags::ADDITIONAL_PATIENT_HISTORY, VR::LT, PrimitiveValue::Empty)
        .set_value(tags::RED_PALETTE_COLOR_LOOKUP_TABLE_DATA, VR::OW, PrimitiveValue::U16([1, 513].as_slice().into()))
        .set_value(Tag(0x0009, 0x0010), VR::LO, PrimitiveValue::from("PRIVATE"))
        .set_value(Tag(0x0009, 0x1001), VR::LO, PrimitiveValue::from("odd"))
        .set_value(Tag(0x0009, 0x1002), VR::UL, PrimitiveValue::U32([1, 0x0203_0405].as_slice().into()))
}

fn sequence(item: InMemDicomObject) -> dicom_core::value::DataSetSequence<InMemDicomObject> {
    vec![item].into()
}

/// Three samples a pixel, channel after channel if `planar`.
fn colours(photometric: &str, planar: bool) -> Film {
    let values: Vec<u8> = (0..5 * 7 * 3).map(|at| (at * 37 % 251) as u8).chain([0]).collect();
    Film::new()
        .size(5, 7)
        .photometric(photometric)
        .set(tags::SAMPLES_PER_PIXEL, VR::US, "3")
        .set(tags::PLANAR_CONFIGURATION, VR::US, if planar { "1" } else { "0" })
        .set_value(tags::PIXEL_DATA, VR::OB, values.into())
}

#[test]
fn every_way_keeps_the_data_set() {
    let signed = || film(12).signed().set_value(tags::PIXEL_PADDING_VALUE, VR::SS, PrimitiveValue::from(-2000_i16));
    let films: [&dyn Fn() -> Film; 5] =
        [&|| film(8), &|| film(12), &|| film(16).frames(3), &|| film(9).frames(2), &signed];
    for make in films {
        for from in SOURCES {
            let source = file(&make().syntax(from).bytes());
            for to in targets() {
                let there = transcoded(&source.path, to);
                assert_eq!(Header::read(&there.path).unwrap().transfer_syntax_uid(), to);
                assert!(same(&source, &there), "{from} to {to}");
                let back = transcoded(&there.path, uids::EXPLICIT_VR_LITTLE_ENDIAN);
                assert!(same(&source, &back), "{from} to {to} and back");
                assert_eq!(frame(&source, 0), frame(&back, 0), "{from} to {to} and back");
            }
        }
    }
}

/// What the encoding forgot is known again, as far as the dictionary can know it.
#[test]
fn value_representations_come_back() {
    let signed = film(12)
        .signed()
        .set_value(tags::PIXEL_PADDING_VALUE, VR::SS, PrimitiveValue::from(-2000_i16))
        .syntax(uids::IMPLICIT_VR_LITTLE_ENDIAN);
    let explicit = written(&file(&signed.bytes()).path, uids::EXPLICIT_VR_LITTLE_ENDIAN).unwrap();
    let object = dicom_object::from_reader(explicit.as_slice()).unwrap();
    let vr = |tag| object.element(tag).unwrap().vr();
    assert_eq!([vr(tags::PIXEL_PADDING_VALUE), vr(tags::PIXEL_DATA)], [VR::SS, VR::OW]);
    assert_eq!([vr(Tag(0x0009, 0x0010)), vr(Tag(0x0009, 0x1001))], [VR::LO, VR::UN]);
    assert_eq!(object.element(tags::PIXEL_PADDING_VALUE).unwrap().to_int::<i16>().unwrap(), -2000);
    let bytes = film(8).syntax(uids::IMPLICIT_VR_LITTLE_ENDIAN).bytes();
    let explicit = written(&file(&bytes).path, uids::EXPLICIT_VR_LITTLE_ENDIAN).unwrap();
    let object = dicom_object::from_reader(explicit.as_slice()).unwrap();
    assert_eq!(object.element(tags::PIXEL_DATA).unwrap().vr(), VR::OB);
}

#[test]
fn values_too_long_for_their_vr_become_unknown() {
    let long = Film::new().set_value(tags::IMAGE_COMMENTS, VR::UT, PrimitiveValue::from("c".repeat(70_001)));
    let implicit = transcoded(&file(&long.bytes()).path, uids::IMPLICIT_VR_LITTLE_ENDIAN);
    let explicit = transcoded(&implicit.path, uids::EXPLICIT_VR_LITTLE_ENDIAN);
    assert!(same(&implicit, &explicit));
    let object = dicom_object::open_file(&explicit.path).unwrap();
    let comments = object.element(tags::IMAGE_COMMENTS).unwrap();
    assert_eq!((comments.vr(), comments.to_bytes().unwrap().len()), (VR::UN, 70_002));
}

#[test]
fn compressed_frames_have_a_fragment_each_and_an_offset_table() {
    let source = file(&film(12).frames(3).bytes());
    let rle = transcoded(&source.path, uids::RLE_LOSSLESS);
    let object = dicom_object::open_file(&rle.path).unwrap();
    let pixel_data = object.element(tags::PIXEL_DATA).unwrap();
    let fragments = pixel_data.fragments().unwrap();
    let step = fragments[0].len() as u32 + 8;
    let offsets = pixel_data.value().offset_table().unwrap();
    assert_eq!((fragments.len(), pixel_data.vr(), offsets), (3, VR::OB, &[0, step, 2 * step][..]));
    assert!(fragments.iter().all(|fragment| fragment.len() % 2 == 0));
    assert_eq!(frame(&rle, 2), frame(&source, 2));
}

#[test]
fn colours_are_described_as_they_are_written() {
    for (photometric, planar, to, expected) in [
        ("RGB", true, uids::JPEGLS_LOSSLESS, "RGB 0"),
        ("RGB", true, uids::RLE_LOSSLESS, "RGB 0"),
        ("RGB", false, uids::JPEGXL_LOSSLESS, "RGB 0"),
        ("YBR_FULL", true, uids::RLE_LOSSLESS, "YBR_FULL 0"),
        ("YBR_FULL", false, uids::JPEGLS_LOSSLESS, "YBR_FULL 0"),
        ("RGB", true, uids::IMPLICIT_VR_LITTLE_ENDIAN, "RGB 1"),
    ] {
        let source = file(&colours(photometric, planar).bytes());
        let there = transcoded(&source.path, to);
        assert_eq!(described(&there), expected, "{to}");
        assert!(same(&source, &there), "{photometric} to {to}");
        let back = transcoded(&there.path, uids::EXPLICIT_VR_LITTLE_ENDIAN);
        assert_eq!(described(&back), expected, "{to} and back");
        assert!(same(&source, &back), "{photometric} to {to} and back");
    }
}

fn described(file: &File) -> String {
    let header = Header::read(&file.path).unwrap();
    format!("{} {}", header.text("PhotometricInterpretation"), header.text("PlanarConfiguration"))
}

#[test]
fn subsampled_colours_are_spread() {
    // Two pixels share their colour: Y₁ Y₂ B R.
    let values: Vec<u8> = (0..4 * 6 * 2).map(|at| 100 + at as u8).collect();
    let film = colours("YBR_FULL_422", false).size(4, 6).set_value(tags::PIXEL_DATA, VR::OB, values.into());
    let source = file(&film.bytes());
    for to in [uids::RLE_LOSSLESS, uids::JPEGLS_LOSSLESS] {
        let there = transcoded(&source.path, to);
        assert_eq!(described(&there), "YBR_FULL 0");
        assert_eq!(frame(&there, 0)[..6], [100, 102, 103, 101, 102, 103]);
    }
    assert_eq!(described(&transcoded(&source.path, uids::IMPLICIT_VR_LITTLE_ENDIAN)), "YBR_FULL_422 0");
}

#[test]
fn what_was_lost_is_said_and_not_lost_again() {
    let source = file(&film(8).photometric("MONOCHROME1").syntax(uids::JPEG_BASELINE8_BIT).bytes());
    let native = transcoded(&source.path, uids::EXPLICIT_VR_LITTLE_ENDIAN);
    let header = Header::read(&native.path).unwrap();
    assert_eq!(header.text("LossyImageCompression"), "01");
    assert_eq!(header.text("PhotometricInterpretation"), "MONOCHROME1");
    assert_eq!(header.text("SOPInstanceUID"), Header::read(&source.path).unwrap().text("SOPInstanceUID"));
    assert_eq!(frame(&native, 0), frame(&source, 0));
    for to in [uids::JPEGLS_LOSSLESS, uids::RLE_LOSSLESS, uids::JPEG_BASELINE8_BIT, uids::JPEG2000] {
        let outcome = transcode(&source.path, to, &Limits::default());
        assert_eq!(outcome.is_ok(), to == uids::JPEG_BASELINE8_BIT, "{to}");
    }
}

/// Overlays of old lie in the bits above the stored ones.
#[test]
fn bits_above_the_stored_ones_are_kept() {
    let words: Vec<u16> = (0..35).map(|at| 0x8000 + at * 100).collect();
    for signed in [false, true] {
        let plain = if signed { film(12).signed() } else { film(12) };
        let source =
            file(&plain.set_value(tags::PIXEL_DATA, VR::OW, PrimitiveValue::U16(words.as_slice().into())).bytes());
        for to in targets() {
            let back = transcoded(&transcoded(&source.path, to).path, uids::EXPLICIT_VR_LITTLE_ENDIAN);
            assert_eq!(frame(&back, 0), frame(&source, 0), "{to}");
        }
    }
}

#[test]
fn samples_of_32_bits_go_into_run_lengths_only() {
    let samples: Vec<u8> = (0..35_u32).flat_map(|at| (at * 0x0101_0003).to_le_bytes()).collect();
    let source = file(&with_bits(32).set_value(tags::PIXEL_DATA, VR::OW, samples.clone().into()).bytes());
    let rle = transcoded(&source.path, uids::RLE_LOSSLESS);
    assert_eq!(frame(&rle, 0), samples);
    assert!(same(&source, &rle));
    check_refused(&source, uids::JPEGLS_LOSSLESS, "1 sample(s) of 32 bits of photometric interpretation MONOCHROME2");
    // Big endian reverses whole samples, as all who write such objects do.
    let reversed: Vec<u8> = samples.chunks(4).flat_map(|sample| sample.iter().rev().copied()).collect();
    let words: Vec<u16> = reversed.as_chunks().0.iter().map(|word| u16::from_be_bytes(*word)).collect();
    let big_endian =
        with_bits(32).set_value(tags::PIXEL_DATA, VR::OW, PrimitiveValue::U16(words.into())).syntax(BIG_ENDIAN);
    let little_endian = transcoded(&file(&big_endian.bytes()).path, uids::EXPLICIT_VR_LITTLE_ENDIAN);
    assert_eq!(frame(&little_endian, 0), samples);
    assert!(same(&source, &little_endian) && same(&file(&big_endian.bytes()), &little_endian));
}

fn with_bits(bits: u16) -> Film {
    let high = (bits - 1).to_string();
    let bits = bits.to_string();
    film(8).set(tags::BITS_ALLOCATED, VR::US, &bits).set(tags::BITS_STORED, VR::US, &bits).set(
        tags::HIGH_BIT,
        VR::US,
        &high,
    )
}

#[test]
fn compressed_icons_are_written_native() {
    let frame = stored_frame(&file(&film(8).syntax(uids::JPEGLS_LOSSLESS).bytes()).path, 0, &Limits::default());
    let number = |tag, value: u16| DataElement::new(tag, VR::US, PrimitiveValue::from(value));
    let icon = InMemDicomObject::from_element_iter([
        number(tags::SAMPLES_PER_PIXEL, 1),
        DataElement::new(tags::PHOTOMETRIC_INTERPRETATION, VR::CS, PrimitiveValue::from("MONOCHROME2")),
        number(tags::ROWS, 5),
        number(tags::COLUMNS, 7),
        number(tags::BITS_ALLOCATED, 8),
        number(tags::BITS_STORED, 8),
        number(tags::HIGH_BIT, 7),
        number(tags::PIXEL_REPRESENTATION, 0),
        DataElement::new(tags::PIXEL_DATA, VR::OB, PixelFragmentSequence::new_fragments(vec![frame.unwrap().bytes])),
    ]);
    let mut object = dicom_object::from_reader(film(12).syntax(uids::JPEGLS_LOSSLESS).bytes().as_slice()).unwrap();
    object.put(DataElement::new(tags::ICON_IMAGE_SEQUENCE, VR::SQ, sequence(icon)));
    let mut bytes = Vec::new();
    object.write_all(&mut bytes).unwrap();
    let source = file(&bytes);
    for to in targets().into_iter().filter(|to| *to != uids::JPEGLS_LOSSLESS) {
        let there = written(&source.path, to).unwrap();
        let object = dicom_object::from_reader(there.as_slice()).unwrap();
        let icon = &object.element(tags::ICON_IMAGE_SEQUENCE).unwrap().items().unwrap()[0];
        let pixels = icon.element(tags::PIXEL_DATA).unwrap().to_bytes().unwrap();
        assert_eq!(pixels[..35], *self::frame(&file(&film(8).bytes()), 0), "{to}");
    }
}

#[track_caller]
fn check_refused(source: &File, to: &str, expected: &str) {
    match written(&source.path, to) {
        Err(TranscodeError::Unsupported(why)) => assert!(why.contains(expected), "{why}"),
        other => panic!("{other:?}"),
    }
}

#[test]
fn what_cannot_be_said_is_refused_in_words() {
    let film_without_pixels = file(&Film::new().without(tags::PIXEL_DATA).bytes());
    check_refused(&film_without_pixels, uids::RLE_LOSSLESS, "no pixel data to compress");
    let plain = file(&film(8).bytes());
    check_refused(&plain, uids::JPEG_BASELINE8_BIT, "cannot be turned into");
    check_refused(&plain, "1.2.3.4", "cannot be turned into");
    let bits = with_bits(1).set_value(tags::PIXEL_DATA, VR::OB, vec![7_u8; 6].into());
    check_refused(&file(&bits.bytes()), uids::RLE_LOSSLESS, "of 1 bits");
    check_refused(&file(&colours("YBR_FULL", false).bytes()), uids::JPEGXL_LOSSLESS, "YBR_FULL");
    let row = film(8).size(1, 35).bytes();
    check_refused(&file(&row), uids::JPEGXL_LOSSLESS, "JPEG XL");
    let corrupt = file(&film(8).syntax(uids::JPEGLS_LOSSLESS).bytes().replace_frame(&[0xFF, 0xD8, 0xFF]));
    let outcome = written(&corrupt.path, uids::EXPLICIT_VR_LITTLE_ENDIAN);
    assert!(matches!(outcome, Err(TranscodeError::Pixels(_))), "{outcome:?}");
}

/// Bytes of a file whose compressed frame is spoilt from its second marker on.
trait ReplaceFrame {
    fn replace_frame(self, start: &[u8]) -> Vec<u8>;
}

impl ReplaceFrame for Vec<u8> {
    fn replace_frame(mut self, start: &[u8]) -> Vec<u8> {
        let at = self.windows(start.len()).position(|window| window == start).unwrap();
        let end = self.len() - 8;
        self[at + 2..end].fill(0xA5);
        self
    }
}

#[test]
fn an_object_without_pixels_changes_its_elements_only() {
    let source = file(&film(8).without(tags::PIXEL_DATA).bytes());
    for to in [uids::IMPLICIT_VR_LITTLE_ENDIAN, uids::DEFLATED_EXPLICIT_VR_LITTLE_ENDIAN] {
        let there = transcoded(&source.path, to);
        assert!(same(&source, &there), "{to}");
        assert!(same(&source, &transcoded(&there.path, uids::EXPLICIT_VR_LITTLE_ENDIAN)), "{to} and back");
    }
}

#[test]
fn its_own_syntax_keeps_every_byte() {
    for from in SOURCES {
        let bytes = film(12).syntax(from).bytes();
        let source = file(&bytes);
        let mut data_set = Vec::new();
        transcode(&source.path, from, &Limits::default()).unwrap().write_data_set(&mut data_set).unwrap();
        assert!(bytes.ends_with(&data_set) && bytes.len() - data_set.len() < 600, "{from}");
        assert_eq!(offers(from)[0], from);
    }
}

/// A receiver that goes away after so many bytes.
struct Leaves(usize);

impl Write for Leaves {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        self.0 = self.0.checked_sub(bytes.len()).ok_or(io::ErrorKind::BrokenPipe)?;
        Ok(bytes.len())
    }

    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
}

#[test]
fn a_receiver_that_goes_away_is_told_from_an_object_that_cannot_be_read() {
    let source = file(&film(12).bytes());
    for to in targets() {
        let outcome = transcode(&source.path, to, &Limits::default()).unwrap().write_file(Leaves(400));
        assert!(matches!(outcome, Err(TranscodeError::Write(_))), "{to}: {outcome:?}");
    }
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(120))]

    #[test]
    fn any_film_goes_there_and_back(
        (rows, columns, frames) in (2_u32..40, 2_u32..40, 1_u32..4),
        (bits, signed) in (2_u16..=16, proptest::bool::ANY),
        (seed, noise) in (0_u32..1000, 0_u32..12),
        (from, to) in (select(&SOURCES[..4]), select(targets())),
    ) {
        // A slope with as many bits of noise as JPEG-LS has room for.
        let pixels = move |row: u32, column: u32| {
            let random = (row * 7919 + column * 104_729 + seed).wrapping_mul(2_654_435_761) >> 7;
            (row * 40 + column * 9 + random % (1 << noise)) as i32
        };
        let film = Film::new().size(rows, columns).bits(bits).frames(frames).pixels(pixels).syntax(from);
        let source = file(&if signed { film.signed() } else { film }.bytes());
        let there = transcoded(&source.path, to);
        let back = transcoded(&there.path, uids::EXPLICIT_VR_LITTLE_ENDIAN);
        prop_assert!(same(&source, &there) && same(&source, &back));
        prop_assert!((0..frames).all(|number| frame(&source, number) == frame(&back, number)));
    }
}

/// Without VRs, its reader would look for items in it.
#[test]
fn a_text_where_a_sequence_belongs_leaves_empty_where_no_vr_is_said() {
    let source = file(&Film::new().set(tags::REFERENCED_STUDY_SEQUENCE, VR::LO, "no items").bytes());
    let implicit = transcoded(&source.path, uids::IMPLICIT_VR_LITTLE_ENDIAN);
    let header = Header::read(&implicit.path).expect("readable");
    let sequence = header.object().element(tags::REFERENCED_STUDY_SEQUENCE).expect("still there");
    assert!(sequence.items().is_none_or(<[_]>::is_empty));
    let deflated = transcoded(&source.path, uids::DEFLATED_EXPLICIT_VR_LITTLE_ENDIAN);
    assert_eq!(Header::read(&deflated.path).expect("readable").text("ReferencedStudySequence"), "no items");
}

//! Frames as stored and as decoded.

use crate::file;
use dicom_core::value::PixelFragmentSequence;
use dicom_core::{DataElement, VR};
use dicom_dictionary_std::{tags, uids};
use lightbox_dicom::{PixelError, native_frame, stored_frame};
use lightbox_domain::Limits;
use lightbox_testkit::Film;

fn film() -> Film {
    Film::new().size(4, 6).bits(12).pixels(|row, column| (row * 600 + column) as i32).frames(3)
}

fn native(film: &Film, frame: u32) -> Vec<u8> {
    native_frame(&file(&film.bytes()).path, frame, &Limits::default()).unwrap().bytes
}

#[test]
fn a_frame_has_the_same_samples_in_every_encoding() {
    let expected: Vec<u8> =
        (0..4_u16).flat_map(|row| (0..6_u16).flat_map(move |column| (row * 600 + column).to_le_bytes())).collect();
    for syntax in [
        uids::EXPLICIT_VR_LITTLE_ENDIAN,
        uids::IMPLICIT_VR_LITTLE_ENDIAN,
        "1.2.840.10008.1.2.2",
        uids::DEFLATED_EXPLICIT_VR_LITTLE_ENDIAN,
        uids::JPEGLS_LOSSLESS,
        uids::ENCAPSULATED_UNCOMPRESSED_EXPLICIT_VR_LITTLE_ENDIAN,
        uids::DEFLATED_IMAGE_FRAME_COMPRESSION,
        uids::JPEGXL_LOSSLESS,
    ] {
        for frame in 0..3 {
            assert_eq!(native(&film().syntax(syntax), frame), expected, "{syntax}");
        }
    }
}

#[test]
fn native_frames_are_given_in_little_endian() {
    let file = file(&film().syntax("1.2.840.10008.1.2.2").bytes());
    let frame = stored_frame(&file.path, 2, &Limits::default()).unwrap();
    assert_eq!((frame.bytes.len(), &frame.bytes[..4]), (48, &[0, 0, 1, 0][..]));
    assert_eq!(frame.transfer_syntax_uid, uids::EXPLICIT_VR_LITTLE_ENDIAN);
    assert_eq!(frame.media_type, "application/octet-stream");
}

#[test]
fn compressed_frames_are_given_as_stored() {
    let file = file(&film().syntax(uids::JPEGLS_LOSSLESS).bytes());
    let frame = stored_frame(&file.path, 1, &Limits::default()).unwrap();
    assert!(frame.bytes.starts_with(&[0xFF, 0xD8]));
    assert_eq!((frame.transfer_syntax_uid.as_str(), frame.media_type), (uids::JPEGLS_LOSSLESS, "image/jls"));
}

/// Two frames in three fragments, which only the basic offset table tells apart.
#[test]
fn fragments_are_joined_by_the_offset_table() {
    let file = file(&with_fragments(&[0, 0, 0, 0, 20, 0, 0, 0], &[&[1; 4], &[2; 0], &[3; 2]]));
    let frame = |frame| stored_frame(&file.path, frame, &Limits::default()).unwrap().bytes;
    assert_eq!((frame(0), frame(1)), (vec![1, 1, 1, 1], vec![3, 3]));
    let unknown = crate::file(&with_fragments(&[], &[&[1; 4], &[2; 2], &[3; 2]]));
    let refusal = stored_frame(&unknown.path, 0, &Limits::default()).unwrap_err();
    assert!(matches!(&refusal, PixelError::Unsupported(what) if what.contains("no offset table")), "{refusal}");
}

/// An RLE film of two frames whose pixel data are these fragments.
fn with_fragments(table: &[u8], fragments: &[&[u8]]) -> Vec<u8> {
    let film = Film::new().size(4, 6).set(tags::NUMBER_OF_FRAMES, VR::IS, "2").without(tags::PIXEL_DATA).bytes();
    let mut bytes = film;
    let at = bytes.windows(20).position(|window| window == b"1.2.840.10008.1.2.1\0").unwrap();
    bytes[at..at + 20].copy_from_slice(b"1.2.840.10008.1.2.5\0");
    bytes.extend_from_slice(b"\xE0\x7F\x10\x00OB\0\0\xFF\xFF\xFF\xFF");
    for fragment in std::iter::once(&table).chain(fragments) {
        bytes.extend_from_slice(b"\xFE\xFF\x00\xE0");
        bytes.extend_from_slice(&(fragment.len() as u32).to_le_bytes());
        bytes.extend_from_slice(fragment);
    }
    bytes.extend_from_slice(b"\xFE\xFF\xDD\xE0\0\0\0\0");
    bytes
}

/// Archives cut long frames and leave the offset table empty.
#[test]
fn fragments_are_joined_by_the_start_of_codestreams() {
    let whole = film().frames(2).syntax(uids::JPEGLS_LOSSLESS).bytes();
    let stored = |frame| stored_frame(&file(&whole).path, frame, &Limits::default()).unwrap().bytes;
    let fragments =
        [stored(0), stored(1)].map(|frame| [frame[..8].to_vec(), frame[8..20].to_vec(), frame[20..].to_vec()]);
    let mut object = dicom_object::from_reader(whole.as_slice()).unwrap();
    let cut = PixelFragmentSequence::new_fragments(fragments.concat());
    object.put(DataElement::new(tags::PIXEL_DATA, VR::OB, cut));
    let mut bytes = Vec::new();
    object.write_all(&mut bytes).unwrap();
    let cut = file(&bytes);
    for frame in 0..2 {
        assert_eq!(stored_frame(&cut.path, frame, &Limits::default()).unwrap().bytes, stored(frame));
        assert_eq!(native_frame(&cut.path, frame, &Limits::default()).unwrap().bytes, native(&film(), frame));
    }
}

#[test]
fn single_bits_are_unpacked_across_frames() {
    // 3 × 3 pixels a frame, so that the second begins within a byte: 1 0 1 0 1 0 1 0 1 | 1 1 1 0 0 0 1 1 1.
    let film = Film::new()
        .size(3, 3)
        .set(tags::BITS_ALLOCATED, VR::US, "1")
        .set(tags::BITS_STORED, VR::US, "1")
        .set(tags::HIGH_BIT, VR::US, "0")
        .set(tags::NUMBER_OF_FRAMES, VR::IS, "2")
        .set_value(tags::PIXEL_DATA, VR::OB, vec![0b0101_0101_u8, 0b1000_1111, 0b11, 0].into());
    assert_eq!(native(&film, 0), [0b0101_0101, 1]);
    assert_eq!(native(&film, 1), [0b1100_0111, 1]);
}

#[track_caller]
fn check_refused(film: &Film, frame: u32, expected: &str) {
    let refusal = native_frame(&file(&film.bytes()).path, frame, &Limits::default()).unwrap_err();
    assert_eq!(refusal.to_string(), expected);
}

#[test]
fn what_cannot_be_given_is_refused_in_words() {
    check_refused(&film(), 3, "the object has 3 frame(s); ask for one of these");
    check_refused(&film().without(tags::PIXEL_DATA), 0, "the object has no image");
    check_refused(
        &film().set(tags::ROWS, VR::US, "9000"),
        0,
        "the image is malformed: 9000 rows × 6 columns × 3 frame(s) do not fit into 144 bytes of pixel data",
    );
    check_refused(
        &film().set(tags::ROWS, VR::US, "65535").set(tags::COLUMNS, VR::US, "65535"),
        0,
        "the image has 4294836225 pixels, more than the 100000000 of image_pixels_max",
    );
    check_refused(
        &film().set(tags::BITS_ALLOCATED, VR::US, "12"),
        0,
        "this image cannot be decoded here: 1 sample(s) of 12 bits a pixel",
    );
    check_refused(
        &film().set(tags::BITS_STORED, VR::US, "40"),
        0,
        "the image is malformed: BitsStored 40 and HighBit 11 do not fit into BitsAllocated 16",
    );
    check_refused(
        &film().syntax(uids::JPEGLS_LOSSLESS).set(tags::COLUMNS, VR::US, "6"),
        9,
        "the object has 3 frame(s); ask for one of these",
    );
}

#[test]
fn corrupt_frames_are_refused() {
    for syntax in [uids::JPEGLS_LOSSLESS, uids::JPEG_BASELINE8_BIT, uids::JPEGXL_LOSSLESS] {
        let mut bytes = Film::new().size(32, 32).syntax(syntax).bytes();
        let end = bytes.len() - 10;
        bytes[end - 60..end].fill(0xA5);
        let outcome = native_frame(&file(&bytes).path, 0, &Limits::default());
        assert!(matches!(outcome, Err(PixelError::Malformed(_)) | Ok(_)), "{outcome:?}");
        let start = bytes.windows(2).rposition(|window| window == [0xFF, 0xD8] || window == [0xFF, 0x0A]).unwrap();
        bytes[start..end].fill(0xA5);
        let refusal = native_frame(&file(&bytes).path, 0, &Limits::default()).unwrap_err();
        assert!(matches!(refusal, PixelError::Malformed(_)), "{syntax}: {refusal}");
    }
}

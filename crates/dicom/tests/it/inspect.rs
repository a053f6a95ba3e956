//! What the index keeps, and which files are refused with which words.

use crate::file;
use dicom_core::{PrimitiveValue, VR};
use dicom_dictionary_std::{tags, uids};
use lightbox_dicom::{InspectError, inspect};
use lightbox_domain::{IndexEntry, Limits};
use lightbox_testkit::Film;

const BIG_ENDIAN: &str = "1.2.840.10008.1.2.2";

fn read(bytes: &[u8]) -> Result<IndexEntry, InspectError> {
    inspect(&file(bytes).path, &Limits::default())
}

#[test]
fn the_index_is_the_same_in_every_encoding() {
    let of = |syntax: &str| read(&Film::new().syntax(syntax).bytes()).unwrap();
    let expected = of(uids::EXPLICIT_VR_LITTLE_ENDIAN);
    assert_eq!(expected.study.study_instance_uid.as_str(), "2.25.1");
    assert_eq!(expected.study.patient.name, "Phantom^Pia");
    assert_eq!(expected.study.patient.key.id, "P1");
    assert_eq!(expected.study.study_date, "20240305");
    assert_eq!(expected.series.modality, "DX");
    assert_eq!(expected.series.series_number, Some(1));
    assert_eq!((expected.instance.rows, expected.instance.columns, expected.instance.frames), (Some(16), Some(16), 1));
    for syntax in [
        uids::IMPLICIT_VR_LITTLE_ENDIAN,
        BIG_ENDIAN,
        uids::DEFLATED_EXPLICIT_VR_LITTLE_ENDIAN,
        uids::JPEGLS_LOSSLESS,
        uids::JPEG_BASELINE8_BIT,
        uids::ENCAPSULATED_UNCOMPRESSED_EXPLICIT_VR_LITTLE_ENDIAN,
    ] {
        let entry = of(syntax);
        assert_eq!((&entry.study, &entry.series), (&expected.study, &expected.series));
        assert_eq!(entry.instance.transfer_syntax_uid.as_str(), syntax);
        assert_eq!(entry.instance.rows, Some(16));
    }
}

#[test]
fn texts_are_decoded_by_their_character_set() {
    let latin: &[u8] = b"M\xFCller^J\xF6rg ";
    let film = Film::new().set(tags::SPECIFIC_CHARACTER_SET, VR::CS, "ISO_IR 100").set_value(
        tags::PATIENT_NAME,
        VR::PN,
        PrimitiveValue::from(String::from_utf8(latin.iter().map(|_| b'x').collect()).unwrap()),
    );
    let mut bytes = film.bytes();
    let at = bytes.windows(latin.len()).position(|window| window.iter().all(|byte| *byte == b'x')).unwrap();
    bytes[at..at + latin.len()].copy_from_slice(latin);
    assert_eq!(read(&bytes).unwrap().study.patient.name, "Müller^Jörg");
}

#[test]
fn odd_but_whole_objects_are_kept() {
    let private_class = Film::new().set(tags::SOP_CLASS_UID, VR::UI, "1.2.3.4.5");
    assert_eq!(read(&private_class.bytes()).unwrap().instance.sop_class_uid.as_str(), "1.2.3.4.5");
    let nameless = Film::new().without(tags::PATIENT_ID).without(tags::PATIENT_NAME).without(tags::STUDY_DATE);
    assert_eq!(read(&nameless.bytes()).unwrap().study.patient.key.id, "");
    let no_image = Film::new().without(tags::PIXEL_DATA).without(tags::ROWS);
    assert_eq!(read(&no_image.bytes()).unwrap().instance.frames, 0);
    let absurd = Film::new().set(tags::ROWS, VR::US, "65535").set(tags::COLUMNS, VR::US, "65535");
    assert_eq!(read(&absurd.bytes()).unwrap().instance.rows, Some(65535));
    let unknown_syntax_of_the_arc = replace(&Film::new().bytes(), b"1.2.840.10008.1.2.1\0", b"1.2.840.10008.1.2.9\0");
    assert!(read(&unknown_syntax_of_the_arc).is_ok());
}

#[test]
fn a_file_without_preamble_is_read() {
    assert!(read(&Film::new().bytes()[132..]).is_ok());
}

#[test]
fn identifiers_are_demanded() {
    for (tag, keyword) in [
        (tags::SOP_INSTANCE_UID, "SOPInstanceUID"),
        (tags::SOP_CLASS_UID, "SOPClassUID"),
        (tags::STUDY_INSTANCE_UID, "StudyInstanceUID"),
        (tags::SERIES_INSTANCE_UID, "SeriesInstanceUID"),
    ] {
        let refusal = read(&Film::new().without(tag).bytes()).unwrap_err();
        assert!(matches!(refusal, InspectError::MissingUid(missing) if missing == keyword), "{refusal}");
        let refusal = read(&Film::new().set(tag, VR::UI, "../etc").bytes()).unwrap_err();
        assert!(matches!(refusal, InspectError::BadUid { keyword: bad, .. } if bad == keyword), "{refusal}");
    }
}

/// Cut anywhere, a file is refused, and never taken for a smaller whole one, unless the cut is between two elements.
#[test]
fn a_cut_file_is_refused() {
    for syntax in [uids::EXPLICIT_VR_LITTLE_ENDIAN, uids::JPEGLS_LOSSLESS, uids::DEFLATED_EXPLICIT_VR_LITTLE_ENDIAN] {
        let whole = Film::new().syntax(syntax).bytes();
        for cut in (whole.len() - 100..whole.len()).chain([140, 200, 400]) {
            let refusal = read(&whole[..cut]).unwrap_err();
            let expected = matches!(refusal, InspectError::Truncated | InspectError::MissingUid(_));
            assert!(expected, "{syntax} cut at {cut} of {}: {refusal}", whole.len());
        }
    }
}

#[test]
fn what_is_not_dicom_is_refused() {
    for bytes in [&b""[..], b"hello", &[0; 4096], &[0xFF; 200]] {
        assert!(matches!(read(bytes), Err(InspectError::NotDicom)));
    }
}

#[test]
fn an_unknown_transfer_syntax_is_refused() {
    let bytes = replace(&Film::new().bytes(), b"1.2.840.10008.1.2.1\0", b"1.2.3.4.5.6.7.8.9.0\0");
    let refusal = read(&bytes).unwrap_err();
    assert!(matches!(&refusal, InspectError::UnknownTransferSyntax(uid) if uid == "1.2.3.4.5.6.7.8.9.0"), "{refusal}");
}

#[test]
fn a_deflate_bomb_is_stopped_at_the_limit() {
    let bytes = Film::new().size(2000, 2000).pixels(|_, _| 0).syntax(uids::DEFLATED_EXPLICIT_VR_LITTLE_ENDIAN).bytes();
    assert!(bytes.len() < 20_000);
    let bomb = file(&bytes);
    let limits = Limits { inflated_bytes_max: 1_000_000, ..Limits::default() };
    let refusal = inspect(&bomb.path, &limits).unwrap_err();
    assert!(matches!(refusal, InspectError::TooLarge { limit_bytes: 1_000_000 }), "{refusal}");
    assert!(inspect(&bomb.path, &Limits::default()).is_ok());
}

#[test]
fn lying_lengths_allocate_nothing() {
    let mut bytes = Film::new().bytes();
    // The length of PixelData, the last element: four bytes before its 256 values.
    let at = bytes.len() - 256 - 4;
    bytes[at..at + 4].copy_from_slice(&0xFFFF_FFF0_u32.to_le_bytes());
    assert!(matches!(read(&bytes), Err(InspectError::Truncated)));
}

#[test]
fn sequences_nested_without_end_are_refused() {
    let mut bytes = Film::new().without(tags::PIXEL_DATA).bytes();
    for _ in 0..10_000 {
        bytes.extend_from_slice(b"\x40\x00\x30\xA7SQ\0\0\xFF\xFF\xFF\xFF\xFE\xFF\x00\xE0\xFF\xFF\xFF\xFF");
    }
    let refusal = read(&bytes).unwrap_err();
    assert!(matches!(&refusal, InspectError::Malformed(what) if what.contains("nested")), "{refusal}");
}

#[test]
fn no_message_repeats_patient_data_or_breaks_the_line() {
    let film = Film::new().set(tags::SOP_INSTANCE_UID, VR::UI, "Phantom^Pia");
    let message = read(&film.bytes()).unwrap_err().to_string();
    assert!(!message.contains("Phantom") && !message.contains('\n'), "{message}");
}

fn replace(bytes: &[u8], from: &[u8], to: &[u8]) -> Vec<u8> {
    let at = bytes.windows(from.len()).position(|window| window == from).unwrap();
    [&bytes[..at], to, &bytes[at + from.len()..]].concat()
}

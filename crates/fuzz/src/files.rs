//! DICOM files as they arrive, and all that is done with one once it is kept.

use dicom_dictionary_std::uids;
use lightbox_dicom::{
    DatasetHasher, Header, ObjectCorrection, ObjectFile, check_result, display_image, inspect, json, native_frame,
    read_rejection_note, same_data_set, stored_frame, transcode,
};
use lightbox_domain::{Limits, Values};
use lightbox_testkit::Film;
use std::io::{Read, Write};
use std::path::Path;
use tempfile::NamedTempFile;

/// Small enough for thousands of tries a second.
const INFLATED_BYTES_MAX: u64 = 1 << 22;
const IMAGE_PIXELS_MAX: u64 = 1 << 16;
/// The patient that corrections name.
const PATIENT: &str = "CORRECTED-1";

/// The encodings of the seeds.
const SYNTAXES: [&str; 7] = [
    uids::EXPLICIT_VR_LITTLE_ENDIAN,
    uids::IMPLICIT_VR_LITTLE_ENDIAN,
    "1.2.840.10008.1.2.2",
    uids::DEFLATED_EXPLICIT_VR_LITTLE_ENDIAN,
    uids::JPEGLS_LOSSLESS,
    uids::JPEG_BASELINE8_BIT,
    uids::JPEGXL_LOSSLESS,
];

/// What leaves uncompressed, compressed by us, and compressed as a whole.
const WANTED_SYNTAXES: [&str; 3] =
    [uids::IMPLICIT_VR_LITTLE_ENDIAN, uids::RLE_LOSSLESS, uids::DEFLATED_EXPLICIT_VR_LITTLE_ENDIAN];

/// Reads a file in every way. What is admitted can be told of, equals itself, and can leave corrected.
pub fn file(bytes: &[u8]) {
    let limits =
        Limits { inflated_bytes_max: INFLATED_BYTES_MAX, image_pixels_max: IMAGE_PIXELS_MAX, ..Limits::default() };
    let file = written(bytes);
    let path = file.path();
    let entry = inspect(path, &limits);
    let metadata = json::metadata(path, "bulk");
    if entry.is_ok() {
        metadata.expect("what is kept can be told of");
        assert!(same_data_set(path, path, &limits).expect("readable"), "it differs from itself");
        leave_corrected(path, &limits);
    }
    read_pixels(path, &limits);
    for syntax in WANTED_SYNTAXES {
        leave_transcoded(path, syntax, &limits);
    }
    let _ = read_rejection_note(path);
    if let Ok(header) = Header::read(path) {
        let _ = check_result(bytes, &header);
    }
    let mut hasher = DatasetHasher::new();
    hasher.update(bytes);
    let _ = hasher.finish();
}

fn written(bytes: &[u8]) -> NamedTempFile {
    let mut file = NamedTempFile::new().expect("a temporary file");
    file.write_all(bytes).expect("written");
    file
}

fn read_pixels(path: &Path, limits: &Limits) {
    let _ = display_image(path, 0, None, limits);
    let _ = native_frame(path, 0, limits);
    let _ = stored_frame(path, 0, limits);
}

/// What leaves in another syntax is an object that would be admitted.
fn leave_transcoded(path: &Path, syntax: &str, limits: &Limits) {
    let mut bytes = Vec::new();
    let left = transcode(path, syntax, limits).and_then(|transcoded| transcoded.write_file(&mut bytes));
    if left.is_ok() && inspect(path, limits).is_ok() {
        inspect(written(&bytes).path(), limits).expect("what was transcoded is an instance");
    }
}

/// What leaves corrected is an object that would be admitted, of the other patient.
fn leave_corrected(path: &Path, limits: &Limits) {
    let mut values = Values::default();
    values.set("PatientID", PATIENT).expect("it can be corrected");
    let correction = ObjectCorrection { values, changed_ms: 1_700_000_000_123, source: "peer:ANY".to_owned() };
    let Ok(mut reader) = ObjectFile::corrected(path.to_owned(), correction).open() else { return };
    let mut bytes = Vec::new();
    reader.read_to_end(&mut bytes).expect("readable");
    let entry = inspect(written(&bytes).path(), limits).expect("what was corrected is an instance");
    assert_eq!(entry.study.patient.key.id, PATIENT);
}

pub fn seeds() -> Vec<Vec<u8>> {
    let films = SYNTAXES.iter().map(|syntax| Film::new().size(9, 9).syntax(syntax));
    let odd = [Film::new().size(4, 4).frames(3), Film::new().size(5, 3).bits(12).signed()];
    films.chain(odd).map(|film| film.bytes()).collect()
}

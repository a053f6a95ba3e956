//! Whatever the bytes, the answer is a value or an error, never a panic and never a large allocation.

use crate::file;
use dicom_dictionary_std::uids;
use lightbox_dicom::deidentify::{DeidentificationOption, Policy, ProjectKey};
use lightbox_dicom::{
    DatasetHasher, Header, check_result, deidentify, display_image, inspect, json, native_frame, same_data_set,
    stored_frame, transcode,
};
use lightbox_domain::Limits;
use lightbox_testkit::Film;
use proptest::prelude::{ProptestConfig, any, proptest};
use proptest::sample::{Index, select};

const SYNTAXES: [&str; 7] = [
    uids::EXPLICIT_VR_LITTLE_ENDIAN,
    uids::IMPLICIT_VR_LITTLE_ENDIAN,
    "1.2.840.10008.1.2.2",
    uids::DEFLATED_EXPLICIT_VR_LITTLE_ENDIAN,
    uids::JPEGLS_LOSSLESS,
    uids::JPEG_BASELINE8_BIT,
    uids::JPEGXL_LOSSLESS,
];

fn read_in_every_way(bytes: &[u8]) {
    let (mutated, whole) = (file(bytes), file(&Film::new().bytes()));
    let limits = Limits { inflated_bytes_max: 1 << 24, image_pixels_max: 1 << 20, ..Limits::default() };
    let path = &mutated.path;
    let _ = inspect(path, &limits);
    let _ = json::metadata(path, "bulk");
    let _ = display_image(path, 0, None, &limits);
    let _ = native_frame(path, 0, &limits);
    let _ = stored_frame(path, 0, &limits);
    let _ = same_data_set(path, &whole.path, &limits);
    for to in [uids::IMPLICIT_VR_LITTLE_ENDIAN, uids::DEFLATED_EXPLICIT_VR_LITTLE_ENDIAN, uids::RLE_LOSSLESS] {
        let _ = transcode(path, to, &limits).and_then(|transcoded| transcoded.write_file(std::io::sink()));
    }
    for policy in policies() {
        if let Ok(deidentified) = deidentify(path, &policy) {
            let _ = deidentified.object.open().map(|mut reader| std::io::copy(&mut reader, &mut std::io::sink()));
        }
    }
    let _ = check_result(bytes, &Header::read(&whole.path).unwrap());
    let mut hasher = DatasetHasher::new();
    hasher.update(bytes);
    let _ = hasher.finish();
}

/// The strictest one, and one with as many options as go together.
fn policies() -> [Policy; 2] {
    let basic = Policy::basic(ProjectKey::new([1; 32])).accepting_burned_in();
    let options = DeidentificationOption::ALL.into_iter().filter(|one| *one != DeidentificationOption::RetainFullDates);
    [basic.clone(), options.fold(basic, Policy::with)]
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(150))]

    #[test]
    fn changed_bytes_are_survived(
        syntax in select(&SYNTAXES[..]),
        changes in proptest::collection::vec((any::<Index>(), any::<u8>()), 1..6),
    ) {
        let mut bytes = Film::new().size(9, 9).syntax(syntax).bytes();
        for (place, value) in changes {
            let length = bytes.len() - 132;
            bytes[132 + place.index(length)] = value;
        }
        read_in_every_way(&bytes);
    }

    #[test]
    fn cut_and_joined_bytes_are_survived(syntax in select(&SYNTAXES[..]), cut in any::<Index>(), join in any::<Index>()) {
        let bytes = Film::new().size(9, 9).syntax(syntax).bytes();
        let (cut, join) = (cut.index(bytes.len()), join.index(bytes.len()));
        read_in_every_way(&[&bytes[..cut], &bytes[join..]].concat());
    }
}

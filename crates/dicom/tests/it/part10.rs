//! The digest covers the data set and nothing else, however the bytes arrive.

use dicom_dictionary_std::uids;
use lightbox_dicom::{DatasetHasher, Hashed, Header, part10_prefix};
use lightbox_domain::Uid;
use lightbox_testkit::Film;
use proptest::prelude::{ProptestConfig, any, prop_assert_eq, proptest};

fn hashed(bytes: &[u8]) -> Hashed {
    let mut hasher = DatasetHasher::new();
    hasher.update(bytes);
    hasher.finish()
}

fn hash(bytes: &[u8]) -> String {
    hashed(bytes).data_set_digest
}

fn prefix(transfer_syntax_uid: &str, source_ae_title: &str) -> Vec<u8> {
    let uid = |text: &str| Uid::parse(text).unwrap();
    let class = uid(uids::DIGITAL_X_RAY_IMAGE_STORAGE_FOR_PRESENTATION);
    part10_prefix(&class, &uid("2.25.3"), &uid(transfer_syntax_uid), source_ae_title)
}

/// The data set of a film, which the meta group's own length tells the start of.
fn data_set(film: &[u8]) -> &[u8] {
    let group_bytes = u32::from_le_bytes(film[140..144].try_into().unwrap()) as usize;
    &film[144 + group_bytes..]
}

#[test]
fn the_digest_is_that_of_the_data_set() {
    let film = Film::new().bytes();
    let of_data_set = hash(data_set(&film));
    assert_eq!(hash(&film), of_data_set);
    assert_eq!([&hashed(&film).head, data_set(&film)].concat(), film, "what comes before the data set is the head");
    let by_c_store = [prefix(uids::EXPLICIT_VR_LITTLE_ENDIAN, "CT1"), data_set(&film).to_vec()].concat();
    assert_ne!(by_c_store[..200], film[..200]);
    assert_eq!(hash(&by_c_store), of_data_set);
    assert_eq!(hash(&film[132..]), of_data_set, "without preamble");
    let mut lying = film.clone();
    lying[140..144].copy_from_slice(&7_u32.to_le_bytes());
    assert_eq!(hash(&lying), of_data_set, "with a wrong group length");
    let without_group_length = [&film[..132], &film[144..]].concat();
    assert_eq!(hash(&without_group_length), of_data_set, "without group length");
}

#[test]
fn a_stream_that_is_no_part_10_file_is_hashed_whole() {
    let expected = "ea8f163db38682925e4491c5e58d4bb3506ef8c14eb78a86e908c5624a67200f";
    assert_eq!(hash(b"hello"), expected);
}

#[test]
fn a_prefix_makes_a_file_of_a_data_set() {
    let film = Film::new().bytes();
    for source_ae_title in ["", "CT1", "FOUR"] {
        let stored = [prefix(uids::EXPLICIT_VR_LITTLE_ENDIAN, source_ae_title), data_set(&film).to_vec()].concat();
        assert_eq!(Header::from_bytes(&stored).unwrap().text("PatientID"), "P1");
        let read = dicom_object::from_reader(stored.as_slice()).unwrap();
        assert_eq!(read.meta().media_storage_sop_instance_uid(), "2.25.3");
        assert_eq!(read.meta().source_application_entity_title().unwrap_or_default().trim(), source_ae_title);
        assert!(read.meta().implementation_version_name().is_some_and(|name| name.starts_with("LIGHTBOX_")));
    }
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(64))]

    #[test]
    fn chunks_do_not_matter(sizes in proptest::collection::vec(1_usize..90, 0..200)) {
        let film = Film::new().bytes();
        let mut hasher = DatasetHasher::new();
        let mut rest = film.as_slice();
        for size in sizes {
            let (chunk, later) = rest.split_at(size.min(rest.len()));
            hasher.update(chunk);
            rest = later;
        }
        hasher.update(rest);
        prop_assert_eq!(hasher.finish(), hashed(&film));
    }

    #[test]
    fn any_bytes_can_be_hashed_in_any_two_parts(bytes in proptest::collection::vec(any::<u8>(), 0..400), at in 0_usize..400) {
        let (first, second) = bytes.split_at(at.min(bytes.len()));
        let mut hasher = DatasetHasher::new();
        hasher.update(first);
        hasher.update(second);
        prop_assert_eq!(hasher.finish(), hashed(&bytes));
    }
}

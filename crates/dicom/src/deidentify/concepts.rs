//! Which codes say nothing about a person, and which items of a report tell of the patient.

use crate::object::{items, text};
use dicom_core::Tag;
use dicom_dictionary_std::tags;
use dicom_object::InMemDicomObject;
use std::collections::HashSet;
use std::sync::LazyLock;

const SCHEMES: &str = include_str!("../../data/deidentification/coding_schemes.txt");
const SUBJECT: &str = include_str!("../../data/deidentification/subject_concepts.tsv");

static KNOWN_SCHEMES: LazyLock<HashSet<&'static str>> =
    LazyLock::new(|| SCHEMES.lines().filter(|line| !line.starts_with('#')).collect());

static SUBJECT_CONCEPTS: LazyLock<HashSet<(&'static str, &'static str)>> = LazyLock::new(|| {
    let lines = SUBJECT.lines().filter(|line| !line.starts_with('#'));
    lines.map(|line| line.split_once('\t').expect("the packaged list is well-formed")).map(scheme_and_code).collect()
});

fn scheme_and_code((scheme, rest): (&'static str, &'static str)) -> (&'static str, &'static str) {
    (scheme, rest.split('\t').next().unwrap_or_default())
}

/// Whether an item is a code of a published scheme (PS3.3 Table 8.8-1), so that value and meaning are not free texts.
pub(super) fn is_published_code(item: &InMemDicomObject) -> bool {
    KNOWN_SCHEMES.contains(text(item, tags::CODING_SCHEME_DESIGNATOR).as_str())
}

/// Whether a sequence holds what an item of a report says of the patient, such as age or sex (PS3.16 TID 1007).
pub(super) fn tells_of_subject(item: &InMemDicomObject, sequence: Tag) -> bool {
    let is_value = matches!(sequence, tags::MEASURED_VALUE_SEQUENCE | tags::CONCEPT_CODE_SEQUENCE);
    is_value
        && items(item, tags::CONCEPT_NAME_CODE_SEQUENCE).iter().any(|concept| {
            let (scheme, code) = (text(concept, tags::CODING_SCHEME_DESIGNATOR), text(concept, tags::CODE_VALUE));
            SUBJECT_CONCEPTS.contains(&(scheme.as_str(), code.as_str()))
        })
}

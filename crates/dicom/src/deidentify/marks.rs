//! What a de-identified object says about it: (0012,0062) to (0012,0064), (0028,0301) to (0028,0303), after PS3.15 §E.1.1.

use super::{DeidentificationOption, Policy};
use crate::InspectError;
use crate::overlay::{delimiter, element, header, item};
use crate::syntax::Encoding;
use crate::walk::{SEQUENCE_DELIMITATION, UNDEFINED};
use dicom_core::{Tag, VR};
use dicom_dictionary_std::tags;
use std::collections::BTreeMap;

/// What (0012,0063) says.
const METHOD: &str = concat!("Lightbox ", env!("CARGO_PKG_VERSION"), ", PS3.15 Table E.1-1 2026c");
/// The Basic Profile's own code of CID 7050.
const BASIC: (&str, &str) = ("113100", "Basic Application Confidentiality Profile");

/// Whole elements of the top level, encoded, by tag.
pub(super) fn marks(policy: &Policy, encoding: Encoding) -> Result<BTreeMap<Tag, Vec<u8>>, InspectError> {
    let mut marks = BTreeMap::new();
    let mut put = |tag, vr, text: &str| -> Result<(), InspectError> {
        marks.insert(tag, element(encoding, tag, vr, text.as_bytes())?);
        Ok(())
    };
    put(tags::PATIENT_IDENTITY_REMOVED, VR::CS, "YES")?;
    put(tags::DEIDENTIFICATION_METHOD, VR::LO, METHOD)?;
    put(tags::LONGITUDINAL_TEMPORAL_INFORMATION_MODIFIED, VR::CS, times(policy))?;
    if policy.has(DeidentificationOption::CleanPixelData) {
        put(tags::BURNED_IN_ANNOTATION, VR::CS, "NO")?;
    }
    if policy.has(DeidentificationOption::CleanRecognizableVisualFeatures) {
        put(tags::RECOGNIZABLE_VISUAL_FEATURES, VR::CS, "NO")?;
    }
    marks.insert(tags::DEIDENTIFICATION_METHOD_CODE_SEQUENCE, codes(policy, encoding)?);
    Ok(marks)
}

/// PS3.3 §C.12.1: what became of dates and times.
fn times(policy: &Policy) -> &'static str {
    if policy.has(DeidentificationOption::RetainFullDates) {
        "UNMODIFIED"
    } else if policy.has(DeidentificationOption::RetainModifiedDates) {
        "MODIFIED"
    } else {
        "REMOVED"
    }
}

/// One item for the profile, and one for each option.
fn codes(policy: &Policy, encoding: Encoding) -> Result<Vec<u8>, InspectError> {
    let mut sequence = header(encoding, tags::DEIDENTIFICATION_METHOD_CODE_SEQUENCE, VR::SQ, UNDEFINED)?;
    for (value, meaning) in std::iter::once(BASIC).chain(policy.options.iter().map(|option| option.code())) {
        let code = [
            element(encoding, tags::CODE_VALUE, VR::SH, value.as_bytes())?,
            element(encoding, tags::CODING_SCHEME_DESIGNATOR, VR::SH, b"DCM")?,
            element(encoding, tags::CODE_MEANING, VR::LO, meaning.as_bytes())?,
        ];
        sequence.extend(item(encoding, &code.concat())?);
    }
    sequence.extend(delimiter(encoding, SEQUENCE_DELIMITATION, 0));
    Ok(sequence)
}

/// D of a Content Sequence: one item that says that there was another (PS3.3 §C.17.3).
pub(super) fn dummy_content(encoding: Encoding) -> Result<Vec<u8>, InspectError> {
    let concept = [
        element(encoding, tags::CODE_VALUE, VR::SH, b"121106")?,
        element(encoding, tags::CODING_SCHEME_DESIGNATOR, VR::SH, b"DCM")?,
        element(encoding, tags::CODE_MEANING, VR::LO, b"Comment")?,
    ];
    let text = [
        element(encoding, tags::RELATIONSHIP_TYPE, VR::CS, b"CONTAINS")?,
        element(encoding, tags::VALUE_TYPE, VR::CS, b"TEXT")?,
        header(encoding, tags::CONCEPT_NAME_CODE_SEQUENCE, VR::SQ, UNDEFINED)?,
        item(encoding, &concept.concat())?,
        delimiter(encoding, SEQUENCE_DELIMITATION, 0),
        element(encoding, tags::TEXT_VALUE, VR::UT, b"Removed to protect the patient")?,
    ];
    Ok([
        header(encoding, tags::CONTENT_SEQUENCE, VR::SQ, UNDEFINED)?,
        item(encoding, &text.concat())?,
        delimiter(encoding, SEQUENCE_DELIMITATION, 0),
    ]
    .concat())
}

//! Rejection notes: Key Object Selection documents (PS3.3 §A.35.4) whose title says that what they refer to is rejected.

use crate::{Header, InspectError};
use dicom_core::Tag;
use dicom_dictionary_std::tags;
use dicom_object::InMemDicomObject;
use lightbox_domain::{Rejection, Uid};
use std::collections::BTreeMap;
use std::path::Path;

/// What a rejection note says.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct RejectionNote {
    /// What its title means.
    pub rejection: &'static Rejection,
    /// The rejected instances by study, as the evidence lists them (PS3.3 Table C.17-2).
    pub references: BTreeMap<Uid, Vec<Uid>>,
}

/// Reads a Key Object Selection document; `None` when its title rejects nothing.
///
/// # Errors
/// [`InspectError`] when the file cannot be read.
pub fn read_rejection_note(path: &Path) -> Result<Option<RejectionNote>, InspectError> {
    let header = Header::read(path)?;
    let document = header.object();
    let title = items(document, tags::CONCEPT_NAME_CODE_SEQUENCE).first();
    let is_dcm = |title: &&InMemDicomObject| text(title, tags::CODING_SCHEME_DESIGNATOR) == "DCM";
    let code = title.filter(is_dcm).map(|title| text(title, tags::CODE_VALUE)).unwrap_or_default();
    let Some(rejection) = Rejection::of_code(&code) else { return Ok(None) };
    let mut references: BTreeMap<Uid, Vec<Uid>> = BTreeMap::new();
    for study in items(document, tags::CURRENT_REQUESTED_PROCEDURE_EVIDENCE_SEQUENCE) {
        let Ok(study_uid) = Uid::parse(&text(study, tags::STUDY_INSTANCE_UID)) else { continue };
        let series = items(study, tags::REFERENCED_SERIES_SEQUENCE).iter();
        let instances = series.flat_map(|series| items(series, tags::REFERENCED_SOP_SEQUENCE));
        let uids = instances.filter_map(|one| Uid::parse(&text(one, tags::REFERENCED_SOP_INSTANCE_UID)).ok());
        references.entry(study_uid).or_default().extend(uids);
    }
    Ok(Some(RejectionNote { rejection, references }))
}

fn items(object: &InMemDicomObject, tag: Tag) -> &[InMemDicomObject] {
    object.get(tag).and_then(|element| element.items()).unwrap_or_default()
}

fn text(object: &InMemDicomObject, tag: Tag) -> String {
    let value = object.get(tag).and_then(|element| element.to_str().ok());
    value.map(|text| text.trim_matches([' ', '\0']).to_owned()).unwrap_or_default()
}

//! Key Object Selection documents, such as rejection notes.

use crate::Film;
use dicom_core::value::DataSetSequence;
use dicom_core::{DataElement, PrimitiveValue, Tag, VR};
use dicom_dictionary_std::{tags, uids};
use dicom_object::InMemDicomObject;

/// A Key Object Selection document whose title has this code value of the scheme DCM, and which refers to instances of
/// one series. It belongs to the same study, in a series of its own.
#[must_use]
pub fn key_object_selection(title: &str, study: &str, series: &str, instances: &[&str]) -> Film {
    let refer = |uid: &&str| {
        InMemDicomObject::from_element_iter([
            text(tags::REFERENCED_SOP_CLASS_UID, VR::UI, uids::DIGITAL_X_RAY_IMAGE_STORAGE_FOR_PRESENTATION),
            text(tags::REFERENCED_SOP_INSTANCE_UID, VR::UI, uid),
        ])
    };
    let referred_series = InMemDicomObject::from_element_iter([
        text(tags::SERIES_INSTANCE_UID, VR::UI, series),
        sequence(tags::REFERENCED_SOP_SEQUENCE, instances.iter().map(refer).collect()),
    ]);
    let evidence = InMemDicomObject::from_element_iter([
        text(tags::STUDY_INSTANCE_UID, VR::UI, study),
        sequence(tags::REFERENCED_SERIES_SEQUENCE, vec![referred_series]),
    ]);
    let concept = InMemDicomObject::from_element_iter([
        text(tags::CODE_VALUE, VR::SH, title),
        text(tags::CODING_SCHEME_DESIGNATOR, VR::SH, "DCM"),
        text(tags::CODE_MEANING, VR::LO, "A title"),
    ]);
    let image = [tags::PIXEL_DATA, tags::ROWS, tags::COLUMNS, tags::SAMPLES_PER_PIXEL, tags::BITS_ALLOCATED];
    let note = Film::new()
        .uids(study, &format!("{series}.88"), &format!("{series}.88.{title}"))
        .set(tags::SOP_CLASS_UID, VR::UI, uids::KEY_OBJECT_SELECTION_DOCUMENT_STORAGE)
        .set(tags::MODALITY, VR::CS, "KO")
        .set(tags::VALUE_TYPE, VR::CS, "CONTAINER")
        .sequence(tags::CONCEPT_NAME_CODE_SEQUENCE, concept)
        .sequence(tags::CURRENT_REQUESTED_PROCEDURE_EVIDENCE_SEQUENCE, evidence);
    image.into_iter().fold(note, Film::without)
}

fn text(tag: Tag, vr: VR, text: &str) -> DataElement<InMemDicomObject> {
    DataElement::new(tag, vr, PrimitiveValue::from(text))
}

fn sequence(tag: Tag, items: Vec<InMemDicomObject>) -> DataElement<InMemDicomObject> {
    DataElement::new(tag, VR::SQ, DataSetSequence::from(items))
}

//! Content items of structured reports (PS3.3 §C.17.3).

use crate::result::{code_item, element, sequence};
use dicom_core::{DataElement, PrimitiveValue, VR};
use dicom_dictionary_std::tags;
use dicom_object::InMemDicomObject;
use lightbox_domain::{Code, Uid};

/// The coding scheme of what no standard has a code for; declared in every report that uses it.
pub(crate) const PRIVATE_SCHEME: &str = "99LIGHTBOX";

/// How an item relates to the one that holds it (PS3.3 Table C.17.3-8).
#[derive(Clone, Copy)]
pub(crate) enum Relation {
    Contains,
    HasConceptModifier,
    HasObservationContext,
    HasAcquisitionContext,
}

impl Relation {
    const fn as_str(self) -> &'static str {
        match self {
            Self::Contains => "CONTAINS",
            Self::HasConceptModifier => "HAS CONCEPT MOD",
            Self::HasObservationContext => "HAS OBS CONTEXT",
            Self::HasAcquisitionContext => "HAS ACQ CONTEXT",
        }
    }
}

/// Scheme, value and meaning of a concept.
pub(crate) type Concept<'a> = (&'a str, &'a str, &'a str);

/// The concept as a code.
pub(crate) fn code((scheme, value, meaning): Concept<'_>) -> Code {
    Code { scheme: scheme.to_owned(), value: value.to_owned(), meaning: meaning.to_owned() }
}

fn item(relation: Relation, value_type: &str, concept: Option<Concept<'_>>) -> InMemDicomObject {
    let mut item = InMemDicomObject::from_element_iter([
        element(tags::RELATIONSHIP_TYPE, VR::CS, relation.as_str()),
        element(tags::VALUE_TYPE, VR::CS, value_type),
    ]);
    if let Some(concept) = concept {
        item.put(sequence(tags::CONCEPT_NAME_CODE_SEQUENCE, vec![code_item(&code(concept))]));
    }
    item
}

/// A heading with what stands under it; `template` is its TID of PS3.16.
pub(crate) fn container(
    relation: Relation,
    concept: Concept<'_>,
    template: Option<&str>,
    children: Vec<InMemDicomObject>,
) -> InMemDicomObject {
    let mut item = item(relation, "CONTAINER", Some(concept));
    fill_container(&mut item, template, children);
    item
}

/// The root of a report's content.
pub(crate) fn put_root(
    object: &mut InMemDicomObject,
    concept: Concept<'_>,
    template: &str,
    children: Vec<InMemDicomObject>,
) {
    object.put(element(tags::VALUE_TYPE, VR::CS, "CONTAINER"));
    object.put(sequence(tags::CONCEPT_NAME_CODE_SEQUENCE, vec![code_item(&code(concept))]));
    fill_container(object, Some(template), children);
}

fn fill_container(item: &mut InMemDicomObject, template: Option<&str>, children: Vec<InMemDicomObject>) {
    item.put(element(tags::CONTINUITY_OF_CONTENT, VR::CS, "SEPARATE"));
    if let Some(template) = template {
        let identification = InMemDicomObject::from_element_iter([
            element(tags::MAPPING_RESOURCE, VR::CS, "DCMR"),
            element(tags::TEMPLATE_IDENTIFIER, VR::CS, template),
        ]);
        item.put(sequence(tags::CONTENT_TEMPLATE_SEQUENCE, vec![identification]));
    }
    item.put(sequence(tags::CONTENT_SEQUENCE, children));
}

/// A text.
pub(crate) fn text(relation: Relation, concept: Concept<'_>, text: &str) -> InMemDicomObject {
    let mut item = item(relation, "TEXT", Some(concept));
    item.put(element(tags::TEXT_VALUE, VR::UT, text));
    item
}

/// A coded value.
pub(crate) fn coded(relation: Relation, concept: Concept<'_>, value: &Code) -> InMemDicomObject {
    let mut item = item(relation, "CODE", Some(concept));
    item.put(sequence(tags::CONCEPT_CODE_SEQUENCE, vec![code_item(value)]));
    item
}

/// A UID.
pub(crate) fn uid_reference(relation: Relation, concept: Concept<'_>, uid: &Uid) -> InMemDicomObject {
    let mut item = item(relation, "UIDREF", Some(concept));
    item.put(element(tags::UID, VR::UI, uid.as_str()));
    item
}

/// A number without unit, also in full precision.
pub(crate) fn number(relation: Relation, concept: Concept<'_>, number: f64) -> InMemDicomObject {
    let measured = InMemDicomObject::from_element_iter([
        element(tags::NUMERIC_VALUE, VR::DS, &decimal_string(number)),
        DataElement::new(tags::FLOATING_POINT_VALUE, VR::FD, PrimitiveValue::from(number)),
        sequence(tags::MEASUREMENT_UNITS_CODE_SEQUENCE, vec![code_item(&code(("UCUM", "1", "no units")))]),
    ]);
    let mut item = item(relation, "NUM", Some(concept));
    item.put(sequence(tags::MEASURED_VALUE_SEQUENCE, vec![measured]));
    item
}

/// An image; without concept in an image library.
pub(crate) fn image(
    relation: Relation,
    concept: Option<Concept<'_>>,
    reference: InMemDicomObject,
    children: Vec<InMemDicomObject>,
) -> InMemDicomObject {
    let mut item = item(relation, "IMAGE", concept);
    item.put(sequence(tags::REFERENCED_SOP_SEQUENCE, vec![reference]));
    if !children.is_empty() {
        item.put(sequence(tags::CONTENT_SEQUENCE, children));
    }
    item
}

/// A number in at most 16 characters (PS3.5 Table 6.2-1, VR DS).
fn decimal_string(number: f64) -> String {
    let plain = format!("{number}");
    if plain.len() <= 16 { plain } else { format!("{number:.9e}") }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn decimal_strings_fit() {
        for number in [0.5, 0.1 + 0.2, 1.0 / 3.0, 1e-12, -2.0 / 3.0, 123_456_789.123_456_78] {
            let text = decimal_string(number);
            assert!(text.len() <= 16, "{text}");
            let read: f64 = text.parse().unwrap();
            assert!((read - number).abs() <= number.abs() * 1e-9);
        }
    }
}

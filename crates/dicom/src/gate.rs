//! The conformance gate before every object of ours: IOD attributes, references, coded terms, patient and study identity.
//!
//! It reads the bytes that would be sent, not the object they were written from, and its demands are data
//! (`data/iod.toml`), not the writers' own code.

use crate::object::{items, text, texts};
use crate::{GateError, Header};
use dicom_core::dictionary::{DataDictionary, DataDictionaryEntry};
use dicom_core::{DicomValue, PrimitiveValue, Tag};
use dicom_dictionary_std::{StandardDataDictionary, tags};
use dicom_object::InMemDicomObject;
use serde::Deserialize;
use std::collections::{BTreeMap, BTreeSet};
use std::sync::LazyLock;

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Rules {
    iod: Vec<Iod>,
    module: BTreeMap<String, Module>,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Iod {
    name: String,
    sop_class_uid: String,
    modules: Vec<String>,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Module {
    #[serde(default)]
    type_1: Vec<String>,
    #[serde(default)]
    type_2: Vec<String>,
}

static RULES: LazyLock<Rules> =
    LazyLock::new(|| toml::from_str(include_str!("../data/iod.toml")).expect("the packaged rules are valid TOML"));

/// What a result must share with its source, letter by letter.
const IDENTITY: [&str; 7] = [
    "PatientID",
    "IssuerOfPatientID",
    "PatientName",
    "PatientBirthDate",
    "PatientSex",
    "StudyInstanceUID",
    "AccessionNumber",
];

/// Checks an object of ours, a Part 10 file, against its IOD and against the source it speaks of.
///
/// # Errors
/// [`GateError`] with every reason; none repeats a patient's data.
pub fn check_result(result: &[u8], source: &Header) -> Result<(), GateError> {
    let result = Header::from_bytes(result).map_err(|error| GateError(vec![error.to_string()]))?;
    let mut reasons = Vec::new();
    check_attributes(&result, &mut reasons);
    check_identity(&result, source, &mut reasons);
    check_references(&result, source, &mut reasons);
    let schemes = declared_schemes(result.object());
    check_codes(result.object(), "", &schemes, &mut reasons);
    if reasons.is_empty() { Ok(()) } else { Err(GateError(reasons)) }
}

fn check_attributes(result: &Header, reasons: &mut Vec<String>) {
    let sop_class_uid = result.text("SOPClassUID");
    let Some(iod) = RULES.iod.iter().find(|iod| iod.sop_class_uid == sop_class_uid) else {
        reasons.push(format!("SOP class {sop_class_uid} is none that Lightbox writes"));
        return;
    };
    for module in iod.modules.iter().filter_map(|module| RULES.module.get(module)) {
        for keyword in &module.type_1 {
            if !has_value(result, keyword) {
                reasons.push(format!("{keyword} has no value, which {} demands", iod.name));
            }
        }
        for keyword in &module.type_2 {
            if find(result.object(), keyword).is_none() {
                reasons.push(format!("{keyword} is absent, which {} demands", iod.name));
            }
        }
    }
}

fn find<'a>(object: &'a InMemDicomObject, keyword: &str) -> Option<&'a DicomValue<InMemDicomObject, Vec<u8>>> {
    let tag = StandardDataDictionary.by_name(keyword)?.tag();
    object.get(tag).map(|element| element.value())
}

fn has_value(result: &Header, keyword: &str) -> bool {
    match find(result.object(), keyword) {
        None => keyword == "PixelData" && result.pixel_data().is_some(),
        Some(DicomValue::Sequence(sequence)) => !sequence.items().is_empty(),
        Some(DicomValue::Primitive(PrimitiveValue::Empty)) => false,
        Some(DicomValue::Primitive(value)) => value.to_multi_str().iter().any(|text| !text.is_empty()),
        Some(DicomValue::PixelSequence(_)) => true,
    }
}

fn check_identity(result: &Header, source: &Header, reasons: &mut Vec<String>) {
    for keyword in IDENTITY {
        if result.text(keyword) != source.text(keyword) {
            reasons.push(format!("{keyword} differs from the source's"));
        }
    }
    for keyword in ["SOPInstanceUID", "SeriesInstanceUID"] {
        if result.text(keyword) == source.text(keyword) {
            reasons.push(format!("{keyword} is the source's own"));
        }
    }
    if result.text("Manufacturer") != crate::MANUFACTURER {
        reasons.push(format!("Manufacturer is not {}", crate::MANUFACTURER));
    }
}

/// Every reference must lead to the source: those of a report through its evidence, those of a capture at once.
fn check_references(result: &Header, source: &Header, reasons: &mut Vec<String>) {
    let (study, instance) = (source.text("StudyInstanceUID"), source.text("SOPInstanceUID"));
    let evidence = items(result.object(), tags::CURRENT_REQUESTED_PROCEDURE_EVIDENCE_SEQUENCE);
    if evidence.iter().any(|of_study| text(of_study, tags::STUDY_INSTANCE_UID) != study) {
        reasons.push("the evidence names another study than the source's".to_owned());
    }
    let known: BTreeSet<String> = if evidence.is_empty() {
        BTreeSet::from([instance.clone()])
    } else {
        let series = evidence.iter().flat_map(|of_study| items(of_study, tags::REFERENCED_SERIES_SEQUENCE));
        let references = series.flat_map(|series| items(series, tags::REFERENCED_SOP_SEQUENCE));
        references.map(|reference| text(reference, tags::REFERENCED_SOP_INSTANCE_UID)).collect()
    };
    if !known.contains(&instance) {
        reasons.push("the evidence does not list the source".to_owned());
    }
    let mut referenced = BTreeSet::new();
    collect_references(result.object(), &mut referenced);
    if referenced.is_empty() {
        reasons.push("nothing refers to the source".to_owned());
    }
    for uid in referenced.difference(&known) {
        reasons.push(format!("instance {uid} is referred to but not listed as evidence"));
    }
}

fn collect_references(object: &InMemDicomObject, referenced: &mut BTreeSet<String>) {
    referenced.extend(texts(object, tags::REFERENCED_SOP_INSTANCE_UID));
    for element in object {
        for item in element.items().unwrap_or_default() {
            collect_references(item, referenced);
        }
    }
}

fn declared_schemes(object: &InMemDicomObject) -> BTreeSet<String> {
    let declared = items(object, tags::CODING_SCHEME_IDENTIFICATION_SEQUENCE).iter();
    declared.map(|scheme| text(scheme, tags::CODING_SCHEME_DESIGNATOR)).collect()
}

/// PS3.3 §8: a code has value, scheme and meaning; a private scheme is declared.
fn check_codes(object: &InMemDicomObject, within: &str, schemes: &BTreeSet<String>, reasons: &mut Vec<String>) {
    for element in object {
        let tag = element.header().tag;
        if tag == tags::CODING_SCHEME_IDENTIFICATION_SEQUENCE {
            continue;
        }
        for item in element.items().unwrap_or_default() {
            let place = format!("{within}{}", keyword(tag));
            if let Some(fault) = code_fault(item, schemes) {
                reasons.push(format!("a code in {place} {fault}"));
            }
            check_codes(item, &format!("{place} › "), schemes, reasons);
        }
    }
}

fn keyword(tag: Tag) -> String {
    StandardDataDictionary.by_tag(tag).map_or_else(|| tag.to_string(), |entry| entry.alias().to_owned())
}

/// What is wrong with an item that is a code; `None` for sound codes and for items that are no codes.
fn code_fault(item: &InMemDicomObject, schemes: &BTreeSet<String>) -> Option<String> {
    const VALUES: [Tag; 3] = [tags::CODE_VALUE, tags::LONG_CODE_VALUE, tags::URN_CODE_VALUE];
    let is_code = VALUES.iter().chain(&[tags::CODE_MEANING]).any(|tag| item.get(*tag).is_some());
    if !is_code {
        return None;
    }
    let scheme = text(item, tags::CODING_SCHEME_DESIGNATOR);
    let missing = [
        ("value", VALUES.iter().all(|tag| text(item, *tag).is_empty())),
        ("scheme", scheme.is_empty() && text(item, tags::URN_CODE_VALUE).is_empty()),
        ("meaning", text(item, tags::CODE_MEANING).is_empty()),
    ];
    if let Some((what, _)) = missing.iter().find(|(_, is_missing)| *is_missing) {
        return Some(format!("has no {what}"));
    }
    let private = scheme.starts_with("99");
    (private && !schemes.contains(&scheme)).then(|| format!("is of the private scheme {scheme}, which is not declared"))
}

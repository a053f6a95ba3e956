//! The report of a run: a structured report after TID 1500 *Measurement Report* (PS3.16), one measurement group after
//! TID 1501 for each finding.

use crate::content::{self, Concept, PRIVATE_SCHEME, Relation, code, coded, container, image, number, uid_reference};
use crate::result::{Role, complete_codes, element, empty, sequence, to_part10};
use crate::{ResultContext, ResultError, derived_uid};
use dicom_core::VR;
use dicom_dictionary_std::{tags, uids};
use dicom_object::InMemDicomObject;
use lightbox_domain::{Code, Finding};

pub(crate) const REPORT: Role = Role {
    name: "report",
    sop_class_uid: uids::COMPREHENSIVE3_DSR_STORAGE,
    modality: "SR",
    series_number: "9001",
    description: "AI report",
};
pub(crate) const REPORT_BASIC: Role =
    Role { name: "report-basic", sop_class_uid: uids::COMPREHENSIVE_SR_STORAGE, series_number: "9003", ..REPORT };

const IMAGING_MEASUREMENT_REPORT: Concept<'_> = ("DCM", "126000", "Imaging Measurement Report");
const LANGUAGE: Concept<'_> = ("DCM", "121049", "Language of Content Item and Descendants");
const OBSERVER_TYPE: Concept<'_> = ("DCM", "121005", "Observer Type");
const DEVICE: Concept<'_> = ("DCM", "121007", "Device");
const DEVICE_UID: Concept<'_> = ("DCM", "121012", "Device Observer UID");
const DEVICE_NAME: Concept<'_> = ("DCM", "121013", "Device Observer Name");
const DEVICE_MANUFACTURER: Concept<'_> = ("DCM", "121014", "Device Observer Manufacturer");
const DEVICE_MODEL: Concept<'_> = ("DCM", "121015", "Device Observer Model Name");
const DEVICE_SERIAL: Concept<'_> = ("DCM", "121016", "Device Observer Serial Number");
const PROCEDURE_REPORTED: Concept<'_> = ("DCM", "121058", "Procedure reported");
const IMAGING_PROCEDURE: Concept<'_> = ("SCT", "363679005", "Imaging procedure");
const IMAGE_LIBRARY: Concept<'_> = ("DCM", "111028", "Image Library");
const IMAGE_LIBRARY_GROUP: Concept<'_> = ("DCM", "126200", "Image Library Group");
const MODALITY: Concept<'_> = ("DCM", "121139", "Modality");
const IMAGING_MEASUREMENTS: Concept<'_> = ("DCM", "126010", "Imaging Measurements");
const MEASUREMENT_GROUP: Concept<'_> = ("DCM", "125007", "Measurement Group");
const TRACKING_IDENTIFIER: Concept<'_> = ("DCM", "112039", "Tracking Identifier");
const TRACKING_UID: Concept<'_> = ("DCM", "112040", "Tracking Unique Identifier");
const FINDING: Concept<'_> = ("DCM", "121071", "Finding");
const ALGORITHM_NAME: Concept<'_> = ("DCM", "111001", "Algorithm Name");
const ALGORITHM_VERSION: Concept<'_> = ("DCM", "111003", "Algorithm Version");
const ALGORITHM_MANUFACTURER: Concept<'_> = ("DCM", "122405", "Algorithm Manufacturer");
const ALGORITHM_PARAMETERS: Concept<'_> = ("DCM", "111002", "Algorithm Parameters");
const SOURCE_OF_MEASUREMENT: Concept<'_> = ("DCM", "121112", "Source of Measurement");
/// Not "probability": nobody calibrated the output, so nobody may read it as one.
const SCORE: Concept<'_> = ("SCT", "246262008", "Score");
const THRESHOLD: Concept<'_> = ("DCM", "122411", "Threshold Value");
const PRESENCE: Concept<'_> = ("DCM", "121052", "Presence of property");
const PRESENT: Concept<'_> = ("SCT", "52101004", "Present");
const ABSENT: Concept<'_> = ("SCT", "272519000", "Absent");
const RESTRICTION: Concept<'_> = (PRIVATE_SCHEME, "restriction", "Restriction of use");
const CLEARANCE: Concept<'_> = (PRIVATE_SCHEME, "clearance", "Regulatory clearance");
const INTENDED_USE: Concept<'_> = (PRIVATE_SCHEME, "intended-use", "Intended use");
const OVERRIDE: Concept<'_> = (PRIVATE_SCHEME, "override", "Reason for use outside the intended use");

/// The report as a Comprehensive 3D SR in a Part 10 file. The same context gives the same bytes.
///
/// # Errors
/// [`ResultError`] when the source or the run lacks what a report must say.
pub fn write_report(context: &ResultContext<'_>) -> Result<Vec<u8>, ResultError> {
    write(context, &REPORT)
}

/// The same content as a Comprehensive SR, for peers that take no other.
///
/// # Errors
/// [`ResultError`] when the source or the run lacks what a report must say.
pub fn write_report_basic(context: &ResultContext<'_>) -> Result<Vec<u8>, ResultError> {
    write(context, &REPORT_BASIC)
}

fn write(context: &ResultContext<'_>, role: &Role) -> Result<Vec<u8>, ResultError> {
    let mut object = context.start_object(role)?;
    object.put(empty(tags::REFERENCED_PERFORMED_PROCEDURE_STEP_SEQUENCE, VR::SQ));
    object.put(empty(tags::PERFORMED_PROCEDURE_CODE_SEQUENCE, VR::SQ));
    object.put(element(tags::COMPLETION_FLAG, VR::CS, "COMPLETE"));
    object.put(element(tags::VERIFICATION_FLAG, VR::CS, "UNVERIFIED"));
    object.put(sequence(tags::CURRENT_REQUESTED_PROCEDURE_EVIDENCE_SEQUENCE, vec![evidence(context)]));
    object.put(sequence(tags::CODING_SCHEME_IDENTIFICATION_SEQUENCE, vec![private_scheme()]));
    content::put_root(&mut object, IMAGING_MEASUREMENT_REPORT, "1500", children(context));
    to_part10(&object)
}

/// PS3.3 Table C.17-3: the study, series and instance that the report is about.
fn evidence(context: &ResultContext<'_>) -> InMemDicomObject {
    let instance = InMemDicomObject::from_element_iter([
        element(tags::REFERENCED_SOP_CLASS_UID, VR::UI, &context.source.text("SOPClassUID")),
        element(tags::REFERENCED_SOP_INSTANCE_UID, VR::UI, &context.source.text("SOPInstanceUID")),
    ]);
    let series = InMemDicomObject::from_element_iter([
        element(tags::SERIES_INSTANCE_UID, VR::UI, &context.source.text("SeriesInstanceUID")),
        sequence(tags::REFERENCED_SOP_SEQUENCE, vec![instance]),
    ]);
    InMemDicomObject::from_element_iter([
        element(tags::STUDY_INSTANCE_UID, VR::UI, &context.source.text("StudyInstanceUID")),
        sequence(tags::REFERENCED_SERIES_SEQUENCE, vec![series]),
    ])
}

/// PS3.3 Table C.12-1: whose the private codes are.
fn private_scheme() -> InMemDicomObject {
    InMemDicomObject::from_element_iter([
        element(tags::CODING_SCHEME_DESIGNATOR, VR::SH, PRIVATE_SCHEME),
        element(tags::CODING_SCHEME_NAME, VR::ST, "Concepts of Lightbox that no standard has a code for"),
        element(tags::CODING_SCHEME_RESPONSIBLE_ORGANIZATION, VR::ST, "The Lightbox contributors"),
    ])
}

/// The rows of TID 1500, preceded by what a reader must know before any finding.
fn children(context: &ResultContext<'_>) -> Vec<InMemDicomObject> {
    let mut children = vec![coded(Relation::HasConceptModifier, LANGUAGE, &language(context.language))];
    children.extend(observer(context));
    children.push(coded(Relation::HasConceptModifier, PROCEDURE_REPORTED, &procedure(context)));
    children.extend(notices(context));
    children.push(image_library(context));
    let groups = context.run.findings.iter().map(|finding| measurement_group(context, finding)).collect();
    children.push(container(Relation::Contains, IMAGING_MEASUREMENTS, None, groups));
    children
}

/// CID 5000.
fn language(tag: &str) -> Code {
    let meaning = if tag.starts_with("en") { "English" } else { tag };
    code(("RFC5646", tag, meaning))
}

/// TID 1001 with TID 1004: the release as the observer.
fn observer(context: &ResultContext<'_>) -> [InMemDicomObject; 6] {
    let relation = Relation::HasObservationContext;
    let app = &context.manifest.app;
    [
        coded(relation, OBSERVER_TYPE, &code(DEVICE)),
        uid_reference(relation, DEVICE_UID, &derived_uid(context.digest, "device")),
        content::text(relation, DEVICE_NAME, &app.name),
        content::text(relation, DEVICE_MANUFACTURER, &app.vendor),
        content::text(relation, DEVICE_MODEL, &format!("{} {}", app.id, app.release)),
        content::text(relation, DEVICE_SERIAL, context.digest),
    ]
}

fn procedure(context: &ResultContext<'_>) -> Code {
    let of_source = complete_codes(context.source.object(), tags::PROCEDURE_CODE_SEQUENCE);
    of_source.into_iter().next().unwrap_or_else(|| code(IMAGING_PROCEDURE))
}

fn notices(context: &ResultContext<'_>) -> Vec<InMemDicomObject> {
    let app = &context.manifest.app;
    let mut notices = vec![content::text(Relation::Contains, RESTRICTION, context.restriction())];
    if let Some(clearance) = context.clearance {
        notices.push(content::text(Relation::Contains, CLEARANCE, clearance));
    }
    notices.push(content::text(Relation::Contains, INTENDED_USE, &app.intended_use));
    if let Some(overridden) = &context.run.overridden {
        let reason = format!("{} (ordered by {})", overridden.reason, overridden.by);
        notices.push(content::text(Relation::Contains, OVERRIDE, &reason));
    }
    notices
}

/// TID 1600.
fn image_library(context: &ResultContext<'_>) -> InMemDicomObject {
    let mut group = Vec::new();
    if let Some(modality) = modality(&context.source.text("Modality")) {
        group.push(coded(Relation::HasAcquisitionContext, MODALITY, &modality));
    }
    group.push(image(Relation::Contains, None, context.source_reference(), Vec::new()));
    let group = container(Relation::Contains, IMAGE_LIBRARY_GROUP, None, group);
    container(Relation::Contains, IMAGE_LIBRARY, Some("1600"), vec![group])
}

/// The usual ones of CID 29.
fn modality(modality: &str) -> Option<Code> {
    let meaning = match modality {
        "CR" => "Computed Radiography",
        "CT" => "Computed Tomography",
        "DX" => "Digital Radiography",
        "MG" => "Mammography",
        "MR" => "Magnetic Resonance",
        "NM" => "Nuclear Medicine",
        "PT" => "Positron emission tomography",
        "RF" => "Radiofluoroscopy",
        "US" => "Ultrasound",
        "XA" => "X-Ray Angiography",
        _ => return None,
    };
    Some(code(("DCM", modality, meaning)))
}

/// TID 1501 with the finding as its category, TID 4019 for what said it, TID 300 for score and threshold.
fn measurement_group(context: &ResultContext<'_>, finding: &Finding) -> InMemDicomObject {
    let presence = if finding.positive() { PRESENT } else { ABSENT };
    let tracking_uid = derived_uid(&context.run.id, &format!("finding {}", finding.id));
    let mut children = vec![
        content::text(Relation::HasObservationContext, TRACKING_IDENTIFIER, &finding.id),
        uid_reference(Relation::HasObservationContext, TRACKING_UID, &tracking_uid),
        coded(Relation::Contains, FINDING, &finding.code),
    ];
    children.extend(algorithm(context));
    children.extend([
        image(Relation::Contains, Some(SOURCE_OF_MEASUREMENT), context.source_reference(), Vec::new()),
        number(Relation::Contains, SCORE, finding.score),
        number(Relation::Contains, THRESHOLD, finding.threshold),
        coded(Relation::Contains, PRESENCE, &code(presence)),
    ]);
    container(Relation::Contains, MEASUREMENT_GROUP, Some("1501"), children)
}

/// TID 4019. Without the optional family: readers take a code among the findings for one of them.
fn algorithm(context: &ResultContext<'_>) -> [InMemDicomObject; 4] {
    let relation = Relation::HasConceptModifier;
    let app = &context.manifest.app;
    [
        content::text(relation, ALGORITHM_NAME, &app.name),
        content::text(relation, ALGORITHM_VERSION, &app.release),
        content::text(relation, ALGORITHM_MANUFACTURER, &app.vendor),
        content::text(relation, ALGORITHM_PARAMETERS, &format!("model sha256:{}", context.manifest.model.sha256)),
    ]
}

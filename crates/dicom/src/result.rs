//! What every result has in common: where it comes from, its identifiers, its patient and study, its bytes.

use crate::object::{text, texts};
use crate::{Header, IMPLEMENTATION_VERSION_NAME, ResultError, part10_prefix};
use dicom_core::value::DataSetSequence;
use dicom_core::{DataElement, PrimitiveValue, Tag, VR};
use dicom_dictionary_std::{tags, uids};
use dicom_object::InMemDicomObject;
use dicom_object::mem::InMemElement;
use dicom_transfer_syntax_registry::entries::EXPLICIT_VR_LITTLE_ENDIAN;
use jiff::Timestamp;
use jiff::tz::{Offset, TimeZone};
use lightbox_domain::{Code, Manifest, Run, Uid};
use sha2::{Digest, Sha256};

/// The maker of every object that Lightbox writes.
pub const MANUFACTURER: &str = "Lightbox";

/// What a result is made from.
#[derive(Clone, Copy, Debug)]
pub struct ResultContext<'a> {
    /// The input of the run.
    pub source: &'a Header,
    /// The release's manifest.
    pub manifest: &'a Manifest,
    /// The run, with its findings.
    pub run: &'a Run,
    /// The release's digest, hexadecimal.
    pub digest: &'a str,
    /// The clearance that holds where the deployment is, in words; without one, nothing is for clinical use.
    pub clearance: Option<&'a str>,
    /// The language of the texts, RFC 5646, such as `en`.
    pub language: &'a str,
}

/// What tells one result of a run from the others.
pub(crate) struct Role {
    /// Names the UIDs; never change it, or results would be published twice.
    pub name: &'static str,
    /// `SOPClassUID`.
    pub sop_class_uid: &'static str,
    /// `Modality`.
    pub modality: &'static str,
    /// `SeriesNumber`.
    pub series_number: &'static str,
    /// The end of `SeriesDescription`.
    pub description: &'static str,
}

/// The SOP classes of all results that are written here.
#[must_use]
pub fn result_sop_classes() -> [&'static str; 3] {
    use crate::{capture::MAP_CAPTURE, report::REPORT, report::REPORT_BASIC};
    [REPORT, REPORT_BASIC, MAP_CAPTURE].map(|role| role.sop_class_uid)
}

/// PS3.3 Tables C.7-1, C.7-3 and C.7-4a: attributes of patient and study that a result shares with its source. Those
/// with `true` are of type 2 and stand without value where the source has none.
const SHARED: [(Tag, VR, bool); 21] = [
    (tags::STUDY_DATE, VR::DA, true),
    (tags::STUDY_TIME, VR::TM, true),
    (tags::ACCESSION_NUMBER, VR::SH, true),
    (tags::REFERRING_PHYSICIAN_NAME, VR::PN, true),
    (tags::STUDY_DESCRIPTION, VR::LO, false),
    (tags::ISSUER_OF_ACCESSION_NUMBER_SEQUENCE, VR::SQ, false),
    (tags::PATIENT_NAME, VR::PN, true),
    (tags::PATIENT_ID, VR::LO, true),
    (tags::ISSUER_OF_PATIENT_ID, VR::LO, false),
    (tags::ISSUER_OF_PATIENT_ID_QUALIFIERS_SEQUENCE, VR::SQ, false),
    (tags::PATIENT_BIRTH_DATE, VR::DA, true),
    (tags::PATIENT_SEX, VR::CS, true),
    (tags::OTHER_PATIENT_I_DS_SEQUENCE, VR::SQ, false),
    (tags::PATIENT_AGE, VR::AS, false),
    (tags::PATIENT_SIZE, VR::DS, false),
    (tags::PATIENT_WEIGHT, VR::DS, false),
    (tags::PATIENT_IDENTITY_REMOVED, VR::CS, false),
    (tags::DEIDENTIFICATION_METHOD, VR::LO, false),
    (tags::DEIDENTIFICATION_METHOD_CODE_SEQUENCE, VR::SQ, false),
    (tags::STUDY_INSTANCE_UID, VR::UI, true),
    (tags::STUDY_ID, VR::SH, true),
];

/// A UID that is the same for the same run and role, of the `2.25` arc (PS3.5 §B.2): a version 8 UUID of their SHA-256.
#[must_use]
pub fn derived_uid(run_id: &str, role: &str) -> Uid {
    let digest = Sha256::digest(format!("lightbox result\0{run_id}\0{role}"));
    let mut bytes = [0; 16];
    bytes.copy_from_slice(&digest[..16]);
    bytes[6] = 0x80 | bytes[6] & 0x0F;
    bytes[8] = 0x80 | bytes[8] & 0x3F;
    Uid::from_u128(u128::from_be_bytes(bytes))
}

impl ResultContext<'_> {
    /// A new object of the source's study, in a series of its own.
    pub(crate) fn start_object(&self, role: &Role) -> Result<InMemDicomObject, ResultError> {
        self.check()?;
        let time = self.time()?;
        let app = &self.manifest.app;
        let uid = |part: &str| derived_uid(&self.run.id, &format!("{}{part}", role.name)).to_string();
        let mut object = InMemDicomObject::from_element_iter([
            element(tags::SPECIFIC_CHARACTER_SET, VR::CS, "ISO_IR 192"),
            element(tags::INSTANCE_CREATION_DATE, VR::DA, &time.date),
            element(tags::INSTANCE_CREATION_TIME, VR::TM, &time.time),
            element(tags::INSTANCE_CREATOR_UID, VR::UI, crate::IMPLEMENTATION_CLASS_UID),
            element(tags::SOP_CLASS_UID, VR::UI, role.sop_class_uid),
            element(tags::SOP_INSTANCE_UID, VR::UI, &uid("")),
            element(tags::SERIES_DATE, VR::DA, &time.date),
            element(tags::SERIES_TIME, VR::TM, &time.time),
            element(tags::CONTENT_DATE, VR::DA, &time.date),
            element(tags::CONTENT_TIME, VR::TM, &time.time),
            element(tags::TIMEZONE_OFFSET_FROM_UTC, VR::SH, &time.offset),
            element(tags::MODALITY, VR::CS, role.modality),
            element(tags::MANUFACTURER, VR::LO, MANUFACTURER),
            element(tags::MANUFACTURER_MODEL_NAME, VR::LO, &long_string(&app.name)),
            element(tags::DEVICE_SERIAL_NUMBER, VR::LO, &long_string(self.digest)),
            element(tags::SERIES_DESCRIPTION, VR::LO, &long_string(&format!("{}: {}", app.name, role.description))),
            element(tags::SERIES_INSTANCE_UID, VR::UI, &uid("-series")),
            element(tags::SERIES_NUMBER, VR::IS, role.series_number),
            element(tags::INSTANCE_NUMBER, VR::IS, "1"),
        ]);
        let versions = [long_string(&format!("{} {}", app.id, app.release)), IMPLEMENTATION_VERSION_NAME.to_owned()];
        object.put(DataElement::new(
            tags::SOFTWARE_VERSIONS,
            VR::LO,
            PrimitiveValue::Strs(versions.into_iter().collect()),
        ));
        self.share_attributes(&mut object);
        Ok(object)
    }

    fn check(&self) -> Result<(), ResultError> {
        let incomplete = |what: &str| Err(ResultError::Incomplete(what.to_owned()));
        if self.run.findings.is_empty() {
            return incomplete("the run has no findings");
        }
        if self.source.text("SOPInstanceUID") != self.run.sop_instance_uid.as_str() {
            return incomplete("the source is not the run's input");
        }
        if self.source.text("StudyInstanceUID") != self.run.study_instance_uid.as_str() {
            return incomplete("the source is not of the run's study");
        }
        Ok(())
    }

    fn share_attributes(&self, object: &mut InMemDicomObject) {
        for (tag, vr, always) in SHARED {
            match self.source.object().get(tag) {
                Some(of_source) => {
                    object.put(of_source.clone());
                }
                None if always => {
                    object.put(DataElement::new(tag, vr, PrimitiveValue::Empty));
                }
                None => {}
            }
        }
    }

    /// The source, as results refer to it (PS3.3 Table 10-3).
    pub(crate) fn source_reference(&self) -> InMemDicomObject {
        let mut reference = InMemDicomObject::from_element_iter([
            element(tags::REFERENCED_SOP_CLASS_UID, VR::UI, &self.source.text("SOPClassUID")),
            element(tags::REFERENCED_SOP_INSTANCE_UID, VR::UI, &self.source.text("SOPInstanceUID")),
        ]);
        // Of a multi-frame image, apps read the first frame.
        if self.source.text("NumberOfFrames").parse().is_ok_and(|frames: u32| frames > 1) {
            reference.put(element(tags::REFERENCED_FRAME_NUMBER, VR::IS, "1"));
        }
        reference
    }

    /// What restricts the use of whatever the app says.
    pub(crate) fn restriction(&self) -> &'static str {
        if self.clearance.is_none() { "Not for clinical use" } else { "For use as cleared only" }
    }

    /// When the findings were stored. Where the source says its offset from UTC that is used, since one offset holds for
    /// all times of an object (PS3.3 §C.12.1).
    fn time(&self) -> Result<ResultTime, ResultError> {
        let inferred_ms =
            self.run.inferred_ms.ok_or_else(|| ResultError::Incomplete("the run has not inferred yet".to_owned()))?;
        let offset = parse_offset(&self.source.text("TimezoneOffsetFromUTC")).unwrap_or(Offset::UTC);
        let instant = Timestamp::from_millisecond(inferred_ms)
            .map_err(|error| ResultError::Incomplete(format!("the run's time is impossible: {error}")))?;
        let local = instant.to_zoned(TimeZone::fixed(offset));
        Ok(ResultTime {
            date: local.strftime("%Y%m%d").to_string(),
            time: local.strftime("%H%M%S.%3f").to_string(),
            offset: local.strftime("%z").to_string(),
        })
    }
}

struct ResultTime {
    date: String,
    time: String,
    offset: String,
}

/// `+HHMM` or `-HHMM`.
fn parse_offset(text: &str) -> Option<Offset> {
    let (sign, digits) = text.split_at_checked(1)?;
    let (hours, minutes) = digits.split_at_checked(2)?;
    let seconds = hours.parse::<i32>().ok()? * 3600 + minutes.parse::<i32>().ok()? * 60;
    Offset::from_seconds(if sign == "-" { -seconds } else { seconds }).ok()
}

/// An element of one text.
pub(crate) fn element(tag: Tag, vr: VR, text: &str) -> InMemElement {
    DataElement::new(tag, vr, PrimitiveValue::from(text))
}

/// An element without value.
pub(crate) fn empty(tag: Tag, vr: VR) -> InMemElement {
    if vr == VR::SQ { sequence(tag, Vec::new()) } else { DataElement::new(tag, vr, PrimitiveValue::Empty) }
}

/// An element of items.
pub(crate) fn sequence(tag: Tag, items: Vec<InMemDicomObject>) -> InMemElement {
    DataElement::new(tag, VR::SQ, DataSetSequence::from(items))
}

/// A code as an item (PS3.3 Table 8.8-1); values of more than 16 characters have an attribute of their own.
pub(crate) fn code_item(code: &Code) -> InMemDicomObject {
    let value = if code.value.chars().count() > 16 {
        element(tags::LONG_CODE_VALUE, VR::UC, &code.value)
    } else {
        element(tags::CODE_VALUE, VR::SH, &code.value)
    };
    InMemDicomObject::from_element_iter([
        value,
        element(tags::CODING_SCHEME_DESIGNATOR, VR::SH, &code.scheme),
        element(tags::CODE_MEANING, VR::LO, &long_string(&code.meaning)),
    ])
}

/// The codes of a sequence of the source that are complete.
pub(crate) fn complete_codes(object: &InMemDicomObject, tag: Tag) -> Vec<Code> {
    let items = crate::object::items(object, tag).iter();
    let codes = items.map(|item| Code {
        scheme: text(item, tags::CODING_SCHEME_DESIGNATOR),
        value: texts(item, tags::CODE_VALUE).into_iter().next().unwrap_or_else(|| text(item, tags::LONG_CODE_VALUE)),
        meaning: text(item, tags::CODE_MEANING),
    });
    codes.filter(|code| ![&code.scheme, &code.value, &code.meaning].iter().any(|part| part.is_empty())).collect()
}

/// A text that VR LO takes: 64 characters on one line without backslash (PS3.5 Table 6.2-1).
pub(crate) fn long_string(text: &str) -> String {
    let allowed = |c: char| if c == '\\' || c.is_control() { ' ' } else { c };
    let mut short: String = text.chars().map(allowed).take(64).collect();
    short.truncate(short.trim_end().len());
    short
}

/// The object as a Part 10 file in explicit VR little endian.
pub(crate) fn to_part10(object: &InMemDicomObject) -> Result<Vec<u8>, ResultError> {
    let encoding = |what: String| ResultError::Encoding(what);
    let uid = |tag| Uid::parse(&text(object, tag)).map_err(|error| encoding(format!("{tag}: {error}")));
    let syntax = Uid::parse(uids::EXPLICIT_VR_LITTLE_ENDIAN).map_err(|error| encoding(error.to_string()))?;
    let mut bytes = part10_prefix(&uid(tags::SOP_CLASS_UID)?, &uid(tags::SOP_INSTANCE_UID)?, &syntax, "");
    object
        .write_dataset_with_ts(&mut bytes, &EXPLICIT_VR_LITTLE_ENDIAN.erased())
        .map_err(|error| encoding(error.to_string()))?;
    Ok(bytes)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn derived_uids_are_stable_and_apart() {
        let uid = derived_uid("01J", "report");
        assert_eq!(uid, derived_uid("01J", "report"));
        assert_ne!(uid, derived_uid("01J", "report-series"));
        assert_ne!(uid, derived_uid("01K", "report"));
        assert!(uid.as_str().starts_with("2.25."));
    }

    #[test]
    fn offsets_are_read() {
        let seconds = |text| parse_offset(text).map(|offset| offset.seconds());
        assert_eq!(["+0100", "-0330", "", "abc", "+99"].map(seconds), [Some(3600), Some(-12600), None, None, None]);
    }

    #[test]
    fn long_strings_fit_their_representation() {
        assert_eq!(long_string("a\\b\nc"), "a b c");
        assert_eq!(long_string(&"é".repeat(70)).chars().count(), 64);
    }
}

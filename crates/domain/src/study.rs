//! Patient, study, series and instance as the index keeps them.

use crate::{Attribute, Uid};
use std::fmt;

/// Who a patient is: an identifier and the authority that issued it, never the identifier alone.
#[derive(Clone, PartialEq, Eq, PartialOrd, Ord, Hash, Default)]
pub struct PatientKey {
    /// `PatientID` (0010,0020); empty when the sender gave none.
    pub id: String,
    /// `IssuerOfPatientID` (0010,0021); empty when the sender gave none.
    pub issuer: String,
}

impl fmt::Debug for PatientKey {
    /// Identifying attributes never reach a log line.
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.write_str("PatientKey(…)")
    }
}

/// The patient as the study's first instance described them. Texts are as sent, decoded to UTF-8.
#[derive(Clone, PartialEq, Eq, Default)]
pub struct Patient {
    /// The patient's identity.
    pub key: PatientKey,
    /// `PatientName`, in its DICOM form `Family^Given^…`.
    pub name: String,
    /// `PatientBirthDate`, `YYYYMMDD`, or empty.
    pub birth_date: String,
    /// `PatientSex`, or empty.
    pub sex: String,
    /// `PatientAge`, such as `004Y`, or empty.
    pub age: String,
}

impl fmt::Debug for Patient {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.write_str("Patient(…)")
    }
}

/// What the index keeps of a study.
#[derive(Clone, Debug, PartialEq)]
pub struct StudyAttributes {
    /// `StudyInstanceUID`.
    pub study_instance_uid: Uid,
    /// The patient.
    pub patient: Patient,
    /// `AccessionNumber`, or empty.
    pub accession_number: String,
    /// `StudyDate`, `YYYYMMDD`, or empty.
    pub study_date: String,
    /// `StudyTime`, `HHMMSS.ffffff`, or empty.
    pub study_time: String,
    /// `StudyID`, or empty.
    pub study_id: String,
    /// `StudyDescription`, or empty.
    pub study_description: String,
    /// `ReferringPhysicianName`, or empty.
    pub referring_physician_name: String,
}

/// What the index keeps of a series.
#[derive(Clone, Debug, PartialEq)]
pub struct SeriesAttributes {
    /// `SeriesInstanceUID`.
    pub series_instance_uid: Uid,
    /// `Modality`, or empty.
    pub modality: String,
    /// `SeriesNumber`.
    pub series_number: Option<i64>,
    /// `SeriesDescription`, or empty.
    pub series_description: String,
    /// `BodyPartExamined`, or empty.
    pub body_part_examined: String,
}

/// What the index keeps of an instance.
#[derive(Clone, Debug, PartialEq)]
pub struct InstanceAttributes {
    /// `SOPInstanceUID`.
    pub sop_instance_uid: Uid,
    /// `SOPClassUID`.
    pub sop_class_uid: Uid,
    /// The syntax in which the instance is stored.
    pub transfer_syntax_uid: Uid,
    /// `InstanceNumber`.
    pub instance_number: Option<i64>,
    /// `Rows`, for images.
    pub rows: Option<i64>,
    /// `Columns`, for images.
    pub columns: Option<i64>,
    /// `NumberOfFrames`; 1 for a single-frame image, 0 when the object has no pixels.
    pub frames: i64,
}

/// An attribute with its value; several values are divided by backslashes.
pub type AttributeValue = (&'static Attribute, String);

/// One instance with the study and series that it names.
#[derive(Clone, PartialEq)]
pub struct IndexEntry {
    /// Its study.
    pub study: StudyAttributes,
    /// Its series.
    pub series: SeriesAttributes,
    /// Itself.
    pub instance: InstanceAttributes,
    /// All that can be searched by; what is absent has no value.
    pub values: Vec<AttributeValue>,
}

impl IndexEntry {
    /// The value of an attribute; empty when absent.
    #[must_use]
    pub fn text(&self, attribute: &Attribute) -> &str {
        self.values.iter().find(|(one, _)| one.tag == attribute.tag).map_or("", |(_, value)| value)
    }
}

impl fmt::Debug for IndexEntry {
    /// Values name people, so they are left out.
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self { study, series, instance, .. } = self;
        formatter
            .debug_struct("IndexEntry")
            .field("study", study)
            .field("series", series)
            .field("instance", instance)
            .finish_non_exhaustive()
    }
}

/// From where an instance came.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Source {
    /// A DICOM peer, by its calling AE title.
    Peer(String),
    /// A STOW-RS request of this account or token.
    Upload(String),
    /// `lightbox import`.
    Import,
    /// A result of this run.
    Run(String),
}

impl Source {
    /// As the event log names it: `peer:CT1`, `upload:admin`, `import`, `run:01J…`.
    #[must_use]
    pub fn label(&self) -> String {
        match self {
            Self::Peer(ae_title) => format!("peer:{ae_title}"),
            Self::Upload(account) => format!("upload:{account}"),
            Self::Import => "import".to_owned(),
            Self::Run(run_id) => format!("run:{run_id}"),
        }
    }

    /// The run that made the instance, if it is a result.
    #[must_use]
    pub fn run_id(&self) -> Option<&str> {
        match self {
            Self::Run(run_id) => Some(run_id),
            _ => None,
        }
    }
}

//! What can go wrong on the way.

use lightbox_dicom::InspectError;
use lightbox_domain::Uid;
use lightbox_inference::{InferenceError, ReleaseError};
use lightbox_store::StoreError;

/// Why an instance was not received. Nothing of it is kept.
#[derive(Debug, thiserror::Error)]
pub enum ReceiveError {
    /// The bytes are no DICOM instance that can be kept.
    #[error(transparent)]
    Refused(#[from] InspectError),
    /// More bytes than the site accepts.
    #[error("larger than {bytes_max} bytes, the limit `instance_bytes_max`")]
    TooLarge {
        /// The limit.
        bytes_max: u64,
    },
    /// The disk is nearly full.
    #[error(
        "the disk has {free_bytes} bytes free, less than the limit `disk_free_bytes_min`; make room, and send again"
    )]
    DiskLow {
        /// What is free.
        free_bytes: u64,
    },
    /// The archive is as large as the site lets it become.
    #[error("{bytes} bytes are stored, the limit is `archive_bytes_max`; make room, and send again")]
    ArchiveFull {
        /// What is stored.
        bytes: u64,
    },
    /// It belongs to another study than its sender said.
    #[error("instance {sop_instance_uid} belongs to another study than the one that was named")]
    OtherStudy {
        /// Its SOP class.
        sop_class_uid: Uid,
        /// Its SOP Instance UID.
        sop_instance_uid: Uid,
    },
    /// Another data set with its SOP Instance UID is stored, and its sender may not replace it.
    #[error("other data with the UID {sop_instance_uid} are stored, and stay")]
    Conflict {
        /// Its SOP class.
        sop_class_uid: Uid,
        /// Its SOP Instance UID.
        sop_instance_uid: Uid,
    },
    /// The sender broke off.
    #[error("the sender broke off: {0}")]
    Aborted(std::io::Error),
    /// The disk or the database refused.
    #[error("cannot store the instance: {0}")]
    Store(StoreError),
}

impl From<StoreError> for ReceiveError {
    fn from(error: StoreError) -> Self {
        match error {
            StoreError::TooLarge { bytes_max } => Self::TooLarge { bytes_max },
            other => Self::Store(other),
        }
    }
}

/// How a job ended when it did not succeed.
#[derive(Debug, thiserror::Error)]
pub enum JobError {
    /// It may succeed later.
    #[error("{0}")]
    Transient(String),
    /// It will not succeed until a person changes something.
    #[error("{0}")]
    Permanent(String),
}

impl From<StoreError> for JobError {
    fn from(error: StoreError) -> Self {
        match error {
            StoreError::Missing { .. } | StoreError::Row { .. } | StoreError::Transition { .. } => {
                Self::Permanent(error.to_string())
            }
            other => Self::Transient(other.to_string()),
        }
    }
}

impl From<InferenceError> for JobError {
    fn from(error: InferenceError) -> Self {
        match error.is_permanent() {
            true => Self::Permanent(error.to_string()),
            false => Self::Transient(error.to_string()),
        }
    }
}

impl From<ReceiveError> for JobError {
    fn from(error: ReceiveError) -> Self {
        match error {
            ReceiveError::Refused(_)
            | ReceiveError::TooLarge { .. }
            | ReceiveError::OtherStudy { .. }
            | ReceiveError::Conflict { .. } => Self::Permanent(error.to_string()),
            ReceiveError::DiskLow { .. }
            | ReceiveError::ArchiveFull { .. }
            | ReceiveError::Aborted(_)
            | ReceiveError::Store(_) => Self::Transient(error.to_string()),
        }
    }
}

/// Why what a person ordered is not done.
#[derive(Debug, thiserror::Error)]
pub enum PipelineError {
    /// The folder is no release.
    #[error(transparent)]
    Release(#[from] ReleaseError),
    /// What is asked for does not fit what is there.
    #[error("{0}")]
    Refused(String),
    /// The disk or the database refused, or what is named does not exist.
    #[error(transparent)]
    Store(#[from] StoreError),
    /// A file of the release cannot be copied.
    #[error("cannot copy the release into the data folder: {0}")]
    Copy(std::io::Error),
}

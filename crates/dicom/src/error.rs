//! What can be wrong with an object. No message repeats patient data.

/// Why a file cannot be read as a DICOM object.
#[derive(Debug, thiserror::Error)]
pub enum InspectError {
    /// Neither a preamble with `DICM` nor a file meta group.
    #[error("not a DICOM file: send DICOM Part 10 files")]
    NotDicom,
    /// The file ends before the object does.
    #[error("the object is cut short: send it again")]
    Truncated,
    /// An identifying attribute is absent or empty.
    #[error("{0} is missing: the object cannot be filed without it")]
    MissingUid(&'static str),
    /// An identifying attribute is not a UID.
    #[error("{keyword} is not a UID ({why}): correct it at the sender")]
    BadUid {
        /// Keyword of the attribute.
        keyword: &'static str,
        /// What is wrong with its value.
        why: lightbox_domain::UidError,
    },
    /// A deflated data set inflates beyond the limit.
    #[error("the deflated data set is larger than {limit_bytes} bytes: raise inflated_bytes_max if it is meant to be")]
    TooLarge {
        /// `Limits::inflated_bytes_max`.
        limit_bytes: u64,
    },
    /// The bytes contradict themselves.
    #[error("the object is malformed: {0}")]
    Malformed(String),
    /// The transfer syntax is in no registry, so the bytes cannot be interpreted.
    #[error("the transfer syntax {0} is not known: send the object in a standard one")]
    UnknownTransferSyntax(String),
    /// A correction lies over the object that it cannot carry.
    #[error("the object cannot be given as it was corrected: {0}")]
    Uncorrectable(String),
    /// The file system failed.
    #[error("cannot read the file: {0}")]
    Io(#[from] std::io::Error),
}

/// Why an image cannot be shown, or a frame not given.
#[derive(Debug, thiserror::Error)]
pub enum PixelError {
    /// The object has no pixel data.
    #[error("the object has no image")]
    NoPixels,
    /// The frame does not exist.
    #[error("the object has {frames} frame(s); ask for one of these")]
    NoSuchFrame {
        /// How many it has.
        frames: u32,
    },
    /// More pixels than allowed.
    #[error("the image has {pixels} pixels, more than the {limit} of image_pixels_max")]
    TooLarge {
        /// Rows × columns.
        pixels: u64,
        /// `Limits::image_pixels_max`.
        limit: u64,
    },
    /// Right by the standard, but not something this release decodes.
    #[error("this image cannot be decoded here: {0}")]
    Unsupported(String),
    /// The pixel data contradict the header, or their encoding is corrupt.
    #[error("the image is malformed: {0}")]
    Malformed(String),
    /// The object itself cannot be read.
    #[error(transparent)]
    Object(#[from] InspectError),
}

/// Why an object cannot be given in another transfer syntax.
#[derive(Debug, thiserror::Error)]
pub enum TranscodeError {
    /// It has no form in that syntax, or this release cannot make it; another syntax may do.
    #[error("the object cannot be given in this transfer syntax: {0}")]
    Unsupported(String),
    /// Its pixels cannot be read.
    #[error(transparent)]
    Pixels(PixelError),
    /// It cannot be read at all.
    #[error(transparent)]
    Object(#[from] InspectError),
    /// The receiver takes no more.
    #[error("cannot write the object: {0}")]
    Write(#[from] std::io::Error),
}

/// Why an object cannot be de-identified.
#[derive(Debug, thiserror::Error)]
pub enum DeidentifyError {
    /// The policy contradicts itself.
    #[error("the de-identification policy is not valid: {0}")]
    Policy(&'static str),
    /// The pixels may say who the patient is.
    #[error("the object is not de-identified: {0}; look at it, then accept burned-in annotation in the policy")]
    BurnedIn(&'static str),
    /// It was de-identified before it came here.
    #[error("the object is de-identified already")]
    Already,
    /// It cannot be read whole.
    #[error(transparent)]
    Object(#[from] InspectError),
}

/// Why a result cannot be written.
#[derive(Debug, thiserror::Error)]
pub enum ResultError {
    /// The source or the run lacks what a result must say.
    #[error("the result cannot be written: {0}")]
    Incomplete(String),
    /// The object could not be encoded.
    #[error("cannot encode the result: {0}")]
    Encoding(String),
}

/// Why an object of ours may not leave: each reason says which attribute and what is wrong.
#[derive(Debug, thiserror::Error)]
#[error("the result does not conform: {}", .0.join("; "))]
pub struct GateError(pub Vec<String>);

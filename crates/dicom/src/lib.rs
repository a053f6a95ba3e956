//! DICOM bytes to and from the domain: attributes, pixels, DICOM JSON, results, the gate. No sockets; the only files are
//! those whose path a caller passes in.
//!
//! A file is read by one walker over its elements (`walk`) that seeks past what nobody asked for, so that headers of
//! large files cost little and a lying length field costs nothing. dicom-rs gives the dictionary, the in-memory object,
//! the writer and the image codecs.

pub mod capture;
pub mod compare;
pub mod data_set;
pub mod data_set_json;
mod dataset_json;
pub mod deidentify;
pub mod display;
pub mod error;
pub mod file;
pub mod file_set;
pub mod frames;
pub mod gate;
pub mod header;
pub mod inspect;
pub mod json;
pub mod overlay;
pub mod part10;
pub mod pixels;
pub mod plane;
pub mod rejection;
pub mod report;
pub mod result;
pub mod syntax;
pub mod transcode;
pub mod workitem;

mod canvas;
mod codestream;
mod colour;
mod content;
mod decode;
mod differences;
mod encode;
mod jpeg_xl;
mod lut;
mod object;
mod rle;
mod source;
mod text;
mod walk;

pub use capture::write_capture;
pub use compare::same_data_set;
pub use data_set::DataSet;
pub use data_set_json::JsonError;
pub use dataset_json::DatasetJson;
pub use deidentify::{Deidentified, deidentify};
pub use differences::{Difference, differences};
pub use display::display_image;
pub use error::{DeidentifyError, GateError, InspectError, PixelError, ResultError, TranscodeError};
pub use file::{ObjectFile, ObjectReader};
pub use file_set::FileSet;
pub use frames::{native_frame, stored_frame};
pub use gate::check_result;
pub use header::Header;
pub use inspect::inspect;
pub use overlay::ObjectCorrection;
pub use part10::{DatasetHasher, Hashed, IMPLEMENTATION_CLASS_UID, IMPLEMENTATION_VERSION_NAME, part10_prefix};
pub use pixels::{DisplayImage, GreyImage, RgbImage, StoredFrame, Window, encode_jpeg, encode_png, shrink};
pub use plane::{Plane, PlanePlace, PlaneValues, plane_place, read_plane};
pub use rejection::{RejectionNote, read_rejection_note};
pub use report::{write_report, write_report_basic};
pub use result::{MANUFACTURER, ResultContext, derived_uid, result_sop_classes};
pub use syntax::{TransferSyntax, can_transcode, offers, transfer_syntax, transfer_syntaxes};
pub use text::CHARACTER_SETS;
pub use transcode::{Transcoded, transcode};

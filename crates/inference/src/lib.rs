//! Runs a release on prepared input. The only crate that loads models.
//!
//! A [`Release`] is a folder whose digest is checked. [`Runners`] turns it into an [`OnnxRunner`], once, with ONNX
//! Runtime's [`Library`], which is loaded at first use: a server without model or library starts and serves all the
//! same. The runner [prepares](prepare::prepare) an image as the manifest says and answers with findings; [`explain`]
//! asks it again and again with a part of the image hidden, and answers with a map.
//!
//! Nothing here is async: a caller gives each run a thread on which it may block.

mod error;
mod library;
mod occlusion;
mod onnx;
pub mod prepare;
mod release;
mod resize;
mod runners;

pub use error::InferenceError;
pub use library::Library;
pub use occlusion::explain;
pub use onnx::{OnnxRunner, Outcome};
pub use release::{Release, ReleaseError};
pub use runners::Runners;

//! Runs a release on an image. The only crate that loads models.
//!
//! A [`Release`] is a folder whose digest is checked. [`Runners`] turns it into a [`Runner`], once, with ONNX Runtime's
//! [`Library`], which is loaded at first use: a server without model or library starts and serves all the same. The runner
//! takes the [image](RunImage) through the manifest's steps to the model's [tensors](tensor::prepare), and reads findings
//! from what the model answers; [`explain`] asks it again and again with a part of the image hidden, and answers with a map.
//!
//! Nothing here is async: a caller gives each run a thread on which it may block.

mod answer;
mod error;
mod grid;
mod interface;
mod library;
mod occlusion;
mod onnx;
mod release;
mod resize;
mod runner;
mod runners;
mod step;
pub mod tensor;

pub use error::InferenceError;
pub use grid::{Grid, RunImage};
pub use interface::{ModelInterface, ModelPort};
pub use library::Library;
pub use occlusion::explain;
pub use release::{Release, ReleaseError};
pub use runner::{Outcome, Runner};
pub use runners::Runners;

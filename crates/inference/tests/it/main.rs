//! Releases and models as they are met at work: with the real app and ONNX Runtime, which `cargo xtask setup` fetches,
//! and with small models made here of a handful of operators.

// The lint spares `#[test]` functions only, not what they call.
#![allow(clippy::unwrap_used, clippy::panic)]

mod films;
mod library;
mod map;
mod model;
mod onnx_file;
mod release;
mod runners;
mod setting;
mod tensor;

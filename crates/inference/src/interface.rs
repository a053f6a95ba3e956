//! What a model file says of its own inputs and outputs, for those who write a manifest for it.

use crate::onnx::open_session;
use crate::{InferenceError, Library};
use ort::value::Outlet;
use std::fs;
use std::path::Path;

/// A model's inputs and outputs.
#[derive(Clone, Debug, PartialEq)]
pub struct ModelInterface {
    /// The inputs, in the model's order.
    pub inputs: Vec<ModelPort>,
    /// The outputs, in the model's order.
    pub outputs: Vec<ModelPort>,
}

/// An input or an output of a model.
#[derive(Clone, Debug, PartialEq)]
pub struct ModelPort {
    /// Its name.
    pub name: String,
    /// Its type as ONNX Runtime names it, such as `f32`.
    pub element: String,
    /// Its sides, outermost first; `None` where any size will do.
    pub shape: Vec<Option<u32>>,
}

impl ModelInterface {
    /// Reads an ONNX file.
    ///
    /// # Errors
    /// [`InferenceError::ModelInvalid`] when it cannot be read, or ONNX Runtime does not take it.
    pub fn read(library: &Library, model: &Path) -> Result<Self, InferenceError> {
        let invalid = |reason: String| InferenceError::ModelInvalid { release: model.display().to_string(), reason };
        let bytes = fs::read(model).map_err(|error| invalid(error.to_string()))?;
        let session = open_session(library, &bytes, 1).map_err(|error| invalid(error.message().to_owned()))?;
        let ports = |outlets: &[Outlet]| outlets.iter().map(port).collect();
        Ok(Self { inputs: ports(session.inputs()), outputs: ports(session.outputs()) })
    }
}

fn port(outlet: &Outlet) -> ModelPort {
    let element = outlet.dtype().tensor_type().map_or_else(|| "no tensor".to_owned(), |element| element.to_string());
    let shape = outlet.dtype().tensor_shape().map(|shape| shape.iter().map(|side| u32::try_from(*side).ok()).collect());
    ModelPort { name: outlet.name().to_owned(), element, shape: shape.unwrap_or_default() }
}

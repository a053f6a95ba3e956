//! Runs a model with ONNX Runtime, in process, on the CPU.
//!
//! One input at a time: on two cores, 16 images in one batch took as long as 16 runs and 180 MB more memory.

use crate::tensor::Tensor;
use crate::{InferenceError, Library, Release};
use lightbox_domain::{ElementType, FindingRule, TensorSection};
use ndarray::ArrayD;
use ort::session::{RunOptions, Session, SessionInputValue};
use ort::value::{Outlet, TensorElementType, TensorRef, Value};
use parking_lot::Mutex;
use std::collections::HashMap;
use std::io;
use std::sync::mpsc::{RecvTimeoutError, channel};
use std::thread;
use std::time::{Duration, Instant};

/// A release's model, loaded and checked against its manifest. Shared between threads; they take turns.
#[derive(Debug)]
pub(crate) struct OnnxModel {
    // Hands over to whoever waits longest, so that a map's hundred passes do not keep a finding waiting.
    session: Mutex<Session>,
    /// The outputs that findings are read from.
    outputs: Vec<String>,
}

/// What one pass of a model answers.
pub(crate) struct Answer {
    /// The values of each output that findings are read from.
    pub(crate) outputs: HashMap<String, ArrayD<f32>>,
    /// How long the model itself took.
    pub(crate) model_time: Duration,
}

/// Why a pass has no answer.
pub(crate) enum PassError {
    /// It was stopped.
    Timeout,
    /// It failed; in ONNX Runtime's own words.
    Failed(String),
}

impl OnnxModel {
    /// Loads a release's model. `threads` work on one pass, at least 1.
    pub(crate) fn load(library: &Library, release: &Release, threads: usize) -> Result<Self, InferenceError> {
        // From memory: what was checked is what runs, and ONNX Runtime refuses a model that wants further files.
        let bytes = release.read_model()?;
        let invalid = |reason| InferenceError::ModelInvalid { release: release.name(), reason };
        let session = open_session(library, &bytes, threads).map_err(|error| invalid(in_one_line(error.message())))?;
        let manifest = &release.manifest;
        check_inputs(session.inputs(), &manifest.tensors).map_err(invalid)?;
        manifest.findings.iter().try_for_each(|rule| check_output(session.outputs(), rule)).map_err(invalid)?;
        let mut outputs: Vec<String> = manifest.findings.iter().map(|rule| rule.output.clone()).collect();
        outputs.sort_unstable();
        outputs.dedup();
        Ok(Self { session: Mutex::new(session), outputs })
    }

    /// One pass over the inputs. It is stopped after `time_left`, between two of its operators: a single operator that
    /// does not end is not stopped.
    pub(crate) fn infer(&self, tensors: &[Tensor], time_left: Duration) -> Result<Answer, PassError> {
        let of_ort = |error: ort::Error| PassError::Failed(in_one_line(error.message()));
        let inputs = tensors.iter().map(input_of).collect::<ort::Result<Vec<_>>>().map_err(of_ort)?;
        let options = RunOptions::new().map_err(of_ort)?;
        let mut session = self.session.lock();
        let begin = Instant::now();
        let result = stopped_after(time_left, &options, || session.run_with_options(inputs, &options))
            .map_err(|error| PassError::Failed(format!("no thread to watch its time: {error}")))?;
        let model_time = begin.elapsed();
        if model_time > time_left {
            return Err(PassError::Timeout);
        }
        let answered = result.map_err(of_ort)?;
        let mut outputs = HashMap::new();
        for name in &self.outputs {
            let values =
                answered.get(name).map(|output| output.try_extract_array::<f32>()).transpose().map_err(of_ort)?;
            outputs.extend(values.map(|values| (name.clone(), values.into_owned())));
        }
        Ok(Answer { outputs, model_time })
    }
}

fn input_of(tensor: &Tensor) -> ort::Result<(&str, SessionInputValue<'_>)> {
    let value = match tensor.element {
        ElementType::Float32 => TensorRef::from_array_view(tensor.values.view())?.into(),
        ElementType::Uint8 => Value::from_array(tensor.values.mapv(|value| value.round() as u8))?.into(),
    };
    Ok((&tensor.name, value))
}

pub(crate) fn open_session(library: &Library, model: &[u8], threads: usize) -> ort::Result<Session> {
    Session::builder(&library.environment)?
        .with_intra_threads(threads.max(1))?
        // Idle threads sleep: spinning made runs slower on two busy cores, and takes them from everything else.
        .with_config_entry("session.intra_op.allow_spinning", "0")?
        .commit_from_memory(model)
}

/// Runs `work` and, should it take longer than `limit`, tells ONNX Runtime to give up.
fn stopped_after<T>(limit: Duration, options: &RunOptions, work: impl FnOnce() -> T) -> io::Result<T> {
    thread::scope(|scope| {
        let (finished, wait) = channel::<()>();
        thread::Builder::new().name("model-timer".to_owned()).spawn_scoped(scope, move || {
            if wait.recv_timeout(limit) == Err(RecvTimeoutError::Timeout)
                && let Err(error) = options.terminate()
            {
                tracing::warn!(%error, "cannot stop a model");
            }
        })?;
        let result = work();
        drop(finished);
        Ok(result)
    })
}

fn check_inputs(inputs: &[Outlet], sections: &[TensorSection]) -> Result<(), String> {
    for section in sections {
        let Some(input) = inputs.iter().find(|input| input.name() == section.name) else {
            return Err(format!("it has no input {}, only {}", section.name, names(inputs)));
        };
        check_input(input, section)?;
    }
    match inputs.iter().find(|input| !sections.iter().any(|section| section.name == input.name())) {
        Some(input) => Err(format!("it wants the inputs {}, and no [[tensor]] is {}", names(inputs), input.name())),
        None => Ok(()),
    }
}

fn check_input(input: &Outlet, section: &TensorSection) -> Result<(), String> {
    let (element, word) = match section.element {
        ElementType::Float32 => (TensorElementType::Float32, "f32"),
        ElementType::Uint8 => (TensorElementType::Uint8, "u8"),
    };
    let wanted = wanted_shape(section);
    let fits = |(has, wanted): (&i64, &Option<i64>)| *has == -1 || wanted.is_none_or(|wanted| *has == wanted);
    let shape = input.dtype().tensor_shape().map(|shape| &**shape).unwrap_or_default();
    let matches = shape.len() == wanted.len() && shape.iter().zip(&wanted).all(fits);
    if input.dtype().tensor_type() == Some(element) && matches {
        return Ok(());
    }
    let said = |side: &Option<i64>| side.map_or_else(|| "any".to_owned(), |side| side.to_string());
    let sides: Vec<String> = wanted.iter().map(said).collect();
    Err(format!(
        "its input {} is {}, and the manifest's is Tensor<{word}>({}), {}",
        section.name,
        input.dtype(),
        sides.join(", "),
        section.layout
    ))
}

/// The sides of a tensor, in the order of its layout; `None` where they depend on the image.
fn wanted_shape(section: &TensorSection) -> Vec<Option<i64>> {
    let size = section.size();
    // From the innermost axis: columns, rows, slices.
    let side = |from_last: usize| {
        let size = size?;
        let place = size.len().checked_sub(from_last)?;
        size.get(place).map(|side| i64::from(*side))
    };
    let of_axis = |axis| match axis {
        'N' => Some(1),
        'C' => Some(i64::from(section.channels)),
        'D' => side(3),
        'H' => side(2),
        _ => side(1),
    };
    section.layout.axes().map(of_axis).collect()
}

fn check_output(outputs: &[Outlet], rule: &FindingRule) -> Result<(), String> {
    let FindingRule { id, output: name, index, .. } = rule;
    let Some(output) = outputs.iter().find(|output| output.name() == name) else {
        return Err(format!("finding {id}: it has no output {name}, only {}", names(outputs)));
    };
    if output.dtype().tensor_type() != Some(TensorElementType::Float32) {
        return Err(format!("finding {id}: its output {name} is {}, and a score is f32", output.dtype()));
    }
    // Of one image; a dimension that is only known when it runs is checked then.
    let shape = output.dtype().tensor_shape().map(|shape| &**shape).unwrap_or_default();
    let (batch, rest) = shape.split_first().map_or((1, shape), |(batch, rest)| (*batch, rest));
    let known = rest.iter().all(|size| *size >= 0);
    let values = rest.iter().product::<i64>() * batch.abs();
    if known && i64::try_from(*index).is_ok_and(|index| index >= values) {
        return Err(format!("finding {id}: index {index} is beyond output {name}, which has {values} values"));
    }
    Ok(())
}

fn names(outlets: &[Outlet]) -> String {
    outlets.iter().map(Outlet::name).collect::<Vec<_>>().join(", ")
}

fn in_one_line(message: &str) -> String {
    message.split_whitespace().collect::<Vec<_>>().join(" ")
}

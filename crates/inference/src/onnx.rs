//! Runs a model with ONNX Runtime, in process, on the CPU.
//!
//! One image at a time: on two cores, 16 images in one batch took as long as 16 runs and 180 MB more memory.

use crate::prepare::{Tensor, prepare};
use crate::{InferenceError, Library, Release};
use lightbox_dicom::GreyImage;
use lightbox_domain::{Finding, FindingRule, Layout, Manifest, TensorSection};
use ort::session::{RunOptions, Session, SessionOutputs};
use ort::value::{Outlet, TensorElementType, TensorRef};
use parking_lot::Mutex;
use std::io;
use std::sync::mpsc::{RecvTimeoutError, channel};
use std::thread;
use std::time::{Duration, Instant};

/// A release's model, loaded and checked against its manifest. Shared between threads; they take turns.
#[derive(Debug)]
pub struct OnnxRunner {
    manifest: Manifest,
    release: String,
    // Hands over to whoever waits longest, so that a map's hundred passes do not keep a finding waiting.
    session: Mutex<Session>,
}

/// What a run says.
#[derive(Clone, Debug, PartialEq)]
pub struct Outcome {
    /// One for each of the manifest's, in its order and with its thresholds.
    pub findings: Vec<Finding>,
    /// How long the model itself took, without preparation and waiting.
    pub model_time: Duration,
}

/// What one pass of the model says.
pub(crate) struct Pass {
    /// One for each finding of the manifest, in its order.
    pub(crate) scores: Vec<f64>,
    pub(crate) model_time: Duration,
}

impl OnnxRunner {
    /// Loads a release's model. `threads` work on one run, at least 1.
    ///
    /// # Errors
    /// [`InferenceError::ReleaseInvalid`] if the model is not the pinned one, [`InferenceError::ModelInvalid`] if it
    /// cannot be loaded, or if its input and outputs are not those of the manifest.
    pub fn load(library: &Library, release: &Release, threads: usize) -> Result<Self, InferenceError> {
        // From memory: what was checked is what runs, and ONNX Runtime refuses a model that wants further files.
        let bytes = release.read_model()?;
        let invalid = |reason| InferenceError::ModelInvalid { release: release.name(), reason };
        let session = open_session(library, &bytes, threads).map_err(|error| invalid(in_one_line(error.message())))?;
        check_input(session.inputs(), &release.manifest.model.input).map_err(invalid)?;
        for rule in &release.manifest.findings {
            check_output(session.outputs(), rule).map_err(invalid)?;
        }
        Ok(Self { manifest: release.manifest.clone(), release: release.name(), session: Mutex::new(session) })
    }

    /// What the release says of an image.
    ///
    /// # Errors
    /// [`InferenceError::ImageInvalid`], [`InferenceError::AnswerInvalid`] if a score is not from 0 to 1,
    /// [`InferenceError::Timeout`] after the manifest's `seconds_max`, [`InferenceError::Failed`].
    pub fn run(&self, image: &GreyImage) -> Result<Outcome, InferenceError> {
        let tensor = prepare(image, &self.manifest.model.input)?;
        let Pass { scores, model_time } = self.pass(&tensor, self.time_max())?;
        let finding = |(rule, score): (&FindingRule, f64)| Finding {
            id: rule.id.clone(),
            code: rule.code.clone(),
            score,
            threshold: rule.threshold,
        };
        let findings = self.manifest.findings.iter().zip(scores).map(finding).collect();
        Ok(Outcome { findings, model_time })
    }

    /// The manifest by which the model runs.
    #[must_use]
    pub fn manifest(&self) -> &Manifest {
        &self.manifest
    }

    /// The longest that a run, or all of a map, may take.
    pub(crate) fn time_max(&self) -> Duration {
        Duration::from_secs(self.manifest.model.seconds_max)
    }

    /// One pass of the model over a tensor of one image. It is stopped after `time_left`, between two of its operators:
    /// a single operator that does not end is not stopped.
    pub(crate) fn pass(&self, tensor: &Tensor, time_left: Duration) -> Result<Pass, InferenceError> {
        let failed = |reason| InferenceError::Failed { release: self.release.clone(), reason };
        let of_ort = |error: ort::Error| failed(in_one_line(error.message()));
        let input = TensorRef::from_array_view(tensor.view()).map_err(of_ort)?;
        let options = RunOptions::new().map_err(of_ort)?;
        let mut session = self.session.lock();
        let begin = Instant::now();
        let result = stopped_after(time_left, &options, || session.run_with_options(ort::inputs![input], &options))
            .map_err(|error| failed(format!("no thread to watch its time: {error}")))?;
        let model_time = begin.elapsed();
        if model_time > time_left {
            return Err(self.timeout());
        }
        let outputs = result.map_err(of_ort)?;
        let scores = self.manifest.findings.iter().map(|rule| self.score(&outputs, rule)).collect::<Result<_, _>>()?;
        Ok(Pass { scores, model_time })
    }

    pub(crate) fn timeout(&self) -> InferenceError {
        InferenceError::Timeout { release: self.release.clone(), seconds: self.manifest.model.seconds_max }
    }

    pub(crate) fn invalid(&self, reason: String) -> InferenceError {
        InferenceError::ModelInvalid { release: self.release.clone(), reason }
    }

    fn score(&self, outputs: &SessionOutputs, rule: &FindingRule) -> Result<f64, InferenceError> {
        let values = outputs.get(&rule.output).and_then(|output| output.try_extract_tensor::<f32>().ok());
        let score = values.and_then(|(_, values)| values.get(rule.index)).copied().map(f64::from);
        match score {
            Some(score) if (0.0..=1.0).contains(&score) => Ok(score),
            Some(score) => {
                Err(InferenceError::AnswerInvalid { release: self.release.clone(), finding: rule.id.clone(), score })
            }
            None => {
                Err(self.invalid(format!("finding {}: output {} has no value {}", rule.id, rule.output, rule.index)))
            }
        }
    }
}

fn open_session(library: &Library, model: &[u8], threads: usize) -> ort::Result<Session> {
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

fn check_input(inputs: &[Outlet], section: &TensorSection) -> Result<(), String> {
    let [input] = inputs else {
        return Err(format!("it wants the inputs {}, and the manifest describes one", names(inputs)));
    };
    let TensorSection { name, rows, columns, channels, .. } = section;
    if input.name() != name {
        return Err(format!("it has no input {name}, only {}", names(inputs)));
    }
    let (layout, wanted) = match section.layout {
        Layout::Nhwc => ("NHWC", [1, *rows, *columns, *channels]),
        Layout::Nchw => ("NCHW", [1, *channels, *rows, *columns]),
    };
    let fits = |(has, wanted): (&i64, &u32)| *has == -1 || *has == i64::from(*wanted);
    let shape = input.dtype().tensor_shape().map(|shape| &**shape).unwrap_or_default();
    let matches = shape.len() == wanted.len() && shape.iter().zip(&wanted).all(fits);
    if input.dtype().tensor_type() != Some(TensorElementType::Float32) || !matches {
        let [n, one, two, three] = wanted;
        return Err(format!(
            "its input {name} is {}, and the manifest's is Tensor<f32>({n}, {one}, {two}, {three}), {layout}",
            input.dtype()
        ));
    }
    Ok(())
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

//! `lightbox app new`: begins a release's folder from an ONNX file.
//!
//! What the model tells (names, sizes, layout, how many values it answers) is filled in; what only its maker knows is marked
//! with TODO in the files that are made: `lightbox app test` works before that is complete, `lightbox app pack` does not.

use crate::output::Output;
use anyhow::{Context, bail, ensure};
use clap::{Args, ValueEnum};
use lightbox_domain::Manifest;
use lightbox_inference::{Library, ModelInterface, ModelPort};
use sha2::{Digest, Sha256};
use std::fmt::Write;
use std::fs;
use std::path::{Path, PathBuf};
use std::process::ExitCode;

/// The mark of what is to be completed.
pub const TO_COMPLETE: &str = "TODO";

/// Rows and columns where the model takes any size.
const SIDE_DEFAULT: u32 = 224;

/// More findings than these are left to the packager.
const FINDINGS_MAX: u32 = 32;

/// Begin a release's folder from an ONNX file.
#[derive(Args)]
pub struct New {
    /// Identifier of the app: lower-case letters, digits and dashes
    id: String,
    /// The model
    #[arg(long)]
    model: PathBuf,
    /// What the app does
    #[arg(long, value_enum, default_value = "classify")]
    task: Template,
    /// Where the folder is made; `./ID` if not said
    #[arg(long)]
    to: Option<PathBuf>,
    /// ONNX Runtime's library; else it is looked for
    #[arg(long, env = "ORT_DYLIB_PATH")]
    onnxruntime: Option<PathBuf>,
}

/// For which tasks there is a template.
#[derive(Clone, Copy, PartialEq, Eq, ValueEnum)]
enum Template {
    /// Says whether something is present.
    Classify,
    /// Looks at the image itself.
    CheckQuality,
}

impl New {
    /// Does it.
    pub fn execute(self, output: &Output) -> anyhow::Result<ExitCode> {
        let folder = self.to.clone().unwrap_or_else(|| PathBuf::from(&self.id));
        if folder.exists() {
            bail!("{} exists; name another folder with --to", folder.display());
        }
        let library = Library::open(self.onnxruntime.as_deref())?;
        let interface = ModelInterface::read(&library, &self.model)?;
        let model = fs::read(&self.model).with_context(|| format!("cannot read {}", self.model.display()))?;
        let sha256: String = Sha256::digest(&model).iter().map(|byte| format!("{byte:02x}")).collect();
        let manifest = manifest(&self.id, self.task, &interface, &sha256)?;
        Manifest::parse(&manifest).with_context(|| format!("cannot begin app {}", self.id))?;
        write_folder(&folder, &self.id, &manifest, &model)?;
        let json = serde_json::json!({ "ok": true, "folder": folder, "app_id": self.id });
        output.print(&json, || {
            let place = folder.display();
            format!(
                "began {id} in {place}\n  1. complete the lines marked TODO in {place}/app.toml and {place}/MODEL_CARD.md\n  \
                 2. put an image and what the model says of it into {place}/golden\n  3. lightbox app test {place}",
                id = self.id
            )
        });
        Ok(ExitCode::SUCCESS)
    }
}

fn write_folder(folder: &Path, id: &str, manifest: &str, model: &[u8]) -> anyhow::Result<()> {
    let golden = folder.join("golden");
    fs::create_dir_all(&golden).with_context(|| format!("cannot make {}", golden.display()))?;
    let card = include_str!("template/MODEL_CARD.md").replace("{id}", id);
    let files: [(&str, &[u8]); 4] = [
        ("app.toml", manifest.as_bytes()),
        ("model.onnx", model),
        ("MODEL_CARD.md", card.as_bytes()),
        ("golden/README.md", include_bytes!("template/golden.md")),
    ];
    for (name, bytes) in files {
        fs::write(folder.join(name), bytes).with_context(|| format!("cannot write {}", folder.join(name).display()))?;
    }
    Ok(())
}

fn manifest(id: &str, task: Template, interface: &ModelInterface, sha256: &str) -> anyhow::Result<String> {
    ensure!(!interface.inputs.is_empty(), "the model has no input");
    let task = match task {
        Template::Classify => "classify",
        Template::CheckQuality => "check_quality",
    };
    let mut text =
        include_str!("template/app.toml").replace("{id}", id).replace("{task}", task).replace("{sha256}", sha256);
    for input in &interface.inputs {
        tensor(&mut text, input)?;
    }
    for output in &interface.outputs {
        findings(&mut text, output);
    }
    Ok(text)
}

/// What a shape says of the order of its axes.
fn layout(shape: &[Option<u32>]) -> Option<&'static str> {
    let is_channels = |place: usize| matches!(shape.get(place), Some(Some(1 | 3)));
    match shape.len() {
        2 => Some("HW"),
        3 if is_channels(0) => Some("CHW"),
        3 => Some("HWC"),
        4 if is_channels(1) => Some("NCHW"),
        4 => Some("NHWC"),
        5 if is_channels(1) => Some("NCDHW"),
        5 => Some("NDHWC"),
        _ => None,
    }
}

fn tensor(text: &mut String, input: &ModelPort) -> anyhow::Result<()> {
    let ModelPort { name, element, shape } = input;
    let Some(layout) = layout(shape) else {
        bail!("input {name} has {} axes; an image has 2 to 5", shape.len());
    };
    let side = |axis: char| layout.find(axis).and_then(|place| shape[place]);
    let channels = side('C').unwrap_or(1);
    let (rows, columns) = (side('H').unwrap_or(SIDE_DEFAULT), side('W').unwrap_or(SIDE_DEFAULT));
    let size = match layout.contains('D') {
        true => format!("[{}, {rows}, {columns}]", side('D').unwrap_or(SIDE_DEFAULT)),
        false => format!("[{rows}, {columns}]"),
    };
    let element = match element.as_str() {
        "f32" => "",
        "u8" => "type = \"uint8\"\n",
        other => bail!("input {name} is {other}; float32 and uint8 can be fed"),
    };
    let scale = if element.is_empty() {
        "\n    { do = \"scale\", from = [0, 255], to = [0, 1] }, # TODO the range it was trained with"
    } else {
        ""
    };
    write!(
        text,
        "\n[[tensor]]\nname = \"{name}\"\nvalues = \"display\" # TODO or \"modality\": Hounsfield units and the like\n\
         steps = [\n    {{ do = \"resize\", size = {size}, filter = \"linear\" }},{scale}\n]\n\
         channels = {channels}\nlayout = \"{layout}\"\n{element}"
    )?;
    Ok(())
}

/// One finding for each value that the model answers, if that can be known and is not too many.
fn findings(text: &mut String, output: &ModelPort) {
    let ModelPort { name, shape, .. } = output;
    let of_one = shape.get(1..).unwrap_or_default();
    let values = of_one.iter().try_fold(1_u32, |product, side| Some(product.saturating_mul((*side)?)));
    for index in 0..values.unwrap_or(1).clamp(1, FINDINGS_MAX) {
        // Writing to a string cannot fail.
        let _ = write!(
            text,
            "\n[[finding]]\nid = \"{name}-{index}\" # TODO\n\
             code = {{ scheme = \"99LOCAL\", value = \"{index}\", meaning = \"TODO\" }} # SNOMED CT (SCT) or RadLex where there is one\n\
             output = \"{name}\"\nindex = {index}\nthreshold = 0.5 # TODO\n"
        );
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn port(name: &str, element: &str, shape: &[u32]) -> ModelPort {
        let shape = shape.iter().map(|side| Some(*side).filter(|side| *side > 0)).collect();
        ModelPort { name: name.to_owned(), element: element.to_owned(), shape }
    }

    #[track_caller]
    fn check(input: ModelPort, output: ModelPort, expected: &[&str]) {
        let interface = ModelInterface { inputs: vec![input], outputs: vec![output] };
        let text = manifest("my-app", Template::Classify, &interface, &"0".repeat(64)).unwrap();
        let manifest = Manifest::parse(&text).unwrap_or_else(|error| panic!("{error}\n{text}"));
        let tensor = &manifest.tensors[0];
        let findings: Vec<_> = manifest.findings.iter().map(|rule| rule.id.as_str()).collect();
        let told = format!("{} {:?} {} {:?}", tensor.layout, tensor.size().unwrap(), tensor.channels, findings);
        assert_eq!([told.as_str()], expected);
    }

    #[test]
    fn what_the_model_tells_is_filled_in() {
        check(
            port("x", "f32", &[0, 3, 320, 256]),
            port("y", "f32", &[0, 2]),
            &["NCHW [320, 256] 3 [\"y-0\", \"y-1\"]"],
        );
        check(port("x", "f32", &[1, 180, 180, 3]), port("y", "f32", &[1]), &["NHWC [180, 180] 3 [\"y-0\"]"]);
        check(port("x", "u8", &[1, 1, 0, 0]), port("y", "f32", &[0, 0]), &["NCHW [224, 224] 1 [\"y-0\"]"]);
        check(port("x", "f32", &[1, 1, 32, 64, 48]), port("y", "f32", &[1, 1]), &["NCDHW [32, 64, 48] 1 [\"y-0\"]"]);
    }

    #[test]
    fn what_is_no_image_is_refused() {
        let refused = |input| {
            let interface = ModelInterface { inputs: vec![input], outputs: vec![] };
            manifest("my-app", Template::Classify, &interface, "").unwrap_err().to_string()
        };
        assert_eq!(refused(port("age", "f32", &[1])), "input age has 1 axes; an image has 2 to 5");
        assert_eq!(refused(port("x", "i64", &[1, 1, 8, 8])), "input x is i64; float32 and uint8 can be fed");
    }
}

//! What tests stand on: ONNX Runtime, the app and the samples that the set-up fetched, and releases made on the spot.

use crate::onnx_file::OnnxFile;
use lightbox_dicom::GreyImage;
use lightbox_inference::{InferenceError, Library, Release, RunImage, Runner};
use sha2::{Digest, Sha256};
use std::env;
use std::fs;
use std::path::{Path, PathBuf};
use tempfile::TempDir;

pub fn library_path() -> PathBuf {
    fetched("ORT_DYLIB_PATH", "onnxruntime/libonnxruntime.so.1.31.1")
}

pub fn library() -> Library {
    Library::open(Some(&library_path())).unwrap()
}

pub fn app_folder() -> PathBuf {
    fetched("LIGHTBOX_APP", "apps/cxr-pneumonia-0.1.0")
}

pub fn samples_folder() -> PathBuf {
    fetched("LIGHTBOX_SAMPLES", "samples")
}

/// What the set-up fetched, or what the variable names instead.
fn fetched(variable: &str, place: &str) -> PathBuf {
    let cache = || env::var_os("LIGHTBOX_CACHE").map(PathBuf::from);
    let home = || PathBuf::from(env::var_os("HOME").unwrap()).join(".cache/lightbox");
    let path = env::var_os(variable).map_or_else(|| cache().unwrap_or_else(home).join(place), PathBuf::from);
    assert!(path.exists(), "{} is not there: run `cargo xtask setup`", path.display());
    path
}

/// The `app.toml` of an app with one finding whose model reads 8 × 12 grey pixels; [`folder`] fills in `{sha256}`.
pub const MANIFEST: &str = r#"
schema = 2
[app]
id = "bright"
name = "Brightness"
vendor = "Lightbox contributors"
release = "1.0.0"
summary = "Says how bright an image is."
task = "classify"
intended_use = "Tests."
licence = "Apache-2.0"
[input.image]
of = "instance"
modality = ["DX"]
[model]
runner = "onnx"
file = "model.onnx"
sha256 = "{sha256}"
seconds_max = 60
[[tensor]]
name = "image"
values = "display"
steps = [
    { do = "resize", size = [8, 12], filter = "antialiased", rounded = true },
    { do = "scale", from = [0, 255], to = [0, 1] },
]
channels = 1
layout = "NHWC"
[[finding]]
id = "bright"
code = { scheme = "99TEST", value = "1", meaning = "Bright" }
output = "probability"
index = 0
threshold = 0.5
[map]
method = "occlusion"
finding = "bright"
window = 4
stride = 2
fill = 0.0
"#;

/// A release's folder with this manifest and model; the manifest's `{sha256}` becomes the model's.
pub fn folder(manifest: &str, model: &[u8]) -> TempDir {
    let folder = tempfile::tempdir().unwrap();
    fs::write(folder.path().join("app.toml"), manifest.replace("{sha256}", &sha256(model))).unwrap();
    fs::write(folder.path().join("model.onnx"), model).unwrap();
    folder
}

/// The runner of a release made of this manifest and model.
pub fn load(manifest: &str, model: &OnnxFile) -> Result<Runner, InferenceError> {
    let folder = folder(manifest, &model.to_bytes());
    Runner::load(&library(), &Release::open(folder.path()).unwrap(), 1)
}

/// The error, as a person reads it: it must be one line.
#[track_caller]
pub fn text_of<T>(result: Result<T, impl ToString>) -> String {
    let Err(error) = result else { panic!("no error") };
    let text = error.to_string();
    assert!(!text.contains('\n'), "more than one line: {text}");
    text
}

#[track_caller]
pub fn assert_says<T>(result: Result<T, impl ToString>, expected: &[&str]) {
    let text = text_of(result);
    for part in expected {
        assert!(text.contains(part), "{part:?} is not in: {text}");
    }
}

pub fn copy_of_app() -> TempDir {
    let copy = tempfile::tempdir().unwrap();
    for entry in fs::read_dir(app_folder()).unwrap() {
        let entry = entry.unwrap();
        if entry.file_type().unwrap().is_dir() {
            continue;
        }
        fs::copy(entry.path(), copy.path().join(entry.file_name())).unwrap();
    }
    copy
}

pub fn sha256(bytes: &[u8]) -> String {
    Sha256::digest(bytes).iter().map(|byte| format!("{byte:02x}")).collect()
}

/// An image that a run reads, of these values as a person sees them.
pub fn seen(rows: u32, columns: u32, value: impl Fn(u32, u32) -> u8) -> RunImage {
    RunImage::from(&grey(rows, columns, value))
}

pub fn grey(rows: u32, columns: u32, value: impl Fn(u32, u32) -> u8) -> GreyImage {
    let pixels = (0..rows).flat_map(|y| (0..columns).map(move |x| (y, x))).map(|(y, x)| value(y, x)).collect();
    GreyImage { rows, columns, pixels }
}

pub fn read(path: &Path) -> String {
    fs::read_to_string(path).unwrap()
}

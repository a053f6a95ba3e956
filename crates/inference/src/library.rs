//! ONNX Runtime's shared library: where it is looked for, and loading it once per process.

use crate::InferenceError;
use ort::environment::Environment;
use ort::logging::LogLevel;
use parking_lot::Mutex;
use std::env;
use std::env::consts::{DLL_PREFIX, DLL_SUFFIX};
use std::error::Error;
use std::ffi::OsString;
use std::fs;
use std::panic::catch_unwind;
use std::path::{Path, PathBuf};

/// ONNX Runtime takes one environment per process, so the first library that loads stays until the process ends.
static LOADED: Mutex<Option<Library>> = Mutex::new(None);

/// What to do when there is no library: its one official binary for every Linux comes in a Python wheel.
const REMEDY: &str = "take onnxruntime/capi/libonnxruntime.so.1.31.1 out of the wheel that `pip download --no-deps \
                      onnxruntime==1.31.1` fetches, and give its place with --onnxruntime PATH or ORT_DYLIB_PATH";

/// ONNX Runtime, loaded. Cheap to clone.
#[derive(Clone, Debug)]
pub struct Library {
    pub(crate) environment: Environment,
    path: PathBuf,
}

impl Library {
    /// Loads ONNX Runtime from `path`. Without one it is `$ORT_DYLIB_PATH`, or the first that loads of: beside the
    /// executable, `onnxruntime/` under `$LIGHTBOX_CACHE` or `~/.cache/lightbox`, the system's.
    ///
    /// # Errors
    /// [`InferenceError::LibraryMissing`] says where it was looked for, why each place would not do, and what to do.
    pub fn open(path: Option<&Path>) -> Result<Self, InferenceError> {
        let mut loaded = LOADED.lock();
        if let Some(library) = &*loaded
            && path.is_none_or(Path::is_file)
        {
            return Ok(library.clone());
        }
        let mut refusals = Vec::new();
        for place in places(path, |name| env::var_os(name), env::current_exe().ok().as_deref()) {
            match load(&place) {
                Ok(library) => return Ok(loaded.insert(library).clone()),
                Err(reason) => refusals.push(format!("{} ({reason})", place.display())),
            }
        }
        Err(InferenceError::LibraryMissing(format!(
            "ONNX Runtime cannot be loaded from {}; {REMEDY}",
            refusals.join(", ")
        )))
    }

    /// The file that was loaded.
    #[must_use]
    pub fn path(&self) -> &Path {
        &self.path
    }
}

/// Where to look, in order. A place that somebody named is the only one: another library in its stead would surprise.
fn places(
    named: Option<&Path>,
    variable: impl Fn(&str) -> Option<OsString>,
    executable: Option<&Path>,
) -> Vec<PathBuf> {
    let set = |name| variable(name).filter(|value| !value.is_empty()).map(PathBuf::from);
    if let Some(path) = named.map(Path::to_owned).or_else(|| set("ORT_DYLIB_PATH")) {
        return vec![path];
    }
    let cache = set("LIGHTBOX_CACHE").or_else(|| Some(set("HOME")?.join(".cache/lightbox")));
    let mut places = Vec::new();
    places.extend(executable.and_then(Path::parent).map(libraries_in).unwrap_or_default());
    places.extend(cache.map(|folder| libraries_in(&folder.join("onnxruntime"))).unwrap_or_default());
    places.push(PathBuf::from(library_name()));
    places
}

/// The libraries in a folder, the highest name first; if there is none, the name that was looked for.
fn libraries_in(folder: &Path) -> Vec<PathBuf> {
    let stem = format!("{DLL_PREFIX}onnxruntime.");
    let entries = fs::read_dir(folder).into_iter().flatten().flatten();
    let mut found: Vec<_> = entries
        .filter(|entry| {
            let name = entry.file_name();
            let name = name.to_string_lossy();
            name.starts_with(&stem) && name.contains(DLL_SUFFIX)
        })
        .map(|entry| entry.path())
        .collect();
    found.sort_unstable_by(|one, other| other.cmp(one));
    if found.is_empty() {
        found.push(folder.join(library_name()));
    }
    found
}

fn library_name() -> String {
    format!("{DLL_PREFIX}onnxruntime{DLL_SUFFIX}")
}

/// Loads one library, or says in a few words why not.
fn load(place: &Path) -> Result<Library, String> {
    // A bare name is for the system's own search; anything else must be a file.
    let bare = place.parent() == Some(Path::new(""));
    if !bare && !place.is_file() {
        return Err("not there".to_owned());
    }
    let path =
        if place.is_file() { fs::canonicalize(place).map_err(|error| error.to_string())? } else { place.to_owned() };
    // `ort` asserts where a library answers strangely; that is no reason for a server to end.
    let environment =
        catch_unwind(|| create_environment(&path)).unwrap_or_else(|_| Err("not ONNX Runtime".to_owned()))?;
    tracing::info!(path = %path.display(), "loaded ONNX Runtime");
    Ok(Library { environment, path })
}

fn create_environment(path: &Path) -> Result<Environment, String> {
    let builder = ort::init_from(path).map_err(|error| reason_of(&error))?;
    let environment =
        builder.with_name("lightbox").with_telemetry(false).build().map_err(|error| error.message().to_owned())?;
    // Every line that the library writes is formatted before `tracing` may drop it.
    environment.set_log_level(LogLevel::Warning);
    Ok(environment)
}

fn reason_of(error: &ort::LoadDynamicError) -> String {
    match error {
        ort::LoadDynamicError::Dlopen { error, path } => {
            let told = error.source().map_or_else(|| error.to_string(), ToString::to_string);
            // The system's linker begins with the file that it was given.
            told.trim_start_matches(&format!("{}: ", path.display())).to_owned()
        }
        ort::LoadDynamicError::MissingApi { .. } | ort::LoadDynamicError::InvalidVersionString => {
            "not ONNX Runtime".to_owned()
        }
        ort::LoadDynamicError::BadVersion { version_str, .. } => {
            format!("version {version_str} is older than 1.{}", ort::MINOR_VERSION)
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn check(named: Option<&str>, variables: &[(&str, &str)], expected: &[&str]) {
        let variable = |name: &str| variables.iter().find(|(key, _)| *key == name).map(|(_, value)| value.into());
        let places = places(named.map(Path::new), variable, Some(Path::new("/opt/lightbox/bin/lightbox")));
        assert_eq!(places, expected.iter().map(PathBuf::from).collect::<Vec<_>>());
    }

    #[test]
    fn a_named_place_is_the_only_one() {
        check(Some("/a/lib.so"), &[("ORT_DYLIB_PATH", "/b/lib.so"), ("HOME", "/users/me")], &["/a/lib.so"]);
        check(None, &[("ORT_DYLIB_PATH", "/b/lib.so"), ("HOME", "/users/me")], &["/b/lib.so"]);
    }

    #[test]
    #[cfg(target_os = "linux")]
    fn otherwise_it_is_looked_for_beside_the_executable_in_the_cache_and_in_the_system() {
        let beside = "/opt/lightbox/bin/libonnxruntime.so";
        let system = "libonnxruntime.so";
        check(
            None,
            &[("ORT_DYLIB_PATH", ""), ("HOME", "/users/me")],
            &[beside, "/users/me/.cache/lightbox/onnxruntime/libonnxruntime.so", system],
        );
        check(
            None,
            &[("LIGHTBOX_CACHE", "/cache"), ("HOME", "/users/me")],
            &[beside, "/cache/onnxruntime/libonnxruntime.so", system],
        );
        check(None, &[], &[beside, system]);
    }

    #[test]
    #[cfg(target_os = "linux")]
    fn versioned_libraries_are_found_and_their_plug_ins_are_not() {
        let folder = tempfile::tempdir().unwrap();
        for name in ["libonnxruntime.so.1.24.0", "libonnxruntime.so.1.31.1", "libonnxruntime_providers_shared.so"] {
            fs::write(folder.path().join(name), "").unwrap();
        }
        let names: Vec<_> =
            libraries_in(folder.path()).iter().map(|path| path.file_name().unwrap().to_owned()).collect();
        assert_eq!(names, ["libonnxruntime.so.1.31.1", "libonnxruntime.so.1.24.0"]);
    }
}

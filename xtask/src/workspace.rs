//! Where things lie: the checkout, the cache folder outside it, and what set-up puts there.

use std::env;
use std::ffi::OsStr;
use std::path::{Path, PathBuf};
use std::process::Command;

use anyhow::{Context, Result};

use crate::step;

/// The release folder of the reference app that the demo and the tests deploy.
const APP_RELEASE: &str = "cxr-pneumonia-0.1.0";
/// The library that `setup/python.sh` takes from the `onnxruntime` wheel.
const ONNX_LIBRARY: &str = "libonnxruntime.so.1.31.1";

/// The checkout and its cache folder.
pub struct Workspace {
    /// The checkout's top folder.
    pub root: PathBuf,
    /// `LIGHTBOX_CACHE`, or `~/.cache/lightbox`.
    pub cache: PathBuf,
    /// `CARGO_TARGET_DIR`, or a folder of this checkout's own in the cache.
    pub target: PathBuf,
}

/// Which of cargo's profiles a binary is built with.
#[derive(Clone, Copy, PartialEq, Eq, clap::ValueEnum)]
pub enum Profile {
    /// Quick to build.
    Dev,
    /// What users run.
    Release,
}

impl Workspace {
    /// Finds the checkout that this program was called in. Fails without a home folder.
    pub fn find() -> Result<Self> {
        // `cargo run` says which checkout it was called in; a target folder given by hand may be shared by two.
        let manifest = env::var_os("CARGO_MANIFEST_DIR").unwrap_or_else(|| env!("CARGO_MANIFEST_DIR").into());
        let root = Path::new(&manifest).parent().context("xtask lies in no checkout")?.to_owned();
        let cache = match env::var_os("LIGHTBOX_CACHE") {
            Some(cache) => PathBuf::from(cache),
            None => env::home_dir().context("no home folder: set LIGHTBOX_CACHE")?.join(".cache/lightbox"),
        };
        let target = match env::var_os("CARGO_TARGET_DIR") {
            Some(target) => PathBuf::from(target),
            None => step::output(Command::new(root.join("setup/target.sh")).env("LIGHTBOX_CACHE", &cache))?.into(),
        };
        Ok(Self { root, cache, target })
    }

    /// The server's binary as built with `profile`, or the one that LIGHTBOX_BIN names.
    pub fn binary(&self, profile: Profile) -> PathBuf {
        if let Some(given) = env::var_os("LIGHTBOX_BIN") {
            return given.into();
        }
        let folder = match profile {
            Profile::Dev => "debug",
            Profile::Release => "release",
        };
        self.target.join(folder).join("lightbox")
    }

    /// The reference app's release folder: manifest, model, model card.
    pub fn app(&self) -> PathBuf {
        self.cache.join("apps").join(APP_RELEASE)
    }

    /// The sample radiographs and their `samples.json`.
    pub fn samples(&self) -> PathBuf {
        self.cache.join("samples")
    }

    /// The objects of specialties beside radiology and their `specialties.json`.
    pub fn specialties(&self) -> PathBuf {
        self.cache.join("specialties")
    }

    /// The Python environment of set-up and foreign-client tests.
    pub fn venv(&self) -> PathBuf {
        self.cache.join("venv")
    }

    /// A command that runs in the checkout and knows where set-up put everything.
    pub fn command(&self, program: impl AsRef<OsStr>) -> Command {
        let mut command = Command::new(program);
        command
            .current_dir(&self.root)
            .env("LIGHTBOX_CACHE", &self.cache)
            .env("CARGO_TARGET_DIR", &self.target)
            .env("LIGHTBOX_APP", self.app())
            .env("LIGHTBOX_SAMPLES", self.samples())
            .env("LIGHTBOX_SPECIALTIES", self.specialties())
            .env("LIGHTBOX_VENV", self.venv())
            .env("ORT_DYLIB_PATH", self.cache.join("onnxruntime").join(ONNX_LIBRARY));
        command
    }

    /// `cargo` with these arguments, in the checkout.
    pub fn cargo(&self, arguments: &[&str]) -> Command {
        let mut command = self.command(env::var_os("CARGO").unwrap_or_else(|| "cargo".into()));
        command.args(arguments);
        command
    }
}

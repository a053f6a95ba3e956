//! The models that are loaded, by the digest of their release.

use crate::{InferenceError, Library, Release, Runner};
use lightbox_domain::RunnerKind;
use parking_lot::Mutex;
use std::collections::HashMap;
use std::path::PathBuf;
use std::sync::Arc;
use std::thread::available_parallelism;

/// More threads than this made a run of a small model no faster.
const THREADS_MAX: usize = 2;

/// Loads what is first asked for and keeps it. Shared between threads.
#[derive(Debug)]
pub struct Runners {
    library: Option<PathBuf>,
    threads: usize,
    loaded: Mutex<HashMap<String, Arc<Slot>>>,
}

/// A release's runner once it is loaded. The lock is held while it loads, so that it is loaded once.
type Slot = Mutex<Option<Arc<Runner>>>;

impl Runners {
    /// Nothing is loaded yet. `library` is ONNX Runtime's file, else it is looked for as [`Library::open`] says;
    /// `threads` work on one run, else two, or one on a machine of one core.
    #[must_use]
    pub fn new(library: Option<PathBuf>, threads: Option<usize>) -> Self {
        let cores = available_parallelism().map_or(1, usize::from);
        Self { library, threads: threads.unwrap_or(cores.min(THREADS_MAX)), loaded: Mutex::default() }
    }

    /// The release's runner, which is loaded if it is not yet. What fails is tried anew by the next call.
    ///
    /// # Errors
    /// Those of [`Library::open`] and [`Runner::load`].
    pub fn get(&self, release: &Release) -> Result<Arc<Runner>, InferenceError> {
        let slot = Arc::clone(self.loaded.lock().entry(release.digest.clone()).or_default());
        let mut slot = slot.lock();
        if let Some(runner) = &*slot {
            return Ok(Arc::clone(runner));
        }
        let runner = match release.manifest.model.runner {
            RunnerKind::Onnx => {
                let library = Library::open(self.library.as_deref())?;
                Arc::new(Runner::load(&library, release, self.threads)?)
            }
        };
        tracing::info!(release = release.name(), digest = release.digest, "loaded model");
        Ok(Arc::clone(slot.insert(runner)))
    }
}

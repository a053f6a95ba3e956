//! Builders and phantoms for tests: shows only what matters to a test, gives the rest valid defaults.

pub mod dump;
pub mod film;
pub mod note;
pub mod phantoms;
pub mod samples;

pub use dump::dump;
pub use film::Film;
pub use note::key_object_selection;
pub use samples::{app, downloads, samples, venv_tool};

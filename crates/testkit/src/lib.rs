//! Builders and phantoms for tests: shows only what matters to a test, gives the rest valid defaults.

pub mod samples;

pub use samples::{samples, venv_tool};

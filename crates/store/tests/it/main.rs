//! The store, as the rooms above it use it.

mod harness;
mod instances;
mod jobs;
mod log;
mod people;
mod runs;
mod search;

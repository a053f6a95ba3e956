//! The store, as the rooms above it use it.

#![allow(clippy::unwrap_used, clippy::panic)]

mod backup;
mod deletions;
mod harness;
mod instances;
mod jobs;
mod log;
mod orders;
mod overlays;
mod people;
mod runs;
mod search;

//! The steps without a door: what the pipeline promises whoever calls it.

mod harness;
mod receive;
mod runs;
mod worker;

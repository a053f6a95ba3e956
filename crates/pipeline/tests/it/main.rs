//! The steps without a door: what the pipeline promises whoever calls it.

#![allow(clippy::unwrap_used, clippy::panic)]

mod compress;
mod conflict;
mod export;
mod harness;
mod lifecycle;
mod orders;
mod receive;
mod rejections;
mod replay;
mod runs;
mod worker;

//! The running server, asked by foreign clients: dcmtk's programs over DICOM and plain HTTP.

#![allow(clippy::unwrap_used, clippy::panic)]

mod apps;
mod chaos;
mod commands;
mod conformance;
mod corrections;
mod crash;
mod keeping;
mod orders;
mod refusals;
mod server;
mod story;

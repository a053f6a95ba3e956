//! What reads bytes of others, made to read any bytes at all: one target for each border that they cross.
//!
//! `cargo xtask fuzz` mutates under libFuzzer's guidance. What it found worth keeping lies in `corpus/TARGET`, each file
//! named by its digest; `make test` runs every target over it, so that a mended crash stays mended. Nothing in it is of a
//! patient: it all grew from [`Target::seeds`].

mod data_sets;
mod files;
mod messages;
mod requests;

use std::path::PathBuf;

/// One border, and how it is tried.
pub struct Target {
    /// Its name on the command line, and that of its folder in the corpus.
    pub name: &'static str,
    /// What is read.
    pub about: &'static str,
    /// Reads the bytes. Panics when something does not hold; that they make no sense is no such thing.
    pub run: fn(&[u8]),
    /// Sound input, from which the mutations begin.
    pub seeds: fn() -> Vec<Vec<u8>>,
}

/// All targets.
pub const TARGETS: [Target; 7] = [
    Target { name: "pdu", about: "PDUs of an association", run: messages::pdu, seeds: messages::pdu_seeds },
    Target { name: "command", about: "command sets", run: messages::command, seeds: messages::command_seeds },
    Target { name: "file", about: "DICOM files, read as when stored", run: files::file, seeds: files::seeds },
    Target { name: "identifier", about: "keys of a query", run: data_sets::identifier, seeds: data_sets::identifiers },
    Target { name: "json", about: "data sets in DICOM JSON", run: data_sets::json, seeds: data_sets::jsons },
    Target { name: "multipart", about: "multipart messages", run: requests::multipart, seeds: requests::multiparts },
    Target { name: "query", about: "QIDO-RS parameters", run: requests::query, seeds: requests::queries },
];

/// The target of that name.
#[must_use]
pub fn target(name: &str) -> Option<&'static Target> {
    TARGETS.iter().find(|target| target.name == name)
}

impl Target {
    /// Where what was found worth keeping lies.
    #[must_use]
    pub fn corpus(&self) -> PathBuf {
        [env!("CARGO_MANIFEST_DIR"), "corpus", self.name].iter().collect()
    }
}

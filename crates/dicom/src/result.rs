//! What every result has in common.

use crate::Header;
use lightbox_domain::{Manifest, Run, Uid};

/// What a result is made from.
#[derive(Clone, Copy, Debug)]
pub struct ResultContext<'a> {
    /// The input of the run.
    pub source: &'a Header,
    /// The release's manifest.
    pub manifest: &'a Manifest,
    /// The run, with its findings.
    pub run: &'a Run,
    /// The release's digest, hexadecimal.
    pub digest: &'a str,
    /// The language of the texts, RFC 5646, such as `en`.
    pub language: &'a str,
}

/// A UID that is the same for the same run and role, of the `2.25` arc.
#[must_use]
pub fn derived_uid(run_id: &str, role: &str) -> Uid {
    let _ = (run_id, role);
    todo!()
}

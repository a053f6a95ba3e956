//! The report of a run: a structured report after TID 1500.

use crate::{ResultContext, ResultError};

/// The report as a Comprehensive 3D SR in a Part 10 file.
///
/// # Errors
/// [`ResultError`] when the source or the run lacks what a report must say.
pub fn write_report(context: &ResultContext<'_>) -> Result<Vec<u8>, ResultError> {
    let _ = context;
    todo!()
}

/// The same as a Comprehensive SR, for peers that take no other.
///
/// # Errors
/// [`ResultError`] when the source or the run lacks what a report must say.
pub fn write_report_basic(context: &ResultContext<'_>) -> Result<Vec<u8>, ResultError> {
    let _ = context;
    todo!()
}

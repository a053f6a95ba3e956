//! The conformance gate before every object of ours.

use crate::{GateError, Header};

/// Checks an object of ours against its IOD's required attributes and against the source it speaks of.
///
/// # Errors
/// [`GateError`] with every reason.
pub fn check_result(result: &[u8], source: &Header) -> Result<(), GateError> {
    let _ = (result, source);
    todo!()
}

//! The map of a run over its image, as a Secondary Capture.

use crate::{GreyImage, ResultContext, ResultError};
use lightbox_domain::Map;

/// The image with the map over it and a label, as a Secondary Capture in a Part 10 file.
///
/// # Errors
/// [`ResultError`] when the source or the run lacks what a result must say.
pub fn write_capture(context: &ResultContext<'_>, image: &GreyImage, map: &Map) -> Result<Vec<u8>, ResultError> {
    let _ = (context, image, map);
    todo!()
}

//! Pixels: frames as stored, frames decoded, images as a person sees them.

use crate::PixelError;
use lightbox_domain::Limits;
use std::path::Path;

/// An image as a person or an app sees it: 8-bit grey, 0 black, row by row, after modality, VOI and presentation LUT.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct GreyImage {
    /// Height in pixels.
    pub rows: u32,
    /// Width in pixels.
    pub columns: u32,
    /// `rows × columns` values.
    pub pixels: Vec<u8>,
}

/// A colour image, 8 bits a channel.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct RgbImage {
    /// Height in pixels.
    pub rows: u32,
    /// Width in pixels.
    pub columns: u32,
    /// `rows × columns × 3` values: red, green, blue of each pixel, row by row.
    pub pixels: Vec<u8>,
}

/// An image as a person sees it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum DisplayImage {
    /// Monochrome.
    Grey(GreyImage),
    /// Colour.
    Rgb(RgbImage),
}

/// A VOI window, in units after the modality LUT (PS3.3 §C.11.2.1.2).
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Window {
    /// `WindowCenter`.
    pub center: f64,
    /// `WindowWidth`.
    pub width: f64,
}

/// One frame's bytes and what they are.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct StoredFrame {
    /// The frame.
    pub bytes: Vec<u8>,
    /// Its transfer syntax; native frames are always little endian.
    pub transfer_syntax_uid: String,
    /// Its media type by PS3.18 Table 8.7.3-5; `application/octet-stream` for native frames.
    pub media_type: &'static str,
}

/// One frame as a person sees it. `frame` counts from 0; `window` replaces the header's.
///
/// # Errors
/// [`PixelError`] when there is no such frame or it cannot be decoded.
pub fn display_image(
    path: &Path,
    frame: u32,
    window: Option<Window>,
    limits: &Limits,
) -> Result<DisplayImage, PixelError> {
    let _ = (path, frame, window, limits);
    todo!()
}

/// One frame as it is stored: the bytes of a native frame in little endian, or the fragments of a compressed one joined.
///
/// # Errors
/// [`PixelError`] when there is no such frame.
pub fn stored_frame(path: &Path, frame: u32, limits: &Limits) -> Result<StoredFrame, PixelError> {
    let _ = (path, frame, limits);
    todo!()
}

/// One frame decoded to native little endian samples.
///
/// # Errors
/// [`PixelError`] when there is no such frame or it cannot be decoded.
pub fn native_frame(path: &Path, frame: u32, limits: &Limits) -> Result<StoredFrame, PixelError> {
    let _ = (path, frame, limits);
    todo!()
}

/// The image as PNG.
///
/// # Errors
/// [`PixelError::Malformed`] when the image's size and pixels disagree.
pub fn encode_png(image: &DisplayImage) -> Result<Vec<u8>, PixelError> {
    let _ = image;
    todo!()
}

/// The image as baseline JPEG of a quality from 1 to 100.
///
/// # Errors
/// [`PixelError::Malformed`] when the image's size and pixels disagree.
pub fn encode_jpeg(image: &DisplayImage, quality: u8) -> Result<Vec<u8>, PixelError> {
    let _ = (image, quality);
    todo!()
}

/// The image with its longer side at most `side_max` pixels; never enlarged.
#[must_use]
pub fn shrink(image: &DisplayImage, side_max: u32) -> DisplayImage {
    let _ = (image, side_max);
    todo!()
}

//! Images as a person sees them, and their encodings for a browser.

use crate::PixelError;
use image::codecs::png::{CompressionType, FilterType, PngEncoder};
use image::{ExtendedColorType, ImageBuffer, ImageEncoder, Luma, Pixel, Rgb, imageops};
use turbojpeg::{Compressor, PixelFormat, Subsamp};

/// The longest side of an image that libjpeg encodes, in pixels.
const JPEG_SIDE_MAX: u32 = 65_500;

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

impl DisplayImage {
    /// Height and width in pixels.
    #[must_use]
    pub fn size(&self) -> (u32, u32) {
        match self {
            Self::Grey(image) => (image.rows, image.columns),
            Self::Rgb(image) => (image.rows, image.columns),
        }
    }

    /// The image in grey; colours by their luminance (ITU-R BT.601).
    #[must_use]
    pub fn into_grey(self) -> GreyImage {
        match self {
            Self::Grey(image) => image,
            Self::Rgb(image) => {
                let luminance = |[red, green, blue]: &[u8; 3]| {
                    let sum = 299 * u32::from(*red) + 587 * u32::from(*green) + 114 * u32::from(*blue);
                    ((sum + 500) / 1000) as u8
                };
                let pixels = image.pixels.as_chunks::<3>().0.iter().map(luminance).collect();
                GreyImage { rows: image.rows, columns: image.columns, pixels }
            }
        }
    }

    fn pixels(&self) -> (&[u8], ExtendedColorType) {
        match self {
            Self::Grey(image) => (&image.pixels, ExtendedColorType::L8),
            Self::Rgb(image) => (&image.pixels, ExtendedColorType::Rgb8),
        }
    }
}

/// The image as PNG.
///
/// # Errors
/// [`PixelError::Malformed`] when the image's size and pixels disagree.
pub fn encode_png(image: &DisplayImage) -> Result<Vec<u8>, PixelError> {
    let mut png = Vec::new();
    write_image(PngEncoder::new_with_quality(&mut png, CompressionType::Fast, FilterType::Adaptive), image)?;
    Ok(png)
}

/// The image as baseline JPEG of a quality from 1 to 100.
///
/// # Errors
/// [`PixelError::Malformed`] when the image's size and pixels disagree, [`PixelError::Unsupported`] when a side has more
/// than 65,500 pixels.
pub fn encode_jpeg(image: &DisplayImage, quality: u8) -> Result<Vec<u8>, PixelError> {
    let ((rows, columns), (pixels, colour)) = (image.size(), image.pixels());
    check_size(image)?;
    let longest = rows.max(columns);
    if longest > JPEG_SIDE_MAX {
        return Err(PixelError::Unsupported(format!("{longest} pixels are too many for JPEG")));
    }
    // Colours are as fine as light: what a person is to see is no photograph.
    let (format, subsampling) = match colour {
        ExtendedColorType::L8 => (PixelFormat::GRAY, Subsamp::Gray),
        _ => (PixelFormat::RGB, Subsamp::None),
    };
    let (width, height) = (columns as usize, rows as usize);
    let image = turbojpeg::Image { pixels, width, height, pitch: width * format.size(), format };
    let encode = || {
        let mut compressor = Compressor::new()?;
        compressor.set_quality(i32::from(quality.clamp(1, 100)))?;
        compressor.set_subsamp(subsampling)?;
        compressor.compress_to_vec(image)
    };
    encode().map_err(|error: turbojpeg::Error| PixelError::Malformed(error.to_string()))
}

fn check_size(image: &DisplayImage) -> Result<(), PixelError> {
    let ((rows, columns), (pixels, colour)) = (image.size(), image.pixels());
    match pixels.len() == rows as usize * columns as usize * usize::from(colour.channel_count()) {
        true => Ok(()),
        false => Err(PixelError::Malformed(format!("{} bytes are not {rows} × {columns} pixels", pixels.len()))),
    }
}

fn write_image(encoder: impl ImageEncoder, image: &DisplayImage) -> Result<(), PixelError> {
    let ((rows, columns), (pixels, colour)) = (image.size(), image.pixels());
    check_size(image)?;
    encoder.write_image(pixels, columns, rows, colour).map_err(|error| PixelError::Malformed(error.to_string()))
}

/// The image with its longer side at most `side_max` pixels, by averaging; never enlarged.
#[must_use]
pub fn shrink(image: &DisplayImage, side_max: u32) -> DisplayImage {
    let (rows, columns) = image.size();
    let longer = rows.max(columns);
    if longer <= side_max {
        return image.clone();
    }
    let scaled = |side: u32| {
        let side = u64::from(side) * u64::from(side_max) / u64::from(longer);
        u32::try_from(side).unwrap_or(side_max).max(1)
    };
    let (new_rows, new_columns) = (scaled(rows), scaled(columns));
    match image {
        DisplayImage::Grey(grey) => DisplayImage::Grey(GreyImage {
            rows: new_rows,
            columns: new_columns,
            pixels: average::<Luma<u8>>((rows, columns), &grey.pixels, (new_rows, new_columns)),
        }),
        DisplayImage::Rgb(rgb) => DisplayImage::Rgb(RgbImage {
            rows: new_rows,
            columns: new_columns,
            pixels: average::<Rgb<u8>>((rows, columns), &rgb.pixels, (new_rows, new_columns)),
        }),
    }
}

/// Sizes are rows and columns. An image whose pixels do not fill it stays black.
fn average<P: Pixel<Subpixel = u8> + 'static>(
    (rows, columns): (u32, u32),
    pixels: &[u8],
    (new_rows, new_columns): (u32, u32),
) -> Vec<u8> {
    match ImageBuffer::<P, &[u8]>::from_raw(columns, rows, pixels) {
        Some(image) => imageops::thumbnail(&image, new_columns, new_rows).into_raw(),
        None => vec![0; new_rows as usize * new_columns as usize * usize::from(P::CHANNEL_COUNT)],
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn grey(rows: u32, columns: u32) -> DisplayImage {
        let pixels = (0..rows * columns).map(|at| (at % 251) as u8).collect();
        DisplayImage::Grey(GreyImage { rows, columns, pixels })
    }

    #[test]
    fn png_keeps_every_pixel() {
        let image = grey(7, 5);
        let png = encode_png(&image).unwrap();
        let read = image::load_from_memory(&png).unwrap().into_luma8();
        assert_eq!((read.height(), read.width()), (7, 5));
        assert_eq!(read.into_raw(), image.pixels().0);
    }

    #[test]
    fn jpeg_is_a_jpeg() {
        let colour = DisplayImage::Rgb(RgbImage { rows: 8, columns: 8, pixels: vec![120; 192] });
        let read = image::load_from_memory(&encode_jpeg(&colour, 90).unwrap()).unwrap().into_rgb8();
        assert!(read.into_raw().iter().all(|value| value.abs_diff(120) < 4));
    }

    #[test]
    fn sizes_that_disagree_are_refused() {
        let image = DisplayImage::Grey(GreyImage { rows: 4, columns: 4, pixels: vec![0; 15] });
        assert!(matches!(encode_png(&image), Err(PixelError::Malformed(_))));
    }

    #[test]
    fn shrinking_keeps_the_shape_and_never_enlarges() {
        assert_eq!(shrink(&grey(400, 200), 100).size(), (100, 50));
        assert_eq!(shrink(&grey(1000, 1), 10).size(), (10, 1));
        assert_eq!(shrink(&grey(4, 3), 100), grey(4, 3));
        let flat = DisplayImage::Grey(GreyImage { rows: 9, columns: 9, pixels: vec![77; 81] });
        assert_eq!(shrink(&flat, 4).into_grey().pixels, vec![77; 16]);
    }
}

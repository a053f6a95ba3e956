//! From the image that a person sees to the tensor that a model reads.

use crate::{InferenceError, resize};
use lightbox_dicom::GreyImage;
use lightbox_domain::{Layout, Resize, TensorSection};
use ndarray::{Array4, Axis};

/// A model's input: `1 × rows × columns × channels`, or `1 × channels × rows × columns`, as the manifest's layout says.
pub type Tensor = Array4<f32>;

/// Makes a model's input of an image: resizes it regardless of its aspect ratio, maps grey 0–255 to the manifest's
/// range, and repeats it for each channel.
///
/// # Errors
/// [`InferenceError::ImageInvalid`] if the image is empty or does not hold as many pixels as it says.
pub fn prepare(image: &GreyImage, section: &TensorSection) -> Result<Tensor, InferenceError> {
    check(image)?;
    let pixels = match section.resize {
        Resize::Bilinear => resize::bilinear(image, section.rows, section.columns),
    };
    let [black, white] = section.range;
    let values: Vec<f32> = pixels.iter().map(|grey| black + f32::from(*grey) * (white - black) / 255.0).collect();
    let (rows, columns, channels) = (section.rows as usize, section.columns as usize, section.channels as usize);
    Ok(match section.layout {
        Layout::Nhwc => Tensor::from_shape_fn((1, rows, columns, channels), |(_, y, x, _)| values[y * columns + x]),
        Layout::Nchw => Tensor::from_shape_fn((1, channels, rows, columns), |(_, _, y, x)| values[y * columns + x]),
    })
}

/// The axes of rows and columns in a tensor of this layout.
pub(crate) fn image_axes(layout: Layout) -> (Axis, Axis) {
    match layout {
        Layout::Nhwc => (Axis(1), Axis(2)),
        Layout::Nchw => (Axis(2), Axis(3)),
    }
}

fn check(image: &GreyImage) -> Result<(), InferenceError> {
    let (rows, columns, held) = (image.rows, image.columns, image.pixels.len());
    if rows == 0 || columns == 0 {
        return Err(InferenceError::ImageInvalid(format!("it has {rows} rows and {columns} columns")));
    }
    if u64::from(rows) * u64::from(columns) != held as u64 {
        return Err(InferenceError::ImageInvalid(format!("{rows} × {columns} pixels are declared, {held} are there")));
    }
    Ok(())
}

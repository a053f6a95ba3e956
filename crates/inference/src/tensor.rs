//! From an image to the tensors that a model reads.

use crate::{Grid, InferenceError, RunImage, step};
use lightbox_domain::{ElementType, Layout, TensorSection};
use ndarray::{ArrayD, ArrayView, Axis, Ix5};
use std::borrow::Cow;

/// One input of a model.
#[derive(Clone, Debug, PartialEq)]
pub struct Tensor {
    /// The input's name in the model.
    pub name: String,
    /// Its numbers, in the axes of the manifest's layout.
    pub values: ArrayD<f32>,
    /// Their type in the model.
    pub element: ElementType,
}

/// Makes a model's input of an image, as the manifest says.
///
/// # Errors
/// [`InferenceError::ImageInvalid`] if the image is empty, a step cannot be taken with it, or a number is none.
pub fn prepare(image: &RunImage, section: &TensorSection) -> Result<Tensor, InferenceError> {
    let mut grid = Cow::Borrowed(image.grid(section.values)?);
    if grid.values.is_empty() {
        return Err(InferenceError::ImageInvalid("it has no pixels, or not as many as it declares".to_owned()));
    }
    for step in &section.steps {
        grid = step::take(step, grid)?;
    }
    let values = lay_out(&grid, section)?;
    check_values(&values, section)?;
    Ok(Tensor { name: section.name.clone(), values, element: section.element })
}

/// The axes of rows and columns in a tensor of this layout.
pub(crate) fn image_axes(layout: &Layout) -> (Axis, Axis) {
    let place = |axis| Axis(layout.place(axis).unwrap_or_default());
    (place('H'), place('W'))
}

/// Repeats grey for each channel, and orders the axes.
fn lay_out(grid: &Grid, section: &TensorSection) -> Result<ArrayD<f32>, InferenceError> {
    const ORDER: [char; 5] = ['N', 'C', 'D', 'H', 'W'];
    let (slices, rows, columns) = grid.values.dim();
    if slices > 1 && section.layout.place('D').is_none() {
        let layout = &section.layout;
        return Err(InferenceError::ImageInvalid(format!("it has {slices} slices, and the layout {layout} takes one")));
    }
    let channels = section.channels as usize;
    let too_large = || InferenceError::ImageInvalid("it is too large".to_owned());
    let whole: ArrayView<'_, f32, Ix5> =
        grid.values.broadcast((1, channels, slices, rows, columns)).ok_or_else(too_large)?;
    let mut view = whole.into_dyn();
    let mut axes = ORDER.to_vec();
    for axis in ORDER {
        if section.layout.place(axis).is_none()
            && let Some(place) = axes.iter().position(|one| *one == axis)
        {
            view = view.index_axis_move(Axis(place), 0);
            axes.remove(place);
        }
    }
    let order: Vec<usize> = section.layout.axes().filter_map(|axis| axes.iter().position(|one| *one == axis)).collect();
    Ok(view.permuted_axes(order).as_standard_layout().into_owned())
}

fn check_values(values: &ArrayD<f32>, section: &TensorSection) -> Result<(), InferenceError> {
    let fits = |value: &f32| match section.element {
        ElementType::Float32 => value.is_finite(),
        ElementType::Uint8 => (-0.5..255.5).contains(value),
    };
    match values.iter().find(|value| !fits(value)) {
        Some(value) => {
            let name = &section.name;
            Err(InferenceError::ImageInvalid(format!("{value} in tensor {name} is no {:?}", section.element)))
        }
        None => Ok(()),
    }
}

//! An image's values on a regular grid, from which tensors are made: one slice, or the slices of a volume.

use crate::InferenceError;
use lightbox_dicom::{GreyImage, Plane, PlaneValues, display_image, read_plane};
use lightbox_domain::{Limits, Manifest, PixelValues};
use ndarray::{Array3, Axis};
use std::path::Path;

/// Values on a grid.
#[derive(Clone, Debug, PartialEq)]
pub struct Grid {
    /// `slices × rows × columns` values; one slice if it is no volume.
    pub values: Array3<f32>,
    /// Millimetres from one slice, row and column to the next, where that is known.
    pub spacing_mm: [Option<f64>; 3],
    /// The directions in which the index of slices, rows and columns grows: unit vectors towards the patient's left, back and
    /// head, where that is known.
    pub directions: Option<[[f64; 3]; 3]>,
    /// What the least and the greatest value are that may occur.
    pub range: [f32; 2],
    /// Whether a lesser value is brighter.
    pub inverted: bool,
}

/// The image of a run: its values, as each of the release's tensors begins with them.
#[derive(Clone, Debug, PartialEq)]
pub struct RunImage {
    grids: Vec<(PixelValues, Grid)>,
}

impl RunImage {
    /// Reads the first frame of a file as a manifest's tensors want it.
    ///
    /// # Errors
    /// [`InferenceError::ImageInvalid`] when it has no pixels, they cannot be decoded, or it is in colour.
    pub fn read(path: &Path, manifest: &Manifest, limits: &Limits) -> Result<Self, InferenceError> {
        let mut grids: Vec<(PixelValues, Grid)> = Vec::new();
        for tensor in &manifest.tensors {
            if !grids.iter().any(|(values, _)| *values == tensor.values) {
                grids.push((tensor.values, read_grid(path, tensor.values, limits)?));
            }
        }
        Ok(Self { grids })
    }

    /// The values that a tensor begins with.
    pub(crate) fn grid(&self, values: PixelValues) -> Result<&Grid, InferenceError> {
        let found = self.grids.iter().find(|(of, _)| *of == values);
        let missing = || InferenceError::ImageInvalid(format!("its {values:?} values were not read"));
        found.map(|(_, grid)| grid).ok_or_else(missing)
    }
}

/// An image whose values are those that a person sees.
impl From<&GreyImage> for RunImage {
    fn from(image: &GreyImage) -> Self {
        Self { grids: vec![(PixelValues::Display, Grid::of_grey(image))] }
    }
}

fn read_grid(path: &Path, values: PixelValues, limits: &Limits) -> Result<Grid, InferenceError> {
    let unreadable = |error: lightbox_dicom::PixelError| InferenceError::ImageInvalid(error.to_string());
    let plane = |values| read_plane(path, 0, values, limits).map(|plane| Grid::of_plane(&plane)).map_err(unreadable);
    match values {
        PixelValues::Stored => plane(PlaneValues::Stored),
        PixelValues::Modality => plane(PlaneValues::Modality),
        PixelValues::Display => match display_image(path, 0, None, limits).map_err(unreadable)? {
            lightbox_dicom::DisplayImage::Grey(image) => Ok(Grid::of_grey(&image)),
            lightbox_dicom::DisplayImage::Rgb(_) => {
                Err(InferenceError::ImageInvalid("it is in colour, the app reads greyscale".to_owned()))
            }
        },
    }
}

impl Grid {
    /// What a person sees: 0 black, 255 white. An image that does not hold the pixels it declares is empty.
    #[must_use]
    pub fn of_grey(image: &GreyImage) -> Self {
        let values = image.pixels.iter().map(|grey| f32::from(*grey)).collect();
        Self { range: [0.0, 255.0], ..Self::of_values(image.rows, image.columns, values) }
    }

    /// The values of one frame.
    #[must_use]
    pub fn of_plane(plane: &Plane) -> Self {
        let [rows_mm, columns_mm] = plane.place.spacing_mm.map_or([None; 2], |mm| mm.map(Some));
        let directions = plane.place.orientation.map(|[along_row, along_column]| {
            // A column's index grows along the row, a row's along the column.
            [cross(along_row, along_column), along_column, along_row]
        });
        Self {
            spacing_mm: [None, rows_mm, columns_mm],
            directions,
            range: plane.range,
            inverted: plane.inverted,
            ..Self::of_values(plane.rows, plane.columns, plane.values.clone())
        }
    }

    /// The same image in another size: what its pixels measure changes as their number does.
    pub(crate) fn of_size(&self, values: Array3<f32>) -> Self {
        let Self { mut spacing_mm, directions, range, inverted, .. } = *self;
        for (axis, spacing_mm) in spacing_mm.iter_mut().enumerate() {
            let factor = self.values.len_of(Axis(axis)) as f64 / values.len_of(Axis(axis)) as f64;
            *spacing_mm = spacing_mm.map(|mm| mm * factor);
        }
        Self { values, spacing_mm, directions, range, inverted }
    }

    fn of_values(rows: u32, columns: u32, values: Vec<f32>) -> Self {
        let values = Array3::from_shape_vec((1, rows as usize, columns as usize), values);
        Self {
            values: values.unwrap_or_default(),
            spacing_mm: [None; 3],
            directions: None,
            range: [f32::MIN, f32::MAX],
            inverted: false,
        }
    }
}

fn cross([a, b, c]: [f64; 3], [d, e, f]: [f64; 3]) -> [f64; 3] {
    [b * f - c * e, c * d - a * f, a * e - b * d]
}

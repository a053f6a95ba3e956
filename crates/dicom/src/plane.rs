//! A frame's values as numbers, and where its pixels lie in the patient: what apps read that want more than the picture.

use crate::decode::Decoded;
use crate::display::stored_value;
use crate::frames::{FrameReader, PixelModule};
use crate::lut::{Modality, functional_group};
use crate::object::numbers;
use crate::{Header, PixelError};
use dicom_dictionary_std::tags;
use dicom_object::InMemDicomObject;
use lightbox_domain::Limits;
use std::path::Path;

/// Which values of a frame are read.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum PlaneValues {
    /// As stored.
    Stored,
    /// After the modality LUT (PS3.3 §C.11.1), in the units of the modality, such as Hounsfield units.
    Modality,
}

/// One frame in one channel.
#[derive(Clone, Debug, PartialEq)]
pub struct Plane {
    /// Height in pixels.
    pub rows: u32,
    /// Width in pixels.
    pub columns: u32,
    /// `rows × columns` values, row by row.
    pub values: Vec<f32>,
    /// What the least and the greatest stored value would be.
    pub range: [f32; 2],
    /// Whether a lesser value is brighter: `MONOCHROME1`.
    pub inverted: bool,
    /// Where the pixels lie.
    pub place: PlanePlace,
}

/// Where the pixels of a frame lie in the patient.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct PlanePlace {
    /// Millimetres between rows, and between columns: `PixelSpacing`.
    pub spacing_mm: Option<[f64; 2]>,
    /// The directions in which the column and the row index grow, as unit vectors towards the patient's left, back and head:
    /// `ImageOrientationPatient` (PS3.3 §C.7.6.2.1.1).
    pub orientation: Option<[[f64; 3]; 2]>,
    /// The middle of the first pixel, in millimetres: `ImagePositionPatient`.
    pub position_mm: Option<[f64; 3]>,
}

/// The values of a frame, which counts from 0.
///
/// # Errors
/// [`PixelError`] when there is no such frame, it cannot be decoded, or it has more than one channel.
pub fn read_plane(path: &Path, frame: u32, values: PlaneValues, limits: &Limits) -> Result<Plane, PixelError> {
    let mut reader = FrameReader::open(path, limits)?;
    let Decoded { module, bytes } = reader.read_decoded(frame)?;
    if module.samples != 1 {
        return Err(PixelError::Unsupported("values of an image in colour".to_owned()));
    }
    let object = reader.header().object();
    let modality = match values {
        PlaneValues::Stored => Modality::NONE,
        PlaneValues::Modality => Modality::of_frame(object, frame),
    };
    let value = |word: u32| modality.apply(stored_value(word, &module)) as f32;
    let [least, greatest] = extremes(&module).map(|stored| modality.apply(stored) as f32);
    Ok(Plane {
        rows: module.rows,
        columns: module.columns,
        values: words(&bytes, &module).map(value).collect(),
        range: [least.min(greatest), greatest.max(least)],
        inverted: module.photometric == "MONOCHROME1",
        place: place(object, frame),
    })
}

/// Where the first frame's pixels lie.
#[must_use]
pub fn plane_place(header: &Header) -> PlanePlace {
    place(header.object(), 0)
}

fn words<'a>(bytes: &'a [u8], module: &PixelModule) -> Box<dyn Iterator<Item = u32> + 'a> {
    match module.bits_allocated {
        16 => Box::new(bytes.as_chunks::<2>().0.iter().map(|word| u16::from_le_bytes(*word).into())),
        32 => Box::new(bytes.as_chunks::<4>().0.iter().map(|word| u32::from_le_bytes(*word))),
        _ => Box::new(bytes.iter().map(|byte| u32::from(*byte))),
    }
}

/// The least and the greatest value that the stored bits can say.
fn extremes(module: &PixelModule) -> [f64; 2] {
    let all = 2_f64.powi(module.bits_stored.into());
    if module.signed { [-all / 2.0, all / 2.0 - 1.0] } else { [0.0, all - 1.0] }
}

fn place(object: &InMemDicomObject, frame: u32) -> PlanePlace {
    let measures = functional_group(object, frame, tags::PIXEL_MEASURES_SEQUENCE).unwrap_or(object);
    let orientation = functional_group(object, frame, tags::PLANE_ORIENTATION_SEQUENCE).unwrap_or(object);
    let position = functional_group(object, frame, tags::PLANE_POSITION_SEQUENCE).unwrap_or(object);
    PlanePlace {
        spacing_mm: <[f64; 2]>::try_from(numbers(measures, tags::PIXEL_SPACING))
            .ok()
            .filter(|mm| mm.iter().all(|mm| *mm > 0.0)),
        orientation: directions(&numbers(orientation, tags::IMAGE_ORIENTATION_PATIENT)),
        position_mm: <[f64; 3]>::try_from(numbers(position, tags::IMAGE_POSITION_PATIENT)).ok(),
    }
}

/// Two directions, if they are of length 1 and at right angles, as nearly as decimal strings say it.
fn directions(numbers: &[f64]) -> Option<[[f64; 3]; 2]> {
    const TOLERANCE: f64 = 1e-3;
    let [a, b, c, d, e, f] = *numbers else { return None };
    let (along_row, along_column) = ([a, b, c], [d, e, f]);
    let dot = |one: [f64; 3], other: [f64; 3]| one.iter().zip(other).map(|(one, other)| one * other).sum::<f64>();
    let lengths = [dot(along_row, along_row), dot(along_column, along_column)];
    let right =
        lengths.iter().all(|square| (square - 1.0).abs() < TOLERANCE) && dot(along_row, along_column).abs() < TOLERANCE;
    right.then_some([along_row, along_column])
}

//! Resizing along the axes; and bilinear resizing with antialiasing, to the bit what Python's Pillow does with 8-bit images.
//!
//! Many models were trained on what Pillow made of their images, and a score is only the original's if its pixels are.
//! Pillow rounds the factors to 22 bits, works across before it works down, and rounds to 8 bits in between; the
//! resizing crates that we know do one of these differently and are off by one here and there.

use lightbox_domain::Filter;
use ndarray::{Array3, Axis};

/// Bits behind the binary point of a factor: what 32 bits leave beside an 8-bit value and two for overflow.
const FRACTION_BITS: u32 = 32 - 8 - 2;
const HALF: i32 = 1 << (FRACTION_BITS - 1);

/// The source pixels that make up one pixel of the result.
struct Taps {
    first: usize,
    /// Fixed point with [`FRACTION_BITS`]; their sum is 1.
    factors: Vec<i32>,
}

/// The values at the size `rows × columns`, each rounded to a whole number from 0 to 255 after each of the two axes.
pub fn rounded(values: &Array3<f32>, rows: usize, columns: usize) -> Array3<f32> {
    let (slices, from_rows, from_columns) = values.dim();
    let mut result = Array3::zeros((slices, rows, columns));
    for (source, mut target) in values.outer_iter().zip(result.outer_iter_mut()) {
        let pixels: Vec<u8> = source.iter().map(|value| value.round() as u8).collect();
        let narrow = match from_columns == columns {
            true => pixels,
            false => across(&pixels, from_columns, &fixed_taps(from_columns, columns)),
        };
        let small = match from_rows == rows {
            true => narrow,
            false => down(&narrow, columns, &fixed_taps(from_rows, rows)),
        };
        target.iter_mut().zip(small).for_each(|(value, pixel)| *value = f32::from(pixel));
    }
    result
}

/// The values with `side` places along an axis.
pub fn along(values: &Array3<f32>, axis: Axis, side: usize, filter: Filter) -> Array3<f32> {
    let from = values.len_of(axis);
    if from == side {
        return values.clone();
    }
    let taps = match filter {
        Filter::Nearest => nearest(from, side),
        Filter::Linear => triangle(from, side, 1.0),
        Filter::Antialiased => triangle(from, side, (from as f64 / side as f64).max(1.0)),
    };
    let mut shape = values.raw_dim();
    shape[axis.index()] = side;
    let mut result = Array3::zeros(shape);
    for (mut target, taps) in result.axis_iter_mut(axis).zip(&taps) {
        for (place, weight) in (taps.first..).zip(&taps.weights) {
            target.scaled_add(*weight as f32, &values.index_axis(axis, place));
        }
    }
    result
}

/// The places of the source that make up one of the result, and what each counts.
struct Weights {
    first: usize,
    /// Their sum is 1.
    weights: Vec<f64>,
}

fn nearest(source: usize, result: usize) -> Vec<Weights> {
    let step = source as f64 / result as f64;
    let place = |place: usize| (((place as f64 + 0.5) * step) as usize).min(source - 1);
    (0..result).map(|at| Weights { first: place(at), weights: vec![1.0] }).collect()
}

/// The triangle filter, which reaches so many places of the source to each side.
fn triangle(source: usize, result: usize, reach: f64) -> Vec<Weights> {
    let step = source as f64 / result as f64;
    (0..result)
        .map(|place| {
            let centre = (place as f64 + 0.5) * step;
            let first = (centre - reach + 0.5).max(0.0) as usize;
            let end = ((centre + reach + 0.5) as usize).min(source).max(first + 1);
            let weight = |pixel: usize| (1.0 - ((pixel as f64 - centre + 0.5) / reach).abs()).max(0.0);
            let weights: Vec<f64> = (first..end).map(weight).collect();
            let sum: f64 = weights.iter().sum();
            Weights { first, weights: weights.into_iter().map(|weight| weight / sum).collect() }
        })
        .collect()
}

/// The triangle filter, as wide as one step of the result, or of the source where that is the greater.
fn fixed_taps(source: usize, result: usize) -> Vec<Taps> {
    let fixed = |weight: &f64| (0.5 + weight * f64::from(1 << FRACTION_BITS)) as i32;
    triangle(source, result, (source as f64 / result as f64).max(1.0))
        .into_iter()
        .map(|Weights { first, weights }| Taps { first, factors: weights.iter().map(fixed).collect() })
        .collect()
}

fn across(pixels: &[u8], columns: usize, taps: &[Taps]) -> Vec<u8> {
    let mut result = Vec::with_capacity(pixels.len() / columns * taps.len());
    for row in pixels.chunks_exact(columns) {
        result.extend(taps.iter().map(|taps| {
            let sum: i32 =
                row[taps.first..].iter().zip(&taps.factors).map(|(pixel, factor)| i32::from(*pixel) * factor).sum();
            whole(sum)
        }));
    }
    result
}

fn down(pixels: &[u8], columns: usize, taps: &[Taps]) -> Vec<u8> {
    let mut result = Vec::with_capacity(taps.len() * columns);
    let mut sums = vec![0; columns];
    for taps in taps {
        sums.fill(0);
        for (row, factor) in pixels[taps.first * columns..].chunks_exact(columns).zip(&taps.factors) {
            for (sum, pixel) in sums.iter_mut().zip(row) {
                *sum += i32::from(*pixel) * factor;
            }
        }
        result.extend(sums.iter().map(|sum| whole(*sum)));
    }
    result
}

fn whole(sum: i32) -> u8 {
    ((sum + HALF) >> FRACTION_BITS).clamp(0, 255) as u8
}

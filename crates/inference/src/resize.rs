//! Bilinear resizing with antialiasing, to the bit what Python's Pillow does with 8-bit images.
//!
//! Many models were trained on what Pillow made of their images, and a score is only the original's if its pixels are.
//! Pillow rounds the factors to 22 bits, works across before it works down, and rounds to 8 bits in between; the
//! resizing crates that we know do one of these differently and are off by one here and there.

use lightbox_dicom::GreyImage;

/// Bits behind the binary point of a factor: what 32 bits leave beside an 8-bit value and two for overflow.
const FRACTION_BITS: u32 = 32 - 8 - 2;
const HALF: i32 = 1 << (FRACTION_BITS - 1);

/// The source pixels that make up one pixel of the result.
struct Taps {
    first: usize,
    /// Fixed point with [`FRACTION_BITS`]; their sum is 1.
    factors: Vec<i32>,
}

/// The pixels of `image` at the size `rows × columns`, row by row. `image` must hold `rows × columns` pixels, not none.
pub fn bilinear(image: &GreyImage, rows: u32, columns: u32) -> Vec<u8> {
    let narrow = if image.columns == columns {
        image.pixels.clone()
    } else {
        across(&image.pixels, image.columns as usize, &taps(image.columns, columns))
    };
    if image.rows == rows { narrow } else { down(&narrow, columns as usize, &taps(image.rows, rows)) }
}

/// The triangle filter, as wide as one step of the result, or of the source where that is the greater.
fn taps(source: u32, result: u32) -> Vec<Taps> {
    let step = f64::from(source) / f64::from(result);
    let reach = step.max(1.0);
    (0..result)
        .map(|place| {
            let centre = (f64::from(place) + 0.5) * step;
            let first = (centre - reach + 0.5).max(0.0) as u32;
            let end = ((centre + reach + 0.5) as u32).min(source);
            let weights: Vec<f64> =
                (first..end).map(|pixel| (1.0 - ((f64::from(pixel) - centre + 0.5) / reach).abs()).max(0.0)).collect();
            let sum: f64 = weights.iter().sum();
            let fixed = |weight: &f64| (0.5 + weight / sum * f64::from(1 << FRACTION_BITS)) as i32;
            Taps { first: first as usize, factors: weights.iter().map(fixed).collect() }
        })
        .collect()
}

fn across(pixels: &[u8], columns: usize, taps: &[Taps]) -> Vec<u8> {
    let mut result = Vec::with_capacity(pixels.len() / columns * taps.len());
    for row in pixels.chunks_exact(columns) {
        result.extend(taps.iter().map(|taps| {
            let sum: i32 =
                row[taps.first..].iter().zip(&taps.factors).map(|(pixel, factor)| i32::from(*pixel) * factor).sum();
            rounded(sum)
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
        result.extend(sums.iter().map(|sum| rounded(*sum)));
    }
    result
}

fn rounded(sum: i32) -> u8 {
    ((sum + HALF) >> FRACTION_BITS).clamp(0, 255) as u8
}

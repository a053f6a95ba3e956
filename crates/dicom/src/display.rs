//! Images as a person or an app sees them, by PS3.4 §N.2: stored values, modality LUT, VOI LUT, presentation LUT.

use crate::decode::Decoded;
use crate::frames::{FrameReader, PixelModule};
use crate::lut::GreyPipeline;
use crate::pixels::{DisplayImage, GreyImage, Window};
use crate::{PixelError, colour};
use dicom_object::InMemDicomObject;
use lightbox_domain::Limits;
use std::path::Path;

/// One frame as a person sees it. `frame` counts from 0; `window` replaces the header's.
///
/// Without a window, values of up to 8 bits keep their place between black and white; wider ones fill the range.
///
/// # Errors
/// [`PixelError`] when there is no such frame or it cannot be decoded.
pub fn display_image(
    path: &Path,
    frame: u32,
    window: Option<Window>,
    limits: &Limits,
) -> Result<DisplayImage, PixelError> {
    let mut reader = FrameReader::open(path, limits)?;
    let Decoded { module, bytes } = reader.read_decoded(frame)?;
    let object = reader.header().object();
    match module.photometric.as_str() {
        "MONOCHROME1" | "MONOCHROME2" if module.samples == 1 => {
            Ok(DisplayImage::Grey(to_grey(object, &module, &bytes, frame, window)))
        }
        _ => colour::to_rgb(object, &module, &bytes).map(DisplayImage::Rgb),
    }
}

fn to_grey(
    object: &InMemDicomObject,
    module: &PixelModule,
    bytes: &[u8],
    frame: u32,
    window: Option<Window>,
) -> GreyImage {
    let mut pipeline = GreyPipeline::read(object, module, frame, window);
    let pixels = match module.bits_allocated {
        16 => {
            let words: Vec<u16> = bytes.as_chunks::<2>().0.iter().map(|word| u16::from_le_bytes(*word)).collect();
            look_up(&words, module, &mut pipeline)
        }
        32 => {
            let words: Vec<u32> = bytes.as_chunks::<4>().0.iter().map(|word| u32::from_le_bytes(*word)).collect();
            map_each(&words, module, &mut pipeline)
        }
        _ => look_up(bytes, module, &mut pipeline),
    };
    GreyImage { rows: module.rows, columns: module.columns, pixels }
}

/// Maps words of at most 16 bits by a table over those between the least and the largest value: an image has a few thousand
/// different ones, a table of all that may be has more entries than many an image pixels.
fn look_up<W: Copy + Into<usize>>(words: &[W], module: &PixelModule, pipeline: &mut GreyPipeline) -> Vec<u8> {
    let stored = |word: usize| stored_value(word as u32, module);
    let word_count = 1_usize << (8 * std::mem::size_of::<W>());
    if pipeline.wants_range() {
        if module.bits_stored <= 8 {
            pipeline.set_range((0..word_count).map(stored));
        } else {
            let mut present = vec![false; word_count];
            words.iter().for_each(|word| present[(*word).into()] = true);
            pipeline.set_range((0..word_count).filter(|word| present[*word]).map(stored));
        }
    }
    // With the highest bit changed, words of signed values are in the order of what they say.
    let turn = if module.signed { word_count / 2 } else { 0 };
    let (mut first, mut last) = (word_count - 1, 0);
    for word in words {
        let place = (*word).into() ^ turn;
        (first, last) = (first.min(place), last.max(place));
    }
    let table: Vec<u8> = (first..=last).map(|place| pipeline.grey(stored(place ^ turn))).collect();
    words.iter().map(|word| table[((*word).into() ^ turn) - first]).collect()
}

/// Maps words of 32 bits one by one.
fn map_each(words: &[u32], module: &PixelModule, pipeline: &mut GreyPipeline) -> Vec<u8> {
    if pipeline.wants_range() {
        pipeline.set_range(words.iter().map(|word| stored_value(*word, module)));
    }
    words.iter().map(|word| pipeline.grey(stored_value(*word, module))).collect()
}

/// The bits of a word that carry the value, with their sign (PS3.5 §8.1.1).
pub(crate) fn stored_value(word: u32, module: &PixelModule) -> f64 {
    let above = 32 - u32::from(module.high_bit) - 1;
    let unused = 32 - u32::from(module.bits_stored);
    let aligned = word << above;
    if module.signed { f64::from(aligned.cast_signed() >> unused) } else { f64::from(aligned >> unused) }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[track_caller]
    fn check((bits_stored, high_bit, signed): (u16, u16, bool), word: u32, expected: f64) {
        let module = PixelModule {
            rows: 1,
            columns: 1,
            samples: 1,
            bits_allocated: 16,
            bits_stored,
            high_bit,
            signed,
            photometric: "MONOCHROME2".to_owned(),
            planar: false,
            frames: 1,
        };
        assert_eq!(stored_value(word, &module), expected);
    }

    #[test]
    fn only_the_stored_bits_count() {
        check((12, 11, false), 0xF123, 291.0);
        check((12, 11, true), 0x0FFF, -1.0);
        check((12, 15, true), 0x8005, -2048.0);
        check((16, 15, true), 0x8000, -32768.0);
        check((16, 15, false), 0x8000, 32768.0);
        check((1, 0, false), 1, 1.0);
    }
}

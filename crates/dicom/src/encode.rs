//! Native frames to compressed ones, all without loss. What compression can say only by losing something is refused.

use crate::frames::PixelModule;
use crate::{PixelError, colour, decode, rle};
use charls::{CharLS, FrameInfo, InterleaveMode};
use dicom_dictionary_std::uids;
use std::borrow::Cow;
use std::panic::{AssertUnwindSafe, catch_unwind};
use zune_core::bit_depth::BitDepth;
use zune_core::colorspace::ColorSpace;
use zune_core::options::EncoderOptions;
use zune_jpegxl::JxlSimpleEncoder;

/// How the pixels have to be described once they are compressed: pixel by pixel, each with all its samples.
pub(crate) fn compressed_module(uid: &str, module: &PixelModule) -> Result<PixelModule, PixelError> {
    let mut compressed = module.clone();
    compressed.planar = false;
    if module.photometric == "YBR_FULL_422" && module.bits_allocated == 8 {
        compressed.photometric = "YBR_FULL".to_owned();
    }
    let fits = match (uid, module.samples, module.bits_allocated) {
        (uids::RLE_LOSSLESS, 1, 8 | 16 | 32) | (uids::JPEGLS_LOSSLESS | uids::JPEGXL_LOSSLESS, 1, 8 | 16) => true,
        (uids::RLE_LOSSLESS, 3, 8 | 16 | 32) | (uids::JPEGLS_LOSSLESS, 3, 8 | 16) => {
            matches!(compressed.photometric.as_str(), "RGB" | "YBR_FULL")
        }
        // The codestream says that its colours are RGB.
        (uids::JPEGXL_LOSSLESS, 3, 8 | 16) => compressed.photometric == "RGB",
        _ => false,
    };
    if fits {
        return Ok(compressed);
    }
    Err(PixelError::Unsupported(format!(
        "{} sample(s) of {} bits of photometric interpretation {} have no lossless form in this transfer syntax",
        module.samples, module.bits_allocated, module.photometric
    )))
}

/// Compresses a native little-endian frame that `module` describes, to the syntax of that UID.
pub(crate) fn encode(uid: &str, module: &PixelModule, native: &[u8]) -> Result<Vec<u8>, PixelError> {
    let compressed = compressed_module(uid, module)?;
    let by_pixel = by_pixel(module, native);
    let frame_bytes = module.pixels() * usize::from(module.samples) * module.sample_bytes();
    let by_pixel = by_pixel
        .get(..frame_bytes)
        .ok_or_else(|| PixelError::Malformed(format!("the frame has {} bytes, not {frame_bytes}", by_pixel.len())))?;
    match uid {
        uids::JPEGLS_LOSSLESS => encode_jpeg_ls(&compressed, by_pixel),
        uids::JPEGXL_LOSSLESS => encode_jpeg_xl(&compressed, by_pixel),
        _ => rle::encode(by_pixel, module.columns as usize, module.samples.into(), module.sample_bytes())
            .ok_or_else(|| failure("RLE", "too many segments")),
    }
}

fn by_pixel<'a>(module: &PixelModule, native: &'a [u8]) -> Cow<'a, [u8]> {
    if module.is_subsampled() {
        return Cow::Owned(colour::share_colours(native));
    }
    if module.planar && module.samples > 1 {
        return Cow::Owned(decode::interleave(native, module.samples.into(), module.sample_bytes()));
    }
    Cow::Borrowed(native)
}

/// ITU-T T.87. Its samples have as many bits as are stored, so that the sign that fills the bits above costs nothing.
/// Where these bits hold something else, as overlays of old did, all allocated bits are encoded.
fn encode_jpeg_ls(module: &PixelModule, native: &[u8]) -> Result<Vec<u8>, PixelError> {
    let bits = jpeg_ls_bits(module, native);
    let samples: Cow<[u8]> = match (module.bits_allocated, bits) {
        (16, ..=8) => native.iter().step_by(2).copied().collect::<Vec<u8>>().into(),
        (16, 9..16) => mask_words(native, bits).into(),
        _ => Cow::Borrowed(native),
    };
    let info = FrameInfo {
        width: module.columns,
        height: module.rows,
        bits_per_sample: bits.into(),
        component_count: module.samples.into(),
    };
    let mut codec = CharLS::default();
    if module.samples > 1 {
        codec.set_interleave_mode(InterleaveMode::Sample).map_err(|error| failure("JPEG-LS", &error.to_string()))?;
    }
    // It has room for little more than the native frame, so that pure noise of all bits does not fit.
    codec.encode(info, 0, &samples).map_err(|error| failure("JPEG-LS", &error.to_string()))
}

fn jpeg_ls_bits(module: &PixelModule, native: &[u8]) -> u16 {
    let (stored, allocated) = (module.bits_stored, module.bits_allocated);
    let above = 16_u16.saturating_sub(stored);
    let is_plain = |word: &[u8; 2]| {
        if module.signed {
            let value = i16::from_le_bytes(*word);
            value << above >> above == value
        } else {
            u16::from_le_bytes(*word) >> stored == 0
        }
    };
    let narrows = allocated == 16 && (2..16).contains(&stored) && module.high_bit + 1 == stored;
    if narrows && native.as_chunks().0.iter().all(is_plain) { stored } else { allocated }
}

fn mask_words(native: &[u8], bits: u16) -> Vec<u8> {
    let mask = (1_u16 << bits) - 1;
    native.as_chunks().0.iter().flat_map(|word| (u16::from_le_bytes(*word) & mask).to_le_bytes()).collect()
}

/// ISO/IEC 18181-1, all allocated bits. The encoder knows no image of a single row or column. It is young, so its output is
/// believed only when it decodes to what went in.
fn encode_jpeg_xl(module: &PixelModule, native: &[u8]) -> Result<Vec<u8>, PixelError> {
    let depth = if module.bits_allocated == 8 { BitDepth::Eight } else { BitDepth::Sixteen };
    let colours = if module.samples == 3 { ColorSpace::RGB } else { ColorSpace::Luma };
    let options = EncoderOptions::new(module.columns as usize, module.rows as usize, colours, depth).set_num_threads(1);
    let outcome = catch_unwind(AssertUnwindSafe(|| {
        let mut stream = Vec::new();
        JxlSimpleEncoder::new(native, options).encode(&mut stream).map(|_| stream)
    }));
    let stream = match outcome {
        Ok(Ok(stream)) => stream,
        Ok(Err(error)) => return Err(failure("JPEG XL", &format!("{error:?}"))),
        Err(_panic) => return Err(failure("JPEG XL", "the encoder gave up")),
    };
    let decoded = decode::decode(uids::JPEGXL_LOSSLESS, module, &stream)?;
    if decoded.bytes == native { Ok(stream) } else { Err(failure("JPEG XL", "it would not come out as it went in")) }
}

fn failure(codec: &str, why: &str) -> PixelError {
    PixelError::Unsupported(format!("the frame cannot be encoded as {codec}: {why}"))
}

//! Compressed frames to native samples, through the codecs of the transfer syntax registry.
//!
//! The codecs believe the header where header and codestream differ, and some panic on corrupt input. So the codestream's
//! own header is read first, the codec gets what that says, and a panic is an error like any other.

use crate::codestream::{self, StreamInfo};
use crate::frames::PixelModule;
use crate::syntax::transfer_syntax;
use crate::{PixelError, jpeg_xl, rle};
use dicom_dictionary_std::uids;
use dicom_encoding::adapters::{PixelDataObject, PixelDataReader, RawPixelData};
use dicom_encoding::transfer_syntax::TransferSyntaxIndex;
use dicom_transfer_syntax_registry::TransferSyntaxRegistry;
use flate2::read::DeflateDecoder;
use std::borrow::Cow;
use std::io::Read;
use std::panic::{AssertUnwindSafe, catch_unwind};

/// Native little-endian samples, pixel by pixel.
pub(crate) struct Decoded {
    /// How they are to be read, which may differ from the header: colour is RGB after most codecs.
    pub module: PixelModule,
    /// The samples.
    pub bytes: Vec<u8>,
}

/// Decodes a compressed frame.
pub(crate) fn decode(uid: &str, module: &PixelModule, frame: &[u8]) -> Result<Decoded, PixelError> {
    let mut module = module.clone();
    if module.bits_allocated == 1 {
        return Err(PixelError::Unsupported("compressed single-bit pixels".to_owned()));
    }
    let mut frame_bytes = module.pixels() * usize::from(module.samples) * module.sample_bytes();
    if matches!(uid, uids::ENCAPSULATED_UNCOMPRESSED_EXPLICIT_VR_LITTLE_ENDIAN | uids::DEFLATED_IMAGE_FRAME_COMPRESSION)
    {
        // These alone may leave pixels subsampled.
        frame_bytes = module.frame_bytes();
    }
    let mut bytes = match uid {
        uids::ENCAPSULATED_UNCOMPRESSED_EXPLICIT_VR_LITTLE_ENDIAN => frame.to_vec(),
        uids::RLE_LOSSLESS => {
            module.planar = false;
            rle::decode(frame, module.pixels(), module.samples.into(), module.sample_bytes())
                .ok_or_else(|| corrupt("RLE"))?
        }
        uids::DEFLATED_IMAGE_FRAME_COMPRESSION => inflate(frame, frame_bytes)?,
        _ => decode_by_codec(uid, frame, &mut module)?,
    };
    if bytes.len() < frame_bytes {
        return Err(PixelError::Malformed(format!("the frame has {} bytes, not {frame_bytes}", bytes.len())));
    }
    // A fragment's padding is no pixel.
    bytes.truncate(frame_bytes);
    Ok(Decoded { module, bytes })
}

fn inflate(bytes: &[u8], frame_bytes: usize) -> Result<Vec<u8>, PixelError> {
    let mut inflated = Vec::new();
    let length = DeflateDecoder::new(bytes).take(frame_bytes as u64).read_to_end(&mut inflated);
    length.map_err(|_| corrupt("deflated"))?;
    Ok(inflated)
}

fn decode_by_codec(uid: &str, stream: &[u8], module: &mut PixelModule) -> Result<Vec<u8>, PixelError> {
    let (mut bytes, info) = match uid {
        uids::JPEGXL | uids::JPEGXL_LOSSLESS | uids::JPEGXLJPEG_RECOMPRESSION => decode_jpeg_xl(stream, module)?,
        _ => decode_by_registry(uid, stream, module)?,
    };
    let stream_bits = info.map_or(module.bits_allocated, container_bits);
    if info.is_some_and(|info| info.planar) {
        bytes = interleave(&bytes, module.samples.into(), usize::from(stream_bits / 8));
    }
    if stream_bits < module.bits_allocated {
        bytes = bytes.iter().flat_map(|byte| [*byte, 0]).collect();
    }
    let has_bits_above = info.is_some_and(|info| info.bits < module.bits_allocated);
    if module.signed && module.bits_allocated == 16 && has_bits_above {
        extend_sign(&mut bytes, module);
    }
    module.planar = false;
    if module.samples == 3 && !keeps_colours(uid, &module.photometric) {
        module.photometric = "RGB".to_owned();
    }
    Ok(bytes)
}

/// Bits of the words in which a codec gives its samples.
fn container_bits(info: StreamInfo) -> u16 {
    if info.bits > 8 { 16 } else { 8 }
}

fn decode_by_registry(
    uid: &str,
    stream: &[u8],
    module: &PixelModule,
) -> Result<(Vec<u8>, Option<StreamInfo>), PixelError> {
    let syntax = TransferSyntaxRegistry.get(uid);
    let Some(codec) = syntax.and_then(|syntax| syntax.pixel_data_reader()) else {
        let name = transfer_syntax(uid).map_or(uid, |syntax| &syntax.name);
        return Err(PixelError::Unsupported(format!("there is no decoder for {name}")));
    };
    let info = codestream::read_info(stream);
    if let Some(info) = info {
        check_against_header(info, module)?;
    }
    if codestream::is_lossy_jpeg(stream) && info.is_some_and(|info| info.bits > 8) {
        return Err(PixelError::Unsupported("there is no decoder for JPEG with loss of more than 8 bits".to_owned()));
    }
    let bits_allocated = info.map_or(module.bits_allocated, container_bits);
    let encoded = EncodedFrame { uid, module, bits_allocated, bytes: name_colours(stream, module) };
    Ok((run_codec(codec.as_ref(), &encoded)?, info))
}

fn decode_jpeg_xl(stream: &[u8], module: &PixelModule) -> Result<(Vec<u8>, Option<StreamInfo>), PixelError> {
    let undecodable = |error: String| PixelError::Malformed(format!("the frame cannot be decoded: {error}"));
    let outcome = catch_unwind(AssertUnwindSafe(|| {
        let frame = jpeg_xl::Frame::open(stream).map_err(undecodable)?;
        check_against_header(frame.info(), module)?;
        Ok((frame.decode().map_err(undecodable)?, Some(frame.info())))
    }));
    outcome.unwrap_or_else(|_panic| Err(corrupt("compressed")))
}

/// Codestreams that say unsigned where the header says signed leave the bits above the stored ones clear.
fn extend_sign(bytes: &mut [u8], module: &PixelModule) {
    let above = 15_u16.saturating_sub(module.high_bit);
    for word in bytes.as_chunks_mut::<2>().0 {
        *word = (i16::from_le_bytes(*word) << above >> above).to_le_bytes();
    }
}

/// Whether the codec gives colours as the header names them. Those of JPEG and JPEG XL always give RGB, and JPEG 2000's own
/// colour transforms are undone; JPEG-LS knows no colours.
fn keeps_colours(uid: &str, photometric: &str) -> bool {
    let jpeg_ls = matches!(uid, uids::JPEGLS_LOSSLESS | uids::JPEGLS_NEAR_LOSSLESS);
    let jpeg_2000 = uid.starts_with("1.2.840.10008.1.2.4.9") || uid.starts_with("1.2.840.10008.1.2.4.20");
    jpeg_ls || jpeg_2000 && photometric == "YBR_FULL"
}

fn check_against_header(info: StreamInfo, module: &PixelModule) -> Result<(), PixelError> {
    let agree = (info.rows, info.columns, info.components) == (module.rows, module.columns, module.samples)
        && info.bits <= module.bits_allocated;
    if agree {
        return Ok(());
    }
    Err(PixelError::Malformed(format!(
        "the header says {} × {} × {} of {} bits, the compressed frame {} × {} × {} of {}",
        module.rows,
        module.columns,
        module.samples,
        module.bits_allocated,
        info.rows,
        info.columns,
        info.components,
        info.bits
    )))
}

/// A JPEG frame in RGB without a segment that says so would be taken for YCbCr; the header knows better.
fn name_colours<'a>(stream: &'a [u8], module: &PixelModule) -> Cow<'a, [u8]> {
    const ADOBE_RGB: [u8; 16] = *b"\xFF\xEE\x00\x0EAdobe\x00\x64\x00\x00\x00\x00\x00";
    let is_jpeg = stream.starts_with(&[0xFF, 0xD8]);
    if is_jpeg && module.photometric == "RGB" && !codestream::jpeg_names_colours(stream) {
        return Cow::Owned([&stream[..2], &ADOBE_RGB, &stream[2..]].concat());
    }
    Cow::Borrowed(stream)
}

fn run_codec(codec: &dyn PixelDataReader, encoded: &EncodedFrame<'_>) -> Result<Vec<u8>, PixelError> {
    let outcome = catch_unwind(AssertUnwindSafe(|| {
        let mut bytes = Vec::new();
        codec.decode_frame(encoded, 0, &mut bytes).map(|()| bytes)
    }));
    match outcome {
        Ok(Ok(bytes)) => Ok(bytes),
        Ok(Err(error)) => Err(PixelError::Malformed(format!("the frame cannot be decoded: {error}"))),
        Err(_panic) => Err(corrupt("compressed")),
    }
}

/// Channel after channel to pixel by pixel.
pub(crate) fn interleave(planar: &[u8], samples: usize, sample_bytes: usize) -> Vec<u8> {
    let plane = planar.len() / samples;
    let mut bytes = Vec::with_capacity(planar.len());
    for at in (0..plane).step_by(sample_bytes) {
        for sample in 0..samples {
            let start = sample * plane + at;
            bytes.extend_from_slice(&planar[start..(start + sample_bytes).min(planar.len())]);
        }
    }
    bytes
}

fn corrupt(what: &str) -> PixelError {
    PixelError::Malformed(format!("the {what} frame is corrupt"))
}

/// One frame as the codecs want to see it: an object with a single frame in a single fragment.
struct EncodedFrame<'a> {
    uid: &'a str,
    module: &'a PixelModule,
    bits_allocated: u16,
    bytes: Cow<'a, [u8]>,
}

impl PixelDataObject for EncodedFrame<'_> {
    fn transfer_syntax_uid(&self) -> &str {
        self.uid
    }

    fn rows(&self) -> Option<u16> {
        u16::try_from(self.module.rows).ok()
    }

    fn cols(&self) -> Option<u16> {
        u16::try_from(self.module.columns).ok()
    }

    fn samples_per_pixel(&self) -> Option<u16> {
        Some(self.module.samples)
    }

    fn bits_allocated(&self) -> Option<u16> {
        Some(self.bits_allocated)
    }

    fn bits_stored(&self) -> Option<u16> {
        Some(self.module.bits_stored)
    }

    fn photometric_interpretation(&self) -> Option<&str> {
        Some(&self.module.photometric)
    }

    fn number_of_frames(&self) -> Option<u32> {
        Some(1)
    }

    fn number_of_fragments(&self) -> Option<u32> {
        Some(1)
    }

    fn fragment(&self, fragment: usize) -> Option<Cow<'_, [u8]>> {
        (fragment == 0).then(|| Cow::Borrowed(&*self.bytes))
    }

    fn offset_table(&self) -> Option<Cow<'_, [u32]>> {
        None
    }

    fn raw_pixel_data(&self) -> Option<RawPixelData> {
        Some(RawPixelData { fragments: vec![self.bytes.to_vec()].into(), offset_table: Vec::new().into() })
    }
}

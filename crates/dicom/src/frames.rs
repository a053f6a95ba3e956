//! Frames as they lie in the file.

use crate::object::{self, PixelData, integer, numbers, text};
use crate::pixels::StoredFrame;
use crate::syntax;
use crate::{Header, InspectError, PixelError, decode};
use dicom_core::VR;
use dicom_dictionary_std::{tags, uids};
use dicom_object::InMemDicomObject;
use lightbox_domain::Limits;
use std::fs::File;
use std::path::Path;

/// How an object's pixels are to be read (PS3.3 §C.7.6.3).
#[derive(Clone, Debug, PartialEq)]
pub(crate) struct PixelModule {
    /// Height in pixels.
    pub rows: u32,
    /// Width in pixels.
    pub columns: u32,
    /// Channels.
    pub samples: u16,
    /// Bits that a sample takes.
    pub bits_allocated: u16,
    /// Bits of them that carry its value.
    pub bits_stored: u16,
    /// The place of the most significant of these.
    pub high_bit: u16,
    /// Whether the value is in two's complement.
    pub signed: bool,
    /// `PhotometricInterpretation`.
    pub photometric: String,
    /// Whether channels lie one after another rather than pixel by pixel.
    pub planar: bool,
    /// How many frames the object has.
    pub frames: u32,
}

impl PixelModule {
    /// Reads and checks the module before anything of that size is allocated.
    pub(crate) fn read(object: &InMemDicomObject, limits: &Limits) -> Result<Self, PixelError> {
        let number = |tag| integer(object, tag).and_then(|number| u16::try_from(number).ok());
        let required = |tag, keyword: &str| {
            number(tag)
                .filter(|number| *number > 0)
                .ok_or_else(|| PixelError::Malformed(format!("{keyword} is missing")))
        };
        let bits_allocated = required(tags::BITS_ALLOCATED, "BitsAllocated")?;
        let bits_stored = number(tags::BITS_STORED).unwrap_or(bits_allocated);
        let module = Self {
            rows: required(tags::ROWS, "Rows")?.into(),
            columns: required(tags::COLUMNS, "Columns")?.into(),
            samples: number(tags::SAMPLES_PER_PIXEL).unwrap_or(1),
            bits_allocated,
            bits_stored,
            high_bit: number(tags::HIGH_BIT).unwrap_or(bits_stored.saturating_sub(1)),
            signed: number(tags::PIXEL_REPRESENTATION) == Some(1),
            photometric: text(object, tags::PHOTOMETRIC_INTERPRETATION),
            planar: number(tags::PLANAR_CONFIGURATION) == Some(1),
            frames: integer(object, tags::NUMBER_OF_FRAMES).and_then(|n| u32::try_from(n).ok()).unwrap_or(1).max(1),
        };
        module.check(limits)?;
        Ok(module)
    }

    fn check(&self, limits: &Limits) -> Result<(), PixelError> {
        let pixels = u64::from(self.rows) * u64::from(self.columns);
        if pixels > limits.image_pixels_max {
            return Err(PixelError::TooLarge { pixels, limit: limits.image_pixels_max });
        }
        if !matches!(self.bits_allocated, 1 | 8 | 16 | 32) || !matches!(self.samples, 1 | 3 | 4) {
            let what = format!("{} sample(s) of {} bits a pixel", self.samples, self.bits_allocated);
            return Err(PixelError::Unsupported(what));
        }
        let fits = (1..=self.bits_allocated).contains(&self.bits_stored)
            && (self.bits_stored - 1..self.bits_allocated).contains(&self.high_bit);
        if !fits {
            return Err(PixelError::Malformed(format!(
                "BitsStored {} and HighBit {} do not fit into BitsAllocated {}",
                self.bits_stored, self.high_bit, self.bits_allocated
            )));
        }
        Ok(())
    }

    /// `rows × columns`.
    pub(crate) fn pixels(&self) -> usize {
        self.rows as usize * self.columns as usize
    }

    /// Bytes of a sample; a single bit takes one once it is unpacked.
    pub(crate) fn sample_bytes(&self) -> usize {
        usize::from(self.bits_allocated).div_ceil(8)
    }

    /// Whether two pixels share their colour in native pixel data (PS3.3 §C.7.6.3.1.2).
    pub(crate) fn is_subsampled(&self) -> bool {
        self.samples == 3 && matches!(self.photometric.as_str(), "YBR_FULL_422" | "YBR_PARTIAL_422")
    }

    /// Bits of one native frame.
    fn frame_bits(&self) -> u64 {
        let samples = if self.is_subsampled() { 2 } else { u64::from(self.samples) };
        self.pixels() as u64 * samples * u64::from(self.bits_allocated)
    }
}

/// One frame's bytes, little endian if native, with what is needed to make sense of them.
pub(crate) struct Frame {
    /// The attributes of the whole object.
    pub header: Header,
    /// How the pixels are to be read.
    pub module: PixelModule,
    /// The frame as stored; single bits are unpacked to one byte each.
    pub bytes: Vec<u8>,
    /// Whether the bytes are compressed.
    pub encapsulated: bool,
}

/// One frame as it is stored: the bytes of a native frame in little endian, or the fragments of a compressed one joined.
///
/// # Errors
/// [`PixelError`] when there is no such frame.
pub fn stored_frame(path: &Path, frame: u32, limits: &Limits) -> Result<StoredFrame, PixelError> {
    let frame = read_frame(path, frame, limits)?;
    let uid = frame.header.transfer_syntax_uid();
    Ok(if frame.encapsulated {
        StoredFrame {
            transfer_syntax_uid: uid.to_owned(),
            media_type: syntax::frame_media_type(uid),
            bytes: frame.bytes,
        }
    } else {
        native(&frame.module, frame.bytes)
    })
}

/// One frame decoded to native little endian samples: pixel by pixel, colour as RGB where the codec gives that.
///
/// # Errors
/// [`PixelError`] when there is no such frame or it cannot be decoded.
pub fn native_frame(path: &Path, frame: u32, limits: &Limits) -> Result<StoredFrame, PixelError> {
    let frame = read_frame(path, frame, limits)?;
    if !frame.encapsulated {
        return Ok(native(&frame.module, frame.bytes));
    }
    let decoded = decode::decode(&frame)?;
    Ok(native(&decoded.module, decoded.bytes))
}

fn native(module: &PixelModule, bytes: Vec<u8>) -> StoredFrame {
    StoredFrame {
        bytes: if module.bits_allocated == 1 { pack_bits(&bytes) } else { bytes },
        transfer_syntax_uid: uids::EXPLICIT_VR_LITTLE_ENDIAN.to_owned(),
        media_type: "application/octet-stream",
    }
}

/// Reads one frame and nothing else of the pixel data.
pub(crate) fn read_frame(path: &Path, frame: u32, limits: &Limits) -> Result<Frame, PixelError> {
    let header = Header::read(path)?;
    let pixel_data = header.pixel_data().ok_or(PixelError::NoPixels)?;
    let module = PixelModule::read(header.object(), limits)?;
    if frame >= module.frames {
        return Err(PixelError::NoSuchFrame { frames: module.frames });
    }
    let (bytes, encapsulated) = match pixel_data {
        PixelData::Native { vr, offset, length } => {
            let at = NativePlace { vr: *vr, offset: *offset, length: (*length).into() };
            (read_native(path, &header, &module, frame, at)?, false)
        }
        PixelData::Encapsulated { fragments } => {
            let parts = frame_fragments(path, header.object(), &module, fragments, frame)?;
            (read_ranges(path, &parts)?, true)
        }
    };
    Ok(Frame { header, module, bytes, encapsulated })
}

struct NativePlace {
    vr: VR,
    offset: u64,
    length: u64,
}

fn read_native(
    path: &Path,
    header: &Header,
    module: &PixelModule,
    frame: u32,
    place: NativePlace,
) -> Result<Vec<u8>, PixelError> {
    let frame_bits = module.frame_bits();
    let first_bit = frame_bits * u64::from(frame);
    let (first, end) = (first_bit / 8, (first_bit + frame_bits).div_ceil(8));
    if end > place.length {
        return Err(PixelError::Malformed(format!(
            "{} rows × {} columns × {} frame(s) do not fit into {} bytes of pixel data",
            module.rows, module.columns, module.frames, place.length
        )));
    }
    let big_endian = syntax::lookup(header.transfer_syntax_uid()).is_some_and(|syntax| syntax.encoding.big_endian);
    let word = if big_endian && place.vr == VR::OW { module.sample_bytes().max(2) as u64 } else { 1 };
    let (first_word, end_word) = (first - first % word, end.next_multiple_of(word).min(place.length));
    let mut bytes = read_ranges(path, &[(place.offset + first_word, end_word - first_word)])?;
    if word > 1 {
        bytes.chunks_exact_mut(word as usize).for_each(<[u8]>::reverse);
    }
    bytes.drain(..(first - first_word) as usize);
    bytes.truncate((end - first) as usize);
    if module.bits_allocated == 1 {
        bytes = unpack_bits(&bytes, (first_bit % 8) as usize, module.pixels() * usize::from(module.samples));
    }
    Ok(bytes)
}

/// The first pixel is the least significant bit (PS3.5 §8.1.1).
fn unpack_bits(bytes: &[u8], first: usize, count: usize) -> Vec<u8> {
    (first..first + count).map(|bit| bytes[bit / 8] >> (bit % 8) & 1).collect()
}

fn pack_bits(bytes: &[u8]) -> Vec<u8> {
    bytes.chunks(8).map(|bits| bits.iter().rev().fold(0, |packed, bit| packed << 1 | bit & 1)).collect()
}

/// The bytes of several places of a file, in ascending order.
fn read_ranges(path: &Path, ranges: &[(u64, u64)]) -> Result<Vec<u8>, InspectError> {
    let opened = object::open(Box::new(File::open(path)?), Limits::default().inflated_bytes_max)?;
    let mut source = opened.walker.into_source();
    let mut bytes = Vec::new();
    for (offset, length) in ranges {
        let ahead = offset.checked_sub(source.position()).ok_or(InspectError::Truncated)?;
        source.skip(ahead)?;
        bytes.append(&mut source.read_vec(*length)?);
    }
    Ok(bytes)
}

/// Which fragments make a frame (PS3.5 §A.4, PS3.3 §C.7.6.3.1.8).
fn frame_fragments(
    path: &Path,
    object: &InMemDicomObject,
    module: &PixelModule,
    fragments: &[(u64, u32)],
    frame: u32,
) -> Result<Vec<(u64, u64)>, PixelError> {
    let Some(((table_at, table_bytes), fragments)) = fragments.split_first() else { return Err(PixelError::NoPixels) };
    let all = || fragments.iter().map(|(at, bytes)| (*at, u64::from(*bytes)));
    let (frames, frame) = (module.frames as usize, frame as usize);
    if frames == 1 {
        return Ok(all().collect());
    }
    if fragments.len() == frames {
        return Ok(all().skip(frame).take(1).collect());
    }
    let mut offsets: Vec<u64> =
        numbers(object, tags::EXTENDED_OFFSET_TABLE).into_iter().map(|offset| offset as u64).collect();
    if offsets.len() != frames {
        let table = read_ranges(path, &[(*table_at, (*table_bytes).into())])?;
        offsets = table.as_chunks::<4>().0.iter().map(|entry| u32::from_le_bytes(*entry).into()).collect();
    }
    if offsets.len() != frames {
        let what = format!("{} fragments hold {frames} frames, and no offset table tells which", fragments.len());
        return Err(PixelError::Unsupported(what));
    }
    // Offsets count from the first item after the table; a fragment's item begins 8 bytes before its bytes.
    let origin = fragments.first().map_or(0, |(at, _)| at - 8);
    let next = offsets.get(frame + 1).copied().unwrap_or(u64::MAX);
    Ok(all().filter(|(at, _)| (offsets[frame]..next).contains(&(at - 8 - origin))).collect())
}

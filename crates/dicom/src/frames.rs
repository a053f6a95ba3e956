//! Frames as they lie in the file.

use crate::decode::{self, Decoded};
use crate::object::{self, PixelData, integer, numbers, text};
use crate::pixels::StoredFrame;
use crate::source::ByteSource;
use crate::{Header, InspectError, PixelError, codestream, syntax};
use dicom_core::VR;
use dicom_dictionary_std::{tags, uids};
use dicom_object::InMemDicomObject;
use lightbox_domain::Limits;
use std::fs::File;
use std::path::{Path, PathBuf};

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

    /// Bytes of one native frame, the last begun one included.
    pub(crate) fn frame_bytes(&self) -> usize {
        self.frame_bits().div_ceil(8) as usize
    }

    /// Bits of one native frame.
    fn frame_bits(&self) -> u64 {
        let samples = if self.is_subsampled() { 2 } else { u64::from(self.samples) };
        self.pixels() as u64 * samples * u64::from(self.bits_allocated)
    }
}

/// The frames of an object, one file opened once. In order they are read in one go; going back in a deflated file costs
/// inflating it again.
pub(crate) struct FrameReader {
    path: PathBuf,
    header: Header,
    module: PixelModule,
    place: Place,
    /// Where the last frame ended.
    source: Option<ByteSource<'static>>,
}

/// Where frames lie.
enum Place {
    Native {
        offset: u64,
        length: u64,
        /// Bytes of a word that are to be reversed; 1 if none.
        word: u64,
    },
    Encapsulated {
        /// First byte and bytes of each fragment, in ascending order.
        fragments: Vec<(u64, u32)>,
        /// The first fragment of each frame.
        starts: Vec<usize>,
    },
}

impl FrameReader {
    /// Reads the header and where the frames lie.
    pub(crate) fn open(path: &Path, limits: &Limits) -> Result<Self, PixelError> {
        let header = Header::read(path)?;
        let pixel_data = header.pixel_data().ok_or(PixelError::NoPixels)?;
        let module = PixelModule::read(header.object(), limits)?;
        let place = match pixel_data {
            PixelData::Native { vr, offset, length } => {
                let syntax = syntax::lookup(header.transfer_syntax_uid());
                let big_endian = syntax.is_some_and(|syntax| syntax.encoding.big_endian);
                let word = pixel_word_bytes(*vr, big_endian, module.bits_allocated);
                Place::Native { offset: *offset, length: (*length).into(), word: word as u64 }
            }
            PixelData::Encapsulated { fragments } => find_frames(path, header.object(), &module, fragments)?,
        };
        Ok(Self { path: path.to_owned(), header, module, place, source: None })
    }

    /// The attributes of the whole object.
    pub(crate) fn header(&self) -> &Header {
        &self.header
    }

    /// How the stored pixels are to be read.
    pub(crate) fn module(&self) -> &PixelModule {
        &self.module
    }

    /// Whether the frames are compressed.
    pub(crate) fn is_encapsulated(&self) -> bool {
        matches!(self.place, Place::Encapsulated { .. })
    }

    /// A frame as stored: little endian if native, single bits unpacked to one byte each.
    pub(crate) fn read(&mut self, frame: u32) -> Result<Vec<u8>, PixelError> {
        if frame >= self.module.frames {
            return Err(PixelError::NoSuchFrame { frames: self.module.frames });
        }
        match &self.place {
            Place::Native { offset, length, word } => self.read_native(frame, (*offset, *length), *word),
            Place::Encapsulated { fragments, starts } => {
                let first = starts[frame as usize];
                let end = starts.get(frame as usize + 1).copied().unwrap_or(fragments.len());
                let parts = fragments[first..end].to_vec();
                let mut bytes = Vec::new();
                for (offset, length) in parts {
                    bytes.append(&mut self.read_range(offset, length.into())?);
                }
                Ok(bytes)
            }
        }
    }

    /// A frame as native samples, and how these are to be read.
    pub(crate) fn read_decoded(&mut self, frame: u32) -> Result<Decoded, PixelError> {
        let bytes = self.read(frame)?;
        if self.is_encapsulated() {
            return decode::decode(self.header.transfer_syntax_uid(), &self.module, &bytes);
        }
        Ok(Decoded { module: self.module.clone(), bytes })
    }

    fn read_native(&mut self, frame: u32, (offset, length): (u64, u64), word: u64) -> Result<Vec<u8>, PixelError> {
        let module = &self.module;
        let (frame_bits, single_bits) = (module.frame_bits(), module.bits_allocated == 1);
        let first_bit = frame_bits * u64::from(frame);
        let (first, end) = (first_bit / 8, (first_bit + frame_bits).div_ceil(8));
        if end > length {
            return Err(PixelError::Malformed(format!(
                "{} rows × {} columns × {} frame(s) do not fit into {length} bytes of pixel data",
                module.rows, module.columns, module.frames
            )));
        }
        let samples = module.pixels() * usize::from(module.samples);
        let (first_word, end_word) = (first - first % word, end.next_multiple_of(word).min(length));
        let mut bytes = self.read_range(offset + first_word, end_word - first_word)?;
        if word > 1 {
            bytes.chunks_exact_mut(word as usize).for_each(<[u8]>::reverse);
        }
        bytes.drain(..(first - first_word) as usize);
        bytes.truncate((end - first) as usize);
        Ok(if single_bits { unpack_bits(&bytes, (first_bit % 8) as usize, samples) } else { bytes })
    }

    fn read_range(&mut self, offset: u64, length: u64) -> Result<Vec<u8>, InspectError> {
        let source = match self.source.take() {
            Some(source) if source.position() <= offset => source,
            _ => open_source(&self.path)?,
        };
        let source = self.source.insert(source);
        source.skip(offset - source.position())?;
        source.read_vec(length)
    }
}

/// The data set of a file, inflated if need be.
fn open_source(path: &Path) -> Result<ByteSource<'static>, InspectError> {
    let opened = object::open(Box::new(File::open(path)?), Limits::default().inflated_bytes_max)?;
    Ok(opened.walker.into_source())
}

/// Bytes of a word of native pixel data that are to be reversed for little endian; 1 if none. Samples of 32 bits are
/// taken for big endian as a whole, as all writers mean them.
pub(crate) fn pixel_word_bytes(vr: VR, big_endian: bool, bits_allocated: u16) -> usize {
    if big_endian && vr == VR::OW { usize::from(bits_allocated.div_ceil(8)).max(2) } else { 1 }
}

/// One frame as it is stored: the bytes of a native frame in little endian, or the fragments of a compressed one joined.
///
/// # Errors
/// [`PixelError`] when there is no such frame.
pub fn stored_frame(path: &Path, frame: u32, limits: &Limits) -> Result<StoredFrame, PixelError> {
    let mut reader = FrameReader::open(path, limits)?;
    let bytes = reader.read(frame)?;
    let uid = reader.header.transfer_syntax_uid();
    Ok(if reader.is_encapsulated() {
        StoredFrame { transfer_syntax_uid: uid.to_owned(), media_type: syntax::frame_media_type(uid), bytes }
    } else {
        native(&reader.module, bytes)
    })
}

/// One frame decoded to native little endian samples: pixel by pixel, colour as RGB where the codec gives that.
///
/// # Errors
/// [`PixelError`] when there is no such frame or it cannot be decoded.
pub fn native_frame(path: &Path, frame: u32, limits: &Limits) -> Result<StoredFrame, PixelError> {
    let Decoded { module, bytes } = FrameReader::open(path, limits)?.read_decoded(frame)?;
    Ok(native(&module, bytes))
}

fn native(module: &PixelModule, bytes: Vec<u8>) -> StoredFrame {
    StoredFrame {
        bytes: if module.bits_allocated == 1 { pack_bits(&bytes) } else { bytes },
        transfer_syntax_uid: uids::EXPLICIT_VR_LITTLE_ENDIAN.to_owned(),
        media_type: "application/octet-stream",
    }
}

/// The first pixel is the least significant bit (PS3.5 §8.1.1).
fn unpack_bits(bytes: &[u8], first: usize, count: usize) -> Vec<u8> {
    (first..first + count).map(|bit| bytes[bit / 8] >> (bit % 8) & 1).collect()
}

fn pack_bits(bytes: &[u8]) -> Vec<u8> {
    bytes.chunks(8).map(|bits| bits.iter().rev().fold(0, |packed, bit| packed << 1 | bit & 1)).collect()
}

/// Which fragments make which frame (PS3.5 §A.4, PS3.3 §C.7.6.3.1.8).
fn find_frames(
    path: &Path,
    object: &InMemDicomObject,
    module: &PixelModule,
    fragments: &[(u64, u32)],
) -> Result<Place, PixelError> {
    let Some(((table_at, table_bytes), fragments)) = fragments.split_first() else { return Err(PixelError::NoPixels) };
    let frames = module.frames as usize;
    let place = |starts| Ok(Place::Encapsulated { fragments: fragments.to_vec(), starts });
    if frames == 1 || fragments.len() == frames {
        return place((0..frames).collect());
    }
    let mut offsets: Vec<u64> =
        numbers(object, tags::EXTENDED_OFFSET_TABLE).into_iter().map(|offset| offset as u64).collect();
    if offsets.len() != frames {
        let mut source = open_source(path)?;
        source.skip(table_at - source.position())?;
        let table = source.read_vec((*table_bytes).into())?;
        offsets = table.as_chunks::<4>().0.iter().map(|entry| u32::from_le_bytes(*entry).into()).collect();
    }
    if offsets.len() != frames {
        let starts = starts_of_codestreams(path, fragments)?;
        if starts.len() == frames && starts.first() == Some(&0) {
            return place(starts);
        }
        let what = format!("{} fragments hold {frames} frames, and no offset table tells which", fragments.len());
        return Err(PixelError::Unsupported(what));
    }
    if !offsets.is_sorted() {
        return Err(PixelError::Malformed("the offset table does not ascend".to_owned()));
    }
    // Offsets count from the first item after the table; a fragment's item begins 8 bytes before its bytes.
    let origin = fragments.first().map_or(0, |(at, _)| at - 8);
    place(offsets.iter().map(|offset| fragments.partition_point(|(at, _)| at - 8 - origin < *offset)).collect())
}

/// The fragments with which a frame begins, as their first bytes tell.
fn starts_of_codestreams(path: &Path, fragments: &[(u64, u32)]) -> Result<Vec<usize>, InspectError> {
    let mut source = open_source(path)?;
    let mut starts = Vec::new();
    for (number, (at, length)) in fragments.iter().enumerate() {
        source.skip(at - source.position())?;
        if codestream::is_start(&source.read_vec(u64::from(*length).min(4))?) {
            starts.push(number);
        }
    }
    Ok(starts)
}

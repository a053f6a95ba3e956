//! Pixel data of the top level in another form, frame by frame.

use super::Transcoded;
use super::elements::ElementWriter;
use crate::decode::Decoded;
use crate::frames::{FrameReader, PixelModule};
use crate::object::text;
use crate::{PixelError, TranscodeError, encode, syntax};
use dicom_core::{Tag, VR};
use dicom_dictionary_std::tags;
use dicom_object::InMemDicomObject;
use lightbox_domain::Limits;
use std::io::Write;
use std::path::Path;

/// Compressed frames are kept up to this many bytes while the offset table is made; those beyond are compressed twice.
const HELD_BYTES_MAX: usize = 32 << 20;

/// An attribute with its new value, in little endian and of even length.
#[derive(Debug, PartialEq)]
pub(super) struct Change {
    pub tag: Tag,
    pub vr: VR,
    pub value: Vec<u8>,
}

/// The first frame in its new form, by which it is known that there is one.
#[derive(Debug)]
pub(super) struct FirstFrame {
    /// How the new pixel data have to be described.
    pub module: PixelModule,
    /// Their VR when they are native.
    vr: VR,
    bytes: Vec<u8>,
}

impl FirstFrame {
    /// For native pixel data, of the VR that they had before they were compressed, if that is known.
    pub(super) fn decode(path: &Path, vr: Option<VR>, limits: &Limits) -> Result<Self, TranscodeError> {
        let mut reader = FrameReader::open(path, limits)?;
        let Decoded { module, bytes } = reader.read_decoded(0)?;
        native_length(&bytes, module.frames)?;
        Ok(Self { vr: vr.unwrap_or_else(|| native_vr(&module)), module, bytes })
    }

    /// For pixel data that are compressed to the syntax of that UID.
    pub(super) fn encode(path: &Path, to: &str, limits: &Limits) -> Result<Self, TranscodeError> {
        let mut reader = FrameReader::open(path, limits)?;
        let native = reader.read_decoded(0)?;
        let module = encode::compressed_module(to, &native.module)?;
        Ok(Self { vr: VR::OB, module, bytes: encode::encode(to, &native.module, &native.bytes)? })
    }
}

/// Bytes of native pixel data of so many frames, which a length of four bytes can say.
fn native_length(frame: &[u8], frames: u32) -> Result<u32, TranscodeError> {
    let bytes = frame.len() as u64 * u64::from(frames);
    u32::try_from(bytes.next_multiple_of(2)).map_err(|_| {
        TranscodeError::Unsupported(format!("{bytes} bytes of pixel data are more than it can hold natively"))
    })
}

/// The VR of native pixel data (PS3.5 §A.2).
pub(super) fn native_vr(module: &PixelModule) -> VR {
    if module.bits_allocated > 8 { VR::OW } else { VR::OB }
}

/// What an image has to say anew once its pixels are as `module` describes them, in the order of the tags.
pub(super) fn changes(before: &InMemDicomObject, module: &PixelModule, was_lossless: bool) -> Vec<Change> {
    let mut changes = Vec::new();
    if text(before, tags::PHOTOMETRIC_INTERPRETATION) != module.photometric {
        changes.push(code(tags::PHOTOMETRIC_INTERPRETATION, &module.photometric));
    }
    let planar = u16::from(module.planar);
    if module.samples > 1 && text(before, tags::PLANAR_CONFIGURATION) != planar.to_string() {
        changes.push(Change { tag: tags::PLANAR_CONFIGURATION, vr: VR::US, value: planar.to_le_bytes().into() });
    }
    if !was_lossless && text(before, tags::LOSSY_IMAGE_COMPRESSION) != "01" {
        changes.push(code(tags::LOSSY_IMAGE_COMPRESSION, "01"));
    }
    changes
}

fn code(tag: Tag, term: &str) -> Change {
    let padding = if term.len() % 2 == 1 { " " } else { "" };
    Change { tag, vr: VR::CS, value: format!("{term}{padding}").into_bytes() }
}

/// Writes the pixel data of an object whose first frame is at hand.
pub(super) fn write<W: Write>(
    transcoded: &Transcoded,
    first: &FirstFrame,
    writer: &mut ElementWriter<'_, W>,
) -> Result<(), TranscodeError> {
    let reader = FrameReader::open(transcoded.file.path(), &transcoded.limits)?;
    if syntax::is_encapsulated(&transcoded.transfer_syntax_uid) {
        write_encapsulated(reader, &transcoded.transfer_syntax_uid, first, writer)
    } else {
        write_native(reader, first, writer)
    }
}

fn write_native<W: Write>(
    mut reader: FrameReader,
    first: &FirstFrame,
    writer: &mut ElementWriter<'_, W>,
) -> Result<(), TranscodeError> {
    let frames = reader.module().frames;
    let length = native_length(&first.bytes, frames)?;
    writer.header(tags::PIXEL_DATA, first.vr, length)?;
    writer.bytes(&first.bytes)?;
    for frame in 1..frames {
        let decoded = reader.read_decoded(frame)?.bytes;
        let bytes = decoded
            .get(..first.bytes.len())
            .ok_or_else(|| PixelError::Malformed(format!("frame {} is smaller than the first", frame + 1)))?;
        writer.bytes(bytes)?;
    }
    let is_odd = first.bytes.len() % 2 == 1 && frames % 2 == 1;
    Ok(writer.bytes(&[0][..usize::from(is_odd)])?)
}

/// One fragment a frame. The offset table precedes the frames, so all are compressed before any is written.
fn write_encapsulated<W: Write>(
    mut reader: FrameReader,
    to: &str,
    first: &FirstFrame,
    writer: &mut ElementWriter<'_, W>,
) -> Result<(), TranscodeError> {
    let frames = reader.module().frames;
    let mut compress = |frame| -> Result<Vec<u8>, TranscodeError> {
        let Decoded { module, bytes } = reader.read_decoded(frame)?;
        Ok(encode::encode(to, &module, &bytes)?)
    };
    let (mut lengths, mut held, mut held_bytes) = (vec![first.bytes.len() as u64], Vec::new(), 0);
    for frame in 1..frames {
        let bytes = compress(frame)?;
        lengths.push(bytes.len() as u64);
        if held.len() + 1 == frame as usize && held_bytes + bytes.len() <= HELD_BYTES_MAX {
            held_bytes += bytes.len();
            held.push(bytes);
        }
    }
    let tables = OffsetTables::of(&lengths);
    for (tag, values) in
        [(tags::EXTENDED_OFFSET_TABLE, &tables.extended), (tags::EXTENDED_OFFSET_TABLE_LENGTHS, &tables.lengths)]
    {
        if !values.is_empty() {
            let value: Vec<u8> = values.iter().flat_map(|value| value.to_le_bytes()).collect();
            writer.element(tag, VR::OV, &value)?;
        }
    }
    writer.begin_fragments(tags::PIXEL_DATA)?;
    writer.fragment(&tables.basic.iter().flat_map(|offset| offset.to_le_bytes()).collect::<Vec<u8>>())?;
    writer.fragment(&first.bytes)?;
    for bytes in &held {
        writer.fragment(bytes)?;
    }
    for frame in held.len() as u32 + 1..frames {
        writer.fragment(&compress(frame)?)?;
    }
    Ok(writer.end_fragments()?)
}

/// Where frames begin, counted from the first one's item (PS3.5 §A.4).
#[derive(Debug, PartialEq)]
struct OffsetTables {
    /// Empty if four bytes do not suffice.
    basic: Vec<u32>,
    /// Empty unless they do not (PS3.3 §C.7.6.3.1.8).
    extended: Vec<u64>,
    /// The frames' lengths without padding, along with these.
    lengths: Vec<u64>,
}

impl OffsetTables {
    fn of(lengths: &[u64]) -> Self {
        const ITEM_HEADER_BYTES: u64 = 8;
        let offsets = lengths.iter().scan(0, |next, length| {
            let offset = *next;
            *next += ITEM_HEADER_BYTES + length.next_multiple_of(2);
            Some(offset)
        });
        let offsets: Vec<u64> = offsets.collect();
        match offsets.iter().map(|offset| u32::try_from(*offset)).collect() {
            Ok(basic) => Self { basic, extended: Vec::new(), lengths: Vec::new() },
            Err(_) => Self { basic: Vec::new(), extended: offsets, lengths: lengths.to_vec() },
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn offsets_count_items_and_padding() {
        let tables = OffsetTables::of(&[3, 4, 5]);
        assert_eq!(tables, OffsetTables { basic: vec![0, 12, 24], extended: vec![], lengths: vec![] });
    }

    #[test]
    fn offsets_beyond_four_gibibytes_are_extended() {
        let lengths = [u64::from(u32::MAX), 5, 6];
        let expected =
            OffsetTables { basic: vec![], extended: vec![0, (1 << 32) + 8, (1 << 32) + 22], lengths: lengths.into() };
        assert_eq!(OffsetTables::of(&lengths), expected);
    }

    #[test]
    fn native_lengths_are_even_and_below_four_gibibytes() {
        assert_eq!(native_length(&[0; 3], 3).unwrap(), 10);
        assert!(native_length(&[0; 1 << 16], 1 << 16).is_err());
        assert!(native_length(&[0; 65537], 65535).is_err());
    }
}

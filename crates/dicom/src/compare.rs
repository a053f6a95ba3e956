//! Whether two files hold the same data set, however it is encoded.
//!
//! Each file is walked once into a digest of what it says: values in little endian, without the padding that only makes
//! lengths even, without the lengths themselves. Pixel data are compared as bytes, and where those differ because one of
//! them is compressed without loss or orders its channels otherwise, as decoded frames.

use crate::decode::{self, Decoded};
use crate::frames::{FrameReader, pixel_word_bytes};
use crate::object;
use crate::walk::{Element, Event, OF_ENCAPSULATION, Walker, dictionary_vr, word_bytes};
use crate::{InspectError, PixelError, colour, syntax};
use dicom_core::{Tag, VR};
use dicom_dictionary_std::tags;
use lightbox_domain::Limits;
use sha2::{Digest, Sha256};
use std::fs::File;
use std::path::Path;

const DATA_SET_TRAILING_PADDING: Tag = Tag(0xFFFC, 0xFFFC);

/// What a file says.
struct Summary {
    transfer_syntax_uid: String,
    /// Over everything but the pixel data and the attributes that change with their encoding.
    attributes: [u8; 32],
    /// Over the attributes that compression may change: `PhotometricInterpretation` and `PlanarConfiguration`.
    pixel_attributes: [u8; 32],
    /// Over the pixel data's bytes; `None` when there are none.
    pixels: Option<[u8; 32]>,
}

/// Whether two files hold the same data set, ignoring its encoding and group 0002.
///
/// # Errors
/// [`InspectError`] when either file cannot be read.
pub fn same_data_set(a: &Path, b: &Path, limits: &Limits) -> Result<bool, InspectError> {
    let (of_a, of_b) = (summarise(a, limits)?, summarise(b, limits)?);
    if of_a.attributes != of_b.attributes || of_a.pixels.is_some() != of_b.pixels.is_some() {
        return Ok(false);
    }
    let same_bytes = of_a.pixels == of_b.pixels && of_a.pixel_attributes == of_b.pixel_attributes;
    let [encoding_a, encoding_b] = [&of_a, &of_b].map(|summary| pixel_encoding(&summary.transfer_syntax_uid));
    if same_bytes && encoding_a == encoding_b {
        return Ok(true);
    }
    let lossless = [&of_a, &of_b].iter().all(|summary| syntax::is_lossless(&summary.transfer_syntax_uid));
    let compressed = encoding_a.is_some() || encoding_b.is_some();
    let described_alike = of_a.pixel_attributes == of_b.pixel_attributes;
    if of_a.pixels.is_none() || !lossless || !compressed && described_alike {
        return Ok(false);
    }
    same_frames(a, b, limits)
}

/// Whether two files hold the same pixel data, however they are encoded. What cannot be decoded is not known to be the same.
pub(crate) fn same_pixels(a: &Path, b: &Path, limits: &Limits) -> Result<bool, InspectError> {
    let (of_a, of_b) = (summarise(a, limits)?, summarise(b, limits)?);
    let [encoding_a, encoding_b] = [&of_a, &of_b].map(|summary| pixel_encoding(&summary.transfer_syntax_uid));
    if of_a.pixels.is_none() || of_b.pixels.is_none() {
        return Ok(of_a.pixels.is_none() && of_b.pixels.is_none());
    }
    if encoding_a == encoding_b {
        return Ok(of_a.pixels == of_b.pixels);
    }
    same_frames(a, b, limits)
}

/// The syntax that compresses the pixels; `None` when they are native, in whichever native syntax.
fn pixel_encoding(transfer_syntax_uid: &str) -> Option<&str> {
    syntax::is_encapsulated(transfer_syntax_uid).then_some(transfer_syntax_uid)
}

fn summarise(path: &Path, limits: &Limits) -> Result<Summary, InspectError> {
    let mut opened = object::open(Box::new(File::open(path)?), limits.inflated_bytes_max)?;
    let mut digests =
        Digests { attributes: Sha256::new(), pixel_attributes: Sha256::new(), pixels: None, bits_allocated: 0 };
    while let Some(event) = opened.walker.next()? {
        digests.take(event, &mut opened.walker)?;
    }
    Ok(Summary {
        transfer_syntax_uid: opened.transfer_syntax_uid,
        attributes: digests.attributes.finalize().into(),
        pixel_attributes: digests.pixel_attributes.finalize().into(),
        pixels: digests.pixels.map(|pixels| pixels.finalize().into()),
    })
}

struct Digests {
    attributes: Sha256,
    pixel_attributes: Sha256,
    pixels: Option<Sha256>,
    /// Of the top level, which tells how big-endian pixel data are swapped.
    bits_allocated: u16,
}

impl Digests {
    fn take(&mut self, event: Event, walker: &mut Walker<'_>) -> Result<(), InspectError> {
        let top_level = walker.depth() == 0;
        match event {
            Event::Element(Element { tag, .. }) if only_encodes(tag) => Ok(()),
            Event::Element(element @ Element { tag: tags::BITS_ALLOCATED, .. }) if top_level => {
                hash_tag(&mut self.attributes, element.tag);
                self.take_bits_allocated(walker)
            }
            Event::Element(element @ Element { tag: tags::PIXEL_DATA, .. }) if top_level => {
                let word = pixel_word_bytes(element.vr, walker.encoding().big_endian, self.bits_allocated);
                hash_bytes(self.pixels.insert(Sha256::new()), element, walker, word)
            }
            Event::FragmentsStart(tags::PIXEL_DATA, _) if walker.depth() == 1 => self.take_fragments(walker),
            Event::Element(
                element @ Element { tag: tags::PHOTOMETRIC_INTERPRETATION | tags::PLANAR_CONFIGURATION, .. },
            ) if top_level => {
                hash_tag(&mut self.pixel_attributes, element.tag);
                hash_value(&mut self.pixel_attributes, element, walker)
            }
            Event::Element(element) => {
                hash_tag(&mut self.attributes, element.tag);
                hash_value(&mut self.attributes, element, walker)
            }
            Event::Fragment(_) => {
                self.attributes.update(b"F");
                hash_chunks(&mut self.attributes, walker, 1)
            }
            other => {
                hash_structure(&mut self.attributes, other);
                Ok(())
            }
        }
    }

    fn take_bits_allocated(&mut self, walker: &mut Walker<'_>) -> Result<(), InspectError> {
        let big_endian = walker.encoding().big_endian;
        let mut value = walker.read_value()?;
        if big_endian {
            value.chunks_exact_mut(2).for_each(<[u8]>::reverse);
        }
        self.bits_allocated = value.first_chunk().copied().map_or(0, u16::from_le_bytes);
        self.attributes.update(&value);
        Ok(())
    }

    /// The offset table is an aid and not counted, nor is where fragments are cut.
    fn take_fragments(&mut self, walker: &mut Walker<'_>) -> Result<(), InspectError> {
        let pixels = self.pixels.insert(Sha256::new());
        let mut is_table = true;
        while let Some(Event::Fragment(_)) = walker.next()? {
            if !std::mem::replace(&mut is_table, false) {
                hash_chunks(pixels, walker, 1)?;
            }
        }
        Ok(())
    }
}

/// Whether an element says nothing but how others are encoded.
pub(crate) fn only_encodes(tag: Tag) -> bool {
    tag.element() == 0 || tag == DATA_SET_TRAILING_PADDING || OF_ENCAPSULATION.contains(&tag)
}

fn hash_tag(digest: &mut Sha256, Tag(group, element): Tag) {
    digest.update(b"E");
    digest.update(group.to_le_bytes());
    digest.update(element.to_le_bytes());
}

fn hash_structure(digest: &mut Sha256, event: Event) {
    match event {
        Event::SequenceStart(Tag(group, element)) | Event::FragmentsStart(Tag(group, element), _) => {
            digest.update(b"S");
            digest.update(group.to_le_bytes());
            digest.update(element.to_le_bytes());
        }
        Event::ItemStart => digest.update(b"I"),
        Event::ItemEnd => digest.update(b"i"),
        Event::SequenceEnd => digest.update(b"s"),
        Event::Element(_) | Event::Fragment(_) => {}
    }
}

/// A value with its length, so that no value can pass for a value and a tag. Texts lose their padding.
fn hash_value(digest: &mut Sha256, element: Element, walker: &mut Walker<'_>) -> Result<(), InspectError> {
    if !is_text(element) {
        let word = if walker.encoding().big_endian { word_bytes(element.vr) } else { 1 };
        return hash_bytes(digest, element, walker, word);
    }
    let mut text = walker.read_value()?;
    while let Some(b' ' | 0) = text.last() {
        text.pop();
    }
    digest.update((text.len() as u64).to_le_bytes());
    digest.update(&text);
    Ok(())
}

/// A value that is no text: its length, made even, and its bytes.
fn hash_bytes(digest: &mut Sha256, element: Element, walker: &mut Walker<'_>, word: usize) -> Result<(), InspectError> {
    digest.update(u64::from(element.length.next_multiple_of(2)).to_le_bytes());
    hash_chunks(digest, walker, word)?;
    if element.length % 2 == 1 {
        digest.update([0]);
    }
    Ok(())
}

/// Hashes the current value in chunks, with the bytes of each word reversed.
fn hash_chunks(digest: &mut Sha256, walker: &mut Walker<'_>, word: usize) -> Result<(), InspectError> {
    let mut buffer = vec![0; 64 * 1024];
    loop {
        let count = walker.read_part(&mut buffer)?;
        if count == 0 {
            return Ok(());
        }
        if word > 1 {
            buffer[..count].chunks_exact_mut(word).for_each(<[u8]>::reverse);
        }
        digest.update(&buffer[..count]);
    }
}

/// Whether trailing spaces and NULs of a value mean nothing. Of private attributes only their bytes are known, since an
/// implicit encoding does not say what they are.
fn is_text(element: Element) -> bool {
    let public = element.tag.group().is_multiple_of(2);
    public
        && !matches!(
            dictionary_vr(element.tag),
            VR::AT
                | VR::FD
                | VR::FL
                | VR::OB
                | VR::OD
                | VR::OF
                | VR::OL
                | VR::OV
                | VR::OW
                | VR::SL
                | VR::SQ
                | VR::SS
                | VR::SV
                | VR::UL
                | VR::UN
                | VR::US
                | VR::UV
        )
}

/// Whether all frames have the same samples once decoded. What cannot be decoded is not known to be the same.
fn same_frames(a: &Path, b: &Path, limits: &Limits) -> Result<bool, InspectError> {
    let same = || {
        let (mut a, mut b) = (FrameReader::open(a, limits)?, FrameReader::open(b, limits)?);
        let frames = a.module().frames;
        for frame in 0..frames {
            if decoded_frame(&mut a, frame)? != decoded_frame(&mut b, frame)? {
                return Ok(false);
            }
        }
        Ok(frames == b.module().frames)
    };
    match same() {
        Err(PixelError::Object(error)) => Err(error),
        outcome => Ok(outcome.unwrap_or(false)),
    }
}

/// A frame's samples, pixel by pixel, and their photometric interpretation. Colours of 8 bits are compared as RGB.
fn decoded_frame(reader: &mut FrameReader, frame: u32) -> Result<(String, Vec<u8>), PixelError> {
    let Decoded { module, bytes } = reader.read_decoded(frame)?;
    if module.samples == 3 && module.bits_allocated == 8 {
        return Ok(("RGB".to_owned(), colour::to_rgb(reader.header().object(), &module, &bytes)?.pixels));
    }
    let bytes = match module.planar {
        true => decode::interleave(&bytes, module.samples.into(), module.sample_bytes()),
        false => bytes,
    };
    Ok((module.photometric, bytes))
}

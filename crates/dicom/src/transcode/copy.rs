//! Copies a data set element by element.

use super::elements::ElementWriter;
use super::icons::Icon;
use super::pixels::{self, Change};
use super::{CHUNK_BYTES, Rewrite, Transcoded};
use crate::TranscodeError;
use crate::frames::pixel_word_bytes;
use crate::object::follows_sign;
use crate::walk::{Element, Event, OF_ENCAPSULATION, Walker, dictionary_vr, has_short_length, word_bytes};
use dicom_core::{Tag, VR};
use dicom_dictionary_std::tags;
use std::io::Write;
use std::iter::Peekable;
use std::slice;

/// Copies from a walker to a writer.
pub(super) struct Copier<'t> {
    transcoded: &'t Transcoded,
    rewrite: &'t Rewrite,
    /// The data set, and each item that is open.
    scopes: Vec<Scope<'t>>,
    buffer: Vec<u8>,
}

/// What is known of a data set or an item while it is copied.
struct Scope<'t> {
    changes: Peekable<slice::Iter<'t, Change>>,
    icon: Option<&'t Icon>,
    /// `PixelRepresentation` is 1, so that `US or SS` means `SS`.
    signed: bool,
    bits_allocated: u16,
}

impl<'t> Copier<'t> {
    pub(super) fn new(transcoded: &'t Transcoded, rewrite: &'t Rewrite) -> Self {
        let changes = rewrite.changes.iter().peekable();
        let data_set = Scope { changes, icon: None, signed: false, bits_allocated: 0 };
        Self { transcoded, rewrite, scopes: vec![data_set], buffer: vec![0; CHUNK_BYTES] }
    }

    /// Copies the whole data set.
    pub(super) fn copy<W: Write>(
        mut self,
        walker: &mut Walker<'_>,
        writer: &mut ElementWriter<'_, W>,
    ) -> Result<(), TranscodeError> {
        while let Some(event) = walker.next()? {
            match event {
                Event::Element(element) => self.copy_element(element, walker, writer)?,
                Event::FragmentsStart(tag, _) => self.copy_fragments(tag, walker, writer)?,
                Event::SequenceStart(tag) => {
                    self.write_changes(Some(tag), writer)?;
                    writer.begin_sequence(tag, walker.defined_length())?;
                }
                Event::ItemStart => {
                    self.open_item(walker.position());
                    writer.begin_item(walker.defined_length())?;
                }
                Event::ItemEnd => {
                    self.write_changes(None, writer)?;
                    self.scopes.pop();
                    writer.end_item()?;
                }
                Event::SequenceEnd => writer.end_sequence()?,
                Event::Fragment(_) => {}
            }
        }
        self.write_changes(None, writer)
    }

    fn scope(&mut self) -> &mut Scope<'t> {
        self.scopes.last_mut().expect("the data set's own scope is never closed")
    }

    fn open_item(&mut self, position: u64) {
        let icon = self.rewrite.icons.get(&position);
        let changes = icon.map_or(&[][..], |icon| &icon.changes).iter().peekable();
        let Scope { signed, bits_allocated, .. } = *self.scope();
        self.scopes.push(Scope { changes, icon, signed, bits_allocated });
    }

    /// Writes the changed attributes whose place is before this one, or all that are left.
    fn write_changes<W: Write>(
        &mut self,
        before: Option<Tag>,
        writer: &mut ElementWriter<'_, W>,
    ) -> Result<(), TranscodeError> {
        let is_due = |change: &&Change| before.is_none_or(|tag| change.tag < tag);
        while let Some(change) = self.scope().changes.next_if(is_due) {
            writer.element(change.tag, change.vr, &change.value)?;
        }
        Ok(())
    }

    fn copy_element<W: Write>(
        &mut self,
        element: Element,
        walker: &mut Walker<'_>,
        writer: &mut ElementWriter<'_, W>,
    ) -> Result<(), TranscodeError> {
        let (tag, top_level) = (element.tag, self.scopes.len() == 1);
        if tag.element() == 0 || top_level && OF_ENCAPSULATION.contains(&tag) {
            return Ok(());
        }
        self.write_changes(Some(tag), writer)?;
        if let Some(change) = self.scope().changes.next_if(|change| change.tag == tag) {
            return Ok(writer.element(tag, change.vr, &change.value)?);
        }
        if !writer.is_explicit() && element.vr != VR::UN && dictionary_vr(tag) == VR::SQ {
            // By the dictionary its reader would take it for items, which it is not: it leaves without its value.
            return Ok(writer.header(tag, VR::SQ, 0)?);
        }
        match (tag, &self.rewrite.pixels) {
            (tags::PIXEL_DATA, Some(first)) if top_level => pixels::write(self.transcoded, first, writer),
            (tags::PIXEL_REPRESENTATION | tags::BITS_ALLOCATED, _) => self.copy_number(element, walker, writer),
            _ => self.copy_value(element, walker, writer),
        }
    }

    /// Copies a number on which the meaning of later elements depends.
    fn copy_number<W: Write>(
        &mut self,
        element: Element,
        walker: &mut Walker<'_>,
        writer: &mut ElementWriter<'_, W>,
    ) -> Result<(), TranscodeError> {
        let encoding = walker.encoding();
        let mut value = walker.read_value()?;
        if encoding.big_endian {
            value.chunks_exact_mut(2).for_each(<[u8]>::reverse);
        }
        let number = value.first_chunk().copied().map_or(0, u16::from_le_bytes);
        match element.tag {
            tags::PIXEL_REPRESENTATION => self.scope().signed = number == 1,
            _ => self.scope().bits_allocated = number,
        }
        let vr = self.written_vr(element, encoding.explicit_vr);
        Ok(writer.element(element.tag, vr, &value)?)
    }

    fn copy_value<W: Write>(
        &mut self,
        element: Element,
        walker: &mut Walker<'_>,
        writer: &mut ElementWriter<'_, W>,
    ) -> Result<(), TranscodeError> {
        let encoding = walker.encoding();
        let vr = self.written_vr(element, encoding.explicit_vr);
        writer.header(element.tag, vr, element.length.next_multiple_of(2))?;
        let word = match element.tag {
            tags::PIXEL_DATA => pixel_word_bytes(element.vr, encoding.big_endian, self.scope().bits_allocated),
            _ if encoding.big_endian => word_bytes(element.vr),
            _ => 1,
        };
        loop {
            let count = walker.read_part(&mut self.buffer)?;
            if count == 0 {
                break;
            }
            if word > 1 {
                self.buffer[..count].chunks_exact_mut(word).for_each(<[u8]>::reverse);
            }
            writer.bytes(&self.buffer[..count])?;
        }
        Ok(writer.bytes(&[padding(vr)][..(element.length % 2) as usize])?)
    }

    /// The VR for explicit encodings. Implicit ones say none, and the dictionary not always a single one (PS3.5 §A.1).
    fn written_vr(&mut self, element: Element, is_explicit: bool) -> VR {
        let scope = self.scope();
        let vr = match element.tag {
            _ if is_explicit => element.vr,
            tags::PIXEL_DATA if scope.bits_allocated <= 8 => VR::OB,
            tag if scope.signed && follows_sign(tag) => VR::SS,
            _ => element.vr,
        };
        if has_short_length(vr) && element.length > u16::MAX.into() { VR::UN } else { vr }
    }

    /// Writes what becomes of encapsulated pixel data, and passes over them.
    fn copy_fragments<W: Write>(
        &mut self,
        tag: Tag,
        walker: &mut Walker<'_>,
        writer: &mut ElementWriter<'_, W>,
    ) -> Result<(), TranscodeError> {
        self.write_changes(Some(tag), writer)?;
        match (&self.rewrite.pixels, self.scope().icon) {
            (_, Some(icon)) if tag == tags::PIXEL_DATA => writer.element(tag, icon.vr, &icon.bytes)?,
            (Some(first), None) if tag == tags::PIXEL_DATA && self.scopes.len() == 1 => {
                pixels::write(self.transcoded, first, writer)?;
            }
            _ => return Err(TranscodeError::Unsupported(format!("{tag} holds fragments"))),
        }
        while let Some(Event::Fragment(_)) = walker.next()? {}
        Ok(())
    }
}

/// What makes an odd length even (PS3.5 §6.2).
fn padding(vr: VR) -> u8 {
    match vr {
        VR::AE | VR::AS | VR::CS | VR::DA | VR::DS | VR::DT | VR::IS | VR::LO | VR::LT | VR::PN | VR::SH => b' ',
        VR::ST | VR::TM | VR::UC | VR::UR | VR::UT => b' ',
        _ => 0,
    }
}

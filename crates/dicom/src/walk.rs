//! Walks over the elements of a data set, in any encoding, without loading values that nobody asks for.
//!
//! It trusts no length: a value is compared with what is left of the file before anything is allocated, nesting is
//! bounded, and an end inside an element is [`InspectError::Truncated`].

use crate::InspectError;
use crate::source::ByteSource;
use crate::syntax::Encoding;
use dicom_core::dictionary::{DataDictionary, DataDictionaryEntry, VirtualVr};
use dicom_core::{Tag, VR};
use dicom_dictionary_std::StandardDataDictionary;

/// The deepest nesting of sequences; real reports stay below 20.
const DEPTH_MAX: usize = 64;
/// The length of what ends by a delimiter.
pub(crate) const UNDEFINED: u32 = 0xFFFF_FFFF;
/// Begins an item or a fragment.
pub(crate) const ITEM: Tag = Tag(0xFFFE, 0xE000);
/// Ends an item of undefined length.
pub(crate) const ITEM_DELIMITATION: Tag = Tag(0xFFFE, 0xE00D);
/// Ends a sequence of undefined length, or fragments.
pub(crate) const SEQUENCE_DELIMITATION: Tag = Tag(0xFFFE, 0xE0DD);
/// Where the frames of encapsulated pixel data begin, how long they are, and all of them together.
pub(crate) const OF_ENCAPSULATION: [Tag; 3] = [Tag(0x7FE0, 0x0001), Tag(0x7FE0, 0x0002), Tag(0x7FE0, 0x0003)];

/// What the walker meets.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(crate) enum Event {
    /// An element with a value, which may now be read.
    Element(Element),
    /// A sequence of items.
    SequenceStart(Tag),
    /// Encapsulated pixel data; fragments follow, the first is the offset table.
    FragmentsStart(Tag, VR),
    /// An item of a sequence.
    ItemStart,
    /// The end of the item.
    ItemEnd,
    /// A fragment, whose bytes may now be read.
    Fragment(u32),
    /// The end of a sequence or of the fragments.
    SequenceEnd,
}

/// An element's header.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(crate) struct Element {
    /// Which attribute.
    pub tag: Tag,
    /// How its value is represented; by the dictionary where the encoding does not say.
    pub vr: VR,
    /// Bytes of its value.
    pub length: u32,
}

/// What was opened and not yet closed.
struct Open {
    kind: Kind,
    /// The position at which it ends, if its length is defined.
    end: Option<u64>,
    /// The encoding of what is in it.
    encoding: Encoding,
}

#[derive(Clone, Copy, PartialEq)]
enum Kind {
    Sequence,
    Item,
    Fragments,
}

/// A position in a data set.
pub(crate) struct Walker<'a> {
    source: ByteSource<'a>,
    encoding: Encoding,
    open: Vec<Open>,
    /// Bytes of the current value that are not yet read.
    pending: u64,
}

impl<'a> Walker<'a> {
    /// A walker at the start of a data set.
    pub(crate) fn new(source: ByteSource<'a>, encoding: Encoding) -> Self {
        Self { source, encoding, open: Vec::new(), pending: 0 }
    }

    /// Gives up walking; the bytes from here on.
    pub(crate) fn into_source(self) -> ByteSource<'a> {
        self.source
    }

    /// How many sequences and items are open.
    pub(crate) fn depth(&self) -> usize {
        self.open.len()
    }

    /// How many bytes are left of the innermost sequence or item that is open; `None` if it ends by a delimiter.
    pub(crate) fn defined_length(&self) -> Option<u64> {
        self.open.last()?.end.map(|end| end.saturating_sub(self.source.position()))
    }

    /// Where the next byte is read.
    pub(crate) fn position(&self) -> u64 {
        self.source.position()
    }

    /// The encoding of the current element.
    pub(crate) fn encoding(&self) -> Encoding {
        self.open.last().map_or(self.encoding, |open| open.encoding)
    }

    /// The rest of the current value.
    pub(crate) fn read_value(&mut self) -> Result<Vec<u8>, InspectError> {
        let length = std::mem::take(&mut self.pending);
        self.source.read_vec(length)
    }

    /// Fills the buffer from the current value as far as it goes; says how far.
    pub(crate) fn read_part(&mut self, buffer: &mut [u8]) -> Result<usize, InspectError> {
        let count = buffer.len().min(usize::try_from(self.pending).unwrap_or(usize::MAX));
        self.source.read_exact(&mut buffer[..count])?;
        self.pending -= count as u64;
        Ok(count)
    }

    /// Takes the current value, whose VR is said to be unknown, for items, which are in implicit VR (PS3.5 §6.2.2).
    pub(crate) fn enter_value(&mut self) -> Result<(), InspectError> {
        let length = u32::try_from(std::mem::take(&mut self.pending)).map_err(|_| InspectError::Truncated)?;
        self.enter(Kind::Sequence, length, Encoding::IMPLICIT_LITTLE)
    }

    /// What comes next; `None` at the end of the data set. An unread value is passed over.
    pub(crate) fn next(&mut self) -> Result<Option<Event>, InspectError> {
        let pending = std::mem::take(&mut self.pending);
        self.source.skip(pending)?;
        if let Some(end) = self.close_at_end()? {
            return Ok(Some(end));
        }
        if self.open.is_empty() && self.source.at_end()? {
            return Ok(None);
        }
        match self.open.last().map(|open| open.kind) {
            Some(Kind::Sequence) => self.next_item().map(Some),
            Some(Kind::Fragments) => self.next_fragment().map(Some),
            Some(Kind::Item) | None => self.next_element(),
        }
    }

    /// Closes what ends here by its length.
    fn close_at_end(&mut self) -> Result<Option<Event>, InspectError> {
        let position = self.source.position();
        let Some(Open { kind, end: Some(end), .. }) = self.open.last() else { return Ok(None) };
        if position < *end {
            return Ok(None);
        }
        if position > *end {
            return Err(malformed("the lengths of a sequence and of its items disagree"));
        }
        let event = if *kind == Kind::Item { Event::ItemEnd } else { Event::SequenceEnd };
        self.open.pop();
        Ok(Some(event))
    }

    fn next_item(&mut self) -> Result<Event, InspectError> {
        let (tag, length) = self.read_delimiter()?;
        match tag {
            ITEM => {
                self.enter(Kind::Item, length, self.encoding())?;
                Ok(Event::ItemStart)
            }
            SEQUENCE_DELIMITATION => {
                self.open.pop();
                Ok(Event::SequenceEnd)
            }
            other => Err(malformed(&format!("{other} stands where an item of a sequence should"))),
        }
    }

    fn next_fragment(&mut self) -> Result<Event, InspectError> {
        let (tag, length) = self.read_delimiter()?;
        match tag {
            ITEM if length != UNDEFINED => {
                self.expect_value(length)?;
                Ok(Event::Fragment(length))
            }
            SEQUENCE_DELIMITATION => {
                self.open.pop();
                Ok(Event::SequenceEnd)
            }
            other => Err(malformed(&format!("{other} stands where a fragment of the pixel data should"))),
        }
    }

    fn next_element(&mut self) -> Result<Option<Event>, InspectError> {
        let tag = self.read_tag()?;
        if tag.group() == 0xFFFE {
            let _length = self.read_u32()?;
            return self.leave_item(tag);
        }
        let (vr, length) = if self.encoding().explicit_vr { self.read_vr_and_length(tag)? } else { self.implied(tag)? };
        if length == UNDEFINED {
            return self.enter_undefined(tag, vr).map(Some);
        }
        if vr == VR::SQ {
            self.check_length(length)?;
            self.enter(Kind::Sequence, length, self.encoding())?;
            return Ok(Some(Event::SequenceStart(tag)));
        }
        self.expect_value(length)?;
        Ok(Some(Event::Element(Element { tag, vr, length })))
    }

    fn leave_item(&mut self, tag: Tag) -> Result<Option<Event>, InspectError> {
        let in_item = self.open.last().is_some_and(|open| open.kind == Kind::Item && open.end.is_none());
        if tag == ITEM_DELIMITATION && in_item {
            self.open.pop();
            return Ok(Some(Event::ItemEnd));
        }
        Err(malformed("a delimiter stands outside its sequence"))
    }

    /// Opens a value of undefined length: fragments, or a sequence. One of unknown VR holds implicit VR (PS3.5 §6.2.2).
    fn enter_undefined(&mut self, tag: Tag, vr: VR) -> Result<Event, InspectError> {
        if matches!(vr, VR::OB | VR::OW) {
            self.enter(Kind::Fragments, UNDEFINED, self.encoding())?;
            return Ok(Event::FragmentsStart(tag, vr));
        }
        let encoding = if vr == VR::UN { Encoding::IMPLICIT_LITTLE } else { self.encoding() };
        self.enter(Kind::Sequence, UNDEFINED, encoding)?;
        Ok(Event::SequenceStart(tag))
    }

    fn enter(&mut self, kind: Kind, length: u32, encoding: Encoding) -> Result<(), InspectError> {
        if self.open.len() >= DEPTH_MAX {
            return Err(malformed(&format!("sequences are nested deeper than {DEPTH_MAX} levels")));
        }
        let end = (length != UNDEFINED).then(|| self.source.position() + u64::from(length));
        self.open.push(Open { kind, end, encoding });
        Ok(())
    }

    fn expect_value(&mut self, length: u32) -> Result<(), InspectError> {
        self.check_length(length)?;
        self.pending = length.into();
        Ok(())
    }

    /// Compares a length with what is left of the file and of the enclosing item.
    fn check_length(&self, length: u32) -> Result<(), InspectError> {
        if self.source.remaining().is_some_and(|left| left < length.into()) {
            return Err(InspectError::Truncated);
        }
        let end = self.open.iter().rev().find_map(|open| open.end);
        if end.is_some_and(|end| self.source.position() + u64::from(length) > end) {
            return Err(malformed("a value is longer than the item that holds it"));
        }
        Ok(())
    }

    fn read_delimiter(&mut self) -> Result<(Tag, u32), InspectError> {
        Ok((self.read_tag()?, self.read_u32()?))
    }

    fn read_tag(&mut self) -> Result<Tag, InspectError> {
        Ok(Tag(self.read_u16()?, self.read_u16()?))
    }

    /// PS3.5 §7.1.2: VRs unknown to this code have the long form, as every VR added since 1993.
    fn read_vr_and_length(&mut self, tag: Tag) -> Result<(VR, u32), InspectError> {
        let mut letters = [0; 2];
        self.source.read_exact(&mut letters)?;
        if !letters.iter().all(u8::is_ascii_uppercase) {
            return Err(malformed(&format!("{tag} has no value representation")));
        }
        let vr = VR::from_binary(letters).unwrap_or(VR::UN);
        if has_short_length(vr) {
            return Ok((vr, self.read_u16()?.into()));
        }
        let _reserved = self.read_u16()?;
        Ok((vr, self.read_u32()?))
    }

    fn implied(&mut self, tag: Tag) -> Result<(VR, u32), InspectError> {
        Ok((dictionary_vr(tag), self.read_u32()?))
    }

    fn read_u16(&mut self) -> Result<u16, InspectError> {
        let mut bytes = [0; 2];
        self.source.read_exact(&mut bytes)?;
        Ok(if self.encoding().big_endian { u16::from_be_bytes(bytes) } else { u16::from_le_bytes(bytes) })
    }

    fn read_u32(&mut self) -> Result<u32, InspectError> {
        let mut bytes = [0; 4];
        self.source.read_exact(&mut bytes)?;
        Ok(if self.encoding().big_endian { u32::from_be_bytes(bytes) } else { u32::from_le_bytes(bytes) })
    }
}

/// The VR of PS3.6; `US` where it may be `US` or `SS`, `OW` where it may be `OB` or `OW`, `UN` where it is unknown.
pub(crate) fn dictionary_vr(tag: Tag) -> VR {
    if tag.element() == 0 {
        return VR::UL;
    }
    if tag.group() % 2 == 1 && (0x10..=0xFF).contains(&tag.element()) {
        return VR::LO;
    }
    StandardDataDictionary.by_tag(tag).map_or(VR::UN, |entry| match entry.vr() {
        VirtualVr::Exact(vr) => vr,
        virtual_vr => virtual_vr.relaxed(),
    })
}

/// Whether the value representation has a length of two bytes in explicit encodings (PS3.5 Table 7.1-2).
pub(crate) fn has_short_length(vr: VR) -> bool {
    !matches!(
        vr,
        VR::OB
            | VR::OD
            | VR::OF
            | VR::OL
            | VR::OV
            | VR::OW
            | VR::SQ
            | VR::SV
            | VR::UC
            | VR::UN
            | VR::UR
            | VR::UT
            | VR::UV
    )
}

/// Bytes of the words that values of this representation are made of, which big endian reverses.
pub(crate) fn word_bytes(vr: VR) -> usize {
    match vr {
        VR::AT | VR::OW | VR::SS | VR::US => 2,
        VR::FL | VR::OF | VR::OL | VR::SL | VR::UL => 4,
        VR::FD | VR::OD | VR::OV | VR::SV | VR::UV => 8,
        _ => 1,
    }
}

fn malformed(what: &str) -> InspectError {
    InspectError::Malformed(what.to_owned())
}

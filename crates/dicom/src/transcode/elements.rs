//! Elements in little endian, explicit or implicit VR (PS3.5 §7.1).

use crate::walk::{ITEM, ITEM_DELIMITATION, SEQUENCE_DELIMITATION, UNDEFINED, has_short_length};
use dicom_core::{Tag, VR};
use std::io::{self, Write};

/// The longest sequence, in bytes as it is read, that gets a defined length: it is held until that is known.
const HELD_BYTES_MAX: u64 = 16 << 20;

/// Writes elements one after another.
pub(super) struct ElementWriter<'o, W> {
    out: &'o mut W,
    explicit_vr: bool,
    /// The sequences and items that are open: where in `held` the length of each stands, unless it ends by a delimiter.
    open: Vec<Option<usize>>,
    /// What cannot be written before a length in it is known.
    held: Vec<u8>,
}

impl<'o, W: Write> ElementWriter<'o, W> {
    pub(super) fn new(out: &'o mut W, explicit_vr: bool) -> Self {
        Self { out, explicit_vr, open: Vec::new(), held: Vec::new() }
    }

    /// Whether elements say their VR; else their reader knows it by the dictionary.
    pub(super) fn is_explicit(&self) -> bool {
        self.explicit_vr
    }

    /// An element's tag, VR and length. Its value, of just that length, has to follow.
    pub(super) fn header(&mut self, tag: Tag, vr: VR, length: u32) -> io::Result<()> {
        self.tag(tag)?;
        if !self.explicit_vr {
            return self.bytes(&length.to_le_bytes());
        }
        self.bytes(vr.to_string().as_bytes())?;
        match u16::try_from(length) {
            Ok(length) if has_short_length(vr) => self.bytes(&length.to_le_bytes()),
            Err(_) if has_short_length(vr) => Err(io::Error::other(format!("{length} bytes are too long for {vr}"))),
            _ => {
                self.bytes(&[0; 2])?;
                self.bytes(&length.to_le_bytes())
            }
        }
    }

    /// A whole element; an odd length is padded as binary values are.
    pub(super) fn element(&mut self, tag: Tag, vr: VR, value: &[u8]) -> io::Result<()> {
        let length = u32::try_from(value.len().next_multiple_of(2)).map_err(io::Error::other)?;
        self.header(tag, vr, length)?;
        self.bytes(value)?;
        self.bytes(&[0][..value.len() % 2])
    }

    /// The next bytes of a value.
    pub(super) fn bytes(&mut self, bytes: &[u8]) -> io::Result<()> {
        if self.open.iter().any(Option::is_some) {
            self.held.extend_from_slice(bytes);
            return Ok(());
        }
        self.out.write_all(bytes)
    }

    /// Begins a sequence whose length is said at its start, if it was where it is read from: so many bytes.
    pub(super) fn begin_sequence(&mut self, tag: Tag, read: Option<u64>) -> io::Result<()> {
        self.begin(read, |writer, length| writer.header(tag, VR::SQ, length))
    }

    /// The same of an item.
    pub(super) fn begin_item(&mut self, read: Option<u64>) -> io::Result<()> {
        self.begin(read, Self::item)
    }

    pub(super) fn end_item(&mut self) -> io::Result<()> {
        self.end(ITEM_DELIMITATION)
    }

    pub(super) fn end_sequence(&mut self) -> io::Result<()> {
        self.end(SEQUENCE_DELIMITATION)
    }

    fn begin(&mut self, read: Option<u64>, header: impl FnOnce(&mut Self, u32) -> io::Result<()>) -> io::Result<()> {
        if read.is_none_or(|bytes| bytes > HELD_BYTES_MAX) {
            header(self, UNDEFINED)?;
            self.open.push(None);
            return Ok(());
        }
        // From the header on, it is held; its length is the header's last four bytes.
        self.open.push(Some(0));
        header(self, 0)?;
        let place = self.held.len() - size_of::<u32>();
        *self.open.last_mut().expect("it was opened above") = Some(place);
        Ok(())
    }

    fn end(&mut self, delimiter: Tag) -> io::Result<()> {
        let Some(Some(place)) = self.open.pop() else { return self.delimiter(delimiter, 0) };
        let value = place + size_of::<u32>();
        let length = u32::try_from(self.held.len() - value).map_err(io::Error::other)?;
        self.held[place..value].copy_from_slice(&length.to_le_bytes());
        if self.open.iter().all(Option::is_none) {
            self.out.write_all(&self.held)?;
            self.held.clear();
        }
        Ok(())
    }

    /// Begins encapsulated pixel data; fragments follow, the offset table first.
    pub(super) fn begin_fragments(&mut self, tag: Tag) -> io::Result<()> {
        self.header(tag, VR::OB, UNDEFINED)
    }

    /// Ends the fragments of pixel data.
    pub(super) fn end_fragments(&mut self) -> io::Result<()> {
        self.delimiter(SEQUENCE_DELIMITATION, 0)
    }

    /// A fragment, padded to an even length.
    pub(super) fn fragment(&mut self, bytes: &[u8]) -> io::Result<()> {
        self.item(u32::try_from(bytes.len().next_multiple_of(2)).map_err(io::Error::other)?)?;
        self.bytes(bytes)?;
        self.bytes(&[0][..bytes.len() % 2])
    }

    fn item(&mut self, length: u32) -> io::Result<()> {
        self.delimiter(ITEM, length)
    }

    fn delimiter(&mut self, tag: Tag, length: u32) -> io::Result<()> {
        self.tag(tag)?;
        self.bytes(&length.to_le_bytes())
    }

    fn tag(&mut self, Tag(group, element): Tag) -> io::Result<()> {
        self.bytes(&group.to_le_bytes())?;
        self.bytes(&element.to_le_bytes())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn written(explicit_vr: bool, write: impl Fn(&mut ElementWriter<'_, Vec<u8>>) -> io::Result<()>) -> Vec<u8> {
        let mut bytes = Vec::new();
        write(&mut ElementWriter::new(&mut bytes, explicit_vr)).unwrap();
        bytes
    }

    #[test]
    fn lengths_have_two_bytes_or_four() {
        let uid = Tag(0x0008, 0x0016);
        assert_eq!(written(true, |w| w.element(uid, VR::UI, b"1.2")), b"\x08\0\x16\0UI\x04\x001.2\0");
        assert_eq!(written(true, |w| w.element(uid, VR::UN, b"1.2")), b"\x08\0\x16\0UN\0\0\x04\0\0\x001.2\0");
        assert_eq!(written(false, |w| w.element(uid, VR::UI, b"1.2")), b"\x08\0\x16\0\x04\0\0\x001.2\0");
        assert!(ElementWriter::new(&mut Vec::new(), true).header(uid, VR::UI, 0x1_0000).is_err());
    }

    #[test]
    fn sequences_and_items_are_delimited() {
        let nested = |w: &mut ElementWriter<'_, Vec<u8>>| {
            w.begin_sequence(Tag(0x0008, 0x1140), None)?;
            w.begin_item(None)?;
            w.end_item()?;
            w.end_sequence()
        };
        let items = b"\xfe\xff\0\xe0\xff\xff\xff\xff\xfe\xff\x0d\xe0\0\0\0\0\xfe\xff\xdd\xe0\0\0\0\0";
        assert_eq!(written(true, nested), [&b"\x08\0\x40\x11SQ\0\0\xff\xff\xff\xff"[..], items].concat());
        assert_eq!(written(false, nested), [&b"\x08\0\x40\x11\xff\xff\xff\xff"[..], items].concat());
    }

    /// The lengths that are read count only whether there are any; those that are written are of what is written.
    #[test]
    fn lengths_that_are_said_at_the_start_are_those_of_what_is_written() {
        let nested = |w: &mut ElementWriter<'_, Vec<u8>>| {
            w.begin_sequence(Tag(0x0008, 0x1140), Some(0))?;
            w.begin_item(Some(0))?;
            w.element(Tag(0x0008, 0x1150), VR::UI, b"1.2")?;
            w.begin_sequence(Tag(0x0040, 0xA170), None)?;
            w.end_sequence()?;
            w.end_item()?;
            w.end_sequence()?;
            w.begin_sequence(Tag(0x0008, 0x1140), Some(HELD_BYTES_MAX + 1))?;
            w.end_sequence()
        };
        let explicit = [
            &b"\x08\0\x40\x11SQ\0\0\x28\0\0\0\xfe\xff\0\xe0\x20\0\0\0\x08\0\x50\x11UI\x04\x001.2\0"[..],
            b"\x40\0\x70\xa1SQ\0\0\xff\xff\xff\xff\xfe\xff\xdd\xe0\0\0\0\0",
            b"\x08\0\x40\x11SQ\0\0\xff\xff\xff\xff\xfe\xff\xdd\xe0\0\0\0\0",
        ];
        assert_eq!(written(true, nested), explicit.concat());
        let implicit = [
            &b"\x08\0\x40\x11\x24\0\0\0\xfe\xff\0\xe0\x1c\0\0\0\x08\0\x50\x11\x04\0\0\x001.2\0"[..],
            b"\x40\0\x70\xa1\xff\xff\xff\xff\xfe\xff\xdd\xe0\0\0\0\0",
            b"\x08\0\x40\x11\xff\xff\xff\xff\xfe\xff\xdd\xe0\0\0\0\0",
        ];
        assert_eq!(written(false, nested), implicit.concat());
    }
}

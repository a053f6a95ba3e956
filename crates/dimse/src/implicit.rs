//! Explicit to implicit VR little endian (PS3.5 §7.1.3), for peers that take nothing but the default transfer syntax.
//!
//! Values stay byte for byte; only the VRs go. Sequences and items get undefined lengths, as their lengths change.

use crate::elements::{Encoding, read_header};

/// How deep sequences may be nested; real ones are some ten deep.
const DEPTH_MAX: usize = 64;

const UNDEFINED: u32 = u32::MAX;
const ITEM: [u8; 4] = [0xFE, 0xFF, 0x00, 0xE0];
const ITEM_END: [u8; 4] = [0xFE, 0xFF, 0x0D, 0xE0];
const SEQUENCE_END: [u8; 4] = [0xFE, 0xFF, 0xDD, 0xE0];

/// The same data set in implicit VR; `None` when the bytes are no data set in explicit VR, or hold what cannot be said in
/// implicit VR (encapsulated pixels) or would have to be interpreted (an unknown sequence of undefined length).
pub(crate) fn to_implicit(explicit: &[u8]) -> Option<Vec<u8>> {
    let mut converter = Converter { bytes: explicit, at: 0, implicit: Vec::with_capacity(explicit.len()) };
    converter.elements(Some(explicit.len()), 0)?;
    Some(converter.implicit)
}

struct Converter<'a> {
    bytes: &'a [u8],
    at: usize,
    implicit: Vec<u8>,
}

impl Converter<'_> {
    /// Elements up to this place, or up to the end of an item.
    fn elements(&mut self, end: Option<usize>, depth: usize) -> Option<()> {
        while end.is_none_or(|end| self.at < end) {
            let rest = self.bytes.get(self.at..)?;
            let tag: [u8; 4] = rest.get(..4)?.try_into().ok()?;
            if tag == ITEM_END {
                self.at += 8;
                return end.is_none().then_some(());
            }
            let header = read_header(rest, Encoding::EXPLICIT_LITTLE)?;
            self.at += header.header_bytes;
            if rest.get(4..6)? == b"SQ" {
                self.push(tag, UNDEFINED);
                let end = match header.value_bytes {
                    Some(length) => Some(self.at.checked_add(length)?),
                    None => None,
                };
                self.items(end, depth + 1)?;
                self.push(SEQUENCE_END, 0);
                continue;
            }
            let value = self.bytes.get(self.at..self.at.checked_add(header.value_bytes?)?)?;
            self.at += value.len();
            // Group lengths are retired (PS3.5 §7.2), and would be wrong now.
            if header.element != 0 {
                self.push(tag, u32::try_from(value.len()).ok()?);
                self.implicit.extend_from_slice(value);
            }
        }
        (end == Some(self.at)).then_some(())
    }

    /// Items up to this place, or up to the end of the sequence.
    fn items(&mut self, end: Option<usize>, depth: usize) -> Option<()> {
        if depth > DEPTH_MAX {
            return None;
        }
        while end.is_none_or(|end| self.at < end) {
            let header = self.bytes.get(self.at..self.at + 8)?;
            let (tag, length) = header.split_at(4);
            let length = u32::from_le_bytes(length.try_into().ok()?);
            self.at += 8;
            if tag == SEQUENCE_END {
                return end.is_none().then_some(());
            }
            if tag != ITEM {
                return None;
            }
            self.push(ITEM, UNDEFINED);
            let item_end = if length == UNDEFINED { None } else { Some(self.at.checked_add(length as usize)?) };
            self.elements(item_end, depth)?;
            self.push(ITEM_END, 0);
        }
        (end == Some(self.at)).then_some(())
    }

    fn push(&mut self, tag: [u8; 4], length: u32) {
        self.implicit.extend_from_slice(&tag);
        self.implicit.extend_from_slice(&length.to_le_bytes());
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// (0008,0016) UI, then (0008,1140) SQ with one item that holds (0008,1155) UI, in the two ways of saying lengths.
    const UID: &[u8] = b"\x08\0\x16\0UI\x04\x001.2\0";
    const DEFINED: &[u8] = b"\x08\0\x40\x11SQ\0\0\x14\0\0\0\xfe\xff\0\xe0\x0c\0\0\0\x08\0\x55\x11UI\x04\x001.3\0";
    const UNDEFINED_LENGTHS: &[u8] = b"\x08\0\x40\x11SQ\0\0\xff\xff\xff\xff\xfe\xff\0\xe0\xff\xff\xff\xff\
        \x08\0\x55\x11UI\x04\x001.3\0\xfe\xff\x0d\xe0\0\0\0\0\xfe\xff\xdd\xe0\0\0\0\0";
    const IMPLICIT: &[u8] =
        b"\x08\0\x16\0\x04\0\0\x001.2\0\x08\0\x40\x11\xff\xff\xff\xff\xfe\xff\0\xe0\xff\xff\xff\xff\
        \x08\0\x55\x11\x04\0\0\x001.3\0\xfe\xff\x0d\xe0\0\0\0\0\xfe\xff\xdd\xe0\0\0\0\0";

    #[test]
    fn vrs_go_and_values_stay() {
        assert_eq!(to_implicit(&[UID, DEFINED].concat()).as_deref(), Some(IMPLICIT));
        assert_eq!(to_implicit(&[UID, UNDEFINED_LENGTHS].concat()).as_deref(), Some(IMPLICIT));
        let with_group_length = [b"\x08\0\0\0UL\x04\0\x00\x01\0\0", UID, DEFINED].concat();
        assert_eq!(to_implicit(&with_group_length).as_deref(), Some(IMPLICIT));
        assert_eq!(to_implicit(b"").as_deref(), Some(&b""[..]));
    }

    #[test]
    fn what_cannot_be_said_is_not_said() {
        let encapsulated = b"\xe0\x7f\x10\0OB\0\0\xff\xff\xff\xff\xfe\xff\0\xe0\0\0\0\0\xfe\xff\xdd\xe0\0\0\0\0";
        assert_eq!(to_implicit(encapsulated), None);
        let deep = b"\x08\0\x40\x11SQ\0\0\xff\xff\xff\xff\xfe\xff\0\xe0\xff\xff\xff\xff".repeat(1_000);
        assert_eq!(to_implicit(&deep), None);
        for cut in 1..DEFINED.len() {
            assert_eq!(to_implicit(&DEFINED[..cut]), None, "{cut} bytes");
        }
    }
}

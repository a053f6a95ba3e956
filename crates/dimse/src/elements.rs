//! The headers of data elements (PS3.5 §7.1), as far as a door must look into bytes that it passes on.

/// How elements are encoded.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Encoding {
    pub explicit_vr: bool,
    pub big_endian: bool,
}

impl Encoding {
    /// Command sets, and the syntax that every application knows.
    pub(crate) const IMPLICIT_LITTLE: Self = Self { explicit_vr: false, big_endian: false };
    /// Group 0002, and all syntaxes but two.
    pub(crate) const EXPLICIT_LITTLE: Self = Self { explicit_vr: true, big_endian: false };
    /// Retired, and still sent.
    pub(crate) const EXPLICIT_BIG: Self = Self { explicit_vr: true, big_endian: true };
}

/// An element without its value.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct ElementHeader {
    pub group: u16,
    pub element: u16,
    /// Bytes before the value.
    pub header_bytes: usize,
    /// Bytes of the value; `None` when the length is undefined.
    pub value_bytes: Option<usize>,
}

impl ElementHeader {
    /// Where the next element begins, counted from the start of this one.
    pub(crate) fn whole_bytes(self) -> Option<usize> {
        self.header_bytes.checked_add(self.value_bytes?)
    }
}

/// VRs whose length field has two bytes (PS3.5 Table 7.1-2).
const SHORT_VRS: [&[u8; 2]; 21] = [
    b"AE", b"AS", b"AT", b"CS", b"DA", b"DS", b"DT", b"FD", b"FL", b"IS", b"LO", b"LT", b"PN", b"SH", b"SL", b"SS",
    b"ST", b"TM", b"UI", b"UL", b"US",
];

/// The element that begins here; `None` when there are too few bytes to say.
pub(crate) fn read_header(bytes: &[u8], encoding: Encoding) -> Option<ElementHeader> {
    let short = |at: usize| {
        let two: [u8; 2] = bytes.get(at..at + 2)?.try_into().ok()?;
        Some(if encoding.big_endian { u16::from_be_bytes(two) } else { u16::from_le_bytes(two) })
    };
    let long = |at: usize| {
        let four: [u8; 4] = bytes.get(at..at + 4)?.try_into().ok()?;
        Some(if encoding.big_endian { u32::from_be_bytes(four) } else { u32::from_le_bytes(four) })
    };
    let (header_bytes, length) = if !encoding.explicit_vr {
        (8, long(4)?)
    } else if SHORT_VRS.contains(&bytes.get(4..6)?.try_into().ok()?) {
        (8, short(6)?.into())
    } else {
        (12, long(8)?)
    };
    let value_bytes = (length != u32::MAX).then_some(length as usize);
    Some(ElementHeader { group: short(0)?, element: short(2)?, header_bytes, value_bytes })
}

/// A text value without its padding.
pub(crate) fn unpadded(value: &[u8]) -> String {
    String::from_utf8_lossy(value).trim_matches(['\0', ' ']).to_owned()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[track_caller]
    fn check(bytes: &[u8], encoding: Encoding, expected: Option<(u16, u16, usize, Option<usize>)>) {
        let header = read_header(bytes, encoding);
        assert_eq!(header.map(|h| (h.group, h.element, h.header_bytes, h.value_bytes)), expected);
    }

    #[test]
    fn headers_are_read_in_every_encoding() {
        let implicit = [8, 0, 0x18, 0, 6, 0, 0, 0];
        check(&implicit, Encoding::IMPLICIT_LITTLE, Some((8, 0x18, 8, Some(6))));
        check(b"\x08\0\x18\0UI\x06\0", Encoding::EXPLICIT_LITTLE, Some((8, 0x18, 8, Some(6))));
        check(b"\0\x08\0\x18UI\0\x06", Encoding::EXPLICIT_BIG, Some((8, 0x18, 8, Some(6))));
        check(b"\x08\0\x06\0SQ\0\0\xff\xff\xff\xff", Encoding::EXPLICIT_LITTLE, Some((8, 6, 12, None)));
        check(b"\x08\0\x18\0UI\x06", Encoding::EXPLICIT_LITTLE, None);
        check(b"", Encoding::IMPLICIT_LITTLE, None);
    }
}

//! Texts in the character sets of PS3.3 §C.12.1.1.2, also where a value switches between sets by escape sequences
//! (PS3.5 §6.1.2.5).

use dicom_core::VR;
use dicom_encoding::text::{SpecificCharacterSet, TextCodec};

const ESCAPE: u8 = 0x1B;

/// The defined terms of `SpecificCharacterSet` that are read (PS3.3 §C.12.1.1.2); without any, texts are ASCII.
pub const CHARACTER_SETS: [&str; 28] = [
    "ISO_IR 6",
    "ISO_IR 13",
    "ISO_IR 100",
    "ISO_IR 101",
    "ISO_IR 109",
    "ISO_IR 110",
    "ISO_IR 126",
    "ISO_IR 127",
    "ISO_IR 138",
    "ISO_IR 144",
    "ISO_IR 166",
    "ISO_IR 192",
    "GB18030",
    "GBK",
    "ISO 2022 IR 6",
    "ISO 2022 IR 13",
    "ISO 2022 IR 58",
    "ISO 2022 IR 87",
    "ISO 2022 IR 100",
    "ISO 2022 IR 101",
    "ISO 2022 IR 109",
    "ISO 2022 IR 110",
    "ISO 2022 IR 126",
    "ISO 2022 IR 127",
    "ISO 2022 IR 138",
    "ISO 2022 IR 144",
    "ISO 2022 IR 149",
    "ISO 2022 IR 166",
];

/// The character sets of one data set.
#[derive(Clone, Debug, Default)]
pub(crate) struct CharacterSets {
    initial: SpecificCharacterSet,
    /// Whether the data set declares one at all.
    declared: bool,
}

/// What an escape sequence switches to.
enum Designation {
    /// A double-byte set of Japan, whose decoder reads the escape sequence itself.
    Japanese,
    /// Single bytes of the other half of the code table.
    Ascii,
    /// A set for bytes with the high bit.
    High(&'static str),
}

const DESIGNATIONS: [(&[u8], Designation); 17] = [
    (b"$B", Designation::Japanese),
    (b"$(D", Designation::Japanese),
    (b"(B", Designation::Ascii),
    (b"(J", Designation::Ascii),
    (b")I", Designation::High("ISO_IR 13")),
    (b"-A", Designation::High("ISO_IR 100")),
    (b"-B", Designation::High("ISO_IR 101")),
    (b"-C", Designation::High("ISO_IR 109")),
    (b"-D", Designation::High("ISO_IR 110")),
    (b"-F", Designation::High("ISO_IR 126")),
    (b"-G", Designation::High("ISO_IR 127")),
    (b"-H", Designation::High("ISO_IR 138")),
    (b"-L", Designation::High("ISO_IR 144")),
    (b"-M", Designation::High("ISO_IR 148")),
    (b"-T", Designation::High("ISO_IR 166")),
    (b"$)C", Designation::High("ISO_IR 149")),
    (b"$)A", Designation::High("GB2312")),
];

impl CharacterSets {
    /// The sets that `SpecificCharacterSet` names; one that is unknown is read as Latin 1.
    pub(crate) fn from_terms(terms: &[String]) -> Self {
        let first = terms.first().map_or("", String::as_str);
        let initial = SpecificCharacterSet::from_code(first).unwrap_or_default();
        Self { initial, declared: terms.iter().any(|term| !term.is_empty()) }
    }

    /// Decodes a value of a text VR; all others are ASCII.
    pub(crate) fn decode(&self, vr: VR, bytes: &[u8]) -> String {
        let international = matches!(vr, VR::LO | VR::LT | VR::PN | VR::SH | VR::ST | VR::UC | VR::UT);
        if !international || bytes.is_ascii() && !bytes.contains(&ESCAPE) {
            return String::from_utf8_lossy(bytes).into_owned();
        }
        if !self.declared {
            // Undeclared bytes are either the UTF-8 of careless senders or Latin 1, and rarely both valid.
            return std::str::from_utf8(bytes).map_or_else(|_| decode_in(&self.initial, bytes), str::to_owned);
        }
        if !bytes.contains(&ESCAPE) {
            return decode_in(&self.initial, bytes);
        }
        self.decode_escaped(bytes)
    }

    fn decode_escaped(&self, bytes: &[u8]) -> String {
        let mut text = String::new();
        let mut high = self.initial.clone();
        for (place, segment) in bytes.split(|byte| *byte == ESCAPE).enumerate() {
            let designation = DESIGNATIONS.iter().find(|(letters, _)| place > 0 && segment.starts_with(letters));
            match designation {
                Some((_, Designation::Japanese)) => text.push_str(&decode_japanese(segment)),
                Some((letters, Designation::Ascii)) => text.push_str(&decode_in(&high, &segment[letters.len()..])),
                Some((letters, Designation::High(code))) => {
                    high = SpecificCharacterSet::from_code(code).unwrap_or_default();
                    text.push_str(&decode_in(&high, &segment[letters.len()..]));
                }
                None => text.push_str(&decode_in(&high, segment)),
            }
        }
        text
    }
}

fn decode_japanese(segment: &[u8]) -> String {
    let escaped: Vec<u8> = [&[ESCAPE], segment].concat();
    SpecificCharacterSet::from_code("ISO_IR 87").map_or_else(String::new, |set| decode_in(&set, &escaped))
}

fn decode_in(set: &SpecificCharacterSet, bytes: &[u8]) -> String {
    set.decode(bytes).unwrap_or_else(|_| String::from_utf8_lossy(bytes).into_owned())
}

/// The text in a single character set without escape sequences; `None` when the set is another kind, or cannot say it.
pub(crate) fn encode_in(term: &str, text: &str) -> Option<Vec<u8>> {
    if term.contains('\\') || term.starts_with("ISO 2022") || matches!(term, "ISO_IR 13" | "ISO_IR 87" | "ISO_IR 149") {
        return None;
    }
    let set = SpecificCharacterSet::from_code(term).filter(|_| !term.is_empty())?;
    let bytes = set.encode(text).ok()?;
    set.decode(&bytes).is_ok_and(|decoded| decoded == text).then_some(bytes)
}

/// The values of a text, without padding. Only some representations divide values by backslash (PS3.5 §6.4).
pub(crate) fn split_values(vr: VR, text: &str) -> Vec<String> {
    let padding = [' ', '\0'];
    match vr {
        VR::LT | VR::ST | VR::UT | VR::UR => vec![text.trim_end_matches(padding).to_owned()],
        VR::UC => text.split('\\').map(|value| value.trim_end_matches(padding).to_owned()).collect(),
        _ => text.split('\\').map(|value| value.trim_matches(padding).to_owned()).collect(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[track_caller]
    fn check(terms: &[&str], bytes: &[u8], expected: &str) {
        let terms: Vec<String> = terms.iter().map(|term| (*term).to_owned()).collect();
        assert_eq!(CharacterSets::from_terms(&terms).decode(VR::PN, bytes), expected);
    }

    /// The examples of PS3.5 Annexes H, I, J and K, and what the field sends beside them.
    #[test]
    fn every_set_that_is_claimed_is_known() {
        let unknown: Vec<_> =
            CHARACTER_SETS.into_iter().filter(|term| SpecificCharacterSet::from_code(term).is_none()).collect();
        assert_eq!(unknown, [""; 0]);
    }

    #[test]
    fn names_are_decoded() {
        check(&["ISO_IR 100"], b"Buc^J\xE9r\xF4me", "Buc^Jérôme");
        check(&["ISO_IR 192"], "Wang^XiaoDong=王^小東".as_bytes(), "Wang^XiaoDong=王^小東");
        check(&["GB18030"], b"Wang^XiaoDong=\xCD\xF5^\xD0\xA1\xB6\xAB", "Wang^XiaoDong=王^小东");
        check(
            &["", "ISO 2022 IR 87"],
            b"Yamada^Tarou=\x1B$B;3ED\x1B(B^\x1B$BB@O:\x1B(B=\x1B$B$d$^$@\x1B(B^\x1B$B$?$m$&\x1B(B",
            "Yamada^Tarou=山田^太郎=やまだ^たろう",
        );
        check(
            &["", "ISO 2022 IR 149"],
            b"Hong^Gildong=\x1B$)C\xFB\xF3^\x1B$)C\xD1\xCE\xD4\xD7=\x1B$)C\xC8\xAB^\x1B$)C\xB1\xE6\xB5\xBF",
            "Hong^Gildong=洪^吉洞=홍^길동",
        );
        check(&["ISO 2022 IR 100", "ISO 2022 IR 144"], b"J\xE9r\x1B-L\xBB\xEE\xDA", "JérЛюк");
    }

    #[test]
    fn undeclared_bytes_are_utf8_or_latin() {
        check(&[], "Jérôme".as_bytes(), "Jérôme");
        check(&[], b"J\xE9r\xF4me", "Jérôme");
    }

    #[test]
    fn values_lose_their_padding() {
        assert_eq!(split_values(VR::CS, "ORIGINAL\\PRIMARY "), ["ORIGINAL", "PRIMARY"]);
        assert_eq!(split_values(VR::UI, "1.2.3\0"), ["1.2.3"]);
        assert_eq!(split_values(VR::LT, "  indented \\ text "), ["  indented \\ text"]);
    }
}

//! What a transfer syntax means for whoever reads or writes the bytes (PS3.5 §10, Annex A). The table is data
//! (`data/transfer_syntaxes.toml`).

use serde::Deserialize;
use std::sync::LazyLock;

/// The arc below which the standard names its transfer syntaxes.
const ARC: &str = "1.2.840.10008.1.2.";

/// How elements are encoded.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Encoding {
    /// Whether each element says its value representation.
    pub explicit_vr: bool,
    /// Whether the most significant byte comes first.
    pub big_endian: bool,
}

impl Encoding {
    /// Explicit VR little endian, which group 0002 and almost all syntaxes use.
    pub(crate) const EXPLICIT_LITTLE: Self = Self { explicit_vr: true, big_endian: false };
    /// Implicit VR little endian.
    pub(crate) const IMPLICIT_LITTLE: Self = Self { explicit_vr: false, big_endian: false };
    const EXPLICIT_BIG: Self = Self { explicit_vr: true, big_endian: true };
}

/// How the data set of a transfer syntax is encoded.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Syntax {
    /// How the elements are encoded.
    pub encoding: Encoding,
    /// Whether the data set is deflated as a whole.
    pub deflated: bool,
}

/// A transfer syntax of PS3.6 Table A-1, and what this release does with it.
#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct TransferSyntax {
    /// Its UID.
    pub uid: String,
    /// Its keyword, such as `RLELossless`.
    pub keyword: String,
    /// Its name, such as `RLE Lossless`.
    pub name: String,
    encoding: ElementEncoding,
    #[serde(default)]
    deflated: bool,
    pixels: Pixels,
    #[serde(default)]
    lossless: bool,
    #[serde(default)]
    decodes: bool,
    offer: Option<u8>,
    media_type: Option<String>,
}

#[derive(Clone, Copy, Debug, Deserialize)]
#[serde(rename_all = "snake_case")]
enum ElementEncoding {
    ExplicitLittle,
    ImplicitLittle,
    ExplicitBig,
}

#[derive(Clone, Copy, Debug, PartialEq, Deserialize)]
#[serde(rename_all = "snake_case")]
enum Pixels {
    Native,
    Encapsulated,
    Referenced,
}

impl TransferSyntax {
    /// Whether pixel data are fragments, each frame compressed on its own (PS3.5 §A.4).
    #[must_use]
    pub fn is_encapsulated(&self) -> bool {
        self.pixels == Pixels::Encapsulated
    }

    /// Whether pixels come out exactly as they went in.
    #[must_use]
    pub fn is_lossless(&self) -> bool {
        self.lossless
    }

    /// Whether frames in it can be decoded here; native ones always can.
    #[must_use]
    pub fn decodes(&self) -> bool {
        self.decodes || self.pixels == Pixels::Native
    }

    /// Whether objects can be written in it.
    #[must_use]
    pub fn encodes(&self) -> bool {
        self.offer.is_some()
    }

    /// The media type of one frame (PS3.18 Tables 8.7.3-2 to 8.7.3-5).
    #[must_use]
    pub fn media_type(&self) -> &str {
        self.media_type.as_deref().unwrap_or("application/octet-stream")
    }

    /// How the data set is encoded.
    pub(crate) fn data_set(&self) -> Syntax {
        let encoding = match self.encoding {
            ElementEncoding::ExplicitLittle => Encoding::EXPLICIT_LITTLE,
            ElementEncoding::ImplicitLittle => Encoding::IMPLICIT_LITTLE,
            ElementEncoding::ExplicitBig => Encoding::EXPLICIT_BIG,
        };
        Syntax { encoding, deflated: self.deflated }
    }
}

#[derive(Deserialize)]
struct Table {
    syntax: Vec<TransferSyntax>,
}

static TABLE: LazyLock<Vec<TransferSyntax>> = LazyLock::new(|| {
    let table: Table =
        toml::from_str(include_str!("../data/transfer_syntaxes.toml")).expect("the packaged table is valid TOML");
    table.syntax
});

/// The transfer syntaxes that this release knows by name, in the order of their UIDs in PS3.6.
#[must_use]
pub fn transfer_syntaxes() -> &'static [TransferSyntax] {
    &TABLE
}

/// The transfer syntax of that UID; `None` for one that the table does not name.
#[must_use]
pub fn transfer_syntax(uid: &str) -> Option<&'static TransferSyntax> {
    TABLE.iter().find(|syntax| syntax.uid == uid)
}

/// Whether an object stored in one syntax can be given in another.
///
/// What was compressed with loss is given decoded to native pixels, never compressed again: that would lose more, or
/// make of it something larger that pretends to have lost nothing.
#[must_use]
pub fn can_transcode(from: &str, to: &str) -> bool {
    if from == to {
        return lookup(from).is_some();
    }
    let (Some(from), Some(to)) = (transfer_syntax(from), transfer_syntax(to)) else { return false };
    from.decodes() && to.encodes() && (from.lossless || !to.is_encapsulated())
}

/// The syntaxes in which an object stored in `from` can leave, best first: its own, whose bytes stay as they are, then
/// those that compress without loss, then explicit VR, and implicit VR last. Empty when `from` is no transfer syntax.
///
/// A single object may still be refused by some of them, see [`crate::transcode()`].
#[must_use]
pub fn offers(from: &str) -> Vec<&str> {
    if lookup(from).is_none() {
        return Vec::new();
    }
    let mut others: Vec<&TransferSyntax> =
        TABLE.iter().filter(|to| to.uid != from && can_transcode(from, &to.uid)).collect();
    others.sort_by_key(|to| to.offer);
    std::iter::once(from).chain(others.into_iter().map(|to| to.uid.as_str())).collect()
}

/// How data sets of the syntax of that UID are encoded. Every syntax that the standard added since 1996 is explicit VR
/// little endian, so that one of its arc that is newer than this code can still be kept and searched.
pub(crate) fn lookup(uid: &str) -> Option<Syntax> {
    match transfer_syntax(uid) {
        Some(syntax) => Some(syntax.data_set()),
        None if uid.starts_with(ARC) => Some(Syntax { encoding: Encoding::EXPLICIT_LITTLE, deflated: false }),
        None => None,
    }
}

/// Whether the pixels come out of this syntax exactly as they went in.
pub(crate) fn is_lossless(uid: &str) -> bool {
    transfer_syntax(uid).is_some_and(TransferSyntax::is_lossless)
}

/// Whether pixel data of this syntax are encapsulated.
pub(crate) fn is_encapsulated(uid: &str) -> bool {
    match transfer_syntax(uid) {
        Some(syntax) => syntax.is_encapsulated(),
        None => uid.starts_with(ARC),
    }
}

/// The media type of one frame (PS3.18 Tables 8.7.3-2 to 8.7.3-5).
pub(crate) fn frame_media_type(uid: &str) -> &'static str {
    transfer_syntax(uid).map_or("application/octet-stream", TransferSyntax::media_type)
}

#[cfg(test)]
mod tests {
    use super::*;
    use dicom_dictionary_std::uids;
    use dicom_encoding::transfer_syntax::TransferSyntaxIndex;
    use dicom_transfer_syntax_registry::TransferSyntaxRegistry;

    #[test]
    fn syntaxes_say_how_to_read_them() {
        let encoding = |uid| lookup(uid).map(|syntax| (syntax.encoding.explicit_vr, syntax.encoding.big_endian));
        assert_eq!(encoding("1.2.840.10008.1.2"), Some((false, false)));
        assert_eq!(encoding("1.2.840.10008.1.2.1"), Some((true, false)));
        assert_eq!(encoding("1.2.840.10008.1.2.2"), Some((true, true)));
        assert_eq!(encoding("1.2.840.10008.1.2.4.999"), Some((true, false)));
        assert_eq!(encoding("1.2.3.4"), None);
        assert!(lookup("1.2.840.10008.1.2.1.99").is_some_and(|syntax| syntax.deflated));
    }

    #[test]
    fn only_compressed_syntaxes_are_encapsulated() {
        let encapsulated =
            ["1.2.840.10008.1.2", "1.2.840.10008.1.2.1", "1.2.840.10008.1.2.2", "1.2.840.10008.1.2.1.99"]
                .map(is_encapsulated);
        assert_eq!(encapsulated, [false; 4]);
        assert!(is_encapsulated("1.2.840.10008.1.2.4.50") && !is_lossless("1.2.840.10008.1.2.4.50"));
        assert!(is_encapsulated("1.2.840.10008.1.2.5") && is_lossless("1.2.840.10008.1.2.5"));
        assert!(is_encapsulated("1.2.840.10008.1.2.4.999") && !is_lossless("1.2.840.10008.1.2.4.999"));
    }

    /// What the table promises to decode is what there is a decoder for.
    #[test]
    fn the_table_knows_the_decoders() {
        let own = [uids::ENCAPSULATED_UNCOMPRESSED_EXPLICIT_VR_LITTLE_ENDIAN, uids::DEFLATED_IMAGE_FRAME_COMPRESSION];
        for syntax in transfer_syntaxes().iter().filter(|syntax| syntax.is_encapsulated()) {
            let reader = TransferSyntaxRegistry.get(&syntax.uid).and_then(|found| found.pixel_data_reader());
            assert_eq!(syntax.decodes, reader.is_some() || own.contains(&syntax.uid.as_str()), "{}", syntax.name);
        }
    }

    #[track_caller]
    fn check_offers(from: &str, expected: &[&str]) {
        assert_eq!(offers(from), expected);
        assert!(expected.iter().all(|to| can_transcode(from, to)));
    }

    #[test]
    fn the_best_syntax_is_offered_first() {
        const NATIVE: [&str; 3] = [
            uids::EXPLICIT_VR_LITTLE_ENDIAN,
            uids::DEFLATED_EXPLICIT_VR_LITTLE_ENDIAN,
            uids::IMPLICIT_VR_LITTLE_ENDIAN,
        ];
        const LOSSLESS: [&str; 3] = [uids::JPEGLS_LOSSLESS, uids::JPEGXL_LOSSLESS, uids::RLE_LOSSLESS];
        let after = |own: &'static str, others: &[&[&'static str]]| [&[own], others.concat().as_slice()].concat();
        check_offers(uids::JPEG2000_LOSSLESS, &after(uids::JPEG2000_LOSSLESS, &[&LOSSLESS, &NATIVE]));
        check_offers(uids::JPEG_BASELINE8_BIT, &after(uids::JPEG_BASELINE8_BIT, &[&NATIVE]));
        check_offers(NATIVE[0], &after(NATIVE[0], &[&LOSSLESS, &NATIVE[1..]]));
        check_offers(LOSSLESS[2], &after(LOSSLESS[2], &[&LOSSLESS[..2], &NATIVE]));
        check_offers(uids::MPEG2MPML, &[uids::MPEG2MPML]);
        check_offers("1.2.840.10008.1.2.4.999", &["1.2.840.10008.1.2.4.999"]);
        check_offers("1.2.3.4", &[]);
        assert!(!can_transcode(NATIVE[0], uids::JPEG_BASELINE8_BIT) && !can_transcode("1.2.3.4", "1.2.3.4"));
    }
}

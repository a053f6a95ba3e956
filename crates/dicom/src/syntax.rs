//! What a transfer syntax means for whoever reads the bytes (PS3.5 §10, Annex A).

use dicom_dictionary_std::uids;

/// Retired from the standard, not from the field.
const EXPLICIT_VR_BIG_ENDIAN: &str = "1.2.840.10008.1.2.2";

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

/// A transfer syntax of PS3.6 Table A-1.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Syntax {
    /// How the elements are encoded.
    pub encoding: Encoding,
    /// Whether the data set is deflated as a whole.
    pub deflated: bool,
}

/// The syntax of that UID. Every syntax that the standard added since 1996 is explicit VR little endian with encapsulated
/// pixels, so that one of its arc that is newer than this code can still be kept and searched.
pub(crate) fn lookup(uid: &str) -> Option<Syntax> {
    let plain = |encoding| Some(Syntax { encoding, deflated: false });
    match uid {
        uids::IMPLICIT_VR_LITTLE_ENDIAN => plain(Encoding::IMPLICIT_LITTLE),
        EXPLICIT_VR_BIG_ENDIAN => plain(Encoding::EXPLICIT_BIG),
        uids::DEFLATED_EXPLICIT_VR_LITTLE_ENDIAN
        | uids::JPIP_REFERENCED_DEFLATE
        | uids::JPIPHTJ2K_REFERENCED_DEFLATE => Some(Syntax { encoding: Encoding::EXPLICIT_LITTLE, deflated: true }),
        _ if uid.starts_with("1.2.840.10008.1.2.") => plain(Encoding::EXPLICIT_LITTLE),
        _ => None,
    }
}

/// Whether the pixels come out of this syntax exactly as they went in.
pub(crate) fn is_lossless(uid: &str) -> bool {
    lossless_codec(uid) || !is_encapsulated(uid)
}

/// Whether pixel data of this syntax are encapsulated.
pub(crate) fn is_encapsulated(uid: &str) -> bool {
    lookup(uid).is_some_and(|syntax| !syntax.deflated && syntax.encoding == Encoding::EXPLICIT_LITTLE)
        && uid != uids::EXPLICIT_VR_LITTLE_ENDIAN
}

fn lossless_codec(uid: &str) -> bool {
    matches!(
        uid,
        uids::ENCAPSULATED_UNCOMPRESSED_EXPLICIT_VR_LITTLE_ENDIAN
            | uids::RLE_LOSSLESS
            | uids::JPEG_LOSSLESS
            | uids::JPEG_LOSSLESS_SV1
            | uids::JPEGLS_LOSSLESS
            | uids::JPEG2000_LOSSLESS
            | uids::JPEG2000MC_LOSSLESS
            | uids::HTJ2K_LOSSLESS
            | uids::HTJ2K_LOSSLESS_RPCL
            | uids::JPEGXL_LOSSLESS
            | uids::DEFLATED_IMAGE_FRAME_COMPRESSION
    )
}

/// The media type of one frame (PS3.18 Tables 8.7.3-2 to 8.7.3-5).
pub(crate) fn frame_media_type(uid: &str) -> &'static str {
    match uid {
        uids::JPEG_BASELINE8_BIT | uids::JPEG_EXTENDED12_BIT | uids::JPEG_LOSSLESS | uids::JPEG_LOSSLESS_SV1 => {
            "image/jpeg"
        }
        uids::JPEGLS_LOSSLESS | uids::JPEGLS_NEAR_LOSSLESS => "image/jls",
        uids::JPEG2000_LOSSLESS | uids::JPEG2000 => "image/jp2",
        uids::JPEG2000MC_LOSSLESS | uids::JPEG2000MC => "image/jpx",
        uids::HTJ2K | uids::HTJ2K_LOSSLESS | uids::HTJ2K_LOSSLESS_RPCL => "image/jphc",
        uids::JPEGXL | uids::JPEGXL_LOSSLESS | uids::JPEGXLJPEG_RECOMPRESSION => "image/jxl",
        uids::RLE_LOSSLESS => "image/dicom-rle",
        uids::MPEG2MPML | uids::MPEG2MPHL => "video/mpeg2",
        uids::MPEG4HP41 | uids::MPEG4HP41BD | uids::MPEG4HP422D | uids::MPEG4HP423D | uids::MPEG4HP42STEREO => {
            "video/mp4"
        }
        _ => "application/octet-stream",
    }
}

#[cfg(test)]
mod tests {
    use super::*;

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
    }
}

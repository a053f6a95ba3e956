//! What a compressed frame says of itself, read before a codec is trusted with it.

/// The dimensions in a codestream's own header.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct StreamInfo {
    /// Height.
    pub rows: u32,
    /// Width.
    pub columns: u32,
    /// Channels.
    pub components: u16,
    /// Bits of one sample.
    pub bits: u16,
    /// Whether the codec gives one channel after another rather than pixel by pixel.
    pub planar: bool,
}

/// The header of a JPEG, JPEG-LS or JPEG 2000 frame; `None` when it is none of these or incomplete.
pub(crate) fn read_info(bytes: &[u8]) -> Option<StreamInfo> {
    match bytes {
        [0xFF, 0xD8, ..] => read_jpeg(bytes),
        _ => read_jpeg_2000(bytes),
    }
}

/// Whether these are the first bytes of a frame rather than of the continuation of one: the start markers of JPEG and
/// JPEG-LS, of JPEG 2000, and of JPEG XL.
pub(crate) fn is_start(bytes: &[u8]) -> bool {
    matches!(bytes, [0xFF, 0xD8, 0xFF, ..] | [0xFF, 0x4F, 0xFF, 0x51] | [0xFF, 0x0A, ..] | [0, 0, 0, 0x0C])
}

/// Whether a JPEG frame says how its colours are coded: by an Adobe or a JFIF segment.
pub(crate) fn jpeg_names_colours(bytes: &[u8]) -> bool {
    segments(bytes).any(|segment| matches!(segment, Segment { marker: 0xE0 | 0xEE, .. }))
}

/// Whether a JPEG frame is of a process with loss: a discrete cosine transform (ITU-T T.81 Table B.1).
pub(crate) fn is_lossy_jpeg(bytes: &[u8]) -> bool {
    let is_dct = |marker| matches!(marker, 0xC0..=0xC2 | 0xC5 | 0xC6 | 0xC9 | 0xCA | 0xCD | 0xCE);
    bytes.starts_with(&[0xFF, 0xD8]) && segments(bytes).any(|segment| is_dct(segment.marker))
}

struct Segment<'a> {
    marker: u8,
    body: &'a [u8],
}

/// The marker segments before the compressed data (ITU-T T.81 Annex B, T.87 Annex C).
fn segments(bytes: &[u8]) -> impl Iterator<Item = Segment<'_>> {
    let mut rest = bytes.get(2..).unwrap_or_default();
    std::iter::from_fn(move || {
        while let [0xFF, 0xFF, ..] = rest {
            rest = &rest[1..];
        }
        let [0xFF, marker, high, low, ..] = *rest else { return None };
        let length = usize::from(u16::from_be_bytes([high, low]));
        let body = rest.get(4..2 + length)?;
        rest = rest.get(2 + length..)?;
        Some(Segment { marker, body })
    })
}

fn read_jpeg(bytes: &[u8]) -> Option<StreamInfo> {
    let mut info = None;
    for Segment { marker, body } in segments(bytes) {
        match (marker, body) {
            // SOF0 to SOF15 without DHT, JPG and DAC, and SOF55 of JPEG-LS.
            (0xC0..=0xC3 | 0xC5..=0xC7 | 0xC9..=0xCB | 0xCD..=0xCF | 0xF7, [bits, a, b, c, d, components, ..]) => {
                info = Some(StreamInfo {
                    rows: u16::from_be_bytes([*a, *b]).into(),
                    columns: u16::from_be_bytes([*c, *d]).into(),
                    components: (*components).into(),
                    bits: (*bits).into(),
                    planar: false,
                });
                if marker != 0xF7 {
                    return info;
                }
            }
            // SOS of JPEG-LS: the last byte but one is the interleave mode, 0 for channel after channel.
            (0xDA, [.., interleave, _]) => {
                return info.map(|info| StreamInfo { planar: info.components > 1 && *interleave == 0, ..info });
            }
            _ => {}
        }
    }
    info
}

/// The SIZ segment, which follows SOC at once (ITU-T T.800 §A.5.1), also inside a JP2 file.
fn read_jpeg_2000(bytes: &[u8]) -> Option<StreamInfo> {
    let start = bytes.windows(4).take(4096).position(|window| window == [0xFF, 0x4F, 0xFF, 0x51])?;
    let siz = bytes.get(start + 4..)?;
    let u32_at = |at: usize| Some(u32::from_be_bytes(siz.get(at..at + 4)?.try_into().ok()?));
    let (right, bottom, left, top) = (u32_at(4)?, u32_at(8)?, u32_at(12)?, u32_at(16)?);
    Some(StreamInfo {
        rows: bottom.checked_sub(top)?,
        columns: right.checked_sub(left)?,
        components: u16::from_be_bytes(siz.get(36..38)?.try_into().ok()?),
        bits: u16::from(siz.get(38)? & 0x7F) + 1,
        planar: false,
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_jpeg_header_is_read() {
        let jpeg = [0xFF, 0xD8, 0xFF, 0xE0, 0, 4, 0, 0, 0xFF, 0xC3, 0, 11, 12, 2, 0, 3, 0, 1, 1, 0x11, 0];
        let expected = StreamInfo { rows: 512, columns: 768, components: 1, bits: 12, planar: false };
        assert_eq!(read_info(&jpeg), Some(expected));
        assert!(jpeg_names_colours(&jpeg));
        assert!(!is_lossy_jpeg(&jpeg) && is_lossy_jpeg(&[0xFF, 0xD8, 0xFF, 0xC1, 0, 2]));
    }

    #[test]
    fn a_jpeg_ls_header_tells_the_order_of_channels() {
        let header = |interleave| {
            [0xFF, 0xD8, 0xFF, 0xF7, 0, 17, 8, 0, 4, 0, 5, 3, 1, 0x11, 0, 2, 0x11, 0, 3, 0x11, 0]
                .into_iter()
                .chain([0xFF, 0xDA, 0, 8, 1, 1, 0, 0, interleave, 0, 0, 0])
                .collect::<Vec<u8>>()
        };
        assert!(read_info(&header(0)).is_some_and(|info| info.planar && (info.rows, info.columns) == (4, 5)));
        assert!(read_info(&header(2)).is_some_and(|info| !info.planar && info.components == 3));
    }

    #[test]
    fn cut_headers_say_nothing() {
        for cut in [&[][..], &[0xFF], &[0xFF, 0xD8], &[0xFF, 0xD8, 0xFF, 0xC0, 0, 11, 8], &[0xFF, 0x4F, 0xFF, 0x51, 0]]
        {
            assert_eq!(read_info(cut), None);
        }
    }
}

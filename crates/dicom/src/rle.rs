//! RLE Lossless (PS3.5 Annex G). The registry's decoder panics on corrupt segments and refuses blank images, so this one;
//! it has no encoder.

/// A frame begins with the number of its segments and where up to 15 of them start.
const HEADER_BYTES: usize = 64;
const SEGMENTS_MAX: usize = 15;
/// The longest run or literal of one control byte.
const COUNT_MAX: usize = 128;

/// Decodes a frame to little-endian samples, pixel by pixel; `None` when the segments do not fill it.
pub(crate) fn decode(frame: &[u8], pixels: usize, samples: usize, sample_bytes: usize) -> Option<Vec<u8>> {
    let segment_count = samples * sample_bytes;
    let word = |at: usize| Some(u32::from_le_bytes(frame.get(at * 4..at * 4 + 4)?.try_into().ok()?) as usize);
    if word(0)? != segment_count || segment_count > SEGMENTS_MAX {
        return None;
    }
    let mut decoded = vec![0; pixels * segment_count];
    for segment in 0..segment_count {
        let start = word(segment + 1)?;
        let end = if segment + 1 < segment_count { word(segment + 2)? } else { frame.len() };
        // Segments hold the bytes of each sample from the most to the least significant (PS3.5 §G.2).
        let (sample, byte) = (segment / sample_bytes, segment % sample_bytes);
        let first = sample * sample_bytes + (sample_bytes - 1 - byte);
        unpack(frame.get(start..end)?, &mut decoded, first, segment_count)?;
    }
    Some(decoded)
}

/// Writes a segment's bytes to every `step`th place from `first` on (PS3.5 §G.3.2).
fn unpack(mut packed: &[u8], decoded: &mut [u8], first: usize, step: usize) -> Option<()> {
    let mut places = (first..decoded.len()).step_by(step);
    let mut left = places.len();
    while left > 0 {
        let (&control, rest) = packed.split_first()?;
        packed = match control {
            0..=127 => {
                let count = usize::from(control) + 1;
                let literal = rest.get(..count)?;
                for (byte, place) in literal.iter().zip(places.by_ref().take(count)) {
                    decoded[place] = *byte;
                }
                left = left.saturating_sub(count);
                &rest[count..]
            }
            128 => rest,
            129.. => {
                let count = 257 - usize::from(control);
                let (&byte, rest) = rest.split_first()?;
                for place in places.by_ref().take(count) {
                    decoded[place] = byte;
                }
                left = left.saturating_sub(count);
                rest
            }
        };
    }
    Some(())
}

/// Encodes a frame of little-endian samples, pixel by pixel; `None` when it takes more segments than there may be.
pub(crate) fn encode(native: &[u8], columns: usize, samples: usize, sample_bytes: usize) -> Option<Vec<u8>> {
    let segment_count = samples * sample_bytes;
    if segment_count > SEGMENTS_MAX {
        return None;
    }
    let mut frame = vec![0; HEADER_BYTES];
    frame[..4].copy_from_slice(&(segment_count as u32).to_le_bytes());
    let mut row = Vec::with_capacity(columns);
    for segment in 0..segment_count {
        let start = u32::try_from(frame.len()).ok()?;
        frame[4 + segment * 4..8 + segment * 4].copy_from_slice(&start.to_le_bytes());
        let (sample, byte) = (segment / sample_bytes, segment % sample_bytes);
        let first = sample * sample_bytes + (sample_bytes - 1 - byte);
        // No run crosses the end of a row (PS3.5 §G.3.1).
        for pixels in native.chunks(columns * segment_count) {
            row.clear();
            row.extend(pixels.iter().skip(first).step_by(segment_count));
            pack(&row, &mut frame);
        }
        if frame.len() % 2 == 1 {
            frame.push(0);
        }
    }
    Some(frame)
}

/// Appends a row as runs of equal bytes and literals (PS3.5 §G.3.1).
fn pack(row: &[u8], packed: &mut Vec<u8>) {
    let (mut at, mut literal) = (0, 0);
    while let Some(&byte) = row.get(at) {
        let run = row[at..].iter().take(COUNT_MAX).take_while(|next| **next == byte).count();
        // Two equal bytes are no shorter as a run if a literal has to end for them.
        if run > 2 || run == 2 && literal == at {
            push_literal(&row[literal..at], packed);
            packed.extend([(257 - run) as u8, byte]);
            literal = at + run;
        }
        at += run;
    }
    push_literal(&row[literal..], packed);
}

fn push_literal(bytes: &[u8], packed: &mut Vec<u8>) {
    for part in bytes.chunks(COUNT_MAX) {
        packed.push((part.len() - 1) as u8);
        packed.extend_from_slice(part);
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::{Strategy, prop_assert_eq, proptest};
    use proptest::sample::select;

    fn frame(segments: &[&[u8]]) -> Vec<u8> {
        let mut header = vec![0; 64];
        header[0] = segments.len() as u8;
        let mut at = 64;
        for (place, segment) in segments.iter().enumerate() {
            header[4 + place * 4] = at;
            at += segment.len() as u8;
        }
        [header, segments.concat()].concat()
    }

    #[test]
    fn samples_come_out_little_endian() {
        // High bytes 1 1 1 2, low bytes 5 6 7 8.
        let frame = frame(&[&[0xFE, 1, 0, 2], &[3, 5, 6, 7, 8, 0x80]]);
        assert_eq!(decode(&frame, 4, 1, 2), Some(vec![5, 1, 6, 1, 7, 1, 8, 2]));
    }

    #[test]
    fn corrupt_frames_are_refused() {
        let short = frame(&[&[0xFE, 1], &[3, 5, 6]]);
        assert_eq!(decode(&short, 4, 1, 2), None);
        assert_eq!(decode(&short, 4, 1, 1), None);
        assert_eq!(decode(&[], 4, 1, 1), None);
        assert_eq!(decode(&[1, 0, 0, 0, 0xFF, 0xFF, 0xFF, 0xFF], 4, 1, 1), None);
    }

    #[track_caller]
    fn check_packed(row: &[u8], expected: &[u8]) {
        let mut packed = Vec::new();
        pack(row, &mut packed);
        assert_eq!(packed, expected);
    }

    #[test]
    fn rows_are_packed_tightly() {
        check_packed(&[], &[]);
        check_packed(&[7], &[0, 7]);
        check_packed(&[7, 7], &[0xFF, 7]);
        check_packed(&[1, 7, 7], &[2, 1, 7, 7]);
        check_packed(&[1, 7, 7, 7, 2], &[0, 1, 0xFE, 7, 0, 2]);
        check_packed(&[9; 130], &[0x81, 9, 0xFF, 9]);
        let literal: Vec<u8> = (0..=129).collect();
        check_packed(&literal, &[&[127], &literal[..128], &[1], &literal[128..]].concat());
    }

    #[test]
    fn the_header_says_where_segments_start() {
        let frame = encode(&[5, 1, 6, 1, 7, 1, 8, 2], 2, 1, 2).unwrap();
        assert_eq!(frame[..12], [2, 0, 0, 0, 64, 0, 0, 0, 68, 0, 0, 0]);
        assert_eq!(frame[64..], [0xFF, 1, 1, 1, 2, 0, 1, 5, 6, 1, 7, 8][..]);
        assert_eq!(encode(&[0; 16], 1, 4, 4), None);
    }

    /// Rows, columns, samples, bytes of a sample, and pixels with runs in them.
    fn frames() -> impl Strategy<Value = (usize, usize, usize, usize, Vec<u8>)> {
        (1_usize..9, 1_usize..300, select(&[1_usize, 3][..]), select(&[1_usize, 2, 4][..])).prop_flat_map(
            |(rows, columns, samples, sample_bytes)| {
                let bytes = rows * columns * samples * sample_bytes;
                let runs = proptest::collection::vec((0_u8..=255, 1_usize..40), bytes..=bytes);
                runs.prop_map(move |runs| {
                    let drawn = runs.iter().flat_map(|(byte, count)| std::iter::repeat_n(*byte, count / 3 + 1));
                    (rows, columns, samples, sample_bytes, drawn.take(bytes).collect())
                })
            },
        )
    }

    proptest! {
        #[test]
        fn what_is_encoded_is_decoded((rows, columns, samples, sample_bytes, native) in frames()) {
            let frame = encode(&native, columns, samples, sample_bytes).unwrap();
            prop_assert_eq!(frame.len() % 2, 0);
            prop_assert_eq!(decode(&frame, rows * columns, samples, sample_bytes), Some(native));
        }
    }
}

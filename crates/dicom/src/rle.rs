//! RLE Lossless (PS3.5 Annex G). The registry's decoder panics on corrupt segments and refuses blank images, so this one.

/// Decodes a frame to little-endian samples, pixel by pixel; `None` when the segments do not fill it.
pub(crate) fn decode(frame: &[u8], pixels: usize, samples: usize, sample_bytes: usize) -> Option<Vec<u8>> {
    let segment_count = samples * sample_bytes;
    let word = |at: usize| Some(u32::from_le_bytes(frame.get(at * 4..at * 4 + 4)?.try_into().ok()?) as usize);
    if word(0)? != segment_count || segment_count > 15 {
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

#[cfg(test)]
mod tests {
    use super::*;

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
}

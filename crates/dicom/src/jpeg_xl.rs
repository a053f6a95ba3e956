//! JPEG XL (ISO/IEC 18181-1). The registry's decoder stretches samples of 9 to 15 bits to 16 and believes the header's
//! dimensions, so this one.

use crate::codestream::StreamInfo;
use jxl_oxide::JxlImage;

/// A frame whose headers are read.
pub(crate) struct Frame(JxlImage);

impl Frame {
    /// Reads the headers; the error says what is wrong with them.
    pub(crate) fn open(stream: &[u8]) -> Result<Self, String> {
        JxlImage::builder().read(stream).map(Self).map_err(|error| error.to_string())
    }

    /// What the frame says of itself.
    pub(crate) fn info(&self) -> StreamInfo {
        let bits = self.0.image_header().metadata.bit_depth.bits_per_sample();
        StreamInfo {
            rows: self.0.height(),
            columns: self.0.width(),
            components: self.0.pixel_format().channels() as u16,
            bits: u16::try_from(bits).unwrap_or(u16::MAX),
            planar: false,
        }
    }

    /// The samples, pixel by pixel, each of one byte for up to 8 bits, else two in little endian.
    pub(crate) fn decode(&self) -> Result<Vec<u8>, String> {
        let info = self.info();
        // A float has 24 bits of precision, so that samples of up to 16 come back exactly.
        let sample_max = (1_u32.checked_shl(info.bits.into()).ok_or("samples of 32 bits")? - 1) as f32;
        let render = self.0.render_frame(0).map_err(|error| error.to_string())?;
        let mut values = vec![0.0_f32; info.rows as usize * info.columns as usize * usize::from(info.components)];
        render.stream().write_to_buffer(&mut values);
        // `as` saturates.
        let samples = values.iter().map(|value| (value * sample_max).round() as u16);
        Ok(if info.bits > 8 {
            samples.flat_map(u16::to_le_bytes).collect()
        } else {
            samples.map(|sample| sample.min(0xFF) as u8).collect()
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// A slope of 9 × 11 samples, its fourth row falling, as libjxl 0.11.2 encodes it without loss.
    const OF_9_BITS: &str = "ff0a40608c04458b08040100c0004b2837c6df4e2b2848126b5075b0006e5a00e0099a07824e08e244087e61dbde6def\
        be4d102741708420278470128400";
    const OF_12_BITS: &str = "ff0a406018142d020804010058014b2824c647414192580fd51b0000400040397c4610420421844816841041081184c2\
        208210420421f40c8c314618638cb86e840842081184c220821022082194052184084288a03008118410220885210821\
        44104208";

    fn from_hex(text: &str) -> Vec<u8> {
        text.as_bytes()
            .chunks(2)
            .map(|digits| u8::from_str_radix(std::str::from_utf8(digits).unwrap(), 16).unwrap())
            .collect()
    }

    #[track_caller]
    fn check(stream: &str, bits: u16) {
        let frame = Frame::open(&from_hex(stream)).unwrap();
        assert_eq!(frame.info(), StreamInfo { rows: 9, columns: 11, components: 1, bits, planar: false });
        let max = (1_u32 << bits) - 1;
        let slope = (0..99).map(|at| at * max / 98).enumerate();
        let expected =
            slope.flat_map(|(at, value)| (if at / 11 == 3 { max - value } else { value } as u16).to_le_bytes());
        assert_eq!(frame.decode().unwrap(), expected.collect::<Vec<u8>>());
    }

    #[test]
    fn samples_keep_their_depth() {
        check(OF_9_BITS, 9);
        check(OF_12_BITS, 12);
    }

    #[test]
    fn what_is_cut_is_refused() {
        let stream = from_hex(OF_12_BITS);
        assert!(Frame::open(&stream[..9]).is_err());
        assert!(Frame::open(&stream[..60]).and_then(|frame| frame.decode()).is_err());
    }
}

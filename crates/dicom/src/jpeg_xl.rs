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

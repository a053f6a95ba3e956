//! Colours as RGB of 8 bits a channel (PS3.3 §C.7.6.3.1.2).

use crate::decode::interleave;
use crate::frames::PixelModule;
use crate::lut::Table;
use crate::{PixelError, RgbImage};
use dicom_dictionary_std::tags;
use dicom_object::InMemDicomObject;

/// Turns native samples of a colour image into RGB.
pub(crate) fn to_rgb(object: &InMemDicomObject, module: &PixelModule, bytes: &[u8]) -> Result<RgbImage, PixelError> {
    if module.bits_allocated == 1 {
        return Err(PixelError::Unsupported(format!(
            "single bits of photometric interpretation {}",
            module.photometric
        )));
    }
    let pixels = match (module.photometric.as_str(), module.samples) {
        ("PALETTE COLOR", 1) => apply_palette(object, module, bytes)?,
        ("RGB" | "YBR_RCT" | "YBR_ICT", 3) => narrow(&by_pixel(module, bytes), module),
        ("YBR_FULL", 3) => from_ybr(&narrow(&by_pixel(module, bytes), module)),
        ("YBR_FULL_422", 3) if module.bits_allocated == 8 => from_ybr(&share_colours(bytes)),
        (other, samples) => {
            return Err(PixelError::Unsupported(format!("{samples} sample(s) of photometric interpretation {other}")));
        }
    };
    Ok(RgbImage { rows: module.rows, columns: module.columns, pixels })
}

fn by_pixel(module: &PixelModule, bytes: &[u8]) -> Vec<u8> {
    if module.planar { interleave(bytes, module.samples.into(), module.sample_bytes()) } else { bytes.to_vec() }
}

/// Brings samples of more than 8 bits down to 8.
fn narrow(bytes: &[u8], module: &PixelModule) -> Vec<u8> {
    let max = (1_u64 << module.bits_stored) - 1;
    let narrow = |sample: u64| ((sample.min(max) * 255 + max / 2) / max) as u8;
    match module.bits_allocated {
        8 => bytes.to_vec(),
        16 => bytes.as_chunks::<2>().0.iter().map(|sample| narrow(u16::from_le_bytes(*sample).into())).collect(),
        _ => bytes.as_chunks::<4>().0.iter().map(|sample| narrow(u32::from_le_bytes(*sample).into())).collect(),
    }
}

/// Two pixels as Y₁ Y₂ B R to Y₁ B R, Y₂ B R.
pub(crate) fn share_colours(bytes: &[u8]) -> Vec<u8> {
    bytes
        .as_chunks::<4>()
        .0
        .iter()
        .flat_map(|[first, second, blue, red]| [*first, *blue, *red, *second, *blue, *red])
        .collect()
}

fn from_ybr(bytes: &[u8]) -> Vec<u8> {
    let convert = |[y, b, r]: &[u8; 3]| {
        let (y, b, r) = (f32::from(*y), f32::from(*b) - 128.0, f32::from(*r) - 128.0);
        // `as` saturates.
        [y + 1.402 * r, y - 0.344_136 * b - 0.714_136 * r, y + 1.772 * b].map(|channel| channel.round() as u8)
    };
    bytes.as_chunks::<3>().0.iter().flat_map(convert).collect()
}

/// PS3.3 §C.7.6.3.1.5, §C.7.6.3.1.6.
fn apply_palette(object: &InMemDicomObject, module: &PixelModule, bytes: &[u8]) -> Result<Vec<u8>, PixelError> {
    let tables = [
        (tags::RED_PALETTE_COLOR_LOOKUP_TABLE_DESCRIPTOR, tags::RED_PALETTE_COLOR_LOOKUP_TABLE_DATA),
        (tags::GREEN_PALETTE_COLOR_LOOKUP_TABLE_DESCRIPTOR, tags::GREEN_PALETTE_COLOR_LOOKUP_TABLE_DATA),
        (tags::BLUE_PALETTE_COLOR_LOOKUP_TABLE_DESCRIPTOR, tags::BLUE_PALETTE_COLOR_LOOKUP_TABLE_DATA),
    ]
    .map(|(descriptor, data)| Table::read(object, descriptor, data));
    let [Some(red), Some(green), Some(blue)] = tables else {
        return Err(PixelError::Unsupported("a palette that is segmented or incomplete".to_owned()));
    };
    let channel =
        |table: &Table, output_max: f64, index: u16| (table.look_up(index.into()) * 255.0 / output_max).round() as u8;
    let maxima = [&red, &green, &blue].map(Table::used_output_max);
    let output_max = maxima.into_iter().fold(255.0, f64::max);
    let look_up = |index: u16| [&red, &green, &blue].map(|table| channel(table, output_max, index));
    Ok(match module.bits_allocated {
        8 => bytes.iter().flat_map(|index| look_up((*index).into())).collect(),
        32 => return Err(PixelError::Unsupported("a palette for 32-bit pixels".to_owned())),
        _ => bytes.as_chunks::<2>().0.iter().flat_map(|index| look_up(u16::from_le_bytes(*index))).collect(),
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn ybr_is_converted_both_ways_of_sampling() {
        assert_eq!(from_ybr(&[76, 85, 255, 128, 128, 128]), [254, 0, 0, 128, 128, 128]);
        assert_eq!(share_colours(&[1, 2, 3, 4]), [1, 3, 4, 2, 3, 4]);
    }

    #[test]
    fn planes_are_woven_together() {
        assert_eq!(interleave(&[1, 2, 3, 4, 5, 6], 3, 1), [1, 3, 5, 2, 4, 6]);
        assert_eq!(interleave(&[1, 0, 2, 0, 3, 0, 4, 0], 2, 2), [1, 0, 3, 0, 2, 0, 4, 0]);
    }
}

//! Grey values from stored values: modality LUT (PS3.3 §C.11.1), VOI LUT (§C.11.2), presentation LUT shape (§C.11.6).

use crate::Window;
use crate::frames::PixelModule;
use crate::object::{integer, items, little_endian_bytes, numbers, text};
use dicom_core::Tag;
use dicom_dictionary_std::tags;
use dicom_object::InMemDicomObject;

/// How stored values become grey.
#[derive(Clone, Debug, PartialEq)]
pub(crate) struct GreyPipeline {
    modality: Modality,
    /// `None` until the range of the values is known.
    voi: Option<Voi>,
    inverted: bool,
    /// Values that mean the absence of a pixel and do not count for the range.
    padding: Option<f64>,
}

/// What makes stored values those of the modality (PS3.3 §C.11.1).
#[derive(Clone, Debug, PartialEq)]
pub(crate) enum Modality {
    Linear { slope: f64, intercept: f64 },
    Table(Table),
}

#[derive(Clone, Debug, PartialEq)]
enum Voi {
    Window(Window, Function),
    Table(Table),
    Range { low: f64, high: f64 },
}

/// `VOILUTFunction` (PS3.3 §C.11.2.1.2, C.11.2.1.3).
#[derive(Clone, Copy, Debug, PartialEq)]
enum Function {
    Linear,
    LinearExact,
    Sigmoid,
}

/// A lookup table (PS3.3 §C.11.1.1.1); what is below its first or above its last input has that one's output.
#[derive(Clone, Debug, PartialEq)]
pub(crate) struct Table {
    first: f64,
    entries: Vec<u16>,
    /// The largest output that its bits can hold.
    output_max: f64,
}

impl GreyPipeline {
    /// Reads the pipeline of a frame; a given window replaces what the header has.
    pub(crate) fn read(object: &InMemDicomObject, module: &PixelModule, frame: u32, window: Option<Window>) -> Self {
        let voi_group = functional_group(object, frame, tags::FRAME_VOILUT_SEQUENCE);
        let inverted = match text(object, tags::PRESENTATION_LUT_SHAPE).as_str() {
            "INVERSE" => true,
            "IDENTITY" => false,
            _ => module.photometric == "MONOCHROME1",
        };
        let given = window.filter(|window| window.width >= 1.0).map(|window| Voi::Window(window, Function::Linear));
        Self {
            modality: Modality::of_frame(object, frame),
            voi: given.or_else(|| read_voi(voi_group.unwrap_or(object))),
            inverted,
            padding: integer(object, tags::PIXEL_PADDING_VALUE).map(|padding| padding as f64),
        }
    }

    /// Whether the pipeline needs to know the values before it can map them.
    pub(crate) fn wants_range(&self) -> bool {
        self.voi.is_none()
    }

    /// Spreads the values over all greys, for want of a VOI LUT.
    pub(crate) fn set_range(&mut self, stored_values: impl Iterator<Item = f64>) {
        let (mut low, mut high) = (f64::INFINITY, f64::NEG_INFINITY);
        for stored in stored_values.filter(|stored| Some(*stored) != self.padding) {
            let value = self.modality.apply(stored);
            (low, high) = (low.min(value), high.max(value));
        }
        self.voi = Some(Voi::Range { low, high });
    }

    /// The grey of a stored value, 0 black.
    pub(crate) fn grey(&self, stored: f64) -> u8 {
        let fraction = self.voi.as_ref().map_or(0.0, |voi| voi.apply(self.modality.apply(stored)));
        // `as` saturates, and a NaN becomes 0.
        let grey = (fraction * 255.0).round() as u8;
        if self.inverted { 255 - grey } else { grey }
    }
}

/// The macro of a frame, or the one that all frames share (PS3.3 §C.7.6.16).
pub(crate) fn functional_group(
    object: &InMemDicomObject,
    frame: u32,
    macro_sequence: Tag,
) -> Option<&InMemDicomObject> {
    let own = items(object, tags::PER_FRAME_FUNCTIONAL_GROUPS_SEQUENCE).get(frame as usize);
    let shared = items(object, tags::SHARED_FUNCTIONAL_GROUPS_SEQUENCE).first();
    [own, shared].into_iter().flatten().find_map(|group| items(group, macro_sequence).first())
}

fn read_modality(object: &InMemDicomObject) -> Modality {
    if let Some(table) = items(object, tags::MODALITY_LUT_SEQUENCE).first().and_then(read_table) {
        return Modality::Table(table);
    }
    let first = |tag| numbers(object, tag).first().copied();
    match (first(tags::RESCALE_SLOPE), first(tags::RESCALE_INTERCEPT)) {
        (Some(slope), Some(intercept)) if slope != 0.0 => Modality::Linear { slope, intercept },
        _ => Modality::NONE,
    }
}

fn read_voi(object: &InMemDicomObject) -> Option<Voi> {
    if let Some(table) = items(object, tags::VOILUT_SEQUENCE).first().and_then(read_table) {
        return Some(Voi::Table(table));
    }
    let center = *numbers(object, tags::WINDOW_CENTER).first()?;
    let width = *numbers(object, tags::WINDOW_WIDTH).first()?;
    let (function, width_min) = match text(object, tags::VOILUT_FUNCTION).as_str() {
        "LINEAR_EXACT" => (Function::LinearExact, f64::MIN_POSITIVE),
        "SIGMOID" => (Function::Sigmoid, f64::MIN_POSITIVE),
        _ => (Function::Linear, 1.0),
    };
    (width >= width_min).then_some(Voi::Window(Window { center, width }, function))
}

fn read_table(item: &InMemDicomObject) -> Option<Table> {
    Table::read(item, tags::LUT_DESCRIPTOR, tags::LUT_DATA)
}

impl Table {
    /// Reads a descriptor and the data that it describes.
    pub(crate) fn read(object: &InMemDicomObject, descriptor: Tag, data: Tag) -> Option<Self> {
        let [count, first, bits] = numbers(object, descriptor)[..] else { return None };
        // 0 entries mean 65,536, which two bytes cannot hold; a signed descriptor shows large counts as negative.
        let count = match count as i64 & 0xFFFF {
            0 => 0x1_0000,
            count => count as usize,
        };
        let bytes = little_endian_bytes(object.get(data)?.value().primitive()?);
        let entries: Vec<u16> = if bytes.len() >= 2 * count {
            bytes.as_chunks::<2>().0.iter().take(count).map(|entry| u16::from_le_bytes(*entry)).collect()
        } else {
            bytes.iter().take(count).map(|entry| u16::from(*entry)).collect()
        };
        let bits = (bits as u32).clamp(1, 16);
        (entries.len() == count).then(|| Self { first, entries, output_max: f64::from((1_u32 << bits) - 1) })
    }

    /// The output for an input.
    pub(crate) fn look_up(&self, input: f64) -> f64 {
        let place = (input - self.first).clamp(0.0, (self.entries.len() - 1) as f64) as usize;
        f64::from(self.entries[place])
    }

    /// The largest output that its bits can hold; 255 for tables that say 16 bits and use 8.
    pub(crate) fn used_output_max(&self) -> f64 {
        if self.entries.iter().all(|entry| *entry < 256) { 255.0 } else { self.output_max }
    }
}

impl Modality {
    /// Values stay as they are.
    pub(crate) const NONE: Self = Self::Linear { slope: 1.0, intercept: 0.0 };

    /// That of a frame, which counts from 0.
    pub(crate) fn of_frame(object: &InMemDicomObject, frame: u32) -> Self {
        let group = functional_group(object, frame, tags::PIXEL_VALUE_TRANSFORMATION_SEQUENCE);
        read_modality(group.unwrap_or(object))
    }

    /// The modality's value of a stored one.
    pub(crate) fn apply(&self, stored: f64) -> f64 {
        match self {
            Self::Linear { slope, intercept } => stored * slope + intercept,
            Self::Table(table) => table.look_up(stored),
        }
    }
}

impl Voi {
    /// A value as fraction of the output range.
    fn apply(&self, value: f64) -> f64 {
        match self {
            Self::Table(table) => table.look_up(value) / table.output_max,
            Self::Range { low, high } if high > low => (value - low) / (high - low),
            Self::Range { .. } => 0.0,
            Self::Window(Window { center, width }, function) => function.apply(value, *center, *width),
        }
    }
}

impl Function {
    fn apply(self, value: f64, center: f64, width: f64) -> f64 {
        match self {
            // A window of one value is a threshold.
            Self::Linear if width <= 1.0 => f64::from(value > center - 0.5),
            Self::Linear => ((value - (center - 0.5)) / (width - 1.0) + 0.5).clamp(0.0, 1.0),
            Self::LinearExact => ((value - center) / width + 0.5).clamp(0.0, 1.0),
            Self::Sigmoid => 1.0 / (1.0 + (-4.0 * (value - center) / width).exp()),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[track_caller]
    fn check(function: Function, center: f64, width: f64, values: [f64; 5], expected: [u8; 5]) {
        let voi = Some(Voi::Window(Window { center, width }, function));
        let modality = Modality::Linear { slope: 1.0, intercept: 0.0 };
        let pipeline = GreyPipeline { modality, voi, inverted: false, padding: None };
        assert_eq!(values.map(|value| pipeline.grey(value)), expected);
    }

    /// The example of PS3.3 §C.11.2.1.2.1: centre 2048, width 4096, of which 0 is black and 4095 white.
    #[test]
    fn windows_follow_the_standard() {
        check(Function::Linear, 2048.0, 4096.0, [-5.0, 0.0, 4095.0, 5000.0, 2047.5], [0, 0, 255, 255, 128]);
        check(Function::Linear, 2048.0, 1.0, [2047.0, 2047.5, 2048.0, 0.0, 9999.0], [0, 0, 255, 0, 255]);
        check(Function::LinearExact, 510.0, 1020.0, [0.0, 4.0, 1020.0, 512.0, 2000.0], [0, 1, 255, 128, 255]);
        check(Function::Sigmoid, 2048.0, 1000.0, [2048.0, 0.0, 4095.0, 1798.0, 2298.0], [128, 0, 255, 69, 186]);
    }

    #[test]
    fn an_eight_bit_window_of_all_values_changes_nothing() {
        let values: Vec<u8> = (0..=255).collect();
        let voi = Some(Voi::Window(Window { center: 128.0, width: 256.0 }, Function::Linear));
        let modality = Modality::Linear { slope: 1.0, intercept: 0.0 };
        let pipeline = GreyPipeline { modality, voi, inverted: false, padding: None };
        let greys: Vec<u8> = values.iter().map(|value| pipeline.grey(f64::from(*value))).collect();
        assert_eq!(greys, values);
    }

    #[test]
    fn without_a_window_the_values_fill_the_range_and_padding_does_not_count() {
        let modality = Modality::Linear { slope: 2.0, intercept: -100.0 };
        let mut pipeline = GreyPipeline { modality, voi: None, inverted: true, padding: Some(-2000.0) };
        pipeline.set_range([-2000.0, 10.0, 60.0, 110.0].into_iter());
        assert_eq!([10.0, 60.0, 110.0, -2000.0].map(|value| pipeline.grey(value)), [255, 127, 0, 255]);
    }
}

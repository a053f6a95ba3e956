//! How an image becomes the tensors that a model reads: steps as data.
//!
//! A tensor begins with the values of an image ([`PixelValues`]), passes the steps in order, and is laid out as the model
//! wants it. Each spatial step is known to the platform, so that what a model outlines is brought back to the pixels of the
//! image that it was made from.

use schemars::JsonSchema;
use serde::Deserialize;
use std::fmt;

/// The most elements that a tensor may have: 1 GiB of 32-bit numbers.
pub const TENSOR_ELEMENTS_MAX: u64 = 256 * 1024 * 1024;

/// The most steps that a tensor may take.
pub const STEPS_MAX: usize = 32;

/// One input of the model.
#[derive(Clone, Debug, PartialEq, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct TensorSection {
    /// The input's name in the model.
    pub name: String,
    /// The values that the image begins with.
    pub values: PixelValues,
    /// What is done with them, in order.
    #[serde(default)]
    pub steps: Vec<Step>,
    /// How often grey is repeated, as channels; 3 for models of colour images.
    #[serde(default = "one")]
    pub channels: u32,
    /// The order of the axes.
    pub layout: Layout,
    /// The numbers' type in the model.
    #[serde(default, rename = "type")]
    pub element: ElementType,
}

fn one() -> u32 {
    1
}

/// The values that an image begins with.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Deserialize, JsonSchema)]
#[serde(rename_all = "lowercase")]
pub enum PixelValues {
    /// As a person sees it: whole numbers from 0, black, to 255, white, after window and photometric interpretation.
    Display,
    /// In the units of the modality, such as Hounsfield units: after `RescaleSlope` and `RescaleIntercept`, or the modality
    /// LUT.
    Modality,
    /// As stored.
    Stored,
}

/// One step. Sizes are `[rows, columns]`, or `[slices, rows, columns]` of a volume.
#[derive(Clone, Debug, PartialEq, Deserialize, JsonSchema)]
#[serde(tag = "do", rename_all = "snake_case", deny_unknown_fields)]
pub enum Step {
    /// What is black in `MONOCHROME1` becomes white, so that a larger value is brighter; others stay as they are.
    Photometric {},
    /// A window becomes 0 to 1, by the linear function of PS3.3 §C.11.2.1.2.1.
    Window {
        /// `WindowCenter`.
        center: f64,
        /// `WindowWidth`, at least 1.
        width: f64,
    },
    /// Values beyond the limits become the limits.
    Clip {
        /// The least.
        from: f64,
        /// The greatest.
        to: f64,
    },
    /// The numbers `from` become the numbers `to`, and all others by the same line.
    Scale {
        /// Two different numbers.
        from: [f64; 2],
        /// What they become.
        to: [f64; 2],
    },
    /// `(value - mean) / deviation`.
    Normalise {
        /// The mean.
        mean: f64,
        /// The standard deviation, above 0.
        deviation: f64,
    },
    /// The same with mean and standard deviation of the image itself; an image of one value becomes 0.
    Standardise {
        /// Which values count.
        #[serde(default)]
        over: Over,
    },
    /// The image's own percentiles become 0 and 1; what lies beyond is clipped.
    Percentiles {
        /// 0 for the least value.
        low: f64,
        /// 100 for the greatest value.
        high: f64,
    },
    /// Divided by the image's greatest value, if that is above 0.
    DivideByMaximum {},
    /// Brought to a size, whatever the aspect ratio.
    Resize {
        /// The new size.
        size: Vec<u32>,
        /// How values in between are found.
        filter: Filter,
        /// Values are rounded to whole numbers from 0 to 255 after each axis, as Pillow does with 8-bit images.
        #[serde(default)]
        rounded: bool,
    },
    /// Brought to the largest size of the same aspect ratio that fits, in the middle of the rest.
    Letterbox {
        /// The new size, `[rows, columns]`.
        size: Vec<u32>,
        /// How values in between are found.
        filter: Filter,
        /// The rest's value.
        value: f64,
    },
    /// Brought to a spacing, in millimetres; needs the size of a pixel.
    Resample {
        /// Millimetres along each axis.
        spacing_mm: Vec<f64>,
        /// How values in between are found.
        filter: Filter,
    },
    /// Axes are swapped and turned so that slices, rows and columns run towards these directions of the patient; each of
    /// the nearest, nothing is interpolated. Needs the orientation of the image.
    Orient {
        /// Three letters, one each of `R`/`L`, `A`/`P`, `S`/`I`: the direction in which the first, second and third index
        /// grows.
        axes: String,
    },
    /// The middle of this size is kept; along an axis that is shorter, all of it.
    Crop {
        /// The greatest size.
        size: Vec<u32>,
    },
    /// Brought to at least this size; the image is in the middle.
    Pad {
        /// The least size.
        size: Vec<u32>,
        /// The margin's value.
        value: f64,
    },
}

/// Which values count.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Default, Deserialize, JsonSchema)]
#[serde(rename_all = "lowercase")]
pub enum Over {
    /// All.
    #[default]
    All,
    /// Those above 0; the others stay 0.
    Positive,
}

/// How values between pixels are found.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Deserialize, JsonSchema)]
#[serde(rename_all = "lowercase")]
pub enum Filter {
    /// The nearest pixel's.
    Nearest,
    /// Linear between the neighbours, also when the image becomes smaller: what most frameworks call bilinear or
    /// trilinear, pixels taken as areas.
    Linear,
    /// Linear, as wide as one new pixel when the image becomes smaller: what Pillow calls bilinear.
    Antialiased,
}

/// A number's type in a model.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Default, Deserialize, JsonSchema)]
#[serde(rename_all = "lowercase")]
pub enum ElementType {
    /// 32-bit floating point.
    #[default]
    Float32,
    /// 8-bit unsigned; values are rounded, and must be from 0 to 255.
    Uint8,
}

/// The order of a tensor's axes: batch `N`, channels `C`, slices `D`, rows `H`, columns `W`. Rows and columns are always
/// there.
#[derive(Clone, PartialEq, Eq, Deserialize, JsonSchema)]
#[serde(try_from = "String")]
#[schemars(with = "String")]
pub struct Layout(String);

impl TryFrom<String> for Layout {
    type Error = String;

    fn try_from(text: String) -> Result<Self, Self::Error> {
        let known = text.chars().all(|axis| "NCDHW".contains(axis));
        let once = text.chars().enumerate().all(|(place, axis)| text.find(axis) == Some(place));
        if known && once && text.contains('H') && text.contains('W') {
            return Ok(Self(text));
        }
        Err(format!("layout {text} must have each of the letters N, C, D, H and W at most once, and H and W"))
    }
}

impl Layout {
    /// The axes, outermost first.
    pub fn axes(&self) -> impl Iterator<Item = char> {
        self.0.chars()
    }

    /// The place of an axis; `None` where the layout has none.
    #[must_use]
    pub fn place(&self, axis: char) -> Option<usize> {
        self.0.find(axis)
    }
}

impl fmt::Debug for Layout {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

impl fmt::Display for Layout {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

impl Step {
    /// The size that the image has after it, if the step says one.
    #[must_use]
    pub fn size(&self) -> Option<&[u32]> {
        match self {
            Self::Resize { size, .. } | Self::Letterbox { size, .. } => Some(size),
            _ => None,
        }
    }

    fn check(&self) -> Result<(), String> {
        let sized = |size: &[u32], axes: &[usize]| {
            let elements = size.iter().map(|side| u64::from(*side)).product::<u64>();
            if !axes.contains(&size.len()) || size.contains(&0) || elements > TENSOR_ELEMENTS_MAX {
                return Err(format!(
                    "size {size:?} must be [rows, columns] or [slices, rows, columns], none of them 0"
                ));
            }
            Ok(())
        };
        match self {
            Self::Photometric {} | Self::Standardise { .. } | Self::DivideByMaximum {} => Ok(()),
            Self::Window { width, .. } if *width < 1.0 => Err(format!("window width {width} must be at least 1")),
            Self::Clip { from, to } if from >= to => Err(format!("clip: from {from} is not below {to}")),
            Self::Scale { from: [one, other], .. } if one == other => {
                Err("scale: the two numbers of `from` must differ".to_owned())
            }
            Self::Normalise { deviation, .. } if *deviation <= 0.0 => Err("deviation must be above 0".to_owned()),
            Self::Percentiles { low, high } if !(0.0 <= *low && low < high && *high <= 100.0) => {
                Err("percentiles: 0 ≤ low < high ≤ 100 must hold".to_owned())
            }
            Self::Resize { size, filter, rounded } => {
                if *rounded && (*filter != Filter::Antialiased || size.len() != 2) {
                    return Err("resize: `rounded` goes with filter \"antialiased\" and [rows, columns]".to_owned());
                }
                sized(size, &[2, 3])
            }
            Self::Letterbox { size, .. } => sized(size, &[2]),
            Self::Crop { size } | Self::Pad { size, .. } => sized(size, &[2, 3]),
            Self::Resample { spacing_mm, .. } => {
                let ok = matches!(spacing_mm.len(), 2 | 3) && spacing_mm.iter().all(|mm| (0.01..=100.0).contains(mm));
                ok.then_some(()).ok_or_else(|| "spacing_mm must have 2 or 3 numbers from 0.01 to 100".to_owned())
            }
            Self::Orient { axes } => check_axes(axes),
            Self::Window { .. }
            | Self::Clip { .. }
            | Self::Scale { .. }
            | Self::Normalise { .. }
            | Self::Percentiles { .. } => Ok(()),
        }
    }
}

fn check_axes(axes: &str) -> Result<(), String> {
    let once = |pair: &str| axes.chars().filter(|letter| pair.contains(*letter)).count() == 1;
    if axes.chars().count() == 3 && ["RL", "AP", "SI"].into_iter().all(once) {
        return Ok(());
    }
    Err(format!("axes {axes} must be three letters, one each of R or L, A or P, S or I"))
}

impl TensorSection {
    /// The size in pixels, `[rows, columns]` or `[slices, rows, columns]`, that the steps bring every image to; `None` when
    /// it depends on the image.
    #[must_use]
    pub fn size(&self) -> Option<&[u32]> {
        let place = self.steps.iter().rposition(|step| step.size().is_some())?;
        let stays = |step: &Step| {
            !matches!(step, Step::Resample { .. } | Step::Orient { .. } | Step::Crop { .. } | Step::Pad { .. })
        };
        self.steps[place..].iter().all(stays).then(|| self.steps[place].size())?
    }

    pub(super) fn check(&self) -> Result<(), String> {
        let wrong = |why: String| Err(format!("tensor {}: {why}", self.name));
        if self.steps.len() > STEPS_MAX {
            return wrong(format!("{} steps are more than {STEPS_MAX}", self.steps.len()));
        }
        if !matches!(self.channels, 1 | 3) {
            return wrong("channels must be 1 or 3".to_owned());
        }
        if self.channels > 1 && self.layout.place('C').is_none() {
            return wrong(format!("layout {} has no place for {} channels", self.layout, self.channels));
        }
        if self.steps.iter().skip(1).any(|step| matches!(step, Step::Photometric {})) {
            return wrong(
                "photometric must be the first step, since it turns the values that the object can hold".to_owned(),
            );
        }
        for (number, step) in self.steps.iter().enumerate() {
            step.check().or_else(|why| wrong(format!("step {}: {why}", number + 1)))?;
        }
        Ok(())
    }
}

//! The steps between an image and a tensor, each as the manifest names it.

use crate::{Grid, InferenceError, resize};
use lightbox_domain::{Filter, Over, Step, TENSOR_ELEMENTS_MAX};
use ndarray::{Array3, Axis, Slice, s};
use std::borrow::Cow;

/// Takes one step. An image of many megabytes that is made small at once is not copied before.
///
/// # Errors
/// [`InferenceError::ImageInvalid`] when the image is not one that the step can be taken with.
pub(crate) fn take<'g>(step: &Step, mut grid: Cow<'g, Grid>) -> Result<Cow<'g, Grid>, InferenceError> {
    match step {
        Step::Photometric {} if grid.inverted => invert(grid.to_mut()),
        Step::Photometric {} => {}
        Step::Window { center, width } => {
            grid.to_mut().values.mapv_inplace(|value| window(value, *center, *width));
        }
        Step::Clip { from, to } => {
            grid.to_mut().values.mapv_inplace(|value| value.clamp(*from as f32, *to as f32));
        }
        Step::Scale { from, to } => scale(&mut grid.to_mut().values, *from, *to),
        Step::Normalise { mean, deviation } => {
            scale(&mut grid.to_mut().values, [*mean, mean + deviation], [0.0, 1.0]);
        }
        Step::Standardise { over } => standardise(&mut grid.to_mut().values, *over),
        Step::Percentiles { low, high } => percentiles(&mut grid.to_mut().values, *low, *high),
        Step::DivideByMaximum {} => divide_by_maximum(&mut grid.to_mut().values),
        Step::Resize { size, filter, rounded } => {
            let values = resized(&grid.values, full(size), *filter, *rounded);
            grid = Cow::Owned(grid.of_size(values));
        }
        Step::Letterbox { size, filter, value } => {
            let values = fitted(&grid.values, full(size), *filter);
            grid = Cow::Owned(grid.of_size(values));
            pad(&mut grid.to_mut().values, full(size), *value as f32);
        }
        Step::Resample { spacing_mm, filter } => {
            let values = resampled(&grid, spacing_mm, *filter)?;
            grid = Cow::Owned(grid.of_size(values));
        }
        Step::Orient { axes } => orient(grid.to_mut(), axes)?,
        Step::Crop { size } => crop(&mut grid.to_mut().values, full(size)),
        Step::Pad { size, value } => pad(&mut grid.to_mut().values, full(size), *value as f32),
    }
    Ok(grid)
}

fn invert(grid: &mut Grid) {
    let sum = grid.range[0] + grid.range[1];
    grid.values.mapv_inplace(|value| sum - value);
    grid.inverted = false;
}

/// A size of two or three numbers for the three axes; `None` for slices that the size does not speak of.
fn full(size: &[u32]) -> [Option<usize>; 3] {
    let side = |side: &u32| Some(*side as usize);
    match size {
        [rows, columns] => [None, side(rows), side(columns)],
        [slices, rows, columns] => [side(slices), side(rows), side(columns)],
        _ => [None; 3],
    }
}

/// PS3.3 §C.11.2.1.2.1, with an output from 0 to 1.
fn window(value: f32, center: f64, width: f64) -> f32 {
    let from_center = f64::from(value) - (center - 0.5);
    if width <= 1.0 {
        return if from_center > 0.0 { 1.0 } else { 0.0 };
    }
    (from_center / (width - 1.0) + 0.5).clamp(0.0, 1.0) as f32
}

fn scale(values: &mut Array3<f32>, from: [f64; 2], to: [f64; 2]) {
    let slope = (to[1] - to[0]) / (from[1] - from[0]);
    values.mapv_inplace(|value| (to[0] + (f64::from(value) - from[0]) * slope) as f32);
}

fn standardise(values: &mut Array3<f32>, over: Over) {
    let counts = |value: f32| over == Over::All || value > 0.0;
    let counted = || values.iter().copied().filter(|value| counts(*value)).map(f64::from);
    let count = counted().count().max(1) as f64;
    let mean = counted().sum::<f64>() / count;
    let deviation = (counted().map(|value| (value - mean).powi(2)).sum::<f64>() / count).sqrt();
    let standard = |value: f32| if deviation > 0.0 { ((f64::from(value) - mean) / deviation) as f32 } else { 0.0 };
    values.mapv_inplace(|value| if counts(value) { standard(value) } else { 0.0 });
}

fn percentiles(values: &mut Array3<f32>, low: f64, high: f64) {
    let mut sorted: Vec<f32> = values.iter().copied().collect();
    let (bottom, top) = (percentile(&mut sorted, low), percentile(&mut sorted, high));
    let span = top - bottom;
    values.mapv_inplace(|value| if span > 0.0 { ((value - bottom) / span).clamp(0.0, 1.0) } else { 0.0 });
}

/// A percentile, linear between the two nearest values.
fn percentile(values: &mut [f32], percent: f64) -> f32 {
    let place = percent / 100.0 * (values.len() - 1) as f64;
    let (_, below, above) = values.select_nth_unstable_by(place as usize, f32::total_cmp);
    let next = above.iter().copied().min_by(f32::total_cmp).unwrap_or(*below);
    *below + (next - *below) * place.fract() as f32
}

fn divide_by_maximum(values: &mut Array3<f32>) {
    let maximum = values.iter().copied().fold(f32::MIN, f32::max);
    if maximum > 0.0 {
        values.mapv_inplace(|value| value / maximum);
    }
}

fn resized(values: &Array3<f32>, size: [Option<usize>; 3], filter: Filter, rounded: bool) -> Array3<f32> {
    if rounded && let [None, Some(rows), Some(columns)] = size {
        return resize::rounded(values, rows, columns);
    }
    let mut values = Cow::Borrowed(values);
    for (axis, side) in size.into_iter().enumerate() {
        if let Some(side) = side {
            values = Cow::Owned(resize::along(&values, Axis(axis), side, filter));
        }
    }
    values.into_owned()
}

/// The largest size of the same aspect ratio that fits.
fn fitted(values: &Array3<f32>, size: [Option<usize>; 3], filter: Filter) -> Array3<f32> {
    let [_, Some(rows), Some(columns)] = size else { return values.clone() };
    let (_, from_rows, from_columns) = values.dim();
    let factor = (rows as f64 / from_rows as f64).min(columns as f64 / from_columns as f64);
    let side = |from: usize, limit: usize| Some(((from as f64 * factor).round() as usize).clamp(1, limit));
    resized(values, [None, side(from_rows, rows), side(from_columns, columns)], filter, false)
}

fn resampled(grid: &Grid, spacing_mm: &[f64], filter: Filter) -> Result<Array3<f32>, InferenceError> {
    let invalid = |why: String| InferenceError::ImageInvalid(why);
    let mut sides = [0, 1, 2].map(|axis| grid.values.len_of(Axis(axis)));
    for (axis, wanted) in (3 - spacing_mm.len()..).zip(spacing_mm) {
        let known = grid.spacing_mm[axis]
            .ok_or_else(|| invalid("the size of its pixels is not given, and the app resamples it".to_owned()))?;
        sides[axis] = (sides[axis] as f64 * known / wanted).round().max(1.0) as usize;
    }
    let elements = sides.iter().try_fold(1_u64, |product, side| product.checked_mul(*side as u64));
    if elements.is_none_or(|elements| elements > TENSOR_ELEMENTS_MAX) {
        return Err(invalid(format!(
            "at a spacing of {spacing_mm:?} mm it has more than {TENSOR_ELEMENTS_MAX} values"
        )));
    }
    Ok(resized(&grid.values, sides.map(Some), filter, false))
}

/// The unit vector, towards the patient's left, back and head, of a direction's letter.
fn direction(letter: char) -> [f64; 3] {
    match letter {
        'R' => [-1.0, 0.0, 0.0],
        'L' => [1.0, 0.0, 0.0],
        'A' => [0.0, -1.0, 0.0],
        'P' => [0.0, 1.0, 0.0],
        'I' => [0.0, 0.0, -1.0],
        _ => [0.0, 0.0, 1.0],
    }
}

fn orient(grid: &mut Grid, axes: &str) -> Result<(), InferenceError> {
    let unknown = || InferenceError::ImageInvalid("its orientation is not given, and the app needs it".to_owned());
    let directions = grid.directions.ok_or_else(unknown)?;
    let wanted: Vec<[f64; 3]> = axes.chars().map(direction).collect();
    let along = |to: usize, from: usize| -> f64 {
        wanted[to].iter().zip(directions[from]).map(|(one, other)| one * other).sum()
    };
    let orders = [[0, 1, 2], [0, 2, 1], [1, 0, 2], [1, 2, 0], [2, 0, 1], [2, 1, 0]];
    let nearness = |order: &[usize; 3]| (0..3).map(|to| along(to, order[to]).abs()).sum::<f64>();
    let order = orders.into_iter().max_by(|one, other| nearness(one).total_cmp(&nearness(other))).unwrap_or([0, 1, 2]);
    let mut turned = grid.values.view().permuted_axes(order);
    for (to, from) in order.into_iter().enumerate() {
        if along(to, from) < 0.0 {
            turned.invert_axis(Axis(to));
        }
    }
    grid.values = turned.as_standard_layout().into_owned();
    grid.spacing_mm = order.map(|from| grid.spacing_mm[from]);
    grid.directions = Some([0, 1, 2].map(|to| {
        let sign = along(to, order[to]).signum();
        directions[order[to]].map(|part| part * sign)
    }));
    Ok(())
}

fn crop(values: &mut Array3<f32>, size: [Option<usize>; 3]) {
    for (axis, side) in size.into_iter().enumerate() {
        let has = values.len_of(Axis(axis));
        if let Some(side) = side.filter(|side| *side < has) {
            let start = (has - side) / 2;
            *values = values.slice_axis(Axis(axis), Slice::from(start..start + side)).to_owned();
        }
    }
}

fn pad(values: &mut Array3<f32>, size: [Option<usize>; 3], value: f32) {
    let has = [0, 1, 2].map(|axis| values.len_of(Axis(axis)));
    let whole = [0, 1, 2].map(|axis| size[axis].unwrap_or(has[axis]).max(has[axis]));
    if whole == has {
        return;
    }
    let start = [0, 1, 2].map(|axis| (whole[axis] - has[axis]) / 2);
    let mut padded = Array3::from_elem(whole, value);
    let within = |axis: usize| start[axis]..start[axis] + has[axis];
    padded.slice_mut(s![within(0), within(1), within(2)]).assign(values);
    *values = padded;
}

#[cfg(test)]
mod tests {
    use super::*;
    use ndarray::arr3;

    fn grid(values: Array3<f32>) -> Grid {
        Grid { values, spacing_mm: [None; 3], directions: None, range: [0.0, 100.0], inverted: true }
    }

    fn take(step: &Step, grid: Grid) -> Result<Grid, InferenceError> {
        super::take(step, Cow::Owned(grid)).map(Cow::into_owned)
    }

    fn row(values: &[f32]) -> Array3<f32> {
        Array3::from_shape_vec((1, 1, values.len()), values.to_vec()).unwrap()
    }

    #[track_caller]
    fn check(step: &Step, values: &[f32], expected: &[f32]) {
        let taken = take(step, grid(row(values))).unwrap().values;
        let same = taken.len() == expected.len()
            && taken.iter().zip(expected).all(|(value, expected)| (value - expected).abs() < 1e-5);
        assert!(same, "{step:?}: {taken}, not {expected:?}");
    }

    #[test]
    fn values_are_mapped() {
        check(&Step::Photometric {}, &[0.0, 30.0, 100.0], &[100.0, 70.0, 0.0]);
        // PS3.3 §C.11.2.1.2.1: 12 bits, of which 0 is black and 4095 white.
        check(
            &Step::Window { center: 2048.0, width: 4096.0 },
            &[-5.0, 0.0, 2047.5, 4095.0, 9e9],
            &[0.0, 0.0, 0.5, 1.0, 1.0],
        );
        check(&Step::Window { center: 10.0, width: 1.0 }, &[9.0, 9.5, 10.0], &[0.0, 0.0, 1.0]);
        check(&Step::Clip { from: -1.0, to: 1.0 }, &[-5.0, 0.5, 5.0], &[-1.0, 0.5, 1.0]);
        check(&Step::Scale { from: [0.0, 255.0], to: [-1.0, 1.0] }, &[0.0, 51.0, 255.0], &[-1.0, -0.6, 1.0]);
        check(&Step::Scale { from: [0.0, 255.0], to: [1.0, 0.0] }, &[0.0, 51.0, 255.0], &[1.0, 0.8, 0.0]);
        check(&Step::Normalise { mean: 2.0, deviation: 4.0 }, &[2.0, 6.0, 0.0], &[0.0, 1.0, -0.5]);
        check(&Step::DivideByMaximum {}, &[0.0, 2.0, 8.0], &[0.0, 0.25, 1.0]);
        check(&Step::DivideByMaximum {}, &[0.0, -2.0], &[0.0, -2.0]);
    }

    /// Numbers of numpy 2: `(x - x.mean()) / x.std()`, the same of `x[x > 0]`, and `numpy.percentile(x, [10, 90])`.
    #[test]
    fn an_images_own_values_count() {
        let values = [0.0, 1.0, 2.0, 5.0, 12.0];
        let all = [-0.922_531, -0.691_898, -0.461_266, 0.230_633, 1.845_062];
        check(&Step::Standardise { over: Over::All }, &values, &all);
        check(&Step::Standardise { over: Over::Positive }, &values, &[0.0, -0.929_981, -0.697_486, 0.0, 1.627_467]);
        check(&Step::Standardise { over: Over::All }, &[3.0, 3.0], &[0.0, 0.0]);
        check(&Step::Percentiles { low: 0.0, high: 100.0 }, &values, &[0.0, 0.083_333, 0.166_667, 0.416_667, 1.0]);
        check(&Step::Percentiles { low: 10.0, high: 90.0 }, &values, &[0.0, 0.068_182, 0.181_818, 0.522_727, 1.0]);
        check(&Step::Percentiles { low: 10.0, high: 90.0 }, &[5.0, 5.0], &[0.0, 0.0]);
    }

    #[test]
    fn values_between_pixels_are_found() {
        let resize = |columns, filter| Step::Resize { size: vec![1, columns], filter, rounded: false };
        check(&resize(4, Filter::Linear), &[0.0, 8.0], &[0.0, 2.0, 6.0, 8.0]);
        check(&resize(4, Filter::Nearest), &[0.0, 8.0], &[0.0, 0.0, 8.0, 8.0]);
        check(&resize(2, Filter::Linear), &[0.0, 8.0, 0.0, 4.0], &[4.0, 2.0]);
        check(&resize(1, Filter::Linear), &[0.0, 6.0, 3.0, 90.0, 90.0], &[3.0]);
        check(&resize(2, Filter::Nearest), &[1.0, 2.0, 3.0, 4.0], &[2.0, 4.0]);
        // A constant stays constant, however wide the filter.
        check(&resize(3, Filter::Antialiased), &[7.0; 10], &[7.0; 3]);
    }

    #[test]
    fn images_are_cropped_padded_and_letterboxed_in_the_middle() {
        check(&Step::Crop { size: vec![1, 2] }, &[1.0, 2.0, 3.0, 4.0, 5.0], &[2.0, 3.0]);
        check(&Step::Crop { size: vec![9, 9] }, &[1.0, 2.0], &[1.0, 2.0]);
        check(&Step::Pad { size: vec![1, 5], value: 9.0 }, &[1.0, 2.0], &[9.0, 1.0, 2.0, 9.0, 9.0]);
        let wide = arr3(&[[[1.0, 1.0, 1.0, 1.0], [1.0, 1.0, 1.0, 1.0]]]);
        let boxed = Step::Letterbox { size: vec![4, 4], filter: Filter::Linear, value: 0.0 };
        let taken = take(&boxed, grid(wide)).unwrap().values;
        assert_eq!(taken, arr3(&[[[0.0; 4], [1.0; 4], [1.0; 4], [0.0; 4]]]));
    }

    #[test]
    fn spacing_is_resampled_and_must_be_known() {
        let step = Step::Resample { spacing_mm: vec![2.0, 0.5], filter: Filter::Nearest };
        let known = Grid { spacing_mm: [None, Some(1.0), Some(1.0)], ..grid(Array3::zeros((1, 4, 6))) };
        let taken = take(&step, known).unwrap();
        assert_eq!((taken.values.dim(), taken.spacing_mm), ((1, 2, 12), [None, Some(2.0), Some(0.5)]));
        let resized = take(&Step::Resize { size: vec![2, 2], filter: Filter::Linear, rounded: false }, taken).unwrap();
        assert_eq!(resized.spacing_mm, [None, Some(2.0), Some(3.0)]);
        let error = take(&step, grid(Array3::zeros((1, 4, 6)))).unwrap_err();
        assert!(error.to_string().contains("size of its pixels is not given"), "{error}");
    }

    /// A phantom whose voxel at the patient's right, front and foot is 1, at the left 2, at the back 3, at the head 4.
    fn phantom(directions: [[f64; 3]; 3]) -> Grid {
        let mut values = Array3::zeros((4, 4, 4));
        let marks =
            [([-1.0, -1.0, -1.0], 1.0), ([1.0, -1.0, -1.0], 2.0), ([-1.0, 1.0, -1.0], 3.0), ([-1.0, -1.0, 1.0], 4.0)];
        for (towards, mark) in marks {
            let place = directions.map(|axis| {
                let along: f64 = axis.iter().zip(towards).map(|(one, other)| one * other).sum();
                if along > 0.0 { 3 } else { 0 }
            });
            values[place] = mark;
        }
        Grid { directions: Some(directions), spacing_mm: [Some(3.0), Some(2.0), Some(1.0)], ..grid(values) }
    }

    const LEFT: [f64; 3] = [1.0, 0.0, 0.0];
    const BACK: [f64; 3] = [0.0, 1.0, 0.0];
    const HEAD: [f64; 3] = [0.0, 0.0, 1.0];

    fn turned(direction: [f64; 3]) -> [f64; 3] {
        direction.map(|part| -part)
    }

    /// Right and left are where the letters say, however the slices were made: axial, from the head or from the foot, sagittal,
    /// coronal, and tilted.
    #[test]
    fn a_phantom_of_known_right_and_left_is_turned() {
        let tilted = [[0.0, -0.2, 0.98], [0.0, 0.98, 0.2], LEFT];
        let ways = [
            [HEAD, BACK, LEFT],
            [turned(HEAD), BACK, LEFT],
            [LEFT, turned(HEAD), BACK],
            [BACK, turned(HEAD), LEFT],
            tilted,
        ];
        for way in ways {
            let turned = take(&Step::Orient { axes: "RAS".to_owned() }, phantom(way)).unwrap();
            let at = |place: [usize; 3]| turned.values[place];
            // The index grows towards right, front, head.
            assert_eq!([at([3, 3, 0]), at([0, 3, 0]), at([3, 0, 0]), at([3, 3, 3])], [1.0, 2.0, 3.0, 4.0], "{way:?}");
            let head_first = take(&Step::Orient { axes: "SPL".to_owned() }, turned).unwrap();
            let at = |place: [usize; 3]| head_first.values[place];
            assert_eq!([at([0, 0, 0]), at([0, 0, 3]), at([0, 3, 0]), at([3, 0, 0])], [1.0, 2.0, 3.0, 4.0], "{way:?}");
        }
        let axial = take(&Step::Orient { axes: "RAS".to_owned() }, phantom([HEAD, BACK, LEFT])).unwrap();
        assert_eq!(axial.spacing_mm, [Some(1.0), Some(2.0), Some(3.0)]);
        let error = take(&Step::Orient { axes: "RAS".to_owned() }, grid(Array3::zeros((1, 2, 2)))).unwrap_err();
        assert!(error.to_string().contains("orientation is not given"), "{error}");
    }
}

//! Where a model looked, found by hiding: a square of the input is filled in, and the score that drops most was
//! looking there (Zeiler and Fergus, ECCV 2014, §4.2). It needs nothing but the model's answers, and says where hiding
//! changes the answer, not why.
//!
//! The grid spans the whole image, each cell about one stride wide. For each cell the hidden square is centred on it,
//! or as near as the image's edge allows, so that all squares have the same size and all drops compare.

use crate::tensor::{Tensor, image_axes};
use crate::{InferenceError, RunImage, Runner};
use lightbox_domain::{Fill, FillName, Layout, Map, MapMethod, MapSection};
use ndarray::Slice;
use std::ops::Range;
use std::slice;
use std::time::Duration;

/// The map that explains a finding on an image, as the manifest's `[map]` says. It takes one pass of the model for each
/// cell of the grid; others may use the runner in between.
///
/// # Errors
/// Those of [`Runner::run`]; [`InferenceError::Timeout`] if all passes together take longer than `seconds_max`.
pub fn explain(runner: &Runner, image: &RunImage, section: &MapSection) -> Result<Map, InferenceError> {
    let MapMethod::Occlusion = section.method;
    let manifest = runner.manifest();
    let place = manifest.findings.iter().position(|rule| rule.id == section.finding);
    let place =
        place.ok_or_else(|| runner.invalid(format!("[map] explains {}, which is no finding", section.finding)))?;
    let ([input], Some([input_rows, input_columns])) = (&manifest.tensors[..], manifest.tensors[0].size()) else {
        return Err(runner.invalid("[map] needs one tensor of a fixed size".to_owned()));
    };

    let mut time_left = runner.time_max();
    let mut score_of = |tensor: &Tensor| {
        let pass = runner.pass(slice::from_ref(tensor), time_left)?;
        time_left = time_left.saturating_sub(pass.model_time);
        if time_left == Duration::ZERO { Err(runner.timeout()) } else { Ok(pass.scores[place] as f32) }
    };
    let [whole] = &runner.prepare(image)?[..] else { return Err(runner.invalid("[map] needs one tensor".to_owned())) };
    let base = score_of(whole)?;
    let fill = fill_value(whole, section.fill);
    let (rows, columns) = (squares(*input_rows, section), squares(*input_columns, section));
    let mut drops = Vec::with_capacity(rows.len() * columns.len());
    for row in &rows {
        for column in &columns {
            drops.push(base - score_of(&hidden(whole, &input.layout, row, column, fill))?);
        }
    }
    let method = method(*input_rows, *input_columns, section);
    Ok(to_map(rows.len(), columns.len(), &drops, method))
}

/// Where the hidden squares lie along one side of the input, one for each cell of the grid.
fn squares(side: u32, section: &MapSection) -> Vec<Range<usize>> {
    let (side, window) = (side as usize, (section.window.min(side)) as usize);
    let cells = side.div_ceil(section.stride.max(1) as usize);
    (0..cells)
        .map(|cell| {
            let centre = (2 * cell + 1) * side / (2 * cells);
            let start = centre.saturating_sub(window / 2).min(side - window);
            start..start + window
        })
        .collect()
}

fn fill_value(tensor: &Tensor, fill: Fill) -> f32 {
    match fill {
        Fill::Named(FillName::Mean) => tensor.values.mean().unwrap_or_default(),
        Fill::Value(value) => value,
    }
}

fn hidden(whole: &Tensor, layout: &Layout, rows: &Range<usize>, columns: &Range<usize>, fill: f32) -> Tensor {
    let (vertical, horizontal) = image_axes(layout);
    let mut tensor = whole.clone();
    let mut square = tensor.values.slice_axis_mut(vertical, Slice::from(rows.clone()));
    square.slice_axis_inplace(horizontal, Slice::from(columns.clone()));
    square.fill(fill);
    tensor
}

fn to_map(rows: usize, columns: usize, drops: &[f32], method: String) -> Map {
    let drop_max = drops.iter().copied().fold(0.0, f32::max);
    let value = |drop: &f32| if drop_max > 0.0 { (drop / drop_max).max(0.0) } else { 0.0 };
    Map { rows, columns, values: drops.iter().map(value).collect(), drop_max, method }
}

fn method(rows: u32, columns: u32, section: &MapSection) -> String {
    let MapSection { window, stride, .. } = section;
    let fill = match section.fill {
        Fill::Named(FillName::Mean) => "the mean".to_owned(),
        Fill::Value(value) => value.to_string(),
    };
    format!("occlusion, {window} × {window} of {rows} × {columns}, stride {stride}, filled with {fill}")
}

#[cfg(test)]
mod tests {
    use super::*;
    use lightbox_domain::ElementType;
    use ndarray::{ArrayD, array};

    fn section(window: u32, stride: u32) -> MapSection {
        let finding = "pneumonia".to_owned();
        MapSection { method: MapMethod::Occlusion, finding, window, stride, fill: Fill::Named(FillName::Mean) }
    }

    fn check(side: u32, window: u32, stride: u32, expected: &[Range<usize>]) {
        assert_eq!(squares(side, &section(window, stride)), expected, "{side} {window} {stride}");
    }

    #[test]
    fn squares_are_centred_on_their_cells_and_stay_inside() {
        check(8, 4, 2, &[0..4, 1..5, 3..7, 4..8]);
        check(9, 3, 3, &[0..3, 3..6, 6..9]);
        check(10, 4, 4, &[0..4, 3..7, 6..10]);
        check(4, 4, 2, &[0..4, 0..4]);
        check(5, 9, 3, &[0..5, 0..5]);
    }

    #[test]
    fn only_the_square_is_hidden_whatever_the_layout() {
        let expected = array![[0.0, 9.0, 9.0], [0.0, 0.0, 0.0]];
        for (layout, shape) in [("NHWC", vec![1, 2, 3, 1]), ("NCHW", vec![1, 1, 2, 3]), ("HW", vec![2, 3])] {
            let values = ArrayD::zeros(shape);
            let tensor = Tensor { name: "image".to_owned(), values, element: ElementType::Float32 };
            let layout = Layout::try_from(layout.to_owned()).unwrap();
            let shown = hidden(&tensor, &layout, &(0..1), &(1..3), 9.0);
            assert_eq!(shown.values.into_shape_with_order((2, 3)).unwrap(), expected, "{layout}");
        }
    }

    #[test]
    fn drops_are_relative_to_the_largest_and_rises_are_nothing() {
        let map = to_map(1, 3, &[0.2, -0.4, 0.4], String::new());
        assert_eq!((map.values, map.drop_max), (vec![0.5, 0.0, 1.0], 0.4));
        let map = to_map(1, 2, &[-0.1, 0.0], String::new());
        assert_eq!((map.values, map.drop_max), (vec![0.0, 0.0], 0.0));
    }

    #[test]
    fn the_method_is_told_in_words() {
        let of_value = MapSection { fill: Fill::Value(0.5), ..section(36, 18) };
        assert_eq!(
            method(180, 180, &section(36, 18)),
            "occlusion, 36 × 36 of 180 × 180, stride 18, filled with the mean"
        );
        assert_eq!(method(180, 200, &of_value), "occlusion, 36 × 36 of 180 × 200, stride 18, filled with 0.5");
    }
}

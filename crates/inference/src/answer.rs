//! What is done with a model's output before findings are read from it.

use lightbox_domain::OutputStep;
use ndarray::{ArrayD, Axis};

/// Takes one step.
pub(crate) fn take(step: &OutputStep, values: &mut ArrayD<f32>) {
    match step {
        OutputStep::Softmax {} => softmax(values),
        OutputStep::Sigmoid {} => values.mapv_inplace(|logit| sigmoid(f64::from(logit)) as f32),
        OutputStep::Calibrate { slope, intercept } => values.mapv_inplace(|probability| {
            let probability = f64::from(probability);
            sigmoid(slope * (probability / (1.0 - probability)).ln() + intercept) as f32
        }),
        OutputStep::Scale { from: [low, high] } => {
            values.mapv_inplace(|value| ((f64::from(value) - low) / (high - low)) as f32);
        }
    }
}

fn sigmoid(logit: f64) -> f64 {
    1.0 / (1.0 + (-logit).exp())
}

/// Along the last axis; less the greatest, so that no exponential overflows.
fn softmax(values: &mut ArrayD<f32>) {
    if values.ndim() == 0 {
        values.fill(1.0);
        return;
    }
    let last = Axis(values.ndim() - 1);
    for mut lane in values.lanes_mut(last) {
        let greatest = lane.iter().copied().fold(f32::NEG_INFINITY, f32::max);
        lane.mapv_inplace(|value| (value - greatest).exp());
        let sum = lane.sum();
        lane.mapv_inplace(|value| value / sum);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[track_caller]
    fn check(step: &OutputStep, values: &[f32], expected: &[f32]) {
        let mut array = ArrayD::from_shape_vec(vec![1, values.len()], values.to_vec()).expect("one row");
        take(step, &mut array);
        for (value, expected) in array.iter().zip(expected) {
            assert!((value - expected).abs() < 1e-6, "{step:?}: {array}");
        }
    }

    #[test]
    fn logits_become_probabilities() {
        check(&OutputStep::Softmax {}, &[1.0, 2.0, 3.0], &[0.090_030_57, 0.244_728_47, 0.665_240_94]);
        check(&OutputStep::Softmax {}, &[1000.0, 0.0], &[1.0, 0.0]);
        check(&OutputStep::Sigmoid {}, &[0.0, 2.0, -100.0], &[0.5, 0.880_797_1, 0.0]);
    }

    #[test]
    fn probabilities_are_calibrated_and_numbers_scaled() {
        check(&OutputStep::Calibrate { slope: 1.0, intercept: 0.0 }, &[0.2, 0.9, 0.0, 1.0], &[0.2, 0.9, 0.0, 1.0]);
        check(&OutputStep::Calibrate { slope: 0.5, intercept: 1.0 }, &[0.5], &[0.731_058_6]);
        check(&OutputStep::Scale { from: [10.0, 30.0] }, &[10.0, 15.0, 30.0], &[0.0, 0.25, 1.0]);
    }

    #[test]
    fn what_is_no_number_stays_none() {
        let mut array = ArrayD::from_elem(vec![1, 2], f32::NAN);
        take(&OutputStep::Softmax {}, &mut array);
        assert!(array.iter().all(|value| value.is_nan()));
    }
}

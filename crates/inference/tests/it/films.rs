//! The app on the real films: the same scores as the original Keras model, whatever the encoding, and a map.

use crate::setting::{app_folder, library, read, samples_folder};
use lightbox_domain::Limits;
use lightbox_inference::{Release, RunImage, Runner, explain};
use serde_json::Value;
use std::path::Path;

/// By how much a score may differ from the original model's.
const TOLERANCE: f64 = 1e-4;

#[test]
fn the_app_says_of_sixteen_films_what_the_original_model_says() {
    let runner = load_app();
    let folder = samples_folder();
    let samples: Value = serde_json::from_str(&read(&folder.join("samples.json"))).unwrap();
    let mut compared = 0;
    let mut differing = Vec::new();
    for sample in samples["samples"].as_array().unwrap() {
        let Some(expected) = sample["expected_probability"].as_f64() else { continue };
        let file = sample["file"].as_str().unwrap();
        let score = runner.run(&image_of(&runner, &folder.join(file))).unwrap().findings[0].score;
        compared += 1;
        if (score - expected).abs() > TOLERANCE {
            differing.push(format!("{file} ({}): {score}, not {expected}", sample["encoding"]));
        }
    }
    assert_eq!(differing, Vec::<String>::new());
    assert_eq!(compared, 16);
}

#[test]
fn a_positive_film_has_a_map() {
    let runner = load_app();
    let film = image_of(&runner, &samples_folder().join("film-09-pneumonia.dcm"));
    let map = explain(&runner, &film, runner.manifest().map.as_ref().unwrap()).unwrap();
    assert_eq!((map.rows, map.columns, map.values.len()), (10, 10, 100));
    assert!(map.drop_max > 0.0, "{map:?}");
    assert!(map.values.iter().all(|value| (0.0..=1.0).contains(value)), "{map:?}");
    assert!(map.values.contains(&1.0), "{map:?}");
}

fn load_app() -> Runner {
    Runner::load(&library(), &Release::open(&app_folder()).unwrap(), 2).unwrap()
}

fn image_of(runner: &Runner, path: &Path) -> RunImage {
    RunImage::read(path, runner.manifest(), &Limits::default()).unwrap()
}

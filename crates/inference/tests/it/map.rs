//! Maps that say where a model looked.

use crate::onnx_file::mean_model;
use crate::setting::{MANIFEST, app_folder, assert_says, library, load, seen};
use lightbox_domain::{Fill, MapSection};
use lightbox_inference::{Release, Runner, explain};

fn map_section(runner: &Runner) -> MapSection {
    runner.manifest().map.clone().unwrap()
}

#[test]
fn the_place_that_makes_an_image_bright_is_found() {
    let runner = load(MANIFEST, &mean_model(8, 12)).unwrap();
    // One bright pixel in row 5 and column 8 of 8 × 12, seen in cells of 2 × 2.
    let image = seen(8, 12, |y, x| if (y, x) == (5, 8) { 255 } else { 0 });
    let map = explain(&runner, &image, &map_section(&runner)).unwrap();
    assert_eq!((map.rows, map.columns, map.values.len()), (4, 6, 24));
    assert_eq!(map.method, "occlusion, 4 × 4 of 8 × 12, stride 2, filled with 0");
    assert!((map.drop_max - 1.0 / 96.0).abs() < 1e-6, "{map:?}");
    // The rows' squares are 0..4, 1..5, 3..7 and 4..8; the columns' 0..4, 1..5, 3..7, 5..9, 7..11 and 8..12.
    for (place, value) in map.values.iter().enumerate() {
        let covers = place / 6 >= 2 && place % 6 >= 3;
        assert_eq!(*value > 0.99, covers, "{place}: {map:?}");
    }
}

#[test]
fn where_nothing_matters_nothing_is_shown() {
    let runner = load(MANIFEST, &mean_model(8, 12)).unwrap();
    let black = explain(&runner, &seen(8, 12, |_, _| 0), &map_section(&runner)).unwrap();
    assert_eq!((black.drop_max, black.values), (0.0, vec![0.0; 24]));
    // Hiding with white only makes it brighter: all rises.
    let white = MapSection { fill: Fill::Value(1.0), ..map_section(&runner) };
    let map = explain(&runner, &seen(8, 12, |_, _| 100), &white).unwrap();
    assert_eq!((map.drop_max, map.values), (0.0, vec![0.0; 24]));
}

#[test]
fn a_map_of_no_finding_is_refused() {
    let runner = load(MANIFEST, &mean_model(8, 12)).unwrap();
    let section = MapSection { finding: "dim".to_owned(), ..map_section(&runner) };
    assert_says(explain(&runner, &seen(8, 12, |_, _| 0), &section), &["[map] explains dim, which is no finding"]);
}

#[test]
fn a_map_that_takes_too_long_is_stopped() {
    let runner = load(&MANIFEST.replace("seconds_max = 60", "seconds_max = 0"), &mean_model(8, 12)).unwrap();
    assert_says(explain(&runner, &seen(8, 12, |_, _| 0), &map_section(&runner)), &["was stopped after 0 s"]);
}

#[test]
fn a_constant_image_has_a_map_of_the_apps_grid() {
    let runner = Runner::load(&library(), &Release::open(&app_folder()).unwrap(), 2).unwrap();
    let map = explain(&runner, &seen(512, 300, |_, _| 128), &map_section(&runner)).unwrap();
    assert_eq!((map.rows, map.columns), (10, 10));
    assert_eq!(map.method, "occlusion, 36 × 36 of 180 × 180, stride 18, filled with the mean");
    // Hidden with its own mean, a constant image is the same image.
    assert_eq!((map.drop_max, map.values), (0.0, vec![0.0; 100]));
}

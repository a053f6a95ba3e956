//! Models are loaded once, shared between threads, and tried again when loading failed.

use crate::onnx_file::mean_model;
use crate::setting::{MANIFEST, app_folder, assert_says, folder, library_path, seen};
use lightbox_inference::{InferenceError, Release, Runners, explain};
use std::fs;
use std::sync::{Arc, Barrier};
use std::thread;

#[test]
fn a_release_is_loaded_once_for_all_threads() {
    let runners = Runners::new(Some(library_path()), None);
    let release = Release::open(&app_folder()).unwrap();
    let image = seen(64, 64, |y, x| (x + y) as u8);
    let answers = thread::scope(|scope| {
        let work = || {
            let runner = runners.get(&release).unwrap();
            let score = runner.run(&image).unwrap().findings[0].score;
            (runner, score)
        };
        let threads: Vec<_> = (0..4).map(|_| scope.spawn(work)).collect();
        threads.into_iter().map(|thread| thread.join().unwrap()).collect::<Vec<_>>()
    });
    for (runner, score) in &answers {
        assert!(Arc::ptr_eq(runner, &answers[0].0));
        assert_eq!(*score, answers[0].1);
    }
}

#[test]
fn releases_are_told_apart_by_their_digest() {
    let runners = Runners::new(Some(library_path()), Some(1));
    let stricter = folder(&MANIFEST.replace("threshold = 0.5", "threshold = 0.9"), &mean_model(8, 12).to_bytes());
    let plain = folder(MANIFEST, &mean_model(8, 12).to_bytes());
    let thresholds = [&stricter, &plain].map(|folder| {
        let runner = runners.get(&Release::open(folder.path()).unwrap()).unwrap();
        runner.run(&seen(8, 12, |_, _| 0)).unwrap().findings[0].threshold
    });
    assert_eq!(thresholds, [0.9, 0.5]);
}

#[test]
fn what_failed_is_tried_again() {
    let runners = Runners::new(Some(library_path()), Some(1));
    let folder = folder(MANIFEST, &mean_model(8, 12).to_bytes());
    let release = Release::open(folder.path()).unwrap();
    let (model, away) = (folder.path().join("model.onnx"), folder.path().join("away"));
    fs::rename(&model, &away).unwrap();
    assert_says(runners.get(&release), &["incomplete: model.onnx is missing"]);
    fs::rename(&away, &model).unwrap();
    runners.get(&release).unwrap();
}

#[test]
fn a_library_that_comes_later_is_found() {
    let folder = folder(MANIFEST, &mean_model(8, 12).to_bytes());
    let release = Release::open(folder.path()).unwrap();
    let place = folder.path().join("libonnxruntime.so");
    let runners = Runners::new(Some(place.clone()), Some(1));
    let error = runners.get(&release).unwrap_err();
    assert!(matches!(error, InferenceError::LibraryMissing(_)) && error.is_permanent(), "{error:?}");
    fs::hard_link(library_path(), &place).or_else(|_| fs::copy(library_path(), &place).map(|_| ())).unwrap();
    runners.get(&release).unwrap();
}

#[test]
fn a_run_takes_its_turn_within_a_map() {
    let runner = Runners::new(Some(library_path()), None).get(&Release::open(&app_folder()).unwrap()).unwrap();
    let image = seen(180, 180, |y, x| (x + y) as u8);
    let section = runner.manifest().map.clone().unwrap();
    let begin = Barrier::new(2);
    thread::scope(|scope| {
        let map = scope.spawn(|| {
            begin.wait();
            explain(&runner, &image, &section).unwrap()
        });
        begin.wait();
        // The map has a hundred passes of the model; ten runs are done long before it is if they take turns.
        for _ in 0..10 {
            runner.run(&image).unwrap();
        }
        assert!(!map.is_finished());
    });
}

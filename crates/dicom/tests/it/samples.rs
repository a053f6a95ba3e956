//! The real samples.

use lightbox_dicom::{InspectError, PixelError, display_image, inspect, same_data_set};
use lightbox_domain::Limits;
use lightbox_testkit::{downloads, samples, venv_tool};
use std::path::{Path, PathBuf};
use std::process::Command;

fn films() -> Vec<PathBuf> {
    let entries = std::fs::read_dir(samples()).unwrap().map(|entry| entry.unwrap().path());
    let films: Vec<PathBuf> = entries.filter(|path| path.extension().is_some_and(|e| e == "dcm")).collect();
    assert!(films.len() >= 17, "{} films", films.len());
    films
}

/// The samples' greys, and those that a script writes for the same films, `N.grey` for the Nth.
fn check_greys(script: &str, arguments: &[PathBuf], difference_max: u8, films_min: usize) {
    let folder = tempfile::tempdir().unwrap();
    let script = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/it").join(script);
    let mut command = Command::new(venv_tool("python"));
    let output = command.arg(script).arg(folder.path()).args(arguments).args(films()).output().unwrap();
    assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
    let mut compared = 0;
    for (number, path) in films().iter().enumerate() {
        let Ok(expected) = std::fs::read(folder.path().join(format!("{number}.grey"))) else { continue };
        let image = display_image(path, 0, None, &Limits::default()).unwrap().into_grey();
        let worst = image.pixels.iter().zip(&expected).map(|(a, b)| a.abs_diff(*b)).max();
        assert_eq!(image.pixels.len(), expected.len());
        assert!(worst <= Some(difference_max), "{} differs by {worst:?}", path.display());
        compared += 1;
    }
    assert!(compared >= films_min, "only {compared} films were compared");
}

/// The films store photographs in sixteen ways, by every kind of LUT and compression; all come back to the last bit.
#[test]
fn films_show_the_pictures_that_they_were_made_from() {
    check_greys("source_greys.py", &[downloads()], 0, 16);
}

/// The greys are those of pydicom's own modality and VOI functions, but for rounding; one film it cannot decode here.
#[test]
fn films_are_displayed_as_the_standard_says() {
    check_greys("pydicom_greys.py", &[], 1, 16);
}

#[test]
fn films_are_whole_and_equal_to_themselves_only() {
    let (films, limits) = (films(), Limits::default());
    for path in &films {
        let entry = inspect(path, &limits).unwrap();
        assert!(entry.instance.frames == 1 && !entry.study.patient.key.id.is_empty());
        assert!(same_data_set(path, path, &limits).unwrap());
    }
    assert!(!same_data_set(&films[0], &films[1], &limits).unwrap());
}

#[test]
fn odd_samples_are_refused_or_kept_with_a_reason() {
    let odd = |name: &str| samples().join("odd").join(name);
    let limits = Limits::default();
    let refusal = |name: &str| inspect(&odd(name), &limits).unwrap_err();
    assert!(matches!(refusal("truncated.dcm"), InspectError::Truncated));
    assert!(matches!(refusal("not-dicom.dcm"), InspectError::NotDicom));
    assert!(matches!(refusal("deflate-bomb.dcm"), InspectError::TooLarge { .. }));
    assert!(matches!(refusal("no-sop-instance-uid.dcm"), InspectError::MissingUid("SOPInstanceUID")));
    assert!(matches!(refusal("no-study-instance-uid.dcm"), InspectError::MissingUid("StudyInstanceUID")));
    for (name, too_large) in [("absurd-dimensions.dcm", true), ("corrupt-jpeg-2000.dcm", false)] {
        inspect(&odd(name), &limits).unwrap();
        let refusal = display_image(&odd(name), 0, None, &limits).unwrap_err();
        assert_eq!(matches!(refusal, PixelError::TooLarge { .. }), too_large, "{refusal}");
    }
    assert!(display_image(&odd("garbage-signed-16-bit.dcm"), 0, None, &limits).is_ok());
}

//! The same pixels as pydicom.

use lightbox_dicom::{DisplayImage, display_image, native_frame};
use lightbox_domain::Limits;
use std::path::Path;
use std::process::Command;

/// JPEG's inverse transform and colours differ by rounding between decoders, so lossy frames may.
fn difference_max(transfer_syntax_uid: &str) -> u8 {
    if transfer_syntax_uid == "1.2.840.10008.1.2.4.50" { 3 } else { 0 }
}

#[test]
fn frames_equal_those_of_pydicom() {
    let folder = tempfile::tempdir().unwrap();
    let script = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/it/pydicom_frames.py");
    let output = Command::new(lightbox_testkit::venv_tool("python")).arg(script).arg(folder.path()).output().unwrap();
    let listing = String::from_utf8(output.stdout).unwrap();
    assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
    let mut differences = Vec::new();
    for line in listing.lines() {
        let [number, path, syntax, samples] = line.split('\t').collect::<Vec<_>>()[..] else { panic!("{line}") };
        let expected = std::fs::read(folder.path().join(format!("{number}.raw"))).unwrap();
        let actual = first_frame(Path::new(path), samples);
        let name = Path::new(path).file_name().unwrap().to_string_lossy();
        match actual {
            Err(error) => differences.push(format!("{name} ({syntax}): {error}")),
            Ok(actual) if actual.len() != expected.len() => {
                differences.push(format!("{name} ({syntax}): {} bytes, not {}", actual.len(), expected.len()));
            }
            Ok(actual) => {
                let worst = actual.iter().zip(&expected).map(|(a, b)| a.abs_diff(*b)).max().unwrap_or(0);
                if worst > difference_max(syntax) {
                    differences.push(format!("{name} ({syntax}): differs by {worst}"));
                }
            }
        }
    }
    eprintln!("{} files", listing.lines().count());
    assert!(differences.is_empty(), "{}", differences.join("\n"));
}

fn first_frame(path: &Path, samples: &str) -> Result<Vec<u8>, lightbox_dicom::PixelError> {
    let limits = Limits::default();
    if samples == "1" {
        return native_frame(path, 0, &limits).map(|frame| frame.bytes);
    }
    match display_image(path, 0, None, &limits)? {
        DisplayImage::Rgb(image) => Ok(image.pixels),
        DisplayImage::Grey(image) => Ok(image.pixels),
    }
}

//! The same pixels as pydicom, in what was stored and in what was made of it; dcmtk reads that, too.

use dicom_dictionary_std::uids;
use lightbox_dicom::{
    DisplayImage, Header, PixelError, TranscodeError, display_image, native_frame, offers, transcode, transfer_syntax,
};
use lightbox_domain::Limits;
use lightbox_testkit::venv_tool;
use std::path::{Path, PathBuf};
use std::process::Command;

/// JPEG's inverse transform and colours differ by rounding between decoders, so lossy frames may.
fn difference_max(transfer_syntax_uid: &str) -> u8 {
    if transfer_syntax_uid == "1.2.840.10008.1.2.4.50" { 3 } else { 0 }
}

#[test]
fn frames_equal_those_of_pydicom() {
    let folder = tempfile::tempdir().unwrap();
    let script = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/it/pydicom_frames.py");
    let output = Command::new(venv_tool("python")).arg(script).arg(folder.path()).output().unwrap();
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

fn first_frame(path: &Path, samples: &str) -> Result<Vec<u8>, PixelError> {
    let limits = Limits::default();
    if samples == "1" {
        return native_frame(path, 0, &limits).map(|frame| frame.bytes);
    }
    match display_image(path, 0, None, &limits)? {
        DisplayImage::Rgb(image) => Ok(image.pixels),
        DisplayImage::Grey(image) => Ok(image.pixels),
    }
}

/// pydicom's own images.
fn images() -> Vec<PathBuf> {
    let print = "import pydicom, pathlib; print(pathlib.Path(pydicom.__file__).parent / 'data' / 'test_files')";
    let output = Command::new(venv_tool("python")).args(["-c", print]).output().unwrap();
    let folder = String::from_utf8(output.stdout).unwrap();
    let entries = std::fs::read_dir(folder.trim()).unwrap().map(|entry| entry.unwrap().path());
    let has_image = |path: &PathBuf| Header::read(path).is_ok_and(|header| !header.text("Rows").is_empty());
    let mut images: Vec<PathBuf> = entries.filter(|path| path.is_file()).filter(has_image).collect();
    images.sort();
    images
}

/// An image in another syntax.
struct Transcoded {
    source: PathBuf,
    path: PathBuf,
    to: String,
    was_lossless: bool,
}

/// Each image in each syntax in which it can leave; the files lie in that folder.
fn transcode_all(folder: &Path) -> Vec<Transcoded> {
    let mut all = Vec::new();
    for source in images() {
        let from = Header::read(&source).unwrap().transfer_syntax_uid().to_owned();
        for to in offers(&from).into_iter().skip(1) {
            let path = folder.join(format!("{}.dcm", all.len()));
            let outcome = transcode(&source, to, &Limits::default())
                .and_then(|transcoded| transcoded.write_file(std::fs::File::create(&path).unwrap()));
            match outcome {
                Ok(()) => {
                    let was_lossless = transfer_syntax(&from).unwrap().is_lossless();
                    all.push(Transcoded { source: source.clone(), path, to: to.to_owned(), was_lossless });
                }
                Err(TranscodeError::Unsupported(_) | TranscodeError::Pixels(_) | TranscodeError::Object(_)) => {}
                Err(error) => panic!("{}: {error}", source.display()),
            }
        }
    }
    all
}

#[test]
fn others_read_what_was_transcoded() {
    let folder = tempfile::tempdir().unwrap();
    let all = transcode_all(folder.path());
    // pydicom has no decoder for JPEG XL; ours is not from the encoder's authors.
    let listed = all.iter().filter(|one| one.to != uids::JPEGXL_LOSSLESS).map(|one| {
        let difference_max = if one.was_lossless { 0 } else { 3 };
        format!("{}\t{}\t{difference_max}\n", one.source.display(), one.path.display())
    });
    let listing = folder.path().join("listing.txt");
    std::fs::write(&listing, listed.collect::<String>()).unwrap();
    let script = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/it/pydicom_transcoded.py");
    let output = Command::new(venv_tool("python")).arg(script).arg(&listing).output().unwrap();
    assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
    let printed = String::from_utf8(output.stdout).unwrap();
    let (differences, compared) = printed.trim_end().rsplit_once('\n').unwrap_or(("", printed.trim_end()));
    assert_eq!(differences, "");
    assert!(compared.parse::<usize>().unwrap() > 150, "{compared} of {} were compared", all.len());
    dcmtk_reads(&all, folder.path());
}

fn dcmtk_reads(all: &[Transcoded], folder: &Path) {
    let run = |tool: &str, arguments: &[&Path]| {
        let output = Command::new(tool).arg("--quiet").args(arguments).output().unwrap();
        let complaints = String::from_utf8_lossy(&output.stderr).into_owned();
        assert!(output.status.success() && complaints.is_empty(), "{tool} {arguments:?}: {complaints}");
    };
    run("dcmdump", &all.iter().map(|one| one.path.as_path()).collect::<Vec<_>>());
    let decoded = folder.join("decoded.dcm");
    for one in all {
        match one.to.as_str() {
            uids::RLE_LOSSLESS => run("dcmdrle", &[&one.path, &decoded]),
            uids::JPEGLS_LOSSLESS => run("dcmdjpls", &[&one.path, &decoded]),
            _ => {}
        }
    }
}

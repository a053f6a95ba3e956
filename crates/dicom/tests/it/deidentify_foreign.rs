//! Real objects of many makers, de-identified, under the eyes of others: dcmtk reads them, and `dciodvfy` finds no error that
//! it did not find before.

use dicom_dictionary_std::tags;
use lightbox_dicom::deidentify::{DeidentificationOption as Opt, Policy, ProjectKey};
use lightbox_dicom::{Header, deidentify};
use lightbox_testkit::venv_tool;
use std::collections::BTreeSet;
use std::path::{Path, PathBuf};
use std::process::Command;

/// pydicom's own objects, images and others, of classes that `dciodvfy` can know.
fn objects() -> Vec<PathBuf> {
    let print = "import pydicom, pathlib; print(pathlib.Path(pydicom.__file__).parent / 'data' / 'test_files')";
    let output = Command::new(venv_tool("python")).args(["-c", print]).output().unwrap();
    let folder = String::from_utf8(output.stdout).unwrap();
    let entries = std::fs::read_dir(folder.trim()).unwrap().map(|entry| entry.unwrap().path());
    let mut objects: Vec<PathBuf> = entries.filter(|path| path.is_file() && Header::read(path).is_ok()).collect();
    objects.sort();
    objects
}

/// What the profile itself brings about: a segmentation's source images may be empty by their type, so by Table E.1-1 they
/// become that, while the list of the series that it refers to must stay.
const OF_THE_PROFILE: &str = "Error - ReferencedSeriesSequence present but Instance does not reference Instances";

/// The errors of a file, without what they quote of values; a UID is another one afterwards.
fn errors(path: &Path) -> BTreeSet<String> {
    let output = Command::new(venv_tool("dciodvfy")).arg(path).output().unwrap();
    let said = String::from_utf8_lossy(&output.stderr).into_owned();
    let errors = said.lines().filter(|line| line.starts_with("Error"));
    let without_values = |line: &str| {
        let line = line.split(" = <").next().unwrap_or_default();
        line.split(" ReferencedSOPInstanceUID ").next().unwrap_or_default().to_owned()
    };
    errors.filter(|line| !line.starts_with(OF_THE_PROFILE)).map(without_values).collect()
}

#[test]
fn what_leaves_is_as_valid_as_what_came() {
    let folder = tempfile::tempdir().unwrap();
    let basic = Policy::basic(ProjectKey::new([9; 32])).accepting_burned_in();
    let retaining = [
        Opt::RetainPatientCharacteristics,
        Opt::RetainModifiedDates,
        Opt::RetainDeviceIdentity,
        Opt::RetainInstitutionIdentity,
        Opt::CleanDescriptors,
        Opt::CleanStructuredContent,
        Opt::CleanGraphics,
    ];
    let policies = [basic.clone(), retaining.into_iter().fold(basic, Policy::with)];
    let (mut complaints, mut checked) = (Vec::new(), 0);
    for path in objects() {
        let before = errors(&path);
        for (number, policy) in policies.iter().enumerate() {
            let Ok(deidentified) = deidentify(&path, policy) else { continue };
            let written = folder.path().join(format!("{checked}.dcm"));
            let mut out = std::fs::File::create(&written).unwrap();
            std::io::copy(&mut deidentified.object.open().unwrap(), &mut out).unwrap();
            let name = path.file_name().unwrap().to_string_lossy();
            complaints.extend(errors(&written).difference(&before).map(|error| format!("{name} {number}: {error}")));
            dcmtk_reads(&written);
            let original = Header::read(&path).unwrap().text("PatientName");
            let now = Header::read(&written).unwrap();
            assert!(original.is_empty() || now.text("PatientName") != original, "{name}");
            assert!(now.object().get(tags::PATIENT_IDENTITY_REMOVED).is_some(), "{name}");
            checked += 1;
        }
    }
    assert_eq!(complaints, [""; 0], "{}", complaints.join("\n"));
    assert!(checked > 100, "{checked} were checked");
}

fn dcmtk_reads(path: &Path) {
    let output = Command::new("dcmdump").arg("--quiet").arg(path).output().unwrap();
    let complaints = String::from_utf8_lossy(&output.stderr);
    assert!(output.status.success(), "{}: {complaints}", path.display());
}

//! The directory of a File-set, as others read it.

use dicom_core::{DataElement, VR};
use dicom_dictionary_std::tags;
use dicom_object::InMemDicomObject;
use lightbox_dicom::{FileSet, Header};
use lightbox_domain::Uid;
use lightbox_testkit::{Film, venv_tool};
use std::path::Path;
use std::process::Command;

const BASIC_TEXT_SR: &str = "1.2.840.10008.5.1.4.1.1.88.11";
const KEY_OBJECT: &str = "1.2.840.10008.5.1.4.1.1.88.59";
const PRESENTATION: &str = "1.2.840.10008.5.1.4.1.1.11.1";

/// A document of this class.
fn document(class: &str, series: &str, instance: &str) -> Film {
    let title = InMemDicomObject::from_element_iter([
        DataElement::new(tags::CODE_VALUE, VR::SH, "113000"),
        DataElement::new(tags::CODING_SCHEME_DESIGNATOR, VR::SH, "DCM"),
        DataElement::new(tags::CODE_MEANING, VR::LO, "Of Interest"),
    ]);
    Film::new()
        .uids("1.2", series, instance)
        .set(tags::SOP_CLASS_UID, VR::UI, class)
        .sequence(tags::CONCEPT_NAME_CODE_SEQUENCE, title)
        .without(tags::PIXEL_DATA)
}

/// What pydicom finds: kind of record, file, number of series and of instance.
fn found(folder: &Path) -> Vec<String> {
    let script = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/it/pydicom_file_set.py");
    let output = Command::new(venv_tool("python")).arg(script).arg(folder).output().unwrap();
    assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
    let mut lines: Vec<_> = String::from_utf8(output.stdout).unwrap().lines().map(str::to_owned).collect();
    lines.sort();
    lines
}

#[test]
fn others_find_every_file_by_its_directory() {
    let folder = tempfile::tempdir().unwrap();
    let named = |film: Film| {
        film.set_keyword("SpecificCharacterSet", "ISO_IR 192")
            .set_keyword("PatientName", "Müller^Jörg")
            .set_keyword("PatientID", "7")
    };
    let film = |series: &str, instance: &str| named(Film::new().uids("1.2", series, instance));
    let unnumbered = |film: Film| film.without(tags::INSTANCE_NUMBER).without(tags::SERIES_NUMBER);
    let films = [
        ("SE000001", "IM000001", film("1.2.1", "1.2.1.1").set_keyword("InstanceNumber", "7")),
        ("SE000001", "IM000002", unnumbered(film("1.2.1", "1.2.1.2"))),
        ("SE000002", "IM000001", unnumbered(film("1.2.2", "1.2.2.1"))),
        ("SE000003", "IM000001", named(document(BASIC_TEXT_SR, "1.2.3", "1.2.3.1"))),
        ("SE000003", "IM000002", named(document(KEY_OBJECT, "1.2.3", "1.2.3.2"))),
        ("SE000003", "IM000003", named(document(PRESENTATION, "1.2.3", "1.2.3.3"))),
    ];
    let mut file_set = FileSet::default();
    for (series, name, film) in &films {
        let place = folder.path().join("DICOM/ST000001").join(series);
        std::fs::create_dir_all(&place).unwrap();
        film.write(&place.join(name));
        file_set.add(&Header::read(&place.join(name)).unwrap(), &["DICOM", "ST000001", series, name]).unwrap();
    }
    let directory = file_set.write(&Uid::parse("2.25.1").unwrap()).unwrap();
    std::fs::write(folder.path().join("DICOMDIR"), directory).unwrap();
    let number = Film::new().bytes();
    let own = Header::from_bytes(&number).unwrap();
    let [series, instance] = ["SeriesNumber", "InstanceNumber"].map(|keyword| own.text(keyword));
    let expected = [
        format!("IMAGE DICOM/ST000001/SE000001/IM000001 {series} 7"),
        format!("IMAGE DICOM/ST000001/SE000001/IM000002 {series} 2"),
        "IMAGE DICOM/ST000001/SE000002/IM000001 2 1".to_owned(),
        format!("KEY OBJECT DOC DICOM/ST000001/SE000003/IM000002 {series} {instance}"),
        format!("PRESENTATION DICOM/ST000001/SE000003/IM000003 {series} {instance}"),
        format!("SR DOCUMENT DICOM/ST000001/SE000003/IM000001 {series} {instance}"),
    ];
    assert_eq!(found(folder.path()), expected);
}

#[test]
fn a_directory_of_nothing_has_no_records() {
    let bytes = FileSet::default().write(&Uid::parse("2.25.1").unwrap()).unwrap();
    let directory = dicom_object::from_reader(bytes.as_slice()).unwrap();
    let first = directory.element(tags::OFFSET_OF_THE_FIRST_DIRECTORY_RECORD_OF_THE_ROOT_DIRECTORY_ENTITY).unwrap();
    assert_eq!(first.to_int::<u32>().unwrap(), 0);
}

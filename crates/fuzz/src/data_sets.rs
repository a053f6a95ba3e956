//! Data sets without a file around them: the keys of queries, and what workitems carry as DICOM JSON (PS3.18 Annex F).

use dicom_dictionary_std::uids;
use lightbox_dicom::{DataSet, workitem};

const SYNTAXES: [&str; 4] = [
    uids::EXPLICIT_VR_LITTLE_ENDIAN,
    uids::IMPLICIT_VR_LITTLE_ENDIAN,
    "1.2.840.10008.1.2.2",
    uids::DEFLATED_EXPLICIT_VR_LITTLE_ENDIAN,
];
const PATIENT_NAME: u32 = 0x0010_0010;
const STUDY_DATE: u32 = 0x0008_0020;
const REFERENCED_STUDIES: u32 = 0x0008_1110;

/// What was read is written as something that can be read; the first byte chooses the syntax.
pub fn identifier(bytes: &[u8]) {
    let Some((choice, bytes)) = bytes.split_first() else { return };
    if let Ok(keys) = DataSet::read(bytes, SYNTAXES[usize::from(*choice) % SYNTAXES.len()]) {
        write_and_read(&keys);
        let _ = keys.to_json();
    }
}

fn write_and_read(data_set: &DataSet) {
    for syntax in &SYNTAXES[..2] {
        DataSet::read(&data_set.write(syntax, "ISO_IR 100"), syntax).expect("what we write can be read");
    }
}

pub fn identifiers() -> Vec<Vec<u8>> {
    let study = DataSet::default().with(0x0020_000D, "2.25.1\\2.25.2");
    let keys = DataSet::default()
        .with(0x0008_0052, "STUDY")
        .with(PATIENT_NAME, "Müller^*")
        .with(STUDY_DATE, "20240101-20241231")
        .with_items(REFERENCED_STUDIES, vec![study, DataSet::default()]);
    let write = |(choice, syntax)| [vec![choice], keys.write(syntax, "ISO_IR 100")].concat();
    (0..2).zip(SYNTAXES).map(write).collect()
}

/// JSON that was understood is told the same again and again, and can be written.
pub fn json(bytes: &[u8]) {
    let Ok(value) = serde_json::from_slice(bytes) else { return };
    let Ok(data_set) = DataSet::from_json(&value) else { return };
    let told = data_set.to_json();
    assert_eq!(DataSet::from_json(&told).map(|again| again.to_json()).as_ref(), Ok(&told));
    write_and_read(&data_set);
    let _ = workitem::check_new(&data_set);
    let _ = workitem::check_changes(&data_set);
    let _ = workitem::searched_values(&data_set);
}

pub fn jsons() -> Vec<Vec<u8>> {
    vec![
        br#"{"00100010":{"vr":"PN","Value":[{"Alphabetic":"A^B","Ideographic":"C"},null]},"00280010":{"vr":"US","Value":[5]}}"#
            .to_vec(),
        br#"{"00741000":{"vr":"CS","Value":["SCHEDULED"]},"00404018":{"vr":"SQ","Value":[{"00080100":{"vr":"SH","Value":["1"]}}]},
            "00186060":{"vr":"FL","Value":[1.5e3,-2]},"00091001":{"vr":"AT","Value":["00080018"]}}"#
            .to_vec(),
    ]
}

//! Rows of QIDO-RS answers (PS3.18 Tables 10.6.3-3 to 10.6.3-5), as the index knows them.

use super::{instance_url, series_url, study_url};
use lightbox_dicom::json::DatasetJson;
use lightbox_store::{StoredInstance, StoredSeries, StoredStudy};

/// Adds the attributes of a study.
pub(super) fn with_study(row: DatasetJson, origin: &str, study: &StoredStudy) -> DatasetJson {
    let attributes = &study.attributes;
    let patient = &attributes.patient;
    row.text("00080005", "CS", "ISO_IR 192")
        .text("00080020", "DA", &attributes.study_date)
        .text("00080030", "TM", &attributes.study_time)
        .text("00080050", "SH", &attributes.accession_number)
        .text("00080056", "CS", "ONLINE")
        .texts("00080061", "CS", study.modalities.iter().map(String::as_str))
        .person_name("00080090", &attributes.referring_physician_name)
        .text("00081030", "LO", &attributes.study_description)
        .text("00081190", "UR", &study_url(origin, &attributes.study_instance_uid))
        .person_name("00100010", &patient.name)
        .text("00100020", "LO", &patient.key.id)
        .text("00100021", "LO", &patient.key.issuer)
        .text("00100030", "DA", &patient.birth_date)
        .text("00100040", "CS", &patient.sex)
        .text("0020000D", "UI", attributes.study_instance_uid.as_str())
        .text("00200010", "SH", &attributes.study_id)
        .number("00201206", "IS", study.series_count)
        .number("00201208", "IS", study.instance_count)
}

/// Adds the attributes of a series.
pub(super) fn with_series(row: DatasetJson, origin: &str, series: &StoredSeries) -> DatasetJson {
    let url = series_url(origin, &series.study_instance_uid, &series.series_instance_uid);
    let row = row
        .text("00080060", "CS", &series.modality)
        .text("0008103E", "LO", &series.series_description)
        .text("00081190", "UR", &url)
        .text("00180015", "CS", &series.body_part_examined)
        .text("0020000E", "UI", series.series_instance_uid.as_str())
        .number("00201209", "IS", series.instance_count);
    with_number(row, "00200011", "IS", series.series_number)
}

/// Adds the attributes of an instance.
pub(super) fn with_instance(row: DatasetJson, origin: &str, instance: &StoredInstance) -> DatasetJson {
    let (study, series) = (&instance.study_instance_uid, &instance.series_instance_uid);
    let row = row
        .text("00080016", "UI", instance.sop_class_uid.as_str())
        .text("00080018", "UI", instance.sop_instance_uid.as_str())
        .text("00080056", "CS", "ONLINE")
        .text("00081190", "UR", &instance_url(origin, study, series, &instance.sop_instance_uid))
        .text("00083002", "UI", instance.transfer_syntax_uid.as_str());
    let row = with_number(row, "00200013", "IS", instance.instance_number);
    let row = with_number(row, "00280010", "US", instance.rows);
    let row = with_number(row, "00280011", "US", instance.columns);
    with_number(row, "00280008", "IS", (instance.frames > 1).then_some(instance.frames))
}

fn with_number(row: DatasetJson, tag: &str, vr: &str, number: Option<i64>) -> DatasetJson {
    match number {
        Some(number) => row.number(tag, vr, number),
        None => row,
    }
}

//! Rows of QIDO-RS answers (PS3.18 Tables 10.6.3-3 to 10.6.3-5), as the index knows them.

use super::query::Include;
use super::{instance_url, series_url, study_url};
use lightbox_dicom::DatasetJson;
use lightbox_domain::{Attribute, Level, Uid, UidError};
use lightbox_store::Found;

/// One row: the attributes that the index keeps of it, and where it can be retrieved.
///
/// # Errors
/// When the index holds no UID where one must be.
pub(super) fn row(found: &Found, level: Level, include: &Include, origin: &str) -> Result<DatasetJson, UidError> {
    let mut row = DatasetJson::new().text("00080005", "CS", "ISO_IR 192").text("00080056", "CS", "ONLINE").text(
        "00081190",
        "UR",
        &url(found, level, origin)?,
    );
    let mut request = DatasetJson::new();
    for (attribute, value) in found.values().filter(|(attribute, _)| include.gives(attribute)) {
        match attribute.sequence {
            Some(_) if value.is_empty() => {}
            Some(_) => request = with_value(request, attribute, value),
            // One frame is the same as none said.
            None if attribute.keyword == "NumberOfFrames" && matches!(value, "0" | "1") => {}
            None if value.is_empty() && attribute.is_number() => {}
            None => row = with_value(row, attribute, value),
        }
    }
    Ok(if request.is_empty() { row } else { row.items("00400275", [request]) })
}

fn with_value(row: DatasetJson, attribute: &Attribute, value: &str) -> DatasetJson {
    let tag = format!("{:08X}", attribute.tag);
    match value.parse::<i64>() {
        Ok(number) if attribute.is_number() => row.number(&tag, &attribute.vr, number),
        _ if attribute.is_name() => row.person_name(&tag, value),
        _ => row.texts(&tag, &attribute.vr, value.split('\\')),
    }
}

fn url(found: &Found, level: Level, origin: &str) -> Result<String, UidError> {
    let uid = |keyword| Uid::parse(found.text(keyword));
    let study = uid("StudyInstanceUID")?;
    Ok(match level {
        Level::Patient | Level::Study => study_url(origin, &study),
        Level::Series => series_url(origin, &study, &uid("SeriesInstanceUID")?),
        Level::Instance => instance_url(origin, &study, &uid("SeriesInstanceUID")?, &uid("SOPInstanceUID")?),
    })
}

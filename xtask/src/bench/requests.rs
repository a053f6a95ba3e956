//! The requests that clients of an archive make: searches (QIDO-RS) and retrievals (WADO-RS), each over many studies.

use anyhow::{Context, Result, bail};
use serde_json::Value;

use super::corpus::Study;
use super::web::{DICOM_JSON, Web};

/// How many studies a request goes round.
const STUDIES_MAX: usize = 500;
/// How many instances a request goes round.
const INSTANCES_MAX: usize = 2_000;
/// How many of its paths are compared between servers.
const PATHS_COMPARED: usize = 5;
const DICOM: &str = "multipart/related; type=\"application/dicom\"; transfer-syntax=*";
const OCTETS: &str = "multipart/related; type=\"application/octet-stream\"; transfer-syntax=*";

/// One kind of request.
pub struct Request {
    /// As it is called in measures.
    pub name: &'static str,
    /// The `Accept` header.
    pub accept: &'static str,
    /// Below the root of DICOMweb.
    pub paths: Vec<String>,
}

/// The searches of PACS clients: a patient, an order, a week, a name being typed, the first page, what a study holds.
pub fn searches(studies: &[Study]) -> Vec<Request> {
    let some: Vec<_> = studies.iter().step_by(studies.len().div_ceil(STUDIES_MAX)).collect();
    let each = |path: &dyn Fn(&Study) -> String| some.iter().map(|study| path(study)).collect();
    let request = |name, paths| Request { name, accept: DICOM_JSON, paths };
    vec![
        request("patient", each(&|study| format!("/studies?PatientID={}", study.patient_id))),
        request("accession", each(&|study| format!("/studies?AccessionNumber={}", study.accession_number))),
        request("date-range", each(&|study| format!("/studies?StudyDate={}", week(&study.date)))),
        request("name-prefix", each(&|study| format!("/studies?PatientName={}*&limit=25", family_name(study)))),
        request("first-page", vec!["/studies?limit=100".to_owned()]),
        request("study-instances", each(&|study| format!("/studies/{}/instances", study.uid))),
    ]
}

/// The same, but those whose answers grow with the archive are limited: their time must not grow.
pub fn bounded_searches(studies: &[Study]) -> Vec<Request> {
    let mut requests = searches(studies);
    for request in &mut requests {
        if request.name == "date-range" {
            request.paths.iter_mut().for_each(|path| path.push_str("&limit=25"));
        }
    }
    requests
}

/// What viewers fetch: a study, an instance, a frame, a picture, and metadata of a study and of an instance.
pub fn retrievals(studies: &[Study]) -> Vec<Request> {
    let each_study = |rest: &str| studies.iter().map(|study| format!("/studies/{}{rest}", study.uid)).collect();
    let instances = instances(studies);
    let each = |rest: &str| instances.iter().map(|instance| format!("{instance}{rest}")).collect();
    let request = |name, accept, paths| Request { name, accept, paths };
    vec![
        request("study", DICOM, each_study("")),
        request("instance", DICOM, each("")),
        request("frame", OCTETS, each("/frames/1")),
        request("rendered", "image/jpeg", each("/rendered")),
        request("study-metadata", DICOM_JSON, each_study("/metadata")),
        request("instance-metadata", DICOM_JSON, each("/metadata")),
    ]
}

/// The paths of instances, in such an order that neighbours are of different studies.
fn instances(studies: &[Study]) -> Vec<String> {
    let paths = |study: &Study| -> Vec<String> {
        let of_series =
            study.series.iter().flat_map(|series| series.instances.iter().map(move |uid| (&series.uid, uid)));
        of_series.map(|(series, uid)| format!("/studies/{}/series/{series}/instances/{uid}", study.uid)).collect()
    };
    let by_study: Vec<_> = studies.iter().map(paths).collect();
    let longest = by_study.iter().map(Vec::len).max().unwrap_or_default();
    let in_turn = (0..longest).flat_map(|at| by_study.iter().filter_map(move |paths| paths.get(at)));
    in_turn.take(INSTANCES_MAX).cloned().collect()
}

/// Seven days within the month of that day.
fn week(date: &str) -> String {
    let (month, day) = date.split_at(6);
    let first = day.parse::<u32>().unwrap_or(1).min(22);
    format!("{month}{first:02}-{month}{:02}", first + 6)
}

fn family_name(study: &Study) -> &str {
    study.patient_name.split('^').next().unwrap_or_default()
}

/// Asks all servers for some of the paths. Fails unless all give equally many matches, parts or pictures, and some.
pub fn compare(servers: &[&Web], request: &Request) -> Result<()> {
    for path in request.paths.iter().step_by(request.paths.len().div_ceil(PATHS_COMPARED)) {
        let mut counts = Vec::new();
        for server in servers {
            let answer = server.get(path, request.accept)?;
            let count = count(&answer.media_type, &answer.body);
            counts.push(count.with_context(|| format!("GET {path} from {}", server.origin))?);
        }
        if counts.iter().any(|count| *count != counts[0] || *count == 0) {
            bail!("the servers do not agree on {path}: they give {counts:?}");
        }
    }
    Ok(())
}

/// How many things an answer holds.
fn count(media_type: &str, body: &[u8]) -> Result<usize> {
    if media_type.contains("json") {
        let json: Value = serde_json::from_slice(body).context("an answer is no JSON")?;
        return json.as_array().map(Vec::len).context("an answer is no list");
    }
    if media_type.starts_with("multipart/related") {
        let boundary = media_type.split(';').find_map(|word| word.trim().strip_prefix("boundary="));
        let delimiter = format!("--{}", boundary.context("a multipart answer has no boundary")?.trim_matches('"'));
        let delimiters = memchr::memmem::find_iter(body, &delimiter).count();
        // The last one closes the body.
        return Ok(delimiters.saturating_sub(1));
    }
    if media_type.starts_with("image/jpeg") && body.starts_with(&[0xFF, 0xD8]) {
        return Ok(1);
    }
    bail!("an answer is of type {media_type}")
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::bench::corpus::{Kind, Plan};

    #[test]
    fn a_week_stays_within_its_month() {
        assert_eq!(week("20240105"), "20240105-20240111");
        assert_eq!(week("20240228"), "20240222-20240228");
    }

    #[test]
    fn matches_parts_and_pictures_are_counted() {
        let check =
            |media_type, body: &str, expected| assert_eq!(count(media_type, body.as_bytes()).unwrap(), expected);
        check("application/dicom+json", "[{}, {}]", 2);
        let multipart = "--x\r\n\r\none\r\n--x\r\n\r\ntwo\r\n--x--\r\n";
        check("multipart/related; type=application/dicom; boundary=x", multipart, 2);
        check("multipart/related; boundary=\"x\"; type=\"application/dicom\"", multipart, 2);
        assert_eq!(count("image/jpeg", &[0xFF, 0xD8, 0xFF]).unwrap(), 1);
        assert!(count("text/html", b"<html>").is_err());
        assert!(count("application/json", b"{}").is_err());
    }

    #[test]
    fn neighbouring_instances_are_of_different_studies() {
        let plan = Plan { kind: Kind::Grain, studies: 3, series: 2, instances: 2 };
        let studies: Vec<_> = (0..3).map(|number| Study::new(&plan, number)).collect();
        let paths = instances(&studies);
        assert_eq!(paths.len(), 12);
        let study = |path: &String| path.split('/').nth(2).unwrap().to_owned();
        assert!(paths.windows(2).all(|pair| study(&pair[0]) != study(&pair[1])));
    }
}

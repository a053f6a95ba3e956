//! The names of things in a timeline's sentences.

use super::told::Told;
use lightbox_domain::{Finding, ResultKind, Run};
use lightbox_store::StoredSeries;

/// Who, as a reader knows them: `CT1` for `peer:CT1`, `ada` for `upload:ada`.
pub(super) fn actor_words(label: &str) -> String {
    match label.split_once(':') {
        Some((_, name)) => name.to_owned(),
        None if label == "lightbox" => "Lightbox".to_owned(),
        None => label.to_owned(),
    }
}

/// From where instances came: `CT1`, `an upload by ada`, `an import`.
pub(super) fn source_words(label: &str) -> String {
    match label.split_once(':') {
        Some(("upload", account)) => format!("an upload by {account}"),
        Some((_, name)) => name.to_owned(),
        None => format!("an {label}"),
    }
}

/// `DX series 1`, as far as it is known.
pub(super) fn series_words(series: &[StoredSeries], uid: &str) -> String {
    let Some(known) = series.iter().find(|one| one.series_instance_uid.as_str() == uid) else {
        return "a series".to_owned();
    };
    let number = known.series_number.map(|number| format!(" {number}")).unwrap_or_default();
    format!("{} series{number}", known.modality).trim_start().to_owned()
}

/// `12 instances`, `1 instance`.
pub(super) fn instances_words(count: usize) -> String {
    match count {
        1 => "1 instance".to_owned(),
        more => format!("{more} instances"),
    }
}

/// An app and its release.
pub(super) fn app_words(told: &Told, deployment_id: &str) -> String {
    match told.deployments.deployment(deployment_id) {
        Some(deployment) => format!("{} {}", deployment.manifest.app.name, deployment.manifest.app.release),
        None => "an app that is gone".to_owned(),
    }
}

pub(super) const fn result_words(kind: ResultKind) -> &'static str {
    match kind {
        ResultKind::Report => "structured report",
        ResultKind::MapCapture => "map over the image",
    }
}

/// The result with this SOP Instance UID, and whose it is.
pub(super) fn result_of(told: &Told, run: Option<&Run>, sop_instance_uid: &str) -> String {
    let results = told.runs.iter().flat_map(|(_, results)| results);
    let kind = results.filter(|one| one.sop_instance_uid.as_str() == sop_instance_uid).map(|one| one.kind).next();
    let what = kind.map_or("result", result_words);
    match run {
        Some(run) => format!("the {what} of {}", app_words(told, &run.deployment_id)),
        None => format!("a {what}"),
    }
}

/// What a finished run says: `found Pneumonia (0.91, threshold 0.50)`.
pub(super) fn findings_words(findings: &[Finding]) -> String {
    let says = |finding: &Finding| {
        format!("{} ({:.2}, threshold {:.2})", finding.code.meaning, finding.score, finding.threshold)
    };
    let (found, rest): (Vec<&Finding>, Vec<&Finding>) = findings.iter().partition(|finding| finding.positive());
    let list = |some: &[&Finding]| some.iter().map(|one| says(one)).collect::<Vec<_>>().join(", ");
    match (found.is_empty(), rest.is_empty()) {
        (false, _) => format!("found {}", list(&found)),
        (true, false) => format!("found nothing: {}", list(&rest)),
        (true, true) => "has nothing to say".to_owned(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn actors_and_sources_are_named_as_people_know_them() {
        for (label, actor, source) in
            [("peer:CT1", "CT1", "CT1"), ("upload:ada", "ada", "an upload by ada"), ("import", "import", "an import")]
        {
            assert_eq!((actor_words(label).as_str(), source_words(label).as_str()), (actor, source));
        }
        assert_eq!(actor_words("lightbox"), "Lightbox");
    }
}

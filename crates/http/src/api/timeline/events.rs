//! Steps of what only the log tells: what arrived, what people ordered, what was deleted, and failures that were mended.

use super::told::Told;
use super::words::{actor_words, app_words, instances_words, result_of, series_words, source_words};
use super::{Draft, ReplayRequest, ReplayStep, StepKind, StepOutcome};
use lightbox_domain::{Job, RunState};
use lightbox_store::LogLine;
use serde_json::Value;
use std::collections::HashMap;

/// Arrivals of one series from one source are one step while no more than so long passes between them, in milliseconds.
const ARRIVAL_GAP_MS_MAX: i64 = 60_000;

/// One step for each burst of arrivals, and one for each time that the apps were asked about a series meanwhile.
pub(super) fn steps_of_arrivals(told: &Told) -> Vec<Draft> {
    let mut bursts: Vec<Burst> = Vec::new();
    let mut open: HashMap<(&str, &str, &str), usize> = HashMap::new();
    for line in &told.lines {
        let is_arrival = line.action == "instance.stored" && !line.actor.starts_with("run:");
        if !is_arrival && line.action != "series.routed" {
            continue;
        }
        let key = (line.action.as_str(), line.object_id.as_str(), line.actor.as_str());
        let count = if is_arrival { instances_of(line) } else { 0 };
        match open.get(&key).map(|place| &mut bursts[*place]) {
            Some(burst) if line.at_ms - burst.until_ms <= ARRIVAL_GAP_MS_MAX => {
                burst.until_ms = line.at_ms;
                burst.count += count;
            }
            _ => {
                open.insert(key, bursts.len());
                bursts.push(Burst { first: line, until_ms: line.at_ms, count });
            }
        }
    }
    let last_routed = bursts.iter().rposition(|burst| burst.first.action == "series.routed");
    let steps = bursts.iter().enumerate().map(|(place, burst)| burst.step(told, last_routed == Some(place)));
    let mut steps: Vec<Draft> = steps.chain(steps_of_unasked(told, &bursts)).collect();
    if last_routed.is_none()
        && let Some(last) = steps.iter_mut().rfind(|step| step.kind == StepKind::Routed)
    {
        last.replay = Some(ASK_ALL);
    }
    steps
}

/// What has every app asked about the study again.
const ASK_ALL: ReplayRequest = ReplayRequest { step: ReplayStep::Route, id: None };

/// Series that arrived while no app was at work: nothing waits then, and the log has no line of it.
fn steps_of_unasked(told: &Told, bursts: &[Burst]) -> Vec<Draft> {
    let is_of =
        |burst: &Burst, action: &str, series: &str| burst.first.action == action && burst.first.object_id == series;
    let unasked = told.series.iter().filter_map(|series| {
        let uid = series.series_instance_uid.as_str();
        let arrived = bursts.iter().rfind(|burst| is_of(burst, "instance.stored", uid))?;
        let asked = bursts.iter().any(|burst| is_of(burst, "series.routed", uid));
        let waits = told
            .jobs
            .iter()
            .any(|left| matches!(&left.job, Job::Route { series_instance_uid, .. } if series_instance_uid == uid));
        let sentence = format!("No app was at work to be asked about {}.", series_words(&told.series, uid));
        (!asked && !waits).then(|| Draft::new(arrived.until_ms, StepKind::Routed, sentence, ("series", uid)))
    });
    unasked.collect()
}

/// Lines of one series and source that follow each other closely.
struct Burst<'a> {
    first: &'a LogLine,
    until_ms: i64,
    count: usize,
}

impl Burst<'_> {
    fn step(&self, told: &Told, is_last_routed: bool) -> Draft {
        let (line, series) = (self.first, self.first.object_id.as_str());
        let series_is = series_words(&told.series, series);
        let draft =
            |kind, sentence| Draft::new(line.at_ms, kind, sentence, ("series", series)).until(Some(self.until_ms));
        if line.action == "series.routed" {
            let draft = draft(StepKind::Routed, format!("Asked every app about {series_is}."));
            let replay = is_last_routed.then_some(ASK_ALL);
            return Draft { replay, at_ms: asked_ms(told, line), ..draft };
        }
        let (count, source) = (instances_words(self.count), source_words(&line.actor));
        let draft = draft(StepKind::Received, format!("Received {count} of {series_is} from {source}."));
        let draft = draft.by(actor_words(&line.actor));
        let is_there = told.series.iter().any(|known| known.series_instance_uid.as_str() == series);
        if is_there { draft.replay(ReplayStep::Describe, series) } else { draft }
    }
}

/// When the apps were asked: the line comes after what they answered.
fn asked_ms(told: &Told, line: &LogLine) -> i64 {
    /// An answer that is older is to an earlier question, in milliseconds.
    const ANSWER_MS_MAX: i64 = 5_000;
    let of_series = told.decisions.iter().filter(|one| one.series_instance_uid.as_str() == line.object_id);
    let answered = of_series.map(|one| one.decided_ms);
    answered.filter(|ms| (line.at_ms - ANSWER_MS_MAX..line.at_ms).contains(ms)).min().unwrap_or(line.at_ms)
}

fn instances_of(line: &LogLine) -> usize {
    detail(line)["instances"].as_array().map_or(1, Vec::len)
}

fn detail(line: &LogLine) -> Value {
    serde_json::from_str(&line.detail).unwrap_or_default()
}

/// What a line tells that no row and no burst does.
pub(super) fn step_of_line(told: &Told, line: &LogLine) -> Option<Draft> {
    match line.action.as_str() {
        "instance.stored" | "series.routed" => None,
        "result.delivered" => step_of_earlier_delivery(told, line),
        action if action.starts_with("run.") => step_of_run_line(told, line),
        action if action.starts_with("delivery.") => step_of_delivery_line(told, line),
        action if action.starts_with("commitment.") => None,
        "series.unrouted" if told.jobs.iter().any(|left| left.given_up && matches!(left.job, Job::Route { .. })) => {
            None
        }
        _ => Some(step_of_other_line(told, line)),
    }
}

/// Orders about runs, and failures that were mended since; how a run stands is its own step.
fn step_of_run_line(told: &Told, line: &LogLine) -> Option<Draft> {
    let run = told.run(&line.object_id)?;
    let (app, who) = (app_words(told, &run.deployment_id), actor_words(&line.actor));
    let draft = |kind, sentence| Draft::new(line.at_ms, kind, sentence, ("run", &run.id));
    let ordered = |sentence| Some(draft(StepKind::Ordered, sentence).by(who.clone()));
    match line.action.as_str() {
        "run.failed" if run.state != RunState::Failed || run.reason != line.outcome => {
            Some(draft(StepKind::Run, format!("{app} failed.")).by(app).ended(StepOutcome::Problem, &line.outcome))
        }
        "run.unpublished" => {
            let sentence = format!("The report of {app} could not be published again; the first one stands.");
            Some(draft(StepKind::Published, sentence).ended(StepOutcome::Problem, &line.outcome))
        }
        "run.retried" => ordered(format!("{who} had {app} tried again.")),
        "run.published_again" => ordered(format!("{who} had the report of {app} published again.")),
        "run.explained_again" => ordered(format!("{who} had the map of {app} made again.")),
        "run.overridden" => {
            let reason = detail(line)["reason"].as_str().unwrap_or_default().to_owned();
            ordered(format!("{who} had {app} run outside its intended use."))
                .map(|draft| draft.ended(StepOutcome::Ok, &reason))
        }
        _ => None,
    }
}

/// A delivery that was ordered again since; the last one is its row's to tell.
fn step_of_earlier_delivery(told: &Told, line: &LogLine) -> Option<Draft> {
    let one = &told.delivery(detail(line)["delivery"].as_str()?)?.delivery;
    if one.delivered_ms.is_some_and(|delivered_ms| line.at_ms >= delivered_ms) {
        return None;
    }
    let what = result_of(told, told.run(&one.run_id), &one.sop_instance_uid);
    let sentence = format!("Delivered {what} to {}.", one.ae_title);
    Some(Draft::new(line.at_ms, StepKind::Delivered, sentence, ("delivery", &one.id)).by(one.ae_title.clone()))
}

fn step_of_delivery_line(told: &Told, line: &LogLine) -> Option<Draft> {
    let one = &told.delivery(&line.object_id)?.delivery;
    let what = result_of(told, told.run(&one.run_id), &one.sop_instance_uid);
    let (who, peer) = (actor_words(&line.actor), &one.ae_title);
    let draft = |kind, sentence| Draft::new(line.at_ms, kind, sentence, ("delivery", &one.id));
    match line.action.as_str() {
        "delivery.ordered_again" => {
            Some(draft(StepKind::Ordered, format!("{who} had {what} delivered to {peer} once more.")).by(who))
        }
        "delivery.failed" if one.state != "failed" || one.reason != line.outcome => {
            let draft = draft(StepKind::Delivered, format!("{peer} did not get {what}.")).by(peer.clone());
            Some(draft.ended(StepOutcome::Problem, &line.outcome))
        }
        _ => None,
    }
}

/// The attributes that a correction changes, by their keywords: `PatientID and PatientName`.
fn attributes_words(line: &LogLine) -> String {
    let detail = detail(line);
    let keywords: Vec<&str> = detail["attributes"].as_array().into_iter().flatten().filter_map(Value::as_str).collect();
    match keywords.as_slice() {
        [] => "the study".to_owned(),
        [one] => (*one).to_owned(),
        [others @ .., last] => format!("{} and {last}", others.join(", ")),
    }
}

/// A sentence about what a modality lists.
fn listed_words(line: &LogLine, sentence: &str) -> String {
    let detail = detail(line);
    let listed = instances_words(usize::try_from(detail["listed"].as_u64().unwrap_or(0)).unwrap_or(usize::MAX));
    sentence.replace("{listed}", &listed).replace("{modality}", detail["modality"].as_str().unwrap_or("its modality"))
}

/// How many instances are kept in fewer bytes, and how much fewer.
fn compressed_words(line: &LogLine) -> String {
    let detail = detail(line);
    let number = |name: &str| detail[name].as_u64().unwrap_or(0);
    let instances = instances_words(usize::try_from(number("instances")).unwrap_or(usize::MAX));
    let percent = number("bytes_after").saturating_mul(100) / number("bytes_before").max(1);
    format!("Compressed {instances} without loss, to {percent} % of their size.")
}

/// How the study came to stand to the orders as it does.
fn order_words(action: &str, who: &str) -> String {
    match action {
        "study.order_matched" => "Matched the study to an order.".to_owned(),
        "study.order_linked" => format!("{who} linked the study to an order."),
        "study.order_not_needed" => format!("{who} said that the study needs no order."),
        "study.order_decision_undone" => format!("{who} took the decision about the study's order back."),
        "study.order_settled" => "Took the study out of the queue of unmatched studies.".to_owned(),
        _ => "Put the study into the queue of unmatched studies.".to_owned(),
    }
}

/// Everything else that concerns the study. What this page has no words for is told by its name in the log.
fn step_of_other_line(told: &Told, line: &LogLine) -> Draft {
    let who = actor_words(&line.actor);
    let reason = detail(line)["reason"].as_str().unwrap_or_default().to_owned();
    let (kind, sentence) = match line.action.as_str() {
        "instance.conflicted" => (
            StepKind::Conflict,
            format!("{who} sent another version of an instance that is stored; it is on the shelf."),
        ),
        "instance.refused" => {
            (StepKind::Conflict, format!("{who} sent another version of an instance that is stored, and may not."))
        }
        "conflict.kept" => (StepKind::Conflict, format!("{who} kept what is stored; the other stays on the shelf.")),
        "conflict.replaced" => (StepKind::Conflict, format!("{who} had the one on the shelf replace what was stored.")),
        "conflict.discarded" => (StepKind::Conflict, format!("{who} threw the one on the shelf away.")),
        "study.routed_again" => (StepKind::Ordered, format!("{who} had every app asked again.")),
        "series.described_again" => {
            let series = series_words(&told.series, &line.object_id);
            (StepKind::Ordered, format!("{who} had the metadata of {series} gathered again."))
        }
        "series.unrouted" => (StepKind::Routed, "A series could not be shown to the apps.".to_owned()),
        "rejection.applied" => (StepKind::Deleted, format!("{who} sent a rejection note; what it names is hidden.")),
        "rejection.failed" => (StepKind::Deleted, "A rejection note could not be applied.".to_owned()),
        "instances.deleted" => (StepKind::Deleted, format!("{who} deleted some of the study.")),
        "instances.undeleted" => (StepKind::Deleted, format!("{who} brought back what was deleted.")),
        "instances.returned" => (StepKind::Deleted, format!("{who} sent again what was deleted, and it is back.")),
        "instances.still_deleted" => (StepKind::Deleted, format!("{who} sent again what is deleted; it stays so.")),
        "instances.purged" => (StepKind::Deleted, "What was deleted is removed from the disk.".to_owned()),
        "study.corrected" => (StepKind::Corrected, format!("{who} corrected {}.", attributes_words(line))),
        "study.correction_undone" => {
            (StepKind::Corrected, format!("{who} took the correction of {} back.", attributes_words(line)))
        }
        "patient.merged" => (StepKind::Corrected, format!("{who} merged the patient into another.")),
        "patient.merge_undone" => (StepKind::Corrected, format!("{who} took the merge of the patient back.")),
        "study.merged_on_arrival" => (
            StepKind::Corrected,
            "The patient had been merged into another before this arrived, and so is this.".to_owned(),
        ),
        "study.unmerged" => {
            (StepKind::Corrected, "The merge of the patient could not be applied to what arrived.".to_owned())
        }
        "instances.compressed" => (StepKind::Other, compressed_words(line)),
        action if action.starts_with("study.order_") => (StepKind::Matched, order_words(action, &who)),
        "study.match_failed" => (StepKind::Matched, "The study could not be matched with the orders.".to_owned()),
        "study.exported" => (StepKind::Other, format!("{who} took the study along.")),
        "procedure_step.began" => (StepKind::Other, format!("{who} began a procedure step.")),
        "procedure_step.received" => {
            (StepKind::Other, listed_words(line, "All that {modality} lists is here: {listed}."))
        }
        "procedure_step.incomplete" => {
            (StepKind::Other, listed_words(line, "Of {listed} that {modality} lists, some have not come."))
        }
        "procedure_step.ended" => (StepKind::Other, format!("{who} ended a procedure step.")),
        other => (StepKind::Other, format!("{who}: {}.", other.replace(['.', '_'], " "))),
    };
    let object_kind = match line.object_kind.as_str() {
        "series" => "series",
        "instance" => "instance",
        "deletion" => "deletion",
        "correction" => "correction",
        _ => "study",
    };
    let draft = Draft::new(line.at_ms, kind, sentence, (object_kind, &line.object_id)).by(who);
    match line.outcome.as_str() {
        "ok" => draft.ended(StepOutcome::Ok, &reason),
        why => draft.ended(StepOutcome::Problem, why),
    }
}

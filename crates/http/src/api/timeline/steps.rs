//! Steps of what a study's rows and lines tell.

use super::events::{step_of_line, steps_of_arrivals};
use super::told::Told;
use super::words::{app_words, findings_words, instances_words, result_of, result_words, series_words};
use super::{Draft, ReplayStep, StepKind, StepOutcome};
use lightbox_domain::{Decision, Job, MapState, Outcome, Run, RunState};
use lightbox_store::{LeftJob, StoredResult, TracedCommitment, TracedDelivery};
use std::collections::{BTreeMap, HashSet};

/// All steps, in no order.
pub(super) fn steps_of(told: &Told) -> Vec<Draft> {
    let mut steps = steps_of_arrivals(told);
    steps.extend(told.lines.iter().filter_map(|line| step_of_line(told, line)));
    steps.extend(steps_of_decisions(told));
    let outside = outside_intended_use(&told.decisions);
    for (run, results) in &told.runs {
        let is_told = outside.contains(&(run.deployment_id.as_str(), run.sop_instance_uid.as_str()));
        if run.state != RunState::Rejected || !is_told {
            steps.push(step_of_run(told, run));
        }
        steps.extend(steps_of_results(told, run, results));
    }
    for traced in &told.deliveries {
        steps.push(step_of_delivery(told, traced));
        steps.extend(traced.commitment.as_ref().and_then(|asked| step_of_commitment(told, traced, asked)));
    }
    steps.extend(told.jobs.iter().filter_map(|left| step_of_job(told, left)));
    steps
}

/// Deployments and the instances on which they did not run because of what they are meant for.
fn outside_intended_use(decisions: &[Decision]) -> HashSet<(&str, &str)> {
    let outside = decisions.iter().filter(|one| one.outcome == Outcome::OutsideIntendedUse);
    outside.map(|one| (one.deployment_id.as_str(), one.sop_instance_uid.as_str())).collect()
}

/// One step for what a deployment decided alike about instances of a series.
fn steps_of_decisions(told: &Told) -> Vec<Draft> {
    let mut alike: BTreeMap<(&str, &str, &str, &str), Vec<&Decision>> = BTreeMap::new();
    for one in &told.decisions {
        let key =
            (one.deployment_id.as_str(), one.series_instance_uid.as_str(), one.outcome.as_str(), one.reason.as_str());
        alike.entry(key).or_default().push(one);
    }
    let step = |((deployment, series, _, reason), group): ((&str, &str, &str, &str), Vec<&Decision>)| {
        let (app, series_is) = (app_words(told, deployment), series_words(&told.series, series));
        let first = group.first()?;
        let count = instances_words(group.len());
        let (sentence, outcome) = match first.outcome {
            Outcome::Matched => (format!("{app} applies to {count} of {series_is}."), StepOutcome::Ok),
            Outcome::NotApplicable => (format!("{app} does not apply to {series_is}."), StepOutcome::Ok),
            Outcome::OutsideIntendedUse => {
                let sentence = format!("{app} did not run on {count} of {series_is}, which it is not meant for.");
                (sentence, StepOutcome::Problem)
            }
        };
        let draft = Draft::new(first.decided_ms, StepKind::Decision, sentence, ("series", series));
        Some(draft.ended(outcome, reason).by(app))
    };
    alike.into_iter().filter_map(step).collect()
}

fn step_of_run(told: &Told, run: &Run) -> Draft {
    let app = app_words(told, &run.deployment_id);
    let at_ms = told.ordered_ms("run.retried", &run.id).unwrap_or(run.queued_ms);
    let draft = |sentence: String| Draft::new(at_ms, StepKind::Run, sentence, ("run", &run.id)).by(app.clone());
    match run.state {
        RunState::Queued => {
            let waits = draft(format!("{app} waits to run.")).ended(StepOutcome::Waiting, &run.reason);
            Draft { next_ms: next_of(told.left(&Job::Run { run_id: run.id.clone() })), ..waits }
        }
        RunState::Running => draft(format!("{app} is running.")).ended(StepOutcome::Waiting, ""),
        RunState::Publishing => draft(format!("{app} {}; its report is being written.", findings_words(&run.findings)))
            .ended(StepOutcome::Waiting, ""),
        RunState::Finished => draft(format!("{app} ran and {}.", findings_words(&run.findings)))
            .until(run.finished_ms)
            .replay(ReplayStep::Publish, &run.id),
        RunState::Rejected => draft(format!("{app} did not run.")).ended(StepOutcome::Problem, &run.reason),
        RunState::Failed => draft(format!("{app} failed."))
            .until(run.finished_ms)
            .ended(StepOutcome::Problem, &run.reason)
            .replay(ReplayStep::Run, &run.id),
    }
}

/// What a run stored, and that its map could not be made.
fn steps_of_results(told: &Told, run: &Run, results: &[StoredResult]) -> Vec<Draft> {
    let app = app_words(told, &run.deployment_id);
    let stored = results.iter().map(|result| {
        let sentence = format!("Stored the {} of {app} in the study.", result_words(result.kind));
        Draft::new(result.stored_ms, StepKind::Published, sentence, ("instance", result.sop_instance_uid.as_str()))
    });
    let mut steps: Vec<Draft> = stored.collect();
    if run.map_state == MapState::Failed {
        let at_ms = run.finished_ms.unwrap_or(run.queued_ms);
        let sentence = format!("The map of {app} could not be made; what it found stands.");
        let reason = told.lines.iter().rev().find(|line| line.action == "run.unexplained" && line.object_id == run.id);
        let draft = Draft::new(at_ms, StepKind::Run, sentence, ("run", &run.id)).by(app);
        let reason = reason.map_or("", |line| line.outcome.as_str());
        steps.push(draft.ended(StepOutcome::Problem, reason).replay(ReplayStep::Explain, &run.id));
    }
    steps
}

fn step_of_delivery(told: &Told, traced: &TracedDelivery) -> Draft {
    let one = &traced.delivery;
    let what = result_of(told, told.run(&one.run_id), &one.sop_instance_uid);
    let draft = |sentence: String| {
        let at_ms = told.ordered_ms("delivery.ordered_again", &one.id).unwrap_or(traced.created_ms);
        Draft::new(at_ms, StepKind::Delivered, sentence, ("delivery", &one.id))
            .until(one.delivered_ms)
            .by(one.ae_title.clone())
    };
    match one.state.as_str() {
        "delivered" => draft(format!("Delivered {what} to {}.", one.ae_title)).replay(ReplayStep::Deliver, &one.id),
        "failed" => draft(format!("{} did not get {what}.", one.ae_title))
            .ended(StepOutcome::Problem, &one.reason)
            .replay(ReplayStep::Deliver, &one.id),
        _ => {
            let left = told.left(&Job::Deliver { delivery_id: one.id.clone() });
            let waits = draft(format!("{} waits to be taken to {}.", capital(&what), one.ae_title));
            let waits = waits.ended(StepOutcome::Waiting, left.map_or("", |left| left.last_error.as_str()));
            Draft { next_ms: next_of(left), ..waits }
        }
    }
}

fn step_of_commitment(told: &Told, traced: &TracedDelivery, asked: &TracedCommitment) -> Option<Draft> {
    let one = &traced.delivery;
    let what = result_of(told, told.run(&one.run_id), &one.sop_instance_uid);
    let peer = &one.ae_title;
    let draft = |at_ms: i64, sentence: String| {
        Draft::new(at_ms, StepKind::Committed, sentence, ("delivery", &one.id)).by(peer.clone())
    };
    match (asked.state.as_str(), asked.answered_ms) {
        ("committed", Some(at_ms)) => Some(draft(at_ms, format!("{peer} committed to keep {what}."))),
        ("refused", Some(at_ms)) => {
            let draft = draft(at_ms, format!("{peer} did not commit to keep {what}."));
            Some(draft.ended(StepOutcome::Problem, &asked.reason).replay(ReplayStep::Deliver, &one.id))
        }
        _ => {
            let left = told.left(&Job::AskCommitment { delivery_id: one.id.clone() });
            let at_ms = one.delivered_ms.unwrap_or(traced.created_ms);
            let waits = draft(at_ms, format!("{peer} has not said yet whether it keeps {what}."));
            let waits = waits.ended(StepOutcome::Waiting, left.map_or("", |left| left.last_error.as_str()));
            Some(Draft { next_ms: next_of(left), ..waits })
        }
    }
}

/// A job that is no run's or delivery's, whose own steps tell of them. What is deleted is purged on a day that the page of
/// deletions names.
fn step_of_job(told: &Told, left: &LeftJob) -> Option<Draft> {
    let (sentence, object, replay) = match &left.job {
        Job::Route { series_instance_uid: series, .. } => {
            let sentence = format!("{} waits to be shown to the apps.", capital(&series_words(&told.series, series)));
            (sentence, ("series", series), Some(ReplayStep::Route))
        }
        Job::Describe { series_instance_uid: series, .. } => {
            let sentence = format!("The metadata of {} are to be gathered.", series_words(&told.series, series));
            (sentence, ("series", series), Some(ReplayStep::Describe))
        }
        Job::Reject { sop_instance_uid: note } => {
            ("A rejection note waits to be applied.".to_owned(), ("instance", note), None)
        }
        _ => return None,
    };
    let draft = Draft::new(left.due_ms, StepKind::Waiting, sentence, (object.0, object.1));
    Some(match (left.given_up, replay) {
        (true, Some(step)) => draft.ended(StepOutcome::Problem, &left.last_error).replay(step, object.1),
        (true, None) => draft.ended(StepOutcome::Problem, &left.last_error),
        (false, _) => Draft { next_ms: next_of(Some(left)), ..draft.ended(StepOutcome::Waiting, &left.last_error) },
    })
}

/// When a job is tried next, if it failed before.
fn next_of(left: Option<&LeftJob>) -> Option<i64> {
    left.filter(|left| !left.given_up && !left.last_error.is_empty()).map(|left| left.due_ms)
}

/// The same with a capital, at the start of a sentence.
pub(super) fn capital(text: &str) -> String {
    let mut letters = text.chars();
    letters.next().map(|first| first.to_uppercase().chain(letters).collect()).unwrap_or_default()
}

//! What a modality lists that it made, as evidence that a study is complete: the best there is (PS3.4 §F.7.2.2).

use crate::JobError;
use lightbox_domain::{Event, Job, Limits};
use lightbox_store::{ListedSeries, ProcedureStep, Store, now_ms};

/// How soon after one look at what is missing the next one comes, at least and at most, in milliseconds.
const LOOK_MS: [i64; 2] = [500, 3_600 * 1_000];

/// What did not come in so long will not, in milliseconds.
const LOOKING_MS_MAX: i64 = 7 * 24 * 3_600 * 1_000;

/// Compares what an ended step lists with what was received. A series of which all is here need not settle first; a step of
/// which something is missing is looked at again, and is called incomplete once `listed_wait_seconds_max` have passed.
///
/// # Errors
/// When the database refuses.
pub async fn check_step(store: &Store, limits: &Limits, sop_instance_uid: &str) -> Result<(), JobError> {
    let step = store.procedure_step(sop_instance_uid).await?.filter(ProcedureStep::has_ended);
    let Some(step) = step.filter(|step| !step.instances().is_empty()) else { return Ok(()) };
    let series = store.received_of(&step).await?;
    let waited_ms = now_ms() - step.updated_ms;
    let is_late = waited_ms >= limits.listed_wait_seconds_max.saturating_mul(1_000);
    let missing = missing_of(&series);
    let mut write = store.write().await?;
    for complete in series.iter().filter(|one| one.is_complete() && !step.series.contains(one)) {
        write.hasten(&step.study_instance_uid, &complete.series_instance_uid).await?;
    }
    write.note_received(&step.sop_instance_uid, &series, if is_late { missing } else { 0 }).await?;
    if let Some(event) = told(&step, missing, is_late) {
        write.append_event(event).await?;
    }
    if missing > 0 && waited_ms < LOOKING_MS_MAX {
        let job = Job::CheckStep { sop_instance_uid: sop_instance_uid.to_owned() };
        write.enqueue(&job, now_ms() + (waited_ms / 4).clamp(LOOK_MS[0], LOOK_MS[1])).await?;
    }
    Ok(write.commit().await?)
}

fn missing_of(series: &[ListedSeries]) -> usize {
    series.iter().map(|one| one.instances.len().saturating_sub(one.received)).sum()
}

/// The line of the log when the last listed instance has come, or something is missing for too long; each comes once.
fn told(step: &ProcedureStep, missing: usize, is_late: bool) -> Option<Event> {
    let listed = step.instances().len();
    let event = |action| {
        let detail = serde_json::json!({ "listed": listed, "missing": missing, "modality": step.ae_title });
        let event = Event::new("lightbox", action, "procedure_step", &step.sop_instance_uid);
        let event = event.detail(detail.to_string());
        if step.study_instance_uid.is_empty() { event } else { event.study(&step.study_instance_uid) }
    };
    if missing == 0 {
        return (missing_of(&step.series) > 0).then(|| event("procedure_step.received"));
    }
    let outcome = format!("{missing} of {listed} listed instances were not received");
    (is_late && step.missing == 0).then(|| event("procedure_step.incomplete").outcome(&outcome))
}

//! What people have done again: a step of a study's way, from routing to delivery. What a step made before stays, and the
//! same input gives the same bytes, so that a replay repairs and never doubles.

use crate::PipelineError;
use crate::request::retry_run;
use lightbox_domain::{Actor, Event, Job, MapState, RunState, Uid};
use lightbox_store::{Store, StoreError, Write, now_ms};

/// A step that can be done again.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Replay {
    /// Ask every deployment about the study's instances again, as after a change of deployments.
    Route,
    /// Gather the metadata of a series again.
    Describe {
        /// The series.
        series_instance_uid: String,
    },
    /// Try a failed run again.
    Run {
        /// The run.
        run_id: String,
    },
    /// Write the report of a finished run again, and order its delivery to peers that have none.
    Publish {
        /// The run.
        run_id: String,
    },
    /// Make the map of a run that could not be made.
    Explain {
        /// The run.
        run_id: String,
    },
    /// Take a result to its peer once more.
    Deliver {
        /// The delivery.
        delivery_id: String,
    },
}

/// Orders that a step of a study's way be done again; the log names who ordered it.
///
/// # Errors
/// [`PipelineError::Refused`] when the step is not in a state from which it can be done again; [`StoreError::Missing`] when
/// there is no such step in this study.
pub async fn replay(store: &Store, study: &Uid, step: &Replay, actor: &Actor) -> Result<(), PipelineError> {
    let (action, kind, id) = match step {
        Replay::Run { run_id } => return retry_run(store, run_id, actor).await,
        Replay::Route => ("study.routed_again", "study", study.as_str()),
        Replay::Describe { series_instance_uid } => ("series.described_again", "series", series_instance_uid.as_str()),
        Replay::Publish { run_id } => ("run.published_again", "run", run_id.as_str()),
        Replay::Explain { run_id } => ("run.explained_again", "run", run_id.as_str()),
        Replay::Deliver { delivery_id } => ("delivery.ordered_again", "delivery", delivery_id.as_str()),
    };
    let mut write = store.write().await?;
    match step {
        Replay::Route => route_again(&mut write, study).await?,
        Replay::Describe { series_instance_uid } => {
            describe_again(store, &mut write, study, series_instance_uid).await?;
        }
        Replay::Publish { run_id } => publish_again(&mut write, run_id).await?,
        Replay::Explain { run_id } => explain_again(&mut write, run_id).await?,
        Replay::Deliver { delivery_id } => deliver_again(&mut write, delivery_id).await?,
        Replay::Run { .. } => {}
    }
    write.append_event(Event::new(&actor.name, action, kind, id).study(study.as_str())).await?;
    Ok(write.commit().await?)
}

async fn route_again(write: &mut Write, study: &Uid) -> Result<(), PipelineError> {
    match write.route_again(study.as_str()).await? {
        0 => Err(missing("instance to route in study", study.as_str())),
        _ => Ok(write.refresh_summary(study.as_str()).await?),
    }
}

async fn describe_again(store: &Store, write: &mut Write, study: &Uid, series: &str) -> Result<(), PipelineError> {
    let known = store.series_of_study(study.as_str()).await?;
    if !known.iter().any(|one| one.series_instance_uid.as_str() == series) {
        return Err(missing("series", series));
    }
    let (study_instance_uid, series_instance_uid) = (study.to_string(), series.to_owned());
    Ok(write.enqueue(&Job::Describe { study_instance_uid, series_instance_uid }, now_ms()).await?)
}

async fn publish_again(write: &mut Write, run_id: &str) -> Result<(), PipelineError> {
    let run = write.run(run_id).await?;
    if run.state != RunState::Finished {
        let state = run.state.as_str();
        return refused(format!("run {run_id} is {state}, only a finished run can be published again"));
    }
    Ok(write.enqueue(&Job::Publish { run_id: run_id.to_owned() }, now_ms()).await?)
}

async fn explain_again(write: &mut Write, run_id: &str) -> Result<(), PipelineError> {
    let run = write.run(run_id).await?;
    if run.state != RunState::Finished || run.map_state != MapState::Failed {
        return refused(format!("the map of run {run_id} did not fail"));
    }
    write.order_map_again(run_id).await?;
    Ok(write.enqueue(&Job::Explain { run_id: run_id.to_owned() }, now_ms()).await?)
}

async fn deliver_again(write: &mut Write, delivery_id: &str) -> Result<(), PipelineError> {
    match write.deliver_again(delivery_id).await? {
        true => Ok(()),
        false => Err(missing("delivery", delivery_id)),
    }
}

fn missing(kind: &'static str, id: &str) -> PipelineError {
    StoreError::Missing { kind, id: id.to_owned() }.into()
}

fn refused(why: String) -> Result<(), PipelineError> {
    Err(PipelineError::Refused(why))
}

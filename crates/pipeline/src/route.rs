//! Which deployments run on what has arrived, and why.

use crate::{JobError, Leaving, Pipeline, blocking};
use lightbox_dicom::Header;
use lightbox_domain::{Applicability, Decision, Deployment, Event, Job, Outcome, RunState, evaluate};
use lightbox_store::{NewRun, StoredInstance, Write, now_ms};

/// Decides for the instances of a series that no rule has looked at yet. What is decided, the runs and their jobs are
/// one transaction.
///
/// # Errors
/// [`JobError::Transient`] when the database or a file cannot be read now.
pub async fn route(pipeline: &Pipeline, study_uid: &str, series_uid: &str) -> Result<(), JobError> {
    let instances = pipeline.store.unrouted(study_uid, series_uid).await?;
    if instances.is_empty() {
        return Ok(());
    }
    let deployments: Vec<Deployment> =
        pipeline.store.deployments().await?.into_iter().filter(|deployment| deployment.enabled).collect();
    let decided = pipeline.store.decisions_of_study(study_uid).await?;
    let leaving = Leaving::of_study(&pipeline.store, study_uid).await?;
    let judged = judge(leaving, instances, deployments).await?;
    let mut write = pipeline.store.write().await?;
    let mut said = decided;
    for (instance, judgements) in &judged {
        for (deployment, applicability) in judgements {
            let decision = decision(deployment, instance, applicability);
            // A series of 500 slices says once, not 500 times, that it is no chest film.
            if is_said(&said, &decision) {
                continue;
            }
            write.insert_decision(&decision).await?;
            said.push(decision);
            queue_run(&mut write, deployment, instance, applicability).await?;
        }
    }
    let routed: Vec<_> = judged.iter().map(|(instance, _)| &instance.sop_instance_uid).collect();
    write.mark_routed(&routed).await?;
    write.refresh_summary(study_uid).await?;
    let event = Event::new("lightbox", "series.routed", "series", series_uid).study(study_uid);
    write.append_event(event).await?;
    Ok(write.commit().await?)
}

type Judged = Vec<(StoredInstance, Vec<(Deployment, Applicability)>)>;

/// Reads each instance's header once and asks every deployment's rules.
async fn judge(
    leaving: Leaving,
    instances: Vec<StoredInstance>,
    deployments: Vec<Deployment>,
) -> Result<Judged, JobError> {
    let judge_one = move |instance: StoredInstance| {
        if deployments.is_empty() {
            return Ok((instance, Vec::new()));
        }
        let header = Header::read(leaving.file(&instance)).map_err(|error| JobError::Transient(error.to_string()))?;
        let judgements = deployments.iter().map(|one| (one.clone(), evaluate(&one.manifest.input, &header))).collect();
        Ok((instance, judgements))
    };
    blocking(move || instances.into_iter().map(judge_one).collect()).await?
}

fn decision(deployment: &Deployment, instance: &StoredInstance, applicability: &Applicability) -> Decision {
    let (outcome, reason) = match applicability {
        Applicability::Applies => (Outcome::Matched, String::new()),
        Applicability::NotApplicable(reason) => (Outcome::NotApplicable, reason.clone()),
        Applicability::OutsideIntendedUse(reason) => (Outcome::OutsideIntendedUse, reason.clone()),
    };
    Decision {
        deployment_id: deployment.id.clone(),
        study_instance_uid: instance.study_instance_uid.clone(),
        series_instance_uid: instance.series_instance_uid.clone(),
        sop_instance_uid: instance.sop_instance_uid.clone(),
        outcome,
        reason,
        decided_ms: now_ms(),
    }
}

fn is_said(said: &[Decision], new: &Decision) -> bool {
    new.outcome == Outcome::NotApplicable
        && said.iter().any(|old| {
            (&old.deployment_id, &old.series_instance_uid, old.outcome, &old.reason)
                == (&new.deployment_id, &new.series_instance_uid, new.outcome, &new.reason)
        })
}

async fn queue_run(
    write: &mut Write,
    deployment: &Deployment,
    instance: &StoredInstance,
    applicability: &Applicability,
) -> Result<(), JobError> {
    let (state, reason) = match applicability {
        Applicability::Applies => (RunState::Queued, String::new()),
        Applicability::OutsideIntendedUse(reason) => {
            (RunState::Rejected, format!("outside the intended use: {reason}"))
        }
        Applicability::NotApplicable(_) => return Ok(()),
    };
    let new = NewRun {
        deployment_id: deployment.id.clone(),
        mode: deployment.mode,
        study_instance_uid: instance.study_instance_uid.clone(),
        series_instance_uid: instance.series_instance_uid.clone(),
        sop_instance_uid: instance.sop_instance_uid.clone(),
        received_ms: instance.received_ms,
        overridden: None,
        state,
        reason: reason.clone(),
        has_map: deployment.manifest.map.is_some() && state == RunState::Queued,
    };
    let Some(run_id) = write.insert_run(&new).await? else { return Ok(()) };
    let action = if state == RunState::Queued { "run.queued" } else { "run.rejected" };
    let outcome = if reason.is_empty() { "ok" } else { &reason };
    let event =
        Event::new("lightbox", action, "run", &run_id).outcome(outcome).study(instance.study_instance_uid.as_str());
    write.append_event(event).await?;
    if state == RunState::Queued {
        write.enqueue(&Job::Run { run_id }, now_ms()).await?;
    }
    Ok(())
}

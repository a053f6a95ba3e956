//! A run: pixels in, findings out.

use crate::{JobError, Pipeline, RunInput, blocking};
use lightbox_domain::{Event, Finding, Job, Run, RunState};
use lightbox_inference::{InferenceError, Outcome, RunImage};
use lightbox_store::{Write, now_ms};
use std::sync::Arc;

/// Executes a run. Findings and the job that publishes them are one transaction, so a run that is begun twice is
/// published once.
///
/// # Errors
/// [`JobError`]; the worker decides whether it is tried again.
pub async fn run(pipeline: &Pipeline, run_id: &str) -> Result<(), JobError> {
    let input = pipeline.run_input(run_id).await?;
    match input.run.state {
        RunState::Queued | RunState::Running => {}
        // Done before; only the job was left.
        RunState::Publishing | RunState::Finished | RunState::Rejected | RunState::Failed => return Ok(()),
    }
    let mut write = pipeline.store.write().await?;
    write.advance_run(run_id, RunState::Running, "").await?;
    announce(&mut write, &input.run, "run.started", "ok").await?;
    write.commit().await?;
    match score(pipeline, &input).await? {
        Ok(outcome) => store_outcome(pipeline, &input, outcome).await,
        Err(reason) => reject(pipeline, &input.run, &reason).await,
    }
}

/// The app's answer; or, as the inner error, why the input cannot be read as an image that it takes.
async fn score(pipeline: &Pipeline, input: &RunInput) -> Result<Result<Outcome, String>, JobError> {
    let (runners, limits) = (Arc::clone(&pipeline.runners), Arc::clone(&pipeline.limits));
    let (path, release) = (input.file.path().to_owned(), input.release.clone());
    blocking(move || {
        let read = RunImage::read(&path, &release.manifest, &limits);
        let answer = read.and_then(|image| runners.get(&release)?.run(&image));
        match answer {
            Err(InferenceError::ImageInvalid(reason)) => Ok(Err(reason)),
            answer => Ok(Ok(answer?)),
        }
    })
    .await?
}

async fn store_outcome(pipeline: &Pipeline, input: &RunInput, outcome: Outcome) -> Result<(), JobError> {
    let run = &input.run;
    let deployment = pipeline.store.deployment(&run.deployment_id).await?;
    let findings: Vec<Finding> = outcome
        .findings
        .into_iter()
        .map(|finding| Finding { threshold: deployment.threshold(&finding.id, finding.threshold), ..finding })
        .collect();
    let model_us = i64::try_from(outcome.model_time.as_micros()).unwrap_or(i64::MAX);
    let mut write = pipeline.store.write().await?;
    write.store_findings(&run.id, &findings, model_us).await?;
    write.enqueue(&Job::Publish { run_id: run.id.clone() }, now_ms()).await?;
    announce(&mut write, run, "run.inferred", "ok").await?;
    Ok(write.commit().await?)
}

async fn reject(pipeline: &Pipeline, run: &Run, reason: &str) -> Result<(), JobError> {
    end_run(pipeline, &run.id, RunState::Rejected, &format!("the input cannot be read: {reason}")).await
}

/// Takes a run to a state from which only a person takes it further.
pub(crate) async fn end_run(pipeline: &Pipeline, run_id: &str, state: RunState, reason: &str) -> Result<(), JobError> {
    let mut write = pipeline.store.write().await?;
    let run = write.advance_run(run_id, state, reason).await?;
    let action = if state == RunState::Rejected { "run.rejected" } else { "run.failed" };
    announce(&mut write, &run, action, reason).await?;
    Ok(write.commit().await?)
}

/// Logs what happened to a run and sums up its study anew.
pub(crate) async fn announce(
    write: &mut Write,
    run: &Run,
    action: &'static str,
    outcome: &str,
) -> Result<(), JobError> {
    let study = run.study_instance_uid.as_str();
    tracing::info!(run.id = %run.id, deployment.id = %run.deployment_id, outcome, "{action}");
    write.append_event(Event::new("lightbox", action, "run", &run.id).outcome(outcome).study(study)).await?;
    Ok(write.refresh_summary(study).await?)
}

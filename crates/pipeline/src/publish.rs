//! Findings become a report that other systems read.

use crate::run::{announce, end_run};
use crate::{JobError, Pipeline, Received, RunInput, blocking};
use lightbox_dicom::{Header, ResultContext, check_result, write_report};
use lightbox_domain::{Job, MapState, ResultKind, Run, RunState, Viewer, visible};
use lightbox_store::{StoredResult, Write, now_ms};

/// The language of the texts in results.
pub(crate) const LANGUAGE: &str = "en";

/// Writes the report of a run whose findings are stored, and ends the run. The report's UIDs and times come from the
/// run, so publishing twice writes the same bytes, which [`crate::Receiver`] knows as a duplicate. A run that is finished
/// stays so: what is missing of its report is stored, and its results are ordered to peers that have none of them.
///
/// # Errors
/// [`JobError`]; permanent when the report does not pass the gate.
pub async fn publish(pipeline: &Pipeline, run_id: &str) -> Result<(), JobError> {
    let input = pipeline.run_input(run_id).await?;
    if !matches!(input.run.state, RunState::Publishing | RunState::Finished) {
        return Ok(());
    }
    let report = encode(&input, |context| write_report(&context).map_err(|error| error.to_string())).await?;
    let received = pipeline.receiver.receive_result(&input.run, report).await?;
    let mut write = pipeline.store.write().await?;
    note_result(&mut write, &input.run, ResultKind::Report, &received).await?;
    if input.run.state == RunState::Finished {
        order_all(&mut write, &input.run, &pipeline.store.results(run_id).await?).await?;
        return Ok(write.commit().await?);
    }
    let run = write.advance_run(run_id, RunState::Finished, "").await?;
    if run.map_state == MapState::Pending {
        write.enqueue(&Job::Explain { run_id: run_id.to_owned() }, now_ms()).await?;
    }
    announce(&mut write, &run, "run.finished", "ok").await?;
    Ok(write.commit().await?)
}

/// Ends a run whose report could not be written. One that is finished stays so: a person had it published again, and what
/// was published before stands.
pub(crate) async fn give_up(pipeline: &Pipeline, run_id: &str, reason: &str) -> Result<(), JobError> {
    let mut write = pipeline.store.write().await?;
    let run = write.run(run_id).await?;
    if run.state != RunState::Finished {
        drop(write);
        return end_run(pipeline, run_id, RunState::Failed, reason).await;
    }
    announce(&mut write, &run, "run.unpublished", reason).await?;
    Ok(write.commit().await?)
}

/// Encodes a result of a run and has it pass the gate.
pub(crate) async fn encode<F>(input: &RunInput, write: F) -> Result<Vec<u8>, JobError>
where
    F: FnOnce(ResultContext<'_>) -> Result<Vec<u8>, String> + Send + 'static,
{
    let (run, release, file) = (input.run.clone(), input.release.clone(), input.file.clone());
    let clearance = input.clearance.clone();
    blocking(move || {
        let source = Header::read(&file).map_err(|error| JobError::Transient(error.to_string()))?;
        let context = ResultContext {
            source: &source,
            manifest: &release.manifest,
            run: &run,
            digest: &release.digest,
            clearance: clearance.as_deref(),
            language: LANGUAGE,
        };
        let result = write(context).map_err(JobError::Permanent)?;
        check_result(&result, &source)
            .map_err(|error| JobError::Permanent(format!("the result did not pass the gate: {error}")))?;
        Ok(result)
    })
    .await?
}

/// Notes a stored result and, if it may leave, orders its delivery.
pub(crate) async fn note_result(
    write: &mut Write,
    run: &Run,
    kind: ResultKind,
    received: &Received,
) -> Result<(), JobError> {
    let result = StoredResult {
        kind,
        sop_instance_uid: received.sop_instance_uid.clone(),
        series_instance_uid: received.series_instance_uid.clone(),
        stored_ms: now_ms(),
    };
    write.insert_result(&run.id, &result).await?;
    order_all(write, run, &[result]).await
}

/// Orders results of a run to the peers that receive results, if they may leave.
async fn order_all(write: &mut Write, run: &Run, results: &[StoredResult]) -> Result<(), JobError> {
    if !visible(run.guard(), Viewer::Outside, now_ms()) {
        return Ok(());
    }
    for result in results {
        write.order_deliveries(&run.id, &result.sop_instance_uid).await?;
    }
    Ok(())
}

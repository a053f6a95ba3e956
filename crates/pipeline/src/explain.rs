//! The map of a run: where hiding a patch of the image lowers the score. It comes after the report, so nobody waits.

use crate::publish::{encode, note_result};
use crate::run::announce;
use crate::{JobError, Pipeline, RunInput, blocking};
use lightbox_dicom::{GreyImage, display_image, write_capture};
use lightbox_domain::{Map, MapState, ResultKind, RunState};
use lightbox_inference::RunImage;
use std::sync::Arc;
use std::time::Instant;

/// Computes the map of a finished run and stores it as a Secondary Capture of its own.
///
/// # Errors
/// [`JobError`]; the findings stand in any case.
pub async fn explain(pipeline: &Pipeline, run_id: &str) -> Result<(), JobError> {
    let input = pipeline.run_input(run_id).await?;
    if input.run.state != RunState::Finished || input.run.map_state != MapState::Pending {
        return Ok(());
    }
    let began = Instant::now();
    // The map of a run that crashed between result and note is computed again: a map of the same input by the same
    // release is the same map, and its capture is a duplicate.
    let (image, map) = compute(pipeline, &input).await?;
    let drawn = map.clone();
    let capture =
        encode(&input, move |context| write_capture(&context, &image, &drawn).map_err(|error| error.to_string()))
            .await?;
    let received = pipeline.receiver.receive_result(&input.run, capture).await?;
    let map_ms = i64::try_from(began.elapsed().as_millis()).unwrap_or(i64::MAX);
    let mut write = pipeline.store.write().await?;
    note_result(&mut write, &input.run, ResultKind::MapCapture, &received).await?;
    write.store_map(run_id, Some(&map), map_ms).await?;
    announce(&mut write, &input.run, "run.explained", "ok").await?;
    Ok(write.commit().await?)
}

async fn compute(pipeline: &Pipeline, input: &RunInput) -> Result<(GreyImage, Map), JobError> {
    let (runners, limits) = (Arc::clone(&pipeline.runners), Arc::clone(&pipeline.limits));
    let (path, release) = (input.file.path().to_owned(), input.release.clone());
    blocking(move || {
        let section = release
            .manifest
            .map
            .as_ref()
            .ok_or_else(|| JobError::Permanent(format!("{} has no [map]", release.name())))?;
        let image = RunImage::read(&path, &release.manifest, &limits)?;
        let map = lightbox_inference::explain(&*runners.get(&release)?, &image, section)?;
        let seen = display_image(&path, 0, None, &limits).map_err(|error| JobError::Permanent(error.to_string()))?;
        Ok((seen.into_grey(), map))
    })
    .await?
}

/// Gives the map up. The findings stand without it.
pub(crate) async fn give_up(pipeline: &Pipeline, run_id: &str, reason: &str) -> Result<(), JobError> {
    let mut write = pipeline.store.write().await?;
    let run = write.run(run_id).await?;
    write.store_map(run_id, None, 0).await?;
    announce(&mut write, &run, "run.unexplained", reason).await?;
    Ok(write.commit().await?)
}

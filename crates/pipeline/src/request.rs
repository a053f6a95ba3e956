//! What people order: a deployment, a change of it, another attempt, a run outside the intended use, a peer.

use crate::PipelineError;
use lightbox_domain::{Actor, Deployment, DeploymentMode, Event, Job, Override, Peer, Run, RunState};
use lightbox_inference::Release;
use lightbox_store::{DataFolder, NewRun, Store, StoreError, now_ms};
use std::collections::BTreeMap;
use std::fs;
use std::io;
use std::path::Path;

/// What a site decides when it puts a release to work.
#[derive(Clone, Debug, PartialEq)]
pub struct DeploymentTerms {
    /// Who sees what it says.
    pub mode: DeploymentMode,
    /// Where it is at work, such as `EU`: whose clearance counts.
    pub jurisdiction: Option<String>,
}

/// Copies a release into the data folder and puts it to work. A release that is deployed already stays as it is.
///
/// # Errors
/// [`PipelineError`] when the folder is no valid release, or the disk or the database refuses.
pub async fn deploy(
    store: &Store,
    folder: &DataFolder,
    release: &Path,
    terms: DeploymentTerms,
    actor: &Actor,
) -> Result<Deployment, PipelineError> {
    let release = Release::open(release)?;
    if let Some(known) = store.deployments().await?.into_iter().find(|known| known.digest == release.digest) {
        return Ok(known);
    }
    let place = folder.release(&release.digest);
    copy_release(&release, &place).map_err(PipelineError::Copy)?;
    let manifest = fs::read_to_string(place.join("app.toml")).map_err(PipelineError::Copy)?;
    let deployment = Deployment {
        id: lightbox_store::new_id(),
        digest: release.digest,
        folder: place,
        manifest: release.manifest,
        mode: terms.mode,
        enabled: true,
        jurisdiction: terms.jurisdiction,
        thresholds: BTreeMap::new(),
        created_ms: now_ms(),
    };
    let mut write = store.write().await?;
    write.insert_deployment(&deployment, &manifest).await?;
    write.append_event(deployment_event(&deployment, "deployment.created", actor)).await?;
    write.commit().await?;
    Ok(deployment)
}

/// Stores a deployment's mode, switch and thresholds. They hold for what arrives from now on.
///
/// # Errors
/// [`PipelineError::Refused`] when a threshold is of no finding, or not from 0 to 1.
pub async fn change_deployment(store: &Store, deployment: &Deployment, actor: &Actor) -> Result<(), PipelineError> {
    for (finding, threshold) in &deployment.thresholds {
        if !deployment.manifest.findings.iter().any(|rule| rule.id == *finding) {
            return Err(PipelineError::Refused(format!("the app has no finding {finding}")));
        }
        if !(0.0..=1.0).contains(threshold) {
            return Err(PipelineError::Refused(format!("the threshold of {finding} must be from 0 to 1")));
        }
    }
    let mut write = store.write().await?;
    write.update_deployment(deployment).await?;
    write.append_event(deployment_event(deployment, "deployment.changed", actor)).await?;
    Ok(write.commit().await?)
}

/// Runs an app on an input that it refused as outside its intended use. The reason is logged and printed on every
/// result. Gives the new run.
///
/// # Errors
/// [`PipelineError::Refused`] when the run was not rejected, was replaced already, or no reason is given.
pub async fn override_run(store: &Store, run_id: &str, reason: &str, actor: &Actor) -> Result<String, PipelineError> {
    let reason = reason.trim();
    let run = store.run(run_id).await?.ok_or_else(|| missing_run(run_id))?;
    check_override(&run, reason)?;
    let deployment = store.deployment(&run.deployment_id).await?;
    let new = NewRun {
        deployment_id: run.deployment_id.clone(),
        mode: deployment.mode,
        study_instance_uid: run.study_instance_uid.clone(),
        series_instance_uid: run.series_instance_uid.clone(),
        sop_instance_uid: run.sop_instance_uid.clone(),
        received_ms: now_ms(),
        overridden: Some(Override { reason: reason.to_owned(), by: actor.name.clone(), at_ms: now_ms() }),
        state: RunState::Queued,
        reason: String::new(),
        has_map: deployment.manifest.map.is_some(),
    };
    let mut write = store.write().await?;
    let new_id = write.insert_run(&new).await?.ok_or_else(|| {
        PipelineError::Refused(format!("another person has just ordered run {run_id}; look at the study again"))
    })?;
    let study = run.study_instance_uid.as_str();
    let event = Event::new(&actor.name, "run.overridden", "run", &new_id)
        .detail(serde_json::json!({ "reason": reason, "rejected_run": run_id }).to_string())
        .study(study);
    write.append_event(event).await?;
    write.enqueue(&Job::Run { run_id: new_id.clone() }, now_ms()).await?;
    write.refresh_summary(study).await?;
    write.commit().await?;
    Ok(new_id)
}

fn check_override(run: &Run, reason: &str) -> Result<(), PipelineError> {
    /// The longest reason, in characters; it must fit a text item and the margin of a picture.
    const REASON_CHARACTERS_MAX: usize = 200;
    let refused = |why: String| Err(PipelineError::Refused(why));
    if reason.is_empty() || reason.chars().count() > REASON_CHARACTERS_MAX {
        return refused(format!("a reason of 1 to {REASON_CHARACTERS_MAX} characters is needed"));
    }
    if run.state != RunState::Rejected {
        return refused(format!("run {} is {}, only a rejected run can be overridden", run.id, run.state.as_str()));
    }
    if let Some(by) = &run.superseded_by {
        return refused(format!("run {} was replaced by run {by}", run.id));
    }
    Ok(())
}

/// Queues a failed run again.
///
/// # Errors
/// [`PipelineError::Refused`] when the run has not failed.
pub async fn retry_run(store: &Store, run_id: &str, actor: &Actor) -> Result<(), PipelineError> {
    let run = store.run(run_id).await?.ok_or_else(|| missing_run(run_id))?;
    if run.state != RunState::Failed {
        let state = run.state.as_str();
        return Err(PipelineError::Refused(format!("run {run_id} is {state}, only a failed run can be tried again")));
    }
    let study = run.study_instance_uid.as_str();
    let mut write = store.write().await?;
    write.advance_run(run_id, RunState::Queued, "").await?;
    write.append_event(Event::new(&actor.name, "run.retried", "run", run_id).study(study)).await?;
    write.enqueue(&Job::Run { run_id: run_id.to_owned() }, now_ms()).await?;
    write.refresh_summary(study).await?;
    Ok(write.commit().await?)
}

/// Admits a peer, or changes what is known of it.
///
/// # Errors
/// When the database refuses.
pub async fn admit_peer(store: &Store, peer: &Peer, actor: &Actor) -> Result<(), PipelineError> {
    let policy = &peer.policy;
    let detail = serde_json::json!({
        "host": peer.host, "port": peer.port, "receives_results": peer.receives_results,
        "services": policy.services.iter().map(|service| service.as_str()).collect::<Vec<_>>().join(" "),
        "associations_max": policy.associations_max, "idle_seconds_max": policy.idle_seconds_max,
        "tls": policy.tls, "commits": policy.commits,
    });
    let event = Event::new(&actor.name, "peer.admitted", "peer", &peer.ae_title).detail(detail.to_string());
    let mut write = store.write().await?;
    write.upsert_peer(peer).await?;
    write.append_event(event).await?;
    Ok(write.commit().await?)
}

/// Removes a peer; its calls are refused from now on.
///
/// # Errors
/// [`StoreError::Missing`] when there is none of this title; else when the database refuses.
pub async fn remove_peer(store: &Store, ae_title: &str, actor: &Actor) -> Result<(), PipelineError> {
    let mut write = store.write().await?;
    if !write.delete_peer(ae_title).await? {
        return Err(StoreError::Missing { kind: "peer", id: ae_title.to_owned() }.into());
    }
    write.append_event(Event::new(&actor.name, "peer.removed", "peer", ae_title)).await?;
    Ok(write.commit().await?)
}

fn missing_run(run_id: &str) -> StoreError {
    StoreError::Missing { kind: "run", id: run_id.to_owned() }
}

fn deployment_event(deployment: &Deployment, action: &'static str, actor: &Actor) -> Event {
    let detail = serde_json::json!({
        "app": deployment.manifest.app.id,
        "release": deployment.manifest.app.release,
        "digest": deployment.digest,
        "mode": deployment.mode.as_str(),
        "jurisdiction": deployment.jurisdiction,
        "enabled": deployment.enabled,
        "thresholds": deployment.thresholds,
    });
    Event::new(&actor.name, action, "deployment", &deployment.id).detail(detail.to_string())
}

/// Copies the release's own files to a folder beside the place, then moves it there, so that a half-copied release is
/// never at its place.
fn copy_release(release: &Release, place: &Path) -> io::Result<()> {
    if place.is_dir() {
        return Ok(());
    }
    let beside = place.with_extension("incoming");
    if beside.exists() {
        fs::remove_dir_all(&beside)?;
    }
    fs::create_dir_all(&beside)?;
    let card = release.manifest.app.model_card.as_deref();
    for file in ["app.toml", &release.manifest.model.file].into_iter().chain(card) {
        fs::copy(release.folder.join(file), beside.join(file))?;
        fs::File::open(beside.join(file))?.sync_all()?;
    }
    fs::rename(&beside, place)?;
    place.parent().map_or(Ok(()), |parent| fs::File::open(parent)?.sync_all())
}

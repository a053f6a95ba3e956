//! Which results of runs a caller sees. Every handler that answers about runs or instances asks here.

use crate::HttpState;
use crate::auth::Caller;
use crate::problem::Problem;
use lightbox_domain::{Deployment, ResultGuard, Run, visible};
use lightbox_store::{StoredInstance, now_ms};
use std::collections::HashSet;

/// Whether the caller may see what this run says.
pub(crate) fn sees_run(caller: &Caller, run: &Run) -> bool {
    visible(run.guard(), caller.viewer(), now_ms())
}

/// Whether the caller may see what this deployment's rules decided: a decision in shadow mode says as much as its run would.
pub(crate) fn sees_decisions(caller: &Caller, deployment: &Deployment) -> bool {
    visible(ResultGuard { mode: deployment.mode, reveal_ms: None }, caller.viewer(), now_ms())
}

/// The run of this identifier, if the caller may see it.
///
/// # Errors
/// 404, whether it does not exist, its input is deleted, or it may not be seen.
pub(crate) async fn find_run(state: &HttpState, caller: &Caller, run_id: &str) -> Result<Run, Problem> {
    let run = state.store.run(run_id).await?;
    let run = run.filter(|run| sees_run(caller, run)).ok_or_else(|| Problem::not_found("run"))?;
    let input = state.store.instance(run.sop_instance_uid.as_str()).await?;
    input.map(|_| run).ok_or_else(|| Problem::not_found("run"))
}

/// Whether the caller may see this instance: always, unless a run made it that the caller may not see.
pub(crate) async fn sees_instance(
    state: &HttpState,
    caller: &Caller,
    instance: &StoredInstance,
) -> Result<bool, Problem> {
    match &instance.run_id {
        Some(run_id) => Ok(state.store.run(run_id).await?.is_some_and(|run| sees_run(caller, &run))),
        None => Ok(instance.indexed),
    }
}

/// Those of a study's instances that the caller may see.
pub(crate) async fn seen_instances(
    state: &HttpState,
    caller: &Caller,
    study_instance_uid: &str,
) -> Result<Vec<StoredInstance>, Problem> {
    let mut instances = state.store.instances_of_study(study_instance_uid).await?;
    if instances.iter().any(|instance| instance.run_id.is_some()) {
        let runs = state.store.runs_of_study(study_instance_uid).await?;
        let seen: HashSet<&str> = runs.iter().filter(|run| sees_run(caller, run)).map(|run| run.id.as_str()).collect();
        instances.retain(|instance| instance.run_id.as_deref().is_none_or(|run_id| seen.contains(run_id)));
    }
    Ok(instances)
}

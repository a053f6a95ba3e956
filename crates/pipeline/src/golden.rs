//! A release's golden cases, through the very steps by which it works: received, routed, run, published through the gate,
//! explained.

use crate::{DeploymentTerms, JobError, Pipeline, PipelineError, ReceiveError, Worker, deploy};
use lightbox_domain::{Actor, Deployment, DeploymentMode, GoldenOutcome, Run, Source};
use lightbox_store::{DataFolder, StoredResult};
use std::path::Path;

/// What became of a case.
#[derive(Clone, Debug)]
pub struct Tried {
    /// What was said.
    pub outcome: GoldenOutcome,
    /// The run; `None` when the app was not applicable.
    pub run: Option<Run>,
    /// The objects that were made, which have all passed the gate.
    pub results: Vec<StoredResult>,
}

/// Why a case could not be tried.
#[derive(Debug, thiserror::Error)]
pub enum TrialError {
    /// The input was not received.
    #[error("the input was not received: {0}")]
    Receive(#[from] ReceiveError),
    /// A step could not be taken.
    #[error(transparent)]
    Step(#[from] JobError),
    /// The database refused.
    #[error(transparent)]
    Store(#[from] lightbox_store::StoreError),
}

/// Puts a release to work in a data folder that is used for nothing else.
///
/// # Errors
/// Those of [`deploy`].
pub async fn deploy_for_trial(
    pipeline: &Pipeline,
    folder: &DataFolder,
    release: &Path,
) -> Result<Deployment, PipelineError> {
    let terms = DeploymentTerms { mode: DeploymentMode::Live, jurisdiction: None };
    deploy(&pipeline.store, folder, release, terms, &Actor::system("app-test")).await
}

/// Sends a file through all steps. One file is tried at a time, and each only once.
///
/// # Errors
/// [`TrialError`]; whatever the app makes of the input is no error.
pub async fn try_case(pipeline: &Pipeline, file: &Path) -> Result<Tried, TrialError> {
    let received = pipeline.receiver.receive_file(Source::Import, file).await?;
    Worker::new(pipeline.clone()).work_off_due().await?;
    let store = &pipeline.store;
    let study = received.study_instance_uid.as_str();
    let of_this = |uid: &lightbox_domain::Uid| *uid == received.sop_instance_uid;
    let run = store.runs_of_study(study).await?.into_iter().rfind(|run| of_this(&run.sop_instance_uid));
    let results = match &run {
        Some(run) => store.results(&run.id).await?,
        None => Vec::new(),
    };
    let outcome = match &run {
        Some(run) => {
            GoldenOutcome { state: Some(run.state), reason: run.reason.clone(), findings: run.findings.clone() }
        }
        None => {
            let decisions = store.decisions_of_study(study).await?;
            let said =
                decisions.into_iter().filter(|decision| decision.series_instance_uid == received.series_instance_uid);
            let reason = said.map(|decision| decision.reason).next_back().unwrap_or_default();
            GoldenOutcome { state: None, reason, findings: Vec::new() }
        }
    };
    Ok(Tried { outcome, run, results })
}

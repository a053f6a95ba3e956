//! How an instance becomes an AI result. Each step is one file with one public function; a crash between any two of
//! them neither loses nor repeats work, because a step's outcome and the next step's job are written in one transaction.
//!
//! 1. [`receive`]: bytes arrive at a door (C-STORE, STOW-RS, import) or from an app, are written to a file, inspected,
//!    made durable, and indexed; the routing job is written with the row.
//! 2. [`route`]: each deployment's rules look at the new instances; what they decide is stored in words. A match is a
//!    run and its job; an input outside the intended use is a run that is rejected, with its reason.
//! 3. [`run`]: a worker reads the pixels as a person would see them, and the app scores them; findings are stored.
//! 4. [`publish`]: the findings become a report, which passes the gate, enters by [`receive`] as everything does, and is
//!    ordered to be delivered.
//! 5. [`explain`]: the map is computed afterwards, so that nobody waits for it, and published the same way.
//!
//! Beside them, [`mod@check_step`] compares what a modality lists with what came, [`describe`] gathers the metadata of a series that has settled, for viewers; [`reject`] hides what a
//! rejection note rejects, [`lifecycle`] deletes or has [`mod@compress`] make smaller what the site's rules
//! say, and [`purge`] removes what was deleted long enough ago. [`deletion`] is what people order, and [`conflict`] what
//! they decide about newcomers that differ from what is stored. [`mod@correct`] lays other values over what is stored, and
//! [`leave`] is the one place that objects pass on their way out, where those values count. [`orders`] says
//! which study is what was ordered, and is told by people where it cannot know. [`workitem`] is the work that
//! other systems offer and do here, and [`outbound`] gives an object in another transfer syntax.
//!
//! The [`worker`] claims jobs and has them handled; which handler serves which kind is registered by the binary, so
//! nothing here knows a door or a transport. [`request`] is what people may order: a deployment, another attempt, a
//! run outside the intended use; [`replay`](mod@replay) is what they have done again.

mod arrival;
pub mod check_step;
mod clock;
pub mod compress;
pub mod conflict;
pub mod correct;
pub mod deletion;
pub mod describe;
mod error;
pub mod explain;
pub mod export;
pub mod golden;
pub mod leave;
pub mod lifecycle;
pub mod orders;
pub mod outbound;
pub mod publish;
pub mod purge;
pub mod receive;
pub mod reject;
pub mod replay;
pub mod request;
pub mod route;
pub mod run;
pub mod worker;
pub mod workitem;

pub use conflict::{Settlement, settle_conflict};
pub use correct::{correct, merge, undo_correction};
pub use deletion::{delete, undelete};
pub use error::{JobError, PipelineError, ReceiveError};
pub use leave::{Leaving, leaving};
pub use orders::{cancel_order, dismiss_order, link_order, save_orders, undo_order_decision};
pub use receive::{Received, ReceivedOutcome, Receiver};
pub use replay::{Replay, replay};
pub use request::{DeploymentTerms, admit_peer, change_deployment, deploy, override_run, remove_peer, retry_run};
pub use worker::{HandlerFuture, Worker};

use lightbox_dicom::ObjectFile;
use lightbox_domain::{Limits, Run};
use lightbox_inference::{Release, Runners};
use lightbox_store::Store;
use std::sync::Arc;

/// What the steps work with. Cheap to clone.
#[derive(Clone)]
pub struct Pipeline {
    /// All that persists.
    pub store: Store,
    /// The way in, for results.
    pub receiver: Receiver,
    /// The apps' models.
    pub runners: Arc<Runners>,
    /// The site's limits.
    pub limits: Arc<Limits>,
}

/// What a step on a run needs to know of it.
struct RunInput {
    run: Run,
    release: Release,
    /// The clearance that holds where the deployment is at work.
    clearance: Option<String>,
    file: ObjectFile,
}

impl Pipeline {
    /// The pipeline of a store.
    #[must_use]
    pub fn new(store: Store, runners: Arc<Runners>, limits: Arc<Limits>) -> Self {
        let receiver = Receiver::new(store.clone(), Arc::clone(&limits));
        Self { store, receiver, runners, limits }
    }

    async fn run_input(&self, run_id: &str) -> Result<RunInput, JobError> {
        let missing = |kind: &str| JobError::Permanent(format!("there is no {kind} for run {run_id}"));
        let run = self.store.run(run_id).await?.ok_or_else(|| missing("row"))?;
        let instance =
            self.store.instance(run.sop_instance_uid.as_str()).await?.ok_or_else(|| missing("input instance"))?;
        let deployment = self.store.deployment(&run.deployment_id).await?;
        let release = Release::of(&deployment);
        let file = leaving(&self.store, &instance).await?;
        Ok(RunInput { run, release, clearance: deployment.clearance(), file })
    }
}

/// Runs work that blocks or computes for long on a thread of its own. A panic of it is an error of the job.
async fn blocking<T: Send + 'static>(work: impl FnOnce() -> T + Send + 'static) -> Result<T, JobError> {
    tokio::task::spawn_blocking(work).await.map_err(|error| JobError::Permanent(format!("the step broke: {error}")))
}

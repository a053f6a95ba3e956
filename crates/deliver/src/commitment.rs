//! Storage commitment as jobs: a peer is asked to keep what was delivered to it, or told what we keep for it.

use crate::c_store::job_error;
use lightbox_dimse::Node;
use lightbox_pipeline::JobError;
use lightbox_store::Store;

/// The state of a request that nobody has made yet.
const DUE: &str = "due";

/// Asks the peer of a delivery, as `us`, to commit to what it got. The handler of
/// [`lightbox_domain::Job::AskCommitment`]; asked twice, the peer answers twice, and the first answer counts.
///
/// # Errors
/// [`JobError`]: permanent when the peer does not commit to anything; else it is worth another attempt.
pub async fn ask_commitment(store: &Store, us: &Node, delivery_id: &str) -> Result<(), JobError> {
    let missing = || JobError::Permanent(format!("nobody is to be asked about delivery {delivery_id}"));
    let asked = store.commitment_request(delivery_id).await?.ok_or_else(missing)?;
    if asked.state != DUE {
        return Ok(());
    }
    let peer = store.peer(&asked.ae_title).await?;
    lightbox_dimse::ask_commitment(store, &peer, us, &asked).await.map_err(job_error)
}

/// Tells a peer which of the instances that it asked about are kept. The handler of
/// [`lightbox_domain::Job::ReportCommitment`].
///
/// # Errors
/// [`JobError`]: permanent when the peer cannot be told; else it is worth another attempt.
pub async fn report_commitment(store: &Store, us: &Node, commitment_id: &str) -> Result<(), JobError> {
    lightbox_dimse::report_commitment(store, us, commitment_id).await.map_err(job_error)
}

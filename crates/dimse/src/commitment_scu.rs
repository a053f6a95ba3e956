//! Storage commitment as SCU (PS3.4 Annex J): a peer is asked to commit to what it got, and its answer is the proof that
//! a delivery arrived.
//!
//! The answer comes when the peer likes: on the association of the request, or on one that the peer makes to our door.

use crate::DimseError;
use crate::association::Association;
use crate::command::{CommandSet, N_ACTION_RQ, N_EVENT_REPORT_RQ, element};
use crate::commitment_scp::{INVALID_ARGUMENT, PROCESSING_FAILURE, REQUEST_BYTES_MAX, WELL_KNOWN_INSTANCE, reference};
use crate::connection::ConnectionError;
use crate::contexts::Context;
use crate::requestor::{Offer, Requestor};
use crate::scu::{Node, Target};
use crate::store_scp::Reply;
use dicom_dictionary_std::uids;
use lightbox_dicom::DataSet;
use lightbox_dicom::data_set::tag;
use lightbox_domain::{Event, Peer};
use lightbox_store::{CommitmentRequest, Store, StoreError};
use std::time::Duration;

/// How long a peer may take for each step of the request.
const ASK_WAIT_MAX: Duration = Duration::from_secs(60);
/// How long an answer is waited for on the association of the request; most peers make one of their own.
const ANSWER_HERE_MAX: Duration = Duration::from_secs(1);

const REQUEST_COMMITMENT: u16 = 1;
const SUCCESS: u16 = 0x0000;

/// Why an answer cannot be noted.
#[derive(Debug, thiserror::Error)]
pub enum CommitmentError {
    /// Nobody asked for that.
    #[error("reports on a commitment that it was not asked for")]
    Unasked,
    /// The store refuses.
    #[error(transparent)]
    Store(#[from] StoreError),
}

/// Asks a peer to commit to what was delivered to it, and notes its answer if it comes at once.
///
/// # Errors
/// [`DimseError`] when it cannot be asked, or refuses to be.
pub async fn ask_commitment(
    store: &Store,
    peer: &Peer,
    us: &Node,
    asked: &CommitmentRequest,
) -> Result<(), DimseError> {
    let target = Target::of(peer, us)?;
    let class = uids::STORAGE_COMMITMENT_PUSH_MODEL;
    let offer = Offer::new(class, &[uids::EXPLICIT_VR_LITTLE_ENDIAN, uids::IMPLICIT_VR_LITTLE_ENDIAN]);
    let mut requestor = Requestor::associate(&target, &[offer], ASK_WAIT_MAX).await?;
    let ended = converse(&mut requestor, class, store, peer, asked).await;
    requestor.release().await;
    ended
}

async fn converse(
    requestor: &mut Requestor,
    class: &str,
    store: &Store,
    peer: &Peer,
    asked: &CommitmentRequest,
) -> Result<(), DimseError> {
    let (context_id, syntax) = requestor.context_of(class)?;
    let item = DataSet::default()
        .with(tag::REFERENCED_SOP_CLASS_UID, asked.sop_class_uid.as_str())
        .with(tag::REFERENCED_SOP_INSTANCE_UID, asked.sop_instance_uid.as_str());
    let data_set = DataSet::default()
        .with(tag::TRANSACTION_UID, asked.transaction_uid.as_str())
        .with_items(tag::REFERENCED_SOP_SEQUENCE, vec![item])
        .write(&syntax, "");
    let message_id = requestor.next_message_id();
    let request = CommandSet::normalised_request(N_ACTION_RQ, message_id, class, WELL_KNOWN_INSTANCE)
        .with_number(element::ACTION_TYPE_ID, REQUEST_COMMITMENT);
    requestor.perform(context_id, &request, Some(&mut &data_set[..])).await?;
    note_asked(store, &asked.delivery_id).await.map_err(|error| DimseError::Store(error.to_string()))?;
    let Some((context_id, report)) = requestor.request_within(ANSWER_HERE_MAX).await? else { return Ok(()) };
    if report.command.command_field() != N_EVENT_REPORT_RQ {
        return Ok(());
    }
    let answer = DataSet::read(&report.data_set.unwrap_or_default(), &syntax)
        .map_err(|error| requestor.bad_answer(&error.to_string()))?;
    let status = status_of(&note_answer(store, &peer.ae_title, &answer).await, &peer.ae_title).status;
    requestor.send(context_id, &report.command.response(status, ""), None).await
}

async fn note_asked(store: &Store, delivery_id: &str) -> Result<(), StoreError> {
    let mut write = store.write().await?;
    write.note_commitment_asked(delivery_id).await?;
    write.commit().await
}

/// Receives a peer's N-EVENT-REPORT at our door.
pub(crate) async fn serve(
    association: &mut Association,
    context: &Context,
    command: &CommandSet,
) -> Result<(), ConnectionError> {
    let bytes = association.connection.read_data_set(context.id, REQUEST_BYTES_MAX).await?;
    let answer = bytes.and_then(|bytes| DataSet::read(&bytes, &context.transfer_syntax_uid).ok());
    let reply = match answer {
        None => Reply::new(INVALID_ARGUMENT, "no data set"),
        Some(answer) => {
            let title = association.caller.title.as_str();
            status_of(&note_answer(&association.server.store, title, &answer).await, title)
        }
    };
    association.respond(context, command, &reply).await
}

fn status_of(noted: &Result<(), CommitmentError>, title: &str) -> Reply {
    match noted {
        Ok(()) => Reply::new(SUCCESS, ""),
        Err(error @ CommitmentError::Unasked) => {
            tracing::warn!(peer = title, "a peer {error}");
            Reply::new(INVALID_ARGUMENT, "no such transaction")
        }
        Err(CommitmentError::Store(error)) => {
            tracing::error!(%error, "cannot note a peer's commitment");
            Reply::new(PROCESSING_FAILURE, "the report cannot be kept now: send it again later")
        }
    }
}

/// Notes what a peer says of the instance that it was asked about.
async fn note_answer(store: &Store, title: &str, answer: &DataSet) -> Result<(), CommitmentError> {
    let transaction = answer.text(tag::TRANSACTION_UID);
    let asked = store.commitment_asked(title, transaction).await?.ok_or(CommitmentError::Unasked)?;
    let failure = failure(answer, &asked.sop_instance_uid);
    let reason = failure.clone().unwrap_or_default();
    let mut write = store.write().await?;
    if write.end_commitment_request(&asked.delivery_id, failure.is_none(), &reason).await? {
        let action = if failure.is_none() { "result.committed" } else { "result.uncommitted" };
        let detail = serde_json::json!({ "peer": title, "sop_instance_uid": asked.sop_instance_uid });
        let event = Event::new(&format!("peer:{title}"), action, "delivery", &asked.delivery_id);
        write.append_event(event.outcome(&reason).detail(detail.to_string())).await?;
    }
    write.commit().await?;
    tracing::info!(peer = title, delivery = %asked.delivery_id, committed = failure.is_none(), "a peer answered");
    Ok(())
}

/// Why the peer does not keep the instance; `None` when it commits to it.
fn failure(answer: &DataSet, sop_instance_uid: &str) -> Option<String> {
    let is_it = |item: &&DataSet| item.text(tag::REFERENCED_SOP_INSTANCE_UID) == sop_instance_uid;
    if answer.items(tag::REFERENCED_SOP_SEQUENCE).iter().filter(is_it).any(|item| reference(item).is_some()) {
        return None;
    }
    let item = answer.items(tag::FAILED_SOP_SEQUENCE).iter().find(is_it);
    let reason = item.and_then(|item| item.text(tag::FAILURE_REASON).parse::<u16>().ok());
    Some(reason.map_or_else(|| "the peer does not name it".to_owned(), |reason| format!("failure reason {reason:04X}")))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_answer_commits_only_to_what_it_lists() {
        let item = DataSet::default()
            .with(tag::REFERENCED_SOP_CLASS_UID, "1.2.840.10008.5.1.4.1.1.7")
            .with(tag::REFERENCED_SOP_INSTANCE_UID, "1.2.3");
        let kept = DataSet::default().with_items(tag::REFERENCED_SOP_SEQUENCE, vec![item.clone()]);
        assert_eq!(failure(&kept, "1.2.3"), None);
        assert_eq!(failure(&kept, "1.2.4").as_deref(), Some("the peer does not name it"));
        let failed = vec![item.with(tag::FAILURE_REASON, "274")];
        let failed = DataSet::default().with_items(tag::FAILED_SOP_SEQUENCE, failed);
        assert_eq!(failure(&failed, "1.2.3").as_deref(), Some("failure reason 0112"));
    }
}

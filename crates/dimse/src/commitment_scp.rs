//! Storage commitment as SCP (PS3.4 Annex J): a peer asks whether we keep what it sent, and is told.
//!
//! The request is a row, its report a job, so that a crash loses neither. A peer whose address is known gets the report
//! on an association of our own; to one whose address is not known it is sent on the association on which it asked, and
//! the job only looks whether that arrived.
//!
//! | what is kept | failure reason (PS3.3 §C.14.1.1) |
//! |---|---|
//! | the instance, its file whole, nothing of its UID on the conflict shelf that the peer may mean | none |
//! | no such instance, or none that belongs to the index | `0112` |
//! | the instance, but of another class | `0119` |
//! | the instance, but its file is not whole, or other data of its UID is on the conflict shelf | `0110` |

use crate::DimseError;
use crate::association::Association;
use crate::command::{CommandSet, N_EVENT_REPORT_RQ, element};
use crate::connection::ConnectionError;
use crate::contexts::Context;
use crate::requestor::{Offer, Requestor};
use crate::scu::{Node, Target};
use crate::store_scp::Reply;
use dicom_dictionary_std::uids;
use lightbox_dicom::DataSet;
use lightbox_dicom::data_set::tag;
use lightbox_domain::{Event, Uid};
use lightbox_store::{Commitment, Store, StoreError, now_ms};
use std::time::Duration;

/// The SOP instance that everybody knows (PS3.4 §J.3.5).
pub(crate) const WELL_KNOWN_INSTANCE: &str = "1.2.840.10008.1.20.1.1";
/// The longest data set of a request or a report, in bytes.
pub(crate) const REQUEST_BYTES_MAX: usize = 32 << 20;
/// How long a peer may take for each step of a report.
const REPORT_WAIT_MAX: Duration = Duration::from_secs(60);
/// How long a report on the same association may take before its job looks whether it arrived, in milliseconds.
const SAME_ASSOCIATION_MS: i64 = 60_000;

const REQUEST_COMMITMENT: u16 = 1;
const ALL_COMMITTED: u16 = 1;
const SOME_FAILED: u16 = 2;

const SUCCESS: u16 = 0x0000;
pub(crate) const PROCESSING_FAILURE: u16 = 0x0110;
const NO_SUCH_INSTANCE: u16 = 0x0112;
pub(crate) const INVALID_ARGUMENT: u16 = 0x0115;
const CLASS_INSTANCE_CONFLICT: u16 = 0x0119;
const NO_SUCH_ACTION: u16 = 0x0123;
const RESOURCE_LIMITATION: u16 = 0x0213;

/// A report under way on the association of its request.
pub(crate) struct Report {
    message_id: u16,
    commitment_id: String,
    failed: usize,
}

/// Receives an N-ACTION, and reports at once to a peer that cannot be called.
pub(crate) async fn serve(
    association: &mut Association,
    context: &Context,
    command: &CommandSet,
) -> Result<(), ConnectionError> {
    let bytes = association.connection.read_data_set(context.id, REQUEST_BYTES_MAX).await?;
    let received = match receive(association, context, command, bytes).await {
        Ok(id) => id,
        Err(reply) => return association.respond(context, command, &reply).await,
    };
    association.respond(context, command, &Reply::new(SUCCESS, "")).await?;
    if is_reachable(association) {
        return Ok(());
    }
    match judged(&association.server.store, &received).await {
        Ok(Some((commitment, failures))) => {
            let message_id = command.message_id().wrapping_add(1);
            let (request, data_set) = report(association.server.config.ae_title.as_str(), &commitment, &failures);
            let request = request.with_number(element::MESSAGE_ID, message_id);
            let failed = failures.iter().flatten().count();
            association.report = Some(Report { message_id, commitment_id: received, failed });
            let bytes = data_set.write(&context.transfer_syntax_uid, "");
            association.connection.write_message(context.id, &request, Some(&bytes)).await
        }
        Ok(None) => Ok(()),
        Err(error) => {
            tracing::error!(%error, "cannot look up what a peer wants kept; its report is tried again");
            Ok(())
        }
    }
}

fn is_reachable(association: &Association) -> bool {
    Target::of(&association.caller.peer, &association.server.config.node()).is_ok()
}

async fn receive(
    association: &Association,
    context: &Context,
    command: &CommandSet,
    bytes: Option<Vec<u8>>,
) -> Result<String, Reply> {
    if command.number(element::ACTION_TYPE_ID) != Some(REQUEST_COMMITMENT) {
        return Err(Reply::new(NO_SUCH_ACTION, ""));
    }
    if command.text(element::REQUESTED_SOP_INSTANCE_UID) != WELL_KNOWN_INSTANCE {
        return Err(Reply::new(NO_SUCH_INSTANCE, ""));
    }
    let instances_max = association.server.config.limits.committed_instances_max;
    let too_many = || Reply::new(RESOURCE_LIMITATION, format!("more than {instances_max} instances: ask for less"));
    let bytes = bytes.ok_or_else(too_many)?;
    let malformed = |what: &str| Reply::new(INVALID_ARGUMENT, what);
    let request = DataSet::read(&bytes, &context.transfer_syntax_uid).map_err(|_| malformed("no data set"))?;
    let transaction = Uid::parse(request.text(tag::TRANSACTION_UID)).map_err(|_| malformed("no TransactionUID"))?;
    let items = request.items(tag::REFERENCED_SOP_SEQUENCE);
    if items.len() > instances_max {
        return Err(too_many());
    }
    let instances = items.iter().map(reference).collect::<Option<Vec<_>>>().filter(|list| !list.is_empty());
    let instances = instances.ok_or_else(|| malformed("no list of SOP classes and instances"))?;
    remember(association, &transaction, &instances).await.map_err(|error| {
        tracing::error!(%error, "cannot take a request for commitment");
        Reply::new(PROCESSING_FAILURE, "the request cannot be kept now: ask again later")
    })
}

/// SOP class and SOP instance of an item.
pub(crate) fn reference(item: &DataSet) -> Option<(Uid, Uid)> {
    let uid = |tag| Uid::parse(item.text(tag)).ok();
    Some((uid(tag::REFERENCED_SOP_CLASS_UID)?, uid(tag::REFERENCED_SOP_INSTANCE_UID)?))
}

async fn remember(
    association: &Association,
    transaction: &Uid,
    instances: &[(Uid, Uid)],
) -> Result<String, StoreError> {
    let title = association.caller.title.as_str();
    let due_ms = if is_reachable(association) { now_ms() } else { now_ms() + SAME_ASSOCIATION_MS };
    let mut write = association.server.store.write().await?;
    let id = write.receive_commitment(title, transaction, instances, due_ms).await?;
    write.commit().await?;
    tracing::info!(peer = title, commitment = %id, instances = instances.len(), "a peer asks for storage commitment");
    Ok(id)
}

/// Notes that the report on this association was answered.
pub(crate) async fn confirmed(association: &mut Association, response: &CommandSet) {
    let answered = response.number(element::MESSAGE_ID_BEING_RESPONDED_TO);
    let Some(report) = association.report.take_if(|report| Some(report.message_id) == answered) else { return };
    if response.status() != SUCCESS {
        return tracing::warn!(peer = %association.caller.title, status = response.status(), "a report was not taken");
    }
    let (store, title) = (&association.server.store, association.caller.title.as_str());
    if let Err(error) = note_reported(store, title, &report.commitment_id, report.failed).await {
        tracing::error!(%error, "cannot note that a report arrived");
    }
}

/// Reports to a peer which of the instances that it asked about are kept, on an association of our own, and notes that
/// it knows. A report that the peer has already is not sent again.
///
/// # Errors
/// [`DimseError`] when the peer cannot be told, or the store refuses.
pub async fn report_commitment(store: &Store, us: &Node, commitment_id: &str) -> Result<(), DimseError> {
    let broken = |error: StoreError| DimseError::Store(error.to_string());
    let Some((commitment, failures)) = judged(store, commitment_id).await.map_err(broken)? else { return Ok(()) };
    let peer = store.peer(&commitment.ae_title).await.map_err(broken)?;
    let class = uids::STORAGE_COMMITMENT_PUSH_MODEL;
    let offer = Offer {
        as_scp: true,
        ..Offer::new(class, &[uids::EXPLICIT_VR_LITTLE_ENDIAN, uids::IMPLICIT_VR_LITTLE_ENDIAN])
    };
    let mut requestor = Requestor::associate(&Target::of(&peer, us)?, &[offer], REPORT_WAIT_MAX).await?;
    let reported = send_report(&mut requestor, class, &us.ae_title, &commitment, &failures).await;
    requestor.release().await;
    reported?;
    let failed = failures.iter().flatten().count();
    note_reported(store, &commitment.ae_title, &commitment.id, failed).await.map_err(broken)
}

async fn send_report(
    requestor: &mut Requestor,
    class: &str,
    our_ae: &str,
    commitment: &Commitment,
    failures: &[Option<u16>],
) -> Result<(), DimseError> {
    let (context_id, syntax) = requestor.context_of(class)?;
    let (request, data_set) = report(our_ae, commitment, failures);
    let request = request.with_number(element::MESSAGE_ID, requestor.next_message_id());
    let bytes = data_set.write(&syntax, "");
    requestor.perform(context_id, &request, Some(&mut &bytes[..])).await.map(|_| ())
}

async fn note_reported(store: &Store, title: &str, commitment_id: &str, failed: usize) -> Result<(), StoreError> {
    let outcome = if failed == 0 { "all instances are kept".to_owned() } else { format!("{failed} instances failed") };
    tracing::info!(peer = title, commitment = commitment_id, failed, "reported on storage commitment");
    let event = Event::new("lightbox", "commitment.reported", "commitment", commitment_id);
    let detail = serde_json::json!({ "peer": title, "failed": failed });
    let mut write = store.write().await?;
    write.end_commitment(commitment_id, failed).await?;
    write.append_event(event.outcome(&outcome).detail(detail.to_string())).await?;
    write.commit().await
}

/// A commitment that is still to be reported, and why each of its instances fails, if it does.
async fn judged(store: &Store, commitment_id: &str) -> Result<Option<(Commitment, Vec<Option<u16>>)>, StoreError> {
    let commitment = store.commitment(commitment_id).await?.filter(|commitment| commitment.state == "due");
    let Some(commitment) = commitment else { return Ok(None) };
    let mut failures = Vec::with_capacity(commitment.instances.len());
    for (class, instance) in &commitment.instances {
        failures.push(failure(store, &commitment.ae_title, class, instance).await?);
    }
    Ok(Some((commitment, failures)))
}

async fn failure(store: &Store, title: &str, class: &str, instance: &str) -> Result<Option<u16>, StoreError> {
    let evidence = store.evidence(instance).await?;
    let Some(stored) = evidence.instance else { return Ok(Some(NO_SUCH_INSTANCE)) };
    if stored.sop_class_uid.as_str() != class {
        return Ok(Some(CLASS_INSTANCE_CONFLICT));
    }
    // With other data on the shelf, only who sent what is stored, and nothing else, surely means what is stored.
    let own = format!("peer:{title}");
    let is_meant = evidence.shelved_from.is_empty()
        || (stored.source == own && evidence.shelved_from.iter().all(|source| *source != own));
    let path = store.blobs().path(&stored.blob);
    let size = tokio::fs::metadata(path).await.map(|file| i64::try_from(file.len()).unwrap_or(i64::MAX));
    let is_whole = size.is_ok_and(|size| size == stored.size_bytes);
    Ok((!is_meant || !is_whole).then_some(PROCESSING_FAILURE))
}

/// The N-EVENT-REPORT of a commitment (PS3.4 §J.3.3), without its message identifier.
fn report(our_ae: &str, commitment: &Commitment, failures: &[Option<u16>]) -> (CommandSet, DataSet) {
    let (mut kept, mut failed) = (Vec::new(), Vec::new());
    for ((class, instance), failure) in commitment.instances.iter().zip(failures) {
        let item = DataSet::default()
            .with(tag::REFERENCED_SOP_CLASS_UID, class.as_str())
            .with(tag::REFERENCED_SOP_INSTANCE_UID, instance.as_str());
        match failure {
            None => kept.push(item),
            Some(reason) => failed.push(item.with(tag::FAILURE_REASON, reason.to_string())),
        }
    }
    let event_type = if failed.is_empty() { ALL_COMMITTED } else { SOME_FAILED };
    let mut data_set = DataSet::default()
        .with(tag::TRANSACTION_UID, commitment.transaction_uid.as_str())
        .with(tag::RETRIEVE_AE_TITLE, our_ae);
    if !kept.is_empty() {
        data_set = data_set.with_items(tag::REFERENCED_SOP_SEQUENCE, kept);
    }
    if !failed.is_empty() {
        data_set = data_set.with_items(tag::FAILED_SOP_SEQUENCE, failed);
    }
    let class = uids::STORAGE_COMMITMENT_PUSH_MODEL;
    let request = CommandSet::normalised_request(N_EVENT_REPORT_RQ, 0, class, WELL_KNOWN_INSTANCE)
        .with_number(element::EVENT_TYPE_ID, event_type);
    (request, data_set)
}

//! Takes a due delivery to its peer: one result, one peer, one job.
//!
//! [`deliver`] is the handler of [`lightbox_domain::Job::Deliver`]. What can pass is an error that the worker tries again;
//! what cannot is one that it writes into the delivery, where people see it. A peer that commits to what it keeps is then
//! asked to by [`ask_commitment`]; what peers ask us to commit to is answered by [`report_commitment`]. There is one
//! transport so far, C-STORE; a second one makes it a trait.

mod c_store;
mod commitment;
mod parcel;

pub use commitment::{ask_commitment, report_commitment};

use c_store::Sent;
use lightbox_dicom::derived_uid;
use lightbox_dimse::Node;
use lightbox_domain::{Event, Viewer, visible};
use lightbox_pipeline::JobError;
use lightbox_store::{Store, now_ms};
use parcel::Parcel;

/// The state of a delivery that nobody has ended.
const DUE: &str = "due";

/// Takes a delivery to its peer, as `us`, and notes that the peer confirmed it. One that is ended already stays as
/// it is. Done twice, the peer gets the same object twice, which it knows by its UID.
///
/// # Errors
/// [`JobError`]: permanent when the result may not leave, or the peer will not take it; else it is worth another attempt.
pub async fn deliver(store: &Store, us: &Node, delivery_id: &str) -> Result<(), JobError> {
    let missing = || JobError::Permanent(format!("there is no delivery {delivery_id}"));
    let delivery = store.delivery(delivery_id).await?.ok_or_else(missing)?;
    if delivery.state != DUE {
        return Ok(());
    }
    let parcel = Parcel::of(store, delivery).await?;
    // It was asked when the delivery was ordered, and may have changed since.
    if !visible(parcel.run.guard(), Viewer::Outside, now_ms()) {
        return Err(JobError::Permanent("the result may not leave: its deployment is in shadow mode".to_owned()));
    }
    let sent = c_store::send(store, us, &parcel).await?;
    note_delivered(store, &parcel, &sent).await
}

async fn note_delivered(store: &Store, parcel: &Parcel, sent: &Sent) -> Result<(), JobError> {
    let result = parcel.instance.sop_instance_uid.as_str();
    let peer = &parcel.peer.ae_title;
    tracing::info!(delivery = %parcel.delivery_id, run.id = %parcel.run.id, %peer, "delivered a result");
    let detail = serde_json::json!({
        "delivery": parcel.delivery_id,
        "peer": peer,
        "run": parcel.run.id,
        "sop_instance_uid": sent.sop_instance_uid,
    });
    let event = Event::new("lightbox", "result.delivered", "instance", result)
        .detail(detail.to_string())
        .study(parcel.instance.study_instance_uid.as_str());
    let mut write = store.write().await?;
    write.end_delivery(&parcel.delivery_id, None).await?;
    if parcel.peer.policy.commits {
        let transaction = derived_uid(&parcel.delivery_id, "commitment");
        let named = (sent.sop_class_uid.as_str(), sent.sop_instance_uid.as_str());
        write.order_commitment(&parcel.delivery_id, peer, &transaction, named).await?;
    }
    write.append_event(event).await?;
    Ok(write.commit().await?)
}

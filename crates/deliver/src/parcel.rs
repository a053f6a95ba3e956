//! All that a courier needs to know of a delivery.

use lightbox_dicom::ObjectFile;
use lightbox_domain::{Peer, Run};
use lightbox_pipeline::{JobError, leaving};
use lightbox_store::{Delivery, Store, StoredInstance};

/// A result on its way.
pub(crate) struct Parcel {
    pub delivery_id: String,
    /// To whom.
    pub peer: Peer,
    /// Whose result it is.
    pub run: Run,
    /// The result.
    pub instance: StoredInstance,
    /// It as it leaves.
    pub file: ObjectFile,
}

impl Parcel {
    pub(crate) async fn of(store: &Store, delivery: Delivery) -> Result<Self, JobError> {
        let missing = |kind: &str, id: &str| JobError::Permanent(format!("there is no {kind} {id} any more"));
        // A peer that was removed meanwhile is a person's decision, so this is for good, too.
        let peer = store.peer(&delivery.ae_title).await?;
        let run = store.run(&delivery.run_id).await?.ok_or_else(|| missing("run", &delivery.run_id))?;
        let uid = &delivery.sop_instance_uid;
        let instance = store.instance(uid).await?.ok_or_else(|| missing("instance", uid))?;
        let file = leaving(store, &instance).await?;
        Ok(Self { delivery_id: delivery.id, peer, run, instance, file })
    }
}

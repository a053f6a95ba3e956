//! C-STORE as SCU (PS3.7 §9.1.1, PS3.4 Annex B): which contexts objects need, and how one object leaves in one of them.

use crate::DimseError;
use crate::command::{CommandSet, element};
use crate::outgoing::{Outgoing, syntaxes_from};
use crate::requestor::{CONTEXTS_MAX, Offer, Requestor};
use lightbox_dicom::ObjectFile;
use lightbox_pipeline::leaving;
use lightbox_store::{Store, StoredInstance};
use std::path::PathBuf;
use tokio::io::AsyncRead;

/// On whose behalf objects are sent during C-MOVE (PS3.7 §9.1.1.1).
#[derive(Clone, Debug)]
pub(crate) struct Originator {
    pub ae_title: String,
    pub message_id: u16,
}

/// Things that can be sent over one association.
#[derive(Debug)]
pub(crate) struct Batch<T> {
    pub offers: Vec<Offer>,
    pub things: Vec<T>,
}

/// Divides things so that the contexts of each batch fit into one association. `kind` gives the SOP class and the stored
/// transfer syntax of a thing, and whether it has pixels.
pub(crate) fn batches<T>(things: Vec<T>, kind: impl Fn(&T) -> (String, String, bool)) -> Vec<Batch<T>> {
    let mut batches: Vec<Batch<T>> = Vec::new();
    for thing in things {
        let (class, syntax, has_pixels) = kind(&thing);
        let offers = offers(&class, &syntaxes_from(&syntax, has_pixels));
        let new = |batch: &Batch<T>| offers.iter().filter(|offer| !batch.offers.contains(offer)).count();
        match batches.last_mut().filter(|batch| batch.offers.len() + new(batch) <= CONTEXTS_MAX) {
            Some(batch) => {
                let missing: Vec<_> = offers.into_iter().filter(|offer| !batch.offers.contains(offer)).collect();
                batch.offers.extend(missing);
                batch.things.push(thing);
            }
            None => batches.push(Batch { offers, things: vec![thing] }),
        }
    }
    batches
}

/// A context for each syntax in which such an object can be sent, so that the peer can take them all and the best is
/// chosen.
pub(crate) fn offers(sop_class_uid: &str, transfer_syntax_uids: &[&str]) -> Vec<Offer> {
    transfer_syntax_uids.iter().map(|syntax| Offer::new(sop_class_uid, &[syntax])).collect()
}

/// Makes a stored instance ready, with what was corrected of it.
pub(crate) async fn open_stored(store: &Store, instance: &StoredInstance) -> Result<Outgoing, DimseError> {
    open(leaving(store, instance).await.map_err(|error| DimseError::Store(error.to_string()))?).await
}

/// Reads the header of a file on a thread of its own.
pub(crate) async fn open(file: ObjectFile) -> Result<Outgoing, DimseError> {
    let path = file.path().to_owned();
    let unsendable = |reason: String| DimseError::Unsendable { path, reason };
    let opened = tokio::task::spawn_blocking(move || Outgoing::open(&file)).await;
    opened.unwrap_or_else(|error| Err(unsendable(error.to_string())))
}

/// Sends an object in the best syntax that was accepted and that it can be changed into; gives the status, which is
/// success or a warning.
pub(crate) async fn store_one(
    requestor: &mut Requestor,
    object: &Outgoing,
    originator: Option<&Originator>,
) -> Result<u16, DimseError> {
    let (context_id, mut data_set) = prepare(object, |syntax| {
        let context_id = requestor.context(&object.sop_class_uid, syntax).ok()?;
        Some((context_id, syntax.to_owned()))
    })
    .await?
    .ok_or_else(|| requestor.refused(&object.sop_class_uid, &object.transfer_syntax_uid))?;
    let request = store_request(requestor.next_message_id(), object, originator);
    requestor.perform(context_id, &request, Some(&mut *data_set)).await
}

/// The first context, in the order of the syntaxes that suit an object, for which its data set can be made; `None` when
/// no context was accepted.
pub(crate) async fn prepare<'a>(
    object: &'a Outgoing,
    context: impl Fn(&str) -> Option<(u8, String)>,
) -> Result<Option<(u8, Box<dyn AsyncRead + Send + Unpin + 'a>)>, DimseError> {
    let mut refused = None;
    for (context_id, syntax) in object.transfer_syntax_uids().into_iter().filter_map(&context) {
        match object.data_set(&syntax).await {
            Ok(data_set) => return Ok(Some((context_id, data_set))),
            Err(error) => refused = Some(unsendable(object, &error)),
        }
    }
    refused.map_or(Ok(None), Err)
}

/// The command that goes before an object.
pub(crate) fn store_request(message_id: u16, object: &Outgoing, originator: Option<&Originator>) -> CommandSet {
    let request = CommandSet::store_request(message_id, &object.sop_class_uid, &object.sop_instance_uid);
    match originator {
        None => request,
        Some(originator) => request
            .with_title(element::MOVE_ORIGINATOR_AE_TITLE, &originator.ae_title)
            .with_number(element::MOVE_ORIGINATOR_MESSAGE_ID, originator.message_id),
    }
}

fn unsendable(object: &Outgoing, error: &std::io::Error) -> DimseError {
    DimseError::Unsendable { path: PathBuf::from(&object.sop_instance_uid), reason: error.to_string() }
}

#[cfg(test)]
mod tests {
    use super::*;

    const JPEG_LS: &str = "1.2.840.10008.1.2.4.80";

    #[test]
    fn kinds_share_associations_as_long_as_contexts_are_left() {
        let things: Vec<u32> = (0..300).chain(0..10).collect();
        let batches = batches(things, |number| (format!("1.2.3.{}", number % 150), JPEG_LS.to_owned(), true));
        assert!(batches.len() > 1);
        assert!(batches.iter().all(|batch| batch.offers.len() <= CONTEXTS_MAX));
        assert_eq!(batches.iter().map(|batch| batch.things.len()).sum::<usize>(), 310);
    }
}

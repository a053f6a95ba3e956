//! C-FIND and C-MOVE as SCU (PS3.4 §C.4.1, §C.4.2): what a peer has, and have it send that somewhere.

use crate::DimseError;
use crate::command::{C_FIND_RQ, C_MOVE_RQ, CommandSet, element};
use crate::requestor::{Offer, Requestor};
use crate::scu::{Node, Target};
use crate::services::level_name;
use dicom_dictionary_std::uids;
use lightbox_dicom::DataSet;
use lightbox_dicom::data_set::tag;
use lightbox_domain::{Level, Peer};
use std::time::Duration;

/// How long a peer may think about a query, or about one instance that it moves.
const ANSWER_WAIT_MAX: Duration = Duration::from_secs(120);

const PENDING: [u16; 2] = [0xFF00, 0xFF01];
const SUCCESS: u16 = 0x0000;
const CANCELLED: u16 = 0xFE00;
const SOME_FAILED: u16 = 0xB000;

/// How far a C-MOVE is.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Moved {
    /// Instances that are still to be sent, if the peer says so.
    pub remaining: u16,
    /// Instances that arrived.
    pub completed: u16,
    /// Instances that did not.
    pub failed: u16,
    /// Instances that arrived, with a warning.
    pub warned: u16,
}

/// Asks a peer what it has that matches; each match goes to `on_match`. After `matches_max` the query is cancelled.
/// Patients are looked for in the Patient Root, everything else in the Study Root.
///
/// # Errors
/// [`DimseError`] says at which step it failed.
pub async fn find(
    peer: &Peer,
    us: &Node,
    level: Level,
    keys: DataSet,
    matches_max: usize,
    mut on_match: impl FnMut(DataSet),
) -> Result<(), DimseError> {
    let class = match level {
        Level::Patient => uids::PATIENT_ROOT_QUERY_RETRIEVE_INFORMATION_MODEL_FIND,
        _ => uids::STUDY_ROOT_QUERY_RETRIEVE_INFORMATION_MODEL_FIND,
    };
    let mut operation = Operation::begin(peer, us, class, C_FIND_RQ, |request| request, level, keys).await?;
    let mut matches = 0;
    let ended = loop {
        let response = match operation.requestor.response(&operation.request).await {
            Ok(response) => response,
            Err(error) => break Err(error),
        };
        let status = response.command.status();
        if !PENDING.contains(&status) {
            let is_done = status == SUCCESS || (status == CANCELLED && matches >= matches_max);
            break if is_done { Ok(()) } else { Err(operation.requestor.failed(&response.command)) };
        }
        matches += 1;
        if matches <= matches_max {
            match operation.read(&response.data_set.unwrap_or_default()) {
                Ok(found) => on_match(found),
                Err(error) => break Err(error),
            }
        }
        if matches == matches_max
            && let Err(error) = operation.cancel().await
        {
            break Err(error);
        }
    };
    operation.requestor.release().await;
    ended
}

/// Has a peer send what the unique keys name to `destination`, an AE title that the peer knows; `on_progress` hears how
/// far it is. Gives what became of it: instances may have failed.
///
/// # Errors
/// [`DimseError`] when the peer refuses, or the association breaks.
pub async fn retrieve(
    peer: &Peer,
    us: &Node,
    destination: &str,
    level: Level,
    keys: DataSet,
    mut on_progress: impl FnMut(&Moved),
) -> Result<Moved, DimseError> {
    let class = match level {
        Level::Patient => uids::PATIENT_ROOT_QUERY_RETRIEVE_INFORMATION_MODEL_MOVE,
        _ => uids::STUDY_ROOT_QUERY_RETRIEVE_INFORMATION_MODEL_MOVE,
    };
    let to = |request: CommandSet| request.with_title(element::MOVE_DESTINATION, destination);
    let mut operation = Operation::begin(peer, us, class, C_MOVE_RQ, to, level, keys).await?;
    let mut moved = Moved::default();
    let ended = loop {
        let response = match operation.requestor.response(&operation.request).await {
            Ok(response) => response.command,
            Err(error) => break Err(error),
        };
        let count = |element, before| response.number(element).unwrap_or(before);
        moved = Moved {
            remaining: count(element::REMAINING_SUB_OPERATIONS, 0),
            completed: count(element::COMPLETED_SUB_OPERATIONS, moved.completed),
            failed: count(element::FAILED_SUB_OPERATIONS, moved.failed),
            warned: count(element::WARNING_SUB_OPERATIONS, moved.warned),
        };
        match response.status() {
            status if PENDING.contains(&status) => on_progress(&moved),
            SUCCESS | SOME_FAILED => break Ok(moved),
            _ => break Err(operation.requestor.failed(&response)),
        }
    };
    operation.requestor.release().await;
    ended
}

/// A query or a retrieval at a peer.
struct Operation {
    requestor: Requestor,
    context_id: u8,
    transfer_syntax_uid: String,
    request: CommandSet,
}

impl Operation {
    async fn begin(
        peer: &Peer,
        us: &Node,
        class: &str,
        command_field: u16,
        complete: impl FnOnce(CommandSet) -> CommandSet,
        level: Level,
        keys: DataSet,
    ) -> Result<Self, DimseError> {
        let target = Target::of(peer, us)?;
        let offer = Offer::new(class, &[uids::EXPLICIT_VR_LITTLE_ENDIAN, uids::IMPLICIT_VR_LITTLE_ENDIAN]);
        let mut requestor = Requestor::associate(&target, &[offer], ANSWER_WAIT_MAX).await?;
        let (context_id, transfer_syntax_uid) = match requestor.context_of(class) {
            Ok(context) => context,
            Err(error) => {
                requestor.release().await;
                return Err(error);
            }
        };
        let request = CommandSet::request(command_field, requestor.next_message_id(), class)
            .with_data_set()
            .with_number(element::PRIORITY, 0);
        let request = complete(request);
        let identifier = keys.with(tag::QUERY_RETRIEVE_LEVEL, level_name(level)).write(&transfer_syntax_uid, "");
        requestor.send(context_id, &request, Some(&identifier)).await?;
        Ok(Self { requestor, context_id, transfer_syntax_uid, request })
    }

    fn read(&self, bytes: &[u8]) -> Result<DataSet, DimseError> {
        DataSet::read(bytes, &self.transfer_syntax_uid).map_err(|error| self.requestor.bad_answer(&error.to_string()))
    }

    async fn cancel(&mut self) -> Result<(), DimseError> {
        let cancel = CommandSet::cancel_request(self.request.message_id());
        self.requestor.send(self.context_id, &cancel, None).await
    }
}

//! Command sets (PS3.7 §6.3, Annex E): group 0000 in implicit VR little endian.

use crate::elements::{Encoding, read_header, unpadded};
use std::collections::BTreeMap;

/// Elements of group 0000 (PS3.7 Table E.1-1).
pub(crate) mod element {
    pub const AFFECTED_SOP_CLASS_UID: u16 = 0x0002;
    pub const REQUESTED_SOP_CLASS_UID: u16 = 0x0003;
    pub const COMMAND_FIELD: u16 = 0x0100;
    pub const MESSAGE_ID: u16 = 0x0110;
    pub const MESSAGE_ID_BEING_RESPONDED_TO: u16 = 0x0120;
    pub const MOVE_DESTINATION: u16 = 0x0600;
    pub const PRIORITY: u16 = 0x0700;
    pub const COMMAND_DATA_SET_TYPE: u16 = 0x0800;
    pub const STATUS: u16 = 0x0900;
    pub const ERROR_COMMENT: u16 = 0x0902;
    pub const AFFECTED_SOP_INSTANCE_UID: u16 = 0x1000;
    pub const REQUESTED_SOP_INSTANCE_UID: u16 = 0x1001;
    pub const EVENT_TYPE_ID: u16 = 0x1002;
    pub const ACTION_TYPE_ID: u16 = 0x1008;
    pub const REMAINING_SUB_OPERATIONS: u16 = 0x1020;
    pub const COMPLETED_SUB_OPERATIONS: u16 = 0x1021;
    pub const FAILED_SUB_OPERATIONS: u16 = 0x1022;
    pub const WARNING_SUB_OPERATIONS: u16 = 0x1023;
    pub const MOVE_ORIGINATOR_AE_TITLE: u16 = 0x1030;
    pub const MOVE_ORIGINATOR_MESSAGE_ID: u16 = 0x1031;
}

/// Values of Command Field (PS3.7 Table E.1-1). A response has the value of its request and this bit.
pub(crate) const RESPONSE: u16 = 0x8000;
pub(crate) const C_STORE_RQ: u16 = 0x0001;
pub(crate) const C_GET_RQ: u16 = 0x0010;
pub(crate) const C_FIND_RQ: u16 = 0x0020;
pub(crate) const C_MOVE_RQ: u16 = 0x0021;
pub(crate) const C_ECHO_RQ: u16 = 0x0030;
pub(crate) const N_EVENT_REPORT_RQ: u16 = 0x0100;
pub(crate) const N_SET_RQ: u16 = 0x0120;
pub(crate) const N_ACTION_RQ: u16 = 0x0130;
pub(crate) const N_CREATE_RQ: u16 = 0x0140;
pub(crate) const C_CANCEL_RQ: u16 = 0x0FFF;

/// The Command Data Set Type that says "no data set"; any other value says that one follows.
const NO_DATA_SET: u16 = 0x0101;
/// The value that most implementations send when a data set follows.
const DATA_SET: u16 = 0x0000;

/// What a response without a status is taken for (PS3.7 §C.5.13).
const PROCESSING_FAILURE: u16 = 0x0110;

/// The longest Error Comment, in characters (VR LO).
const ERROR_COMMENT_MAX: usize = 64;

/// Values of group 0000 by element number.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(crate) struct CommandSet(BTreeMap<u16, Vec<u8>>);

/// The bytes are no command set.
#[derive(Debug, PartialEq, Eq, thiserror::Error)]
#[error("sent a malformed command set")]
pub(crate) struct CommandError;

impl CommandSet {
    /// Reads a whole command set.
    pub(crate) fn parse(mut bytes: &[u8]) -> Result<Self, CommandError> {
        let mut values = BTreeMap::new();
        while !bytes.is_empty() {
            let header = read_header(bytes, Encoding::IMPLICIT_LITTLE).ok_or(CommandError)?;
            let end = header.whole_bytes().ok_or(CommandError)?;
            let value = bytes.get(header.header_bytes..end).ok_or(CommandError)?;
            if header.group != 0 {
                return Err(CommandError);
            }
            values.insert(header.element, value.to_vec());
            bytes = &bytes[end..];
        }
        let command = Self(values);
        command.number(element::COMMAND_FIELD).ok_or(CommandError)?;
        Ok(command)
    }

    /// The command set with its group length before it.
    pub(crate) fn encode(&self) -> Vec<u8> {
        let mut elements = Vec::new();
        for (element, value) in self.0.iter().filter(|(element, _)| **element != 0) {
            push_element(&mut elements, *element, value);
        }
        let mut bytes = Vec::with_capacity(12 + elements.len());
        push_element(&mut bytes, 0, &(elements.len() as u32).to_le_bytes());
        bytes.extend_from_slice(&elements);
        bytes
    }

    /// A request without a data set.
    pub(crate) fn request(command_field: u16, message_id: u16, sop_class_uid: &str) -> Self {
        Self::default()
            .with_uid(element::AFFECTED_SOP_CLASS_UID, sop_class_uid)
            .with_number(element::COMMAND_FIELD, command_field)
            .with_number(element::MESSAGE_ID, message_id)
            .with_number(element::COMMAND_DATA_SET_TYPE, NO_DATA_SET)
    }

    /// The request to store this instance; its data set follows (PS3.7 §9.3.1.1).
    pub(crate) fn store_request(message_id: u16, sop_class_uid: &str, sop_instance_uid: &str) -> Self {
        Self::request(C_STORE_RQ, message_id, sop_class_uid)
            .with_number(element::COMMAND_DATA_SET_TYPE, DATA_SET)
            .with_number(element::PRIORITY, 0)
            .with_uid(element::AFFECTED_SOP_INSTANCE_UID, sop_instance_uid)
    }

    /// The request to cancel the operation of this message (PS3.7 §9.3.2.3).
    pub(crate) fn cancel_request(message_id: u16) -> Self {
        Self::default()
            .with_number(element::COMMAND_FIELD, C_CANCEL_RQ)
            .with_number(element::MESSAGE_ID_BEING_RESPONDED_TO, message_id)
            .with_number(element::COMMAND_DATA_SET_TYPE, NO_DATA_SET)
    }

    /// A request of an N-service: what is spoken of is requested, not affected (PS3.7 §10.3), but for event reports.
    pub(crate) fn normalised_request(command_field: u16, message_id: u16, class_uid: &str, instance_uid: &str) -> Self {
        let (class, instance) = match command_field {
            N_EVENT_REPORT_RQ | N_CREATE_RQ => (element::AFFECTED_SOP_CLASS_UID, element::AFFECTED_SOP_INSTANCE_UID),
            _ => (element::REQUESTED_SOP_CLASS_UID, element::REQUESTED_SOP_INSTANCE_UID),
        };
        Self::default()
            .with_uid(class, class_uid)
            .with_number(element::COMMAND_FIELD, command_field)
            .with_number(element::MESSAGE_ID, message_id)
            .with_number(element::COMMAND_DATA_SET_TYPE, DATA_SET)
            .with_uid(instance, instance_uid)
    }

    /// The response to this request: what it speaks of is repeated, as PS3.7 §9.3.1.2, §9.3.5.2 and §10.3 say.
    pub(crate) fn response(&self, status: u16, comment: &str) -> Self {
        let mut response = Self::default()
            .with_number(element::COMMAND_FIELD, self.command_field() | RESPONSE)
            .with_number(element::MESSAGE_ID_BEING_RESPONDED_TO, self.message_id())
            .with_number(element::COMMAND_DATA_SET_TYPE, NO_DATA_SET)
            .with_number(element::STATUS, status);
        for (asked, answered) in [
            (element::AFFECTED_SOP_CLASS_UID, element::AFFECTED_SOP_CLASS_UID),
            (element::REQUESTED_SOP_CLASS_UID, element::AFFECTED_SOP_CLASS_UID),
            (element::AFFECTED_SOP_INSTANCE_UID, element::AFFECTED_SOP_INSTANCE_UID),
            (element::REQUESTED_SOP_INSTANCE_UID, element::AFFECTED_SOP_INSTANCE_UID),
            (element::EVENT_TYPE_ID, element::EVENT_TYPE_ID),
            (element::ACTION_TYPE_ID, element::ACTION_TYPE_ID),
        ] {
            if let Some(value) = self.0.get(&asked) {
                response.0.insert(answered, value.clone());
            }
        }
        if comment.is_empty() { response } else { response.with_comment(comment) }
    }

    /// The same, announcing a data set.
    pub(crate) fn with_data_set(self) -> Self {
        self.with_number(element::COMMAND_DATA_SET_TYPE, DATA_SET)
    }

    /// Whether this cancels the operation of that message.
    pub(crate) fn cancels(&self, message_id: u16) -> bool {
        self.command_field() == C_CANCEL_RQ && self.number(element::MESSAGE_ID_BEING_RESPONDED_TO) == Some(message_id)
    }

    pub(crate) fn message_id(&self) -> u16 {
        self.number(element::MESSAGE_ID).unwrap_or(0)
    }

    pub(crate) fn status(&self) -> u16 {
        self.number(element::STATUS).unwrap_or(PROCESSING_FAILURE)
    }

    pub(crate) fn command_field(&self) -> u16 {
        self.number(element::COMMAND_FIELD).unwrap_or(0)
    }

    pub(crate) fn has_data_set(&self) -> bool {
        self.number(element::COMMAND_DATA_SET_TYPE).is_some_and(|kind| kind != NO_DATA_SET)
    }

    /// A value of VR US.
    pub(crate) fn number(&self, element: u16) -> Option<u16> {
        let bytes: [u8; 2] = self.0.get(&element)?.as_slice().try_into().ok()?;
        Some(u16::from_le_bytes(bytes))
    }

    /// A value of a text VR, without padding; empty when absent.
    pub(crate) fn text(&self, element: u16) -> String {
        self.0.get(&element).map(|value| unpadded(value)).unwrap_or_default()
    }

    pub(crate) fn with_number(mut self, element: u16, number: u16) -> Self {
        self.0.insert(element, number.to_le_bytes().to_vec());
        self
    }

    pub(crate) fn with_uid(mut self, element: u16, uid: &str) -> Self {
        let mut value = uid.as_bytes().to_vec();
        value.resize(uid.len().next_multiple_of(2), 0);
        self.0.insert(element, value);
        self
    }

    /// A value of VR AE.
    pub(crate) fn with_title(mut self, element: u16, title: &str) -> Self {
        let mut value = title.as_bytes().to_vec();
        value.resize(title.len().next_multiple_of(2), b' ');
        self.0.insert(element, value);
        self
    }

    /// An Error Comment is one value in the default character set: other characters become question marks.
    fn with_comment(mut self, comment: &str) -> Self {
        let plain = |character: char| match character {
            '×' => b'x',
            ' '..='~' if character != '\\' => character as u8,
            _ => b'?',
        };
        let mut value: Vec<u8> = comment.chars().take(ERROR_COMMENT_MAX).map(plain).collect();
        value.resize(value.len().next_multiple_of(2), b' ');
        self.0.insert(element::ERROR_COMMENT, value);
        self
    }
}

fn push_element(bytes: &mut Vec<u8>, element: u16, value: &[u8]) {
    bytes.extend_from_slice(&[0, 0]);
    bytes.extend_from_slice(&element.to_le_bytes());
    bytes.extend_from_slice(&(value.len() as u32).to_le_bytes());
    bytes.extend_from_slice(value);
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_command_set_is_read_back() {
        let request = CommandSet::store_request(7, "1.2.840.10008.5.1.4.1.1.7", "1.2.3");
        let read = CommandSet::parse(&request.encode()).unwrap();
        assert_eq!(read.command_field(), C_STORE_RQ);
        assert!(read.has_data_set());
        assert_eq!(read.text(element::AFFECTED_SOP_INSTANCE_UID), "1.2.3");
    }

    #[test]
    fn a_response_repeats_what_the_request_speaks_of() {
        let request = CommandSet::store_request(7, "1.2.840.10008.5.1.4.1.1.7", "1.2.3");
        let response = request.response(0xC000, "2 rows × 3\\columns é");
        assert_eq!(response.command_field(), 0x8001);
        assert_eq!(response.number(element::MESSAGE_ID_BEING_RESPONDED_TO), Some(7));
        assert_eq!(response.text(element::AFFECTED_SOP_INSTANCE_UID), "1.2.3");
        assert_eq!(response.text(element::ERROR_COMMENT), "2 rows x 3?columns ?");
        assert!(!response.has_data_set());
        assert!(request.response(1, &"long ".repeat(40)).text(element::ERROR_COMMENT).len() <= 64);
    }

    #[test]
    fn what_is_no_command_set_is_refused() {
        let other_group = [8, 0, 0, 0, 2, 0, 0, 0, 1, 0];
        let too_long = [0, 0, 0, 1, 200, 0, 0, 0, 1, 0];
        for bytes in [&other_group[..], &too_long[..], &[0, 0, 0][..], &[][..]] {
            assert_eq!(CommandSet::parse(bytes), Err(CommandError));
        }
    }
}

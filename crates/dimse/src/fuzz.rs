//! What reads messages, opened to tests that feed it any bytes (`lightbox-fuzz`, `mutated`).

use crate::command::CommandSet;
use crate::connection::{Connection, ConnectionError};
use dicom_ul::pdu::{
    AssociationRQ, PDataValue, PDataValueType, Pdu, PresentationContextProposed, UserVariableItem, write_pdu,
};
use std::time::Duration;
use tokio::io::AsyncWriteExt;

const CONTEXT_ID: u8 = 3;

/// How much a connection may take in before a reader sees it, in bytes.
const PIPE_BYTES: usize = 64 * 1024;

/// An association in which an instance is stored: its request, the command, the data set in two pieces, the release.
#[must_use]
pub fn association() -> Vec<u8> {
    let request = Pdu::AssociationRQ(AssociationRQ {
        protocol_version: 1,
        calling_ae_title: "CALLER".to_owned(),
        called_ae_title: "LIGHTBOX".to_owned(),
        application_context_name: "1.2.840.10008.3.1.1.1".to_owned(),
        presentation_contexts: vec![PresentationContextProposed {
            id: CONTEXT_ID,
            abstract_syntax: "1.2.840.10008.5.1.4.1.1.7".to_owned(),
            transfer_syntaxes: vec!["1.2.840.10008.1.2".to_owned()],
        }],
        user_variables: vec![UserVariableItem::MaxLength(16_384)],
    });
    let command = CommandSet::store_request(1, "1.2.840.10008.5.1.4.1.1.7", "1.2.3").encode();
    let values = [(PDataValueType::Command, true, command), data(false, 40), data(true, 11)];
    let message = values.map(|(value_type, is_last, data)| Pdu::PData {
        data: vec![PDataValue { presentation_context_id: CONTEXT_ID, value_type, is_last, data }],
    });
    let mut bytes = Vec::new();
    for pdu in std::iter::once(request).chain(message).chain([Pdu::ReleaseRQ]) {
        // Writing into memory does not fail.
        let _ = write_pdu(&mut bytes, &pdu);
    }
    bytes
}

fn data(is_last: bool, length: u8) -> (PDataValueType, bool, Vec<u8>) {
    (PDataValueType::Data, is_last, (0..length).collect())
}

/// What reading these bytes as the door does comes to; they arrive in pieces of that length.
///
/// # Errors
/// What is wrong with them, in words.
pub fn read_messages(bytes: &[u8], piece_bytes: usize) -> Result<(), String> {
    let runtime = tokio::runtime::Builder::new_current_thread().enable_time().build();
    let runtime = runtime.map_err(|error| error.to_string())?;
    let read = runtime.block_on(async {
        let (mut peer, ours) = tokio::io::duplex(PIPE_BYTES);
        let mut connection = Connection::new(ours, Duration::from_secs(10));
        let send = async move {
            for piece in bytes.chunks(piece_bytes) {
                if peer.write_all(piece).await.is_err() {
                    return;
                }
            }
        };
        // The reader goes first when it gives up, which ends the sender.
        tokio::join!(send, async move { read(&mut connection).await }).1
    });
    read.map_err(|error| error.to_string())
}

/// Reads what arrives as the door does, until it ends or cannot go on.
async fn read(connection: &mut Connection) -> Result<(), ConnectionError> {
    connection.read().await?;
    while let Some((context_id, command)) = connection.read_command().await? {
        if command.has_data_set() {
            while !connection.read_fragment(context_id).await?.is_last {}
        }
    }
    Ok(())
}

/// A command set that was read, answered, and written again; `None` when it is none.
#[must_use]
pub fn command_set(bytes: &[u8]) -> Option<Vec<u8>> {
    let command = CommandSet::parse(bytes).ok()?;
    let _ = command.response(command.status(), "an answer").encode();
    Some(command.encode())
}

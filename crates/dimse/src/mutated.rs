//! Whatever arrives over a connection, what reads it ends with a message or an error: it never breaks, and keeps no more
//! than a PDU and a command set of it.

use crate::connection::{Connection, ConnectionError, PDU_BYTES_MAX};
use dicom_ul::pdu::{
    AssociationRQ, PDataValue, PDataValueType, Pdu, PresentationContextProposed, UserVariableItem, write_pdu,
};
use proptest::collection::vec;
use proptest::prelude::{ProptestConfig, any, proptest};
use proptest::sample::Index;
use std::time::Duration;
use tokio::io::AsyncWriteExt;

const CONTEXT_ID: u8 = 3;

/// How much a connection may take in before a reader sees it, in bytes.
const PIPE_BYTES: usize = 64 * 1024;

/// An association in which an instance is stored: its request, the command, the data set in two pieces, the release.
fn association() -> Vec<u8> {
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
    let command = crate::command::CommandSet::store_request(1, "1.2.840.10008.5.1.4.1.1.7", "1.2.3").encode();
    let values = [(PDataValueType::Command, true, command), data(false, 40), data(true, 11)];
    let message = values.map(|(value_type, is_last, data)| Pdu::PData {
        data: vec![PDataValue { presentation_context_id: CONTEXT_ID, value_type, is_last, data }],
    });
    let mut bytes = Vec::new();
    for pdu in std::iter::once(request).chain(message).chain([Pdu::ReleaseRQ]) {
        write_pdu(&mut bytes, &pdu).expect("it can be written");
    }
    bytes
}

fn data(is_last: bool, length: u8) -> (PDataValueType, bool, Vec<u8>) {
    (PDataValueType::Data, is_last, (0..length).collect())
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

/// What reading these bytes comes to; they arrive in pieces of that length.
fn read_all(bytes: &[u8], piece_bytes: usize) -> Result<(), ConnectionError> {
    let runtime = tokio::runtime::Builder::new_current_thread().enable_time().build().expect("a runtime");
    runtime.block_on(async {
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
    })
}

#[test]
fn an_association_is_read_however_it_is_cut() {
    let bytes = association();
    for piece_bytes in [1, 2, 7, 100, bytes.len()] {
        read_all(&bytes, piece_bytes).expect("it is whole");
    }
    for cut in 0..bytes.len() - 1 {
        assert!(read_all(&bytes[..cut], 64).is_err(), "cut after {cut} bytes");
    }
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(2_000))]

    #[test]
    fn changed_bytes_are_survived(changes in vec((any::<Index>(), any::<u8>()), 1..8), piece_bytes in 1_usize..200) {
        let mut bytes = association();
        for (place, value) in changes {
            let place = place.index(bytes.len());
            bytes[place] = value;
        }
        let _ = read_all(&bytes, piece_bytes);
    }

    #[test]
    fn cut_and_joined_bytes_are_survived(cut in any::<Index>(), join in any::<Index>(), more in vec(any::<u8>(), 0..64)) {
        let bytes = association();
        let (cut, join) = (cut.index(bytes.len()), join.index(bytes.len()));
        let _ = read_all(&[&bytes[..cut], &more, &bytes[join..]].concat(), 50);
    }

    #[test]
    fn any_bytes_behind_a_header_are_survived(kind in 0_u8..10, length in 0_u32..PDU_BYTES_MAX + 2, body in vec(any::<u8>(), 0..300)) {
        let header = [&[kind, 0][..], &length.to_be_bytes()].concat();
        let _ = read_all(&[header, body].concat(), 100);
    }
}

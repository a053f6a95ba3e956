//! C-STORE as SCP (PS3.7 §9.1.1, PS3.4 Annex B): the fragments of a data set stream into the pipeline, and the response
//! leaves after the commit.
//!
//! | what happened | status (PS3.4 Table B.2-1) |
//! |---|---|
//! | stored, or stored before | `0000` |
//! | another data set with this SOP Instance UID is stored | `B000` |
//! | stored, but it is not what the command announced, seen late | `B007` |
//! | not what the command announced | `A900` |
//! | too large, or the disk or database refuses | `A700` |
//! | no object that can be kept: cut short, malformed, UIDs missing | `C000` |
//!
//! A newcomer with a known UID is kept, on the conflict shelf, so a failure would be wrong and would have its sender
//! try for ever. Nor is it plain success: whoever asks for this UID gets other values than this sender sent, which is
//! what *Coercion of Data Elements* (`B000`) tells it; the Error Comment says the rest.

use crate::command::{CommandSet, element};
use crate::connection::{Connection, ConnectionError};
use crate::contexts::Context;
use crate::identity::{Announced, IdentityCheck};
use bytes::Bytes;
use lightbox_dicom::{InspectError, part10_prefix};
use lightbox_domain::{AeTitle, Source, Uid};
use lightbox_pipeline::{ReceiveError, Received, ReceivedOutcome, Receiver};
use tokio::sync::mpsc;

/// How many fragments of an instance may wait for the disk before its sender is slowed down.
const FRAGMENTS_WAITING_MAX: usize = 4;

const SUCCESS: u16 = 0x0000;
const PROCESSING_FAILURE: u16 = 0x0110;
const OUT_OF_RESOURCES: u16 = 0xA700;
const DATA_SET_DOES_NOT_MATCH: u16 = 0xA900;
const COERCION: u16 = 0xB000;
const DATA_SET_DOES_NOT_MATCH_WARNING: u16 = 0xB007;
const CANNOT_UNDERSTAND: u16 = 0xC000;
/// Of the range of failures that PS3.4 Table B.2-1 leaves to whoever answers: sent again, it fails again.
const REFUSED_CONFLICT: u16 = 0xC111;

/// What a response says.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Reply {
    pub status: u16,
    /// For the Error Comment; empty when there is nothing to add.
    pub comment: String,
}

impl Reply {
    pub(crate) fn new(status: u16, comment: impl Into<String>) -> Self {
        Self { status, comment: comment.into() }
    }
}

/// Receives the data set that follows a C-STORE request, whole, whether it is kept or not.
pub(crate) async fn receive_instance(
    connection: &mut Connection,
    receiver: &Receiver,
    calling_title: &AeTitle,
    context: &Context,
    command: &CommandSet,
) -> Result<Reply, ConnectionError> {
    let Some((announced, transfer_syntax_uid)) = announced(command, context) else {
        connection.skip_data_set(context.id).await?;
        return Ok(Reply::new(CANNOT_UNDERSTAND, "the command names no SOP class and instance"));
    };
    let prefix = part10_prefix(
        &announced.sop_class_uid,
        &announced.sop_instance_uid,
        &transfer_syntax_uid,
        calling_title.as_str(),
    );
    let (pieces, mut waiting) = mpsc::channel(FRAGMENTS_WAITING_MAX);
    let stream = futures_util::stream::poll_fn(move |context| waiting.poll_recv(context));
    let receive = receiver.receive(Source::Peer(calling_title.to_string()), stream);
    let identity = IdentityCheck::new(&announced, transfer_syntax_uid.as_str());
    let (received, forwarded) = tokio::join!(receive, forward(connection, context.id, prefix.into(), identity, pieces));
    Ok(match forwarded? {
        Some(keyword) => {
            Reply::new(DATA_SET_DOES_NOT_MATCH, format!("{keyword} of the data set is not that of the command"))
        }
        None => reply(received, &announced),
    })
}

fn announced(command: &CommandSet, context: &Context) -> Option<(Announced, Uid)> {
    let uid = |element| Uid::parse(&command.text(element)).ok();
    let sop_class_uid = uid(element::AFFECTED_SOP_CLASS_UID)?;
    let sop_instance_uid = uid(element::AFFECTED_SOP_INSTANCE_UID)?;
    Some((Announced { sop_class_uid, sop_instance_uid }, Uid::parse(&context.transfer_syntax_uid).ok()?))
}

/// Hands the fragments of a data set on as they arrive. What the receiver no longer wants is read and dropped, so that
/// the association can go on. Gives the attribute that is not as announced, if there is one.
async fn forward(
    connection: &mut Connection,
    context_id: u8,
    prefix: Bytes,
    mut identity: IdentityCheck<'_>,
    pieces: mpsc::Sender<std::io::Result<Bytes>>,
) -> Result<Option<&'static str>, ConnectionError> {
    let mut wanted = pieces.send(Ok(prefix)).await.is_ok();
    let mut differs = None;
    loop {
        let fragment = match connection.read_fragment(context_id).await {
            Ok(fragment) => fragment,
            Err(error) => {
                // Without this the stream would look as if it had ended well.
                let _ = pieces.send(Err(std::io::Error::other(format!("the peer {error}")))).await;
                return Err(error);
            }
        };
        if wanted {
            differs = identity.look(&fragment.bytes);
            let piece = match differs {
                Some(_) => Err(std::io::Error::other("not the instance that was announced")),
                None => Ok(fragment.bytes),
            };
            wanted = pieces.send(piece).await.is_ok() && differs.is_none();
        }
        if fragment.is_last {
            return Ok(differs);
        }
    }
}

fn reply(received: Result<Received, ReceiveError>, announced: &Announced) -> Reply {
    match received {
        Ok(received) => reply_kept(&received, announced),
        Err(ReceiveError::Refused(error @ InspectError::TooLarge { .. })) => {
            Reply::new(OUT_OF_RESOURCES, error.to_string())
        }
        Err(ReceiveError::Refused(InspectError::Io(error))) => {
            tracing::error!(%error, "cannot read an instance that just arrived");
            Reply::new(PROCESSING_FAILURE, "the instance could not be read back")
        }
        Err(ReceiveError::Refused(error)) => Reply::new(CANNOT_UNDERSTAND, error.to_string()),
        Err(ReceiveError::Conflict { .. }) => {
            Reply::new(REFUSED_CONFLICT, "other data with this UID are stored, and stay")
        }
        Err(error @ ReceiveError::OtherStudy { .. }) => Reply::new(CANNOT_UNDERSTAND, error.to_string()),
        Err(
            error @ (ReceiveError::TooLarge { .. } | ReceiveError::DiskLow { .. } | ReceiveError::ArchiveFull { .. }),
        ) => Reply::new(OUT_OF_RESOURCES, error.to_string()),
        Err(ReceiveError::Aborted(_)) => Reply::new(PROCESSING_FAILURE, "the transfer was interrupted"),
        Err(ReceiveError::Store(error)) => {
            tracing::error!(%error, "cannot store an instance");
            Reply::new(OUT_OF_RESOURCES, "the instance cannot be stored now: send it again later")
        }
    }
}

fn reply_kept(received: &Received, announced: &Announced) -> Reply {
    let named = (&received.sop_class_uid, &received.sop_instance_uid);
    if named != (&announced.sop_class_uid, &announced.sop_instance_uid) {
        return Reply::new(DATA_SET_DOES_NOT_MATCH_WARNING, "stored under the UIDs of the data set, not the command's");
    }
    match received.outcome {
        ReceivedOutcome::Stored | ReceivedOutcome::Duplicate | ReceivedOutcome::Replaced => Reply::new(SUCCESS, ""),
        ReceivedOutcome::Conflict => {
            Reply::new(COERCION, "other data with this UID were here first; yours are shelved")
        }
    }
}

//! PDUs over a socket (PS3.8 §9.3), and the fragments of messages that they carry (PS3.8 Annex E).

use crate::command::{C_CANCEL_RQ, CommandError, CommandSet};
use bytes::{Bytes, BytesMut};
use dicom_ul::pdu::{
    AbortRQServiceProviderReason as AbortReason, AbortRQSource, PDataValueType, Pdu, UserVariableItem, read_pdu,
    write_pdu,
};
use std::collections::VecDeque;
use std::pin::Pin;
use std::task::{Context, Poll};
use std::time::Duration;
use tokio::io::{AsyncRead, AsyncReadExt, AsyncWrite, AsyncWriteExt};
use tokio::time::timeout;
use tokio_util::io::poll_read_buf;

/// The longest PDU that is read, and the Maximum Length that is announced, in bytes without the header of six.
pub(crate) const PDU_BYTES_MAX: u32 = 256 * 1024;

/// The type of the PDU that carries messages (PS3.8 §9.3.5).
const P_DATA_TF: u8 = 4;
const PDU_HEADER_BYTES: usize = 6;
/// The bytes of a P-DATA-TF PDU that are not fragment, PDU header apart: item length, context, message control header.
const ITEM_HEADER_BYTES: u32 = 6;
/// The shortest PDU that a peer may wish for; anything less leaves no room for a command set in sensible pieces.
const PEER_PDU_BYTES_MIN: u32 = 128;
/// What a peer that names no Maximum Length can surely read.
const PEER_PDU_BYTES_DEFAULT: u32 = 16 * 1024;
/// How much is read at once, until it is known how long the peer's PDUs are.
const READ_BYTES: usize = 64 * 1024;
/// The longest command set; real ones have some hundred bytes.
const COMMAND_BYTES_MAX: usize = 16 * 1024;
/// How long the other side may take to read the last PDU and close.
const LINGER: Duration = Duration::from_secs(2);

/// What PDUs travel over: a TCP stream, with or without TLS.
pub(crate) trait Transport: AsyncRead + AsyncWrite + Send + Sync + Unpin {}

impl<T: AsyncRead + AsyncWrite + Send + Sync + Unpin> Transport for T {}

/// A socket with what arrived over it.
pub(crate) struct Connection {
    stream: Box<dyn Transport>,
    arrived: BytesMut,
    /// How much is read at once: a PDU as long as the last with data, so that nothing of the next must be moved to make
    /// room for the rest of it.
    read_bytes: usize,
    leaving: Vec<u8>,
    fragments: VecDeque<Fragment>,
    /// The fragments of a command set that has not arrived whole.
    command: Vec<u8>,
    fragment_bytes_max: usize,
    /// What arrived while we were writing.
    early: Option<Arrived>,
    wait_max: Duration,
}

/// Why a connection cannot go on. Reads after the name of the other side.
#[derive(Debug, thiserror::Error)]
pub(crate) enum ConnectionError {
    #[error("closed the connection")]
    Closed,
    #[error("aborted the association")]
    Aborted,
    #[error("let more than {0} s pass")]
    Late(u64),
    #[error("announced a PDU of {0} bytes, more than {PDU_BYTES_MAX}")]
    TooLong(u32),
    #[error("sent something that is no PDU")]
    Unrecognized,
    #[error("sent a malformed PDU: {0}")]
    Malformed(String),
    #[error("sent {0} where it does not belong")]
    Unexpected(String),
    #[error("cannot be talked with: {0}")]
    Io(#[from] std::io::Error),
    /// What we wanted to send could not be read; not the other side's fault, but the message is broken.
    #[error("was to get what cannot be read: {0}")]
    Source(std::io::Error),
}

impl From<CommandError> for ConnectionError {
    fn from(error: CommandError) -> Self {
        Self::Malformed(error.to_string())
    }
}

impl ConnectionError {
    /// The reason to give in an A-ABORT; `None` when nobody is there to read it (PS3.8 §9.3.8).
    pub(crate) fn abort_reason(&self) -> Option<AbortReason> {
        match self {
            Self::Closed | Self::Aborted | Self::Io(_) => None,
            Self::Late(_) | Self::Source(_) => Some(AbortReason::ReasonNotSpecified),
            Self::TooLong(_) | Self::Malformed(_) => Some(AbortReason::InvalidPduParameter),
            Self::Unrecognized => Some(AbortReason::UnrecognizedPdu),
            Self::Unexpected(_) => Some(AbortReason::UnexpectedPdu),
        }
    }
}

/// A fragment of a message (PS3.8 §E.2).
#[derive(Debug)]
pub(crate) struct Fragment {
    context_id: u8,
    is_command: bool,
    /// Whether the command set or data set ends with it.
    pub is_last: bool,
    pub bytes: Bytes,
}

/// What a PDU is: fragments of messages, or anything else.
enum Arrived {
    Data(VecDeque<Fragment>),
    Other(Pdu),
}

impl Connection {
    /// A connection whose every PDU may take `wait_max` to arrive or leave.
    pub(crate) fn new(stream: impl Transport + 'static, wait_max: Duration) -> Self {
        Self {
            stream: Box::new(stream),
            arrived: BytesMut::with_capacity(READ_BYTES),
            read_bytes: READ_BYTES,
            leaving: Vec::new(),
            fragments: VecDeque::new(),
            command: Vec::new(),
            fragment_bytes_max: fragment_bytes(PEER_PDU_BYTES_DEFAULT),
            early: None,
            wait_max,
        }
    }

    /// Learns from what the other side says of itself how long our PDUs may be. False when that is too short to work
    /// with.
    pub(crate) fn heed(&mut self, user_variables: &[UserVariableItem]) -> bool {
        let pdu_bytes = peer_pdu_bytes(user_variables);
        self.fragment_bytes_max = fragment_bytes(pdu_bytes.unwrap_or(PEER_PDU_BYTES_MIN));
        pdu_bytes.is_some()
    }

    /// Changes how long a PDU may take.
    pub(crate) fn set_wait_max(&mut self, wait_max: Duration) {
        self.wait_max = wait_max;
    }

    /// The next PDU, which cannot be one with data. Dropped before it is there, nothing of it is lost.
    pub(crate) async fn read(&mut self) -> Result<Pdu, ConnectionError> {
        match self.read_any().await? {
            Arrived::Other(pdu) => Ok(pdu),
            Arrived::Data(_) => Err(unexpected("P-DATA-TF")),
        }
    }

    async fn read_any(&mut self) -> Result<Arrived, ConnectionError> {
        let wait_max = self.wait_max;
        timeout(wait_max, self.read_patiently()).await.map_err(|_| ConnectionError::Late(wait_max.as_secs()))?
    }

    async fn read_patiently(&mut self) -> Result<Arrived, ConnectionError> {
        if let Some(pdu) = self.early.take() {
            return Ok(pdu);
        }
        loop {
            if let Some(pdu) = self.take_pdu()? {
                return Ok(pdu);
            }
            if self.stream.read_buf(&mut self.arrived).await? == 0 {
                return Err(ConnectionError::Closed);
            }
        }
    }

    /// The PDU that has arrived whole, if one has; makes room for what is missing.
    fn take_pdu(&mut self) -> Result<Option<Arrived>, ConnectionError> {
        if self.arrived.first().is_some_and(|kind| !(1..=7).contains(kind)) {
            return Err(ConnectionError::Unrecognized);
        }
        let Some(&[_, _, a, b, c, d]) = self.arrived.get(..PDU_HEADER_BYTES) else {
            self.arrived.reserve(self.read_bytes);
            return Ok(None);
        };
        let length = u32::from_be_bytes([a, b, c, d]);
        if length > PDU_BYTES_MAX {
            return Err(ConnectionError::TooLong(length));
        }
        let whole = PDU_HEADER_BYTES + length as usize;
        if self.arrived.len() < whole {
            self.arrived.reserve(whole - self.arrived.len());
            return Ok(None);
        }
        let bytes = self.arrived.split_to(whole).freeze();
        if bytes[0] == P_DATA_TF {
            self.read_bytes = whole.max(READ_BYTES);
            return fragments_of(bytes.slice(PDU_HEADER_BYTES..)).map(|fragments| Some(Arrived::Data(fragments)));
        }
        let pdu = read_pdu(&bytes[..], PDU_BYTES_MAX, true);
        pdu.map(|pdu| pdu.map(Arrived::Other)).map_err(|error| ConnectionError::Malformed(error.to_string()))
    }

    /// Writes a PDU in one piece.
    pub(crate) async fn write(&mut self, pdu: &Pdu) -> Result<(), ConnectionError> {
        self.leaving.clear();
        write_pdu(&mut self.leaving, pdu).map_err(|error| ConnectionError::Io(std::io::Error::other(error)))?;
        self.flush().await
    }

    /// Writes a message: a command set, and the data set that follows it, if one does. What is short leaves in one piece.
    pub(crate) async fn write_message(
        &mut self,
        context_id: u8,
        command: &CommandSet,
        data_set: Option<&[u8]>,
    ) -> Result<(), ConnectionError> {
        self.leaving.clear();
        let command = command.encode();
        self.push_fragments(context_id, PDataValueType::Command, &command);
        if let Some(data_set) = data_set {
            self.push_fragments(context_id, PDataValueType::Data, data_set);
        }
        self.flush().await
    }

    /// Writes a message whose data set is read as it leaves.
    pub(crate) async fn stream_message(
        &mut self,
        context_id: u8,
        command: &CommandSet,
        data_set: &mut (dyn AsyncRead + Send + Unpin),
    ) -> Result<(), ConnectionError> {
        // One fragment is read ahead, to know the last.
        let mut next = self.read_piece(data_set).await?;
        self.leaving.clear();
        self.push_fragments(context_id, PDataValueType::Command, &command.encode());
        loop {
            let now = std::mem::replace(&mut next, self.read_piece(data_set).await?);
            push_fragment(&mut self.leaving, context_id, PDataValueType::Data, next.is_empty(), &now);
            self.flush().await?;
            self.leaving.clear();
            if next.is_empty() {
                return Ok(());
            }
        }
    }

    async fn read_piece(&self, data_set: &mut (dyn AsyncRead + Send + Unpin)) -> Result<Vec<u8>, ConnectionError> {
        let mut piece = Vec::with_capacity(self.fragment_bytes_max);
        data_set.take(self.fragment_bytes_max as u64).read_to_end(&mut piece).await.map_err(ConnectionError::Source)?;
        Ok(piece)
    }

    fn push_fragments(&mut self, context_id: u8, kind: PDataValueType, bytes: &[u8]) {
        let count = bytes.len().div_ceil(self.fragment_bytes_max).max(1);
        for place in 0..count {
            let from = place * self.fragment_bytes_max;
            let fragment = &bytes[from..bytes.len().min(from + self.fragment_bytes_max)];
            push_fragment(&mut self.leaving, context_id, kind.clone(), place + 1 == count, fragment);
        }
    }

    async fn flush(&mut self) -> Result<(), ConnectionError> {
        let leaving = std::mem::take(&mut self.leaving);
        let wait_max = self.wait_max;
        let written = timeout(wait_max, self.write_and_listen(&leaving)).await;
        self.leaving = leaving;
        written.map_err(|_| ConnectionError::Late(wait_max.as_secs()))?
    }

    /// Writes, and listens whenever it has to wait: a peer that aborted no longer reads, and closes only long after.
    async fn write_and_listen(&mut self, mut left: &[u8]) -> Result<(), ConnectionError> {
        loop {
            match std::future::poll_fn(|context| self.poll_step(context, &mut left)).await? {
                Step::Written if left.is_empty() => return Ok(()),
                Step::Written => {}
                Step::Read(0) => return Err(ConnectionError::Closed),
                Step::Read(_) => self.early = self.take_pdu()?,
            }
            if matches!(self.early, Some(Arrived::Other(Pdu::AbortRQ { .. }))) {
                return Err(ConnectionError::Aborted);
            }
        }
    }

    fn poll_step(&mut self, context: &mut Context<'_>, left: &mut &[u8]) -> Poll<std::io::Result<Step>> {
        let stream = &mut self.stream;
        while !left.is_empty() {
            match Pin::new(&mut *stream).poll_write(context, left) {
                Poll::Ready(Ok(0)) => return Poll::Ready(Err(std::io::ErrorKind::WriteZero.into())),
                Poll::Ready(Ok(count)) => *left = &left[count..],
                Poll::Ready(Err(error)) => return Poll::Ready(Err(error)),
                Poll::Pending => break,
            }
        }
        if left.is_empty()
            && let Poll::Ready(flushed) = Pin::new(&mut *stream).poll_flush(context)
        {
            return Poll::Ready(flushed.map(|()| Step::Written));
        }
        if self.early.is_some() {
            return Poll::Pending;
        }
        poll_read_buf(Pin::new(stream), context, &mut self.arrived).map_ok(Step::Read)
    }

    /// The next fragment of any message; `None` when the other side asks to release the association.
    async fn next_fragment(&mut self) -> Result<Option<Fragment>, ConnectionError> {
        loop {
            if let Some(fragment) = self.fragments.pop_front() {
                return Ok(Some(fragment));
            }
            match self.read_any().await? {
                Arrived::Data(fragments) => self.fragments = fragments,
                Arrived::Other(Pdu::ReleaseRQ) => return Ok(None),
                Arrived::Other(Pdu::AbortRQ { .. }) => return Err(ConnectionError::Aborted),
                Arrived::Other(other) => return Err(ConnectionError::Unexpected(name(&other).to_owned())),
            }
        }
    }

    /// The next command set and its presentation context; `None` when the other side asks to release the association.
    /// Dropped before it is there, nothing is lost.
    pub(crate) async fn read_command(&mut self) -> Result<Option<(u8, CommandSet)>, ConnectionError> {
        loop {
            let Some(fragment) = self.next_fragment().await? else {
                let within = !self.command.is_empty();
                return if within { Err(unexpected("A-RELEASE-RQ within a message")) } else { Ok(None) };
            };
            if !fragment.is_command {
                return Err(unexpected("a data set without a command"));
            }
            self.command.extend_from_slice(&fragment.bytes);
            if self.command.len() > COMMAND_BYTES_MAX {
                return Err(ConnectionError::Malformed(format!(
                    "a command set of more than {COMMAND_BYTES_MAX} bytes"
                )));
            }
            if fragment.is_last {
                let command = std::mem::take(&mut self.command);
                return Ok(Some((fragment.context_id, CommandSet::parse(&command)?)));
            }
        }
    }

    /// Waits, for ever if need be, until the other side cancels the operation of that message (PS3.7 §9.3.2.3). Nothing
    /// else may come while it is under way. Dropped before, nothing is lost.
    pub(crate) async fn read_cancel(&mut self, message_id: u16) -> Result<(), ConnectionError> {
        loop {
            match self.read_command().await {
                Ok(Some((_, command))) if command.cancels(message_id) => return Ok(()),
                // A cancel that crossed the last response of an earlier operation.
                Ok(Some((_, command))) if command.command_field() == C_CANCEL_RQ => {}
                Ok(Some(_)) => return Err(unexpected("another message before the last response")),
                Ok(None) => return Err(unexpected("A-RELEASE-RQ before the last response")),
                Err(ConnectionError::Late(_)) => {}
                Err(error) => return Err(error),
            }
        }
    }

    /// Whether the other side has cancelled the operation of that message by now.
    pub(crate) async fn is_cancelled(&mut self, message_id: u16) -> Result<bool, ConnectionError> {
        tokio::select! {
            biased;
            cancelled = self.read_cancel(message_id) => cancelled.map(|()| true),
            () = tokio::task::yield_now() => Ok(false),
        }
    }

    /// The data set that follows a command, in memory; `None` when it is longer than that.
    pub(crate) async fn read_data_set(
        &mut self,
        context_id: u8,
        bytes_max: usize,
    ) -> Result<Option<Vec<u8>>, ConnectionError> {
        let mut bytes = Vec::new();
        let mut fits = true;
        loop {
            let fragment = self.read_fragment(context_id).await?;
            fits &= bytes.len() + fragment.bytes.len() <= bytes_max;
            if fits {
                bytes.extend_from_slice(&fragment.bytes);
            }
            if fragment.is_last {
                return Ok(fits.then_some(bytes));
            }
        }
    }

    /// The next piece of the data set that follows a command.
    pub(crate) async fn read_fragment(&mut self, context_id: u8) -> Result<Fragment, ConnectionError> {
        let fragment = self.next_fragment().await?.ok_or_else(|| unexpected("A-RELEASE-RQ within a message"))?;
        if fragment.is_command || fragment.context_id != context_id {
            return Err(unexpected("another message within a message"));
        }
        Ok(fragment)
    }

    /// Reads the rest of a message and forgets it.
    pub(crate) async fn skip_data_set(&mut self, context_id: u8) -> Result<(), ConnectionError> {
        while !self.read_fragment(context_id).await?.is_last {}
        Ok(())
    }

    /// Closes so that what was written last still arrives: a socket closed with unread bytes would be reset, and the
    /// reset overtakes the last PDU.
    pub(crate) async fn finish(mut self) {
        let _ = self.stream.shutdown().await;
        let mut unread = [0; 8 * 1024];
        let drain = async { while matches!(self.stream.read(&mut unread).await, Ok(count) if count > 0) {} };
        let _ = timeout(LINGER, drain).await;
    }

    /// Sends an A-ABORT and closes.
    pub(crate) async fn abort(mut self, reason: AbortReason) {
        if self.write(&Pdu::AbortRQ { source: AbortRQSource::ServiceProvider(reason) }).await.is_ok() {
            self.finish().await;
        }
    }
}

/// What came of one step of [`Connection::write_and_listen`].
enum Step {
    /// All of it is on its way.
    Written,
    /// So many bytes arrived meanwhile.
    Read(usize),
}

fn unexpected(what: &str) -> ConnectionError {
    ConnectionError::Unexpected(what.to_owned())
}

/// A P-DATA-TF PDU with one fragment (PS3.8 §9.3.5, §E.2).
/// The presentation data values of a P-DATA-TF PDU (PS3.8 §9.3.5.1), each of which keeps the PDU's bytes in memory.
fn fragments_of(mut items: Bytes) -> Result<VecDeque<Fragment>, ConnectionError> {
    let mut fragments = VecDeque::with_capacity(1);
    while !items.is_empty() {
        let Some(&[a, b, c, d, context_id, control]) = items.get(..ITEM_HEADER_BYTES as usize) else {
            return Err(ConnectionError::Malformed("a presentation data value is cut short".to_owned()));
        };
        // The length counts context and message control header, not itself.
        let end = 4 + u32::from_be_bytes([a, b, c, d]) as usize;
        if end < ITEM_HEADER_BYTES as usize || end > items.len() {
            return Err(ConnectionError::Malformed("a presentation data value is not as long as it says".to_owned()));
        }
        let bytes = items.split_to(end).slice(ITEM_HEADER_BYTES as usize..);
        fragments.push_back(Fragment { context_id, is_command: control & 1 != 0, is_last: control & 2 != 0, bytes });
    }
    Ok(fragments)
}

fn push_fragment(leaving: &mut Vec<u8>, context_id: u8, kind: PDataValueType, is_last: bool, bytes: &[u8]) {
    let pdu_bytes = bytes.len() as u32 + ITEM_HEADER_BYTES;
    let control = u8::from(kind == PDataValueType::Command) | (u8::from(is_last) << 1);
    leaving.extend([4, 0]);
    leaving.extend(pdu_bytes.to_be_bytes());
    leaving.extend((pdu_bytes - 4).to_be_bytes());
    leaving.extend([context_id, control]);
    leaving.extend_from_slice(bytes);
}

/// The longest fragment in a PDU of that length; fragments have an even number of bytes (PS3.8 §9.3.1).
fn fragment_bytes(pdu_bytes: u32) -> usize {
    ((pdu_bytes - ITEM_HEADER_BYTES) & !1) as usize
}

/// How long the peer's PDUs may be; `None` when it is too short to work with. Zero means any length (PS3.8 §D.1).
fn peer_pdu_bytes(user_variables: &[UserVariableItem]) -> Option<u32> {
    let named = user_variables.iter().find_map(|item| match item {
        UserVariableItem::MaxLength(bytes) => Some(*bytes),
        _ => None,
    });
    match named.unwrap_or(PEER_PDU_BYTES_DEFAULT) {
        0 => Some(PDU_BYTES_MAX),
        bytes => (bytes >= PEER_PDU_BYTES_MIN).then_some(bytes.min(PDU_BYTES_MAX)),
    }
}

/// A PDU's name in PS3.8.
pub(crate) fn name(pdu: &Pdu) -> &'static str {
    match pdu {
        Pdu::AssociationRQ(_) => "A-ASSOCIATE-RQ",
        Pdu::AssociationAC(_) => "A-ASSOCIATE-AC",
        Pdu::AssociationRJ(_) => "A-ASSOCIATE-RJ",
        Pdu::PData { .. } => "P-DATA-TF",
        Pdu::ReleaseRQ => "A-RELEASE-RQ",
        Pdu::ReleaseRP => "A-RELEASE-RP",
        Pdu::AbortRQ { .. } => "A-ABORT",
        Pdu::Unknown { .. } => "an unknown PDU",
    }
}

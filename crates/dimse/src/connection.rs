//! PDUs over a socket (PS3.8 §9.3), and the fragments of messages that they carry (PS3.8 Annex E).

use crate::command::{CommandError, CommandSet};
use bytes::{Bytes, BytesMut};
use dicom_ul::pdu::{
    AbortRQServiceProviderReason as AbortReason, AbortRQSource, PDataValue, PDataValueType, Pdu, read_pdu, write_pdu,
};
use std::collections::VecDeque;
use std::time::Duration;
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::TcpStream;
use tokio::time::timeout;

/// The longest PDU that is read, and the Maximum Length that is announced, in bytes without the header of six.
pub(crate) const PDU_BYTES_MAX: u32 = 256 * 1024;

const PDU_HEADER_BYTES: usize = 6;
/// The bytes in a P-DATA-TF PDU before the fragment: PDU header, item length, context, message control header.
const FRAGMENT_HEADER_BYTES: usize = 12;
/// How much is read beyond the PDU at hand.
const READ_AHEAD_BYTES: usize = 64 * 1024;
/// The longest command set; real ones have some hundred bytes.
const COMMAND_BYTES_MAX: usize = 16 * 1024;
/// How long the other side may take to read the last PDU and close.
const LINGER: Duration = Duration::from_secs(2);

/// A socket with what arrived over it.
pub(crate) struct Connection {
    stream: TcpStream,
    arrived: BytesMut,
    leaving: Vec<u8>,
    values: VecDeque<PDataValue>,
    /// What arrived while we were writing.
    early: Option<Pdu>,
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
            Self::Late(_) => Some(AbortReason::ReasonNotSpecified),
            Self::TooLong(_) | Self::Malformed(_) => Some(AbortReason::InvalidPduParameter),
            Self::Unrecognized => Some(AbortReason::UnrecognizedPdu),
            Self::Unexpected(_) => Some(AbortReason::UnexpectedPdu),
        }
    }
}

/// A piece of a data set.
pub(crate) struct Fragment {
    pub bytes: Bytes,
    pub is_last: bool,
}

impl Connection {
    /// A connection whose every PDU may take `wait_max` to arrive or leave.
    pub(crate) fn new(stream: TcpStream, wait_max: Duration) -> std::io::Result<Self> {
        stream.set_nodelay(true)?;
        let arrived = BytesMut::with_capacity(READ_AHEAD_BYTES);
        Ok(Self { stream, arrived, leaving: Vec::new(), values: VecDeque::new(), early: None, wait_max })
    }

    /// Changes how long a PDU may take.
    pub(crate) fn set_wait_max(&mut self, wait_max: Duration) {
        self.wait_max = wait_max;
    }

    /// The next PDU. Dropped before it is there, nothing of it is lost.
    pub(crate) async fn read(&mut self) -> Result<Pdu, ConnectionError> {
        let wait_max = self.wait_max;
        timeout(wait_max, self.read_patiently()).await.map_err(|_| ConnectionError::Late(wait_max.as_secs()))?
    }

    async fn read_patiently(&mut self) -> Result<Pdu, ConnectionError> {
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
    fn take_pdu(&mut self) -> Result<Option<Pdu>, ConnectionError> {
        if self.arrived.first().is_some_and(|kind| !(1..=7).contains(kind)) {
            return Err(ConnectionError::Unrecognized);
        }
        let Some(&[_, _, a, b, c, d]) = self.arrived.get(..PDU_HEADER_BYTES) else {
            self.arrived.reserve(READ_AHEAD_BYTES);
            return Ok(None);
        };
        let length = u32::from_be_bytes([a, b, c, d]);
        if length > PDU_BYTES_MAX {
            return Err(ConnectionError::TooLong(length));
        }
        let whole = PDU_HEADER_BYTES + length as usize;
        if self.arrived.len() < whole {
            self.arrived.reserve(whole - self.arrived.len() + READ_AHEAD_BYTES);
            return Ok(None);
        }
        let bytes = self.arrived.split_to(whole);
        read_pdu(&bytes[..], PDU_BYTES_MAX, true).map_err(|error| ConnectionError::Malformed(error.to_string()))
    }

    /// Writes a PDU in one piece.
    pub(crate) async fn write(&mut self, pdu: &Pdu) -> Result<(), ConnectionError> {
        self.leaving.clear();
        write_pdu(&mut self.leaving, pdu).map_err(|error| ConnectionError::Io(std::io::Error::other(error)))?;
        self.flush().await
    }

    /// Writes a command set in one piece.
    pub(crate) async fn write_command(&mut self, context_id: u8, command: &CommandSet) -> Result<(), ConnectionError> {
        let bytes = command.encode();
        self.fragment_buffer(bytes.len()).copy_from_slice(&bytes);
        self.write_fragment(context_id, PDataValueType::Command, true).await
    }

    /// Room for a fragment of this many bytes, to be filled and then written by [`Connection::write_fragment`].
    pub(crate) fn fragment_buffer(&mut self, bytes: usize) -> &mut [u8] {
        self.leaving.resize(FRAGMENT_HEADER_BYTES + bytes, 0);
        &mut self.leaving[FRAGMENT_HEADER_BYTES..]
    }

    /// Writes the fragment that was put into the buffer as a P-DATA-TF PDU (PS3.8 §9.3.5, §E.2).
    pub(crate) async fn write_fragment(
        &mut self,
        context_id: u8,
        kind: PDataValueType,
        is_last: bool,
    ) -> Result<(), ConnectionError> {
        let pdu_bytes = (self.leaving.len() - PDU_HEADER_BYTES) as u32;
        let control = u8::from(kind == PDataValueType::Command) | (u8::from(is_last) << 1);
        self.leaving[..2].copy_from_slice(&[4, 0]);
        self.leaving[2..6].copy_from_slice(&pdu_bytes.to_be_bytes());
        self.leaving[6..10].copy_from_slice(&(pdu_bytes - 4).to_be_bytes());
        self.leaving[10..12].copy_from_slice(&[context_id, control]);
        self.flush().await
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
        while !left.is_empty() {
            let (mut reader, mut writer) = self.stream.split();
            tokio::select! {
                biased;
                written = writer.write_buf(&mut left) => {
                    written?;
                    continue;
                }
                read = reader.read_buf(&mut self.arrived), if self.early.is_none() => {
                    if read? == 0 {
                        return Err(ConnectionError::Closed);
                    }
                }
            }
            self.early = self.take_pdu()?;
            if matches!(self.early, Some(Pdu::AbortRQ { .. })) {
                return Err(ConnectionError::Aborted);
            }
        }
        Ok(())
    }

    /// The next fragment of any message; `None` when the other side asks to release the association.
    async fn next_value(&mut self) -> Result<Option<PDataValue>, ConnectionError> {
        loop {
            if let Some(value) = self.values.pop_front() {
                return Ok(Some(value));
            }
            match self.read().await? {
                Pdu::PData { data } => self.values.extend(data),
                Pdu::ReleaseRQ => return Ok(None),
                Pdu::AbortRQ { .. } => return Err(ConnectionError::Aborted),
                other => return Err(ConnectionError::Unexpected(name(&other).to_owned())),
            }
        }
    }

    /// The next command set and its presentation context; `None` when the other side asks to release the association.
    /// Dropped before its first fragment is there, nothing is lost.
    pub(crate) async fn read_command(&mut self) -> Result<Option<(u8, CommandSet)>, ConnectionError> {
        let mut bytes = Vec::new();
        loop {
            let Some(value) = self.next_value().await? else {
                return if bytes.is_empty() { Ok(None) } else { Err(unexpected("A-RELEASE-RQ within a message")) };
            };
            if value.value_type != PDataValueType::Command {
                return Err(unexpected("a data set without a command"));
            }
            bytes.extend_from_slice(&value.data);
            if bytes.len() > COMMAND_BYTES_MAX {
                return Err(ConnectionError::Malformed(format!(
                    "a command set of more than {COMMAND_BYTES_MAX} bytes"
                )));
            }
            if value.is_last {
                return Ok(Some((value.presentation_context_id, CommandSet::parse(&bytes)?)));
            }
        }
    }

    /// The next piece of the data set that follows a command.
    pub(crate) async fn read_fragment(&mut self, context_id: u8) -> Result<Fragment, ConnectionError> {
        let value = self.next_value().await?.ok_or_else(|| unexpected("A-RELEASE-RQ within a message"))?;
        if value.value_type != PDataValueType::Data || value.presentation_context_id != context_id {
            return Err(unexpected("another message within a message"));
        }
        Ok(Fragment { bytes: value.data.into(), is_last: value.is_last })
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

fn unexpected(what: &str) -> ConnectionError {
    ConnectionError::Unexpected(what.to_owned())
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

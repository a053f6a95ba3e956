//! One association as the requestor (PS3.8 §7.1.1).

use crate::DimseError;
use crate::acceptor::user_variables;
use crate::admission::APPLICATION_CONTEXT;
use crate::command::{CommandSet, RESPONSE, element};
use crate::connection::{Connection, ConnectionError, PDU_BYTES_MAX, name};
use crate::scu::Target;
use dicom_ul::pdu::{
    AssociationAC, AssociationRJ, AssociationRJResult, AssociationRQ, PDataValueType, Pdu,
    PresentationContextNegotiated, PresentationContextProposed, PresentationContextResultReason, UserVariableItem,
};
use std::time::Duration;
use tokio::io::{AsyncRead, AsyncReadExt};
use tokio::net::TcpStream;
use tokio::time::timeout;

/// The most presentation contexts in one association: the odd numbers from 1 to 255 (PS3.8 §9.3.2.2).
pub(crate) const CONTEXTS_MAX: usize = 128;

/// The bytes of a PDU that are not fragment: item length, context, message control header.
const ITEM_HEADER_BYTES: u32 = 6;
/// The shortest PDU that a peer may wish for; anything less leaves no room for a command set in sensible pieces.
const PEER_PDU_BYTES_MIN: u32 = 128;
/// What a peer that names no Maximum Length can surely read.
const PEER_PDU_BYTES_DEFAULT: u32 = 16 * 1024;

/// An association that a peer accepted.
pub(crate) struct Requestor {
    connection: Connection,
    address: String,
    contexts: Vec<PresentationContextNegotiated>,
    fragment_bytes_max: usize,
    messages: u16,
    /// Whether it ended before it was released.
    is_broken: bool,
}

impl Requestor {
    /// Asks for an association with these pairs of SOP class and transfer syntax.
    pub(crate) async fn associate(
        target: &Target,
        offered: &[(String, String)],
        wait_max: Duration,
    ) -> Result<Self, DimseError> {
        let address = target.address();
        let unreachable = |source| DimseError::Unreachable { address: address.clone(), source };
        let connect = timeout(wait_max, TcpStream::connect((target.host.as_str(), target.port))).await;
        let stream = connect.unwrap_or_else(|_| Err(std::io::ErrorKind::TimedOut.into())).map_err(unreachable)?;
        let mut connection = Connection::new(stream, wait_max).map_err(unreachable)?;
        let proposed = propose(offered);
        let request = Pdu::AssociationRQ(AssociationRQ {
            protocol_version: 1,
            calling_ae_title: target.calling.clone(),
            called_ae_title: target.called.clone(),
            application_context_name: APPLICATION_CONTEXT.to_owned(),
            presentation_contexts: proposed.clone(),
            user_variables: user_variables(),
        });
        let answer = match connection.write(&request).await {
            Ok(()) => connection.read().await,
            Err(error) => Err(error),
        };
        match answer.map_err(|error| broken(&address, &error))? {
            Pdu::AssociationAC(accepted) => Self::accepted(connection, address, proposed, &accepted),
            Pdu::AssociationRJ(rejection) => Err(rejected(address, &rejection)),
            Pdu::AbortRQ { .. } => Err(broken(&address, &ConnectionError::Aborted)),
            other => Err(broken(&address, &ConnectionError::Unexpected(name(&other).to_owned()))),
        }
    }

    fn accepted(
        connection: Connection,
        address: String,
        proposed: Vec<PresentationContextProposed>,
        accepted: &AssociationAC,
    ) -> Result<Self, DimseError> {
        let pdu_bytes = peer_pdu_bytes(&accepted.user_variables)
            .ok_or_else(|| broken(&address, &ConnectionError::Malformed("its Maximum Length is too short".into())))?;
        // Fragments have an even number of bytes (PS3.8 §9.3.1).
        let fragment_bytes_max = ((pdu_bytes - ITEM_HEADER_BYTES) & !1) as usize;
        let contexts = proposed.into_iter().filter_map(|proposed| negotiated(proposed, accepted)).collect();
        Ok(Self { connection, address, contexts, fragment_bytes_max, messages: 0, is_broken: false })
    }

    /// The context in which such objects can be sent.
    pub(crate) fn context(&self, sop_class_uid: &str, transfer_syntax_uid: &str) -> Result<u8, DimseError> {
        let fits = |context: &&PresentationContextNegotiated| {
            context.abstract_syntax == sop_class_uid && context.transfer_syntax == transfer_syntax_uid
        };
        self.contexts.iter().find(fits).map(|context| context.id).ok_or_else(|| DimseError::ContextRefused {
            address: self.address.clone(),
            sop_class_uid: sop_class_uid.to_owned(),
            transfer_syntax_uid: transfer_syntax_uid.to_owned(),
        })
    }

    /// The number of the next message, unique within the association.
    pub(crate) fn next_message_id(&mut self) -> u16 {
        self.messages = self.messages.wrapping_add(1);
        self.messages
    }

    /// Sends a request, with its data set if it has one, and waits for the response. A warning is a success.
    pub(crate) async fn perform(
        &mut self,
        context_id: u8,
        request: &CommandSet,
        data_set: Option<&mut (dyn AsyncRead + Send + Unpin)>,
    ) -> Result<(), DimseError> {
        let response = self.exchange(context_id, request, data_set).await.map_err(|error| {
            self.is_broken = true;
            broken(&self.address, &error)
        })?;
        match response.number(element::STATUS) {
            Some(0x0000 | 0x0001 | 0x0107 | 0x0116 | 0xB000..=0xBFFF) => Ok(()),
            status => Err(DimseError::Failed {
                address: self.address.clone(),
                status: status.unwrap_or(0x0110),
                comment: response.text(element::ERROR_COMMENT),
            }),
        }
    }

    async fn exchange(
        &mut self,
        context_id: u8,
        request: &CommandSet,
        data_set: Option<&mut (dyn AsyncRead + Send + Unpin)>,
    ) -> Result<CommandSet, ConnectionError> {
        self.connection.write_command(context_id, request).await?;
        if let Some(data_set) = data_set {
            self.send_data_set(context_id, data_set).await?;
        }
        let expected = request.command_field() | RESPONSE;
        match self.connection.read_command().await? {
            Some((_, response)) if response.command_field() == expected => Ok(response),
            Some(_) => Err(ConnectionError::Unexpected("another message than the response".to_owned())),
            None => Err(ConnectionError::Unexpected("A-RELEASE-RQ instead of a response".to_owned())),
        }
    }

    /// Sends a data set in fragments as long as the peer takes them. Reads one fragment ahead, to know the last.
    async fn send_data_set(
        &mut self,
        context_id: u8,
        data_set: &mut (dyn AsyncRead + Send + Unpin),
    ) -> Result<(), ConnectionError> {
        let mut next = self.read_piece(data_set).await?;
        loop {
            let now = std::mem::replace(&mut next, self.read_piece(data_set).await?);
            self.connection.fragment_buffer(now.len()).copy_from_slice(&now);
            self.connection.write_fragment(context_id, PDataValueType::Data, next.is_empty()).await?;
            if next.is_empty() {
                return Ok(());
            }
        }
    }

    async fn read_piece(&self, data_set: &mut (dyn AsyncRead + Send + Unpin)) -> Result<Vec<u8>, ConnectionError> {
        let mut piece = Vec::with_capacity(self.fragment_bytes_max);
        data_set.take(self.fragment_bytes_max as u64).read_to_end(&mut piece).await?;
        Ok(piece)
    }

    /// Ends the association. The work is done, so a peer that closes instead of answering is forgiven.
    pub(crate) async fn release(mut self) {
        if !self.is_broken && self.connection.write(&Pdu::ReleaseRQ).await.is_ok() {
            let _ = self.connection.read().await;
            self.connection.finish().await;
        }
    }
}

fn propose(offered: &[(String, String)]) -> Vec<PresentationContextProposed> {
    let context = |(index, (class, syntax)): (usize, &(String, String))| PresentationContextProposed {
        id: (index * 2 + 1) as u8,
        abstract_syntax: class.clone(),
        transfer_syntaxes: vec![syntax.clone()],
    };
    offered.iter().take(CONTEXTS_MAX).enumerate().map(context).collect()
}

/// What became of a proposed context, if it was accepted.
fn negotiated(proposed: PresentationContextProposed, answer: &AssociationAC) -> Option<PresentationContextNegotiated> {
    let result = answer.presentation_contexts.iter().find(|result| result.id == proposed.id)?;
    (result.reason == PresentationContextResultReason::Acceptance).then(|| PresentationContextNegotiated {
        id: proposed.id,
        reason: result.reason.clone(),
        transfer_syntax: result.transfer_syntax.trim_matches(['\0', ' ']).to_owned(),
        abstract_syntax: proposed.abstract_syntax,
    })
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

fn rejected(address: String, rejection: &AssociationRJ) -> DimseError {
    let permanent = rejection.result == AssociationRJResult::Permanent;
    DimseError::Rejected { address, reason: rejection.source.to_string(), permanent }
}

fn broken(address: &str, error: &ConnectionError) -> DimseError {
    DimseError::Broken { address: address.to_owned(), reason: error.to_string() }
}

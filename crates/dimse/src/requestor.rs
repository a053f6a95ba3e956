//! One association as the requestor (PS3.8 §7.1.1).

use crate::DimseError;
use crate::acceptor::user_variables;
use crate::admission::APPLICATION_CONTEXT;
use crate::command::{CommandSet, RESPONSE, element};
use crate::connection::{Connection, ConnectionError, name};
use crate::scu::Target;
use dicom_ul::pdu::{
    AssociationAC, AssociationRJ, AssociationRJResult, AssociationRQ, Pdu, PresentationContextNegotiated,
    PresentationContextProposed, PresentationContextResultReason, RequestorRoles, UserVariableItem,
};
use std::time::Duration;
use tokio::io::AsyncRead;
use tokio::net::TcpStream;
use tokio::time::timeout;

/// The most presentation contexts in one association: the odd numbers from 1 to 255 (PS3.8 §9.3.2.2).
pub(crate) const CONTEXTS_MAX: usize = 128;

/// The longest data set of a response, in bytes.
const RESPONSE_BYTES_MAX: usize = 16 << 20;

/// A presentation context to propose.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Offer {
    pub sop_class_uid: String,
    /// The peer takes one of these.
    pub transfer_syntax_uids: Vec<String>,
    /// Whether it is we who answer in it (PS3.7 §D.3.3.4).
    pub as_scp: bool,
}

impl Offer {
    pub(crate) fn new(sop_class_uid: &str, transfer_syntax_uids: &[&str]) -> Self {
        let transfer_syntax_uids = transfer_syntax_uids.iter().map(|&uid| uid.to_owned()).collect();
        Self { sop_class_uid: sop_class_uid.to_owned(), transfer_syntax_uids, as_scp: false }
    }
}

/// A response, with its data set if it has one.
pub(crate) struct Response {
    pub command: CommandSet,
    pub data_set: Option<Vec<u8>>,
}

/// An association that a peer accepted.
pub(crate) struct Requestor {
    connection: Connection,
    address: String,
    contexts: Vec<PresentationContextNegotiated>,
    messages: u16,
    /// Whether it ended before it was released.
    is_broken: bool,
}

impl Requestor {
    /// Asks for an association with these contexts.
    pub(crate) async fn associate(target: &Target, offered: &[Offer], wait_max: Duration) -> Result<Self, DimseError> {
        let address = target.address();
        let unreachable = |source| DimseError::Unreachable { address: address.clone(), source };
        let connect = timeout(wait_max, TcpStream::connect((target.host.as_str(), target.port))).await;
        let stream = connect.unwrap_or_else(|_| Err(std::io::ErrorKind::TimedOut.into())).map_err(unreachable)?;
        stream.set_nodelay(true).map_err(unreachable)?;
        let mut connection = match &target.tls {
            None => Connection::new(stream, wait_max),
            Some(tls) => {
                let secured = timeout(wait_max, tls.connect(&target.host, stream)).await;
                let secured = secured.unwrap_or_else(|_| Err(std::io::ErrorKind::TimedOut.into()));
                Connection::new(secured.map_err(unreachable)?, wait_max)
            }
        };
        let proposed = propose(offered);
        let request = Pdu::AssociationRQ(AssociationRQ {
            protocol_version: 1,
            calling_ae_title: target.calling.clone(),
            called_ae_title: target.called.clone(),
            application_context_name: APPLICATION_CONTEXT.to_owned(),
            presentation_contexts: proposed.clone(),
            user_variables: user_variables().into_iter().chain(roles(offered)).collect(),
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
        mut connection: Connection,
        address: String,
        proposed: Vec<PresentationContextProposed>,
        accepted: &AssociationAC,
    ) -> Result<Self, DimseError> {
        if !connection.heed(&accepted.user_variables) {
            return Err(broken(&address, &ConnectionError::Malformed("its Maximum Length is too short".into())));
        }
        let contexts = proposed.into_iter().filter_map(|proposed| negotiated(proposed, accepted)).collect();
        Ok(Self { connection, address, contexts, messages: 0, is_broken: false })
    }

    /// The context in which such objects can be sent.
    pub(crate) fn context(&self, sop_class_uid: &str, transfer_syntax_uid: &str) -> Result<u8, DimseError> {
        let fits = |context: &&PresentationContextNegotiated| {
            context.abstract_syntax == sop_class_uid && context.transfer_syntax == transfer_syntax_uid
        };
        let found = self.contexts.iter().find(fits);
        found.map(|context| context.id).ok_or_else(|| self.refused(sop_class_uid, transfer_syntax_uid))
    }

    /// The peer takes no such objects.
    pub(crate) fn refused(&self, sop_class_uid: &str, transfer_syntax_uid: &str) -> DimseError {
        DimseError::ContextRefused {
            address: self.address.clone(),
            sop_class_uid: sop_class_uid.to_owned(),
            transfer_syntax_uid: transfer_syntax_uid.to_owned(),
        }
    }

    /// The number of the next message, unique within the association.
    pub(crate) fn next_message_id(&mut self) -> u16 {
        self.messages = self.messages.wrapping_add(1);
        self.messages
    }

    /// The context of a class, and the syntax that the peer chose for it.
    pub(crate) fn context_of(&self, sop_class_uid: &str) -> Result<(u8, String), DimseError> {
        let found = self.contexts.iter().find(|context| context.abstract_syntax == sop_class_uid);
        let found = found.map(|context| (context.id, context.transfer_syntax.clone()));
        found.ok_or_else(|| DimseError::ServiceRefused {
            address: self.address.clone(),
            sop_class_uid: sop_class_uid.to_owned(),
        })
    }

    /// Sends a request, with its data set if it has one, and waits for the response. Gives the status, which is success
    /// or a warning.
    pub(crate) async fn perform(
        &mut self,
        context_id: u8,
        request: &CommandSet,
        data_set: Option<&mut (dyn AsyncRead + Send + Unpin)>,
    ) -> Result<u16, DimseError> {
        let sent = match data_set {
            Some(data_set) => self.connection.stream_message(context_id, request, data_set).await,
            None => self.connection.write_message(context_id, request, None).await,
        };
        sent.map_err(|error| self.broke(&error))?;
        let response = self.response(request).await?;
        match response.command.status() {
            status @ (0x0000 | 0x0001 | 0x0107 | 0x0116 | 0xB000..=0xBFFF) => Ok(status),
            _ => Err(self.failed(&response.command)),
        }
    }

    /// Sends a request with a data set that is at hand.
    pub(crate) async fn send(
        &mut self,
        context_id: u8,
        request: &CommandSet,
        data_set: Option<&[u8]>,
    ) -> Result<(), DimseError> {
        self.connection.write_message(context_id, request, data_set).await.map_err(|error| self.broke(&error))
    }

    /// The next response to this request.
    pub(crate) async fn response(&mut self, request: &CommandSet) -> Result<Response, DimseError> {
        self.read_response(request.command_field() | RESPONSE).await.map_err(|error| self.broke(&error))
    }

    async fn read_response(&mut self, expected: u16) -> Result<Response, ConnectionError> {
        match self.connection.read_command().await? {
            Some((context_id, command)) if command.command_field() == expected => {
                let data_set = match command.has_data_set() {
                    true => {
                        Some(self.connection.read_data_set(context_id, RESPONSE_BYTES_MAX).await?.ok_or_else(|| {
                            ConnectionError::Malformed(format!("a response of more than {RESPONSE_BYTES_MAX} bytes"))
                        })?)
                    }
                    false => None,
                };
                Ok(Response { command, data_set })
            }
            Some(_) => Err(ConnectionError::Unexpected("another message than the response".to_owned())),
            None => Err(ConnectionError::Unexpected("A-RELEASE-RQ instead of a response".to_owned())),
        }
    }

    /// A request that the peer sends within `wait_max`, with its data set; `None` when none comes.
    pub(crate) async fn request_within(&mut self, wait_max: Duration) -> Result<Option<(u8, Response)>, DimseError> {
        self.connection.set_wait_max(wait_max);
        let command = match self.connection.read_command().await {
            Ok(command) => command,
            Err(ConnectionError::Late(_)) => return Ok(None),
            Err(error) => return Err(self.broke(&error)),
        };
        let Some((context_id, command)) = command else { return Ok(None) };
        let data_set = match command.has_data_set() {
            true => self.connection.read_data_set(context_id, RESPONSE_BYTES_MAX).await,
            false => Ok(None),
        };
        let data_set = data_set.map_err(|error| self.broke(&error))?;
        Ok(Some((context_id, Response { command, data_set })))
    }

    /// The peer's refusal as an error.
    pub(crate) fn failed(&self, response: &CommandSet) -> DimseError {
        DimseError::Failed {
            address: self.address.clone(),
            status: response.status(),
            comment: response.text(element::ERROR_COMMENT),
        }
    }

    /// What the peer sent is no data set.
    pub(crate) fn bad_answer(&self, reason: &str) -> DimseError {
        DimseError::BadAnswer { address: self.address.clone(), reason: reason.to_owned() }
    }

    fn broke(&mut self, error: &ConnectionError) -> DimseError {
        self.is_broken = true;
        broken(&self.address, error)
    }

    /// Ends the association. The work is done, so a peer that closes instead of answering is forgiven.
    pub(crate) async fn release(mut self) {
        if !self.is_broken && self.connection.write(&Pdu::ReleaseRQ).await.is_ok() {
            let _ = self.connection.read().await;
            self.connection.finish().await;
        }
    }
}

fn roles(offered: &[Offer]) -> impl Iterator<Item = UserVariableItem> {
    offered.iter().filter(|offer| offer.as_scp).map(|offer| {
        let roles = RequestorRoles { scu: false, scp: true };
        UserVariableItem::ScuScpRoleSelectionSubItem(offer.sop_class_uid.clone(), roles)
    })
}

fn propose(offered: &[Offer]) -> Vec<PresentationContextProposed> {
    let context = |(index, offer): (usize, &Offer)| PresentationContextProposed {
        id: (index * 2 + 1) as u8,
        abstract_syntax: offer.sop_class_uid.clone(),
        transfer_syntaxes: offer.transfer_syntax_uids.clone(),
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

fn rejected(address: String, rejection: &AssociationRJ) -> DimseError {
    let permanent = rejection.result == AssociationRJResult::Permanent;
    DimseError::Rejected { address, reason: rejection.source.to_string(), permanent }
}

fn broken(address: &str, error: &ConnectionError) -> DimseError {
    DimseError::Broken { address: address.to_owned(), reason: error.to_string() }
}

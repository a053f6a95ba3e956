//! One association from its request to its end, as the acceptor (PS3.8 §7, PS3.7 §7).

use crate::admission::{APPLICATION_CONTEXT, Rejection, admit, check_request};
use crate::command::{C_CANCEL_RQ, C_ECHO_RQ, C_STORE_RQ, CommandSet};
use crate::connection::{Connection, ConnectionError, PDU_BYTES_MAX, name};
use crate::contexts::negotiate;
use crate::server::{DimseServer, Place};
use crate::store_scp::{Reply, receive_instance};
use dicom_ul::pdu::{
    AbortRQServiceProviderReason as AbortReason, AssociationAC, AssociationRQ, Pdu, PresentationContextNegotiated,
    PresentationContextResult, PresentationContextResultReason, UserVariableItem,
};
use lightbox_dicom::{IMPLEMENTATION_CLASS_UID, IMPLEMENTATION_VERSION_NAME};
use lightbox_domain::AeTitle;
use lightbox_pipeline::Receiver;
use std::net::{IpAddr, SocketAddr};
use std::time::Duration;
use tokio::net::TcpStream;
use tokio_util::sync::CancellationToken;

/// How long a caller may take to ask for an association once it is connected (the ARTIM timer of PS3.8 §9.1.4).
const REQUEST_WAIT_MAX: Duration = Duration::from_secs(30);

/// The operation is none that this side offers (PS3.7 §C.5.21).
const UNRECOGNIZED_OPERATION: u16 = 0x0211;
const NOT_SERVED: Reply = Reply { status: UNRECOGNIZED_OPERATION, comment: String::new() };
const SUCCESS: Reply = Reply { status: 0x0000, comment: String::new() };

/// An accepted association.
struct Association {
    connection: Connection,
    contexts: Vec<PresentationContextNegotiated>,
    calling_title: AeTitle,
    receiver: Receiver,
    instances: u64,
}

/// How an association ended without an error.
enum End {
    Released,
    ShutDown,
}

/// Serves a connection to its end.
pub(crate) async fn serve(
    server: &DimseServer,
    stream: TcpStream,
    caller: SocketAddr,
    place: Place,
    stop: CancellationToken,
) {
    let host = caller.ip().to_canonical();
    let mut connection = match Connection::new(stream, REQUEST_WAIT_MAX) {
        Ok(connection) => connection,
        Err(error) => return tracing::debug!(%host, %error, "lost a connection"),
    };
    let request = tokio::select! {
        () = stop.cancelled() => return connection.abort(AbortReason::ReasonNotSpecified).await,
        request = read_request(&mut connection) => request,
    };
    let request = match request {
        Ok(request) => request,
        Err(error) => {
            tracing::info!(%host, "ended a connection without an association: the caller {error}");
            return give_up(connection, &error).await;
        }
    };
    match decide(server, &request, host, &place).await {
        Ok(calling_title) => accept(server, connection, request, calling_title, host, stop).await,
        Err(rejection) => {
            tracing::info!(peer = %request.calling_ae_title, %host, "rejected an association: the caller {rejection}");
            if connection.write(&Pdu::AssociationRJ(rejection.pdu())).await.is_ok() {
                connection.finish().await;
            }
        }
    }
}

async fn read_request(connection: &mut Connection) -> Result<AssociationRQ, ConnectionError> {
    match connection.read().await? {
        Pdu::AssociationRQ(request) => Ok(request),
        other => Err(ConnectionError::Unexpected(name(&other).to_owned())),
    }
}

async fn give_up(connection: Connection, error: &ConnectionError) {
    if let Some(reason) = error.abort_reason() {
        connection.abort(reason).await;
    }
}

async fn decide(
    server: &DimseServer,
    request: &AssociationRQ,
    host: IpAddr,
    place: &Place,
) -> Result<AeTitle, Rejection> {
    let config = &server.config;
    check_request(request, config.strict_called_aet.then_some(&config.ae_title))?;
    let calling_title = admit(&server.store, &request.calling_ae_title, host, config.limits.pending_peers_max).await?;
    if place.is_free { Ok(calling_title) } else { Err(Rejection::LimitExceeded) }
}

async fn accept(
    server: &DimseServer,
    mut connection: Connection,
    request: AssociationRQ,
    calling_title: AeTitle,
    host: IpAddr,
    stop: CancellationToken,
) {
    let contexts = negotiate(&request.presentation_contexts);
    connection.set_wait_max(Duration::from_secs(server.config.limits.association_idle_seconds_max));
    let answer = Pdu::AssociationAC(acceptance(request, &contexts));
    let receiver = server.receiver.clone();
    let mut association = Association { connection, contexts, calling_title, receiver, instances: 0 };
    let end = match association.connection.write(&answer).await {
        Ok(()) => association.serve_messages(&stop).await,
        Err(error) => Err(error),
    };
    association.end(end, host).await;
}

/// The answer to a request: what it must repeat, what was decided, and who we are.
fn acceptance(request: AssociationRQ, contexts: &[PresentationContextNegotiated]) -> AssociationAC {
    let result = |context: &PresentationContextNegotiated| PresentationContextResult {
        id: context.id,
        reason: context.reason.clone(),
        transfer_syntax: context.transfer_syntax.clone(),
    };
    AssociationAC {
        protocol_version: 1,
        calling_ae_title: request.calling_ae_title,
        called_ae_title: request.called_ae_title,
        application_context_name: APPLICATION_CONTEXT.to_owned(),
        presentation_contexts: contexts.iter().map(result).collect(),
        user_variables: user_variables(),
    }
}

/// What both sides say of themselves (PS3.7 §D.3.3).
pub(crate) fn user_variables() -> Vec<UserVariableItem> {
    vec![
        UserVariableItem::MaxLength(PDU_BYTES_MAX),
        UserVariableItem::ImplementationClassUID(IMPLEMENTATION_CLASS_UID.to_owned()),
        UserVariableItem::ImplementationVersionName(IMPLEMENTATION_VERSION_NAME.to_owned()),
    ]
}

impl Association {
    async fn serve_messages(&mut self, stop: &CancellationToken) -> Result<End, ConnectionError> {
        loop {
            let command = tokio::select! {
                () = stop.cancelled() => return Ok(End::ShutDown),
                command = self.connection.read_command() => command?,
            };
            let Some((context_id, command)) = command else {
                self.connection.write(&Pdu::ReleaseRP).await?;
                return Ok(End::Released);
            };
            self.answer(context_id, &command).await?;
        }
    }

    async fn answer(&mut self, context_id: u8, command: &CommandSet) -> Result<(), ConnectionError> {
        let reply = match command.command_field() {
            C_STORE_RQ if command.has_data_set() => self.store(context_id, command).await?,
            C_ECHO_RQ if !command.has_data_set() => SUCCESS,
            // There is nothing that could be cancelled, and a cancel has no response (PS3.7 §9.3.2.3).
            C_CANCEL_RQ => return Ok(()),
            _ => {
                if command.has_data_set() {
                    self.connection.skip_data_set(context_id).await?;
                }
                NOT_SERVED
            }
        };
        let response = command.response(reply.status, &reply.comment);
        self.connection.write_command(context_id, &response).await
    }

    async fn store(&mut self, context_id: u8, command: &CommandSet) -> Result<Reply, ConnectionError> {
        let accepted = |context: &&PresentationContextNegotiated| {
            context.id == context_id && context.reason == PresentationContextResultReason::Acceptance
        };
        let Some(context) = self.contexts.iter().find(accepted) else {
            return Err(ConnectionError::Unexpected("a message in a context that was not accepted".to_owned()));
        };
        let reply =
            receive_instance(&mut self.connection, &self.receiver, &self.calling_title, context, command).await?;
        self.instances += 1;
        Ok(reply)
    }

    async fn end(self, end: Result<End, ConnectionError>, host: IpAddr) {
        let (peer, instances) = (self.calling_title, self.instances);
        match end {
            Ok(End::Released) => {
                tracing::info!(%peer, %host, instances, "association released");
                self.connection.finish().await;
            }
            Ok(End::ShutDown) => {
                tracing::info!(%peer, %host, instances, "aborted an idle association: shutting down");
                self.connection.abort(AbortReason::ReasonNotSpecified).await;
            }
            Err(error) => {
                tracing::warn!(%peer, %host, instances, "association ended early: the peer {error}");
                give_up(self.connection, &error).await;
            }
        }
    }
}

//! From a connection to an association, as the acceptor (PS3.8 §7.1).

use crate::admission::{APPLICATION_CONTEXT, Rejection, admit, check_request};
use crate::association::{Association, Caller};
use crate::connection::{Connection, ConnectionError, PDU_BYTES_MAX, Transport, name};
use crate::contexts::{accepted, answer_extensions, answer_roles, negotiate};
use crate::server::{DimseServer, Place};
use dicom_ul::pdu::{
    AbortRQServiceProviderReason as AbortReason, AssociationAC, AssociationRQ, Pdu, PresentationContextNegotiated,
    PresentationContextResult, UserVariableItem,
};
use lightbox_dicom::{IMPLEMENTATION_CLASS_UID, IMPLEMENTATION_VERSION_NAME};
use std::net::{IpAddr, SocketAddr};
use std::time::Duration;
use tokio_util::sync::CancellationToken;

/// How long a caller may take to ask for an association once it is connected (the ARTIM timer of PS3.8 §9.1.4).
const REQUEST_WAIT_MAX: Duration = Duration::from_secs(30);

/// Serves a connection to its end.
pub(crate) async fn serve(
    server: &DimseServer,
    stream: impl Transport + 'static,
    caller: SocketAddr,
    place: Place,
    stop: CancellationToken,
) {
    let host = caller.ip().to_canonical();
    let mut connection = Connection::new(stream, REQUEST_WAIT_MAX);
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
        Ok(caller) => accept(server, connection, request, caller, stop).await,
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

pub(crate) async fn give_up(connection: Connection, error: &ConnectionError) {
    if let Some(reason) = error.abort_reason() {
        connection.abort(reason).await;
    }
}

async fn decide(
    server: &DimseServer,
    request: &AssociationRQ,
    host: IpAddr,
    place: &Place,
) -> Result<Caller, Rejection> {
    let config = &server.config;
    check_request(request, config.strict_called_aet.then_some(&config.ae_title))?;
    let pending_max = config.limits.pending_peers_max;
    let (title, peer) = admit(&server.store, &request.calling_ae_title, host, pending_max).await?;
    if !place.is_free {
        return Err(Rejection::LimitExceeded);
    }
    let place = server.take_peer_place(&title, peer.policy.associations_max).ok_or(Rejection::PeerLimitExceeded)?;
    Ok(Caller { title, host, peer, _place: place })
}

async fn accept(
    server: &DimseServer,
    mut connection: Connection,
    request: AssociationRQ,
    caller: Caller,
    stop: CancellationToken,
) {
    let negotiated = negotiate(&request.presentation_contexts, &caller.peer.policy);
    let roles = answer_roles(&request.user_variables);
    let extensions = answer_extensions(&request.user_variables);
    let contexts = accepted(&negotiated, &roles);
    let site_max = server.config.limits.association_idle_seconds_max;
    let idle_max = caller.peer.policy.idle_seconds_max.map_or(site_max, |seconds| u64::from(seconds).min(site_max));
    connection.set_wait_max(Duration::from_secs(idle_max));
    connection.heed(&request.user_variables);
    let mut variables = user_variables();
    variables.extend(roles);
    variables.extend(extensions.iter().cloned());
    let answer = Pdu::AssociationAC(acceptance(request, &negotiated, variables));
    let mut association = Association::new(server.clone(), connection, contexts, extensions, caller);
    let end = match association.connection.write(&answer).await {
        Ok(()) => association.serve_messages(&stop).await,
        Err(error) => Err(error),
    };
    association.end(end).await;
}

/// The answer to a request: what it must repeat, what was decided, and who we are.
fn acceptance(
    request: AssociationRQ,
    contexts: &[PresentationContextNegotiated],
    user_variables: Vec<UserVariableItem>,
) -> AssociationAC {
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
        user_variables,
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

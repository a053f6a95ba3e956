//! One accepted association: its messages, one after the other, to its end (PS3.7 §7, PS3.8 §7.2).

use crate::acceptor::give_up;
use crate::command::{
    C_CANCEL_RQ, C_ECHO_RQ, C_FIND_RQ, C_GET_RQ, C_MOVE_RQ, C_STORE_RQ, CommandSet, N_ACTION_RQ, N_CREATE_RQ,
    N_EVENT_REPORT_RQ, N_SET_RQ, RESPONSE,
};
use crate::commitment_scp::Report;
use crate::connection::{Connection, ConnectionError};
use crate::contexts::Context;
use crate::identifier::Identifier;
use crate::server::{DimseServer, PeerPlace};
use crate::services::{Root, Service};
use crate::store_scp::{Reply, receive_instance};
use crate::{commitment_scp, commitment_scu, find_scp, get_scp, move_scp, mpps_scp};
use dicom_ul::pdu::{AbortRQServiceProviderReason as AbortReason, Pdu, UserVariableItem};
use lightbox_domain::{AeTitle, Peer, PeerService};
use std::net::IpAddr;
use tokio_util::sync::CancellationToken;

/// PS3.7 §C.5.21: the operation is none that is offered in this context.
const UNRECOGNIZED_OPERATION: u16 = 0x0211;
/// PS3.7 §C.5.17: the peer may not do that.
const NOT_AUTHORIZED: u16 = 0x0124;

/// Who is on the other side.
pub(crate) struct Caller {
    pub title: AeTitle,
    pub host: IpAddr,
    /// What is known of it.
    pub peer: Peer,
    pub _place: PeerPlace,
}

/// An accepted association.
pub(crate) struct Association {
    pub connection: Connection,
    pub contexts: Vec<Context>,
    /// What extended negotiation agreed on.
    pub extensions: Vec<UserVariableItem>,
    pub caller: Caller,
    pub server: DimseServer,
    /// A report on commitment that was sent and is not answered yet.
    pub report: Option<Report>,
    instances: u64,
}

/// How an association ended without an error.
pub(crate) enum End {
    Released,
    ShutDown,
}

impl Association {
    pub(crate) fn new(
        server: DimseServer,
        connection: Connection,
        contexts: Vec<Context>,
        extensions: Vec<UserVariableItem>,
        caller: Caller,
    ) -> Self {
        Self { connection, contexts, extensions, caller, server, report: None, instances: 0 }
    }

    /// Serves message after message until the peer has no more.
    pub(crate) async fn serve_messages(&mut self, stop: &CancellationToken) -> Result<End, ConnectionError> {
        loop {
            let command = tokio::select! {
                () = stop.cancelled() => return Ok(End::ShutDown),
                command = self.connection.read_command() => command?,
            };
            let Some((context_id, command)) = command else {
                self.connection.write(&Pdu::ReleaseRP).await?;
                return Ok(End::Released);
            };
            // There is nothing left to be cancelled, and a cancel has no response (PS3.7 §9.3.2.3).
            if command.command_field() == C_CANCEL_RQ {
                continue;
            }
            let Some(context) = self.contexts.iter().find(|context| context.id == context_id).cloned() else {
                let what = "a message in a context that was not accepted";
                return Err(ConnectionError::Unexpected(what.to_owned()));
            };
            match command.command_field() {
                field if field == N_EVENT_REPORT_RQ | RESPONSE => commitment_scp::confirmed(self, &command).await,
                _ => self.serve(&context, &command).await?,
            }
        }
    }

    /// What follows such a request is an identifier, whatever is done with it.
    async fn query_or_retrieve(
        &mut self,
        context: &Context,
        command: &CommandSet,
        root: Root,
    ) -> Result<(), ConnectionError> {
        match Identifier::receive(self, context, command, root).await? {
            Err(reply) => self.respond(context, command, &reply).await,
            Ok(identifier) => match command.command_field() {
                C_FIND_RQ => find_scp::serve(self, context, command, &identifier).await,
                C_MOVE_RQ => move_scp::serve(self, context, command, &identifier).await,
                _ => get_scp::serve(self, context, command, &identifier).await,
            },
        }
    }

    async fn serve(&mut self, context: &Context, command: &CommandSet) -> Result<(), ConnectionError> {
        match (command.command_field(), context.service, command.has_data_set()) {
            (C_ECHO_RQ, _, false) => self.respond(context, command, &Reply::new(0x0000, "")).await,
            (C_STORE_RQ, Service::Storage, true) => self.store(context, command).await,
            (C_FIND_RQ, Service::Find(root), true)
            | (C_MOVE_RQ, Service::Move(root), true)
            | (C_GET_RQ, Service::Get(root), true) => self.query_or_retrieve(context, command, root).await,
            (N_ACTION_RQ, Service::Commitment, true) => commitment_scp::serve(self, context, command).await,
            (N_EVENT_REPORT_RQ, Service::Commitment, true) => commitment_scu::serve(self, context, command).await,
            (N_CREATE_RQ, Service::ProcedureStep, true) => mpps_scp::create(self, context, command).await,
            (N_SET_RQ, Service::ProcedureStep, true) => mpps_scp::set(self, context, command).await,
            _ => self.refuse(context, command, &Reply::new(UNRECOGNIZED_OPERATION, "")).await,
        }
    }

    async fn store(&mut self, context: &Context, command: &CommandSet) -> Result<(), ConnectionError> {
        if !self.caller.peer.policy.services.contains(&PeerService::Store) {
            return self.refuse(context, command, &Reply::new(NOT_AUTHORIZED, "this peer may not store here")).await;
        }
        let receiver = &self.server.receiver;
        let reply = receive_instance(&mut self.connection, receiver, &self.caller.title, context, command).await?;
        self.instances += 1;
        self.respond(context, command, &reply).await
    }

    /// Passes over the data set, if one follows, and answers.
    async fn refuse(&mut self, context: &Context, command: &CommandSet, reply: &Reply) -> Result<(), ConnectionError> {
        if command.has_data_set() {
            self.connection.skip_data_set(context.id).await?;
        }
        self.respond(context, command, reply).await
    }

    /// The response to a request, without a data set.
    pub(crate) async fn respond(
        &mut self,
        context: &Context,
        command: &CommandSet,
        reply: &Reply,
    ) -> Result<(), ConnectionError> {
        let response = command.response(reply.status, &reply.comment);
        self.connection.write_message(context.id, &response, None).await
    }

    /// Ends it as it deserves.
    pub(crate) async fn end(self, end: Result<End, ConnectionError>) {
        let (peer, host, instances) = (self.caller.title, self.caller.host, self.instances);
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

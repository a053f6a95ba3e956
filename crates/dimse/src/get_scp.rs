//! C-GET as SCP (PS3.7 §9.1.3, PS3.4 §C.4.3): instances come back over the association that asked for them.
//!
//! An instance can be sent if its SOP class was proposed with the SCP role, in a syntax that it can be changed into.
//! Statuses are those of C-MOVE, but there is no destination that could be unknown.

use crate::DimseError;
use crate::association::Association;
use crate::command::{C_STORE_RQ, CommandSet, RESPONSE};
use crate::connection::ConnectionError;
use crate::contexts::Context;
use crate::identifier::Identifier;
use crate::retrieve::{Progress, instances};
use crate::sending::{open_stored, prepare, store_request};
use lightbox_store::StoredInstance;

/// Serves a C-GET to its end.
pub(crate) async fn serve(
    association: &mut Association,
    context: &Context,
    command: &CommandSet,
    identifier: &Identifier,
) -> Result<(), ConnectionError> {
    let instances = match instances(association, identifier).await {
        Ok(instances) => instances,
        Err(reply) => return association.respond(context, command, &reply).await,
    };
    tracing::info!(peer = %association.caller.title, instances = instances.len(), "giving");
    let mut operation = Get { get_message_id: command.message_id(), messages: 0, cancelled: false };
    let mut progress = Progress::of(instances.len());
    for instance in &instances {
        let given = operation.give(association, instance).await?;
        if let Err(error) = &given {
            tracing::warn!(peer = %association.caller.title, %error, "an instance could not be given");
        }
        progress.note(instance.sop_instance_uid.as_str(), &given);
        if operation.cancelled || association.connection.is_cancelled(operation.get_message_id).await? {
            return progress.finish(association, context, command, true).await;
        }
        if progress.remaining > 0 {
            progress.tell(association, context, command).await?;
        }
    }
    progress.finish(association, context, command, false).await
}

/// A C-GET under way.
struct Get {
    get_message_id: u16,
    messages: u16,
    cancelled: bool,
}

impl Get {
    /// Sends an instance; gives the peer's status, which is success or a warning, or why it was not stored.
    async fn give(
        &mut self,
        association: &mut Association,
        instance: &StoredInstance,
    ) -> Result<Result<u16, DimseError>, ConnectionError> {
        let object = match open_stored(&association.server.store, instance).await {
            Ok(object) => object,
            Err(error) => return Ok(Err(error)),
        };
        let taken = |syntax: &str| context_for(&association.contexts, &object.sop_class_uid, syntax);
        let (context_id, mut data_set) = match prepare(&object, taken).await {
            Ok(Some(prepared)) => prepared,
            Ok(None) => {
                return Ok(Err(DimseError::ContextRefused {
                    address: association.caller.title.to_string(),
                    sop_class_uid: object.sop_class_uid.clone(),
                    transfer_syntax_uid: object.transfer_syntax_uid.clone(),
                }));
            }
            Err(error) => return Ok(Err(error)),
        };
        self.messages = self.messages.wrapping_add(1);
        let request = store_request(self.messages, &object, None);
        association.connection.stream_message(context_id, &request, &mut *data_set).await?;
        let response = self.response(association).await?;
        Ok(match response.status() {
            status @ (0x0000 | 0x0001 | 0x0107 | 0x0116 | 0xB000..=0xBFFF) => Ok(status),
            status => Err(DimseError::Failed {
                address: association.caller.title.to_string(),
                status,
                comment: response.text(crate::command::element::ERROR_COMMENT),
            }),
        })
    }

    /// The response to the C-STORE; a cancel may come before it.
    async fn response(&mut self, association: &mut Association) -> Result<CommandSet, ConnectionError> {
        loop {
            match association.connection.read_command().await? {
                Some((_, command)) if command.cancels(self.get_message_id) => self.cancelled = true,
                Some((_, command)) if command.command_field() == C_STORE_RQ | RESPONSE => return Ok(command),
                Some(_) => return Err(ConnectionError::Unexpected("another message than a response".to_owned())),
                None => return Err(ConnectionError::Unexpected("A-RELEASE-RQ instead of a response".to_owned())),
            }
        }
    }
}

/// The context in which the peer takes such objects.
fn context_for(contexts: &[Context], sop_class_uid: &str, transfer_syntax_uid: &str) -> Option<(u8, String)> {
    let fits = |context: &&Context| {
        context.peer_is_scp
            && context.sop_class_uid == sop_class_uid
            && context.transfer_syntax_uid == transfer_syntax_uid
    };
    contexts.iter().find(fits).map(|context| (context.id, context.transfer_syntax_uid.clone()))
}

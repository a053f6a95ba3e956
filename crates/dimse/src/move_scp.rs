//! C-MOVE as SCP (PS3.7 §9.1.4, PS3.4 §C.4.2): instances leave for a peer that was admitted with its host and port.
//!
//! | what happened | status (PS3.4 Table C.4-2) |
//! |---|---|
//! | one instance more is done | `FF00` |
//! | all arrived, or nothing matched | `0000` |
//! | the destination took some, or with a warning; none | `B000`; `A702` |
//! | the peer cancelled; what is under way is finished first | `FE00` |
//! | more instances than `retrieved_instances_max` | `A701` |
//! | the destination is no peer with an address | `A801` |
//! | no level of this model, or the level's unique key is missing | `A900` |
//! | a malformed identifier | `C000` |

use crate::DimseError;
use crate::association::Association;
use crate::command::{CommandSet, element};
use crate::connection::{Connection, ConnectionError};
use crate::contexts::Context;
use crate::identifier::Identifier;
use crate::requestor::Requestor;
use crate::retrieve::{Progress, instances};
use crate::scu::{STORE_WAIT_MAX, Target};
use crate::sending::{Batch, Originator, batches, open_stored, store_one};
use crate::store_scp::Reply;
use lightbox_store::{StoreError, StoredInstance};
use std::future::Future;

const OUT_OF_RESOURCES: u16 = 0xA701;
const DESTINATION_UNKNOWN: u16 = 0xA801;

/// Serves a C-MOVE to its end.
pub(crate) async fn serve(
    association: &mut Association,
    context: &Context,
    command: &CommandSet,
    identifier: &Identifier,
) -> Result<(), ConnectionError> {
    let title = command.text(element::MOVE_DESTINATION);
    let (target, instances) = match look_up(association, &title, identifier).await {
        Ok(both) => both,
        Err(reply) => return association.respond(context, command, &reply).await,
    };
    tracing::info!(peer = %association.caller.title, destination = %title, instances = instances.len(), "moving");
    let mut operation = Move {
        target,
        originator: Originator { ae_title: association.caller.title.to_string(), message_id: command.message_id() },
        progress: Progress::of(instances.len()),
        cancelled: false,
    };
    let kind =
        |one: &StoredInstance| (one.sop_class_uid.to_string(), one.transfer_syntax_uid.to_string(), one.rows.is_some());
    for batch in batches(instances, kind) {
        operation.send(association, context, command, batch).await?;
    }
    operation.progress.finish(association, context, command, operation.cancelled).await
}

async fn look_up(
    association: &Association,
    title: &str,
    identifier: &Identifier,
) -> Result<(Target, Vec<StoredInstance>), Reply> {
    let server = &association.server;
    let peer = server.store.peer(title).await.map_err(|error| match error {
        StoreError::Missing { .. } => Reply::new(DESTINATION_UNKNOWN, "the destination is no admitted peer"),
        error => {
            tracing::error!(%error, "cannot look up the destination of a C-MOVE");
            Reply::new(OUT_OF_RESOURCES, "the destination cannot be looked up now: ask again later")
        }
    })?;
    let unknown = |_| Reply::new(DESTINATION_UNKNOWN, "it is not known how to call the destination");
    let target = Target::of(&peer, &server.config.node()).map_err(unknown)?;
    Ok((target, instances(association, identifier).await?))
}

/// A C-MOVE under way.
struct Move {
    target: Target,
    originator: Originator,
    progress: Progress,
    cancelled: bool,
}

impl Move {
    /// Sends a batch; an association that broke is made anew for what is left.
    async fn send(
        &mut self,
        association: &mut Association,
        context: &Context,
        command: &CommandSet,
        batch: Batch<StoredInstance>,
    ) -> Result<(), ConnectionError> {
        let mut requestor: Option<Requestor> = None;
        let mut unreachable = false;
        for instance in batch.things {
            if self.cancelled {
                break;
            }
            if requestor.is_none() && !unreachable {
                let target = self.target.clone();
                let associate = Requestor::associate(&target, &batch.offers, STORE_WAIT_MAX);
                let associated = self.hear(&mut association.connection, associate).await?;
                requestor = associated.inspect_err(|error| warn(&self.target, error)).ok();
                unreachable = requestor.is_none();
            }
            let sent = match &mut requestor {
                Some(requestor) => {
                    let store = association.server.store.clone();
                    let originator = self.originator.clone();
                    let send =
                        async { store_one(requestor, &open_stored(&store, &instance).await?, Some(&originator)).await };
                    self.hear(&mut association.connection, send).await?
                }
                None => Err(DimseError::NoAddress(self.target.called.clone())),
            };
            if matches!(sent, Err(DimseError::Broken { .. })) {
                requestor = None;
            }
            if let (Err(error), false) = (&sent, unreachable) {
                warn(&self.target, error);
            }
            self.progress.note(instance.sop_instance_uid.as_str(), &sent);
            self.progress.tell(association, context, command).await?;
        }
        if let Some(requestor) = requestor {
            requestor.release().await;
        }
        Ok(())
    }

    /// Does the work, and listens meanwhile whether the peer cancels or goes away. What is under way is finished.
    async fn hear<T>(
        &mut self,
        connection: &mut Connection,
        work: impl Future<Output = T>,
    ) -> Result<T, ConnectionError> {
        tokio::pin!(work);
        loop {
            tokio::select! {
                biased;
                done = &mut work => return Ok(done),
                cancelled = connection.read_cancel(self.originator.message_id), if !self.cancelled => {
                    cancelled?;
                    self.cancelled = true;
                }
            }
        }
    }
}

fn warn(target: &Target, error: &DimseError) {
    tracing::warn!(destination = %target.called, %error, "an instance could not be moved");
}

//! What people delete and bring back.

use crate::PipelineError;
use lightbox_domain::{Actor, DeletedPart, DeletionCause, DeletionOrder, Limits, Uid};
use lightbox_store::{Deletion, Store, StoreError, now_ms};

/// The longest reason, in characters.
const REASON_CHARACTERS_MAX: usize = 200;

/// Milliseconds of a day.
pub(crate) const DAY_MS: i64 = 24 * 3_600 * 1_000;

/// Deletes a study or a part of it: nobody sees it from now on, and its bytes are removed after `purge_after_days`. What
/// is sent again meanwhile is taken and stays deleted, which the log says; after the purge it is new.
///
/// # Errors
/// [`PipelineError::Refused`] while work is due on the study, or without a reason; [`StoreError::Missing`] when there is
/// nothing of it.
pub async fn delete(
    store: &Store,
    limits: &Limits,
    study: &Uid,
    part: DeletedPart,
    reason: &str,
    actor: &Actor,
) -> Result<Deletion, PipelineError> {
    let reason = checked_reason(reason)?;
    let order = DeletionOrder {
        study_instance_uid: study.clone(),
        part,
        cause: DeletionCause::Person,
        reason,
        deleted_by: actor.name.clone(),
        purge_ms: Some(purge_ms(limits)),
        returns: false,
    };
    let mut write = store.write().await?;
    if let Some(due) = write.work_due(study.as_str()).await? {
        return Err(PipelineError::Refused(format!("work is due on the study: {due}; try again when it is done")));
    }
    let missing = || StoreError::Missing { kind: "instance left to delete in study", id: study.to_string() };
    let deletion = write.delete(&order).await?.ok_or_else(missing)?;
    write.commit().await?;
    forget_files(store).await;
    Ok(deletion)
}

/// Brings back what a deletion hid.
///
/// # Errors
/// [`StoreError::Missing`] when there is no such deletion, or it was undone or purged already.
pub async fn undelete(store: &Store, deletion_id: &str, actor: &Actor) -> Result<Deletion, PipelineError> {
    let mut write = store.write().await?;
    let deletion = write.undo_deletion(deletion_id, &actor.name).await?;
    write.commit().await?;
    forget_files(store).await;
    Ok(deletion)
}

/// A reason that somebody may read later.
pub(crate) fn checked_reason(reason: &str) -> Result<String, PipelineError> {
    let reason = reason.trim();
    if reason.is_empty() || reason.chars().count() > REASON_CHARACTERS_MAX {
        return Err(PipelineError::Refused(format!("a reason of 1 to {REASON_CHARACTERS_MAX} characters is needed")));
    }
    Ok(reason.to_owned())
}

/// When what is deleted now is purged.
pub(crate) fn purge_ms(limits: &Limits) -> i64 {
    now_ms() + limits.purge_after_days.max(0).saturating_mul(DAY_MS)
}

/// Removes the kept metadata that told of what is hidden. What cannot be removed now goes with the next purge.
pub(crate) async fn forget_files(store: &Store) {
    if let Err(error) = store.remove_files().await {
        tracing::warn!(%error, "cannot remove metadata of what is deleted");
    }
}

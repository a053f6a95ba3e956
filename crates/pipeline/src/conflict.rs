//! What people decide about newcomers on the conflict shelf.

use crate::PipelineError;
use crate::deletion::forget_files;
use lightbox_dicom::inspect;
use lightbox_domain::{Actor, Event, IndexEntry, Limits};
use lightbox_store::{Shelved, Store, StoreError, StoredInstance};
use std::sync::Arc;

/// A decision between what is stored and a newcomer.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Settlement {
    /// What is stored stays, the newcomer stays on the shelf.
    KeepFirst,
    /// The newcomer takes the place of what is stored, which goes to the shelf.
    Replace,
    /// The newcomer is removed.
    Discard,
}

/// Settles a conflict. After a replacement the apps look at the instance as at something new.
///
/// # Errors
/// [`PipelineError::Refused`] when the newcomer cannot take the place of what is stored, or work is due on its study;
/// [`StoreError::Missing`] when there is no such conflict, or what is stored is deleted.
pub async fn settle_conflict(
    store: &Store,
    limits: &Arc<Limits>,
    id: &str,
    how: Settlement,
    actor: &Actor,
) -> Result<(), PipelineError> {
    let shelved = store.conflict(id).await?;
    if how == Settlement::KeepFirst && shelved.state != "open" {
        return refused(format!("conflict {id} was decided already; replace changes places, discard removes"));
    }
    let uid = shelved.sop_instance_uid.as_str();
    let missing = || StoreError::Missing { kind: "stored instance of this conflict", id: uid.to_owned() };
    let stored = store.instance(uid).await?.ok_or_else(missing)?;
    let study = stored.study_instance_uid.as_str();
    // Read before the transaction, which nobody else can write beside.
    let newcomer = match how {
        Settlement::Replace => Some(readable(store, limits, &shelved, &stored).await?),
        Settlement::KeepFirst | Settlement::Discard => None,
    };
    let mut write = store.write().await?;
    if let Some(entry) = &newcomer {
        if let Some(due) = write.work_due(study).await? {
            return refused(format!("work is due on the study: {due}; try again when it is done"));
        }
        write.replace_instance(id, entry, &actor.name).await?;
    }
    let action = match how {
        Settlement::Replace => "conflict.replaced",
        Settlement::KeepFirst => {
            write.keep_first(id, &actor.name).await?;
            "conflict.kept"
        }
        Settlement::Discard => {
            write.discard_conflict(id).await?;
            "conflict.discarded"
        }
    };
    let detail = serde_json::json!({ "conflict": id, "newcomer": shelved.source, "stored": stored.source });
    write
        .append_event(Event::new(&actor.name, action, "instance", uid).detail(detail.to_string()).study(study))
        .await?;
    write.commit().await?;
    forget_files(store).await;
    Ok(())
}

/// What the newcomer says, if it may take the place of what is stored.
async fn readable(
    store: &Store,
    limits: &Arc<Limits>,
    shelved: &Shelved,
    stored: &StoredInstance,
) -> Result<IndexEntry, PipelineError> {
    if stored.run_id.is_some() {
        return refused("what is stored is a result of an app, which nothing replaces".to_owned());
    }
    let (path, limits) = (store.blobs().path(&shelved.blob), Arc::clone(limits));
    let read = tokio::task::spawn_blocking(move || inspect(&path, &limits)).await;
    let entry = match read {
        Ok(Ok(entry)) => entry,
        Ok(Err(error)) => return refused(format!("the newcomer cannot be read: {error}")),
        Err(error) => return refused(format!("the newcomer cannot be read: {error}")),
    };
    let same_place = entry.study.study_instance_uid == stored.study_instance_uid
        && entry.series.series_instance_uid == stored.series_instance_uid;
    match same_place {
        true => Ok(entry),
        false => refused(
            "the newcomer says that it is of another study or series; delete what is stored, and send it again"
                .to_owned(),
        ),
    }
}

fn refused<T>(why: String) -> Result<T, PipelineError> {
    Err(PipelineError::Refused(why))
}

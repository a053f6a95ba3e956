//! What people correct of studies and patients, and how they take it back. No stored byte changes: searches and every way
//! out say the new values, and objects that leave say what they said before.

use crate::deletion::{checked_reason, forget_files};
use crate::{JobError, PipelineError};
use lightbox_dicom::{InspectError, ObjectCorrection, ObjectFile};
use lightbox_domain::{Actor, OverlayScope, PatientKey, Uid, Values};
use lightbox_store::{Changed, NewOverlay, Store, StoreError, now_ms};

/// Corrects attributes of a study and of its patient within it.
///
/// # Errors
/// [`PipelineError::Refused`] without a value or a reason, or when an object of the study cannot carry the correction;
/// [`StoreError::Missing`] when there is no such study.
pub async fn correct(
    store: &Store,
    study: &Uid,
    values: Values,
    reason: &str,
    actor: &Actor,
) -> Result<Changed, PipelineError> {
    let reason = checked_reason(reason)?;
    if values.is_empty() {
        return Err(PipelineError::Refused("name an attribute and its value".to_owned()));
    }
    check_objects(store, study, &values).await?;
    let scope = OverlayScope::Study(study.clone());
    make(store, NewOverlay { scope, values, reason, made_by: actor.name.clone() }).await
}

/// Makes all studies of one patient, also those that arrive later, studies of another.
///
/// # Errors
/// [`PipelineError::Refused`] without a reason, when both are the same or one has no identifier, or when an object cannot
/// carry the other's demographics; [`StoreError::Missing`] when nothing of the other patient is stored.
pub async fn merge(
    store: &Store,
    from: PatientKey,
    into: &PatientKey,
    reason: &str,
    actor: &Actor,
) -> Result<Changed, PipelineError> {
    let reason = checked_reason(reason)?;
    if from.id.is_empty() || from == *into {
        return Err(PipelineError::Refused("name two patients, each with an identifier".to_owned()));
    }
    // Neither the message nor the log names the patient.
    let missing = || StoreError::Missing { kind: "study here of the patient to merge", id: "into".to_owned() };
    let values = store.demographics(into).await?.ok_or_else(missing)?;
    for study in store.studies_of_patient(&from).await? {
        check_objects(store, &study, &values).await?;
    }
    make(store, NewOverlay { scope: OverlayScope::Patient(from), values, reason, made_by: actor.name.clone() }).await
}

async fn make(store: &Store, new: NewOverlay) -> Result<Changed, PipelineError> {
    let mut write = store.write().await?;
    let changed = write.make_overlay(new).await?;
    write.commit().await?;
    forget_files(store).await;
    Ok(changed)
}

/// Takes a correction or a merge back.
///
/// # Errors
/// [`StoreError::Missing`] when there is none that stands.
pub async fn undo_correction(store: &Store, id: &str, actor: &Actor) -> Result<Changed, PipelineError> {
    let mut write = store.write().await?;
    let changed = write.undo_overlay(id, &actor.name).await?;
    write.commit().await?;
    forget_files(store).await;
    Ok(changed)
}

/// Applies to a study that has arrived what was decided of its patient before.
///
/// # Errors
/// When the database refuses.
pub(crate) async fn apply(store: &Store, study: &str) -> Result<(), JobError> {
    let study = Uid::parse(study).map_err(|error| JobError::Permanent(error.to_string()))?;
    let mut write = store.write().await?;
    write.apply_overlays(&study).await?;
    write.commit().await?;
    forget_files(store).await;
    Ok(())
}

/// Makes sure that every object of a study can say these values, before anybody counts on it.
pub(crate) async fn check_objects(store: &Store, study: &Uid, values: &Values) -> Result<(), PipelineError> {
    let (blobs, values) = (store.blobs().clone(), values.clone());
    let instances = store.instances_of_study(study.as_str()).await?;
    let check = move || {
        instances.iter().try_for_each(|instance| {
            let correction =
                ObjectCorrection { values: values.clone(), changed_ms: now_ms(), source: instance.source.clone() };
            let opened = ObjectFile::corrected(blobs.path(&instance.blob), correction).open();
            opened.map(drop).map_err(|error| refusal(&instance.sop_instance_uid, &error))
        })
    };
    tokio::task::spawn_blocking(check).await.unwrap_or_else(|error| Err(PipelineError::Refused(error.to_string())))
}

fn refusal(instance: &Uid, error: &InspectError) -> PipelineError {
    PipelineError::Refused(format!("nothing is corrected, because of instance {instance}: {error}"))
}

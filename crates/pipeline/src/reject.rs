//! Hides what a rejection note rejects (IHE Imaging Object Change Management, RAD TF-3 §4.66.4). The note itself is kept.

use crate::deletion::{forget_files, purge_ms};
use crate::{JobError, Pipeline, blocking};
use lightbox_dicom::{RejectionNote, read_rejection_note};
use lightbox_domain::{DeletedPart, DeletionCause, DeletionOrder, Event};
use lightbox_store::StoredInstance;

/// Hides at once what the Key Object Selection document `sop_instance_uid` rejects, if it is a rejection note. It does
/// not wait for work under way: a run on a rejected image ends as failed instead of publishing. What is hidden already
/// stays as it is, so that this may be done twice.
///
/// # Errors
/// When the note cannot be read, or the database refuses.
pub async fn reject(pipeline: &Pipeline, sop_instance_uid: &str) -> Result<(), JobError> {
    let Some(document) = pipeline.store.instance(sop_instance_uid).await? else { return Ok(()) };
    let path = pipeline.store.blobs().path(&document.blob);
    let note = blocking(move || read_rejection_note(&path)).await?;
    let Some(note) = note.map_err(|error| JobError::Permanent(error.to_string()))? else { return Ok(()) };
    apply(pipeline, &document, &note).await
}

async fn apply(pipeline: &Pipeline, document: &StoredInstance, note: &RejectionNote) -> Result<(), JobError> {
    let purge_ms = note.rejection.purge.then(|| purge_ms(&pipeline.limits));
    let mut write = pipeline.store.write().await?;
    let (mut referred, mut hidden) = (0, 0);
    for (study, instances) in &note.references {
        referred += instances.len();
        let order = DeletionOrder {
            study_instance_uid: study.clone(),
            // A note that refers to itself is kept all the same.
            part: DeletedPart::Instances(
                instances.iter().filter(|uid| **uid != document.sop_instance_uid).cloned().collect(),
            ),
            cause: DeletionCause::Rejection,
            reason: format!("{} ({}, DCM)", note.rejection.meaning, note.rejection.code),
            deleted_by: document.source.clone(),
            purge_ms,
            returns: note.rejection.returns,
        };
        hidden += write.delete(&order).await?.map_or(0, |deletion| deletion.instances);
    }
    let detail = serde_json::json!({ "code": note.rejection.code, "referred": referred, "hidden": hidden });
    let event = Event::new(&document.source, "rejection.applied", "instance", document.sop_instance_uid.as_str());
    write.append_event(event.detail(detail.to_string()).study(document.study_instance_uid.as_str())).await?;
    write.commit().await?;
    forget_files(&pipeline.store).await;
    Ok(())
}

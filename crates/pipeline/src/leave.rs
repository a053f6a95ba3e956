//! The one place that stored objects pass on their way out of the store: to a peer, to a DICOMweb client, to an app, into
//! kept metadata. What people corrected lies over them from here on; the stored files are for nobody to see but this, the
//! comparison of what arrives, and `verify`.
//!
//! Frames and renderings are read from the stored file, since no correction reaches a pixel.

use lightbox_dicom::{ObjectCorrection, ObjectFile};
use lightbox_domain::Correction;
use lightbox_store::{Blobs, Store, StoreError, StoredInstance};

/// The objects of a study as they leave.
#[derive(Clone, Debug)]
pub struct Leaving {
    blobs: Blobs,
    correction: Option<Correction>,
}

impl Leaving {
    /// Looks up what lies over a study.
    ///
    /// # Errors
    /// When the database refuses.
    pub async fn of_study(store: &Store, study_instance_uid: &str) -> Result<Self, StoreError> {
        let correction = store.correction(study_instance_uid).await?;
        Ok(Self { blobs: store.blobs().clone(), correction })
    }

    /// When what lies over the study last changed, in milliseconds since 1970; `None` if nobody ever corrected it.
    #[must_use]
    pub fn changed_ms(&self) -> Option<i64> {
        self.correction.as_ref().map(|correction| correction.changed_ms)
    }

    /// An instance of that study as it leaves.
    #[must_use]
    pub fn file(&self, instance: &StoredInstance) -> ObjectFile {
        let path = self.blobs.path(&instance.blob);
        let Some(correction) = &self.correction else { return ObjectFile::from(&path) };
        let values = correction.values(instance.run_id.is_some());
        if values.is_empty() {
            return ObjectFile::from(&path);
        }
        let (changed_ms, source) = (correction.changed_ms, instance.source.clone());
        ObjectFile::corrected(path, ObjectCorrection { values, changed_ms, source })
    }
}

/// An instance as it leaves.
///
/// # Errors
/// When the database refuses.
pub async fn leaving(store: &Store, instance: &StoredInstance) -> Result<ObjectFile, StoreError> {
    Ok(Leaving::of_study(store, instance.study_instance_uid.as_str()).await?.file(instance))
}

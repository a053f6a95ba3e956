//! Gathers the metadata of a settled series, as WADO-RS gives them (PS3.18 §10.4.1.1.2), and has its study matched with the
//! orders.

use crate::{JobError, Leaving, blocking};
use lightbox_dicom::json;
use lightbox_store::{InstanceMetadata, Store, StoredInstance};

/// Stands in kept metadata where the address of DICOMweb belongs, which depends on how a client calls the server.
pub const DICOMWEB_ORIGIN: &str = "lightbox-origin:";

/// Gathers and keeps the metadata of a series: its indexed instances by number.
///
/// # Errors
/// When the database refuses, or an instance cannot be read.
pub async fn describe(store: &Store, study_uid: &str, series_uid: &str) -> Result<(), JobError> {
    let mut instances = store.instances_of_study(study_uid).await?;
    instances.retain(|instance| instance.series_instance_uid.as_str() == series_uid);
    if instances.is_empty() {
        return Ok(());
    }
    if store.wants_match(study_uid).await? {
        let mut write = store.write().await?;
        write.match_again(study_uid).await?;
        write.commit().await?;
    }
    let leaving = Leaving::of_study(store, study_uid).await?;
    let metadata = blocking(move || gather(&leaving, &instances)).await??;
    Ok(store.keep_metadata(study_uid, series_uid, metadata).await?)
}

fn gather(leaving: &Leaving, instances: &[StoredInstance]) -> Result<Vec<InstanceMetadata>, JobError> {
    let describe = |instance: &StoredInstance| {
        let metadata = json::metadata(leaving.file(instance), &bulk_data_uri(DICOMWEB_ORIGIN, instance));
        let metadata = metadata.map_err(|error| JobError::Permanent(error.to_string()))?;
        let json = serde_json::to_vec(&metadata).map_err(|error| JobError::Permanent(error.to_string()))?;
        Ok(InstanceMetadata { sop_instance_uid: instance.sop_instance_uid.clone(), json })
    };
    instances.iter().map(describe).collect()
}

/// Where DICOMweb at this origin serves what metadata leave out; the tag follows.
#[must_use]
pub fn bulk_data_uri(origin: &str, instance: &StoredInstance) -> String {
    format!(
        "{origin}/dicomweb/studies/{}/series/{}/instances/{}/bulkdata",
        instance.study_instance_uid, instance.series_instance_uid, instance.sop_instance_uid
    )
}

//! By C-STORE: the result as it is stored, or, for a peer that takes no Comprehensive 3D SR, the same report as a
//! Comprehensive SR. That one is written anew each time from the stored findings; the same run gives the same bytes.

use crate::parcel::Parcel;
use lightbox_dicom::{Header, ObjectFile, ResultContext, check_result, derived_uid, write_report_basic};
use lightbox_dimse::{DimseError, Node, Outgoing, store as c_store};
use lightbox_domain::{Deployment, Run};
use lightbox_pipeline::{JobError, leaving};
use lightbox_store::Store;

/// Comprehensive 3D SR Storage (PS3.4 Table B.5-1).
const COMPREHENSIVE_3D_SR: &str = "1.2.840.10008.5.1.4.1.1.88.34";

/// Comprehensive SR Storage.
const COMPREHENSIVE_SR: &str = "1.2.840.10008.5.1.4.1.1.88.33";

/// The language of the texts in results.
const LANGUAGE: &str = "en";

/// What a peer got.
pub(crate) struct Sent {
    pub sop_class_uid: String,
    pub sop_instance_uid: String,
}

/// Sends the result; says what the peer now has.
pub(crate) async fn send(store: &Store, us: &Node, parcel: &Parcel) -> Result<Sent, JobError> {
    let file = parcel.file.clone();
    let result = blocking(move || Outgoing::open(&file)).await?.map_err(job_error)?;
    match c_store(&parcel.peer, us, &result).await {
        Ok(()) => Ok(Sent {
            sop_class_uid: parcel.instance.sop_class_uid.to_string(),
            sop_instance_uid: parcel.instance.sop_instance_uid.to_string(),
        }),
        Err(DimseError::ContextRefused { .. }) if parcel.instance.sop_class_uid.as_str() == COMPREHENSIVE_3D_SR => {
            send_basic(store, us, parcel).await
        }
        Err(error) => Err(job_error(error)),
    }
}

async fn send_basic(store: &Store, us: &Node, parcel: &Parcel) -> Result<Sent, JobError> {
    let (run, uid) = (parcel.run.clone(), parcel.run.sop_instance_uid.as_str());
    let gone = || JobError::Permanent(format!("there is no instance {uid} any more"));
    let source = store.instance(uid).await?.ok_or_else(gone)?;
    let source = leaving(store, &source).await?;
    let deployment = store.deployment(&run.deployment_id).await?;
    let basic_uid = derived_uid(&run.id, "report-basic").to_string();
    let report = blocking(move || write_basic(&source, &run, &deployment)).await??;
    let report = Outgoing::from_bytes(report).map_err(job_error)?;
    c_store(&parcel.peer, us, &report).await.map_err(|error| match error {
        DimseError::ContextRefused { address, .. } => {
            JobError::Permanent(format!("{address} takes neither Comprehensive 3D SR nor Comprehensive SR"))
        }
        other => job_error(other),
    })?;
    Ok(Sent { sop_class_uid: COMPREHENSIVE_SR.to_owned(), sop_instance_uid: basic_uid })
}

/// Writes the report for simple peers and has it pass the gate, as everything that leaves.
fn write_basic(source: &ObjectFile, run: &Run, deployment: &Deployment) -> Result<Vec<u8>, JobError> {
    let source = Header::read(source).map_err(|error| JobError::Transient(error.to_string()))?;
    let clearance = deployment.clearance();
    let context = ResultContext {
        source: &source,
        manifest: &deployment.manifest,
        run,
        digest: &deployment.digest,
        clearance: clearance.as_deref(),
        language: LANGUAGE,
    };
    let report = write_report_basic(&context).map_err(|error| JobError::Permanent(error.to_string()))?;
    check_result(&report, &source)
        .map_err(|error| JobError::Permanent(format!("the result did not pass the gate: {error}")))?;
    Ok(report)
}

pub(crate) fn job_error(error: DimseError) -> JobError {
    match error.is_permanent() {
        true => JobError::Permanent(error.to_string()),
        false => JobError::Transient(error.to_string()),
    }
}

async fn blocking<T: Send + 'static>(work: impl FnOnce() -> T + Send + 'static) -> Result<T, JobError> {
    tokio::task::spawn_blocking(work).await.map_err(|error| JobError::Permanent(format!("the step broke: {error}")))
}

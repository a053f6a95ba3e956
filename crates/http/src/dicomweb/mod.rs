//! DICOMweb (PS3.18): one file a transaction.
//!
//! Instances leave as they are stored, bit for bit, unless the request or the standard wants another transfer syntax, or
//! somebody corrected them.

mod accept;
mod answer;
mod bulkdata;
mod capabilities;
mod conditional;
mod file_body;
mod frames;
mod metadata;
mod multipart;
mod query;
mod rendered;
mod retrieve;
mod search;
mod store;
mod syntaxes;
mod thumbnail;
mod transactions;
mod workitems;

use crate::HttpState;
use crate::auth::Caller;
use crate::problem::Problem;
use crate::seen::{seen_instances, sees_instance};
use axum::Router;
use axum::extract::DefaultBodyLimit;
use axum::http::HeaderValue;
use axum::routing::MethodRouter;
use lightbox_domain::{Action, Uid};
use lightbox_identity::Resource;
use lightbox_store::StoredInstance;
use serde::Deserialize;

pub use transactions::{Transaction, dicomweb_transactions};

/// The media type of the DICOM JSON model.
const DICOM_JSON: HeaderValue = HeaderValue::from_static("application/dicom+json");

/// A part or an answer that is a DICOM file.
const DICOM: &str = "application/dicom";

/// Native pixels and other bulk data.
const OCTETS: &str = "application/octet-stream";

/// Explicit VR little endian, in which native frames leave.
const EXPLICIT_LITTLE: &str = "1.2.840.10008.1.2.1";

/// All routes, below `/dicomweb`: see the table in [`transactions`].
pub(crate) fn routes() -> Router<HttpState> {
    transactions::router()
        // Uploads are streamed to disk; their limits are those of an instance and of a request's instances.
        .layer(DefaultBodyLimit::disable())
}

/// The root with a slash behind, which a nested router does not serve.
pub(crate) fn root() -> MethodRouter<HttpState> {
    axum::routing::options(capabilities::retrieve)
}

/// What an address names: a study, a series of it, an instance of that.
#[derive(Deserialize)]
struct Address {
    study: String,
    series: Option<String>,
    instance: Option<String>,
}

impl Address {
    /// The instances below this address that the caller may see.
    ///
    /// # Errors
    /// 403 without permission, 400 when a part is no UID, 404 when there is nothing to be seen.
    async fn instances(&self, state: &HttpState, caller: &Caller) -> Result<Vec<StoredInstance>, Problem> {
        caller.may(Action::StudyRead, &Resource::study(&self.study))?;
        if self.instance.is_some() {
            return Ok(vec![self.one(state, caller).await?]);
        }
        let study = Uid::parse(&self.study)?;
        let mut instances = seen_instances(state, caller, study.as_str()).await?;
        if let Some(series) = &self.series {
            let series = Uid::parse(series)?;
            instances.retain(|instance| instance.series_instance_uid == series);
        }
        if instances.is_empty() {
            return Err(Problem::not_found(if self.series.is_some() { "series" } else { "study" }));
        }
        Ok(instances)
    }

    /// The one instance of this address.
    ///
    /// # Errors
    /// As [`Address::instances`].
    async fn one(&self, state: &HttpState, caller: &Caller) -> Result<StoredInstance, Problem> {
        caller.may(Action::StudyRead, &Resource::study(&self.study))?;
        let part = |uid: &Option<String>| Uid::parse(uid.as_deref().unwrap_or_default());
        let (study, series, instance) = (Uid::parse(&self.study)?, part(&self.series)?, part(&self.instance)?);
        let found = state.store.instance(instance.as_str()).await?;
        let found = found.filter(|one| one.study_instance_uid == study && one.series_instance_uid == series);
        match found {
            Some(instance) if sees_instance(state, caller, &instance).await? => Ok(instance),
            _ => Err(Problem::not_found("instance")),
        }
    }
}

/// The address of a study below `origin`, such as `http://127.0.0.1:8080/dicomweb/studies/1.2.3`.
fn study_url(origin: &str, study: &Uid) -> String {
    format!("{origin}/dicomweb/studies/{study}")
}

/// The address of a series.
fn series_url(origin: &str, study: &Uid, series: &Uid) -> String {
    format!("{}/series/{series}", study_url(origin, study))
}

/// The address of an instance.
fn instance_url(origin: &str, study: &Uid, series: &Uid, instance: &Uid) -> String {
    format!("{}/instances/{instance}", series_url(origin, study, series))
}

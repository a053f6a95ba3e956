//! DICOMweb (PS3.18): one file a transaction.
//!
//! Instances leave as they are stored, bit for bit: nothing is transcoded but frames and renderings on request.

mod accept;
mod answer;
mod bulkdata;
mod frames;
mod metadata;
mod multipart;
mod query;
mod rendered;
mod retrieve;
mod search;
mod store;
mod workitems;

use crate::HttpState;
use crate::auth::Caller;
use crate::problem::Problem;
use crate::seen::{seen_instances, sees_instance};
use axum::Router;
use axum::extract::DefaultBodyLimit;
use axum::http::HeaderValue;
use axum::routing::{get, post};
use lightbox_domain::{Action, Uid};
use lightbox_identity::Resource;
use lightbox_store::StoredInstance;
use serde::Deserialize;

/// The media type of the DICOM JSON model.
const DICOM_JSON: HeaderValue = HeaderValue::from_static("application/dicom+json");

/// A part or an answer that is a DICOM file.
const DICOM: &str = "application/dicom";

/// Native pixels and other bulk data.
const OCTETS: &str = "application/octet-stream";

/// Explicit VR little endian, in which native frames leave.
const EXPLICIT_LITTLE: &str = "1.2.840.10008.1.2.1";

/// All routes, below `/dicomweb`.
pub(crate) fn routes() -> Router<HttpState> {
    const STUDY: &str = "/studies/{study}";
    const SERIES: &str = "/studies/{study}/series/{series}";
    const INSTANCE: &str = "/studies/{study}/series/{series}/instances/{instance}";
    let of = |resource: &str, rest: &str| format!("{resource}{rest}");
    Router::new()
        .route("/studies", get(search::studies).post(store::store))
        .route("/series", get(search::all_series))
        .route("/instances", get(search::all_instances))
        .route(&of(STUDY, "/series"), get(search::series_of_study))
        .route(&of(STUDY, "/instances"), get(search::instances_of_study))
        .route(&of(SERIES, "/instances"), get(search::instances_of_series))
        .route(STUDY, get(retrieve::study).merge(post(store::store_in_study)))
        .route(SERIES, get(retrieve::series))
        .route(INSTANCE, get(retrieve::instance))
        .route(&of(STUDY, "/metadata"), get(metadata::study))
        .route(&of(SERIES, "/metadata"), get(metadata::series))
        .route(&of(INSTANCE, "/metadata"), get(metadata::instance))
        .route(&of(INSTANCE, "/frames/{frames}"), get(frames::frames))
        .route(&of(INSTANCE, "/rendered"), get(rendered::instance))
        .route(&of(INSTANCE, "/thumbnail"), get(rendered::thumbnail))
        .route(&of(INSTANCE, "/frames/{frames}/rendered"), get(rendered::frame))
        .route(&of(INSTANCE, "/frames/{frames}/thumbnail"), get(rendered::frame_thumbnail))
        .route(&of(INSTANCE, "/bulkdata/{tag}"), get(bulkdata::bulkdata))
        .merge(workitems::routes())
        // Uploads are streamed to disk; their limits are those of an instance and of a request's instances.
        .layer(DefaultBodyLimit::disable())
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

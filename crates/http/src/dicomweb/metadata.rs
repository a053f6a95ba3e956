//! WADO-RS: metadata (PS3.18 §10.4.1.1.2) as DICOM JSON, streamed instance by instance.

use super::accept::Accept;
use super::{Address, DICOM_JSON, instance_url};
use crate::HttpState;
use crate::auth::Caller;
use crate::extract::{Origin, Path};
use crate::problem::Problem;
use axum::body::Body;
use axum::extract::State;
use axum::http::header;
use axum::response::{IntoResponse, Response};
use bytes::Bytes;
use futures_util::stream::{self, StreamExt, TryStreamExt};
use lightbox_store::StoredInstance;
use std::io;
use std::path::PathBuf;

/// How many headers are read at once for one answer.
const READ_AT_ONCE: usize = 4;

/// `/studies/{study}/metadata`
pub(super) async fn study(
    State(state): State<HttpState>,
    caller: Caller,
    origin: Origin,
    accept: Accept,
    Path(address): Path<Address>,
) -> Result<Response, Problem> {
    answer(&state, &caller, origin, &accept, &address).await
}

/// `/studies/{study}/series/{series}/metadata`
pub(super) async fn series(
    State(state): State<HttpState>,
    caller: Caller,
    origin: Origin,
    accept: Accept,
    Path(address): Path<Address>,
) -> Result<Response, Problem> {
    answer(&state, &caller, origin, &accept, &address).await
}

/// `/studies/{study}/series/{series}/instances/{instance}/metadata`
pub(super) async fn instance(
    State(state): State<HttpState>,
    caller: Caller,
    origin: Origin,
    accept: Accept,
    Path(address): Path<Address>,
) -> Result<Response, Problem> {
    answer(&state, &caller, origin, &accept, &address).await
}

async fn answer(
    state: &HttpState,
    caller: &Caller,
    Origin(origin): Origin,
    accept: &Accept,
    address: &Address,
) -> Result<Response, Problem> {
    let instances = address.instances(state, caller).await?;
    if accept.choose(&["application/dicom+json", "application/json"]).is_none() {
        return Err(Problem::not_acceptable("metadata are given as application/dicom+json"));
    }
    let blobs = state.store.blobs().clone();
    let reads = instances.into_iter().map(move |instance| {
        let url = bulk_data_url(&origin, &instance);
        let path = blobs.path(&instance.blob);
        async move { tokio::task::spawn_blocking(move || read(path, &url)).await.map_err(io::Error::other)? }
    });
    let mut rows = stream::iter(reads).buffered(READ_AT_ONCE);
    // The first is read before anything is sent, so that its failure still has a status.
    let first = rows.next().await.transpose().map_err(Problem::internal)?.unwrap_or_default();
    let rest = rows.map_ok(|row| Bytes::from([b",".as_slice(), &row].concat()));
    let rest = rest.inspect_err(|error| tracing::error!(%error, "broke off an answer of metadata"));
    let ends = [Bytes::from_static(b"["), first.into()].map(Ok::<_, io::Error>);
    let body = stream::iter(ends).chain(rest).chain(stream::iter([Ok(Bytes::from_static(b"]"))]));
    Ok(([(header::CONTENT_TYPE, DICOM_JSON)], Body::from_stream(body)).into_response())
}

fn read(path: PathBuf, bulk_data_url: &str) -> io::Result<Vec<u8>> {
    let metadata = lightbox_dicom::json::metadata(&path, bulk_data_url).map_err(io::Error::other)?;
    serde_json::to_vec(&metadata).map_err(io::Error::other)
}

/// Where `bulkdata` serves what metadata leave out; the tag follows.
fn bulk_data_url(origin: &str, instance: &StoredInstance) -> String {
    let (study, series) = (&instance.study_instance_uid, &instance.series_instance_uid);
    format!("{}/bulkdata", instance_url(origin, study, series, &instance.sop_instance_uid))
}

//! WADO-RS: instances as they are stored, bit for bit (PS3.18 §10.4).

use super::accept::{Accept, Form};
use super::multipart::{Part, respond};
use super::{Address, DICOM};
use crate::HttpState;
use crate::auth::Caller;
use crate::extract::Path;
use crate::problem::Problem;
use axum::body::Body;
use axum::extract::State;
use axum::http::{HeaderValue, header};
use axum::response::{IntoResponse, Response};
use bytes::Bytes;
use futures_util::stream::{self, Stream, StreamExt, TryStreamExt};
use lightbox_store::StoredInstance;
use std::io;
use std::path::PathBuf;
use tokio_util::io::ReaderStream;

/// How much of a file is read at once, in bytes.
const READ_BYTES: usize = 256 * 1024;

/// `/studies/{study}`
pub(super) async fn study(
    State(state): State<HttpState>,
    caller: Caller,
    accept: Accept,
    Path(address): Path<Address>,
) -> Result<Response, Problem> {
    let instances = address.instances(&state, &caller).await?;
    several(&state, &accept, instances)
}

/// `/studies/{study}/series/{series}`
pub(super) async fn series(
    State(state): State<HttpState>,
    caller: Caller,
    accept: Accept,
    Path(address): Path<Address>,
) -> Result<Response, Problem> {
    let instances = address.instances(&state, &caller).await?;
    several(&state, &accept, instances)
}

/// `/studies/{study}/series/{series}/instances/{instance}`
pub(super) async fn instance(
    State(state): State<HttpState>,
    caller: Caller,
    accept: Accept,
    Path(address): Path<Address>,
) -> Result<Response, Problem> {
    let instance = address.one(&state, &caller).await?;
    match form(&accept, &instance)? {
        Form::Single => single(&state, &instance).await,
        Form::Multipart | Form::Either => several(&state, &accept, vec![instance]),
    }
}

/// How the client wants an instance that is stored in this transfer syntax. Without a transfer syntax, as it is stored.
fn form(accept: &Accept, instance: &StoredInstance) -> Result<Form, Problem> {
    let syntax = instance.transfer_syntax_uid.as_str();
    let wanted = accept.0.iter().filter(|range| range.covers_syntax(syntax)).find_map(|range| range.covers(DICOM));
    wanted.ok_or_else(|| {
        Problem::not_acceptable(format!(
            "instances are given as {DICOM}, alone or in multipart/related; this one is stored in transfer syntax {syntax}"
        ))
    })
}

async fn single(state: &HttpState, instance: &StoredInstance) -> Result<Response, Problem> {
    let path = state.store.blobs().path(&instance.blob);
    let file = tokio::fs::File::open(&path).await.map_err(Problem::internal)?;
    let headers = [
        (header::CONTENT_TYPE, HeaderValue::from_static(DICOM)),
        (header::CONTENT_LENGTH, HeaderValue::from(instance.size_bytes)),
    ];
    Ok((headers, Body::from_stream(ReaderStream::with_capacity(file, READ_BYTES))).into_response())
}

fn several(state: &HttpState, accept: &Accept, instances: Vec<StoredInstance>) -> Result<Response, Problem> {
    for instance in &instances {
        if form(accept, instance)? == Form::Single {
            return Err(Problem::not_acceptable("several instances are only given as multipart/related"));
        }
    }
    let blobs = state.store.blobs().clone();
    let parts = instances.into_iter().map(move |instance| {
        let content_type = format!("{DICOM}; transfer-syntax={}", instance.transfer_syntax_uid);
        Ok(Part { content_type, bytes: file_bytes(blobs.path(&instance.blob)) })
    });
    Ok(respond(DICOM, stream::iter(parts)))
}

/// The bytes of a file, which is opened when they are asked for.
fn file_bytes(path: PathBuf) -> impl Stream<Item = io::Result<Bytes>> + Send + 'static {
    let opened = stream::once(tokio::fs::File::open(path));
    opened.map(|file| file.map(|file| ReaderStream::with_capacity(file, READ_BYTES))).try_flatten()
}

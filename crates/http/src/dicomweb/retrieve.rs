//! WADO-RS: instances as they are stored, bit for bit, unless somebody corrected them (PS3.18 §10.4).

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
use lightbox_dicom::{InspectError, ObjectFile, ObjectReader};
use lightbox_pipeline::{Leaving, leaving};
use lightbox_store::StoredInstance;
use std::io::{self, Read, Seek, SeekFrom};
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
    several(&state, &accept, &address, instances).await
}

/// `/studies/{study}/series/{series}`
pub(super) async fn series(
    State(state): State<HttpState>,
    caller: Caller,
    accept: Accept,
    Path(address): Path<Address>,
) -> Result<Response, Problem> {
    let instances = address.instances(&state, &caller).await?;
    several(&state, &accept, &address, instances).await
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
        Form::Multipart | Form::Either => several(&state, &accept, &address, vec![instance]).await,
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
    let file = leaving(&state.store, instance).await?;
    let (opened, path) = (file.clone(), file.path().to_owned());
    let (bytes, body) = if file.is_corrected() {
        let length = move || Ok::<_, InspectError>(opened.open()?.seek(SeekFrom::End(0))?);
        (tokio::task::spawn_blocking(length).await??, Body::from_stream(corrected_bytes(file)))
    } else {
        let file = tokio::fs::File::open(&path).await.map_err(Problem::internal)?;
        let bytes = u64::try_from(instance.size_bytes).map_err(Problem::internal)?;
        (bytes, Body::from_stream(ReaderStream::with_capacity(file, READ_BYTES)))
    };
    let headers =
        [(header::CONTENT_TYPE, HeaderValue::from_static(DICOM)), (header::CONTENT_LENGTH, HeaderValue::from(bytes))];
    Ok((headers, body).into_response())
}

async fn several(
    state: &HttpState,
    accept: &Accept,
    address: &Address,
    instances: Vec<StoredInstance>,
) -> Result<Response, Problem> {
    for instance in &instances {
        if form(accept, instance)? == Form::Single {
            return Err(Problem::not_acceptable("several instances are only given as multipart/related"));
        }
    }
    let leaving = Leaving::of_study(&state.store, &address.study).await?;
    let parts = instances.into_iter().map(move |instance| {
        let content_type = format!("{DICOM}; transfer-syntax={}", instance.transfer_syntax_uid);
        Ok(Part { content_type, bytes: object_bytes(leaving.file(&instance)) })
    });
    Ok(respond(DICOM, stream::iter(parts)))
}

/// The bytes of an object, which is opened when they are asked for.
fn object_bytes(file: ObjectFile) -> impl Stream<Item = io::Result<Bytes>> + Send + 'static {
    match file.is_corrected() {
        true => corrected_bytes(file).left_stream(),
        false => file_bytes(file.path().to_owned()).right_stream(),
    }
}

/// The bytes of an object that is corrected as it is read.
fn corrected_bytes(file: ObjectFile) -> impl Stream<Item = io::Result<Bytes>> + Send + 'static {
    stream::try_unfold(None::<ObjectReader>, move |reader| {
        let file = file.clone();
        async move {
            let read = move || {
                let mut reader = reader.map_or_else(|| file.open().map_err(io::Error::other), Ok)?;
                let mut piece = vec![0; READ_BYTES];
                let count = reader.read(&mut piece)?;
                piece.truncate(count);
                Ok::<_, io::Error>((count > 0).then(|| (Bytes::from(piece), Some(reader))))
            };
            tokio::task::spawn_blocking(read).await.map_err(io::Error::other)?
        }
    })
}

/// The bytes of a file, which is opened when they are asked for.
fn file_bytes(path: PathBuf) -> impl Stream<Item = io::Result<Bytes>> + Send + 'static {
    let opened = stream::once(tokio::fs::File::open(path));
    opened.map(|file| file.map(|file| ReaderStream::with_capacity(file, READ_BYTES))).try_flatten()
}

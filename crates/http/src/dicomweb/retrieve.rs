//! WADO-RS: whole instances (PS3.18 §10.4), as they are stored, bit for bit, or in the transfer syntax that the client
//! accepts. Nothing is ever in memory as a whole.

use super::accept::{Accept, Form};
use super::conditional::{Conditions, Validator};
use super::multipart::{Part, respond};
use super::syntaxes::{Way, ways};
use super::{Address, DICOM};
use crate::HttpState;
use crate::auth::Caller;
use crate::extract::Path;
use crate::problem::Problem;
use axum::body::Body;
use axum::extract::State;
use axum::http::header;
use axum::response::Response;
use bytes::Bytes;
use futures_util::stream::{self, BoxStream, Stream, StreamExt, TryStreamExt};
use lightbox_dicom::TranscodeError;
use lightbox_pipeline::outbound::{self, Outbound};
use lightbox_store::StoredInstance;
use std::io;
use std::ops::Range;
use std::path::PathBuf;
use tokio::io::{AsyncReadExt, AsyncSeekExt};
use tokio_util::io::ReaderStream;

/// How much of a file is read at once, in bytes.
const READ_BYTES: usize = 256 * 1024;

/// An instance as it leaves: the syntax, and the bytes of its file.
struct Leaving {
    transfer_syntax_uid: String,
    bytes: BoxStream<'static, io::Result<Bytes>>,
}

/// `/studies/{study}`
pub(super) async fn study(
    State(state): State<HttpState>,
    caller: Caller,
    accept: Accept,
    conditions: Conditions,
    Path(address): Path<Address>,
) -> Result<Response, Problem> {
    let instances = address.instances(&state, &caller).await?;
    several(&state, &accept, &conditions, instances).await
}

/// `/studies/{study}/series/{series}`
pub(super) async fn series(
    State(state): State<HttpState>,
    caller: Caller,
    accept: Accept,
    conditions: Conditions,
    Path(address): Path<Address>,
) -> Result<Response, Problem> {
    let instances = address.instances(&state, &caller).await?;
    several(&state, &accept, &conditions, instances).await
}

/// `/studies/{study}/series/{series}/instances/{instance}`
pub(super) async fn instance(
    State(state): State<HttpState>,
    caller: Caller,
    accept: Accept,
    conditions: Conditions,
    Path(address): Path<Address>,
) -> Result<Response, Problem> {
    let instance = address.one(&state, &caller).await?;
    let ways = acceptable(&accept, &instance)?;
    if ways[0].form != Form::Single {
        return several(&state, &accept, &conditions, vec![instance]).await;
    }
    let validator = conditions.of_instance(&instance);
    if let Some(answer) = conditions.not_modified(&validator) {
        return Ok(answer);
    }
    if ways[0].transfer_syntax_uid == instance.transfer_syntax_uid.as_str() {
        return stored(&state, &conditions, &validator, &instance).await;
    }
    let leaving = leave(&state, &instance, &ways).await?;
    let mut response = Response::new(Body::from_stream(leaving.bytes));
    let content_type = format!("{DICOM}; transfer-syntax={}", leaving.transfer_syntax_uid);
    response.headers_mut().insert(header::CONTENT_TYPE, content_type.parse().map_err(Problem::internal)?);
    Ok(validator.stamp(response, true))
}

/// The ways in which an instance can be given; at least one.
fn acceptable(accept: &Accept, instance: &StoredInstance) -> Result<Vec<Way>, Problem> {
    let stored = instance.transfer_syntax_uid.as_str();
    match ways(accept, stored) {
        none if none.is_empty() => Err(Problem::not_acceptable(format!(
            "instances are given as {DICOM}, alone or in multipart/related; this one is stored in transfer syntax {stored}, \
             and cannot be made into one that the request accepts; transfer-syntax=* takes it as it is"
        ))),
        ways => Ok(ways),
    }
}

/// The file as it is, or a piece of it.
async fn stored(
    state: &HttpState,
    conditions: &Conditions,
    validator: &Validator,
    instance: &StoredInstance,
) -> Result<Response, Problem> {
    let length = u64::try_from(instance.size_bytes).unwrap_or(0);
    let range = conditions.range(validator, length)?;
    let path = state.store.blobs().path(&instance.blob);
    let bytes = open(path, range.clone().unwrap_or(0..length)).await.map_err(Problem::internal)?;
    Ok(validator.single(DICOM, Body::from_stream(bytes), range, length))
}

async fn several(
    state: &HttpState,
    accept: &Accept,
    conditions: &Conditions,
    instances: Vec<StoredInstance>,
) -> Result<Response, Problem> {
    let ways: Vec<_> = instances.iter().map(|one| acceptable(accept, one)).collect::<Result<_, _>>()?;
    if instances.len() > 1 && ways.iter().any(|ways| ways[0].form == Form::Single) {
        return Err(Problem::not_acceptable("several instances are only given as multipart/related"));
    }
    let validator = conditions.of_files(instances.iter().map(|one| one.blob.as_str()));
    if let Some(answer) = conditions.not_modified(&validator) {
        return Ok(answer);
    }
    let mut instances = instances.into_iter().zip(ways);
    let Some((first, first_ways)) = instances.next() else { return Err(Problem::not_found("instance")) };
    // The first is begun before anything is sent, so that its failure still has a status.
    let first = leave(state, &first, &first_ways).await?;
    let state = state.clone();
    let rest = stream::iter(instances).then(move |(instance, ways)| {
        let state = state.clone();
        async move { leave(&state, &instance, &ways).await.map_err(|_| io::Error::other("an instance is unreadable")) }
    });
    let parts = stream::once(async { Ok(first) }).chain(rest).map_ok(|leaving: Leaving| {
        let content_type = format!("{DICOM}; transfer-syntax={}", leaving.transfer_syntax_uid);
        Part { content_type, bytes: leaving.bytes }
    });
    Ok(validator.stamp(respond(DICOM, parts), false))
}

/// An instance in the first of these ways that is possible for it.
async fn leave(state: &HttpState, instance: &StoredInstance, ways: &[Way]) -> Result<Leaving, Problem> {
    let path = state.store.blobs().path(&instance.blob);
    let mut refused = Problem::not_acceptable("the instance cannot be given so");
    for Way { transfer_syntax_uid, .. } in ways {
        let transfer_syntax_uid = transfer_syntax_uid.clone();
        if transfer_syntax_uid == instance.transfer_syntax_uid.as_str() {
            return Ok(Leaving { transfer_syntax_uid, bytes: whole(path).boxed() });
        }
        let permit = state.transcoding.clone().acquire_owned().await.map_err(Problem::internal)?;
        let outbound = Outbound {
            path: path.clone(),
            transfer_syntax_uid: transfer_syntax_uid.clone(),
            part: outbound::Part::File,
            limits: (*state.limits).clone(),
        };
        match outbound.start(permit).await {
            Ok(bytes) => return Ok(Leaving { transfer_syntax_uid, bytes: bytes.boxed() }),
            Err(error @ TranscodeError::Unsupported(_)) => refused = Problem::not_acceptable(error),
            Err(TranscodeError::Pixels(error)) => refused = error.into(),
            Err(error) => return Err(Problem::internal(error)),
        }
    }
    Err(refused)
}

/// The bytes of a file, which is opened when they are asked for.
fn whole(path: PathBuf) -> impl Stream<Item = io::Result<Bytes>> + Send + 'static {
    stream::once(tokio::fs::File::open(path)).map_ok(|file| ReaderStream::with_capacity(file, READ_BYTES)).try_flatten()
}

/// A piece of a file.
async fn open(path: PathBuf, range: Range<u64>) -> io::Result<impl Stream<Item = io::Result<Bytes>> + Send + 'static> {
    let mut file = tokio::fs::File::open(path).await?;
    file.seek(io::SeekFrom::Start(range.start)).await?;
    Ok(ReaderStream::with_capacity(file.take(range.end - range.start), READ_BYTES))
}

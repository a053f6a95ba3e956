//! WADO-RS: whole instances (PS3.18 §10.4), as they are stored, bit for bit, or in the transfer syntax that the client
//! accepts; with what people corrected of them. Nothing is ever in memory as a whole.

use super::accept::{Accept, Form};
use super::conditional::{Conditions, Validator};
use super::multipart::{Part, respond};
use super::syntaxes::{Way, ways};
use super::{Address, DICOM, file_body};
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
use lightbox_dicom::{InspectError, ObjectFile, ObjectReader, TranscodeError};
use lightbox_pipeline::Leaving;
use lightbox_pipeline::outbound::{self, Outbound};
use lightbox_store::StoredInstance;
use std::io::{self, Read, Seek, SeekFrom};
use std::ops::Range;

/// How much of a corrected object is read at once, in bytes.
const READ_BYTES: usize = 256 * 1024;

/// An instance as it leaves: the syntax, and the bytes of its file.
struct Given {
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
    let leaving = Leaving::of_study(&state.store, &address.study).await?;
    let validator = conditions.of_instance(&instance).corrected(leaving.changed_ms());
    if let Some(answer) = conditions.not_modified(&validator) {
        return Ok(answer);
    }
    if ways[0].transfer_syntax_uid == instance.transfer_syntax_uid.as_str() {
        return as_stored(&conditions, &validator, &instance, leaving.file(&instance)).await;
    }
    let given = give(&state, &instance, leaving.file(&instance), &ways).await?;
    let mut response = Response::new(Body::from_stream(given.bytes));
    let content_type = format!("{DICOM}; transfer-syntax={}", given.transfer_syntax_uid);
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

/// The object in the syntax that it is stored in, or a piece of it.
async fn as_stored(
    conditions: &Conditions,
    validator: &Validator,
    instance: &StoredInstance,
    file: ObjectFile,
) -> Result<Response, Problem> {
    if file.is_corrected() {
        let (mut reader, length) = tokio::task::spawn_blocking(move || open_corrected(&file)).await??;
        let range = conditions.range(validator, length)?;
        let Range { start, end } = range.clone().unwrap_or(0..length);
        reader.seek(SeekFrom::Start(start)).map_err(Problem::internal)?;
        let bytes = corrected(reader.take(end - start));
        return Ok(validator.single(DICOM, Body::from_stream(bytes), range, length));
    }
    let length = u64::try_from(instance.size_bytes).unwrap_or(0);
    let range = conditions.range(validator, length)?;
    let bytes = file_body::begun(file.path().to_owned(), range.clone().unwrap_or(0..length));
    let bytes = bytes.await.map_err(Problem::internal)?;
    Ok(validator.single(DICOM, Body::from_stream(bytes), range, length))
}

/// A corrected object and its bytes. Blocks.
fn open_corrected(file: &ObjectFile) -> Result<(ObjectReader, u64), InspectError> {
    let mut reader = file.open()?;
    let length = reader.seek(SeekFrom::End(0))?;
    Ok((reader, length))
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
    let Some(study) = instances.first().map(|one| &one.study_instance_uid) else {
        return Err(Problem::not_found("instance"));
    };
    let leaving = Leaving::of_study(&state.store, study.as_str()).await?;
    let validator = conditions.of_files(instances.iter().map(|one| one.blob.as_str()));
    let validator = validator.corrected(leaving.changed_ms());
    if let Some(answer) = conditions.not_modified(&validator) {
        return Ok(answer);
    }
    let mut instances = instances.into_iter().zip(ways);
    let Some((first, first_ways)) = instances.next() else { return Err(Problem::not_found("instance")) };
    // The first is begun before anything is sent, so that its failure still has a status.
    let first = give(state, &first, leaving.file(&first), &first_ways).await?;
    let state = state.clone();
    let rest = stream::iter(instances).then(move |(instance, ways)| {
        let (state, file) = (state.clone(), leaving.file(&instance));
        async move {
            let given = give(&state, &instance, file, &ways).await;
            given.map_err(|_| io::Error::other("an instance is unreadable"))
        }
    });
    let parts = stream::once(async { Ok(first) }).chain(rest).map_ok(|given: Given| {
        let content_type = format!("{DICOM}; transfer-syntax={}", given.transfer_syntax_uid);
        Part { content_type, bytes: given.bytes }
    });
    Ok(validator.stamp(respond(DICOM, parts), false))
}

/// An instance in the first of these ways that is possible for it.
async fn give(state: &HttpState, instance: &StoredInstance, file: ObjectFile, ways: &[Way]) -> Result<Given, Problem> {
    let mut refused = Problem::not_acceptable("the instance cannot be given so");
    for Way { transfer_syntax_uid, .. } in ways {
        let transfer_syntax_uid = transfer_syntax_uid.clone();
        if transfer_syntax_uid == instance.transfer_syntax_uid.as_str() {
            return Ok(Given { transfer_syntax_uid, bytes: whole(file).await? });
        }
        let permit = state.transcoding.clone().acquire_owned().await.map_err(Problem::internal)?;
        let outbound = Outbound {
            file: file.clone(),
            transfer_syntax_uid: transfer_syntax_uid.clone(),
            part: outbound::Part::File,
            limits: (*state.limits).clone(),
        };
        match outbound.start(permit).await {
            Ok(bytes) => return Ok(Given { transfer_syntax_uid, bytes: bytes.boxed() }),
            Err(error @ TranscodeError::Unsupported(_)) => refused = Problem::not_acceptable(error),
            Err(TranscodeError::Pixels(error)) => refused = error.into(),
            Err(TranscodeError::Object(error)) => return Err(error.into()),
            Err(error) => return Err(Problem::internal(error)),
        }
    }
    Err(refused)
}

/// The bytes of an object. A file is opened when they are asked for; a corrected object is before, so that its failure still
/// has a status.
async fn whole(file: ObjectFile) -> Result<BoxStream<'static, io::Result<Bytes>>, Problem> {
    if file.is_corrected() {
        let reader = tokio::task::spawn_blocking(move || file.open()).await??;
        return Ok(corrected(reader).boxed());
    }
    Ok(file_body::pieces(file.path().to_owned(), None).boxed())
}

/// The bytes of an object that is corrected as it is read, each piece on a thread that may block.
fn corrected(reader: impl Read + Send + 'static) -> impl Stream<Item = io::Result<Bytes>> + Send + 'static {
    stream::try_unfold(reader, |mut reader| async {
        let read = move || {
            let mut piece = vec![0; READ_BYTES];
            let count = reader.read(&mut piece)?;
            piece.truncate(count);
            Ok::<_, io::Error>((count > 0).then(|| (Bytes::from(piece), reader)))
        };
        tokio::task::spawn_blocking(read).await.map_err(io::Error::other)?
    })
}

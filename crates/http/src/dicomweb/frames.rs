//! WADO-RS: frames (PS3.18 §10.4.1.1.6), as they are stored or decoded, whichever the client accepts.

use super::accept::{Accept, Form};
use super::conditional::Conditions;
use super::multipart::{Part, respond};
use super::{Address, EXPLICIT_LITTLE, OCTETS};
use crate::HttpState;
use crate::auth::Caller;
use crate::extract::Path;
use crate::problem::Problem;
use axum::extract::State;
use axum::response::Response;
use bytes::Bytes;
use futures_util::stream::{self, StreamExt};
use lightbox_dicom::{PixelError, StoredFrame, native_frame, stored_frame};
use lightbox_domain::Limits;
use lightbox_store::StoredInstance;
use serde::Deserialize;
use std::io;
use std::path::{Path as FilePath, PathBuf};

/// The most frames of one request.
const FRAMES_MAX: usize = 10_000;

/// The address of frames of an instance.
#[derive(Deserialize)]
pub(super) struct FramesAddress {
    #[serde(flatten)]
    pub(super) instance: Address,
    pub(super) frames: String,
}

/// Whether frames leave as they are stored.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Encoding {
    Stored,
    Native,
}

/// `/studies/{study}/series/{series}/instances/{instance}/frames/{frames}`
pub(super) async fn frames(
    State(state): State<HttpState>,
    caller: Caller,
    accept: Accept,
    conditions: Conditions,
    Path(address): Path<FramesAddress>,
) -> Result<Response, Problem> {
    let instance = address.instance.one(&state, &caller).await?;
    let frames = numbers(&address.frames, &instance)?;
    frames_answer(&state, &accept, &conditions, &instance, frames).await
}

/// Frames, counted from 0, of an instance that the caller may see.
pub(super) async fn frames_answer(
    state: &HttpState,
    accept: &Accept,
    conditions: &Conditions,
    instance: &StoredInstance,
    frames: Vec<u32>,
) -> Result<Response, Problem> {
    let validator = conditions.of_instance(instance);
    if let Some(answer) = conditions.not_modified(&validator) {
        return Ok(answer);
    }
    let path = state.store.blobs().path(&instance.blob);
    let Some(&number) = frames.first() else { return Err(Problem::not_found("frame")) };
    let stored = load(state, &path, number, Encoding::Stored).await?;
    let (encoding, form) = choose(accept, &stored).ok_or_else(|| unacceptable(&stored))?;
    let first = match encoding {
        Encoding::Stored => stored,
        Encoding::Native => load(state, &path, number, Encoding::Native).await?,
    };
    match form {
        Form::Single if frames.len() > 1 => {
            Err(Problem::not_acceptable("several frames are only given as multipart/related"))
        }
        Form::Single => conditions.answer(&validator, &content_type(&first), first.bytes),
        Form::Multipart | Form::Either => Ok(validator.stamp(multipart(state, path, first, frames, encoding), false)),
    }
}

/// The frames of the address, counted from 0 (in the address from 1).
pub(super) fn numbers(text: &str, instance: &StoredInstance) -> Result<Vec<u32>, Problem> {
    let number = |text: &str| text.trim().parse::<u32>().ok().and_then(|number| number.checked_sub(1));
    let numbers: Option<Vec<u32>> = text.split(',').map(number).collect();
    let numbers = numbers.filter(|numbers| numbers.len() <= FRAMES_MAX);
    let numbers = numbers.ok_or_else(|| {
        Problem::bad_request(format!("frames are whole numbers from 1, divided by commas, {FRAMES_MAX} at most"))
    })?;
    match numbers.iter().all(|number| i64::from(*number) < instance.frames) {
        true => Ok(numbers),
        false => Err(Problem::not_found("frame").detail(format!("the instance has {} frame(s)", instance.frames))),
    }
}

fn multipart(state: &HttpState, path: PathBuf, first: StoredFrame, frames: Vec<u32>, encoding: Encoding) -> Response {
    let part_type = first.media_type;
    let state = state.clone();
    let rest = stream::iter(frames.into_iter().skip(1)).then(move |number| {
        let (state, path) = (state.clone(), path.clone());
        async move { load(&state, &path, number, encoding).await.map_err(|_| io::Error::other("a frame is unreadable")) }
    });
    let parts = stream::once(async { Ok(first) }).chain(rest).map(|frame: io::Result<StoredFrame>| {
        let frame = frame?;
        let content_type = content_type(&frame);
        Ok(Part { content_type, bytes: stream::iter([Ok(Bytes::from(frame.bytes))]) })
    });
    respond(part_type, parts)
}

/// Reads or decodes a frame on a thread of its own; no more at once than the state allows.
async fn load(state: &HttpState, path: &FilePath, frame: u32, encoding: Encoding) -> Result<StoredFrame, Problem> {
    let permit = state.decoding.clone().acquire_owned().await.map_err(Problem::internal)?;
    let (path, limits) = (path.to_owned(), state.limits.clone());
    let loaded = tokio::task::spawn_blocking(move || {
        let _permit = permit;
        load_now(&path, frame, encoding, &limits)
    });
    Ok(loaded.await??)
}

fn load_now(path: &FilePath, frame: u32, encoding: Encoding, limits: &Limits) -> Result<StoredFrame, PixelError> {
    match encoding {
        Encoding::Stored => stored_frame(path, frame, limits),
        Encoding::Native => native_frame(path, frame, limits),
    }
}

/// What the client wants most of what can be given: the frame as stored, or decoded for those who ask for octets.
fn choose(accept: &Accept, stored: &StoredFrame) -> Option<(Encoding, Form)> {
    accept.0.iter().find_map(|range| {
        let as_stored = range.covers(stored.media_type).filter(|_| range.covers_syntax(&stored.transfer_syntax_uid));
        let as_native = range.covers(OCTETS).filter(|_| range.covers_syntax(EXPLICIT_LITTLE));
        as_stored.map(|form| (Encoding::Stored, form)).or_else(|| as_native.map(|form| (Encoding::Native, form)))
    })
}

fn unacceptable(stored: &StoredFrame) -> Problem {
    Problem::not_acceptable(format!(
        "frames are given as {} in transfer syntax {}, or decoded as {OCTETS}",
        stored.media_type, stored.transfer_syntax_uid
    ))
}

fn content_type(frame: &StoredFrame) -> String {
    format!("{}; transfer-syntax={}", frame.media_type, frame.transfer_syntax_uid)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[track_caller]
    fn check(accept: &str, expected: Option<(Encoding, Form)>) {
        let stored = StoredFrame {
            bytes: Vec::new(),
            transfer_syntax_uid: "1.2.840.10008.1.2.4.80".to_owned(),
            media_type: "image/jls",
        };
        assert_eq!(choose(&Accept::parse([accept]), &stored), expected, "{accept}");
    }

    #[test]
    fn clients_get_the_frame_as_stored_or_decoded() {
        check("*/*", Some((Encoding::Stored, Form::Either)));
        check("image/jls", Some((Encoding::Stored, Form::Single)));
        check("multipart/related; type=\"image/jls\"", Some((Encoding::Stored, Form::Multipart)));
        check("multipart/related; type=\"image/jls\"; transfer-syntax=1.2.840.10008.1.2.4.81", None);
        check(
            "multipart/related; type=application/octet-stream; transfer-syntax=*",
            Some((Encoding::Native, Form::Multipart)),
        );
        check("application/octet-stream", Some((Encoding::Native, Form::Single)));
        check("multipart/related; type=application/octet-stream; transfer-syntax=1.2.840.10008.1.2.2", None);
        check("image/png", None);
    }
}

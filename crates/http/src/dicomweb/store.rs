//! STOW-RS: store instances (PS3.18 §10.5). Each part is streamed to disk and is durable before it is answered for.

use super::accept::{Accept, MediaRange};
use super::multipart::{Parts, boundary_of};
use super::{DICOM, DICOM_JSON, instance_url, study_url};
use crate::HttpState;
use crate::auth::Caller;
use crate::extract::{Origin, Path};
use crate::problem::Problem;
use axum::body::Body;
use axum::extract::State;
use axum::http::{HeaderMap, StatusCode, header};
use axum::response::{IntoResponse, Response};
use bytes::Bytes;
use futures_util::stream::{self, Stream, StreamExt, TryStreamExt};
use lightbox_dicom::DatasetJson;
use lightbox_domain::{Action, Source, Uid};
use lightbox_identity::Resource;
use lightbox_pipeline::{ReceiveError, Received, ReceivedOutcome, Receiver};
use lightbox_store::StoreError;
use std::collections::VecDeque;
use std::io;
use tokio::task::{JoinError, JoinHandle};

/// How many instances of a request are written at once.
const WRITTEN_AT_ONCE_MAX: usize = 8;

/// An instance shorter than this is read whole before it is written, in bytes.
const SHORT_BYTES_MAX: usize = 1 << 20;

/// Failure and warning reasons (PS3.18 Table I.2-2, PS3.4 Table B.2-1).
mod reason {
    /// The server could not store it; the same may succeed later.
    pub(super) const PROCESSING_FAILURE: u16 = 0x0110;
    /// Larger, or more, than is accepted.
    pub(super) const OUT_OF_RESOURCES: u16 = 0xA700;
    /// The disk is nearly full.
    pub(super) const DISK_LOW: u16 = 0xA701;
    /// It belongs to another study than the address says.
    pub(super) const OTHER_STUDY: u16 = 0xA900;
    /// It is no DICOM instance, or not whole.
    pub(super) const CANNOT_UNDERSTAND: u16 = 0xC000;
    /// Other data with its UID are stored, and stay.
    pub(super) const REFUSED_CONFLICT: u16 = 0xC111;
    /// Stored, but not as the instance of this UID: another one was there first.
    pub(super) const CONFLICT: u16 = 0xB000;
}

/// What became of a request's parts.
#[derive(Default)]
struct Outcome {
    stored: Vec<Received>,
    failed: Vec<Failure>,
}

/// A part that was not stored; the instance is known if it was understood that far.
struct Failure {
    reason: u16,
    instance: Option<(Uid, Uid)>,
}

/// `/studies`
pub(super) async fn store(
    State(state): State<HttpState>,
    caller: Caller,
    Origin(origin): Origin,
    accept: Accept,
    headers: HeaderMap,
    body: Body,
) -> Result<Response, Problem> {
    caller.may_any(Action::StudyWrite)?;
    let boundary = boundary(&headers, &accept)?;
    let outcome = receive_parts(&state, &caller, None, boundary, body).await?;
    Ok(outcome.respond(&origin))
}

/// `/studies/{study}`: an instance of another study is refused.
pub(super) async fn store_in_study(
    State(state): State<HttpState>,
    caller: Caller,
    Origin(origin): Origin,
    accept: Accept,
    Path(study): Path<String>,
    headers: HeaderMap,
    body: Body,
) -> Result<Response, Problem> {
    caller.may(Action::StudyWrite, &Resource::study(&study))?;
    let study = Uid::parse(&study)?;
    let boundary = boundary(&headers, &accept)?;
    let outcome = receive_parts(&state, &caller, Some(&study), boundary, body).await?;
    Ok(outcome.respond(&origin))
}

/// The boundary of the message, once it is known that we can read it and the client our answer.
fn boundary<'a>(headers: &'a HeaderMap, accept: &Accept) -> Result<&'a str, Problem> {
    let content_type = headers.get(header::CONTENT_TYPE).and_then(|value| value.to_str().ok()).unwrap_or_default();
    let kind = MediaRange::parse(content_type);
    if kind.essence != "multipart/related" || kind.part_type.as_deref().is_some_and(|part| part != DICOM) {
        return Err(Problem::new(StatusCode::UNSUPPORTED_MEDIA_TYPE, "Send DICOM files")
            .detail("the Content-Type must be multipart/related; type=\"application/dicom\"; boundary=…"));
    }
    if accept.choose(&["application/dicom+json", "application/json"]).is_none() {
        return Err(Problem::not_acceptable("the answer is application/dicom+json"));
    }
    boundary_of(content_type)
        .ok_or_else(|| Problem::bad_request("the Content-Type has no boundary, or not a valid one"))
}

async fn receive_parts(
    state: &HttpState,
    caller: &Caller,
    study: Option<&Uid>,
    boundary: &str,
    body: Body,
) -> Result<Outcome, Problem> {
    let mut parts = Parts::new(body.into_data_stream().map_err(io::Error::other), boundary);
    let mut arriving = Arriving::new(state, caller, study);
    loop {
        let content_type = match parts.next_part().await {
            Ok(Some(content_type)) => content_type,
            Ok(None) => break,
            Err(error) if arriving.parts == 0 => return Err(Problem::bad_request(error)),
            // What came before is stored and must be answered for.
            Err(_) => {
                arriving.outcome.fail(reason::CANNOT_UNDERSTAND, None);
                break;
            }
        };
        if arriving.parts >= state.limits.stow_instances_max {
            arriving.outcome.fail(reason::OUT_OF_RESOURCES, None);
            break;
        }
        arriving.parts += 1;
        // A part without a type is what the message says it consists of.
        if !content_type.is_empty() && MediaRange::parse(&content_type).essence != DICOM {
            arriving.outcome.fail(reason::CANNOT_UNDERSTAND, None);
            continue;
        }
        arriving.receive(parts.body()).await;
    }
    match arriving.parts {
        0 => Err(Problem::bad_request("the message has no part")),
        _ => Ok(arriving.end().await),
    }
}

/// The instances of a request on their way into the archive. One that is short is read whole and handed over, so that the
/// next is read while it is written, and several share a commit.
struct Arriving {
    receiver: Receiver,
    source: Source,
    study: Option<Uid>,
    /// How many parts have come.
    parts: usize,
    under_way: VecDeque<JoinHandle<Result<Received, ReceiveError>>>,
    outcome: Outcome,
}

impl Arriving {
    fn new(state: &HttpState, caller: &Caller, study: Option<&Uid>) -> Self {
        Self {
            receiver: state.receiver.clone(),
            source: Source::Upload(caller.actor.name.clone()),
            study: study.cloned(),
            parts: 0,
            under_way: VecDeque::new(),
            outcome: Outcome::default(),
        }
    }

    /// Receives an instance, or has it received meanwhile.
    async fn receive(&mut self, mut bytes: impl Stream<Item = io::Result<Bytes>> + Send + Unpin) {
        let (start, is_whole) = start_of(&mut bytes).await;
        let start = stream::iter(start);
        let (receiver, source, study) = (self.receiver.clone(), self.source.clone(), self.study.clone());
        if !is_whole {
            let received = receive(&receiver, source, study, start.chain(bytes)).await;
            self.outcome.note(received);
            return;
        }
        if self.under_way.len() >= WRITTEN_AT_ONCE_MAX {
            self.note_first().await;
        }
        self.under_way.push_back(tokio::spawn(async move { receive(&receiver, source, study, start).await }));
    }

    /// Waits for the one that has been under way for longest, and notes what became of it.
    async fn note_first(&mut self) {
        let Some(received) = self.under_way.pop_front() else { return };
        let broken = |error: JoinError| Err(StoreError::Unwritten(error.to_string()).into());
        let received = received.await.unwrap_or_else(broken);
        self.outcome.note(received);
    }

    /// What became of all.
    async fn end(mut self) -> Outcome {
        while !self.under_way.is_empty() {
            self.note_first().await;
        }
        self.outcome
    }
}

/// The beginning of an instance, and whether that is all of it.
async fn start_of(bytes: &mut (impl Stream<Item = io::Result<Bytes>> + Unpin)) -> (Vec<io::Result<Bytes>>, bool) {
    let (mut start, mut length) = (Vec::new(), 0);
    while length < SHORT_BYTES_MAX {
        match bytes.next().await {
            Some(Ok(chunk)) => {
                length += chunk.len();
                start.push(Ok(chunk));
            }
            Some(Err(error)) => {
                start.push(Err(error));
                return (start, true);
            }
            None => return (start, true),
        }
    }
    (start, false)
}

async fn receive(
    receiver: &Receiver,
    source: Source,
    study: Option<Uid>,
    bytes: impl Stream<Item = io::Result<Bytes>> + Send + Unpin,
) -> Result<Received, ReceiveError> {
    match &study {
        Some(study) => receiver.receive_into(source, study, bytes).await,
        None => receiver.receive(source, bytes).await,
    }
}

impl Outcome {
    /// Notes what became of an instance.
    fn note(&mut self, received: Result<Received, ReceiveError>) {
        let error = match received {
            Ok(received) => return self.stored.push(received),
            Err(error) => error,
        };
        match error {
            ReceiveError::OtherStudy { sop_class_uid, sop_instance_uid } => {
                self.fail(reason::OTHER_STUDY, Some((sop_class_uid, sop_instance_uid)));
            }
            ReceiveError::Conflict { sop_class_uid, sop_instance_uid } => {
                self.fail(reason::REFUSED_CONFLICT, Some((sop_class_uid, sop_instance_uid)));
            }
            ReceiveError::Refused(_) | ReceiveError::Aborted(_) => {
                tracing::info!(%error, "refused an instance of a STOW-RS request");
                self.fail(reason::CANNOT_UNDERSTAND, None);
            }
            ReceiveError::TooLarge { .. } => {
                tracing::info!(%error, "refused an instance of a STOW-RS request");
                self.fail(reason::OUT_OF_RESOURCES, None);
            }
            ReceiveError::DiskLow { .. } | ReceiveError::ArchiveFull { .. } => {
                tracing::error!(%error, "refused an instance of a STOW-RS request");
                self.fail(reason::DISK_LOW, None);
            }
            ReceiveError::Store(error) => {
                tracing::error!(%error, "could not store an instance of a STOW-RS request");
                self.fail(reason::PROCESSING_FAILURE, None);
            }
        }
    }

    fn fail(&mut self, reason: u16, instance: Option<(Uid, Uid)>) {
        self.failed.push(Failure { reason, instance });
    }

    /// The status by PS3.18 §10.5.3.2. When the server is at fault, trying again later must look worthwhile.
    fn status(&self) -> StatusCode {
        let conflict = self.stored.iter().any(|one| one.outcome == ReceivedOutcome::Conflict);
        let is_ours = |failure: &Failure| matches!(failure.reason, reason::PROCESSING_FAILURE | reason::DISK_LOW);
        let ours = self.failed.iter().any(is_ours);
        match (self.stored.is_empty(), self.failed.is_empty()) {
            (true, _) if ours => StatusCode::SERVICE_UNAVAILABLE,
            (true, _) => StatusCode::CONFLICT,
            (false, true) if !conflict => StatusCode::OK,
            (false, _) => StatusCode::ACCEPTED,
        }
    }

    /// The Store Instances Response Module (PS3.18 Table I.2-1).
    fn respond(&self, origin: &str) -> Response {
        let stored: Vec<_> = self.stored.iter().map(|one| stored_item(origin, one)).collect();
        let (known, unknown): (Vec<_>, Vec<_>) = self.failed.iter().partition(|failure| failure.instance.is_some());
        let mut answer = DatasetJson::new();
        if let Some(first) = self.stored.first()
            && self.stored.iter().all(|one| one.study_instance_uid == first.study_instance_uid)
        {
            let url = study_url(origin, &first.study_instance_uid);
            answer = answer.text("00081190", "UR", &url);
        }
        for (tag, items) in [
            ("00081198", known.into_iter().map(failed_item).collect()),
            ("00081199", stored),
            ("0008119A", unknown.into_iter().map(failed_item).collect::<Vec<_>>()),
        ] {
            if !items.is_empty() {
                answer = answer.items(tag, items);
            }
        }
        let mut text = Vec::new();
        answer.write(&mut text);
        (self.status(), [(header::CONTENT_TYPE, DICOM_JSON)], text).into_response()
    }
}

/// An item of the Referenced SOP Sequence.
fn stored_item(origin: &str, one: &Received) -> DatasetJson {
    let url = instance_url(origin, &one.study_instance_uid, &one.series_instance_uid, &one.sop_instance_uid);
    let item = DatasetJson::new()
        .text("00081150", "UI", one.sop_class_uid.as_str())
        .text("00081155", "UI", one.sop_instance_uid.as_str())
        .text("00081190", "UR", &url);
    match one.outcome {
        ReceivedOutcome::Stored | ReceivedOutcome::Duplicate | ReceivedOutcome::Replaced => item,
        ReceivedOutcome::Conflict => item.number("00081196", "US", reason::CONFLICT.into()),
    }
}

/// An item of the Failed SOP Sequence, or of the Other Failures Sequence when nobody knows which instance it was.
fn failed_item(failure: &Failure) -> DatasetJson {
    let item = DatasetJson::new().number("00081197", "US", failure.reason.into());
    match &failure.instance {
        Some((class, instance)) => {
            item.text("00081150", "UI", class.as_str()).text("00081155", "UI", instance.as_str())
        }
        None => item,
    }
}

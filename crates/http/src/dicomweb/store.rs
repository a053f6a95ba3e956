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
use futures_util::{Stream, TryStreamExt};
use lightbox_dicom::DatasetJson;
use lightbox_domain::{Action, Source, Uid};
use lightbox_identity::Resource;
use lightbox_pipeline::{ReceiveError, Received, ReceivedOutcome};

use std::io;

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
    let mut outcome = Outcome::default();
    loop {
        let content_type = match parts.next_part().await {
            Ok(Some(content_type)) => content_type,
            Ok(None) => break,
            Err(error) if outcome.is_empty() => return Err(Problem::bad_request(error)),
            // What came before is stored and must be answered for.
            Err(_) => {
                outcome.fail(reason::CANNOT_UNDERSTAND, None);
                break;
            }
        };
        if outcome.stored.len() + outcome.failed.len() >= state.limits.stow_instances_max {
            outcome.fail(reason::OUT_OF_RESOURCES, None);
            break;
        }
        // A part without a type is what the message says it consists of.
        if !content_type.is_empty() && MediaRange::parse(&content_type).essence != DICOM {
            outcome.fail(reason::CANNOT_UNDERSTAND, None);
            continue;
        }
        receive(state, caller, study, parts.body(), &mut outcome).await;
    }
    match outcome.is_empty() {
        true => Err(Problem::bad_request("the message has no part")),
        false => Ok(outcome),
    }
}

/// Receives one instance and notes what became of it.
async fn receive(
    state: &HttpState,
    caller: &Caller,
    study: Option<&Uid>,
    bytes: impl Stream<Item = io::Result<Bytes>> + Send + Unpin,
    outcome: &mut Outcome,
) {
    let source = Source::Upload(caller.actor.name.clone());
    let received = match study {
        Some(study) => state.receiver.receive_into(source, study, bytes).await,
        None => state.receiver.receive(source, bytes).await,
    };
    match received {
        Ok(received) => outcome.stored.push(received),
        Err(ReceiveError::OtherStudy { sop_class_uid, sop_instance_uid }) => {
            outcome.fail(reason::OTHER_STUDY, Some((sop_class_uid, sop_instance_uid)));
        }
        Err(ReceiveError::Conflict { sop_class_uid, sop_instance_uid }) => {
            outcome.fail(reason::REFUSED_CONFLICT, Some((sop_class_uid, sop_instance_uid)));
        }
        Err(error @ (ReceiveError::Refused(_) | ReceiveError::Aborted(_))) => {
            tracing::info!(%error, "refused an instance of a STOW-RS request");
            outcome.fail(reason::CANNOT_UNDERSTAND, None);
        }
        Err(error @ ReceiveError::TooLarge { .. }) => {
            tracing::info!(%error, "refused an instance of a STOW-RS request");
            outcome.fail(reason::OUT_OF_RESOURCES, None);
        }
        Err(error @ (ReceiveError::DiskLow { .. } | ReceiveError::ArchiveFull { .. })) => {
            tracing::error!(%error, "refused an instance of a STOW-RS request");
            outcome.fail(reason::DISK_LOW, None);
        }
        Err(ReceiveError::Store(error)) => {
            tracing::error!(%error, "could not store an instance of a STOW-RS request");
            outcome.fail(reason::PROCESSING_FAILURE, None);
        }
    }
}

impl Outcome {
    fn is_empty(&self) -> bool {
        self.stored.is_empty() && self.failed.is_empty()
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

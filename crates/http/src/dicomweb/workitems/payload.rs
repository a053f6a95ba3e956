//! The data set that a request carries.

use super::super::accept::MediaRange;
use crate::problem::Problem;
use axum::body::to_bytes;
use axum::extract::{FromRequest, Request};
use axum::http::{StatusCode, header};
use lightbox_dicom::DataSet;
use serde_json::Value;

/// The largest data set of a workitem, in bytes of JSON.
const PAYLOAD_BYTES_MAX: usize = 1 << 20;

/// A data set in the DICOM JSON model, alone or as the only one of an array. No body at all is an empty one.
pub(in crate::dicomweb) struct Payload(pub(super) DataSet);

impl<S: Send + Sync> FromRequest<S> for Payload {
    type Rejection = Problem;

    async fn from_request(request: Request, _: &S) -> Result<Self, Problem> {
        let content_type = request.headers().get(header::CONTENT_TYPE).and_then(|value| value.to_str().ok());
        let kind = content_type.map(|text| MediaRange::parse(text).essence);
        let body = to_bytes(request.into_body(), PAYLOAD_BYTES_MAX).await.map_err(|_| {
            Problem::new(StatusCode::PAYLOAD_TOO_LARGE, "The request is too large")
                .detail(format!("a workitem has {PAYLOAD_BYTES_MAX} bytes at most"))
        })?;
        if body.is_empty() {
            return Ok(Self(DataSet::default()));
        }
        if !matches!(kind.as_deref(), Some("application/dicom+json" | "application/json")) {
            return Err(Problem::new(StatusCode::UNSUPPORTED_MEDIA_TYPE, "Send DICOM JSON")
                .detail("the Content-Type must be application/dicom+json; XML is not read"));
        }
        let json: Value = serde_json::from_slice(&body)
            .map_err(|error| Problem::bad_request(format!("no JSON at line {}", error.line())))?;
        let json = match json {
            Value::Array(mut items) if items.len() == 1 => items.remove(0),
            Value::Array(_) => return Err(Problem::bad_request("one data set at a time")),
            one => one,
        };
        Ok(Self(DataSet::from_json(&json).map_err(Problem::bad_request)?))
    }
}

//! Conditional requests and ranges (RFC 9110 §13, §14): what a client has already is not sent again, and of what is one
//! part, a piece can be asked for.
//!
//! An answer follows from the files, the request and this release, so that its validator is known before anything is read.
//! Answers stay `no-store`, as they hold patient data: a browser keeps nothing, but programs may.

use crate::extract::came_by_https;
use crate::problem::Problem;
use axum::body::Body;
use axum::extract::FromRequestParts;
use axum::http::request::Parts;
use axum::http::{HeaderMap, HeaderValue, StatusCode, header};
use axum::response::{IntoResponse, Response};
use bytes::Bytes;
use jiff::Timestamp;
use lightbox_store::StoredInstance;
use sha2::{Digest, Sha256};
use std::convert::Infallible;
use std::ops::Range;

/// What a request says of what the client has, and of the piece that it wants.
pub(super) struct Conditions {
    headers: HeaderMap,
    /// The address with its query, what is accepted, and under which name the server was called.
    request: String,
}

/// What tells one answer from another.
pub(super) struct Validator {
    etag: String,
    /// When the one instance arrived, in milliseconds since 1970; of several, one that goes would not show in it.
    last_modified_ms: Option<i64>,
}

impl<S: Send + Sync> FromRequestParts<S> for Conditions {
    type Rejection = Infallible;

    async fn from_request_parts(parts: &mut Parts, _: &S) -> Result<Self, Infallible> {
        let value = |name| parts.headers.get(name).and_then(|value: &HeaderValue| value.to_str().ok());
        let accept: Vec<_> = parts.headers.get_all(header::ACCEPT).iter().filter_map(|one| one.to_str().ok()).collect();
        let host = value(header::HOST).unwrap_or_default();
        let request = format!("{} {} {} {host}", parts.uri, accept.join(","), came_by_https(parts));
        Ok(Self { headers: parts.headers.clone(), request })
    }
}

impl Conditions {
    /// The validator of what one instance answers.
    pub(super) fn of_instance(&self, instance: &StoredInstance) -> Validator {
        let mut validator = self.of_files([instance.blob.as_str()]);
        // Another file may have taken the place of the one that arrived.
        validator.last_modified_ms = Some(instance.received_ms.max(instance.blob.begun_ms()));
        validator
    }

    /// The validator of what these files answer, by their keys: under its key a file never changes.
    pub(super) fn of_files<'a>(&self, files: impl IntoIterator<Item = &'a str>) -> Validator {
        let mut hash = Sha256::new();
        let mut add = |part: &str| hash.update([part.as_bytes(), &[0]].concat());
        add(env!("CARGO_PKG_VERSION"));
        add(&self.request);
        files.into_iter().for_each(add);
        let digits: String = hash.finalize().iter().take(16).map(|byte| format!("{byte:02x}")).collect();
        Validator { etag: format!("\"{digits}\""), last_modified_ms: None }
    }

    /// 304, if the client has this already. `If-None-Match` goes before `If-Modified-Since`.
    pub(super) fn not_modified(&self, validator: &Validator) -> Option<Response> {
        let is_known = match self.value(header::IF_NONE_MATCH) {
            Some(tags) => tags.split(',').map(str::trim).any(|tag| tag == "*" || plain(tag) == validator.etag),
            None => self.value(header::IF_MODIFIED_SINCE).is_some_and(|since| validator.is_of(since)),
        };
        is_known.then(|| validator.stamp(StatusCode::NOT_MODIFIED.into_response(), true))
    }

    /// The piece of an answer of so many bytes that is asked for; `None` for all of it. Of several pieces, all is given.
    ///
    /// # Errors
    /// 416 when nothing of it is there.
    pub(super) fn range(&self, validator: &Validator, length: u64) -> Result<Option<Range<u64>>, Problem> {
        let Some(asked) = self.value(header::RANGE) else { return Ok(None) };
        let still_holds =
            |wanted: &str| wanted == validator.etag || validator.last_modified().as_deref() == Some(wanted);
        if !self.value(header::IF_RANGE).is_none_or(still_holds) {
            return Ok(None);
        }
        match parse_range(asked, length) {
            Asked::Whole => Ok(None),
            Asked::Piece(range) => Ok(Some(range)),
            Asked::Nothing => Err(Problem::new(StatusCode::RANGE_NOT_SATISFIABLE, "There is no such piece")
                .detail(format!("it has {length} bytes"))
                .header(header::CONTENT_RANGE, content_range("*", length))),
        }
    }

    /// An answer of one part that lies in memory, or the piece of it that is asked for.
    pub(super) fn answer(&self, validator: &Validator, media_type: &str, bytes: Vec<u8>) -> Result<Response, Problem> {
        let length = bytes.len() as u64;
        let range = self.range(validator, length)?;
        let bytes = Bytes::from(bytes);
        let piece = match &range {
            Some(range) => bytes.slice(range.start as usize..range.end as usize),
            None => bytes,
        };
        Ok(validator.single(media_type, piece, range, length))
    }

    fn value(&self, name: header::HeaderName) -> Option<&str> {
        self.headers.get(name).and_then(|value| value.to_str().ok())
    }
}

impl Validator {
    /// The same of an answer that says what people corrected, which last changed then, if ever.
    pub(super) fn corrected(mut self, changed_ms: Option<i64>) -> Self {
        if let Some(ms) = changed_ms {
            self.etag = format!("{}-{ms:x}\"", self.etag.trim_end_matches('"'));
            self.last_modified_ms = self.last_modified_ms.map(|received_ms| received_ms.max(ms));
        }
        self
    }

    /// An answer of one part, or the piece `range` of it; `body` is what of it leaves, `length` the bytes of the whole.
    pub(super) fn single(
        &self,
        media_type: &str,
        body: impl Into<Body>,
        range: Option<Range<u64>>,
        length: u64,
    ) -> Response {
        let mut response = Response::new(body.into());
        let headers = response.headers_mut();
        headers.insert(header::CONTENT_TYPE, header_value(media_type));
        headers.insert(header::ACCEPT_RANGES, HeaderValue::from_static("bytes"));
        let (bytes, status) = match range {
            None => (length, StatusCode::OK),
            Some(Range { start, end }) => {
                let place = format!("{start}-{}", end.saturating_sub(1));
                headers.insert(header::CONTENT_RANGE, content_range(&place, length));
                (end - start, StatusCode::PARTIAL_CONTENT)
            }
        };
        headers.insert(header::CONTENT_LENGTH, HeaderValue::from(bytes));
        *response.status_mut() = status;
        self.stamp(response, true)
    }

    /// Adds the validator to an answer. It is weak where the bytes are not the same each time, as the boundary of parts.
    pub(super) fn stamp(&self, mut response: Response, is_strong: bool) -> Response {
        let headers = response.headers_mut();
        let etag = if is_strong { self.etag.clone() } else { format!("W/{}", self.etag) };
        headers.insert(header::ETAG, header_value(&etag));
        headers.insert(header::VARY, HeaderValue::from_static("accept"));
        if let Some(date) = self.last_modified() {
            headers.insert(header::LAST_MODIFIED, header_value(&date));
        }
        response
    }

    fn last_modified(&self) -> Option<String> {
        let time = Timestamp::from_millisecond(self.last_modified_ms?).ok()?;
        Some(time.strftime("%a, %d %b %Y %H:%M:%S GMT").to_string())
    }

    fn is_of(&self, since: &str) -> bool {
        let since = jiff::fmt::rfc2822::parse(since).map(|time| time.timestamp().as_second());
        // The date has whole seconds. Only the very date counts: a newcomer that took an instance's place may give it back.
        matches!((since, self.last_modified_ms), (Ok(since), Some(ms)) if ms.div_euclid(1_000) == since)
    }
}

/// What a `Range` header means.
#[derive(Debug, PartialEq)]
enum Asked {
    Whole,
    Piece(Range<u64>),
    Nothing,
}

/// One range of bytes (RFC 9110 §14.1.2). What is no range, or several of them, is passed over (§14.2).
fn parse_range(text: &str, length: u64) -> Asked {
    let Some((first, last)) = text.strip_prefix("bytes=").and_then(|range| range.split_once('-')) else {
        return Asked::Whole;
    };
    let number = |text: &str| text.trim().parse::<u64>();
    let range = match (number(first), number(last)) {
        (Ok(first), Ok(last)) if first > last => return Asked::Whole,
        (Ok(first), Ok(last)) => first..last.saturating_add(1).min(length),
        (Ok(first), Err(_)) if last.trim().is_empty() => first..length,
        (Err(_), Ok(suffix)) if first.trim().is_empty() => length.saturating_sub(suffix)..length,
        _ => return Asked::Whole,
    };
    if range.start < range.end { Asked::Piece(range) } else { Asked::Nothing }
}

/// A tag as it is compared: weak ones are, too (RFC 9110 §13.1.2).
fn plain(tag: &str) -> &str {
    tag.strip_prefix("W/").unwrap_or(tag)
}

fn content_range(place: &str, length: u64) -> HeaderValue {
    header_value(&format!("bytes {place}/{length}"))
}

/// For what consists of media types, digits and dates.
fn header_value(text: &str) -> HeaderValue {
    HeaderValue::from_str(text).unwrap_or(HeaderValue::from_static(""))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[track_caller]
    fn check(text: &str, expected: Asked) {
        assert_eq!(parse_range(text, 10), expected, "{text}");
    }

    #[test]
    fn ranges_are_read() {
        check("bytes=0-3", Asked::Piece(0..4));
        check("bytes=4-", Asked::Piece(4..10));
        check("bytes=-3", Asked::Piece(7..10));
        check("bytes=-99", Asked::Piece(0..10));
        check("bytes=8-99", Asked::Piece(8..10));
        check("bytes=10-", Asked::Nothing);
        check("bytes=-0", Asked::Nothing);
        for passed_over in ["bytes=3-1", "bytes=0-1,4-5", "lines=0-1", "bytes=-", "bytes=a-b", "bytes"] {
            check(passed_over, Asked::Whole);
        }
    }

    fn conditions(name: header::HeaderName, value: &str) -> Conditions {
        let headers = HeaderMap::from_iter([(name, HeaderValue::from_str(value).unwrap())]);
        Conditions { headers, request: "/studies/1.2 */* host".to_owned() }
    }

    #[test]
    fn what_a_client_has_is_known_by_tag_or_date() {
        let plain = conditions(header::HOST, "host");
        let mut validator = plain.of_files(["a", "b"]);
        validator.last_modified_ms = Some(1_767_348_930_250);
        let etag = validator.etag.clone();
        let known = |name, value: &str| conditions(name, value).not_modified(&validator).is_some();
        assert!(!known(header::HOST, "host"));
        assert!(known(header::IF_NONE_MATCH, &etag) && known(header::IF_NONE_MATCH, &format!("\"x\", W/{etag}")));
        assert!(known(header::IF_NONE_MATCH, "*") && !known(header::IF_NONE_MATCH, "\"x\""));
        assert!(known(header::IF_MODIFIED_SINCE, "Fri, 02 Jan 2026 10:15:30 GMT"));
        assert!(!known(header::IF_MODIFIED_SINCE, "Fri, 02 Jan 2026 10:15:29 GMT"));
        assert!(!known(header::IF_MODIFIED_SINCE, "yesterday"));
        assert_ne!(plain.of_files(["ab"]).etag, etag, "files are told apart");
        assert_eq!(validator.last_modified().as_deref(), Some("Fri, 02 Jan 2026 10:15:30 GMT"));
    }

    #[test]
    fn a_range_of_something_else_is_not_given() {
        let validator = conditions(header::HOST, "host").of_files(["a"]);
        let mut conditions = conditions(header::RANGE, "bytes=0-3");
        assert_eq!(conditions.range(&validator, 10).unwrap(), Some(0..4));
        conditions.headers.insert(header::IF_RANGE, HeaderValue::from_static("\"other\""));
        assert_eq!(conditions.range(&validator, 10).unwrap(), None);
        conditions.headers.insert(header::IF_RANGE, header_value(&validator.etag));
        assert_eq!(conditions.range(&validator, 10).unwrap(), Some(0..4));
    }
}

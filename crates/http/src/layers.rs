//! What every request and response passes.

use crate::problem::ProblemId;
use axum::extract::{MatchedPath, Request};
use axum::http::{Extensions, HeaderMap, HeaderName, HeaderValue, Method, StatusCode, Version, header};
use axum::middleware::Next;
use axum::response::Response;
use metrics::histogram;
use std::time::Instant;

/// What a page of ours may load: its own files, pictures it made itself, and WebAssembly codecs in workers.
const CONTENT_SECURITY_POLICY: &str = "default-src 'self'; img-src 'self' blob: data:; style-src 'self' 'unsafe-inline'; \
     script-src 'self' 'wasm-unsafe-eval'; worker-src 'self' blob:; connect-src 'self'; object-src 'none'; \
     base-uri 'none'; form-action 'self'; frame-ancestors 'none'";

/// Smaller answers are not worth compressing, in bytes.
const COMPRESSED_BYTES_MIN: u64 = 1_024;

/// One line a request. The address is the route's template: neither query strings nor identifiers are logged.
pub(crate) async fn log_request(request: Request, next: Next) -> Response {
    let start = Instant::now();
    let method = request.method().clone();
    let route = request.extensions().get::<MatchedPath>().map(|path| path.as_str().to_owned());
    let response = next.run(request).await;
    let status = response.status().as_u16();
    let ms = u64::try_from(start.elapsed().as_millis()).unwrap_or(u64::MAX);
    let route = route.as_deref().unwrap_or("page");
    record(&method, route, status, start);
    match response.extensions().get::<ProblemId>() {
        Some(ProblemId(id)) => {
            tracing::info!(http.method = %method, http.route = route, http.status = status, ms, problem.id = %id, "refused");
        }
        None => tracing::debug!(http.method = %method, http.route = route, http.status = status, ms, "answered"),
    }
    response
}

fn record(method: &Method, route: &str, status: u16, start: Instant) {
    let labels = [("method", method.to_string()), ("route", route.to_owned()), ("status", status.to_string())];
    histogram!("lightbox_http_request_seconds", &labels).record(start.elapsed());
}

/// Headers that tell browsers what never to do with our answers.
pub(crate) async fn add_security_headers(mut response: Response) -> Response {
    let headers = response.headers_mut();
    let fixed: [(HeaderName, &'static str); 5] = [
        (header::CONTENT_SECURITY_POLICY, CONTENT_SECURITY_POLICY),
        (header::X_CONTENT_TYPE_OPTIONS, "nosniff"),
        (header::REFERRER_POLICY, "no-referrer"),
        (HeaderName::from_static("cross-origin-opener-policy"), "same-origin"),
        (HeaderName::from_static("cross-origin-resource-policy"), "same-origin"),
    ];
    for (name, value) in fixed {
        // OHIF's files come with a policy of their own.
        headers.entry(name).or_insert(HeaderValue::from_static(value));
    }
    // Answers hold patient data; only the page's own files say otherwise.
    headers.entry(header::CACHE_CONTROL).or_insert(HeaderValue::from_static("no-store"));
    response
}

/// Texts of some length are compressed; pixels are not, and a live stream must not wait for a full block.
pub(crate) fn is_worth_compressing(status: StatusCode, _: Version, headers: &HeaderMap, _: &Extensions) -> bool {
    let value = |name| headers.get(name).and_then(|value: &HeaderValue| value.to_str().ok());
    let kind = value(header::CONTENT_TYPE).unwrap_or_default();
    let is_text = (kind.starts_with("text/") && !kind.starts_with("text/event-stream"))
        || ["json", "javascript", "wasm", "svg"].iter().any(|part| kind.contains(part));
    let length = value(header::CONTENT_LENGTH).and_then(|length| length.parse().ok());
    let has_body = status != StatusCode::NOT_MODIFIED;
    has_body && is_text && length.unwrap_or(u64::MAX) >= COMPRESSED_BYTES_MIN
}

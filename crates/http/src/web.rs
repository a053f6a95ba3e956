//! The web page: the files of `web/dist`, embedded when the binary was built.

use crate::problem::Problem;
use axum::http::{HeaderMap, HeaderValue, Method, StatusCode, Uri, header};
use axum::response::{Html, IntoResponse, Response};
use bytes::Bytes;
use rust_embed::{EmbeddedFile, RustEmbed};
use std::borrow::Cow;

#[derive(RustEmbed)]
#[folder = "../../web/dist"]
#[allow_missing = true]
struct Dist;

/// Addresses that belong to programs: what is not there is a problem, not the page.
const NOT_PAGES: [&str; 6] = ["/api", "/dicomweb", "/fhir", "/metrics", "/healthz", "/readyz"];

/// Said instead of the page by a binary that was built without it.
const WITHOUT_PAGES: &str = "<!doctype html><html lang=en><meta charset=utf-8><title>Lightbox</title>\
    <style>body{font:16px/1.5 sans-serif;max-width:40em;margin:4em auto;padding:0 1em}</style>\
    <h1>Lightbox runs, without its web page</h1>\
    <p>This binary was built before the page was. Run <code>npm ci</code> and <code>npm run build</code> in \
    <code>web/</code>, then build Lightbox again.</p>\
    <p>The API is at <code>/api/v1</code> and DICOMweb at <code>/dicomweb</code>, both with a token.</p>";

/// A file of the page, or the page itself for an address that only the page knows.
pub(crate) async fn serve(method: Method, uri: Uri, headers: HeaderMap) -> Response {
    let path = uri.path();
    if NOT_PAGES.iter().any(|prefix| path == *prefix || path.starts_with(&format!("{prefix}/"))) {
        return Problem::not_found("address").into_response();
    }
    if method != Method::GET && method != Method::HEAD {
        return Problem::new(StatusCode::METHOD_NOT_ALLOWED, "This address can only be read").into_response();
    }
    let name = path.trim_start_matches('/');
    match Dist::get(name) {
        Some(file) => file_response(name, file, &headers),
        None if name.starts_with("assets/") => Problem::not_found("file").into_response(),
        None => match Dist::get("index.html") {
            Some(page) => file_response("index.html", page, &headers),
            None => Html(WITHOUT_PAGES).into_response(),
        },
    }
}

fn file_response(name: &str, file: EmbeddedFile, asked: &HeaderMap) -> Response {
    answer(name, file.data, &etag(&file.metadata.sha256_hash()), asked)
}

/// The tag of a file with this digest.
pub(crate) fn etag(sha256: &[u8; 32]) -> String {
    let digits: String = sha256[..16].iter().map(|byte| format!("{byte:02x}")).collect();
    format!("\"{digits}\"")
}

/// A file, unless the client has it already. Those under `assets/` carry a hash in their names, so that they may be kept
/// for ever; others are asked for again.
pub(crate) fn answer(name: &str, content: Cow<'static, [u8]>, tag: &str, asked: &HeaderMap) -> Response {
    let caching = match name.starts_with("assets/") {
        true => "public, max-age=31536000, immutable",
        false => "no-cache",
    };
    let headers = [
        (header::CONTENT_TYPE, content_type(name).to_owned()),
        (header::CACHE_CONTROL, caching.to_owned()),
        (header::ETAG, tag.to_owned()),
    ];
    let known = asked.get(header::IF_NONE_MATCH).map(HeaderValue::as_bytes);
    // A compressed answer's tag comes back as it was sent, which is weak.
    if known.is_some_and(|known| known.strip_prefix(b"W/").unwrap_or(known) == tag.as_bytes()) {
        return (StatusCode::NOT_MODIFIED, headers).into_response();
    }
    let body = match content {
        Cow::Borrowed(bytes) => Bytes::from_static(bytes),
        Cow::Owned(bytes) => bytes.into(),
    };
    (headers, body).into_response()
}

/// The media type of a file, by its name.
pub(crate) fn content_type(name: &str) -> &'static str {
    match name.rsplit_once('.').map(|(_, extension)| extension) {
        Some("html") => "text/html; charset=utf-8",
        Some("js" | "mjs") => "text/javascript; charset=utf-8",
        Some("css") => "text/css; charset=utf-8",
        Some("json" | "map") => "application/json",
        Some("svg") => "image/svg+xml",
        Some("png") => "image/png",
        Some("ico") => "image/x-icon",
        Some("wasm") => "application/wasm",
        Some("woff2") => "font/woff2",
        Some("txt") => "text/plain; charset=utf-8",
        _ => "application/octet-stream",
    }
}

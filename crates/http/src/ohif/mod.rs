//! OHIF, a viewer by the Open Health Imaging Foundation (MIT licence), at `/ohif`: its files as set-up packed them
//! (`xtask/src/ohif.rs`), embedded when the binary was built, with a configuration of ours.
//!
//! It reads by `/dicomweb` of the same origin with the session of the person, and nothing else: the policy below keeps
//! it from every other server. Its files are public as those of the web page are; its pages need a session, and without
//! one lead to the sign-in and back.

use crate::HttpState;
use crate::auth::Caller;
use crate::problem::Problem;
use crate::web::{answer, content_type, etag};
use axum::Router;
use axum::extract::Request;
use axum::http::{HeaderMap, HeaderValue, StatusCode, Uri, header};
use axum::response::{Html, IntoResponse, Redirect, Response};
use axum::routing::get;
use flate2::read::GzDecoder;
use lightbox_domain::Action;
use rust_embed::{EmbeddedFile, RustEmbed};
use std::borrow::Cow;
use std::io::Read;

/// Every file is compressed by gzip and has `.gz` after its name.
#[derive(RustEmbed)]
#[folder = "ohif"]
#[allow_missing = true]
struct Files;

/// Where its data are, and how it introduces itself.
const CONFIG: &str = include_str!("app-config.js");

/// What OHIF may load: the same origin and what it made itself. Beyond the page's policy, it sets inline styles.
const CONTENT_SECURITY_POLICY: HeaderValue = HeaderValue::from_static(
    "default-src 'self'; img-src 'self' blob: data:; media-src 'self' blob:; style-src 'self' 'unsafe-inline'; \
     script-src 'self' 'wasm-unsafe-eval'; worker-src 'self' blob:; connect-src 'self' blob: data:; \
     object-src 'none'; base-uri 'none'; form-action 'self'; frame-ancestors 'none'",
);

/// Said instead of the viewer by a binary that was built without it.
const WITHOUT_OHIF: &str = "<!doctype html><html lang=en><meta charset=utf-8><title>OHIF Viewer is missing</title>\
    <style>body{font:16px/1.5 sans-serif;max-width:40em;margin:4em auto;padding:0 1em}</style>\
    <h1>This Lightbox was built without OHIF</h1>\
    <p>OHIF is fetched when Lightbox is built, not when it runs. Run <code>make setup</code> in the source tree, which \
    gets the npm package <code>@ohif/app</code>, then build Lightbox again.</p>\
    <p>Lightbox's own viewer needs nothing: <a href=/read>go to the worklist</a>.</p>";

/// `/ohif` and everything below it.
pub(crate) fn routes() -> Router<HttpState> {
    Router::new().route("/ohif", get(page)).route("/ohif/", get(page)).route("/ohif/{*path}", get(file_or_page))
}

/// A file of OHIF's, or its page for an address that only OHIF knows.
async fn file_or_page(caller: Result<Caller, Problem>, request: Request) -> Response {
    let path = request.uri().path();
    let name = path.trim_start_matches("/ohif/");
    if name == "app-config.js" {
        let headers = [(header::CONTENT_TYPE, content_type(name)), (header::CACHE_CONTROL, "no-cache")];
        return (headers, CONFIG).into_response();
    }
    match Files::get(&format!("{name}.gz")) {
        Some(file) if name != "index.html" => file_response(path, file, request.headers()),
        // Only files have a dot in the last part of their addresses.
        _ if name.rsplit('/').next().is_some_and(|last| last.contains('.')) => {
            Problem::not_found("file").into_response()
        }
        _ => page(caller, request).await,
    }
}

/// The page, for those who may read studies.
async fn page(caller: Result<Caller, Problem>, request: Request) -> Response {
    match caller.and_then(|caller| caller.may_any(Action::StudyRead)) {
        Ok(()) => {}
        Err(problem) if problem.is_mended_by_sign_in() => return sign_in(request.uri()).into_response(),
        Err(problem) => return problem.into_response(),
    }
    match Files::get("index.html.gz") {
        Some(file) => file_response("/ohif/index.html", file, request.headers()),
        None => Html(WITHOUT_OHIF).into_response(),
    }
}

/// To the sign-in, which leads back here.
fn sign_in(from: &Uri) -> Redirect {
    let next = from.path_and_query().map_or("/ohif", |whole| whole.as_str());
    let next: String = form_urlencoded::byte_serialize(next.as_bytes()).collect();
    Redirect::to(&format!("/login?next={next}"))
}

/// A file as it is kept, or unpacked for a client that does not take gzip.
fn file_response(path: &str, file: EmbeddedFile, asked: &HeaderMap) -> Response {
    let tag = etag(&file.metadata.sha256_hash());
    if accepts_gzip(asked) {
        let mut response = answer(path, file.data, &tag, asked);
        if response.status() == StatusCode::OK {
            response.headers_mut().insert(header::CONTENT_ENCODING, HeaderValue::from_static("gzip"));
        }
        return with_policy(response);
    }
    let mut unpacked = Vec::new();
    match GzDecoder::new(&*file.data).read_to_end(&mut unpacked) {
        Ok(_) => with_policy(answer(path, Cow::Owned(unpacked), &tag, asked)),
        Err(error) => Problem::internal(format!("cannot unpack {path}: {error}")).into_response(),
    }
}

/// Whether `Accept-Encoding` (RFC 9110 §12.5.3) allows gzip.
fn accepts_gzip(headers: &HeaderMap) -> bool {
    let values = headers.get_all(header::ACCEPT_ENCODING).iter().filter_map(|value| value.to_str().ok());
    values.flat_map(|value| value.split(',')).any(|coding| {
        let (name, weight) = coding.split_once(';').unwrap_or((coding, ""));
        let refused = weight.trim().strip_prefix("q=").is_some_and(|q| q.parse() == Ok(0.0));
        ["gzip", "*"].contains(&name.trim().to_ascii_lowercase().as_str()) && !refused
    })
}

/// With OHIF's policy, and the note that the answer depends on what the client takes.
fn with_policy(mut response: Response) -> Response {
    let headers = response.headers_mut();
    headers.insert(header::CONTENT_SECURITY_POLICY, CONTENT_SECURITY_POLICY);
    headers.insert(header::VARY, HeaderValue::from_static("accept-encoding"));
    response
}

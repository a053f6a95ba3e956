//! The HTTP door: the web page, the API and DICOMweb. Nothing but health answers without a login or token.
//!
//! | address | where |
//! |---|---|
//! | `/healthz`, `/readyz` | `health` |
//! | `/metrics` for Prometheus | `metrics` |
//! | `/api/v1/session` sign in and out, change the password | `api::session` |
//! | `/api/v1/worklist`, `/api/v1/studies/{uid}` | `api::worklist`, `api::studies` |
//! | `/api/v1/studies/{uid}/timeline` and `…/replay` what happened to a study, and having it done again | `api::timeline` |
//! | `/api/v1/runs/{id}` map, override, retry | `api::runs` |
//! | `/api/v1/conflicts` the conflict shelf | `api::conflicts` |
//! | `/api/v1/deployments` | `api::deployments` |
//! | `/api/v1/peers` admitted and pending, echo | `api::peers` |
//! | `/api/v1/accounts`, `/api/v1/events` | `api::accounts`, `api::events` |
//! | `/api/v1/live` what is committed, as server-sent events | `api::live` |
//! | `/api/v1/system` and `…/activity`, `/api/v1/openapi.json`, `/api/v1/conformance` | `api::system` |
//! | `/dicomweb` QIDO-RS (PS3.18 §10.6) | `dicomweb::search` |
//! | `/dicomweb` WADO-RS (PS3.18 §10.4): instances, metadata, frames, rendered, bulk data | `dicomweb::retrieve` … |
//! | `/dicomweb` STOW-RS (PS3.18 §10.5) | `dicomweb::store` |
//! | `/dicomweb/workitems` UPS-RS (PS3.18 §11) | `dicomweb::workitems` |
//! | `/dicomweb` capabilities (PS3.18 §8.9) | `dicomweb::capabilities` |
//! | `/ohif` the OHIF viewer | `ohif` |
//! | everything else: the web page | `web` |
//!
//! A request passes the layers of [`router`] (log line, panic guard, security headers, compression), then an
//! extractor of `auth` that says who asks, then a handler, which asks [`lightbox_identity::decide`] before anything
//! else. What goes wrong becomes a problem document (`problem`). Results of runs pass `seen`, which asks
//! [`lightbox_domain::visible`].

mod api;
mod auth;
mod dicomweb;
mod extract;
mod health;
mod layers;
mod metrics;
mod ohif;
mod problem;
mod seen;
mod state;
mod web;

#[cfg(feature = "fuzz")]
pub use dicomweb::fuzz;
pub use dicomweb::{Transaction, dicomweb_transactions};
pub use metrics::RenderMetrics;
pub use state::{CountAssociations, EchoOutcome, EchoPeer, HttpState};

use axum::Router;
use axum::http::StatusCode;
use axum::serve::ListenerExt;
use problem::Problem;
use std::future::Future;
use tokio::net::TcpListener;
use tower_http::catch_panic::CatchPanicLayer;
use tower_http::compression::CompressionLayer;

/// Everything that is served, as one router.
pub fn router(state: HttpState) -> Router {
    let (api, _) = api::routes().split_for_parts();
    Router::new()
        .merge(health::routes())
        .merge(metrics::routes())
        .merge(api)
        .nest("/dicomweb", dicomweb::routes())
        .route("/dicomweb/", dicomweb::root())
        .merge(ohif::routes())
        .fallback(web::serve)
        .method_not_allowed_fallback(method_not_allowed)
        .layer(CompressionLayer::new().compress_when(layers::is_worth_compressing))
        .layer(axum::middleware::map_response(layers::add_security_headers))
        .layer(CatchPanicLayer::custom(problem::of_panic))
        .layer(axum::middleware::from_fn(layers::log_request))
        .with_state(state)
}

/// Serves on this listener until `shutdown` resolves, then ends live streams and waits for requests under way.
pub async fn serve(listener: TcpListener, state: HttpState, shutdown: impl Future<Output = ()> + Send + 'static) {
    let closing = state.closing.clone();
    let until_shutdown = async move {
        shutdown.await;
        closing.cancel();
    };
    let listener = listener.tap_io(|connection| {
        if let Err(error) = connection.set_nodelay(true) {
            tracing::debug!(%error, "cannot set TCP_NODELAY on a connection");
        }
    });
    if let Err(error) = axum::serve(listener, router(state)).with_graceful_shutdown(until_shutdown).await {
        tracing::error!(%error, "stopped serving HTTP");
    }
}

/// The API's description (OpenAPI 3.1) as JSON, from which the web page's client is generated.
#[must_use]
pub fn openapi_json() -> String {
    api::openapi().to_pretty_json().unwrap_or_default()
}

async fn method_not_allowed() -> Problem {
    Problem::new(StatusCode::METHOD_NOT_ALLOWED, "This address has no such method")
}

//! Whether the server lives, and whether it can serve. Open to everybody, and silent about everything else.

use crate::HttpState;
use axum::Router;
use axum::extract::State;
use axum::http::StatusCode;
use axum::routing::get;

/// `/healthz` and `/readyz`.
pub(crate) fn routes() -> Router<HttpState> {
    Router::new().route("/healthz", get(|| async { "ok" })).route("/readyz", get(ready))
}

/// Ready when the database answers and no shutdown is under way; no model and no ONNX Runtime is needed.
async fn ready(State(state): State<HttpState>) -> (StatusCode, &'static str) {
    if is_ready(&state).await { (StatusCode::OK, "ready") } else { (StatusCode::SERVICE_UNAVAILABLE, "not ready") }
}

/// Whether the server can serve.
pub(crate) async fn is_ready(state: &HttpState) -> bool {
    !state.closing.is_cancelled() && state.store.events(i64::MAX, 1).await.is_ok()
}

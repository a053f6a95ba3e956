//! `/metrics`: the numbers of this server for Prometheus, in its text format.
//!
//! Durations are histograms in seconds; labels are kinds, routes and outcomes, never names of people or studies.

use crate::HttpState;
use crate::auth::Caller;
use crate::problem::Problem;
use axum::Router;
use axum::extract::State;
use axum::http::{HeaderName, StatusCode, header};
use axum::routing::get;
use lightbox_domain::Action;
use metrics::gauge;
use std::sync::Arc;

/// Renders what was measured so far. Given by the binary, which installs the recorder.
pub type RenderMetrics = Arc<dyn Fn() -> String + Send + Sync>;

/// `/metrics`
pub(crate) fn routes() -> Router<HttpState> {
    Router::new().route("/metrics", get(get_metrics))
}

async fn get_metrics(
    State(state): State<HttpState>,
    caller: Caller,
) -> Result<([(HeaderName, &'static str); 1], String), Problem> {
    caller.may_any(Action::SystemRead)?;
    let Some(render) = &state.metrics else {
        return Err(Problem::new(StatusCode::NOT_FOUND, "Nothing is measured here"));
    };
    look(&state).await?;
    Ok(([(header::CONTENT_TYPE, "text/plain; version=0.0.4; charset=utf-8")], render()))
}

/// What is not measured as it happens, but looked up when somebody asks.
async fn look(state: &HttpState) -> Result<(), Problem> {
    let volume = state.store.volume().await?;
    gauge!("lightbox_studies").set(volume.studies as f64);
    gauge!("lightbox_instances").set(volume.instances as f64);
    gauge!("lightbox_instance_bytes").set(volume.bytes as f64);
    gauge!("lightbox_disk_free_bytes").set(state.store.blobs().free_bytes()? as f64);
    if let Some(count) = &state.associations {
        let open: u32 = count().iter().map(|(_, open)| open).sum();
        gauge!("lightbox_associations").set(open);
    }
    for (kind, waiting) in state.store.jobs_waiting().await? {
        gauge!("lightbox_jobs_waiting", "kind" => kind).set(waiting as f64);
    }
    Ok(())
}

//! What this server is, and what it can do.

use super::text::time;
use crate::HttpState;
use crate::auth::Caller;
use crate::health::is_ready;
use crate::problem::Problem;
use axum::Json;
use axum::extract::State;
use axum::http::{HeaderName, header};
use lightbox_domain::Action;
use lightbox_inference::Library;
use lightbox_store::JobCount;
use serde::Serialize;
use utoipa::ToSchema;
use utoipa_axum::router::OpenApiRouter;
use utoipa_axum::routes;

pub(super) fn routes() -> OpenApiRouter<HttpState> {
    OpenApiRouter::default()
        .routes(routes!(get_system))
        .routes(routes!(get_activity))
        .routes(routes!(get_openapi))
        .routes(routes!(get_conformance))
}

/// Whether models can run.
#[derive(Serialize, ToSchema)]
struct OnnxState {
    available: bool,
    /// Where the library is, or what to do, for those who look after apps.
    detail: String,
}

/// Limits that a client meets.
#[derive(Serialize, ToSchema)]
struct SystemLimits {
    instance_bytes_max: u64,
    stow_instances_max: usize,
    page_rows_max: i64,
    image_pixels_max: u64,
}

/// What this server is.
#[derive(Serialize, ToSchema)]
struct System {
    version: &'static str,
    site: String,
    ready: bool,
    onnx: OnnxState,
    limits: SystemLimits,
}

/// What waits to be done, of one kind.
#[derive(Serialize, ToSchema)]
struct WaitingJobs {
    /// Such as `deliver`.
    kind: String,
    /// Waiting, or under way.
    waiting: i64,
    /// Given up; a person must look at them.
    given_up: i64,
    /// When the first of those that wait is to be done.
    #[schema(format = DateTime)]
    due_at: Option<String>,
}

/// Associations of a peer that are under way.
#[derive(Serialize, ToSchema)]
struct OpenAssociations {
    ae_title: String,
    count: u32,
}

/// How full the archive is, and what it does now.
#[derive(Serialize, ToSchema)]
struct Activity {
    studies: i64,
    instances: i64,
    /// Bytes of all instances.
    instance_bytes: i64,
    /// How many more they were before they were compressed.
    saved_bytes: i64,
    /// The most bytes that the site keeps; none, if only the disk bounds it.
    archive_bytes_max: Option<u64>,
    disk_bytes: u64,
    disk_free_bytes: u64,
    /// With less than this free, nothing more is taken.
    disk_free_bytes_min: u64,
    jobs: Vec<WaitingJobs>,
    associations: Vec<OpenAssociations>,
    associations_max: usize,
}

/// How full the archive is, and what it does now
#[utoipa::path(get, path = "/api/v1/system/activity", tag = "system",
    responses((status = 200, description = "Disk, volume, jobs and associations", body = Activity)))]
async fn get_activity(State(state): State<HttpState>, caller: Caller) -> Result<Json<Activity>, Problem> {
    caller.may_any(Action::SystemRead)?;
    let (store, limits) = (&state.store, &state.limits);
    let volume = store.volume().await?;
    let associations = state.associations.as_ref().map(|count| count()).unwrap_or_default();
    let open = |(ae_title, count)| OpenAssociations { ae_title, count };
    Ok(Json(Activity {
        studies: volume.studies,
        instances: volume.instances,
        instance_bytes: volume.bytes,
        saved_bytes: volume.saved_bytes,
        archive_bytes_max: Some(limits.archive_bytes_max).filter(|max| *max < u64::MAX),
        disk_bytes: store.folder().disk_bytes()?,
        disk_free_bytes: store.blobs().free_bytes()?,
        disk_free_bytes_min: limits.disk_free_bytes_min,
        jobs: store.job_counts().await?.into_iter().map(WaitingJobs::of).collect(),
        associations: associations.into_iter().map(open).collect(),
        associations_max: limits.associations_max,
    }))
}

impl WaitingJobs {
    fn of(count: JobCount) -> Self {
        let JobCount { kind, waiting, given_up, due_ms } = count;
        Self { kind, waiting, given_up, due_at: due_ms.map(time) }
    }
}

/// What this server is
#[utoipa::path(get, path = "/api/v1/system", tag = "system",
    responses((status = 200, description = "Version, readiness, ONNX Runtime, limits", body = System)))]
async fn get_system(State(state): State<HttpState>, caller: Caller) -> Result<Json<System>, Problem> {
    let mut onnx = onnx_state(&state).await?;
    if caller.may_any(Action::DeploymentRead).is_err() {
        onnx.detail = String::new();
    }
    Ok(Json(System {
        version: state.version,
        site: state.site.to_string(),
        ready: is_ready(&state).await,
        onnx,
        limits: SystemLimits {
            instance_bytes_max: state.limits.instance_bytes_max,
            stow_instances_max: state.limits.stow_instances_max,
            page_rows_max: state.limits.page_rows_max,
            image_pixels_max: state.limits.image_pixels_max,
        },
    }))
}

/// This description
#[utoipa::path(get, path = "/api/v1/openapi.json", tag = "system",
    responses((status = 200, description = "OpenAPI 3.1", body = Object)))]
async fn get_openapi(_caller: Caller) -> ([(HeaderName, &'static str); 1], String) {
    ([(header::CONTENT_TYPE, "application/json")], crate::openapi_json())
}

/// The DICOM Conformance Statement
#[utoipa::path(get, path = "/api/v1/conformance", tag = "system",
    responses((status = 200, description = "Markdown", body = String, content_type = "text/markdown")))]
async fn get_conformance(State(state): State<HttpState>, _caller: Caller) -> ([(HeaderName, &'static str); 1], String) {
    ([(header::CONTENT_TYPE, "text/markdown; charset=utf-8")], state.conformance.to_string())
}

async fn onnx_state(state: &HttpState) -> Result<OnnxState, Problem> {
    let path = state.onnxruntime.clone();
    let opened = tokio::task::spawn_blocking(move || Library::open(path.as_ref().map(|path| path.as_path()))).await?;
    Ok(match opened {
        Ok(library) => OnnxState { available: true, detail: library.path().display().to_string() },
        Err(error) => OnnxState { available: false, detail: error.to_string() },
    })
}

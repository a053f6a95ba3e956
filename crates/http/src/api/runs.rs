//! Runs: what an app said of an input, and what a person may order about it.

use super::deployments::RunMode;
use super::text::{given, time};
use crate::HttpState;
use crate::auth::Caller;
use crate::extract::{Body, Path};
use crate::problem::Problem;
use crate::seen::find_run;
use axum::Json;
use axum::extract::State;
use axum::http::StatusCode;
use lightbox_domain::{Action, Deployment};
use lightbox_identity::Resource;
use lightbox_pipeline::{override_run as order_override, retry_run as order_retry};
use lightbox_store::StoredResult;
use serde::{Deserialize, Serialize};
use std::collections::HashMap;
use utoipa::ToSchema;
use utoipa_axum::router::OpenApiRouter;
use utoipa_axum::routes;

pub(super) fn routes() -> OpenApiRouter<HttpState> {
    OpenApiRouter::default().routes(routes!(get_run_map)).routes(routes!(override_run)).routes(routes!(retry_run))
}

/// A coded concept.
#[derive(Serialize, ToSchema)]
struct FindingCode {
    scheme: String,
    value: String,
    meaning: String,
}

/// What a run says: coded concept, score and the threshold it is read against.
#[derive(Serialize, ToSchema)]
struct Finding {
    id: String,
    code: FindingCode,
    score: f64,
    threshold: f64,
    positive: bool,
}

/// Where a run stands.
#[derive(Clone, Copy, Serialize, ToSchema)]
#[serde(rename_all = "snake_case")]
enum RunState {
    Queued,
    Running,
    Publishing,
    Finished,
    Rejected,
    Failed,
}

/// Who let this run proceed against its intended use, and why.
#[derive(Serialize, ToSchema)]
struct RunOverride {
    reason: String,
    by: String,
    #[schema(format = DateTime)]
    at: String,
}

/// Where a map stands.
#[derive(Clone, Copy, Serialize, ToSchema)]
#[serde(rename_all = "snake_case")]
enum MapState {
    None,
    Pending,
    Stored,
    Failed,
}

/// How far the map of a run is.
#[derive(Serialize, ToSchema)]
struct RunMapState {
    state: MapState,
    /// How long it took.
    ms: Option<i64>,
}

/// A DICOM object that a run made.
#[derive(Serialize, ToSchema)]
struct RunResult {
    /// `sr` or `sc`
    kind: &'static str,
    sop_instance_uid: String,
    series_instance_uid: String,
    #[schema(format = DateTime)]
    stored_at: String,
}

/// One execution of a deployment on one input.
#[derive(Serialize, ToSchema)]
pub(super) struct Run {
    id: String,
    deployment_id: String,
    app_id: String,
    app_name: String,
    vendor: String,
    release: String,
    mode: RunMode,
    state: RunState,
    /// Why it is rejected, failed, or waits for another attempt.
    reason: Option<String>,
    attempts: i64,
    intended_use: String,
    /// Without one: not for clinical use.
    clearance: Option<String>,
    #[serde(rename = "override")]
    overridden: Option<RunOverride>,
    /// The input.
    sop_instance_uid: String,
    /// When the last byte of the input had arrived.
    #[schema(format = DateTime)]
    received_at: String,
    #[schema(format = DateTime)]
    queued_at: String,
    #[schema(format = DateTime)]
    started_at: Option<String>,
    /// When the report was stored, or the run rejected or failed.
    #[schema(format = DateTime)]
    finished_at: Option<String>,
    /// The model's own time.
    model_ms: Option<i64>,
    /// From the last byte of the input to the stored report.
    turnaround_ms: Option<i64>,
    findings: Vec<Finding>,
    map: RunMapState,
    results: Vec<RunResult>,
    /// The later run that replaces this one.
    superseded_by: Option<String>,
}

/// A coarse grid that spans the whole input image: what the score loses when that patch is hidden, divided by `drop_max`.
#[derive(Serialize, ToSchema)]
struct RunMap {
    rows: usize,
    columns: usize,
    /// Row by row, 0 to 1.
    values: Vec<f32>,
    method: String,
    drop_max: f32,
    legend: String,
}

/// Why a run should ignore that the input is outside the intended use.
#[derive(Deserialize, ToSchema)]
struct OverrideRequest {
    reason: String,
}

/// The map of a run
#[utoipa::path(get, path = "/api/v1/runs/{id}/map", tag = "runs", params(("id" = String, Path)),
    responses((status = 200, description = "The map, once it is stored", body = RunMap)))]
async fn get_run_map(
    State(state): State<HttpState>,
    caller: Caller,
    Path(id): Path<String>,
) -> Result<Json<RunMap>, Problem> {
    caller.may_any(Action::StudyRead)?;
    find_run(&state, &caller, &id).await?;
    let map = state.store.map(&id).await?.ok_or_else(|| Problem::not_found("map"))?;
    Ok(Json(RunMap {
        legend: format!(
            "Where hiding a patch of the image lowers the score: brightest where it loses {:.3}. {}.",
            map.drop_max, map.method
        ),
        rows: map.rows,
        columns: map.columns,
        values: map.values,
        method: map.method,
        drop_max: map.drop_max,
    }))
}

/// Run outside the intended use
#[utoipa::path(post, path = "/api/v1/runs/{id}/override", tag = "runs", params(("id" = String, Path)),
    request_body = OverrideRequest,
    responses((status = 202, description = "A new run is queued; the reason is printed on its results", body = Run)))]
async fn override_run(
    State(state): State<HttpState>,
    caller: Caller,
    Path(id): Path<String>,
    Body(request): Body<OverrideRequest>,
) -> Result<(StatusCode, Json<Run>), Problem> {
    caller.may(Action::RunOverride, &Resource::run(&id))?;
    find_run(&state, &caller, &id).await?;
    let new_id = order_override(&state.store, &id, &request.reason, &caller.actor).await?;
    accepted(&state, &caller, &new_id).await
}

/// Try a failed run again
#[utoipa::path(post, path = "/api/v1/runs/{id}/retry", tag = "runs", params(("id" = String, Path)),
    responses((status = 202, description = "It is queued again", body = Run)))]
async fn retry_run(
    State(state): State<HttpState>,
    caller: Caller,
    Path(id): Path<String>,
) -> Result<(StatusCode, Json<Run>), Problem> {
    caller.may(Action::RunRetry, &Resource::run(&id))?;
    find_run(&state, &caller, &id).await?;
    order_retry(&state.store, &id, &caller.actor).await?;
    accepted(&state, &caller, &id).await
}

async fn accepted(state: &HttpState, caller: &Caller, run_id: &str) -> Result<(StatusCode, Json<Run>), Problem> {
    let run = find_run(state, caller, run_id).await?;
    Ok((StatusCode::ACCEPTED, Json(Runs::load(state).await?.describe(state, run).await?)))
}

/// What is needed to describe runs: the deployments that they executed.
pub(in crate::api) struct Runs(HashMap<String, Deployment>);

impl Runs {
    pub(super) async fn load(state: &HttpState) -> Result<Self, Problem> {
        let deployments = state.store.deployments().await?;
        Ok(Self(deployments.into_iter().map(|deployment| (deployment.id.clone(), deployment)).collect()))
    }

    pub(super) fn deployment(&self, id: &str) -> Option<&Deployment> {
        self.0.get(id)
    }

    /// A run that the caller may see, as the API shows it.
    pub(super) async fn describe(&self, state: &HttpState, run: lightbox_domain::Run) -> Result<Run, Problem> {
        let missing = || Problem::internal(format!("deployment {} of run {} is missing", run.deployment_id, run.id));
        let deployment = self.deployment(&run.deployment_id).ok_or_else(missing)?;
        let app = &deployment.manifest.app;
        let results = state.store.results(&run.id).await?;
        Ok(Run {
            app_id: app.id.clone(),
            app_name: app.name.clone(),
            vendor: app.vendor.clone(),
            release: app.release.clone(),
            intended_use: app.intended_use.clone(),
            clearance: deployment.clearance(),
            mode: run.mode.into(),
            state: run.state.into(),
            reason: given(&run.reason),
            attempts: run.attempts,
            turnaround_ms: run.turnaround_ms(),
            sop_instance_uid: run.sop_instance_uid.to_string(),
            received_at: time(run.received_ms),
            queued_at: time(run.queued_ms),
            started_at: run.started_ms.map(time),
            finished_at: run.finished_ms.map(time),
            model_ms: run.model_us.map(|us| (us + 500) / 1_000),
            findings: run.findings.into_iter().map(Finding::of).collect(),
            map: RunMapState { state: run.map_state.into(), ms: run.map_ms },
            results: results.iter().map(RunResult::of).collect(),
            overridden: run.overridden.map(|one| RunOverride { reason: one.reason, by: one.by, at: time(one.at_ms) }),
            superseded_by: run.superseded_by,
            deployment_id: run.deployment_id,
            id: run.id,
        })
    }
}

impl Finding {
    fn of(finding: lightbox_domain::Finding) -> Self {
        let positive = finding.positive();
        let lightbox_domain::Finding { id, code, score, threshold } = finding;
        let code = FindingCode { scheme: code.scheme, value: code.value, meaning: code.meaning };
        Self { id, code, score, threshold, positive }
    }
}

impl RunResult {
    fn of(result: &StoredResult) -> Self {
        Self {
            kind: result.kind.as_str(),
            sop_instance_uid: result.sop_instance_uid.to_string(),
            series_instance_uid: result.series_instance_uid.to_string(),
            stored_at: time(result.stored_ms),
        }
    }
}

impl From<lightbox_domain::RunState> for RunState {
    fn from(state: lightbox_domain::RunState) -> Self {
        match state {
            lightbox_domain::RunState::Queued => Self::Queued,
            lightbox_domain::RunState::Running => Self::Running,
            lightbox_domain::RunState::Publishing => Self::Publishing,
            lightbox_domain::RunState::Finished => Self::Finished,
            lightbox_domain::RunState::Rejected => Self::Rejected,
            lightbox_domain::RunState::Failed => Self::Failed,
        }
    }
}

impl From<lightbox_domain::MapState> for MapState {
    fn from(state: lightbox_domain::MapState) -> Self {
        match state {
            lightbox_domain::MapState::None => Self::None,
            lightbox_domain::MapState::Pending => Self::Pending,
            lightbox_domain::MapState::Stored => Self::Stored,
            lightbox_domain::MapState::Failed => Self::Failed,
        }
    }
}

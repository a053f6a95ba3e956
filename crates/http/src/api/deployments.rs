//! Deployments: which releases are at work here, in which mode and with which thresholds.

use super::text::time;
use crate::HttpState;
use crate::auth::Caller;
use crate::extract::{Body, Path};
use crate::problem::Problem;
use axum::Json;
use axum::extract::State;
use lightbox_domain::{Action, DeploymentMode, FindingRule};
use lightbox_identity::Resource;
use lightbox_pipeline::{PipelineError, change_deployment as store_change};
use serde::{Deserialize, Serialize};
use std::collections::BTreeMap;
use utoipa::ToSchema;
use utoipa_axum::router::OpenApiRouter;
use utoipa_axum::routes;

pub(super) fn routes() -> OpenApiRouter<HttpState> {
    OpenApiRouter::default().routes(routes!(list_deployments)).routes(routes!(change_deployment))
}

/// Whether anybody but evaluators sees what a deployment says.
#[derive(Clone, Copy, Serialize, Deserialize, ToSchema)]
#[serde(rename_all = "snake_case")]
pub(super) enum RunMode {
    Live,
    Shadow,
}

/// A finding that a deployment reports, with the threshold that holds here.
#[derive(Serialize, ToSchema)]
struct DeploymentFinding {
    id: String,
    meaning: String,
    threshold: f64,
}

/// A release at work here.
#[derive(Serialize, ToSchema)]
struct Deployment {
    id: String,
    app_id: String,
    app_name: String,
    vendor: String,
    release: String,
    /// SHA-256 over the release's files.
    digest: String,
    mode: RunMode,
    intended_use: String,
    /// Where it is at work, such as `EU`: whose clearance counts.
    jurisdiction: Option<String>,
    /// Without one: not for clinical use.
    clearance: Option<String>,
    findings: Vec<DeploymentFinding>,
    enabled: bool,
    #[schema(format = DateTime)]
    created_at: String,
}

/// What to change of a deployment; absent fields stay as they are.
#[derive(Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
struct DeploymentChange {
    mode: Option<RunMode>,
    enabled: Option<bool>,
    /// By finding identifier, 0 to 1.
    #[serde(default)]
    thresholds: BTreeMap<String, f64>,
}

/// List deployments
#[utoipa::path(get, path = "/api/v1/deployments", tag = "deployments",
    responses((status = 200, description = "All deployments, the oldest first", body = Vec<Deployment>)))]
async fn list_deployments(State(state): State<HttpState>, caller: Caller) -> Result<Json<Vec<Deployment>>, Problem> {
    caller.may_any(Action::DeploymentRead)?;
    let deployments = state.store.deployments().await?;
    Ok(Json(deployments.into_iter().map(Deployment::of).collect()))
}

/// Change mode, thresholds, or switch on and off
#[utoipa::path(patch, path = "/api/v1/deployments/{id}", tag = "deployments", params(("id" = String, Path)),
    request_body = DeploymentChange,
    responses((status = 200, description = "As it is now, for what arrives from now on", body = Deployment)))]
async fn change_deployment(
    State(state): State<HttpState>,
    caller: Caller,
    Path(id): Path<String>,
    Body(change): Body<DeploymentChange>,
) -> Result<Json<Deployment>, Problem> {
    caller.may(Action::DeploymentWrite, &Resource::deployment(&id))?;
    let mut deployment = state.store.deployment(&id).await?;
    deployment.mode = change.mode.map_or(deployment.mode, Into::into);
    deployment.enabled = change.enabled.unwrap_or(deployment.enabled);
    deployment.thresholds.extend(change.thresholds);
    match store_change(&state.store, &deployment, &caller.actor).await {
        Err(PipelineError::Refused(why)) => Err(Problem::unfit(why)),
        Err(error) => Err(error.into()),
        Ok(()) => Ok(Json(Deployment::of(deployment))),
    }
}

impl Deployment {
    fn of(stored: lightbox_domain::Deployment) -> Self {
        let finding = |rule: &FindingRule| DeploymentFinding {
            id: rule.id.clone(),
            meaning: rule.code.meaning.clone(),
            threshold: stored.threshold(&rule.id, rule.threshold),
        };
        Self {
            clearance: stored.clearance(),
            jurisdiction: stored.jurisdiction.clone(),
            findings: stored.manifest.findings.iter().map(finding).collect(),
            id: stored.id,
            app_id: stored.manifest.app.id,
            app_name: stored.manifest.app.name,
            vendor: stored.manifest.app.vendor,
            release: stored.manifest.app.release,
            digest: stored.digest,
            mode: stored.mode.into(),
            intended_use: stored.manifest.app.intended_use,
            enabled: stored.enabled,
            created_at: time(stored.created_ms),
        }
    }
}

impl From<DeploymentMode> for RunMode {
    fn from(mode: DeploymentMode) -> Self {
        match mode {
            DeploymentMode::Live => Self::Live,
            DeploymentMode::Shadow => Self::Shadow,
        }
    }
}

impl From<RunMode> for DeploymentMode {
    fn from(mode: RunMode) -> Self {
        match mode {
            RunMode::Live => Self::Live,
            RunMode::Shadow => Self::Shadow,
        }
    }
}

//! One study: its series and instances, the runs on it, and why apps ran or did not run.

use super::runs::{Run, Runs};
use super::text::{given, time};
use super::worklist::WorklistItem;
use crate::HttpState;
use crate::auth::Caller;
use crate::extract::Path;
use crate::problem::Problem;
use crate::seen::{seen_instances, sees_decisions, sees_run};
use axum::Json;
use axum::extract::State;
use lightbox_domain::{Action, Uid};
use lightbox_identity::Resource;
use lightbox_store::{ProcedureStep, StoredInstance, StoredSeries};
use serde::Serialize;
use utoipa::ToSchema;
use utoipa_axum::router::OpenApiRouter;
use utoipa_axum::routes;

pub(super) fn routes() -> OpenApiRouter<HttpState> {
    OpenApiRouter::default().routes(routes!(get_study))
}

/// One stored DICOM instance.
#[derive(Serialize, ToSchema)]
struct Instance {
    sop_instance_uid: String,
    sop_class_uid: String,
    transfer_syntax_uid: String,
    instance_number: Option<i64>,
    rows: Option<i64>,
    columns: Option<i64>,
    /// 0 when it has no pixels.
    frames: i64,
    is_image: bool,
}

/// One series of a study.
#[derive(Serialize, ToSchema)]
struct Series {
    series_instance_uid: String,
    modality: String,
    series_number: Option<i64>,
    description: Option<String>,
    /// The run that made it.
    run_id: Option<String>,
    instances: Vec<Instance>,
}

/// What a deployment's rules decided about an instance.
#[derive(Clone, Copy, Serialize, ToSchema)]
#[serde(rename_all = "snake_case")]
enum DecisionOutcome {
    Matched,
    NotApplicable,
    OutsideIntendedUse,
}

/// Why a deployment did or did not run on an instance.
#[derive(Serialize, ToSchema)]
struct Decision {
    deployment_id: String,
    app_name: String,
    release: String,
    outcome: DecisionOutcome,
    reason: String,
    sop_instance_uid: String,
    #[schema(format = DateTime)]
    decided_at: String,
}

/// A study with its series, runs and routing decisions.
#[derive(Serialize, ToSchema)]
struct StudyDetail {
    study: WorklistItem,
    series: Vec<Series>,
    /// The oldest first; results of deployments in shadow mode only for those who may see them.
    runs: Vec<Run>,
    decisions: Vec<Decision>,
    /// Of what modalities list, how much has not come in time, in words such as `12 of 240 not received`.
    incomplete: Option<String>,
}

/// One study
#[utoipa::path(get, path = "/api/v1/studies/{study_instance_uid}", tag = "studies",
    params(("study_instance_uid" = String, Path, description = "Study Instance UID")),
    responses((status = 200, description = "The study", body = StudyDetail)))]
async fn get_study(
    State(state): State<HttpState>,
    caller: Caller,
    Path(study_instance_uid): Path<String>,
) -> Result<Json<StudyDetail>, Problem> {
    caller.may(Action::StudyRead, &Resource::study(&study_instance_uid))?;
    let uid = Uid::parse(&study_instance_uid)?;
    let study = state.store.study(uid.as_str()).await?.filter(|study| study.instance_count > 0);
    let study = study.ok_or_else(|| Problem::not_found("study"))?;
    let series = state.store.series_of_study(uid.as_str()).await?;
    let instances = seen_instances(&state, &caller, uid.as_str()).await?;
    let runs = Runs::load(&state).await?;
    Ok(Json(StudyDetail {
        study: WorklistItem::of(&study),
        series: group(series, &instances),
        runs: runs_of(&state, &caller, &runs, uid.as_str()).await?,
        decisions: decisions_of(&state, &caller, &runs, uid.as_str()).await?,
        incomplete: incomplete_words(&state.store.procedure_steps(uid.as_str()).await?),
    }))
}

fn incomplete_words(steps: &[ProcedureStep]) -> Option<String> {
    let late = steps.iter().filter(|step| step.missing > 0);
    let (missing, listed) =
        late.fold((0, 0), |(missing, listed), step| (missing + step.missing, listed + step.instances().len()));
    (missing > 0).then(|| format!("{missing} of {listed} not received"))
}

async fn runs_of(state: &HttpState, caller: &Caller, runs: &Runs, study: &str) -> Result<Vec<Run>, Problem> {
    let mut seen = Vec::new();
    for run in state.store.runs_of_study(study).await? {
        if sees_run(caller, &run) {
            seen.push(runs.describe(state, run).await?);
        }
    }
    Ok(seen)
}

async fn decisions_of(state: &HttpState, caller: &Caller, runs: &Runs, study: &str) -> Result<Vec<Decision>, Problem> {
    let decisions = state.store.decisions_of_study(study).await?;
    let described = decisions.into_iter().filter_map(|decision| {
        let deployment = runs.deployment(&decision.deployment_id)?;
        sees_decisions(caller, deployment).then(|| Decision {
            app_name: deployment.manifest.app.name.clone(),
            release: deployment.manifest.app.release.clone(),
            outcome: decision.outcome.into(),
            reason: decision.reason,
            sop_instance_uid: decision.sop_instance_uid.to_string(),
            decided_at: time(decision.decided_ms),
            deployment_id: decision.deployment_id,
        })
    });
    Ok(described.collect())
}

/// Series with their instances; one whose instances the caller may not see is left out.
fn group(series: Vec<StoredSeries>, instances: &[StoredInstance]) -> Vec<Series> {
    let with_instances = series.into_iter().map(|series| {
        let of_series = instances.iter().filter(|one| one.series_instance_uid == series.series_instance_uid);
        Series {
            instances: of_series.map(Instance::of).collect(),
            series_instance_uid: series.series_instance_uid.to_string(),
            modality: series.modality,
            series_number: series.series_number,
            description: given(&series.series_description),
            run_id: series.run_id,
        }
    });
    with_instances.filter(|series| !series.instances.is_empty()).collect()
}

impl Instance {
    fn of(stored: &StoredInstance) -> Self {
        Self {
            sop_instance_uid: stored.sop_instance_uid.to_string(),
            sop_class_uid: stored.sop_class_uid.to_string(),
            transfer_syntax_uid: stored.transfer_syntax_uid.to_string(),
            instance_number: stored.instance_number,
            rows: stored.rows,
            columns: stored.columns,
            frames: stored.frames,
            is_image: stored.frames > 0 && stored.rows.is_some() && stored.columns.is_some(),
        }
    }
}

impl From<lightbox_domain::Outcome> for DecisionOutcome {
    fn from(outcome: lightbox_domain::Outcome) -> Self {
        match outcome {
            lightbox_domain::Outcome::Matched => Self::Matched,
            lightbox_domain::Outcome::NotApplicable => Self::NotApplicable,
            lightbox_domain::Outcome::OutsideIntendedUse => Self::OutsideIntendedUse,
        }
    }
}

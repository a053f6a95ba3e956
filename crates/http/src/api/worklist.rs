//! The worklist: studies, what AI says of each, the newest first.

use super::text::{age, clock, date, given, time};
use crate::HttpState;
use crate::auth::Caller;
use crate::extract::Query;
use crate::problem::Problem;
use axum::Json;
use axum::extract::State;
use lightbox_domain::Action;
use lightbox_store::{StoredStudy, WorklistFilter};
use serde::{Deserialize, Serialize};
use utoipa::{IntoParams, ToSchema};
use utoipa_axum::router::OpenApiRouter;
use utoipa_axum::routes;

/// How many rows a page has unless more are asked for.
const ROWS_DEFAULT: i64 = 50;

pub(super) fn routes() -> OpenApiRouter<HttpState> {
    OpenApiRouter::default().routes(routes!(list_worklist))
}

/// What AI says of a study, in one word.
#[derive(Clone, Copy, Serialize, Deserialize, ToSchema)]
#[serde(rename_all = "snake_case")]
pub(super) enum AiState {
    Found,
    NothingFound,
    Running,
    Waiting,
    Failed,
    Rejected,
    NotApplicable,
    None,
}

/// The finding that is most above, or least below, its threshold.
#[derive(Serialize, ToSchema)]
pub(super) struct TopFinding {
    meaning: String,
    score: f64,
    threshold: f64,
    positive: bool,
}

/// One study as a row of the worklist.
#[derive(Serialize, ToSchema)]
pub(super) struct WorklistItem {
    study_instance_uid: String,
    /// As in DICOM: `Family^Given`.
    patient_name: String,
    patient_id: String,
    /// `YYYY-MM-DD`
    patient_birth_date: Option<String>,
    patient_sex: Option<String>,
    /// Such as `4 y`.
    patient_age: Option<String>,
    accession_number: Option<String>,
    /// `YYYY-MM-DD`
    study_date: Option<String>,
    /// `HH:MM:SS`
    study_time: Option<String>,
    study_description: Option<String>,
    /// Of the series that were acquired, not those that apps made.
    modalities: Vec<String>,
    series_count: i64,
    instance_count: i64,
    #[schema(format = DateTime)]
    received_at: String,
    ai_state: AiState,
    top_finding: Option<TopFinding>,
}

/// A page of the worklist.
#[derive(Serialize, ToSchema)]
struct Worklist {
    items: Vec<WorklistItem>,
    /// How many studies match in all.
    total: i64,
}

/// What is asked for.
#[derive(Deserialize, IntoParams)]
#[into_params(parameter_in = Query)]
struct WorklistQuery {
    /// Part of the patient's name or number, accession number or description.
    search: Option<String>,
    /// Only studies in this state.
    ai_state: Option<AiState>,
    /// How many rows at most; 50 unless given.
    limit: Option<i64>,
    /// How many rows to pass over.
    offset: Option<i64>,
}

/// List the worklist
#[utoipa::path(get, path = "/api/v1/worklist", tag = "worklist", params(WorklistQuery),
    responses((status = 200, description = "A page of studies, the newest arrival first", body = Worklist)))]
async fn list_worklist(
    State(state): State<HttpState>,
    caller: Caller,
    Query(query): Query<WorklistQuery>,
) -> Result<Json<Worklist>, Problem> {
    caller.may_any(Action::StudyRead)?;
    let filter = WorklistFilter {
        search: query.search.filter(|search| !search.trim().is_empty()).map(|search| search.trim().to_owned()),
        ai_state: query.ai_state.map(Into::into),
        limit: query.limit.unwrap_or(ROWS_DEFAULT).clamp(1, state.limits.page_rows_max),
        offset: query.offset.unwrap_or(0).max(0),
    };
    let (studies, total) = state.store.worklist(&filter).await?;
    Ok(Json(Worklist { items: studies.iter().map(WorklistItem::of).collect(), total }))
}

impl WorklistItem {
    pub(super) fn of(study: &StoredStudy) -> Self {
        let attributes = &study.attributes;
        let patient = &attributes.patient;
        let top_finding = study.ai.top_finding.as_ref().map(|finding| TopFinding {
            meaning: finding.code.meaning.clone(),
            score: finding.score,
            threshold: finding.threshold,
            positive: finding.positive(),
        });
        Self {
            study_instance_uid: attributes.study_instance_uid.to_string(),
            patient_name: patient.name.clone(),
            patient_id: patient.key.id.clone(),
            patient_birth_date: date(&patient.birth_date),
            patient_sex: given(&patient.sex),
            patient_age: age(attributes),
            accession_number: given(&attributes.accession_number),
            study_date: date(&attributes.study_date),
            study_time: clock(&attributes.study_time),
            study_description: given(&attributes.study_description),
            modalities: study.acquired_modalities.clone(),
            series_count: study.series_count,
            instance_count: study.instance_count,
            received_at: time(study.received_ms),
            ai_state: study.ai.state.into(),
            top_finding,
        }
    }
}

macro_rules! same_names {
    ($($name:ident)*) => {
        impl From<lightbox_domain::AiState> for AiState {
            fn from(state: lightbox_domain::AiState) -> Self {
                match state { $(lightbox_domain::AiState::$name => Self::$name,)* }
            }
        }

        impl From<AiState> for lightbox_domain::AiState {
            fn from(state: AiState) -> Self {
                match state { $(AiState::$name => Self::$name,)* }
            }
        }
    };
}

same_names!(Found NothingFound Running Waiting Failed Rejected NotApplicable None);

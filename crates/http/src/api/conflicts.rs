//! The conflict shelf: newcomers that share their SOP Instance UID with something else that is stored.

use super::text::time;
use crate::HttpState;
use crate::auth::Caller;
use crate::extract::{Body, Path, Query};
use crate::problem::Problem;
use crate::seen::sees_instance;
use axum::Json;
use axum::extract::State;
use axum::http::StatusCode;
use lightbox_domain::Action;
use lightbox_pipeline::settle_conflict as order_settlement;
use lightbox_store::{Shelved, StoredInstance};
use serde::{Deserialize, Serialize};
use utoipa::{IntoParams, ToSchema};
use utoipa_axum::router::OpenApiRouter;
use utoipa_axum::routes;

/// The most attributes that one answer compares.
const DIFFERENCES_MAX: usize = 500;

pub(super) fn routes() -> OpenApiRouter<HttpState> {
    OpenApiRouter::default()
        .routes(routes!(list_conflicts))
        .routes(routes!(get_conflict))
        .routes(routes!(settle_conflict))
}

/// What was decided about a newcomer.
#[derive(Clone, Copy, Serialize, ToSchema)]
#[serde(rename_all = "snake_case")]
enum ConflictState {
    /// Nothing yet.
    Open,
    /// What is stored stays.
    Kept,
    /// This is what was stored before another took its place.
    Replaced,
}

/// One of the two.
#[derive(Serialize, ToSchema)]
struct ConflictingFile {
    /// Such as `peer:CT1`.
    source: String,
    #[schema(format = DateTime)]
    received_at: String,
    size_bytes: i64,
}

/// A file on the shelf, and what is stored under its SOP Instance UID.
#[derive(Serialize, ToSchema)]
struct Conflict {
    id: String,
    state: ConflictState,
    study_instance_uid: String,
    series_instance_uid: String,
    sop_instance_uid: String,
    stored: ConflictingFile,
    shelved: ConflictingFile,
    settled_by: Option<String>,
    #[schema(format = DateTime)]
    settled_at: Option<String>,
}

/// The newest files on the shelf.
#[derive(Serialize, ToSchema)]
struct Conflicts {
    items: Vec<Conflict>,
}

/// An attribute in which the two differ.
#[derive(Serialize, ToSchema)]
struct AttributeDifference {
    /// Its keyword of PS3.6, or its tag.
    name: String,
    in_stored: bool,
    in_shelved: bool,
    /// Its value in what is stored, shortened; only for those who may read studies.
    stored: Option<String>,
    /// Its value in what lies on the shelf.
    shelved: Option<String>,
}

/// A conflict with what differs.
#[derive(Serialize, ToSchema)]
struct ConflictDetail {
    conflict: Conflict,
    differences: Vec<AttributeDifference>,
}

/// Which conflicts are listed.
#[derive(Deserialize, IntoParams)]
#[into_params(parameter_in = Query)]
struct ConflictsQuery {
    /// Those that were decided on, rather than those that wait.
    settled: Option<bool>,
}

/// A decision between what is stored and what lies on the shelf.
#[derive(Clone, Copy, Deserialize, ToSchema)]
#[serde(rename_all = "snake_case")]
enum Settlement {
    /// What is stored stays; the other stays on the shelf.
    KeepFirst,
    /// They change places.
    Replace,
    /// What lies on the shelf is removed.
    Discard,
}

/// What is decided.
#[derive(Deserialize, ToSchema)]
struct SettleRequest {
    decision: Settlement,
}

/// List the conflict shelf
#[utoipa::path(get, path = "/api/v1/conflicts", tag = "conflicts", params(ConflictsQuery),
    responses((status = 200, description = "Files on the shelf, the newest first", body = Conflicts)))]
async fn list_conflicts(
    State(state): State<HttpState>,
    caller: Caller,
    Query(query): Query<ConflictsQuery>,
) -> Result<Json<Conflicts>, Problem> {
    caller.may_any(Action::ConflictRead)?;
    let mut items = Vec::new();
    for shelved in state.store.conflicts(query.settled.unwrap_or(false), state.limits.page_rows_max).await? {
        if let Some(stored) = stored_of(&state, &caller, &shelved).await? {
            items.push(Conflict::of(shelved, &stored));
        }
    }
    Ok(Json(Conflicts { items }))
}

/// What differs
#[utoipa::path(get, path = "/api/v1/conflicts/{id}", tag = "conflicts", params(("id" = String, Path)),
    responses((status = 200, description = "The conflict, and in which attributes the two differ", body = ConflictDetail)))]
async fn get_conflict(
    State(state): State<HttpState>,
    caller: Caller,
    Path(id): Path<String>,
) -> Result<Json<ConflictDetail>, Problem> {
    caller.may_any(Action::ConflictRead)?;
    let shelved = state.store.conflict(&id).await?;
    let stored = stored_of(&state, &caller, &shelved).await?.ok_or_else(|| Problem::not_found("conflict"))?;
    let reads = caller.may_any(Action::StudyRead).is_ok();
    let (blobs, limits) = (state.store.blobs(), state.limits.clone());
    let (first, second) = (blobs.path(&stored.blob), blobs.path(&shelved.blob));
    let compare = move || lightbox_dicom::differences(&first, &second, DIFFERENCES_MAX, &limits);
    let differences = tokio::task::spawn_blocking(compare).await??;
    let told = |one: lightbox_dicom::Difference| AttributeDifference {
        in_stored: one.first.is_some(),
        in_shelved: one.second.is_some(),
        name: one.name,
        stored: one.first.filter(|_| reads),
        shelved: one.second.filter(|_| reads),
    };
    let differences = differences.into_iter().map(told).collect();
    Ok(Json(ConflictDetail { conflict: Conflict::of(shelved, &stored), differences }))
}

/// Decide between what is stored and what lies on the shelf
#[utoipa::path(post, path = "/api/v1/conflicts/{id}/settle", tag = "conflicts", params(("id" = String, Path)),
    request_body = SettleRequest, responses((status = 204, description = "It is done")))]
async fn settle_conflict(
    State(state): State<HttpState>,
    caller: Caller,
    Path(id): Path<String>,
    Body(request): Body<SettleRequest>,
) -> Result<StatusCode, Problem> {
    caller.may_any(Action::ConflictSettle)?;
    let shelved = state.store.conflict(&id).await?;
    stored_of(&state, &caller, &shelved).await?.ok_or_else(|| Problem::not_found("conflict"))?;
    order_settlement(&state.store, &state.limits, &id, request.decision.into(), &caller.actor).await?;
    Ok(StatusCode::NO_CONTENT)
}

/// What is stored under the UID of a file on the shelf, unless it is deleted or the caller may not see it.
async fn stored_of(state: &HttpState, caller: &Caller, shelved: &Shelved) -> Result<Option<StoredInstance>, Problem> {
    let Some(stored) = state.store.instance(shelved.sop_instance_uid.as_str()).await? else { return Ok(None) };
    Ok(sees_instance(state, caller, &stored).await?.then_some(stored))
}

impl Conflict {
    fn of(shelved: Shelved, stored: &StoredInstance) -> Self {
        Self {
            id: shelved.id,
            state: match shelved.state.as_str() {
                "kept" => ConflictState::Kept,
                "replaced" => ConflictState::Replaced,
                _ => ConflictState::Open,
            },
            study_instance_uid: stored.study_instance_uid.to_string(),
            series_instance_uid: stored.series_instance_uid.to_string(),
            sop_instance_uid: shelved.sop_instance_uid.to_string(),
            stored: ConflictingFile {
                source: stored.source.clone(),
                received_at: time(stored.received_ms),
                size_bytes: stored.size_bytes,
            },
            shelved: ConflictingFile {
                source: shelved.source,
                received_at: time(shelved.received_ms),
                size_bytes: shelved.size_bytes,
            },
            settled_by: shelved.settled_by,
            settled_at: shelved.settled_ms.map(time),
        }
    }
}

impl From<Settlement> for lightbox_pipeline::Settlement {
    fn from(settlement: Settlement) -> Self {
        match settlement {
            Settlement::KeepFirst => Self::KeepFirst,
            Settlement::Replace => Self::Replace,
            Settlement::Discard => Self::Discard,
        }
    }
}

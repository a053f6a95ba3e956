//! Studies that no order fits, or that say of their patient what an order or an earlier study denies; and what people decide
//! about them.

use super::orders::Order;
use super::text::{date, given, time};
use super::worklist::WorklistItem;
use crate::HttpState;
use crate::auth::Caller;
use crate::extract::{Body, Path, Query};
use crate::problem::Problem;
use axum::Json;
use axum::extract::State;
use axum::http::StatusCode;
use lightbox_domain::{Action, Candidates, Patient, StudyAttributes, Uid, link_values, patient_differences};
use lightbox_identity::Resource;
use lightbox_store::{StoredMatch, StoredStudy};
use serde::{Deserialize, Serialize};
use utoipa::{IntoParams, ToSchema};
use utoipa_axum::router::OpenApiRouter;
use utoipa_axum::routes;

pub(super) fn routes() -> OpenApiRouter<HttpState> {
    OpenApiRouter::default()
        .routes(routes!(list_unmatched))
        .routes(routes!(get_match))
        .routes(routes!(link_order))
        .routes(routes!(dismiss_order))
        .routes(routes!(undo_order_decision))
}

/// How a study stands to the orders.
#[derive(Serialize, ToSchema)]
struct OrderMatch {
    /// `matched`, `suggested`, `unmatched`, `contradicts` or `not_needed`.
    state: &'static str,
    /// Why, in words.
    reason: &'static str,
    /// The order that the reason speaks of.
    order_id: Option<String>,
    /// `lightbox`, or a person.
    decided_by: String,
    #[schema(format = DateTime)]
    decided_at: String,
    /// Whether a person decided it, who can take it back.
    by_person: bool,
}

/// A study in the queue.
#[derive(Serialize, ToSchema)]
struct UnmatchedStudy {
    study: WorklistItem,
    issuer_of_patient_id: String,
    #[serde(rename = "match")]
    found: OrderMatch,
}

/// Studies at which somebody should look.
#[derive(Serialize, ToSchema)]
struct Unmatched {
    items: Vec<UnmatchedStudy>,
}

/// A patient as something says them.
#[derive(Serialize, ToSchema)]
pub(super) struct PatientSaid {
    patient_id: String,
    issuer_of_patient_id: String,
    /// As in DICOM: `Family^Given`.
    patient_name: String,
    /// `YYYY-MM-DD`
    patient_birth_date: Option<String>,
    patient_sex: Option<String>,
}

/// An order that may be the study's.
#[derive(Serialize, ToSchema)]
struct Candidate {
    order: Order,
    /// Keywords of what would have to be corrected in the study.
    differs: Vec<String>,
}

/// A study, the orders that it may belong to, and what an earlier study says of its patient.
#[derive(Serialize, ToSchema)]
struct MatchDetail {
    study: WorklistItem,
    issuer_of_patient_id: String,
    /// None when nothing is to be said.
    #[serde(rename = "match")]
    found: Option<OrderMatch>,
    candidates: Vec<Candidate>,
    earlier_patient: Option<PatientSaid>,
    /// Keywords of what the earlier study says otherwise.
    differs_from_earlier: Vec<String>,
}

/// To which order a study belongs, and why.
#[derive(Deserialize, ToSchema)]
struct LinkRequest {
    order_id: String,
    reason: String,
}

/// Why a study needs no order.
#[derive(Deserialize, ToSchema)]
struct DismissRequest {
    reason: String,
}

/// Which studies are listed.
#[derive(Deserialize, IntoParams)]
#[into_params(parameter_in = Query)]
struct UnmatchedQuery {
    /// Those about which a person decided, rather than those that wait.
    decided: Option<bool>,
}

/// List studies that match no order or patient, the newest first
#[utoipa::path(get, path = "/api/v1/unmatched", tag = "orders", params(UnmatchedQuery),
    responses((status = 200, description = "The queue", body = Unmatched)))]
async fn list_unmatched(
    State(state): State<HttpState>,
    caller: Caller,
    Query(query): Query<UnmatchedQuery>,
) -> Result<Json<Unmatched>, Problem> {
    caller.may_any(Action::OrderRead)?;
    caller.may_any(Action::StudyRead)?;
    let listed = state.store.unmatched(query.decided.unwrap_or(false), state.limits.page_rows_max).await?;
    let item = |(study, found): (StoredStudy, StoredMatch)| UnmatchedStudy {
        study: WorklistItem::of(&study),
        issuer_of_patient_id: study.attributes.patient.key.issuer,
        found: OrderMatch::of(found),
    };
    Ok(Json(Unmatched { items: listed.into_iter().map(item).collect() }))
}

/// Look at how a study stands to the orders, and at the orders that it may belong to
#[utoipa::path(get, path = "/api/v1/studies/{study_instance_uid}/order", tag = "orders",
    params(("study_instance_uid" = String, Path, description = "Study Instance UID")),
    responses((status = 200, description = "The study beside orders and patient", body = MatchDetail)))]
async fn get_match(
    State(state): State<HttpState>,
    caller: Caller,
    Path(study_instance_uid): Path<String>,
) -> Result<Json<MatchDetail>, Problem> {
    let study = Uid::parse(&study_instance_uid)?;
    caller.may_any(Action::OrderRead)?;
    caller.may(Action::StudyRead, &Resource::study(study.as_str()))?;
    let case = state.store.match_case(&study).await?;
    let (stored, with) = case.ok_or_else(|| Problem::not_found("study"))?;
    let found = state.store.order_match(&study).await?.map(OrderMatch::of);
    Ok(Json(MatchDetail::of(&stored, found, with)))
}

/// Link a study to an order: what the study says otherwise is corrected
#[utoipa::path(post, path = "/api/v1/studies/{study_instance_uid}/order/link", tag = "orders",
    params(("study_instance_uid" = String, Path, description = "Study Instance UID")), request_body = LinkRequest,
    responses((status = 200, description = "Linked", body = OrderMatch)))]
async fn link_order(
    State(state): State<HttpState>,
    caller: Caller,
    Path(study_instance_uid): Path<String>,
    Body(request): Body<LinkRequest>,
) -> Result<Json<OrderMatch>, Problem> {
    let study = Uid::parse(&study_instance_uid)?;
    caller.may_any(Action::OrderRead)?;
    caller.may(Action::StudyCorrect, &Resource::study(study.as_str()))?;
    let (store, actor) = (&state.store, &caller.actor);
    let linked = lightbox_pipeline::link_order(store, &study, &request.order_id, &request.reason, actor).await?;
    Ok(Json(OrderMatch::of(linked)))
}

/// Say that a study needs no order
#[utoipa::path(post, path = "/api/v1/studies/{study_instance_uid}/order/dismiss", tag = "orders",
    params(("study_instance_uid" = String, Path, description = "Study Instance UID")), request_body = DismissRequest,
    responses((status = 200, description = "It left the queue", body = OrderMatch)))]
async fn dismiss_order(
    State(state): State<HttpState>,
    caller: Caller,
    Path(study_instance_uid): Path<String>,
    Body(request): Body<DismissRequest>,
) -> Result<Json<OrderMatch>, Problem> {
    let study = Uid::parse(&study_instance_uid)?;
    caller.may(Action::StudyCorrect, &Resource::study(study.as_str()))?;
    let dismissed = lightbox_pipeline::dismiss_order(&state.store, &study, &request.reason, &caller.actor).await?;
    Ok(Json(OrderMatch::of(dismissed)))
}

/// Take a decision about a study's order back, with the correction that came of it
#[utoipa::path(post, path = "/api/v1/studies/{study_instance_uid}/order/undo", tag = "orders",
    params(("study_instance_uid" = String, Path, description = "Study Instance UID")),
    responses((status = 204, description = "The study is matched anew")))]
async fn undo_order_decision(
    State(state): State<HttpState>,
    caller: Caller,
    Path(study_instance_uid): Path<String>,
) -> Result<StatusCode, Problem> {
    let study = Uid::parse(&study_instance_uid)?;
    caller.may(Action::StudyCorrect, &Resource::study(study.as_str()))?;
    lightbox_pipeline::undo_order_decision(&state.store, &study, &caller.actor).await?;
    Ok(StatusCode::NO_CONTENT)
}

impl MatchDetail {
    fn of(stored: &StoredStudy, found: Option<OrderMatch>, with: Candidates) -> Self {
        let patient = &stored.attributes.patient;
        let differs = with.patient.as_ref().map(|known| patient_differences(patient, known)).unwrap_or_default();
        Self {
            study: WorklistItem::of(stored),
            issuer_of_patient_id: patient.key.issuer.clone(),
            found,
            candidates: with.orders.into_iter().map(|order| Candidate::of(&stored.attributes, order)).collect(),
            earlier_patient: with.patient.as_ref().map(PatientSaid::of),
            differs_from_earlier: differs.into_iter().map(str::to_owned).collect(),
        }
    }
}

impl Candidate {
    fn of(study: &StudyAttributes, order: lightbox_domain::Order) -> Self {
        let values = link_values(study, &order).unwrap_or_default();
        Self { differs: values.keywords().map(str::to_owned).collect(), order: Order::of(order) }
    }
}

impl PatientSaid {
    pub(super) fn of(patient: &Patient) -> Self {
        Self {
            patient_id: patient.key.id.clone(),
            issuer_of_patient_id: patient.key.issuer.clone(),
            patient_name: patient.name.clone(),
            patient_birth_date: date(&patient.birth_date),
            patient_sex: given(&patient.sex),
        }
    }
}

impl OrderMatch {
    fn of(stored: StoredMatch) -> Self {
        Self {
            state: stored.found.state.as_str(),
            reason: stored.found.reason.words(),
            by_person: stored.found.reason.is_by_person(),
            order_id: stored.found.order_id,
            decided_by: stored.decided_by,
            decided_at: time(stored.decided_ms),
        }
    }
}

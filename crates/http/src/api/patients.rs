//! Patients of whom a study is here, to choose one from.

use super::unmatched::PatientSaid;
use crate::HttpState;
use crate::auth::Caller;
use crate::extract::Query;
use crate::problem::Problem;
use axum::Json;
use axum::extract::State;
use lightbox_domain::Action;
use serde::{Deserialize, Serialize};
use utoipa::{IntoParams, ToSchema};
use utoipa_axum::router::OpenApiRouter;
use utoipa_axum::routes;

/// How many patients one answer lists.
const PATIENTS_MAX: i64 = 20;

pub(super) fn routes() -> OpenApiRouter<HttpState> {
    OpenApiRouter::default().routes(routes!(list_patients))
}

/// A patient, as the newest of their studies says them.
#[derive(Serialize, ToSchema)]
struct KnownPatient {
    #[serde(flatten)]
    said: PatientSaid,
    study_count: i64,
}

/// Patients.
#[derive(Serialize, ToSchema)]
struct Patients {
    items: Vec<KnownPatient>,
}

/// Who is looked for.
#[derive(Deserialize, IntoParams)]
#[into_params(parameter_in = Query)]
struct PatientsQuery {
    /// Part of the patient's name or identifier.
    search: Option<String>,
}

/// List patients by a part of their name or identifier, at most 20
#[utoipa::path(get, path = "/api/v1/patients", tag = "corrections", params(PatientsQuery),
    responses((status = 200, description = "Patients by identifier", body = Patients)))]
async fn list_patients(
    State(state): State<HttpState>,
    caller: Caller,
    Query(query): Query<PatientsQuery>,
) -> Result<Json<Patients>, Problem> {
    caller.may_any(Action::StudyRead)?;
    let search = query.search.unwrap_or_default();
    let patients = state.store.patients(search.trim(), PATIENTS_MAX).await?;
    let items = patients
        .iter()
        .map(|(patient, studies)| KnownPatient { said: PatientSaid::of(patient), study_count: *studies });
    Ok(Json(Patients { items: items.collect() }))
}

//! Corrections: what is said of a study in place of what is stored, why and by whom; merging patients; taking it back.

use super::text::time;
use crate::HttpState;
use crate::auth::Caller;
use crate::extract::{Body, Path};
use crate::problem::Problem;
use axum::Json;
use axum::extract::State;
use axum::http::StatusCode;
use lightbox_domain::{Action, Attribute, Overlay, OverlayScope, PatientKey, Uid, Values};
use lightbox_identity::Resource;
use lightbox_store::Changed;
use serde::{Deserialize, Serialize};
use std::collections::BTreeMap;
use utoipa::ToSchema;
use utoipa_axum::router::OpenApiRouter;
use utoipa_axum::routes;

pub(super) fn routes() -> OpenApiRouter<HttpState> {
    OpenApiRouter::default()
        .routes(routes!(list_corrections))
        .routes(routes!(correct_study))
        .routes(routes!(undo_correction))
        .routes(routes!(merge_patients))
}

/// What somebody decided. It counts until it is undone.
#[derive(Serialize, ToSchema)]
struct Correction {
    id: String,
    /// `study`, or `patient` for a merge, which counts for all studies of the patient.
    scope: &'static str,
    /// Keywords of attributes with their new values.
    values: BTreeMap<String, String>,
    reason: String,
    made_by: String,
    #[schema(format = DateTime)]
    made_at: String,
    undone_by: Option<String>,
    #[schema(format = DateTime)]
    undone_at: Option<String>,
}

/// What was ever decided of a study and its patient.
#[derive(Serialize, ToSchema)]
struct Corrections {
    /// All that may be corrected.
    attributes: Vec<SaidAttribute>,
    items: Vec<Correction>,
}

/// An attribute, as the study arrived with it and as it counts now. Values are as in DICOM.
#[derive(Serialize, ToSchema)]
struct SaidAttribute {
    keyword: String,
    /// Its value representation.
    vr: String,
    arrived: String,
    now: String,
}

/// A correction or its end, and for which studies it changed something.
#[derive(Serialize, ToSchema)]
struct ChangedCorrection {
    correction: Correction,
    study_instance_uids: Vec<String>,
}

/// What a study shall say, and why.
#[derive(Deserialize, ToSchema)]
struct NewCorrection {
    /// Keywords of attributes with their new values; an empty value stands for none.
    values: BTreeMap<String, String>,
    reason: String,
}

/// A patient: identifier and issuer together.
#[derive(Deserialize, ToSchema)]
struct PatientName {
    patient_id: String,
    /// Empty, unless the objects say who issued the identifier.
    #[serde(default)]
    issuer_of_patient_id: String,
}

/// Which patient is no more, and who that is in truth.
#[derive(Deserialize, ToSchema)]
struct NewMerge {
    from: PatientName,
    into: PatientName,
    reason: String,
}

/// List what was corrected of a study, the oldest first
#[utoipa::path(get, path = "/api/v1/studies/{study_instance_uid}/corrections", tag = "corrections",
    params(("study_instance_uid" = String, Path, description = "Study Instance UID")),
    responses((status = 200, description = "Corrections and merges", body = Corrections)))]
async fn list_corrections(
    State(state): State<HttpState>,
    caller: Caller,
    Path(study_instance_uid): Path<String>,
) -> Result<Json<Corrections>, Problem> {
    caller.may(Action::StudyRead, &Resource::study(&study_instance_uid))?;
    let overlays = state.store.overlays_of_study(&study_instance_uid).await?;
    let said = state.store.said_of_study(&Uid::parse(&study_instance_uid)?).await?;
    let (arrived, now) = said.ok_or_else(|| Problem::not_found("study"))?;
    let said = |attribute: &Attribute| SaidAttribute {
        keyword: attribute.keyword.clone(),
        vr: attribute.vr.clone(),
        arrived: arrived.get(&attribute.keyword).unwrap_or_default().to_owned(),
        now: now.get(&attribute.keyword).unwrap_or_default().to_owned(),
    };
    let attributes = Attribute::all().iter().filter(|one| one.is_correctable).map(said).collect();
    Ok(Json(Corrections { attributes, items: overlays.into_iter().map(Correction::of).collect() }))
}

/// Correct what is said of a study; stored bytes stay
#[utoipa::path(post, path = "/api/v1/studies/{study_instance_uid}/corrections", tag = "corrections",
    params(("study_instance_uid" = String, Path, description = "Study Instance UID")), request_body = NewCorrection,
    responses((status = 201, description = "Corrected", body = ChangedCorrection)))]
async fn correct_study(
    State(state): State<HttpState>,
    caller: Caller,
    Path(study_instance_uid): Path<String>,
    Body(new): Body<NewCorrection>,
) -> Result<(StatusCode, Json<ChangedCorrection>), Problem> {
    caller.may(Action::StudyCorrect, &Resource::study(&study_instance_uid))?;
    let study = Uid::parse(&study_instance_uid)?;
    let mut values = Values::default();
    for (keyword, value) in &new.values {
        values.set(keyword, value).map_err(Problem::unfit)?;
    }
    let changed = lightbox_pipeline::correct(&state.store, &study, values, &new.reason, &caller.actor).await?;
    Ok((StatusCode::CREATED, Json(ChangedCorrection::of(changed))))
}

/// Take a correction or a merge back, for every study for which it counts
#[utoipa::path(delete, path = "/api/v1/studies/{study_instance_uid}/corrections/{id}", tag = "corrections",
    params(("study_instance_uid" = String, Path, description = "Study Instance UID"), ("id" = String, Path)),
    responses((status = 200, description = "Undone", body = ChangedCorrection)))]
async fn undo_correction(
    State(state): State<HttpState>,
    caller: Caller,
    Path((study_instance_uid, id)): Path<(String, String)>,
) -> Result<Json<ChangedCorrection>, Problem> {
    caller.may(Action::StudyCorrect, &Resource::study(&study_instance_uid))?;
    let overlays = state.store.overlays_of_study(&study_instance_uid).await?;
    if !overlays.iter().any(|one| one.id == id) {
        return Err(Problem::not_found("correction"));
    }
    let changed = lightbox_pipeline::undo_correction(&state.store, &id, &caller.actor).await?;
    Ok(Json(ChangedCorrection::of(changed)))
}

/// Make all studies of one patient, also later ones, studies of another
#[utoipa::path(post, path = "/api/v1/patients/merge", tag = "corrections", request_body = NewMerge,
    responses((status = 201, description = "Merged", body = ChangedCorrection)))]
async fn merge_patients(
    State(state): State<HttpState>,
    caller: Caller,
    Body(new): Body<NewMerge>,
) -> Result<(StatusCode, Json<ChangedCorrection>), Problem> {
    caller.may_any(Action::StudyCorrect)?;
    let (from, into) = (new.from.key(), new.into.key());
    let changed = lightbox_pipeline::merge(&state.store, from, &into, &new.reason, &caller.actor).await?;
    Ok((StatusCode::CREATED, Json(ChangedCorrection::of(changed))))
}

impl PatientName {
    fn key(self) -> PatientKey {
        PatientKey { id: self.patient_id.trim().to_owned(), issuer: self.issuer_of_patient_id.trim().to_owned() }
    }
}

impl Correction {
    fn of(overlay: Overlay) -> Self {
        let text = |text: &str| text.to_owned();
        Self {
            id: overlay.id,
            scope: match overlay.scope {
                OverlayScope::Study(_) => "study",
                OverlayScope::Patient(_) => "patient",
            },
            values: overlay.values.iter().map(|(attribute, value)| (text(&attribute.keyword), text(value))).collect(),
            reason: overlay.reason,
            made_by: overlay.made_by,
            made_at: time(overlay.made_ms),
            undone_by: overlay.undone_by,
            undone_at: overlay.undone_ms.map(time),
        }
    }
}

impl ChangedCorrection {
    fn of(changed: Changed) -> Self {
        Self {
            correction: Correction::of(changed.overlay),
            study_instance_uids: changed.studies.iter().map(Uid::to_string).collect(),
        }
    }
}

//! Deletions: what was deleted, why and by whom; deleting, and bringing back.

use super::text::time;
use crate::HttpState;
use crate::auth::Caller;
use crate::extract::{Body, Path, Query};
use crate::problem::Problem;
use axum::Json;
use axum::extract::State;
use axum::http::StatusCode;
use lightbox_domain::{Action, DeletedPart, Uid};
use lightbox_identity::Resource;
use serde::{Deserialize, Serialize};
use utoipa::{IntoParams, ToSchema};
use utoipa_axum::router::OpenApiRouter;
use utoipa_axum::routes;

pub(super) fn routes() -> OpenApiRouter<HttpState> {
    OpenApiRouter::default()
        .routes(routes!(list_deletions))
        .routes(routes!(delete_study))
        .routes(routes!(undo_deletion))
}

/// What was deleted: nobody sees it, until it is brought back or purged.
#[derive(Serialize, ToSchema)]
struct Deletion {
    id: String,
    study_instance_uid: String,
    /// The series, if it was one.
    series_instance_uid: Option<String>,
    /// `person`, `rejection` (a rejection note after IHE IOCM) or `rule`.
    cause: &'static str,
    reason: String,
    deleted_by: String,
    #[schema(format = DateTime)]
    deleted_at: String,
    /// When its bytes are removed; never, if absent.
    #[schema(format = DateTime)]
    purge_at: Option<String>,
    /// With what apps had made of them.
    instances: i64,
    undone_by: Option<String>,
    #[schema(format = DateTime)]
    undone_at: Option<String>,
    #[schema(format = DateTime)]
    purged_at: Option<String>,
}

/// The newest deletions.
#[derive(Serialize, ToSchema)]
struct Deletions {
    items: Vec<Deletion>,
}

/// What to delete of a study, and why: all of it, unless a series or instances are named.
#[derive(Deserialize, ToSchema)]
struct NewDeletion {
    reason: String,
    series_instance_uid: Option<String>,
    sop_instance_uids: Option<Vec<String>>,
}

/// Which deletions are listed.
#[derive(Deserialize, IntoParams)]
#[into_params(parameter_in = Query)]
struct DeletionsQuery {
    /// Only those of this study.
    study_instance_uid: Option<String>,
}

/// List the newest deletions
#[utoipa::path(get, path = "/api/v1/deletions", tag = "deletions", params(DeletionsQuery),
    responses((status = 200, description = "Deletions, the newest first", body = Deletions)))]
async fn list_deletions(
    State(state): State<HttpState>,
    caller: Caller,
    Query(query): Query<DeletionsQuery>,
) -> Result<Json<Deletions>, Problem> {
    caller.may_any(Action::StudyDelete)?;
    let deletions = state.store.deletions(query.study_instance_uid.as_deref(), state.limits.page_rows_max).await?;
    Ok(Json(Deletions { items: deletions.into_iter().map(Deletion::of).collect() }))
}

/// Delete a study or a part of it; it can be brought back until it is purged
#[utoipa::path(post, path = "/api/v1/studies/{study_instance_uid}/deletions", tag = "deletions",
    params(("study_instance_uid" = String, Path, description = "Study Instance UID")), request_body = NewDeletion,
    responses((status = 201, description = "Deleted", body = Deletion)))]
async fn delete_study(
    State(state): State<HttpState>,
    caller: Caller,
    Path(study_instance_uid): Path<String>,
    Body(new): Body<NewDeletion>,
) -> Result<(StatusCode, Json<Deletion>), Problem> {
    caller.may(Action::StudyDelete, &Resource::study(&study_instance_uid))?;
    let study = Uid::parse(&study_instance_uid)?;
    let part = new.part()?;
    let deletion =
        lightbox_pipeline::delete(&state.store, &state.limits, &study, part, &new.reason, &caller.actor).await?;
    Ok((StatusCode::CREATED, Json(Deletion::of(deletion))))
}

/// Bring back what a deletion hid
#[utoipa::path(post, path = "/api/v1/deletions/{id}/undo", tag = "deletions", params(("id" = String, Path)),
    responses((status = 200, description = "Undone", body = Deletion)))]
async fn undo_deletion(
    State(state): State<HttpState>,
    caller: Caller,
    Path(id): Path<String>,
) -> Result<Json<Deletion>, Problem> {
    caller.may_any(Action::StudyDelete)?;
    let deletion = lightbox_pipeline::undelete(&state.store, &id, &caller.actor).await?;
    Ok(Json(Deletion::of(deletion)))
}

impl NewDeletion {
    fn part(&self) -> Result<DeletedPart, Problem> {
        match (&self.series_instance_uid, &self.sop_instance_uids) {
            (None, None) => Ok(DeletedPart::Study),
            (Some(series), None) => Ok(DeletedPart::Series(Uid::parse(series)?)),
            (None, Some(uids)) => {
                Ok(DeletedPart::Instances(uids.iter().map(|uid| Uid::parse(uid)).collect::<Result<_, _>>()?))
            }
            (Some(_), Some(_)) => Err(Problem::unfit("name a series or instances, not both")),
        }
    }
}

impl Deletion {
    fn of(stored: lightbox_store::Deletion) -> Self {
        Self {
            id: stored.id,
            study_instance_uid: stored.study_instance_uid.to_string(),
            series_instance_uid: stored.series_instance_uid.map(|uid| uid.to_string()),
            cause: stored.cause.as_str(),
            reason: stored.reason,
            deleted_by: stored.deleted_by,
            deleted_at: time(stored.deleted_ms),
            purge_at: stored.purge_ms.map(time),
            instances: stored.instances,
            undone_by: stored.undone_by,
            undone_at: stored.undone_ms.map(time),
            purged_at: stored.purged_ms.map(time),
        }
    }
}

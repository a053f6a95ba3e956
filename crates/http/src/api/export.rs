//! A study as an archive, to be taken along.

use crate::HttpState;
use crate::auth::Caller;
use crate::extract::Path;
use crate::problem::Problem;
use crate::seen::seen_instances;
use axum::body::Body;
use axum::extract::State;
use axum::http::{HeaderValue, header};
use axum::response::{IntoResponse, Response};
use lightbox_domain::{Action, Uid};
use lightbox_identity::Resource;
use lightbox_pipeline::Leaving;
use lightbox_pipeline::export::{log_export, zip_stream};
use utoipa_axum::router::OpenApiRouter;
use utoipa_axum::routes;

pub(super) fn routes() -> OpenApiRouter<HttpState> {
    OpenApiRouter::default().routes(routes!(export_study))
}

/// Take a study along as a zip archive of DICOM files, with the results that the caller may see
#[utoipa::path(get, path = "/api/v1/studies/{uid}/export", tag = "studies",
    params(("uid" = String, Path, description = "Study Instance UID")),
    responses((status = 200, description = "The archive", body = Vec<u8>, content_type = "application/zip")))]
async fn export_study(
    State(state): State<HttpState>,
    caller: Caller,
    Path(uid): Path<String>,
) -> Result<Response, Problem> {
    caller.may(Action::StudyRead, &Resource::study(&uid))?;
    let study = Uid::parse(&uid)?;
    let instances = seen_instances(&state, &caller, study.as_str()).await?;
    if instances.is_empty() {
        return Err(Problem::not_found("study"));
    }
    let leaving = Leaving::of_study(&state.store, study.as_str()).await?;
    log_export(&state.store, &study, instances.len(), &caller.actor).await?;
    let mut response = Body::from_stream(zip_stream(leaving, instances)).into_response();
    let name = format!("attachment; filename=\"{study}.zip\"");
    let headers = response.headers_mut();
    headers.insert(header::CONTENT_TYPE, HeaderValue::from_static("application/zip"));
    headers.insert(header::CONTENT_DISPOSITION, HeaderValue::from_str(&name).map_err(Problem::internal)?);
    Ok(response)
}

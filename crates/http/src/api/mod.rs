//! The API: one file a noun. JSON in snake_case, times in RFC 3339, errors as problem documents.

mod accounts;
mod conflicts;
mod corrections;
mod deletions;
mod deployments;
mod events;
mod export;
mod live;
mod orders;
mod patients;
mod peers;
mod runs;
mod session;
mod studies;
mod system;
mod text;
mod timeline;
mod unmatched;
mod worklist;

use crate::HttpState;
use crate::problem::ProblemDetails;
use axum::extract::DefaultBodyLimit;
use utoipa::openapi::{
    ContentBuilder, InfoBuilder, LicenseBuilder, OpenApi, OpenApiBuilder, PathItem, Ref, RefOr, Response,
    ResponseBuilder,
};
use utoipa::{PartialSchema, ToSchema};
use utoipa_axum::router::OpenApiRouter;

/// The largest JSON body, in bytes.
const BODY_BYTES_MAX: usize = 64 * 1024;

/// All routes of the API with their descriptions.
pub(crate) fn routes() -> OpenApiRouter<HttpState> {
    OpenApiRouter::with_openapi(OpenApiBuilder::new().info(info()).build())
        .merge(session::routes())
        .merge(worklist::routes())
        .merge(studies::routes())
        .merge(timeline::routes())
        .merge(export::routes())
        .merge(deletions::routes())
        .merge(conflicts::routes())
        .merge(corrections::routes())
        .merge(patients::routes())
        .merge(orders::routes())
        .merge(unmatched::routes())
        .merge(runs::routes())
        .merge(deployments::routes())
        .merge(peers::routes())
        .merge(accounts::routes())
        .merge(events::routes())
        .merge(live::routes())
        .merge(system::routes())
        .layer(DefaultBodyLimit::max(BODY_BYTES_MAX))
}

/// The API's description. Every operation may answer with a problem document.
pub(crate) fn openapi() -> OpenApi {
    let mut api = routes().into_openapi();
    let components = api.components.get_or_insert_default();
    components.schemas.insert(ProblemDetails::name().into_owned(), ProblemDetails::schema());
    for item in api.paths.paths.values_mut() {
        for operation in operations(item) {
            operation.responses.responses.insert("default".to_owned(), RefOr::T(problem_response()));
        }
    }
    api
}

fn info() -> utoipa::openapi::Info {
    let license = LicenseBuilder::new().name("Apache-2.0").identifier(Some("Apache-2.0")).build();
    InfoBuilder::new().title("Lightbox").version("1").license(Some(license)).build()
}

fn problem_response() -> Response {
    let schema = Ref::from_schema_name(ProblemDetails::name());
    let content = ContentBuilder::new().schema(Some(schema)).build();
    ResponseBuilder::new()
        .description("What went wrong, why, and what to do.")
        .content("application/problem+json", content)
        .build()
}

fn operations(item: &mut PathItem) -> impl Iterator<Item = &mut utoipa::openapi::path::Operation> {
    [&mut item.get, &mut item.put, &mut item.post, &mut item.patch, &mut item.delete]
        .into_iter()
        .filter_map(Option::as_mut)
}

//! The event log, newest first.

use super::text::{given, time};
use crate::HttpState;
use crate::auth::Caller;
use crate::extract::Query;
use crate::problem::Problem;
use axum::Json;
use axum::extract::State;
use lightbox_domain::Action;
use lightbox_store::LogLine;
use serde::{Deserialize, Serialize};
use utoipa::{IntoParams, ToSchema};
use utoipa_axum::router::OpenApiRouter;
use utoipa_axum::routes;

/// How many lines a page has unless more are asked for.
const LINES_DEFAULT: i64 = 100;

pub(super) fn routes() -> OpenApiRouter<HttpState> {
    OpenApiRouter::default().routes(routes!(list_events))
}

/// One line of the log.
#[derive(Serialize, ToSchema)]
struct Event {
    seq: i64,
    #[schema(format = DateTime)]
    at: String,
    actor: String,
    action: String,
    object_kind: String,
    object_id: String,
    /// `ok`, or why not.
    outcome: String,
    /// More, as a JSON object.
    detail: Option<String>,
}

/// A page of the log, newest first.
#[derive(Serialize, ToSchema)]
struct Events {
    items: Vec<Event>,
}

/// Which lines.
#[derive(Deserialize, IntoParams)]
#[into_params(parameter_in = Query)]
struct EventsQuery {
    /// How many lines at most; 100 unless given.
    limit: Option<i64>,
    /// Only lines before this one.
    before_seq: Option<i64>,
}

/// List the event log
#[utoipa::path(get, path = "/api/v1/events", tag = "events", params(EventsQuery),
    responses((status = 200, description = "Lines of the log", body = Events)))]
async fn list_events(
    State(state): State<HttpState>,
    caller: Caller,
    Query(query): Query<EventsQuery>,
) -> Result<Json<Events>, Problem> {
    caller.may_any(Action::EventRead)?;
    let limit = query.limit.unwrap_or(LINES_DEFAULT).clamp(1, state.limits.page_rows_max);
    let lines = state.store.events(query.before_seq.unwrap_or(i64::MAX), limit).await?;
    Ok(Json(Events { items: lines.into_iter().map(Event::of).collect() }))
}

impl Event {
    fn of(line: LogLine) -> Self {
        Self {
            seq: line.seq,
            at: time(line.at_ms),
            actor: line.actor,
            action: line.action,
            object_kind: line.object_kind,
            object_id: line.object_id,
            outcome: line.outcome,
            detail: given(&line.detail).filter(|detail| detail != "{}"),
        }
    }
}

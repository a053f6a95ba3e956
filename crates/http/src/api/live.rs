//! What is committed, as it is committed: server-sent events on which a page looks again at what it shows.

use crate::HttpState;
use crate::auth::Caller;
use crate::problem::Problem;
use axum::extract::State;
use axum::response::sse::{Event, KeepAlive, Sse};
use futures_util::{Stream, StreamExt};
use lightbox_domain::{Action, Viewer};
use lightbox_store::LiveEvent;
use std::convert::Infallible;
use std::time::Duration;
use tokio_stream::wrappers::BroadcastStream;
use utoipa_axum::router::OpenApiRouter;
use utoipa_axum::routes;

/// A comment goes out so often when nothing else does, in seconds, so that proxies keep the connection.
const KEEP_ALIVE_SECONDS: u64 = 15;

pub(super) fn routes() -> OpenApiRouter<HttpState> {
    OpenApiRouter::default().routes(routes!(watch))
}

/// Follow what happens: `{"action":"instance.stored","study_instance_uid":"1.2"}` for each event
#[utoipa::path(get, path = "/api/v1/live", tag = "live", operation_id = "live",
    responses((status = 200, description = "Events until either side ends", body = String,
        content_type = "text/event-stream")))]
async fn watch(
    State(state): State<HttpState>,
    caller: Caller,
) -> Result<Sse<impl Stream<Item = Result<Event, Infallible>>>, Problem> {
    caller.may_any(Action::StudyRead)?;
    let sees_shadow = matches!(caller.viewer(), Viewer::Permitted(actions) if actions.contains(&Action::ShadowRead));
    // Who lagged behind is told to look at everything again.
    let lines = BroadcastStream::new(state.store.watch()).map(move |event| match event {
        Ok(event) => line(&event, sees_shadow),
        Err(_) => serde_json::json!({ "action": "events.missed", "study_instance_uid": null }),
    });
    let until_closing = lines.take_until(state.closing.clone().cancelled_owned());
    let events = until_closing.map(|line| Ok(Event::default().data(line.to_string())));
    Ok(Sse::new(events).keep_alive(KeepAlive::new().interval(Duration::from_secs(KEEP_ALIVE_SECONDS))))
}

/// A run may be one in shadow mode, so that who may not see those only learns to look at the study again.
fn line(event: &LiveEvent, sees_shadow: bool) -> serde_json::Value {
    let action = match event.action.starts_with("run.") && !sees_shadow {
        true => "study.changed",
        false => event.action,
    };
    serde_json::json!({ "action": action, "study_instance_uid": event.study_instance_uid })
}

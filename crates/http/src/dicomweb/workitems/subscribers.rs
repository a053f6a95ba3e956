//! Who hears what becomes of workitems (PS3.18 §11.10 to §11.13), and the connections over which they hear it (§8.10).
//!
//! Reports go to whoever is connected at that moment; nothing is kept for those who are not. Workitems are never deleted,
//! so that a deletion lock is granted by doing nothing.

use super::{problem, tell};
use crate::HttpState;
use crate::auth::Caller;
use crate::extract::{Origin, Path};
use crate::problem::Problem;
use axum::extract::State;
use axum::extract::ws::rejection::WebSocketUpgradeRejection;
use axum::extract::ws::{Message, WebSocket, WebSocketUpgrade};
use axum::http::{HeaderValue, StatusCode, header};
use axum::response::{IntoResponse, Response};
use lightbox_domain::{Action, AeTitle, Event, Uid, WorkitemQuery};
use lightbox_identity::Resource;
use lightbox_pipeline::workitem::{WorkitemReport, first_report};
use lightbox_store::Workitem;
use serde_json::{Value, json};
use std::sync::Arc;
use std::time::Duration;
use tokio::sync::broadcast;
use tokio::sync::broadcast::error::RecvError;

/// All workitems (PS3.4 §CC.2.3.1).
const WORKLIST: &str = "1.2.840.10008.5.1.4.34.5";

/// All workitems that match a filter.
const FILTERED_WORKLIST: &str = "1.2.840.10008.5.1.4.34.5.1";

/// The class of reports (PS3.4 §CC.3.1).
const UPS_EVENT: &str = "1.2.840.10008.5.1.4.34.6.4";

/// A ping goes out so often, in seconds, so that proxies keep the connection and a dead one is noticed.
const KEEP_ALIVE_SECONDS: u64 = 15;

/// The largest message that a subscriber may send, in bytes; it has nothing to say.
const MESSAGE_BYTES_MAX: usize = 4 * 1024;

/// What is subscribed to.
enum Target {
    Worklist,
    Workitem(Uid),
}

/// `POST /workitems/{workitem}/subscribers/{ae_title}`
pub(in crate::dicomweb) async fn subscribe(
    State(state): State<HttpState>,
    caller: Caller,
    Origin(origin): Origin,
    Path(address): Path<(String, String)>,
) -> Result<Response, Problem> {
    let (target, ae_title) = parse(&caller, &origin, &address)?;
    let mut write = state.store.write().await?;
    let items = match &target {
        Target::Worklist => {
            write.subscribe_to_worklist(ae_title.as_str()).await?;
            None
        }
        Target::Workitem(uid) => {
            let item = write.workitem(uid).await?;
            write.subscribe_to_workitem(ae_title.as_str(), uid).await?;
            Some(vec![item])
        }
    };
    write.append_event(event(&caller, "workitem.subscribed", &address)).await?;
    write.commit().await?;
    let items = match items {
        Some(items) => items,
        None => unfinished(&state).await?,
    };
    let first = items.iter().map(|item| first_report(item, ae_title.as_str())).collect::<Result<_, _>>();
    tell(&state, first.map_err(|error| problem(&origin, error.into()))?);
    let url = origin.replacen("http", "ws", 1) + "/dicomweb/subscribers/" + &address.1;
    let url = HeaderValue::from_str(&url).map_err(Problem::internal)?;
    Ok((StatusCode::CREATED, [(header::CONTENT_LOCATION, url)]).into_response())
}

/// `DELETE /workitems/{workitem}/subscribers/{ae_title}`
pub(in crate::dicomweb) async fn unsubscribe(
    State(state): State<HttpState>,
    caller: Caller,
    Origin(origin): Origin,
    Path(address): Path<(String, String)>,
) -> Result<Response, Problem> {
    let (target, ae_title) = parse(&caller, &origin, &address)?;
    let mut write = state.store.write().await?;
    match &target {
        Target::Worklist => write.unsubscribe_from_worklist(ae_title.as_str()).await?,
        Target::Workitem(uid) => {
            write.workitem(uid).await?;
            write.unsubscribe_from_workitem(ae_title.as_str(), uid).await?;
        }
    }
    write.append_event(event(&caller, "workitem.unsubscribed", &address)).await?;
    write.commit().await?;
    Ok(StatusCode::OK.into_response())
}

/// `POST /workitems/1.2.840.10008.5.1.4.34.5/subscribers/{ae_title}/suspend`
pub(in crate::dicomweb) async fn suspend(
    State(state): State<HttpState>,
    caller: Caller,
    Origin(origin): Origin,
    Path(address): Path<(String, String)>,
) -> Result<Response, Problem> {
    let (Target::Worklist, ae_title) = parse(&caller, &origin, &address)? else {
        return Err(Problem::bad_request("only a subscription to the whole worklist can be suspended"));
    };
    let mut write = state.store.write().await?;
    write.suspend_worklist_subscription(ae_title.as_str()).await?;
    write.append_event(event(&caller, "workitem.suspended", &address)).await?;
    write.commit().await?;
    Ok(StatusCode::OK.into_response())
}

/// `GET /subscribers/{ae_title}`: a WebSocket, one text message a report.
pub(in crate::dicomweb) async fn listen(
    State(state): State<HttpState>,
    caller: Caller,
    Path(ae_title): Path<String>,
    upgrade: Result<WebSocketUpgrade, WebSocketUpgradeRejection>,
) -> Result<Response, Problem> {
    caller.may_any(Action::WorkitemRead)?;
    let ae_title = AeTitle::parse(&ae_title).map_err(Problem::bad_request)?;
    let upgrade = upgrade.map_err(|_| {
        Problem::new(StatusCode::UPGRADE_REQUIRED, "Open a WebSocket")
            .detail("reports on workitems are sent over a WebSocket")
            .header(header::UPGRADE, HeaderValue::from_static("websocket"))
    })?;
    // From here on nothing is missed, even before the connection stands.
    let reports = state.reports.subscribe();
    Ok(upgrade.max_message_size(MESSAGE_BYTES_MAX).on_upgrade(move |socket| async move {
        tokio::select! {
            () = state.closing.cancelled() => {}
            () = report_to(socket, reports, ae_title.as_str()) => {}
        }
    }))
}

/// Sends what the subscriber is to hear until either side ends, or it lags too far behind.
async fn report_to(mut socket: WebSocket, mut reports: broadcast::Receiver<Arc<WorkitemReport>>, ae_title: &str) {
    let mut alive = tokio::time::interval(Duration::from_secs(KEEP_ALIVE_SECONDS));
    let mut message_id = 0_u16;
    loop {
        let message = tokio::select! {
            heard = reports.recv() => match heard {
                Ok(report) if report.subscribers.iter().any(|one| one == ae_title) => {
                    message_id = message_id.wrapping_add(1);
                    Message::Text(message_of(&report, message_id).to_string().into())
                }
                Ok(_) => continue,
                Err(RecvError::Lagged(_) | RecvError::Closed) => return,
            },
            said = socket.recv() => match said {
                Some(Ok(Message::Close(_)) | Err(_)) | None => return,
                Some(Ok(_)) => continue,
            },
            _ = alive.tick() => Message::Ping(Vec::new().into()),
        };
        if socket.send(message).await.is_err() {
            return;
        }
    }
}

/// PS3.18 §11.13
fn message_of(report: &WorkitemReport, message_id: u16) -> Value {
    let mut message = report.information.to_json();
    message["00000002"] = json!({ "vr": "UI", "Value": [UPS_EVENT] });
    message["00000110"] = json!({ "vr": "US", "Value": [message_id] });
    message["00001000"] = json!({ "vr": "UI", "Value": [report.sop_instance_uid.as_str()] });
    message["00001002"] = json!({ "vr": "US", "Value": [report.event_type] });
    message
}

fn parse(caller: &Caller, origin: &str, (target, ae_title): &(String, String)) -> Result<(Target, AeTitle), Problem> {
    caller.may(Action::WorkitemRead, &Resource::workitem(target))?;
    let ae_title = AeTitle::parse(ae_title).map_err(Problem::bad_request)?;
    match target.as_str() {
        WORKLIST => Ok((Target::Worklist, ae_title)),
        FILTERED_WORKLIST => {
            let (name, value) = super::warning(origin, "Filtered Worklist Subscriptions are not supported.");
            Err(Problem::new(StatusCode::FORBIDDEN, "Subscribe to all workitems, or to one").header(name, value))
        }
        uid => Ok((Target::Workitem(Uid::parse(uid)?), ae_title)),
    }
}

/// What a subscriber to everything hears first of; what has ended changes no more.
async fn unfinished(state: &HttpState) -> Result<Vec<Workitem>, Problem> {
    let query = WorkitemQuery { keys: Vec::new(), limit: state.limits.page_rows_max, offset: 0 };
    let mut items = state.store.search_workitems(&query).await?;
    items.retain(|item| !item.state.is_final());
    Ok(items)
}

fn event(caller: &Caller, action: &'static str, (target, ae_title): &(String, String)) -> Event {
    let detail = json!({ "ae_title": ae_title });
    Event::new(&caller.actor.name, action, "workitem", target).detail(detail.to_string())
}

#[cfg(test)]
mod tests {
    use super::*;
    use lightbox_dicom::DataSet;

    #[test]
    fn a_report_is_as_the_standard_shows_it() {
        let report = WorkitemReport {
            sop_instance_uid: Uid::from_u128(7),
            event_type: 1,
            information: DataSet::default().with(0x0040_4041, "READY").with(0x0074_1000, "SCHEDULED"),
            subscribers: Vec::new(),
        };
        let expected = json!({
            "00000002": { "vr": "UI", "Value": ["1.2.840.10008.5.1.4.34.6.4"] },
            "00000110": { "vr": "US", "Value": [23] },
            "00001000": { "vr": "UI", "Value": ["2.25.7"] },
            "00001002": { "vr": "US", "Value": [1] },
            "00404041": { "vr": "CS", "Value": ["READY"] },
            "00741000": { "vr": "CS", "Value": ["SCHEDULED"] },
        });
        assert_eq!(message_of(&report, 23), expected);
    }
}

//! UPS-RS (PS3.18 §11): work that systems share. Here are creating and retrieving; what belongs to a state is in
//! `lightbox_domain::workitem`, what happens in `lightbox_pipeline::workitem`.

mod change;
mod payload;
mod search;
mod subscribers;

pub(super) use change::{change_state, request_cancel, update};
pub(super) use search::search;
pub(super) use subscribers::{listen, subscribe, suspend, unsubscribe};

use super::DICOM_JSON;
use super::accept::Accept;
use crate::HttpState;
use crate::auth::Caller;
use crate::extract::{Origin, Path, Query};
use crate::problem::Problem;
use axum::Json;
use axum::extract::State;
use axum::http::{HeaderName, HeaderValue, StatusCode, header};
use axum::response::{IntoResponse, Response};
use lightbox_dicom::DataSet;
use lightbox_domain::{Action, Uid, WorkitemRefusal};
use lightbox_identity::Resource;
use lightbox_pipeline::workitem::{WorkitemError, WorkitemReport, create};
use lightbox_store::{Workitem, new_id};
use payload::Payload;
use serde_json::Value;
use std::sync::Arc;

/// `AffectedSOPInstanceUID`, by which a payload may name what it creates.
const AFFECTED_SOP_INSTANCE_UID: u32 = 0x0000_1000;
const SOP_INSTANCE_UID: u32 = 0x0008_0018;

/// The parameters of an address; a UID may stand there without a name (`?1.2.3`, PS3.18 §11.4.1, §11.6.1).
type Pairs = Query<Vec<(String, String)>>;

/// `POST /workitems` (§11.4)
pub(super) async fn create_workitem(
    State(state): State<HttpState>,
    caller: Caller,
    Origin(origin): Origin,
    Query(pairs): Pairs,
    Payload(mut data_set): Payload,
) -> Result<Response, Problem> {
    caller.may_any(Action::WorkitemCreate)?;
    let named = uid_of(&pairs, &["workitem", "uid", "AffectedSOPInstanceUID"])?;
    let uid = new_uid(named, &mut data_set)?;
    let reports = create(&state.store, &uid, data_set, &caller.actor).await.map_err(|error| problem(&origin, error))?;
    tell(&state, reports);
    let url = HeaderValue::from_str(&url(&origin, &uid)).map_err(Problem::internal)?;
    Ok((StatusCode::CREATED, [(header::LOCATION, url.clone()), (header::CONTENT_LOCATION, url)]).into_response())
}

/// `GET /workitems/{workitem}` (§11.5)
pub(super) async fn retrieve(
    State(state): State<HttpState>,
    caller: Caller,
    accept: Accept,
    Path(workitem): Path<String>,
) -> Result<Response, Problem> {
    caller.may(Action::WorkitemRead, &Resource::workitem(&workitem))?;
    accepts_json(&accept)?;
    let item = state.store.workitem(&Uid::parse(&workitem)?).await?;
    Ok(answer(vec![json_of(&item)?]))
}

/// The UID of what is created: as the address says, else as the payload does, else a new one.
fn new_uid(named: Option<Uid>, data_set: &mut DataSet) -> Result<Uid, Problem> {
    let affected = data_set.text(AFFECTED_SOP_INSTANCE_UID).to_owned();
    data_set.remove(AFFECTED_SOP_INSTANCE_UID);
    let said = [affected.as_str(), data_set.text(SOP_INSTANCE_UID)].into_iter().filter(|uid| !uid.is_empty());
    let said: Vec<Uid> = said.map(Uid::parse).collect::<Result<_, _>>()?;
    let uid = named.or_else(|| said.first().cloned());
    let uid = uid.unwrap_or_else(|| Uid::from_u128(new_id().parse::<ulid::Ulid>().unwrap_or_default().0));
    match said.iter().all(|one| *one == uid) {
        true => Ok(uid),
        false => Err(Problem::bad_request("the address and the payload name different workitems")),
    }
}

/// The UID that stands in the address under one of these names, or without a name.
fn uid_of(pairs: &[(String, String)], names: &[&str]) -> Result<Option<Uid>, Problem> {
    let is_bare = |name: &str, value: &str| value.is_empty() && name.starts_with(|one: char| one.is_ascii_digit());
    let uid = pairs.iter().find_map(|(name, value)| match () {
        () if names.contains(&name.as_str()) => Some(value),
        () if is_bare(name, value) => Some(name),
        () => None,
    });
    Ok(uid.map(|uid| Uid::parse(uid)).transpose()?)
}

fn url(origin: &str, uid: &Uid) -> String {
    format!("{origin}/dicomweb/workitems/{uid}")
}

fn accepts_json(accept: &Accept) -> Result<(), Problem> {
    match accept.choose(&["application/dicom+json", "application/json"]) {
        Some(_) => Ok(()),
        None => Err(Problem::not_acceptable("workitems are given as application/dicom+json")),
    }
}

fn json_of(item: &Workitem) -> Result<Value, Problem> {
    serde_json::from_str(&item.data_set).map_err(Problem::internal)
}

fn answer(items: Vec<Value>) -> Response {
    let mut response = Json(items).into_response();
    response.headers_mut().insert(header::CONTENT_TYPE, DICOM_JSON);
    response
}

/// Tells whoever is connected; nobody may be.
fn tell(state: &HttpState, reports: Vec<WorkitemReport>) {
    for report in reports {
        let _ = state.reports.send(Arc::new(report));
    }
}

/// A header in which PS3.18 §11 says more than a status does.
fn warning(origin: &str, text: &str) -> (HeaderName, HeaderValue) {
    let value = HeaderValue::from_str(&format!("299 {origin}/dicomweb: {text}"));
    (header::WARNING, value.unwrap_or(HeaderValue::from_static("299 lightbox: see the answer")))
}

/// The warning of a request that the state does not allow.
const INCONSISTENT: &str = "The submitted request is inconsistent with the state of the UPS Instance.";

/// The status of Tables 11.4.3-1, 11.7.3-1 and 11.8.3-1, and the warning that goes with it.
fn problem(origin: &str, error: WorkitemError) -> Problem {
    let with = |problem: Problem, text: &str| {
        let (name, value) = warning(origin, text);
        problem.header(name, value)
    };
    let conflict = |error: &WorkitemError| Problem::new(StatusCode::CONFLICT, "This cannot be done now").detail(error);
    match error {
        WorkitemError::Store(error) => error.into(),
        WorkitemError::Faults(_) | WorkitemError::Other(_) => Problem::bad_request(error),
        WorkitemError::NotAtItsEnd { .. } => with(conflict(&error), INCONSISTENT),
        WorkitemError::Refused(refusal) => match refusal {
            WorkitemRefusal::TransactionUidMissing => {
                with(Problem::bad_request(&error), "The Transaction UID is missing.")
            }
            WorkitemRefusal::TransactionUidIncorrect => {
                with(Problem::bad_request(&error), "The Transaction UID is incorrect.")
            }
            WorkitemRefusal::NeverScheduledAgain => with(Problem::bad_request(&error), INCONSISTENT),
            WorkitemRefusal::NotClaimed => {
                with(conflict(&error), "The target URI did not reference a claimed Workitem.")
            }
            WorkitemRefusal::Final(_) | WorkitemRefusal::AlreadyInProgress => with(conflict(&error), INCONSISTENT),
            WorkitemRefusal::AlreadyCompleted => with(conflict(&error), "The UPS is already COMPLETED."),
            WorkitemRefusal::PerformerUnreachable => with(conflict(&error), "The performer cannot be contacted."),
        },
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_uid_may_stand_in_the_address_without_a_name() {
        let asked = |name: &str, value: &str| {
            uid_of(&[("accept".into(), "x".into()), (name.into(), value.into())], &["workitem"])
                .unwrap()
                .map(|uid| uid.to_string())
        };
        assert_eq!(asked("workitem", "1.2.3"), Some("1.2.3".to_owned()));
        assert_eq!(asked("1.2.3", ""), Some("1.2.3".to_owned()));
        assert_eq!(asked("other", "1.2.3"), None);
        assert!(uid_of(&[("workitem".into(), "x".into())], &["workitem"]).is_err());
    }

    #[test]
    fn what_is_created_is_named_once() {
        let data_set = || DataSet::default().with(SOP_INSTANCE_UID, "1.2.3");
        let uid = |text| Uid::parse(text).ok();
        assert_eq!(new_uid(None, &mut data_set()).ok(), uid("1.2.3"));
        assert_eq!(new_uid(uid("1.2.3"), &mut data_set()).ok(), uid("1.2.3"));
        assert!(new_uid(uid("1.2.4"), &mut data_set()).is_err());
        let made = new_uid(None, &mut DataSet::default()).unwrap();
        assert!(made.as_str().starts_with("2.25.") && made.as_str().len() > 30, "{made}");
    }
}

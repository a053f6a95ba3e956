//! Changing a workitem: its attributes (PS3.18 §11.6), its state (§11.7), and asking that it be canceled (§11.8).

use super::payload::Payload;
use super::{INCONSISTENT, Pairs, problem, tell, uid_of, warning};
use crate::HttpState;
use crate::auth::Caller;
use crate::extract::{Origin, Path, Query};
use crate::problem::Problem;
use axum::extract::State;
use axum::http::StatusCode;
use axum::response::{IntoResponse, Response};
use lightbox_domain::{Action, CancelAnswer, StateChange, Uid, WorkitemRefusal, WorkitemState};
use lightbox_identity::Resource;
use lightbox_pipeline::workitem::{self, WorkitemError};

const TRANSACTION_UID: u32 = 0x0008_1195;
const PROCEDURE_STEP_STATE: u32 = 0x0074_1000;

/// `POST /workitems/{workitem}?{transaction-uid}`. The Transaction UID may also stand in the payload, as in N-SET.
pub(in crate::dicomweb) async fn update(
    State(state): State<HttpState>,
    caller: Caller,
    Origin(origin): Origin,
    Path(workitem): Path<String>,
    Query(pairs): Pairs,
    Payload(mut changes): Payload,
) -> Result<Response, Problem> {
    caller.may(Action::WorkitemPerform, &Resource::workitem(&workitem))?;
    let uid = Uid::parse(&workitem)?;
    let in_address = uid_of(&pairs, &["transaction-uid", "transaction", "TransactionUID"])?;
    let in_payload = Some(changes.text(TRANSACTION_UID)).filter(|uid| !uid.is_empty()).map(Uid::parse).transpose()?;
    changes.remove(TRANSACTION_UID);
    let transaction = in_address.or(in_payload);
    let reports = workitem::update(&state.store, &uid, transaction.as_ref(), changes, &caller.actor).await;
    tell(&state, reports.map_err(|error| update_problem(&origin, error))?);
    Ok(StatusCode::OK.into_response())
}

/// Of what has ended, an update is a bad request (Table 11.6.3-1), but a change of state a conflict.
fn update_problem(origin: &str, error: WorkitemError) -> Problem {
    if !matches!(error, WorkitemError::Refused(WorkitemRefusal::Final(_))) {
        return problem(origin, error);
    }
    let (name, value) = warning(origin, INCONSISTENT);
    Problem::bad_request(error).header(name, value)
}

/// `PUT /workitems/{workitem}/state`
pub(in crate::dicomweb) async fn change_state(
    State(state): State<HttpState>,
    caller: Caller,
    Origin(origin): Origin,
    Path(workitem): Path<String>,
    Payload(action): Payload,
) -> Result<Response, Problem> {
    caller.may(Action::WorkitemPerform, &Resource::workitem(&workitem))?;
    let uid = Uid::parse(&workitem)?;
    let wanted = WorkitemState::parse(action.text(PROCEDURE_STEP_STATE));
    let wanted =
        wanted.ok_or_else(|| Problem::bad_request("ProcedureStepState must be IN PROGRESS, COMPLETED or CANCELED"))?;
    let transaction = Some(action.text(TRANSACTION_UID)).filter(|uid| !uid.is_empty()).map(Uid::parse).transpose()?;
    let changed = workitem::change_state(&state.store, &uid, transaction.as_ref(), wanted, &caller.actor).await;
    let (change, reports) = changed.map_err(|error| problem(&origin, error))?;
    tell(&state, reports);
    Ok(match change {
        StateChange::Becomes(_) => StatusCode::OK.into_response(),
        StateChange::Already(state) => {
            let text = format!("The UPS is already in the requested state of {}.", state.as_str());
            (StatusCode::OK, [warning(&origin, &text)]).into_response()
        }
    })
}

/// `POST /workitems/{workitem}/cancelrequest`
pub(in crate::dicomweb) async fn request_cancel(
    State(state): State<HttpState>,
    caller: Caller,
    Origin(origin): Origin,
    Path(workitem): Path<String>,
    Payload(request): Payload,
) -> Result<Response, Problem> {
    caller.may(Action::WorkitemCreate, &Resource::workitem(&workitem))?;
    let uid = Uid::parse(&workitem)?;
    let asked = workitem::request_cancel(&state.store, &uid, &request, &caller.actor).await;
    let (answer, reports) = asked.map_err(|error| problem(&origin, error))?;
    tell(&state, reports);
    Ok(match answer {
        CancelAnswer::Canceled | CancelAnswer::PerformerIsAsked => StatusCode::ACCEPTED.into_response(),
        CancelAnswer::Already => {
            let text = "The UPS is already in the requested state of CANCELED.";
            (StatusCode::ACCEPTED, [warning(&origin, text)]).into_response()
        }
    })
}

//! Signing in and out, and one's own password.

use crate::HttpState;
use crate::auth::{SESSION_COOKIE, SessionCaller};
use crate::extract::{Body, came_by_https};
use crate::problem::Problem;
use axum::Json;
use axum::extract::State;
use axum::http::request::Parts;
use axum::http::{HeaderName, StatusCode, header};
use lightbox_domain::{Action, Actor};
use lightbox_identity::{change_password as replace_password, permitted_actions, sign_in as open_session, sign_out};
use serde::{Deserialize, Serialize};
use utoipa::ToSchema;
use utoipa_axum::router::OpenApiRouter;
use utoipa_axum::routes;

pub(super) fn routes() -> OpenApiRouter<HttpState> {
    OpenApiRouter::default().routes(routes!(sign_in, get_session, end_session)).routes(routes!(change_password))
}

/// What somebody is here.
#[derive(Clone, Copy, Serialize, Deserialize, ToSchema)]
#[serde(rename_all = "snake_case")]
pub(super) enum Role {
    Admin,
    Radiologist,
    Clinician,
    Technologist,
    AiLead,
    Vendor,
    Researcher,
    Committee,
    Educator,
    Learner,
    Operations,
}

/// Who is signed in, and what this person may do.
#[derive(Serialize, ToSchema)]
pub(super) struct Session {
    name: String,
    role: Role,
    /// Until the one-time password is replaced, every other call is refused.
    password_change_required: bool,
    /// Such as `study.read`.
    actions: Vec<&'static str>,
}

/// Name and password of a local account.
#[derive(Deserialize, ToSchema)]
struct SignIn {
    name: String,
    password: String,
}

/// The password that replaces the present one; 12 characters at least.
#[derive(Deserialize, ToSchema)]
struct NewPassword {
    new_password: String,
    /// The present password; not needed while it is a one-time password.
    current_password: Option<String>,
}

type WithCookie = ([(HeaderName, String); 1], Json<Session>);

/// Sign in
#[utoipa::path(post, path = "/api/v1/session", tag = "session", request_body = SignIn,
    responses((status = 200, description = "Signed in; the session is in a cookie", body = Session)))]
async fn sign_in(State(state): State<HttpState>, parts: Parts, body: Body<SignIn>) -> Result<WithCookie, Problem> {
    let Body(SignIn { name, password }) = body;
    let signed_in = open_session(&state.store, &state.throttle, &state.limits, &name, &password).await?;
    let secure = if came_by_https(&parts) { "; Secure" } else { "" };
    let seconds = state.limits.session_seconds_max;
    let cookie =
        format!("{SESSION_COOKIE}={}; Path=/; HttpOnly; SameSite=Strict; Max-Age={seconds}{secure}", signed_in.secret);
    let session = Session::of(&signed_in.identity.actor, signed_in.identity.password_change_required);
    Ok(([(header::SET_COOKIE, cookie)], Json(session)))
}

/// Who is signed in
#[utoipa::path(get, path = "/api/v1/session", tag = "session",
    responses((status = 200, description = "Who is signed in", body = Session)))]
async fn get_session(caller: SessionCaller) -> Json<Session> {
    Json(Session::of(&caller.actor, caller.password_change_required))
}

/// Sign out
#[utoipa::path(delete, path = "/api/v1/session", tag = "session", operation_id = "sign_out",
    responses((status = 204, description = "Signed out")))]
async fn end_session(
    State(state): State<HttpState>,
    caller: SessionCaller,
) -> Result<(StatusCode, [(HeaderName, String); 1]), Problem> {
    let session = caller.session.ok_or_else(token_has_no_session)?;
    sign_out(&state.store, &session, &caller.actor).await?;
    let cookie = format!("{SESSION_COOKIE}=; Path=/; HttpOnly; SameSite=Strict; Max-Age=0");
    Ok((StatusCode::NO_CONTENT, [(header::SET_COOKIE, cookie)]))
}

/// Change one's password
#[utoipa::path(post, path = "/api/v1/session/password", tag = "session", request_body = NewPassword,
    responses((status = 200, description = "Changed; other sessions are ended", body = Session)))]
async fn change_password(
    State(state): State<HttpState>,
    caller: SessionCaller,
    Body(body): Body<NewPassword>,
) -> Result<Json<Session>, Problem> {
    let session = caller.session.ok_or_else(token_has_no_session)?;
    let present = body.current_password.as_deref();
    let identity = replace_password(&state.store, &session, present, &body.new_password).await?;
    Ok(Json(Session::of(&identity.actor, identity.password_change_required)))
}

fn token_has_no_session() -> Problem {
    Problem::bad_request("a token has no session; this is for whoever signed in with a password")
}

impl Session {
    fn of(actor: &Actor, password_change_required: bool) -> Self {
        Self {
            name: actor.name.clone(),
            role: actor.role.into(),
            password_change_required,
            actions: action_names(actor),
        }
    }
}

/// What the actor may do, and by which doors: the page shows a control only if its name is among these.
fn action_names(actor: &Actor) -> Vec<&'static str> {
    let mut names = Vec::new();
    for action in permitted_actions(actor.role) {
        names.push(action.as_str());
        names.extend(match action {
            Action::StudyRead => Some("dicomweb.read"),
            Action::StudyWrite => Some("dicomweb.write"),
            Action::PeerWrite => Some("peer.admit"),
            _ => None,
        });
    }
    names
}

macro_rules! same_names {
    ($($name:ident)*) => {
        impl From<lightbox_domain::Role> for Role {
            fn from(role: lightbox_domain::Role) -> Self {
                match role { $(lightbox_domain::Role::$name => Self::$name,)* }
            }
        }

        impl From<Role> for lightbox_domain::Role {
            fn from(role: Role) -> Self {
                match role { $(Role::$name => Self::$name,)* }
            }
        }
    };
}

same_names!(Admin Radiologist Clinician Technologist AiLead Vendor Researcher Committee Educator Learner Operations);

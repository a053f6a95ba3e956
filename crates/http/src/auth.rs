//! Who asks: a session's cookie or a bearer token, before anything else is looked at.

use crate::HttpState;
use crate::problem::{PASSWORD_CHANGE_REQUIRED, Problem};
use axum::extract::FromRequestParts;
use axum::http::request::Parts;
use axum::http::{HeaderMap, Method, StatusCode, header};
use lightbox_domain::{Action, Actor, Viewer};
use lightbox_identity::{Credential, Resource, authenticate, decide, permitted_actions};

/// The cookie of a session.
pub(crate) const SESSION_COOKIE: &str = "lightbox_session";

/// What our own page sends with every request, and another site's page cannot (CSRF guard).
const GUARD_HEADER: &str = "x-lightbox";

/// Whoever is signed in, or presents a token, and may act.
pub(crate) struct Caller {
    /// The account or token.
    pub(crate) actor: Actor,
}

/// Whoever is signed in, even with a one-time password that must be replaced first. Only for the session itself.
pub(crate) struct SessionCaller {
    /// The account or token.
    pub(crate) actor: Actor,
    /// Whether the one-time password must be replaced.
    pub(crate) password_change_required: bool,
    /// The session's secret; `None` for a token.
    pub(crate) session: Option<String>,
}

impl Caller {
    /// Asks the one decision.
    ///
    /// # Errors
    /// 403, with the roles that would do.
    pub(crate) fn may(&self, action: Action, resource: &Resource) -> Result<(), Problem> {
        match decide(&self.actor, action, resource).allow {
            true => Ok(()),
            false => Err(Problem::forbidden(action)),
        }
    }

    /// May the caller do this to any of its kind?
    ///
    /// # Errors
    /// 403, with the roles that would do.
    pub(crate) fn may_any(&self, action: Action) -> Result<(), Problem> {
        self.may(action, &Resource::all(action))
    }

    /// Who looks, for `visible`.
    pub(crate) fn viewer(&self) -> Viewer<'static> {
        Viewer::Permitted(permitted_actions(self.actor.role))
    }
}

impl FromRequestParts<HttpState> for Caller {
    type Rejection = Problem;

    async fn from_request_parts(parts: &mut Parts, state: &HttpState) -> Result<Self, Problem> {
        let caller = SessionCaller::from_request_parts(parts, state).await?;
        if caller.password_change_required {
            return Err(Problem::new(StatusCode::FORBIDDEN, "Choose a password first")
                .kind(PASSWORD_CHANGE_REQUIRED)
                .detail("you signed in with a one-time password; replace it at /api/v1/session/password"));
        }
        Ok(Self { actor: caller.actor })
    }
}

impl FromRequestParts<HttpState> for SessionCaller {
    type Rejection = Problem;

    async fn from_request_parts(parts: &mut Parts, state: &HttpState) -> Result<Self, Problem> {
        let headers = &parts.headers;
        let (credential, session) = match (bearer(headers), session_cookie(headers)) {
            (Some(token), _) => (Credential::Token(token), None),
            (None, Some(secret)) => (Credential::Session(secret), Some(secret.to_owned())),
            (None, None) => return Err(Problem::unauthorized()),
        };
        let identity = authenticate(&state.store, credential).await?.ok_or_else(Problem::unauthorized)?;
        if session.is_some() {
            check_guard(parts)?;
        }
        let password_change_required = identity.password_change_required;
        Ok(Self { actor: identity.actor, password_change_required, session })
    }
}

/// What changes something by cookie must carry the guard header.
fn check_guard(parts: &Parts) -> Result<(), Problem> {
    let changes = ![Method::GET, Method::HEAD, Method::OPTIONS].contains(&parts.method);
    let guarded = parts.headers.get(GUARD_HEADER).is_some_and(|value| value == "1");
    if changes && !guarded {
        return Err(Problem::new(StatusCode::FORBIDDEN, "The guard header is missing")
            .kind("urn:lightbox:guard-header-missing")
            .detail("a request that changes something by cookie needs the header X-Lightbox: 1"));
    }
    Ok(())
}

fn bearer(headers: &HeaderMap) -> Option<&str> {
    let value = headers.get(header::AUTHORIZATION)?.to_str().ok()?;
    let (scheme, token) = value.split_once(' ')?;
    scheme.eq_ignore_ascii_case("bearer").then(|| token.trim())
}

fn session_cookie(headers: &HeaderMap) -> Option<&str> {
    let cookies = headers.get_all(header::COOKIE).iter().filter_map(|value| value.to_str().ok());
    let mut pairs = cookies.flat_map(|value| value.split(';')).filter_map(|pair| pair.trim().split_once('='));
    pairs.find(|(name, _)| *name == SESSION_COOKIE).map(|(_, secret)| secret)
}

//! Errors as problem documents (RFC 9457): what, why, and an identifier that also stands in the log line.

use axum::Json;
use axum::http::{HeaderName, HeaderValue, StatusCode, header};
use axum::response::{IntoResponse, Response};
use lightbox_dicom::{InspectError, PixelError};
use lightbox_domain::{Action, UidError};
use lightbox_identity::{IdentityError, roles_permitted};
use lightbox_pipeline::PipelineError;
use lightbox_store::StoreError;
use serde::Serialize;
use std::any::Any;
use std::fmt::Display;
use ulid::Ulid;

/// The type of the problem that a one-time password must be replaced first.
pub(crate) const PASSWORD_CHANGE_REQUIRED: &str = "urn:lightbox:password-change-required";

/// An error after RFC 9457.
#[derive(Serialize, utoipa::ToSchema)]
#[schema(as = ProblemDetails)]
pub(crate) struct ProblemDetails {
    /// `about:blank`, or a URN of Lightbox that programs can tell apart.
    #[serde(rename = "type")]
    kind: &'static str,
    /// What happened.
    title: String,
    /// The HTTP status.
    status: u16,
    /// Why, and what to do.
    #[serde(skip_serializing_if = "Option::is_none")]
    detail: Option<String>,
    /// To be quoted to whoever runs the server: the log line carries it too.
    id: String,
}

/// What went wrong with a request.
#[derive(Debug)]
pub(crate) struct Problem {
    kind: &'static str,
    title: String,
    status: StatusCode,
    detail: Option<String>,
    id: String,
    headers: Vec<(HeaderName, HeaderValue)>,
}

/// A problem's identifier, left in the response for the log line.
#[derive(Clone)]
pub(crate) struct ProblemId(pub(crate) String);

impl Problem {
    pub(crate) fn new(status: StatusCode, title: impl Into<String>) -> Self {
        let id = Ulid::generate().to_string();
        Self { kind: "about:blank", title: title.into(), status, detail: None, id, headers: Vec::new() }
    }

    pub(crate) fn detail(mut self, detail: impl Display) -> Self {
        self.detail = Some(detail.to_string());
        self
    }

    pub(crate) fn kind(mut self, kind: &'static str) -> Self {
        self.kind = kind;
        self
    }

    /// Whether signing in, or choosing a password after it, is what to do.
    pub(crate) fn is_mended_by_sign_in(&self) -> bool {
        self.status == StatusCode::UNAUTHORIZED || self.kind == PASSWORD_CHANGE_REQUIRED
    }

    /// The same with a header more.
    pub(crate) fn header(mut self, name: HeaderName, value: impl Into<HeaderValue>) -> Self {
        self.headers.push((name, value.into()));
        self
    }

    /// 400: the request cannot be understood.
    pub(crate) fn bad_request(detail: impl Display) -> Self {
        Self::new(StatusCode::BAD_REQUEST, "The request cannot be understood").detail(detail)
    }

    /// 422: the request is understood, but its values do not fit.
    pub(crate) fn unfit(detail: impl Display) -> Self {
        Self::new(StatusCode::UNPROCESSABLE_ENTITY, "The request does not fit").detail(detail)
    }

    /// 404: there is no such object, or none that the caller may see.
    pub(crate) fn not_found(kind: &str) -> Self {
        Self::new(StatusCode::NOT_FOUND, format!("There is no such {kind}"))
    }

    /// 406: what the client accepts cannot be given.
    pub(crate) fn not_acceptable(detail: impl Display) -> Self {
        Self::new(StatusCode::NOT_ACCEPTABLE, "Nothing that the client accepts can be given").detail(detail)
    }

    /// 401: nobody is signed in.
    pub(crate) fn unauthorized() -> Self {
        Self::new(StatusCode::UNAUTHORIZED, "Sign in first")
            .detail("there is no valid session or token in this request")
            .header(header::WWW_AUTHENTICATE, HeaderValue::from_static("Bearer"))
    }

    /// 403: the role does not permit the action.
    pub(crate) fn forbidden(action: Action) -> Self {
        let roles: Vec<&str> = roles_permitted(action).into_iter().map(|role| role.as_str()).collect();
        Self::new(StatusCode::FORBIDDEN, "Your role does not permit this")
            .detail(format!("{action} needs one of these roles: {}", roles.join(", ")))
    }

    /// 500: the cause goes to the log, with the problem's identifier.
    pub(crate) fn internal(cause: impl Display) -> Self {
        let problem = Self::new(StatusCode::INTERNAL_SERVER_ERROR, "Something went wrong in the server")
            .detail("the log has the cause under this problem's id");
        tracing::error!(problem.id = %problem.id, %cause, "could not answer a request");
        problem
    }
}

impl IntoResponse for Problem {
    fn into_response(self) -> Response {
        let body = ProblemDetails {
            kind: self.kind,
            title: self.title,
            status: self.status.as_u16(),
            detail: self.detail,
            id: self.id.clone(),
        };
        let mut response = (self.status, Json(body)).into_response();
        let json = HeaderValue::from_static("application/problem+json");
        response.headers_mut().insert(header::CONTENT_TYPE, json);
        response.headers_mut().extend(self.headers);
        response.extensions_mut().insert(ProblemId(self.id));
        response
    }
}

/// The answer when a handler panicked.
pub(crate) fn of_panic(panic: Box<dyn Any + Send + 'static>) -> Response {
    let text = panic.downcast_ref::<String>().map(String::as_str);
    let text = text.or_else(|| panic.downcast_ref::<&str>().copied()).unwrap_or("no message");
    Problem::internal(format!("a handler panicked: {text}")).into_response()
}

impl From<StoreError> for Problem {
    fn from(error: StoreError) -> Self {
        match error {
            StoreError::Missing { kind, .. } => Self::not_found(kind),
            StoreError::Exists { .. } => Self::new(StatusCode::CONFLICT, "It exists already").detail(error),
            StoreError::Transition { .. } => Self::new(StatusCode::CONFLICT, "This cannot be done now").detail(error),
            other => Self::internal(other),
        }
    }
}

impl From<PipelineError> for Problem {
    fn from(error: PipelineError) -> Self {
        match error {
            PipelineError::Refused(why) => Self::new(StatusCode::CONFLICT, "This cannot be done").detail(why),
            PipelineError::Store(error) => error.into(),
            other => Self::internal(other),
        }
    }
}

impl From<IdentityError> for Problem {
    fn from(error: IdentityError) -> Self {
        match error {
            IdentityError::WrongCredentials => Self::new(StatusCode::UNAUTHORIZED, "Name or password is wrong"),
            IdentityError::Throttled { retry_seconds } => {
                Self::new(StatusCode::TOO_MANY_REQUESTS, "Too many failed sign-ins")
                    .detail(format!("try again in {retry_seconds} s"))
                    .header(header::RETRY_AFTER, retry_seconds)
            }
            IdentityError::Refused(why) => Self::unfit(why),
            IdentityError::Store(error) => error.into(),
            error @ IdentityError::Hash(_) => Self::internal(error),
        }
    }
}

impl From<PixelError> for Problem {
    fn from(error: PixelError) -> Self {
        match error {
            PixelError::NoPixels | PixelError::NoSuchFrame { .. } => Self::not_found("image or frame").detail(error),
            PixelError::Object(error) => error.into(),
            PixelError::TooLarge { .. } | PixelError::Unsupported(_) | PixelError::Malformed(_) => {
                Self::not_acceptable(error)
            }
        }
    }
}

impl From<InspectError> for Problem {
    /// A stored file passed inspection when it arrived, so that this is the server's fault, unless it was corrected since.
    fn from(error: InspectError) -> Self {
        match error {
            InspectError::Uncorrectable(_) => Self::new(StatusCode::CONFLICT, "This cannot be done").detail(error),
            error => Self::internal(format!("a stored instance cannot be read: {error}")),
        }
    }
}

impl From<UidError> for Problem {
    fn from(error: UidError) -> Self {
        Self::bad_request(error)
    }
}

impl From<tokio::task::JoinError> for Problem {
    fn from(error: tokio::task::JoinError) -> Self {
        Self::internal(error)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[tokio::test]
    async fn a_panic_is_a_problem_that_does_not_say_what_the_panic_said() {
        let response = of_panic(Box::new("the patient's name is no text".to_owned()));
        assert_eq!(response.status(), StatusCode::INTERNAL_SERVER_ERROR);
        let body = axum::body::to_bytes(response.into_body(), 10_000).await.unwrap();
        let problem: serde_json::Value = serde_json::from_slice(&body).unwrap();
        assert_eq!(problem["title"], "Something went wrong in the server");
        assert!(!problem.to_string().contains("patient"));
    }
}

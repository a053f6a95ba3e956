//! Accounts of people.

use super::session::Role;
use super::text::time;
use crate::HttpState;
use crate::auth::Caller;
use crate::extract::{Body, Path};
use crate::problem::Problem;
use axum::Json;
use axum::extract::State;
use axum::http::StatusCode;
use lightbox_domain::Action;
use lightbox_identity::{Resource, create_account, remove_account as delete_account};
use serde::{Deserialize, Serialize};
use utoipa::ToSchema;
use utoipa_axum::router::OpenApiRouter;
use utoipa_axum::routes;

pub(super) fn routes() -> OpenApiRouter<HttpState> {
    OpenApiRouter::default().routes(routes!(list_accounts, add_account)).routes(routes!(remove_account))
}

/// A local account.
#[derive(Serialize, ToSchema)]
struct Account {
    name: String,
    role: Role,
    #[schema(format = DateTime)]
    created_at: String,
}

/// A local account to create; the password has 12 characters at least.
#[derive(Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
struct NewAccount {
    name: String,
    role: Role,
    password: String,
}

/// List accounts
#[utoipa::path(get, path = "/api/v1/accounts", tag = "accounts",
    responses((status = 200, description = "All accounts by name", body = Vec<Account>)))]
async fn list_accounts(State(state): State<HttpState>, caller: Caller) -> Result<Json<Vec<Account>>, Problem> {
    caller.may_any(Action::AccountRead)?;
    Ok(Json(state.store.accounts().await?.into_iter().map(Account::of).collect()))
}

/// Create an account
#[utoipa::path(post, path = "/api/v1/accounts", tag = "accounts", request_body = NewAccount,
    responses((status = 201, description = "Created", body = Account)))]
async fn add_account(
    State(state): State<HttpState>,
    caller: Caller,
    Body(new): Body<NewAccount>,
) -> Result<(StatusCode, Json<Account>), Problem> {
    caller.may(Action::AccountWrite, &Resource::account(&new.name))?;
    let account = create_account(&state.store, &new.name, new.role.into(), &new.password, &caller.actor).await?;
    Ok((StatusCode::CREATED, Json(Account::of(account))))
}

/// Remove an account and end its sessions
#[utoipa::path(delete, path = "/api/v1/accounts/{name}", tag = "accounts", params(("name" = String, Path)),
    responses((status = 204, description = "Removed")))]
async fn remove_account(
    State(state): State<HttpState>,
    caller: Caller,
    Path(name): Path<String>,
) -> Result<StatusCode, Problem> {
    caller.may(Action::AccountWrite, &Resource::account(&name))?;
    delete_account(&state.store, &name, &caller.actor).await?;
    Ok(StatusCode::NO_CONTENT)
}

impl Account {
    fn of(account: lightbox_store::Account) -> Self {
        Self { name: account.name, role: account.role.into(), created_at: time(account.created_ms) }
    }
}

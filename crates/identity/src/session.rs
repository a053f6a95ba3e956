//! Signing in and out, and who presents a session or a token.

use crate::{IdentityError, Throttle, create_one_time, password, reset_password, secret};
use lightbox_domain::{Actor, Event, Limits, Role};
use lightbox_store::{Account, Store, StoreError, now_ms};
use std::time::Instant;

/// The account that is made at the first start.
const FIRST_ADMIN: &str = "admin";

/// What somebody presents.
#[derive(Clone, Copy)]
pub enum Credential<'a> {
    /// A session's secret, from a browser's cookie.
    Session(&'a str),
    /// A token's secret, from an `Authorization: Bearer` header.
    Token(&'a str),
}

/// Who presents a valid session or token.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Identity {
    /// The account, or `token:NAME`.
    pub actor: Actor,
    /// Whether the one-time password must be replaced before anything else.
    pub password_change_required: bool,
}

/// A new session.
pub struct SignedIn {
    /// Its secret, for the cookie.
    pub secret: String,
    /// Whose it is.
    pub identity: Identity,
}

/// The one-time password of the first administrator.
#[derive(Clone, PartialEq, Eq)]
pub struct OneTime {
    /// The account's name.
    pub name: String,
    /// Its password until the first sign-in.
    pub password: String,
}

/// Opens a session for whoever knows an account's password. Failures are logged, and slowed down by name.
///
/// # Errors
/// [`IdentityError::WrongCredentials`] or [`IdentityError::Throttled`]; else when the store refuses.
pub async fn sign_in(
    store: &Store,
    throttle: &Throttle,
    limits: &Limits,
    name: &str,
    password: &str,
) -> Result<SignedIn, IdentityError> {
    let permit = throttle.checks.acquire().await;
    if let Some(retry_seconds) = throttle.wait_seconds(name, Instant::now()) {
        return Err(IdentityError::Throttled { retry_seconds });
    }
    let account = store.account(name).await?;
    let hash = account.as_ref().map(|account| account.password_hash.as_str());
    let short_enough = password.len() <= password::PASSWORD_BYTES_MAX;
    let right = short_enough && password::verify(password, hash).await?;
    drop(permit);
    let known = account.is_some();
    match account.filter(|_| right) {
        Some(account) => {
            throttle.succeeded(name);
            open_session(store, limits, account).await
        }
        None => {
            throttle.failed(name, Instant::now());
            log_refusal(store, known.then_some(name)).await?;
            Err(IdentityError::WrongCredentials)
        }
    }
}

/// Ends a session.
///
/// # Errors
/// When the store refuses.
pub async fn sign_out(store: &Store, session: &str, actor: &Actor) -> Result<(), IdentityError> {
    let mut write = store.write().await?;
    write.delete_session(&secret::sha256(session)).await?;
    write.append_event(Event::new(&actor.name, "session.ended", "account", &actor.name)).await?;
    Ok(write.commit().await?)
}

/// Who presents this; `None` when the session is over or unknown, or the token is.
///
/// # Errors
/// When the store refuses.
pub async fn authenticate(store: &Store, credential: Credential<'_>) -> Result<Option<Identity>, IdentityError> {
    Ok(match credential {
        Credential::Session(session) => {
            store.session_account(&secret::sha256(session)).await?.as_ref().map(Identity::of_account)
        }
        Credential::Token(token) => store.token_actor(&secret::sha256(token)).await?.map(|actor| Identity {
            actor: Actor { name: format!("token:{}", actor.name), role: actor.role },
            password_change_required: false,
        }),
    })
}

/// Replaces the password of a session's account; its other sessions end. The old password must be given unless it is a
/// one-time password.
///
/// # Errors
/// [`IdentityError::Refused`] when the new password may not be used, [`IdentityError::WrongCredentials`] when the old
/// one is wrong.
pub async fn change_password(
    store: &Store,
    session: &str,
    old_password: Option<&str>,
    new_password: &str,
) -> Result<Identity, IdentityError> {
    let session_sha256 = secret::sha256(session);
    let account = store.session_account(&session_sha256).await?.ok_or(IdentityError::WrongCredentials)?;
    if !account.one_time && !password::verify(old_password.unwrap_or_default(), Some(&account.password_hash)).await? {
        return Err(IdentityError::WrongCredentials);
    }
    password::check_new_password(new_password)?;
    if password::verify(new_password, Some(&account.password_hash)).await? {
        return Err(IdentityError::Refused("choose another password than the present one".to_owned()));
    }
    let hash = password::hash(new_password).await?;
    let mut write = store.write().await?;
    write.set_password(&account.name, &hash, false, &session_sha256).await?;
    write.append_event(Event::new(&account.name, "password.changed", "account", &account.name)).await?;
    write.commit().await?;
    Ok(Identity::of_account(&Account { one_time: false, ..account }))
}

/// While nobody has chosen a password, gives the account `admin` a new one-time password, and returns it to be shown.
///
/// # Errors
/// When the store refuses.
pub async fn ensure_first_admin(store: &Store) -> Result<Option<OneTime>, IdentityError> {
    let accounts = store.accounts().await?;
    if accounts.iter().any(|account| !account.one_time) {
        return Ok(None);
    }
    let lightbox = Actor::system("lightbox");
    let one_time = match accounts.iter().any(|account| account.name == FIRST_ADMIN) {
        true => reset_password(store, FIRST_ADMIN, &lightbox).await?,
        false => create_one_time(store, FIRST_ADMIN, Role::Admin, &lightbox).await?,
    };
    Ok(Some(one_time))
}

async fn open_session(store: &Store, limits: &Limits, account: Account) -> Result<SignedIn, IdentityError> {
    let secret = secret::generate();
    let expires_ms = now_ms() + limits.session_seconds_max * 1_000;
    let mut write = store.write().await?;
    write.insert_session(&secret::sha256(&secret), &account.name, expires_ms).await?;
    write.append_event(Event::new(&account.name, "session.created", "account", &account.name)).await?;
    write.commit().await?;
    Ok(SignedIn { secret, identity: Identity::of_account(&account) })
}

/// Logs a failed sign-in. A name without an account is not repeated: it may be a password in the wrong field.
async fn log_refusal(store: &Store, name: Option<&str>) -> Result<(), StoreError> {
    let mut write = store.write().await?;
    let refusal = Event::new("anonymous", "session.refused", "account", name.unwrap_or("unknown"))
        .outcome("name or password is wrong");
    write.append_event(refusal).await?;
    write.commit().await
}

impl Identity {
    fn of_account(account: &Account) -> Self {
        Self {
            actor: Actor { name: account.name.clone(), role: account.role },
            password_change_required: account.one_time,
        }
    }
}

impl std::fmt::Debug for OneTime {
    /// The password never reaches a log line.
    fn fmt(&self, formatter: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(formatter, "OneTime({})", self.name)
    }
}

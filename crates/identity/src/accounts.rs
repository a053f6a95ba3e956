//! Making and removing accounts of people.

use crate::{IdentityError, OneTime, password};
use lightbox_domain::{Actor, Event, Role};
use lightbox_store::{Account, Store, StoreError, now_ms};

/// The longest account or token name, in characters.
pub const ACCOUNT_NAME_CHARACTERS_MAX: usize = 64;

/// Makes an account with a password that somebody chose.
///
/// # Errors
/// [`IdentityError::Refused`] when name or password may not be used, [`StoreError::Exists`] when the name is taken.
pub async fn create_account(
    store: &Store,
    name: &str,
    role: Role,
    password: &str,
    actor: &Actor,
) -> Result<Account, IdentityError> {
    check_name(name)?;
    password::check_new_password(password)?;
    let password_hash = password::hash(password).await?;
    let account = Account { name: name.to_owned(), role, password_hash, one_time: false, created_ms: now_ms() };
    insert_account(store, &account, &actor.name).await?;
    Ok(account)
}

/// Makes an account with a one-time password, which is to be replaced at the first sign-in.
///
/// # Errors
/// As [`create_account`].
pub async fn create_one_time(store: &Store, name: &str, role: Role, actor: &Actor) -> Result<OneTime, IdentityError> {
    check_name(name)?;
    let one_time = OneTime { name: name.to_owned(), password: password::readable() };
    let password_hash = password::hash(&one_time.password).await?;
    let account = Account { name: name.to_owned(), role, password_hash, one_time: true, created_ms: now_ms() };
    insert_account(store, &account, &actor.name).await?;
    Ok(one_time)
}

/// Gives an account a new one-time password and ends its sessions.
///
/// # Errors
/// [`StoreError::Missing`] when there is no such account.
pub async fn reset_password(store: &Store, name: &str, actor: &Actor) -> Result<OneTime, IdentityError> {
    if store.account(name).await?.is_none() {
        return Err(missing(name));
    }
    let one_time = OneTime { name: name.to_owned(), password: password::readable() };
    let password_hash = password::hash(&one_time.password).await?;
    let mut write = store.write().await?;
    write.set_password(name, &password_hash, true, "").await?;
    write.append_event(Event::new(&actor.name, "password.reset", "account", name)).await?;
    write.commit().await?;
    Ok(one_time)
}

/// Removes an account and its sessions.
///
/// # Errors
/// [`IdentityError::Refused`] when it is the actor's own, [`StoreError::Missing`] when there is none.
pub async fn remove_account(store: &Store, name: &str, actor: &Actor) -> Result<(), IdentityError> {
    if name == actor.name {
        return Err(IdentityError::Refused("you cannot remove your own account; ask another administrator".to_owned()));
    }
    let mut write = store.write().await?;
    if !write.delete_account(name).await? {
        return Err(missing(name));
    }
    write.append_event(Event::new(&actor.name, "account.removed", "account", name)).await?;
    Ok(write.commit().await?)
}

fn missing(name: &str) -> IdentityError {
    StoreError::Missing { kind: "account", id: name.to_owned() }.into()
}

pub(crate) async fn insert_account(store: &Store, account: &Account, actor: &str) -> Result<(), StoreError> {
    let mut write = store.write().await?;
    write.insert_account(account).await?;
    let role = format!("{{\"role\":\"{}\"}}", account.role);
    write.append_event(Event::new(actor, "account.created", "account", &account.name).detail(role)).await?;
    write.commit().await
}

/// Checks that a name can stand in a log line, a URL and a file.
pub(crate) fn check_name(name: &str) -> Result<(), IdentityError> {
    let plain = |character: char| character.is_ascii_alphanumeric() || ".-_@".contains(character);
    if (1..=ACCOUNT_NAME_CHARACTERS_MAX).contains(&name.len()) && name.chars().all(plain) {
        return Ok(());
    }
    Err(IdentityError::Refused(format!(
        "a name has 1 to {ACCOUNT_NAME_CHARACTERS_MAX} letters, digits, dots, dashes, underscores or @"
    )))
}

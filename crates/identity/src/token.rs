//! Tokens of programs.

use crate::accounts::check_name;
use crate::{IdentityError, secret};
use lightbox_domain::{Actor, Event, Role};
use lightbox_store::{Store, StoreError};

/// How every token begins, so that one that leaked is recognised.
pub const TOKEN_PREFIX: &str = "lbx_";

/// Makes a token and gives it; it cannot be had again.
///
/// # Errors
/// [`IdentityError::Refused`] when the name may not be used, [`StoreError::Exists`] when it is taken.
pub async fn create_token(store: &Store, name: &str, role: Role, actor: &Actor) -> Result<String, IdentityError> {
    check_name(name)?;
    let token = format!("{TOKEN_PREFIX}{}", secret::generate());
    let mut write = store.write().await?;
    write.insert_token(name, role, &secret::sha256(&token)).await?;
    let detail = format!("{{\"role\":\"{role}\"}}");
    write.append_event(Event::new(&actor.name, "token.created", "token", name).detail(detail)).await?;
    write.commit().await?;
    Ok(token)
}

/// Removes a token; whoever presents it is from now on refused.
///
/// # Errors
/// [`StoreError::Missing`] when there is none of this name.
pub async fn revoke_token(store: &Store, name: &str, actor: &Actor) -> Result<(), IdentityError> {
    let mut write = store.write().await?;
    if !write.delete_token(name).await? {
        return Err(StoreError::Missing { kind: "token", id: name.to_owned() }.into());
    }
    write.append_event(Event::new(&actor.name, "token.revoked", "token", name)).await?;
    Ok(write.commit().await?)
}

//! Tokens of programs.

use crate::{log, store};
use lightbox_domain::{Actor, Role};
use lightbox_identity::{Credential, IdentityError, authenticate, create_token, revoke_token};
use lightbox_store::StoreError;

#[tokio::test]
async fn a_token_is_valid_until_it_is_revoked() {
    let (_folder, store) = store().await;
    let cli = Actor::system("lightbox");
    let token = create_token(&store, "ci", Role::Technologist, &cli).await.unwrap();
    assert!(token.starts_with("lbx_") && token.len() == 4 + 43);
    let twice = create_token(&store, "ci", Role::Admin, &cli).await;
    assert!(matches!(twice, Err(IdentityError::Store(StoreError::Exists { .. }))));

    let who = authenticate(&store, Credential::Token(&token)).await.unwrap().unwrap();
    assert_eq!((who.actor.name.as_str(), who.actor.role), ("token:ci", Role::Technologist));
    assert_eq!(authenticate(&store, Credential::Token("lbx_guess")).await.unwrap(), None);

    revoke_token(&store, "ci", &cli).await.unwrap();
    assert_eq!(authenticate(&store, Credential::Token(&token)).await.unwrap(), None);
    assert_eq!(log(&store).await, ["lightbox token.created ci ok", "lightbox token.revoked ci ok"]);
}

//! Accounts of people: the first one, those that others make, and their end.

use crate::{log, store};
use lightbox_domain::{Actor, Limits, Role};
use lightbox_identity::{
    IdentityError, Throttle, create_account, create_one_time, ensure_first_admin, remove_account, reset_password,
    sign_in,
};
use lightbox_store::StoreError;

#[tokio::test]
async fn the_first_admin_gets_a_new_one_time_password_at_each_start_until_somebody_has_chosen_one() {
    let (_folder, store) = store().await;
    let first = ensure_first_admin(&store).await.unwrap().unwrap();
    let second = ensure_first_admin(&store).await.unwrap().unwrap();
    assert_eq!(first.name, "admin");
    assert_ne!(first.password, second.password);

    let (throttle, limits) = (Throttle::default(), Limits::default());
    let old = sign_in(&store, &throttle, &limits, "admin", &first.password).await;
    assert!(matches!(old, Err(IdentityError::WrongCredentials)));
    let new = sign_in(&store, &throttle, &limits, "admin", &second.password).await.unwrap();
    assert!(new.identity.password_change_required);

    create_account(&store, "ann", Role::Radiologist, "a password of ann", &new.identity.actor).await.unwrap();
    assert_eq!(ensure_first_admin(&store).await.unwrap(), None);
}

#[tokio::test]
async fn names_and_passwords_that_may_not_be_used_are_refused() {
    let (_folder, store) = store().await;
    let actor = Actor::system("lightbox");
    for (name, password) in [("", "a long password"), ("a b", "a long password"), ("ann", "too short")] {
        let made = create_account(&store, name, Role::Clinician, password, &actor).await;
        assert!(matches!(made, Err(IdentityError::Refused(_))), "{name}");
    }
    create_account(&store, "ann", Role::Clinician, "a long password", &actor).await.unwrap();
    let twice = create_account(&store, "ann", Role::Admin, "another password", &actor).await;
    assert!(matches!(twice, Err(IdentityError::Store(StoreError::Exists { .. }))));
}

#[tokio::test]
async fn an_account_is_removed_by_others_only() {
    let (_folder, store) = store().await;
    let ann = Actor { name: "ann".to_owned(), role: Role::Admin };
    create_account(&store, "ann", Role::Admin, "a long password", &ann).await.unwrap();
    assert!(matches!(remove_account(&store, "ann", &ann).await, Err(IdentityError::Refused(_))));
    assert!(matches!(remove_account(&store, "bob", &ann).await, Err(IdentityError::Store(StoreError::Missing { .. }))));
    remove_account(&store, "ann", &Actor::system("lightbox")).await.unwrap();
    assert_eq!(log(&store).await, ["ann account.created ann ok", "lightbox account.removed ann ok"]);
}

#[tokio::test]
async fn an_administrator_hands_out_one_time_passwords() {
    let (_folder, store) = store().await;
    let cli = Actor::system("lightbox");
    let (throttle, limits) = (Throttle::default(), Limits::default());
    let first = create_one_time(&store, "ann", Role::Radiologist, &cli).await.unwrap();
    let ann = sign_in(&store, &throttle, &limits, "ann", &first.password).await.unwrap();
    assert!(ann.identity.password_change_required);

    let second = reset_password(&store, "ann", &cli).await.unwrap();
    assert!(sign_in(&store, &throttle, &limits, "ann", &first.password).await.is_err());
    assert!(sign_in(&store, &throttle, &limits, "ann", &second.password).await.is_ok());
    let nobody = reset_password(&store, "bob", &cli).await;
    assert!(matches!(nobody, Err(IdentityError::Store(StoreError::Missing { .. }))));
}

//! Sessions from sign-in to sign-out, and what happens to those who guess.

use crate::{log, store};
use lightbox_domain::{Actor, Limits, Role};
use lightbox_identity::{
    Credential, FAILURES_MAX, IdentityError, Throttle, authenticate, change_password, create_account,
    ensure_first_admin, sign_in, sign_out,
};

const PASSWORD: &str = "correct horse battery";

#[tokio::test]
async fn a_session_lasts_from_sign_in_to_sign_out() {
    let (_folder, store) = store().await;
    create_account(&store, "ann", Role::Radiologist, PASSWORD, &Actor::system("lightbox")).await.unwrap();
    let (throttle, limits) = (Throttle::default(), Limits::default());
    let session = sign_in(&store, &throttle, &limits, "ann", PASSWORD).await.unwrap();
    let ann = authenticate(&store, Credential::Session(&session.secret)).await.unwrap().unwrap();
    assert_eq!(ann, session.identity);
    assert_eq!((ann.actor.name.as_str(), ann.actor.role), ("ann", Role::Radiologist));
    assert!(!ann.password_change_required);
    assert_eq!(authenticate(&store, Credential::Token(&session.secret)).await.unwrap(), None);

    sign_out(&store, &session.secret, &ann.actor).await.unwrap();
    assert_eq!(authenticate(&store, Credential::Session(&session.secret)).await.unwrap(), None);
    assert_eq!(
        log(&store).await,
        ["lightbox account.created ann ok", "ann session.created ann ok", "ann session.ended ann ok"]
    );
}

#[tokio::test]
async fn a_session_expires() {
    let (_folder, store) = store().await;
    create_account(&store, "ann", Role::Radiologist, PASSWORD, &Actor::system("lightbox")).await.unwrap();
    let limits = Limits { session_seconds_max: 0, ..Limits::default() };
    let session = sign_in(&store, &Throttle::default(), &limits, "ann", PASSWORD).await.unwrap();
    assert_eq!(authenticate(&store, Credential::Session(&session.secret)).await.unwrap(), None);
}

#[tokio::test]
async fn guessing_is_slowed_down_and_logged_without_the_guess() {
    let (_folder, store) = store().await;
    create_account(&store, "ann", Role::Radiologist, PASSWORD, &Actor::system("lightbox")).await.unwrap();
    let (throttle, limits) = (Throttle::default(), Limits::default());
    for _ in 0..FAILURES_MAX {
        let guess = sign_in(&store, &throttle, &limits, "ann", "wrong").await;
        assert!(matches!(guess, Err(IdentityError::WrongCredentials)));
    }
    let right_but_late = sign_in(&store, &throttle, &limits, "ann", PASSWORD).await;
    assert!(matches!(right_but_late, Err(IdentityError::Throttled { retry_seconds: 1..=60 })));
    let unknown = sign_in(&store, &throttle, &limits, "hunter2", "wrong").await;
    assert!(matches!(unknown, Err(IdentityError::WrongCredentials)));

    let log = log(&store).await;
    assert_eq!(log.len(), 1 + FAILURES_MAX + 1);
    assert_eq!(log[1], "anonymous session.refused ann name or password is wrong");
    assert_eq!(log[1 + FAILURES_MAX], "anonymous session.refused unknown name or password is wrong");
}

#[tokio::test]
async fn a_changed_password_ends_the_other_sessions() {
    let (_folder, store) = store().await;
    let one_time = ensure_first_admin(&store).await.unwrap().unwrap();
    let (throttle, limits) = (Throttle::default(), Limits::default());
    let here = sign_in(&store, &throttle, &limits, "admin", &one_time.password).await.unwrap();
    let there = sign_in(&store, &throttle, &limits, "admin", &one_time.password).await.unwrap();

    let same = change_password(&store, &here.secret, None, &one_time.password).await;
    assert!(matches!(same, Err(IdentityError::Refused(_))));
    let changed = change_password(&store, &here.secret, None, PASSWORD).await.unwrap();
    assert!(!changed.password_change_required);
    assert!(authenticate(&store, Credential::Session(&here.secret)).await.unwrap().is_some());
    assert_eq!(authenticate(&store, Credential::Session(&there.secret)).await.unwrap(), None);
    sign_in(&store, &throttle, &limits, "admin", PASSWORD).await.unwrap();

    let unasked = change_password(&store, &here.secret, None, "yet another password").await;
    assert!(matches!(unasked, Err(IdentityError::WrongCredentials)));
    change_password(&store, &here.secret, Some(PASSWORD), "yet another password").await.unwrap();
}

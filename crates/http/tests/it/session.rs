//! Signing in as a browser does it.

use crate::door::{Client, Door, Reply};
use lightbox_domain::{Actor, Role};
use lightbox_identity::{create_account, ensure_first_admin};
use serde_json::json;

const PASSWORD: &str = "correct horse battery";

async fn sign_in(door: &Door, name: &str, password: &str) -> Reply {
    door.nobody().post("/api/v1/session", &json!({ "name": name, "password": password })).await
}

/// A browser that sends back the cookie it got.
fn browser(door: &Door, signed_in: &Reply) -> Client {
    let cookie = signed_in.header("set-cookie").split(';').next().unwrap();
    door.nobody().with("cookie", &format!("theme=dark; {cookie}"))
}

#[tokio::test]
async fn a_one_time_password_opens_nothing_until_it_is_replaced() {
    let door = Door::open().await;
    let one_time = ensure_first_admin(&door.store).await.unwrap().unwrap();
    let signed_in = sign_in(&door, "admin", &one_time.password).await;
    assert_eq!(signed_in.code(), 200);
    assert_eq!(signed_in.json()["password_change_required"], true);
    let cookie = signed_in.header("set-cookie");
    for part in ["lightbox_session=", "HttpOnly", "SameSite=Strict", "Path=/", "Max-Age=43200"] {
        assert!(cookie.contains(part), "{cookie}");
    }

    let browser = browser(&door, &signed_in).with("x-lightbox", "1");
    let refused = browser.get("/api/v1/worklist").await;
    assert_eq!((refused.code(), refused.json()["type"].as_str()), (403, Some("urn:lightbox:password-change-required")));
    assert_eq!(browser.get("/dicomweb/studies").await.code(), 403);

    let short = browser.post("/api/v1/session/password", &json!({ "new_password": "short" })).await;
    assert_eq!(
        (short.code(), short.json()["detail"].as_str()),
        (422, Some("the password needs at least 12 characters"))
    );
    let changed = browser.post("/api/v1/session/password", &json!({ "new_password": PASSWORD })).await;
    assert_eq!((changed.code(), changed.json()["password_change_required"].as_bool()), (200, Some(false)));
    assert_eq!(browser.get("/api/v1/worklist").await.code(), 200);

    let unasked = browser.post("/api/v1/session/password", &json!({ "new_password": "another password" })).await;
    assert_eq!(unasked.code(), 401);
    let change = json!({ "new_password": "another password", "current_password": PASSWORD });
    assert_eq!(browser.post("/api/v1/session/password", &change).await.code(), 200);
}

#[tokio::test]
async fn a_session_says_what_its_person_may_do_and_ends() {
    let door = Door::open().await;
    create_account(&door.store, "ann", Role::Technologist, PASSWORD, &Actor::system("test")).await.unwrap();
    let browser = browser(&door, &sign_in(&door, "ann", PASSWORD).await).with("x-lightbox", "1");
    let session = browser.get("/api/v1/session").await.json();
    assert_eq!(session["name"], "ann");
    assert_eq!(session["role"], "technologist");
    let actions = [
        "study.read",
        "dicomweb.read",
        "study.write",
        "dicomweb.write",
        "study.correct",
        "order.read",
        "order.write",
        "workitem.read",
        "workitem.create",
        "workitem.perform",
        "conflict.read",
        "study.replay",
        "peer.read",
    ];
    assert_eq!(session["actions"], json!(actions));
    let ended = browser.send("DELETE", "/api/v1/session", &[], Vec::new()).await;
    assert_eq!(ended.code(), 204);
    assert!(ended.header("set-cookie").contains("Max-Age=0"));
    assert_eq!(browser.get("/api/v1/session").await.code(), 401);
}

#[tokio::test]
async fn a_change_by_cookie_needs_the_guard_header_and_one_by_token_does_not() {
    let door = Door::open().await;
    create_account(&door.store, "ann", Role::Admin, PASSWORD, &Actor::system("test")).await.unwrap();
    let signed_in = sign_in(&door, "ann", PASSWORD).await;
    let peer = json!({ "ae_title": "CT1" });
    let forged = browser(&door, &signed_in).post("/api/v1/peers", &peer).await;
    assert_eq!((forged.code(), forged.json()["type"].as_str()), (403, Some("urn:lightbox:guard-header-missing")));
    let film = lightbox_testkit::Film::new().bytes();
    assert_eq!(browser(&door, &signed_in).stow("/dicomweb/studies", &[film]).await.code(), 403);
    assert_eq!(door.store.peers().await.unwrap(), []);
    assert_eq!(browser(&door, &signed_in).with("x-lightbox", "1").post("/api/v1/peers", &peer).await.code(), 201);
    assert_eq!(door.client(Role::Admin).await.post("/api/v1/peers", &peer).await.code(), 201);
}

#[tokio::test]
async fn guessing_is_answered_with_when_to_come_back() {
    let door = Door::open().await;
    for _ in 0..5 {
        let wrong = sign_in(&door, "ann", "wrong").await;
        assert_eq!((wrong.code(), wrong.header("set-cookie")), (401, ""));
        assert_eq!(wrong.json()["title"], "Name or password is wrong");
    }
    let throttled = sign_in(&door, "ann", "wrong").await;
    assert_eq!(throttled.code(), 429);
    assert!((1..=60).contains(&throttled.header("retry-after").parse().unwrap()));
}

#[tokio::test]
async fn behind_https_the_cookie_never_leaves_it() {
    let door = Door::open().await;
    create_account(&door.store, "ann", Role::Clinician, PASSWORD, &Actor::system("test")).await.unwrap();
    let proxied = door.nobody().with("x-forwarded-proto", "https");
    let signed_in = proxied.post("/api/v1/session", &json!({ "name": "ann", "password": PASSWORD })).await;
    assert!(signed_in.header("set-cookie").ends_with("; Secure"));
}

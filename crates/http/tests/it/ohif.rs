//! OHIF's files, pages and configuration, and what it asks of DICOMweb. The browser's side of it is in `e2e`.

use crate::door::{Client, Door};
use lightbox_domain::Role;
use lightbox_testkit::Film;

const VIEWER: &str = "/ohif/viewer?StudyInstanceUIDs=2.25.1";

#[tokio::test]
async fn pages_lead_to_the_sign_in_and_back_and_need_the_right_to_read() {
    let door = Door::open().await;
    for (path, next) in
        [("/ohif", "%2Fohif"), ("/ohif/", "%2Fohif%2F"), (VIEWER, "%2Fohif%2Fviewer%3FStudyInstanceUIDs%3D2.25.1")]
    {
        let reply = door.nobody().get(path).await;
        let expected = format!("/login?next={next}");
        assert_eq!((reply.code(), reply.header("location")), (303, expected.as_str()), "{path}");
    }
    for path in ["/ohif", VIEWER] {
        let page = door.client(Role::Radiologist).await.get(path).await;
        assert_eq!((page.code(), page.header("content-type")), (200, "text/html; charset=utf-8"), "{path}");
        // Said by OHIF's page, and by the one that takes its place in a binary without it.
        assert!(page.text().contains("<title>OHIF Viewer"), "{path}");
    }
    assert_eq!(door.client(Role::Learner).await.get(VIEWER).await.code(), 403);
}

#[tokio::test]
async fn the_configuration_names_this_server_and_no_other() {
    let door = Door::open().await;
    let config = door.nobody().get("/ohif/app-config.js").await;
    assert_eq!((config.code(), config.header("content-type")), (200, "text/javascript; charset=utf-8"));
    assert_eq!(config.header("cache-control"), "no-cache");
    assert!(config.text().contains("`${location.origin}/dicomweb`"));
    assert!(!config.text().contains("http:") && !config.text().contains("https:"));
}

#[tokio::test]
async fn what_is_no_file_of_ohif_is_not_there() {
    let door = Door::open().await;
    let client = door.client(Role::Radiologist).await;
    for path in
        ["/ohif/nothing.js", "/ohif/assets/nothing.png", "/ohif/../Cargo.toml", "/ohif/sw.js", "/ohif/index.html"]
    {
        let reply = client.get(path).await;
        assert_eq!((reply.code(), reply.header("content-type")), (404, "application/problem+json"), "{path}");
    }
    assert_eq!(client.send("POST", "/ohif", &[], Vec::new()).await.code(), 405);
}

/// Asks as a browser does.
fn browser(client: Client) -> Client {
    client.with("accept-encoding", "gzip, deflate, br")
}

#[tokio::test]
async fn files_leave_compressed_for_those_who_take_it_with_a_policy_of_their_own() {
    let door = Door::open().await;
    let packed = browser(door.client(Role::Radiologist).await).get(VIEWER).await;
    let plain = door.client(Role::Radiologist).await.with("accept-encoding", "gzip;q=0").get(VIEWER).await;
    if packed.header("content-encoding").is_empty() {
        // A binary without OHIF; the pages that the suite runs with have it.
        assert!(plain.text().contains("built without OHIF"));
        return;
    }
    assert_eq!((packed.header("content-encoding"), plain.header("content-encoding")), ("gzip", ""));
    assert!(packed.body.starts_with(&[0x1f, 0x8b]) && plain.text().contains(r#"<script defer src="/ohif/app.bundle."#));
    assert_eq!((packed.header("vary"), packed.header("cache-control")), ("accept-encoding", "no-cache"));
    let policy = packed.header("content-security-policy");
    for part in ["default-src 'self'", "script-src 'self' 'wasm-unsafe-eval';", "frame-ancestors 'none'"] {
        assert!(policy.contains(part), "{policy}");
    }
    let again = browser(door.client(Role::Radiologist).await).with("if-none-match", packed.header("etag"));
    let again = again.get(VIEWER).await;
    assert_eq!((again.code(), again.body.len()), (304, 0));

    let text = plain.text();
    let script = text.split("src=\"").find(|part| part.starts_with("/ohif/app.bundle.")).unwrap();
    let script = browser(door.nobody()).get(script.split('"').next().unwrap()).await;
    assert_eq!((script.code(), script.header("content-type")), (200, "text/javascript; charset=utf-8"));
}

#[tokio::test]
async fn dicomweb_answers_what_ohif_asks() {
    let door = Door::open().await;
    door.put(&Film::new()).await;
    let client = door.client(Role::Radiologist).await;
    let fields = "includefield=00081030%2C00080060%2C00080090%2C00100030";
    let studies = client.get(&format!("/dicomweb/studies?limit=101&offset=0&fuzzymatching=false&{fields}")).await;
    assert_eq!((studies.code(), studies.json().as_array().unwrap().len()), (200, 1));
    let series = "/dicomweb/studies/2.25.1/series?includefield=00080021%2C00080031%2C0008103E%2C00200011";
    assert_eq!(client.get(series).await.code(), 200);

    let instance = "/dicomweb/studies/2.25.1/series/2.25.2/instances/2.25.3";
    let metadata = client.accept("/dicomweb/studies/2.25.1/series/2.25.2/metadata", "application/dicom+json").await;
    assert_eq!((metadata.code(), metadata.header("content-type")), (200, "application/dicom+json"));
    let accept = r#"multipart/related; type="application/octet-stream"; transfer-syntax="*""#;
    let frame = client.accept(&format!("{instance}/frames/1"), accept).await;
    assert_eq!((frame.code(), frame.parts().len()), (200, 1));
    let thumbnail = client.accept(&format!("{instance}/thumbnail?viewport=256%2C256"), "image/jpeg").await;
    assert_eq!((thumbnail.code(), thumbnail.header("content-type")), (200, "image/jpeg"));
}

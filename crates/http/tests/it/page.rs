//! The web page, and what is said of every answer.

use crate::door::Door;

#[tokio::test]
async fn pages_are_served_and_programs_get_problems() {
    let door = Door::open().await;
    let nobody = door.nobody();
    for path in ["/", "/studies/2.25.1", "/login?name=admin"] {
        let page = nobody.get(path).await;
        assert_eq!((page.code(), page.header("content-type")), (200, "text/html; charset=utf-8"), "{path}");
        assert!(page.text().contains("<title>Lightbox</title>"));
    }
    for path in ["/api/v1/nothing", "/dicomweb/nothing", "/assets/nothing.js", "/fhir/Patient"] {
        let reply = nobody.get(path).await;
        assert_eq!((reply.code(), reply.header("content-type")), (404, "application/problem+json"), "{path}");
    }
    assert_eq!(nobody.send("POST", "/", &[], Vec::new()).await.code(), 405);
}

#[tokio::test]
async fn every_answer_tells_browsers_what_never_to_do() {
    let door = Door::open().await;
    let nobody = door.nobody();
    for path in ["/", "/api/v1/worklist", "/healthz", "/dicomweb/studies"] {
        let reply = nobody.get(path).await;
        let policy = reply.header("content-security-policy");
        assert!(policy.contains("default-src 'self'") && policy.contains("frame-ancestors 'none'"), "{path}");
        assert_eq!(reply.header("x-content-type-options"), "nosniff");
        assert_eq!(reply.header("referrer-policy"), "no-referrer");
    }
    assert_eq!(nobody.get("/api/v1/worklist").await.header("cache-control"), "no-store");
}

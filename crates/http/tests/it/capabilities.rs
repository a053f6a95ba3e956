//! What the DICOMweb door says that it can do (PS3.18 §8.9).

use crate::door::Door;
use lightbox_domain::Role;
use lightbox_http::dicomweb_transactions;

#[tokio::test]
async fn everything_that_is_offered_is_served() {
    let door = Door::open().await;
    let nobody = door.nobody();
    for transaction in dicomweb_transactions() {
        let path = transaction.path.replace(['{', '}'], "");
        let reply = nobody.send(&transaction.method, &format!("/dicomweb{path}"), &[], Vec::new()).await;
        // A route that is not there is 404 or a page, a method that is not there 405.
        let root = transaction.path == "/";
        assert!(reply.code() == 401 || root, "{} {path}: {}", transaction.method, reply.code());
    }
    assert_eq!(nobody.send("DELETE", "/dicomweb/studies/1.2", &[], Vec::new()).await.code(), 405);
    for root in ["/dicomweb", "/dicomweb/"] {
        assert_eq!(nobody.send("OPTIONS", root, &[], Vec::new()).await.code(), 401);
    }
}

#[tokio::test]
async fn capabilities_are_given_as_wadl_or_json() {
    let door = Door::open().await;
    let client = door.client(Role::Vendor).await;
    let ask = async |path: &str, accept: &str| client.send("OPTIONS", path, &[("accept", accept)], Vec::new()).await;
    for accept in ["*/*", "application/vnd.sun.wadl+xml", "text/xml"] {
        let wadl = ask("/dicomweb/", accept).await;
        assert_eq!(
            (wadl.code(), wadl.header("content-type")),
            (200, "application/vnd.sun.wadl+xml"),
            "{accept}: {}",
            wadl.text()
        );
        assert!(wadl.text().contains("<resources base=\"http://lightbox.test/dicomweb\">"));
    }
    let json = ask("/dicomweb", "application/json").await.json();
    let transactions = json["transactions"].as_array().unwrap();
    assert_eq!(transactions.len(), dicomweb_transactions().len());
    let studies = transactions.iter().find(|one| one["name"] == "SearchForStudies").unwrap();
    let parameters = studies["parameters"].as_array().unwrap();
    assert!(parameters.contains(&"PatientName".into()) && !parameters.contains(&"Modality".into()));
    assert_eq!(ask("/dicomweb", "text/html").await.code(), 406);
}

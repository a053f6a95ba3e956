//! What this door can do (PS3.18 §8.9, Annex H), made of the table of its transactions: as WADL, or as JSON.

use super::accept::Accept;
use super::transactions::{Transaction, dicomweb_transactions};
use crate::auth::Caller;
use crate::extract::Origin;
use crate::problem::Problem;
use axum::Json;
use axum::http::header;
use axum::response::{IntoResponse, Response};
use serde_json::json;
use std::collections::BTreeMap;
use std::fmt::Write;

/// What capabilities are given as, the default first.
pub(super) const MEDIA_TYPES: [&str; 2] = ["application/vnd.sun.wadl+xml", "application/json"];

/// `OPTIONS /`, for everybody who is signed in.
pub(super) async fn retrieve(_: Caller, Origin(origin): Origin, accept: Accept) -> Result<Response, Problem> {
    let base = format!("{origin}/dicomweb");
    let transactions = dicomweb_transactions();
    // XML too, which some clients say when they mean WADL.
    match accept.choose(&[MEDIA_TYPES[0], "application/xml", "text/xml", MEDIA_TYPES[1]]) {
        Some("application/json") => Ok(Json(json!({ "base": base, "transactions": transactions })).into_response()),
        Some(_) => Ok(([(header::CONTENT_TYPE, MEDIA_TYPES[0])], wadl(&base, &transactions)).into_response()),
        None => Err(Problem::not_acceptable(format!("capabilities are given as {}", MEDIA_TYPES.join(" or ")))),
    }
}

/// A resource: what can be done with it, and what lies below, by the next part of the address.
#[derive(Default)]
struct Resource<'a> {
    transactions: Vec<&'a Transaction>,
    below: BTreeMap<&'a str, Self>,
}

/// The document: one tree of resources (Web Application Description Language, W3C 2009).
fn wadl(base: &str, transactions: &[Transaction]) -> String {
    let mut root = Resource::default();
    for transaction in transactions {
        let parts = transaction.path.split('/').filter(|part| !part.is_empty());
        let resource = parts.fold(&mut root, |resource, part| resource.below.entry(part).or_default());
        resource.transactions.push(transaction);
    }
    let mut document = String::from("<?xml version=\"1.0\" encoding=\"UTF-8\"?>\n");
    // Writing into a String cannot fail.
    let _ = writeln!(document, "<application xmlns=\"http://wadl.dev.java.net/2009/02\">");
    let _ = writeln!(document, "<resources base=\"{}\">", escape(base));
    write_resource(&mut document, &root);
    document.push_str("</resources>\n</application>\n");
    document
}

fn write_resource(document: &mut String, resource: &Resource<'_>) {
    for transaction in &resource.transactions {
        write_method(document, transaction);
    }
    for (part, below) in &resource.below {
        let _ = writeln!(document, "<resource path=\"{}\">", escape(part));
        write_resource(document, below);
        document.push_str("</resource>\n");
    }
}

fn write_method(document: &mut String, transaction: &Transaction) {
    let _ = writeln!(document, "<method name=\"{}\" id=\"{}\">", transaction.method, transaction.name);
    document.push_str("<request>\n");
    if let Some(default) = transaction.gives.first() {
        let _ = writeln!(document, "<param name=\"Accept\" style=\"header\" default=\"{}\">", escape(default));
        for option in &transaction.gives {
            let _ = writeln!(document, "<option value=\"{}\"/>", escape(option));
        }
        document.push_str("</param>\n");
    }
    for parameter in &transaction.parameters {
        let _ = writeln!(document, "<param name=\"{}\" style=\"query\"/>", escape(parameter));
    }
    write_representations(document, &transaction.takes);
    document.push_str("</request>\n<response>\n");
    write_representations(document, &transaction.gives);
    document.push_str("</response>\n</method>\n");
}

fn write_representations(document: &mut String, media_types: &[String]) {
    for media_type in media_types {
        let _ = writeln!(document, "<representation mediaType=\"{}\"/>", escape(media_type));
    }
}

fn escape(text: &str) -> String {
    text.replace('&', "&amp;").replace('<', "&lt;").replace('>', "&gt;").replace('"', "&quot;")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn resources_are_a_tree_and_texts_are_escaped() {
        let transactions = dicomweb_transactions();
        let document = wadl("http://a&b/dicomweb", &transactions);
        assert!(document.contains("<resources base=\"http://a&amp;b/dicomweb\">\n<method name=\"OPTIONS\""));
        assert_eq!(document.matches("<method ").count(), transactions.len());
        assert_eq!(document.matches("<resource path=\"{study}\">").count(), 1, "each part of an address once");
        assert!(document.contains("<option value=\"multipart/related; type=&quot;application/dicom&quot;"));
        for tag in ["resource", "resources", "method", "request", "response", "param"] {
            let opened = document.matches(&format!("<{tag} ")).count() + document.matches(&format!("<{tag}>")).count();
            let closed = document.matches(&format!("</{tag}>")).count();
            let empty = document.lines().filter(|line| line.starts_with(&format!("<{tag} ")) && line.ends_with("/>"));
            assert_eq!(opened - empty.count(), closed, "{tag}");
        }
    }
}

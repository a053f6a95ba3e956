//! What becomes of a delivery.

use crate::pacs::{Pacs, free_port, peer_at};
use crate::setting::Setting;
use lightbox_dicom::{Header, derived_uid};
use lightbox_domain::{DeploymentMode, Peer};
use lightbox_pipeline::JobError;
use std::path::Path;
use std::process::Command;

const COMPREHENSIVE_SR: &str = "1.2.840.10008.5.1.4.1.1.88.33";
const COMPREHENSIVE_3D_SR: &str = "1.2.840.10008.5.1.4.1.1.88.34";

/// The class and the instance of the only file that the PACS got.
fn received(pacs: &Pacs) -> (String, String) {
    let files = pacs.files();
    assert_eq!(files.len(), 1, "{files:?}");
    let header = Header::read(&files[0]).unwrap();
    (header.text("SOPClassUID"), header.text("SOPInstanceUID"))
}

fn permanent(result: Result<(), JobError>) -> String {
    match result {
        Err(JobError::Permanent(reason)) => reason,
        other => panic!("not for good: {other:?}"),
    }
}

/// dicom3tools' validator knows the IOD and finds no error.
fn assert_conforms(file: &Path) {
    let checked = Command::new(lightbox_testkit::venv_tool("dciodvfy")).arg(file).output().unwrap();
    let said = format!("{}{}", String::from_utf8_lossy(&checked.stdout), String::from_utf8_lossy(&checked.stderr));
    assert!(said.contains("SR"), "{said}");
    assert!(said.lines().all(|line| !line.starts_with("Error")), "{said}");
}

#[tokio::test]
async fn a_report_arrives_and_the_delivery_says_so() {
    let pacs = Pacs::start().await;
    let setting = Setting::due_at(&pacs.peer()).await;
    setting.deliver().await.unwrap();
    assert_eq!(received(&pacs), (COMPREHENSIVE_3D_SR.to_owned(), setting.report.to_string()));
    let delivery = setting.delivery().await;
    assert_eq!((delivery.state.as_str(), delivery.reason.as_str()), ("delivered", ""));
    assert!(delivery.delivered_ms.is_some());
    assert_eq!(setting.told("result.delivered").await, 1);

    setting.deliver().await.unwrap();
    assert_eq!(setting.told("result.delivered").await, 1, "what is delivered is not delivered again");
}

#[tokio::test]
async fn a_peer_without_3d_reports_gets_a_plain_one() {
    let pacs = Pacs::that_takes(&[COMPREHENSIVE_SR]).await;
    let setting = Setting::due_at(&pacs.peer()).await;
    setting.deliver().await.unwrap();
    let expected = derived_uid(&setting.run.id, "report-basic").to_string();
    assert_eq!(received(&pacs), (COMPREHENSIVE_SR.to_owned(), expected));
    assert_eq!(setting.delivery().await.state, "delivered");
    assert_conforms(&pacs.files()[0]);
}

#[tokio::test]
async fn a_peer_that_takes_only_the_default_syntax_gets_the_report_in_it() {
    let pacs = Pacs::in_implicit_vr().await;
    let setting = Setting::due_at(&pacs.peer()).await;
    setting.deliver().await.unwrap();
    assert_eq!(received(&pacs), (COMPREHENSIVE_3D_SR.to_owned(), setting.report.to_string()));
    assert_eq!(Header::read(&pacs.files()[0]).unwrap().transfer_syntax_uid(), "1.2.840.10008.1.2");
    assert_conforms(&pacs.files()[0]);
}

#[tokio::test]
async fn a_peer_without_reports_is_a_failure_for_good() {
    let pacs = Pacs::that_takes(&["1.2.840.10008.5.1.4.1.1.7"]).await;
    let setting = Setting::due_at(&pacs.peer()).await;
    let reason = permanent(setting.deliver().await);
    assert!(reason.contains("takes neither Comprehensive 3D SR nor Comprehensive SR"), "{reason}");
    assert!(pacs.files().is_empty());
}

#[tokio::test]
async fn a_peer_that_is_away_is_tried_again() {
    let setting = Setting::due_at(&peer_at(free_port().await)).await;
    let result = setting.deliver().await;
    assert!(matches!(&result, Err(JobError::Transient(reason)) if reason.contains("cannot reach")), "{result:?}");
    assert_eq!(setting.delivery().await.state, "due");
}

#[tokio::test]
async fn a_peer_without_an_address_is_a_failure_for_good() {
    let setting = Setting::due_at(&Peer { host: None, port: None, ..peer_at(1) }).await;
    assert_eq!(permanent(setting.deliver().await), "it is not known where PACS is: give its host and port");
}

#[tokio::test]
async fn a_peer_that_was_removed_is_a_failure_for_good() {
    let pacs = Pacs::start().await;
    let setting = Setting::due_at(&pacs.peer()).await;
    let mut write = setting.store.write().await.unwrap();
    assert!(write.delete_peer("PACS").await.unwrap());
    write.commit().await.unwrap();
    assert!(permanent(setting.deliver().await).contains("PACS"));
    assert!(pacs.files().is_empty());
}

#[tokio::test]
async fn shadow_results_never_leave() {
    let pacs = Pacs::start().await;
    let setting = Setting::due(&pacs.peer(), DeploymentMode::Shadow).await;
    assert!(permanent(setting.deliver().await).contains("shadow mode"));
    assert!(pacs.files().is_empty());
    assert_eq!(setting.told("result.delivered").await, 0);
}

#[tokio::test]
async fn a_delivery_that_is_not_there_is_a_failure_for_good() {
    let setting = Setting::due_at(&peer_at(1)).await;
    let unknown = lightbox_deliver::deliver(&setting.store, &lightbox_dimse::Node::new("LIGHTBOX"), "01NONE").await;
    assert_eq!(permanent(unknown), "there is no delivery 01NONE");
}

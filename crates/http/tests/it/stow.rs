//! STOW-RS (PS3.18 §10.5).

use crate::door::{Door, Reply, message};
use axum::body::Body;
use bytes::Bytes;
use futures_util::stream;
use lightbox_domain::{Limits, Role};
use lightbox_testkit::Film;
use serde_json::{Value, json};

const FAILED: &str = "00081198";
const REFERENCED: &str = "00081199";
const OTHER_FAILURES: &str = "0008119A";

fn instance(uid: &str) -> Vec<u8> {
    Film::new().uids("2.25.1", "2.25.2", uid).bytes()
}

/// The failure reasons of a sequence of the answer.
fn reasons(reply: &Reply, sequence: &str) -> Vec<Value> {
    let items = reply.json()[sequence]["Value"].as_array().cloned().unwrap_or_default();
    items.iter().map(|item| item["00081197"]["Value"][0].clone()).collect()
}

async fn stored(door: &Door) -> usize {
    door.store.instances_of_study("2.25.1").await.unwrap().len()
}

#[tokio::test]
async fn instances_are_stored_and_named_in_the_answer() {
    let door = Door::open().await;
    let client = door.client(Role::Technologist).await;
    let reply = client.stow("/dicomweb/studies", &[instance("2.25.3"), instance("2.25.4")]).await;
    assert_eq!((reply.code(), reply.header("content-type")), (200, "application/dicom+json"));
    let answer = reply.json();
    assert_eq!(answer["00081190"], json!({ "vr": "UR", "Value": ["http://lightbox.test/dicomweb/studies/2.25.1"] }));
    let item = &answer[REFERENCED]["Value"][1];
    assert_eq!(item["00081150"]["Value"][0], "1.2.840.10008.5.1.4.1.1.1.1");
    assert_eq!(item["00081155"]["Value"][0], "2.25.4");
    let url = "http://lightbox.test/dicomweb/studies/2.25.1/series/2.25.2/instances/2.25.4";
    assert_eq!(item["00081190"]["Value"][0], url);
    assert_eq!(answer.get(FAILED).or(answer.get(OTHER_FAILURES)), None);
    assert_eq!(stored(&door).await, 2);
    let source = &door.store.instances_of_study("2.25.1").await.unwrap()[0].source;
    assert!(source.starts_with("upload:token:technologist"), "{source}");
}

#[tokio::test]
async fn many_instances_are_all_answered_for_whatever_their_length() {
    let door = Door::open().await;
    let client = door.client(Role::Technologist).await;
    let uids: Vec<String> = (0..30).map(|number| format!("2.25.{}", 100 + number)).collect();
    let mut parts: Vec<Vec<u8>> = uids.iter().map(|uid| instance(uid)).collect();
    parts[12] = Film::new().uids("2.25.1", "2.25.2", &uids[12]).frames(5_000).bytes();
    assert!(parts[12].len() > 1 << 20, "long enough to be written while it arrives");
    parts.insert(20, b"no DICOM".to_vec());
    parts.push(instance(&uids[0]));
    let reply = client.stow("/dicomweb/studies", &parts).await;
    assert_eq!((reply.code(), reasons(&reply, OTHER_FAILURES).len()), (202, 1));
    let answer = reply.json();
    let named =
        answer[REFERENCED]["Value"].as_array().unwrap().iter().map(|item| item["00081155"]["Value"][0].as_str());
    let mut named: Vec<&str> = named.map(Option::unwrap).collect();
    assert_eq!(named.pop(), Some(uids[0].as_str()), "the same again, at the end");
    named.sort_unstable();
    assert_eq!(named, uids);
    assert_eq!(stored(&door).await, 30);
}

#[tokio::test]
async fn the_same_again_is_success_and_another_with_the_same_uid_a_warning() {
    let door = Door::open().await;
    let client = door.client(Role::Technologist).await;
    for _ in 0..2 {
        assert_eq!(client.stow("/dicomweb/studies", &[instance("2.25.3")]).await.code(), 200);
    }
    let other = Film::new().uids("2.25.1", "2.25.2", "2.25.3").set_keyword("PatientName", "Other^Olga").bytes();
    let reply = client.stow("/dicomweb/studies", &[other]).await;
    assert_eq!(reply.code(), 202);
    assert_eq!(reply.json()[REFERENCED]["Value"][0]["00081196"], json!({ "vr": "US", "Value": [0xB000] }));
    assert_eq!(stored(&door).await, 1);
}

#[tokio::test]
async fn what_is_no_whole_instance_is_refused_and_disturbs_nothing_else() {
    let door = Door::open().await;
    let client = door.client(Role::Technologist).await;
    let whole = instance("2.25.3");
    let truncated = whole[..whole.len() - 40].to_vec();
    let refused = client.stow("/dicomweb/studies", &[truncated.clone(), b"no DICOM".to_vec(), Vec::new()]).await;
    assert_eq!(refused.code(), 409);
    assert_eq!(reasons(&refused, OTHER_FAILURES), [0xC000, 0xC000, 0xC000]);
    assert_eq!(stored(&door).await, 0);

    let mixed = client.stow("/dicomweb/studies", &[truncated, whole, b"no DICOM".to_vec()]).await;
    assert_eq!(mixed.code(), 202);
    assert_eq!(reasons(&mixed, OTHER_FAILURES).len(), 2);
    assert_eq!(mixed.json()[REFERENCED]["Value"][0]["00081155"]["Value"][0], "2.25.3");
    assert_eq!(stored(&door).await, 1);
}

#[tokio::test]
async fn an_instance_of_another_study_than_the_address_is_refused() {
    let door = Door::open().await;
    let client = door.client(Role::Technologist).await;
    let reply = client.stow("/dicomweb/studies/2.25.77", &[instance("2.25.3")]).await;
    assert_eq!(reply.code(), 409);
    let failed = &reply.json()[FAILED]["Value"][0];
    assert_eq!(failed["00081155"]["Value"][0], "2.25.3");
    assert_eq!(failed["00081197"]["Value"][0], 0xA900);
    assert_eq!(stored(&door).await, 0);
    assert_eq!(client.stow("/dicomweb/studies/2.25.1", &[instance("2.25.3")]).await.code(), 200);
    assert_eq!(client.stow("/dicomweb/studies/no-uid", &[instance("2.25.3")]).await.code(), 400);
}

#[tokio::test]
async fn limits_hold_for_size_and_number() {
    let door = Door::with(Limits { instance_bytes_max: 20_000, stow_instances_max: 2, ..Limits::default() }).await;
    let client = door.client(Role::Technologist).await;
    let large = Film::new().size(200, 200).bytes();
    let reply = client.stow("/dicomweb/studies", &[large, instance("2.25.3")]).await;
    assert_eq!(reply.code(), 202);
    assert_eq!(reasons(&reply, OTHER_FAILURES), [0xA700]);

    let three = [instance("2.25.4"), instance("2.25.5"), instance("2.25.6")];
    let reply = client.stow("/dicomweb/studies", &three).await;
    assert_eq!(reply.code(), 202);
    assert_eq!(reasons(&reply, OTHER_FAILURES), [0xA700]);
    assert_eq!(stored(&door).await, 3);
}

#[tokio::test]
async fn a_message_that_cannot_be_read_is_refused() {
    let door = Door::open().await;
    let client = door.client(Role::Technologist).await;
    let check = async |content_type: &str, body: &[u8], expected: u16| {
        let reply = client.send("POST", "/dicomweb/studies", &[("content-type", content_type)], body.to_vec()).await;
        assert_eq!(
            (reply.code(), reply.header("content-type")),
            (expected, "application/problem+json"),
            "{content_type}"
        );
    };
    let whole = message(&[instance("2.25.3")]);
    check("application/dicom", &whole, 415).await;
    check("multipart/form-data; boundary=part", &whole, 415).await;
    check("multipart/related; type=\"application/dicom+json\"; boundary=part", &whole, 415).await;
    check("multipart/related; type=\"application/dicom\"", &whole, 400).await;
    check("multipart/related; type=\"application/dicom\"; boundary=other", &whole, 400).await;
    check("multipart/related; type=\"application/dicom\"; boundary=part", b"--part--\r\n", 400).await;
    assert_eq!(stored(&door).await, 0);
}

#[tokio::test]
async fn a_sender_that_breaks_off_leaves_nothing_of_its_last_instance() {
    let door = Door::open().await;
    let client = door.client(Role::Technologist).await;
    let whole = message(&[instance("2.25.3"), instance("2.25.4")]);
    let cut = whole.len() - 200;
    let pieces =
        [Ok(Bytes::copy_from_slice(&whole[..cut])), Err(std::io::Error::from(std::io::ErrorKind::ConnectionReset))];
    let content_type = "multipart/related; type=\"application/dicom\"; boundary=part";
    let body = Body::from_stream(stream::iter(pieces));
    let reply = client.send_body("POST", "/dicomweb/studies", &[("content-type", content_type)], body).await;
    assert_eq!(reply.code(), 202);
    assert_eq!(stored(&door).await, 1);
}

#[tokio::test]
async fn a_full_disk_is_said_and_trying_again_looks_worthwhile() {
    let door = Door::with(Limits { disk_free_bytes_min: u64::MAX, ..Limits::default() }).await;
    let reply = door.client(Role::Technologist).await.stow("/dicomweb/studies", &[instance("2.25.3")]).await;
    assert_eq!((reply.code(), reasons(&reply, OTHER_FAILURES)), (503, vec![json!(0xA701)]));
    assert_eq!(stored(&door).await, 0);
}

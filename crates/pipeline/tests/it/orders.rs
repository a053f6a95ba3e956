//! Studies and orders, with the jobs that bring them together.

use crate::harness::TestPipeline;
use lightbox_domain::{Actor, MatchReason, MatchState, OrderContent, Uid};
use lightbox_pipeline::{
    PipelineError, correct, dismiss_order, link_order, merge, save_orders, undo_correction, undo_order_decision,
};
use lightbox_store::{NewOrder, StoreError, StoredMatch, now_ms};
use lightbox_testkit::Film;

const STUDY: &str = "2.25.1";

fn study(uid: &str) -> Uid {
    Uid::parse(uid).unwrap()
}

fn ann() -> Actor {
    Actor::system("ann")
}

fn order(number: &str, accession: &str, patient: &str, name: &str) -> NewOrder {
    let mut content = OrderContent::default();
    for (field, value) in
        [("accession_number", accession), ("patient_id", patient), ("patient_name", name), ("modality", "DX")]
    {
        content.set(field, value).unwrap();
    }
    NewOrder { source: "RIS".to_owned(), number: number.to_owned(), content }
}

/// Keeps an order; gives our identifier.
async fn place(pipeline: &TestPipeline, order: NewOrder) -> String {
    let saved = save_orders(pipeline.store(), vec![order], &ann()).await.unwrap();
    saved[0].0.id.clone()
}

/// Receives a film of a patient, and has its series described as if it had settled.
async fn receive(pipeline: &TestPipeline, uid: &str, accession: &str, patient: &str, name: &str) {
    let film = Film::new().uids(uid, &format!("{uid}.1"), &format!("{uid}.1.1")).patient_id(patient);
    let film = film.set_keyword("AccessionNumber", accession).set_keyword("PatientName", name);
    pipeline.receive(film.bytes()).await.unwrap();
    settle(pipeline, uid).await;
}

async fn settle(pipeline: &TestPipeline, uid: &str) {
    lightbox_pipeline::describe::describe(pipeline.store(), uid, &format!("{uid}.1")).await.unwrap();
    pipeline.work().await;
}

async fn found(pipeline: &TestPipeline, uid: &str) -> Option<StoredMatch> {
    pipeline.store().order_match(&study(uid)).await.unwrap()
}

async fn reason(pipeline: &TestPipeline, uid: &str) -> Option<MatchReason> {
    found(pipeline, uid).await.map(|one| one.found.reason)
}

async fn queue(pipeline: &TestPipeline) -> Vec<String> {
    let queued = pipeline.store().unmatched(false, 10).await.unwrap();
    queued.iter().map(|(study, _)| study.attributes.study_instance_uid.to_string()).collect()
}

async fn accession(pipeline: &TestPipeline) -> String {
    pipeline.store().study(STUDY).await.unwrap().unwrap().attributes.accession_number
}

#[tokio::test]
async fn without_orders_nothing_is_matched_and_nothing_waits() {
    let pipeline = TestPipeline::open().await;
    receive(&pipeline, STUDY, "A9", "P1", "Doe^Jane").await;
    assert!(!pipeline.store().wants_match(STUDY).await.unwrap());
    assert_eq!((found(&pipeline, STUDY).await, queue(&pipeline).await), (None, vec![]));
}

#[tokio::test]
async fn a_study_is_matched_when_it_arrives_or_when_its_order_does() {
    let pipeline = TestPipeline::open().await;
    let first = place(&pipeline, order("1", "A1", "P1", "DOE^JANE")).await;
    receive(&pipeline, STUDY, "A1", "P1", "Doe^Jane").await;
    let matched = found(&pipeline, STUDY).await.unwrap();
    assert_eq!((matched.found.state, matched.found.order_id), (MatchState::Matched, Some(first.clone())));

    receive(&pipeline, "2.25.2", "A2", "P2", "Roe^Rita").await;
    assert_eq!(reason(&pipeline, "2.25.2").await, Some(MatchReason::NoOrder));
    place(&pipeline, order("2", "A2", "P2", "Roe^Rita")).await;
    pipeline.work().await;
    assert_eq!(reason(&pipeline, "2.25.2").await, Some(MatchReason::AccessionAndPatient));

    place(&pipeline, order("2", "A2", "P3", "Poe^Edgar")).await;
    pipeline.work().await;
    assert_eq!(reason(&pipeline, "2.25.2").await, Some(MatchReason::AccessionOfAnother), "the order was changed");
    lightbox_pipeline::cancel_order(pipeline.store(), &first, &ann()).await.unwrap();
    pipeline.work().await;
    assert_eq!(reason(&pipeline, STUDY).await, Some(MatchReason::OrderCanceled));
    assert_eq!(queue(&pipeline).await.len(), 2);
}

#[tokio::test]
async fn a_link_corrects_the_study_and_is_taken_back_with_its_correction() {
    let pipeline = TestPipeline::open().await;
    let id = place(&pipeline, order("1", "A1", "P1", "Doe^Jane")).await;
    receive(&pipeline, STUDY, "WRONG", "P1", "Doe^Jane").await;
    assert_eq!(reason(&pipeline, STUDY).await, Some(MatchReason::AccessionUnknown));
    let store = pipeline.store();
    let refused = link_order(store, &study(STUDY), &id, " ", &ann()).await;
    assert!(matches!(refused, Err(PipelineError::Refused(_))));

    let linked = link_order(store, &study(STUDY), &id, "typed at the console", &ann()).await.unwrap();
    assert_eq!((linked.found.reason, linked.decided_by.as_str()), (MatchReason::Linked, "ann"));
    pipeline.work().await;
    assert_eq!(found(&pipeline, STUDY).await, Some(linked), "the rule agrees with the person");
    assert_eq!((accession(&pipeline).await, queue(&pipeline).await), ("A1".to_owned(), vec![]));

    undo_order_decision(store, &study(STUDY), &ann()).await.unwrap();
    pipeline.work().await;
    assert_eq!((accession(&pipeline).await, queue(&pipeline).await), ("WRONG".to_owned(), vec![STUDY.to_owned()]));
    let again = undo_order_decision(store, &study(STUDY), &ann()).await;
    assert!(matches!(again, Err(PipelineError::Store(StoreError::Missing { .. }))));
    let lines = store.events_of_study(STUDY, 100).await.unwrap();
    let told: Vec<_> = lines.iter().map(|line| line.action.as_str()).filter(|one| one.contains(".order_")).collect();
    let expected =
        ["study.order_unmatched", "study.order_linked", "study.order_decision_undone", "study.order_unmatched"];
    assert_eq!(told, expected);
    assert!(lines.iter().all(|line| !line.detail.contains("Doe") && !line.detail.contains("P1")));
}

#[tokio::test]
async fn a_correction_takes_a_study_out_of_the_queue_and_its_undo_back_into_it() {
    let pipeline = TestPipeline::open().await;
    place(&pipeline, order("1", "A1", "P1", "Doe^Jane")).await;
    receive(&pipeline, STUDY, "A1", "P2", "Doe^Jane").await;
    assert_eq!(reason(&pipeline, STUDY).await, Some(MatchReason::AccessionOfAnother));
    let mut values = lightbox_domain::Values::default();
    values.set("PatientID", "P1").unwrap();
    let changed = correct(pipeline.store(), &study(STUDY), values, "the wrong patient", &ann()).await.unwrap();
    pipeline.work().await;
    assert_eq!(reason(&pipeline, STUDY).await, Some(MatchReason::AccessionAndPatient));
    undo_correction(pipeline.store(), &changed.overlay.id, &ann()).await.unwrap();
    pipeline.work().await;
    assert_eq!(queue(&pipeline).await, [STUDY]);
}

#[tokio::test]
async fn a_study_that_needs_no_order_stays_out_of_the_queue_until_somebody_says_otherwise() {
    let pipeline = TestPipeline::open().await;
    place(&pipeline, order("1", "A1", "P1", "Doe^Jane")).await;
    receive(&pipeline, STUDY, "A9", "P9", "Phantom^Daily").await;
    dismiss_order(pipeline.store(), &study(STUDY), "the daily check", &ann()).await.unwrap();
    settle(&pipeline, STUDY).await;
    assert_eq!((reason(&pipeline, STUDY).await, queue(&pipeline).await), (Some(MatchReason::NoOrderNeeded), vec![]));
    let decided = pipeline.store().unmatched(true, 10).await.unwrap();
    assert_eq!(decided.len(), 1);
    undo_order_decision(pipeline.store(), &study(STUDY), &ann()).await.unwrap();
    pipeline.work().await;
    assert_eq!(queue(&pipeline).await, [STUDY]);
}

#[tokio::test]
async fn a_patient_who_is_known_otherwise_is_queued_until_that_is_mended() {
    let pipeline = TestPipeline::open().await;
    receive(&pipeline, STUDY, "A1", "P1", "Doe^Jane").await;
    receive(&pipeline, "2.25.2", "A2", "P1", "Roe^Rita").await;
    receive(&pipeline, "2.25.3", "A3", "P1", "DOE^JANE").await;
    assert_eq!(queue(&pipeline).await, ["2.25.2"]);
    assert_eq!(reason(&pipeline, "2.25.2").await, Some(MatchReason::DiffersFromPatient));
    let (from, into) = (key("P1"), key("P7"));
    receive(&pipeline, "2.25.7", "A7", "P7", "Roe^Rita").await;
    let merged = merge(pipeline.store(), from, &into, "one person", &ann()).await.unwrap();
    pipeline.work().await;
    assert_eq!(queue(&pipeline).await, Vec::<String>::new(), "all are one person's, of one name");
    undo_correction(pipeline.store(), &merged.overlay.id, &ann()).await.unwrap();
    pipeline.work().await;
    assert_eq!(queue(&pipeline).await, ["2.25.2"]);
}

fn key(id: &str) -> lightbox_domain::PatientKey {
    lightbox_domain::PatientKey { id: id.to_owned(), issuer: String::new() }
}

#[tokio::test]
async fn studies_from_before_the_first_order_are_not_asked_for_one() {
    let pipeline = TestPipeline::open().await;
    receive(&pipeline, STUDY, "A1", "P1", "Doe^Jane").await;
    let stored = pipeline.store().study(STUDY).await.unwrap().unwrap();
    while now_ms() <= stored.received_ms {
        tokio::task::yield_now().await;
    }
    place(&pipeline, order("9", "A9", "P9", "Poe^Edgar")).await;
    settle(&pipeline, STUDY).await;
    assert_eq!(found(&pipeline, STUDY).await, None);
}

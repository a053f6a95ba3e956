//! Storage commitment in both roles, and performed procedure steps.

use crate::caller::{Caller, IMPLICIT, Response, command, command_pdu, push};
use crate::object::{CT, Object};
use crate::query::filled;
use crate::setting::{PATIENCE, Setting};
use dicom_ul::pdu::Pdu;
use lightbox_dicom::DataSet;
use lightbox_dicom::data_set::tag;
use lightbox_dimse::{DimseError, Node, report_commitment};
use lightbox_domain::{Job, JobKind, Peer};

const COMMITMENT: &str = "1.2.840.10008.1.20.1";
const WELL_KNOWN: &str = "1.2.840.10008.1.20.1.1";
const MPPS: &str = "1.2.840.10008.3.1.2.3.3";
const STATUS: u32 = 0x0040_0252;

fn normalised(field: u16, class: &str, instance: &str, extra: Option<(u16, u16)>) -> Pdu {
    let mut bytes = command(field, 0x0000, "", "");
    push(&mut bytes, 0x0003, class.as_bytes());
    push(&mut bytes, 0x1001, instance.as_bytes());
    if let Some((element, number)) = extra {
        push(&mut bytes, element, &number.to_le_bytes());
    }
    command_pdu(3, &bytes)
}

fn reference(class: &str, instance: &str) -> DataSet {
    DataSet::default().with(tag::REFERENCED_SOP_CLASS_UID, class).with(tag::REFERENCED_SOP_INSTANCE_UID, instance)
}

async fn ask(caller: &mut Caller, instances: &[(&str, &str)]) -> Response {
    let items = instances.iter().map(|(class, instance)| reference(class, instance)).collect();
    let request = DataSet::default()
        .with(tag::TRANSACTION_UID, "1.2.3.77")
        .with_items(tag::REFERENCED_SOP_SEQUENCE, items)
        .write(IMPLICIT, "");
    caller.send(&normalised(0x0130, COMMITMENT, WELL_KNOWN, Some((0x1008, 1)))).await;
    caller.send_data(3, &request, 16_000, true).await;
    caller.response().await
}

/// The request and the data set of the report that comes next.
async fn report(caller: &mut Caller) -> (Response, DataSet) {
    let request = caller.response().await;
    assert_eq!(request.command_field, 0x0100);
    let Some(Pdu::PData { data }) = caller.receive().await else { panic!("no data set") };
    (request, DataSet::read(&data[0].data, IMPLICIT).unwrap())
}

#[tokio::test]
async fn a_peer_without_address_is_told_where_it_asked() {
    let setting = Setting::start().await;
    filled(&setting).await;
    let other = Object { comment: "another".to_owned(), study_instance_uid: "1.2.3.3".to_owned(), ..Object::new(4) };
    let mut sender = Caller::associated(setting.address, &[&other]).await;
    assert_eq!(sender.store(3, &other).await.status, 0xB000, "it is on the conflict shelf");

    let mut caller = Caller::with_contexts(setting.address, &[(COMMITMENT, IMPLICIT)]).await;
    let asked = [(CT, "1.2.3.4.1"), (CT, "1.2.3.4.999"), ("1.2.840.10008.5.1.4.1.1.4", "1.2.3.4.2"), (CT, "1.2.3.4.4")];
    assert_eq!(ask(&mut caller, &asked).await.status, 0);
    let (request, told) = report(&mut caller).await;
    assert_eq!(told.text(tag::TRANSACTION_UID), "1.2.3.77");
    let kept: Vec<_> = told.items(tag::REFERENCED_SOP_SEQUENCE).iter().collect();
    assert_eq!(kept.len(), 1);
    assert_eq!(kept[0].text(tag::REFERENCED_SOP_INSTANCE_UID), "1.2.3.4.1");
    let failed = told.items(tag::FAILED_SOP_SEQUENCE).iter();
    let failed: Vec<_> =
        failed.map(|item| (item.text(tag::REFERENCED_SOP_INSTANCE_UID), item.text(tag::FAILURE_REASON))).collect();
    assert_eq!(failed, [("1.2.3.4.999", "274"), ("1.2.3.4.2", "281"), ("1.2.3.4.4", "272")]);

    let mut answer = command(0x8100, 0x0101, COMMITMENT, WELL_KNOWN);
    push(&mut answer, 0x0120, &request.message_id.to_le_bytes());
    push(&mut answer, 0x0900, &0_u16.to_le_bytes());
    caller.send(&command_pdu(3, &answer)).await;
    assert_eq!(caller.echo().await.status, 0, "the association goes on");
    let log = setting.store.events(i64::MAX, 100).await.unwrap();
    assert_eq!(log.iter().filter(|line| line.action == "commitment.reported").count(), 1);
}

#[tokio::test]
async fn a_peer_with_an_address_is_told_by_a_job_that_survives() {
    let (archive, modality) = (Setting::start().await, Setting::start().await);
    modality.admit("LIGHTBOX", None).await;
    filled(&archive).await;
    archive.admit_peer(&Peer { ae_title: "TEST".to_owned(), ..modality.as_peer() }).await;
    let mut caller = Caller::with_contexts(archive.address, &[(COMMITMENT, IMPLICIT)]).await;
    assert_eq!(ask(&mut caller, &[(CT, "1.2.3.4.1")]).await.status, 0);
    caller.release().await;

    // The request is on disk: the job can be taken up by whoever looks.
    let mut commitment = None;
    while let Some(claimed) = archive.store.claim(JobKind::Explain).await.unwrap() {
        if let Job::ReportCommitment { commitment_id } = claimed.job {
            commitment = Some(commitment_id);
        }
    }
    let commitment = commitment.expect("a job");
    // The other side never asked, so it refuses, and the report stays due.
    let refused = report_commitment(&archive.store, &Node::new("LIGHTBOX"), &commitment).await;
    assert!(matches!(refused, Err(DimseError::Failed { status: 0x0115, .. })), "{refused:?}");
    assert_eq!(archive.store.commitment(&commitment).await.unwrap().unwrap().state, "due");
}

#[tokio::test]
async fn what_is_no_request_for_commitment_is_refused() {
    let setting = Setting::start_with(|limits| limits.committed_instances_max = 1).await;
    let mut caller = Caller::with_contexts(setting.address, &[(COMMITMENT, IMPLICIT)]).await;
    assert_eq!(ask(&mut caller, &[]).await.status, 0x0115);
    assert_eq!(ask(&mut caller, &[(CT, "1.2"), (CT, "1.3")]).await.status, 0x0213);
    for (instance, action, expected) in [("1.2.3", 1, 0x0112), (WELL_KNOWN, 7, 0x0123)] {
        caller.send(&normalised(0x0130, COMMITMENT, instance, Some((0x1008, action)))).await;
        caller.send_data(3, &[8, 0, 5, 0, 0, 0, 0, 0], 16, true).await;
        assert_eq!(caller.response().await.status, expected);
    }
    assert_eq!(setting.store.jobs_left(JobKind::Explain).await.unwrap(), 0);
}

async fn step(caller: &mut Caller, field: u16, uid: &str, data_set: &DataSet) -> u16 {
    let request = match field {
        0x0140 => command_pdu(3, &command(field, 0x0000, MPPS, uid)),
        _ => normalised(field, MPPS, uid, None),
    };
    caller.send(&request).await;
    caller.send_data(3, &data_set.write(IMPLICIT, ""), 16_000, true).await;
    tokio::time::timeout(PATIENCE, caller.response()).await.unwrap().status
}

#[tokio::test]
async fn a_procedure_step_lists_what_it_made() {
    let setting = Setting::start().await;
    let mut caller = Caller::with_contexts(setting.address, &[(MPPS, IMPLICIT)]).await;
    let scheduled = DataSet::default().with(0x0020_000D, "1.2.3.4");
    let begun = DataSet::default().with(STATUS, "IN PROGRESS").with_items(0x0040_0270, vec![scheduled]);
    assert_eq!(step(&mut caller, 0x0140, "1.2.9", &begun.clone().with(STATUS, "COMPLETED")).await, 0x0106);
    assert_eq!(step(&mut caller, 0x0140, "1.2.9", &begun).await, 0);
    assert_eq!(step(&mut caller, 0x0140, "1.2.9", &begun).await, 0x0111, "twice");

    let series =
        DataSet::default().with_items(0x0008_1140, vec![reference(CT, "1.2.3.4.1"), reference(CT, "1.2.3.4.2")]);
    let ended = DataSet::default().with(STATUS, "COMPLETED").with_items(0x0040_0340, vec![series]);
    assert_eq!(step(&mut caller, 0x0120, "1.2.8", &ended).await, 0x0112, "nobody began that");
    assert_eq!(step(&mut caller, 0x0120, "1.2.9", &ended).await, 0);
    assert_eq!(step(&mut caller, 0x0120, "1.2.9", &begun).await, 0x0110, "it has ended");

    let steps = setting.store.procedure_steps("1.2.3.4").await.unwrap();
    assert_eq!(steps.len(), 1);
    assert_eq!((steps[0].state.as_str(), steps[0].ae_title.as_str()), ("COMPLETED", "TEST"));
    assert_eq!(steps[0].instances(), ["1.2.3.4.1", "1.2.3.4.2"]);
}

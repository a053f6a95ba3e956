//! What others find here.

use crate::caller::{Caller, FIND_STUDY, IMPLICIT, cancel_request, data_pdu, encode, identifier_request};
use crate::object::Object;
use crate::setting::{Setting, call, said};
use dicom_ul::pdu::PDataValueType;
use lightbox_dicom::DataSet;
use lightbox_dicom::data_set::tag;
use lightbox_dimse::{DimseError, Node, find};
use lightbox_domain::{Level, Peer, PeerPolicy, PeerService};

const STUDY_INSTANCE_UID: u32 = 0x0020_000D;
const PATIENT_NAME: u32 = 0x0010_0010;
const PATIENT_ID: u32 = 0x0010_0020;
const NUMBER_OF_STUDY_RELATED_INSTANCES: u32 = 0x0020_1208;
const ETHNIC_GROUP: u32 = 0x0010_2160;

/// Three studies, of which the second has two instances.
pub async fn filled(setting: &Setting) {
    let object = |number: u32, study: &str| Object { study_instance_uid: study.to_owned(), ..Object::new(number) };
    let objects = [object(1, "1.2.3.1"), object(2, "1.2.3.2"), object(3, "1.2.3.2"), object(4, "1.2.3.3")];
    let mut caller = Caller::associated(setting.address, &[&objects[0]]).await;
    for object in &objects {
        assert_eq!(caller.store(3, object).await.status, 0);
    }
    caller.release().await;
}

async fn found(setting: &Setting, level: Level, keys: DataSet) -> Vec<DataSet> {
    let mut found = Vec::new();
    find(&setting.as_peer(), &Node::new("TEST"), level, keys, 1_000, |one| found.push(one)).await.unwrap();
    found
}

#[tokio::test]
async fn every_level_is_found() {
    let setting = Setting::start().await;
    filled(&setting).await;
    let keys = DataSet::default().with(PATIENT_ID, "").with(STUDY_INSTANCE_UID, "");
    for (level, count) in [(Level::Patient, 1), (Level::Study, 3), (Level::Series, 3), (Level::Instance, 4)] {
        assert_eq!(found(&setting, level, keys.clone()).await.len(), count, "{level:?}");
    }
}

#[tokio::test]
async fn a_match_has_what_was_asked_for() {
    let setting = Setting::start().await;
    filled(&setting).await;
    let keys = DataSet::default()
        .with(PATIENT_NAME, "phan*")
        .with(STUDY_INSTANCE_UID, "1.2.3.2\\1.2.3.9")
        .with(NUMBER_OF_STUDY_RELATED_INSTANCES, "")
        .with(ETHNIC_GROUP, "");
    let matches = found(&setting, Level::Study, keys).await;
    assert_eq!(matches.len(), 1);
    let text = |tag| matches[0].text(tag);
    assert_eq!((text(PATIENT_NAME), text(STUDY_INSTANCE_UID)), ("Phantom^Test", "1.2.3.2"));
    assert_eq!((text(NUMBER_OF_STUDY_RELATED_INSTANCES), text(ETHNIC_GROUP)), ("2", ""));
    assert_eq!((text(tag::RETRIEVE_AE_TITLE), text(tag::QUERY_RETRIEVE_LEVEL)), ("LIGHTBOX", "STUDY"));
}

#[tokio::test]
async fn dcmtk_finds_too_and_is_told_of_keys_that_are_not_kept() {
    let setting = Setting::start().await;
    filled(&setting).await;
    let keys = ["-k", "QueryRetrieveLevel=STUDY", "-k", "StudyInstanceUID=1.2.3.3", "-k", "EthnicGroup"];
    let mut command = crate::setting::dcmtk("findscu");
    command.args(["-v", "-d", "-S", "-aet", "TEST"]).args(keys);
    command.arg("127.0.0.1").arg(setting.address.port().to_string());
    let output = command.output().await.unwrap();
    let text = said(&output);
    assert!(output.status.success() && text.contains("0xff01") && text.contains("1.2.3.3"), "{text}");
    assert!(text.contains("Status code : 0x0000") || text.contains("0x0000: Success"), "{text}");
    let echoed = call("echoscu", "TEST", setting.address, &[]).await;
    assert!(echoed.status.success());
}

#[tokio::test]
async fn more_matches_than_allowed_are_cut_off_and_said_to_be() {
    let setting = Setting::start_with(|limits| limits.find_matches_max = 2).await;
    filled(&setting).await;
    let mut matches = 0;
    let keys = DataSet::default().with(STUDY_INSTANCE_UID, "");
    let ended = find(&setting.as_peer(), &Node::new("TEST"), Level::Study, keys, 1_000, |_| matches += 1).await;
    assert!(matches!(&ended, Err(DimseError::Failed { status: 0xA700, .. })), "{ended:?}");
    assert_eq!(matches, 2);
}

#[tokio::test]
async fn a_query_that_cannot_be_understood_is_refused() {
    let setting = Setting::start().await;
    let status = |ended: Result<(), DimseError>| match ended {
        Err(DimseError::Failed { status, comment, .. }) => (status, comment),
        other => panic!("not refused: {other:?}"),
    };
    let keys = DataSet::default().with(0x0008_0020, "yesterday");
    let (code, comment) = status(find(&setting.as_peer(), &Node::new("TEST"), Level::Study, keys, 10, |_| {}).await);
    assert_eq!(code, 0xC000);
    assert!(comment.contains("StudyDate") && !comment.contains("yesterday"), "{comment}");

    let mut caller = Caller::with_contexts(setting.address, &[(FIND_STUDY, IMPLICIT)]).await;
    let wrong = DataSet::default().with(tag::QUERY_RETRIEVE_LEVEL, "PATIENT").write(IMPLICIT, "");
    caller.send(&identifier_request(3, 0x0020, FIND_STUDY)).await;
    caller.send_data(3, &wrong, 16_000, true).await;
    assert_eq!(caller.response().await.status, 0xA900);
    caller.send(&identifier_request(3, 0x0020, FIND_STUDY)).await;
    caller.send_data(3, &[8, 0, 0x52, 0, 200, 0, 0, 0, b'S'], 16_000, true).await;
    assert_eq!(caller.response().await.status, 0xC000, "an identifier that is cut short");
    assert_eq!(caller.echo().await.status, 0, "the association goes on");
}

#[tokio::test]
async fn a_query_can_be_cancelled() {
    let setting = Setting::start().await;
    filled(&setting).await;
    let mut caller = Caller::with_contexts(setting.address, &[(FIND_STUDY, IMPLICIT)]).await;
    let keys = DataSet::default().with(tag::QUERY_RETRIEVE_LEVEL, "IMAGE").with(STUDY_INSTANCE_UID, "");
    // The cancel is there before the first match can leave.
    let identifier = data_pdu(3, PDataValueType::Data, true, keys.write(IMPLICIT, ""));
    let pdus = [identifier_request(3, 0x0020, FIND_STUDY), identifier, cancel_request(3)];
    let together: Vec<u8> = pdus.iter().flat_map(encode).collect();
    caller.send_bytes(&together).await;
    assert_eq!(caller.response().await.status, 0xFE00);
    assert_eq!(caller.echo().await.status, 0);
}

#[tokio::test]
async fn a_peer_that_may_not_query_cannot() {
    let setting = Setting::start().await;
    let policy = PeerPolicy { services: vec![PeerService::Store], ..PeerPolicy::default() };
    setting.admit_peer(&Peer { policy, ..Peer::new("TEST", 0) }).await;
    let refused = find(&setting.as_peer(), &Node::new("TEST"), Level::Study, DataSet::default(), 10, |_| {}).await;
    assert!(matches!(refused, Err(DimseError::ServiceRefused { .. })), "{refused:?}");
}

//! What others get from here.

use crate::caller::{Caller, IMPLICIT, Response, cancel_request, identifier_request, request_with_roles};
use crate::object::{EXPLICIT, Object};
use crate::query::filled;
use crate::setting::{PATIENCE, Setting, dcmtk, peer_at, said};
use dicom_ul::pdu::Pdu;
use lightbox_dicom::data_set::tag;
use lightbox_dicom::{DataSet, same_data_set};
use lightbox_dimse::{DimseError, Moved, Node, retrieve};
use lightbox_domain::{Level, Limits, Peer};
use tokio::net::{TcpListener, TcpStream};

const STUDY_INSTANCE_UID: u32 = 0x0020_000D;
const SOP_INSTANCE_UID: u32 = 0x0008_0018;
const PATIENT_ID: u32 = 0x0010_0020;
const GET_STUDY: &str = "1.2.840.10008.5.1.4.1.2.2.3";
const CT: &str = "1.2.840.10008.5.1.4.1.1.2";

fn keys(tag: u32, value: &str) -> DataSet {
    DataSet::default().with(tag, value)
}

/// Another door as destination `PACS`, and one that sends there.
async fn two_doors() -> (Setting, Setting) {
    let (source, destination) = (Setting::start().await, Setting::start().await);
    destination.admit("LIGHTBOX", None).await;
    source.admit_peer(&destination.as_peer()).await;
    filled(&source).await;
    (source, destination)
}

#[tokio::test]
async fn every_level_is_moved() {
    let (source, destination) = two_doors().await;
    for (level, keys, count) in [
        (Level::Instance, keys(SOP_INSTANCE_UID, "1.2.3.4.1\\1.2.3.4.9"), 1),
        (Level::Series, keys(0x0020_000E, "1.2.3.2.1"), 2),
        (Level::Study, keys(STUDY_INSTANCE_UID, "1.2.3.2\\1.2.3.3"), 3),
        (Level::Patient, keys(PATIENT_ID, "PHANTOM-1"), 4),
        (Level::Study, keys(STUDY_INSTANCE_UID, "1.2.3.9"), 0),
    ] {
        let mut told = 0;
        let moved = retrieve(&source.as_peer(), &Node::new("TEST"), "PACS", level, keys, |_| told += 1).await.unwrap();
        assert_eq!((moved, told), (Moved { completed: count, ..Moved::default() }, count), "{level:?}");
    }
    assert_eq!(destination.files_kept().await, 4);
}

#[tokio::test]
async fn a_destination_must_be_known_with_its_address() {
    let (source, _destination) = two_doors().await;
    source.admit("NOWHERE", None).await;
    for title in ["STRANGER", "NOWHERE"] {
        let keys = keys(STUDY_INSTANCE_UID, "1.2.3.2");
        let refused = retrieve(&source.as_peer(), &Node::new("TEST"), title, Level::Study, keys, |_| {}).await;
        assert!(matches!(&refused, Err(DimseError::Failed { status: 0xA801, .. })), "{title}: {refused:?}");
    }
}

#[tokio::test]
async fn what_cannot_be_moved_is_counted_and_named() {
    let (source, _destination) = two_doors().await;
    let nobody = TcpListener::bind("127.0.0.1:0").await.unwrap().local_addr().unwrap().port();
    source.admit_peer(&Peer { ae_title: "GONE".to_owned(), ..peer_at(nobody) }).await;
    let moved = retrieve(
        &source.as_peer(),
        &Node::new("TEST"),
        "GONE",
        Level::Study,
        keys(STUDY_INSTANCE_UID, "1.2.3.2"),
        |_| {},
    )
    .await;
    assert!(matches!(&moved, Err(DimseError::Failed { status: 0xA702, .. })), "{moved:?}");
}

#[tokio::test]
async fn too_much_at_once_is_refused() {
    let source = Setting::start_with(|limits| limits.retrieved_instances_max = 1).await;
    source.admit_peer(&source.as_peer()).await;
    filled(&source).await;
    let refused = retrieve(
        &source.as_peer(),
        &Node::new("TEST"),
        "PACS",
        Level::Study,
        keys(STUDY_INSTANCE_UID, "1.2.3.2"),
        |_| {},
    )
    .await;
    assert!(matches!(&refused, Err(DimseError::Failed { status: 0xA701, .. })), "{refused:?}");
}

#[tokio::test]
async fn dcmtk_moves_to_its_own_port() {
    let setting = Setting::start().await;
    filled(&setting).await;
    let port = TcpListener::bind("127.0.0.1:0").await.unwrap().local_addr().unwrap().port();
    setting.admit_peer(&Peer { ae_title: "TEST".to_owned(), ..peer_at(port) }).await;
    let folder = tempfile::tempdir().unwrap();
    let mut command = dcmtk("movescu");
    command.args(["-v", "-S", "-aet", "TEST", "-aem", "TEST", "-k", "QueryRetrieveLevel=STUDY"]);
    command.args(["-k", "StudyInstanceUID=1.2.3.2", "--port", &port.to_string(), "-od"]).arg(folder.path());
    command.arg("127.0.0.1").arg(setting.address.port().to_string());
    let output = tokio::time::timeout(PATIENCE, command.output()).await.expect("it ends").unwrap();
    assert!(output.status.success(), "{}", said(&output));
    assert_eq!(std::fs::read_dir(folder.path()).unwrap().count(), 2, "{}", said(&output));
}

#[tokio::test]
async fn dcmtk_gets_what_it_can_take() {
    let setting = Setting::start().await;
    let object = Object::in_syntax(1, EXPLICIT);
    let mut caller = Caller::associated(setting.address, &[&object]).await;
    assert_eq!(caller.store(3, &object).await.status, 0);
    let folder = tempfile::tempdir().unwrap();
    let mut command = dcmtk("getscu");
    command.args(["-v", "-S", "+B", "-aet", "TEST", "-k", "QueryRetrieveLevel=STUDY"]);
    command.args(["-k", "StudyInstanceUID=1.2.3.4", "-od"]).arg(folder.path());
    command.arg("127.0.0.1").arg(setting.address.port().to_string());
    let output = tokio::time::timeout(PATIENCE, command.output()).await.expect("it ends").unwrap();
    assert!(output.status.success(), "{}", said(&output));
    let files: Vec<_> = std::fs::read_dir(folder.path()).unwrap().map(|entry| entry.unwrap().path()).collect();
    assert_eq!(files.len(), 1, "{}", said(&output));
    let sent = object.write(folder.path());
    assert!(same_data_set(&files[0], &sent, &Limits::default()).unwrap());
}

#[tokio::test]
async fn an_instance_that_the_caller_cannot_take_is_counted_as_failed() {
    let setting = Setting::start().await;
    filled(&setting).await;
    let contexts = [(GET_STUDY, IMPLICIT), ("1.2.840.10008.5.1.4.1.1.4", EXPLICIT)];
    let mut caller = Caller::with_contexts(setting.address, &contexts).await;
    ask_for(&mut caller, "1.2.3.2").await;
    assert_eq!(caller.response().await.status, 0xFF00);
    let last = caller.sub_operation().await;
    assert_eq!((last.command_field, last.status), (0x8010, 0xA702), "and a data set names them");
}

/// An association that asks for C-GET and takes CT images.
async fn getter(setting: &Setting) -> Caller {
    let contexts = [(GET_STUDY, IMPLICIT), (CT, EXPLICIT)];
    let (caller, answer) = Caller::ask(setting.address, request_with_roles("TEST", &contexts, &[CT])).await;
    assert!(matches!(answer, Some(Pdu::AssociationAC(_))));
    caller
}

async fn ask_for(caller: &mut Caller, study: &str) {
    let keys = keys(tag::QUERY_RETRIEVE_LEVEL, "STUDY").with(STUDY_INSTANCE_UID, study);
    caller.send(&identifier_request(3, 0x0010, GET_STUDY)).await;
    caller.send_data(3, &keys.write(IMPLICIT, ""), 16_000, true).await;
}

#[tokio::test]
async fn a_get_can_be_cancelled_between_two_instances() {
    let setting = Setting::start().await;
    filled(&setting).await;
    let mut caller = getter(&setting).await;
    ask_for(&mut caller, "1.2.3.2").await;
    let stored: Response = caller.sub_operation().await;
    assert_eq!(stored.command_field, 0x0001);
    caller.send(&cancel_request(3)).await;
    caller.answer_store(5, &stored).await;
    let last = caller.response().await;
    assert_eq!((last.command_field, last.status), (0x8010, 0xFE00));
    assert_eq!(caller.echo().await.status, 0);
}

#[tokio::test]
async fn a_caller_that_goes_away_during_a_get_disturbs_nobody() {
    let setting = Setting::start().await;
    filled(&setting).await;
    let mut caller = getter(&setting).await;
    ask_for(&mut caller, "1.2.3.2").await;
    assert_eq!(caller.sub_operation().await.command_field, 0x0001);
    drop(caller);
    assert!(TcpStream::connect(setting.address).await.is_ok());
    let mut other = getter(&setting).await;
    assert_eq!(other.echo().await.status, 0);
}

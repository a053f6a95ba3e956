//! Callers that break the rules: the door stays open for others, and nothing half is kept.

use crate::caller::{Caller, announced_bytes_max, command_pdu, data_pdu, echo_request, encode, request, store_request};
use crate::object::Object;
use crate::setting::Setting;
use dicom_ul::pdu::{AbortRQServiceProviderReason as Reason, AbortRQSource, PDataValue, PDataValueType, Pdu};

/// The reason of the A-ABORT that comes next; the door then closes.
async fn aborted(caller: &mut Caller) -> Reason {
    let Some(Pdu::AbortRQ { source: AbortRQSource::ServiceProvider(reason) }) = caller.receive().await else {
        panic!("no A-ABORT")
    };
    assert_eq!(caller.receive().await, None, "the connection is closed");
    reason
}

/// The door serves others as if nothing had been, and nothing was kept. What is dropped is removed from the disk by a
/// thread that a later store on the same disk outlives.
async fn undisturbed(setting: &Setting) {
    let other = Object::new(999);
    let mut caller = Caller::associated(setting.address, &[&other]).await;
    assert_eq!(caller.store(3, &other).await.status, 0);
    caller.release().await;
    assert_eq!(setting.files_kept().await, 1);
    while setting.files_on_disk() != 1 {
        tokio::task::yield_now().await;
    }
}

#[tokio::test]
async fn garbage_is_answered_with_an_abort() {
    let setting = Setting::start().await;
    for garbage in [&b"GET / HTTP/1.1\r\n\r\n"[..], &[0xFF; 4_000], &[0x00]] {
        let mut caller = Caller::connect(setting.address).await;
        caller.send_bytes(garbage).await;
        assert_eq!(aborted(&mut caller).await, Reason::UnrecognizedPdu);
    }
    undisturbed(&setting).await;
}

#[tokio::test]
async fn a_malformed_request_is_answered_with_an_abort() {
    let setting = Setting::start().await;
    let mut caller = Caller::connect(setting.address).await;
    caller.send_bytes(&[1, 0, 0, 0, 0, 4, 0, 1, 0, 0]).await;
    assert_eq!(aborted(&mut caller).await, Reason::InvalidPduParameter);
    undisturbed(&setting).await;
}

#[tokio::test]
async fn a_message_without_an_association_is_unexpected() {
    let setting = Setting::start().await;
    let mut caller = Caller::connect(setting.address).await;
    caller.send(&command_pdu(1, &echo_request())).await;
    assert_eq!(aborted(&mut caller).await, Reason::UnexpectedPdu);
    undisturbed(&setting).await;
}

#[tokio::test]
async fn a_pdu_longer_than_announced_is_refused_before_it_is_read() {
    let setting = Setting::start().await;
    let (mut caller, answer) = Caller::ask(setting.address, request("TEST", &[])).await;
    let Some(Pdu::AssociationAC(answer)) = answer else { panic!("no association") };
    let length = announced_bytes_max(&answer) + 1;
    caller.send_bytes(&[4, 0]).await;
    caller.send_bytes(&length.to_be_bytes()).await;
    assert_eq!(aborted(&mut caller).await, Reason::InvalidPduParameter);
    undisturbed(&setting).await;
}

#[tokio::test]
async fn bytes_may_come_one_by_one() {
    let setting = Setting::start().await;
    let object = Object { pixel_bytes: 64 * 64 * 2, ..Object::new(1) };
    let mut caller = Caller::connect(setting.address).await;
    for byte in encode(&request("TEST", &[&object])) {
        caller.send_bytes(&[byte]).await;
    }
    assert!(matches!(caller.receive().await, Some(Pdu::AssociationAC(_))));
    caller.send(&command_pdu(3, &store_request(&object))).await;
    caller.send_data(3, &object.data_set(), 1, true).await;
    assert_eq!(caller.response().await.status, 0);
    caller.release().await;
    assert_eq!(setting.files_kept().await, 1);
}

#[tokio::test]
async fn a_message_may_come_in_one_pdu() {
    let setting = Setting::start().await;
    let object = Object::new(1);
    let mut caller = Caller::associated(setting.address, &[&object]).await;
    let value = |value_type, data| PDataValue { presentation_context_id: 3, value_type, is_last: true, data };
    let command = value(PDataValueType::Command, store_request(&object));
    let data_set = value(PDataValueType::Data, object.data_set());
    caller.send(&Pdu::PData { data: vec![command, data_set] }).await;
    assert_eq!(caller.response().await.status, 0);
}

#[tokio::test]
async fn a_transfer_that_breaks_off_leaves_nothing() {
    let setting = Setting::start().await;
    let object = Object { pixel_bytes: 400_000, ..Object::new(1) };
    let data_set = object.data_set();
    for ending in [None, Some(Pdu::AbortRQ { source: AbortRQSource::ServiceUser }), Some(Pdu::ReleaseRQ)] {
        let mut caller = Caller::associated(setting.address, &[&object]).await;
        caller.send(&command_pdu(3, &store_request(&object))).await;
        caller.send_data(3, &data_set[..data_set.len() / 2], 16_000, false).await;
        match ending {
            None => drop(caller),
            Some(Pdu::ReleaseRQ) => {
                caller.send(&Pdu::ReleaseRQ).await;
                assert_eq!(aborted(&mut caller).await, Reason::UnexpectedPdu);
            }
            Some(pdu) => caller.send(&pdu).await,
        }
    }
    // One that breaks off within a PDU.
    let mut caller = Caller::associated(setting.address, &[&object]).await;
    caller.send(&command_pdu(3, &store_request(&object))).await;
    let pdu = encode(&data_pdu(3, PDataValueType::Data, false, data_set));
    caller.send_bytes(&pdu[..pdu.len() / 2]).await;
    drop(caller);
    undisturbed(&setting).await;
    assert!(setting.instance(&object.sop_instance_uid).await.is_none());
}

#[tokio::test]
async fn a_transfer_that_stalls_is_aborted_and_leaves_nothing() {
    let setting = Setting::start_with(|limits| limits.association_idle_seconds_max = 1).await;
    let object = Object { pixel_bytes: 100_000, ..Object::new(1) };
    let pdu = encode(&data_pdu(3, PDataValueType::Data, false, object.data_set()));
    for sent in [0, 3, pdu.len() / 2] {
        let mut caller = Caller::associated(setting.address, &[&object]).await;
        caller.send(&command_pdu(3, &store_request(&object))).await;
        caller.send_bytes(&pdu[..sent]).await;
        assert_eq!(aborted(&mut caller).await, Reason::ReasonNotSpecified, "after {sent} bytes");
    }
    undisturbed(&setting).await;
}

#[tokio::test]
async fn messages_out_of_order_are_answered_with_an_abort() {
    let setting = Setting::start().await;
    let object = Object::new(1);
    let data = || data_pdu(3, PDataValueType::Data, true, object.data_set());
    let store = || command_pdu(3, &store_request(&object));
    let unaccepted = || command_pdu(99, &store_request(&object));
    let other_context = || data_pdu(1, PDataValueType::Data, true, object.data_set());
    for pdus in [vec![data()], vec![store(), store()], vec![unaccepted()], vec![store(), other_context()]] {
        let mut caller = Caller::associated(setting.address, &[&object]).await;
        for pdu in &pdus {
            caller.send(pdu).await;
        }
        assert_eq!(aborted(&mut caller).await, Reason::UnexpectedPdu);
    }
    let mut caller = Caller::associated(setting.address, &[&object]).await;
    caller.send(&command_pdu(1, &[0xA5; 64])).await;
    assert_eq!(aborted(&mut caller).await, Reason::InvalidPduParameter);
    let mut caller = Caller::associated(setting.address, &[&object]).await;
    caller.send(&data_pdu(1, PDataValueType::Command, false, vec![0; 15_000])).await;
    caller.send(&data_pdu(1, PDataValueType::Command, false, vec![0; 15_000])).await;
    assert_eq!(aborted(&mut caller).await, Reason::InvalidPduParameter);
    undisturbed(&setting).await;
}

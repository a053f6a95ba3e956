//! Who may associate.

use crate::caller::{Caller, request};
use crate::setting::{Setting, call, said};
use dicom_ul::pdu::{
    AssociationRJ, AssociationRJResult, AssociationRJServiceProviderPresentationReason as PresentationReason,
    AssociationRJServiceUserReason as UserReason, AssociationRJSource, Pdu,
};
use lightbox_domain::{Peer, PeerPolicy};

fn rejection(answer: Option<Pdu>) -> AssociationRJ {
    match answer {
        Some(Pdu::AssociationRJ(rejection)) => rejection,
        other => panic!("not rejected: {other:?}"),
    }
}

fn by_user(reason: UserReason) -> AssociationRJ {
    AssociationRJ { result: AssociationRJResult::Permanent, source: AssociationRJSource::ServiceUser(reason) }
}

#[tokio::test]
async fn an_unknown_caller_is_pending_until_it_is_admitted() {
    let setting = Setting::start().await;
    for _ in 0..3 {
        let refused = call("echoscu", "CT1", setting.address, &[]).await;
        assert!(!refused.status.success());
        assert!(said(&refused).contains("Calling AE Title Not Recognized"), "{}", said(&refused));
    }
    let pending = setting.store.pending_peers().await.unwrap();
    assert_eq!(pending.len(), 1);
    let caller = &pending[0];
    assert_eq!((caller.ae_title.as_str(), caller.host.as_str(), caller.attempts), ("CT1", "127.0.0.1", 3));
    let told = setting.store.events(i64::MAX, 100).await.unwrap();
    assert_eq!(told.iter().filter(|line| line.action == "peer.refused").count(), 1, "the log is not flooded");

    setting.admit("CT1", None).await;
    let admitted = call("echoscu", "CT1", setting.address, &[]).await;
    assert!(admitted.status.success(), "{}", said(&admitted));
    assert!(setting.store.pending_peers().await.unwrap().is_empty());
}

#[tokio::test]
async fn everybody_is_admitted_by_an_asterisk() {
    let setting = Setting::start().await;
    setting.admit("*", None).await;
    let echoed = call("echoscu", "NEVER_SEEN", setting.address, &[]).await;
    assert!(echoed.status.success(), "{}", said(&echoed));
}

#[tokio::test]
async fn a_peer_with_a_host_is_admitted_from_there_only() {
    let setting = Setting::start().await;
    for (host, expected) in [("127.0.0.1", true), ("localhost", true), ("192.0.2.7", false)] {
        setting.admit("CT1", Some(host)).await;
        let echoed = call("echoscu", "CT1", setting.address, &[]).await;
        assert_eq!(echoed.status.success(), expected, "{host}: {}", said(&echoed));
    }
}

#[tokio::test]
async fn any_called_title_is_accepted_unless_the_site_is_strict() {
    let strict = Setting::start_strict(true, |_| {}).await;
    strict.admit("TEST", None).await;
    let (_caller, answer) = Caller::ask(strict.address, request("TEST", &[])).await;
    assert_eq!(rejection(answer), by_user(UserReason::CalledAETitleNotRecognized));
    let echoed = call("echoscu", "TEST", strict.address, &[]).await;
    assert!(echoed.status.success(), "it is called LIGHTBOX: {}", said(&echoed));

    let lenient = Setting::start().await;
    assert_eq!(Caller::associated(lenient.address, &[]).await.echo().await.status, 0);
}

#[tokio::test]
async fn another_protocol_or_application_is_rejected() {
    let setting = Setting::start().await;
    let Pdu::AssociationRQ(mut wrong) = request("TEST", &[]) else { unreachable!() };
    wrong.application_context_name = "1.2.840.10008.3.1.1.9".to_owned();
    let (_caller, answer) = Caller::ask(setting.address, wrong.clone().into()).await;
    assert_eq!(rejection(answer), by_user(UserReason::ApplicationContextNameNotSupported));
    wrong.protocol_version = 2;
    let (_caller, answer) = Caller::ask(setting.address, wrong.into()).await;
    assert!(rejection(answer).source.to_string().contains("protocol version"));
}

#[tokio::test]
async fn associations_are_limited() {
    let setting = Setting::start_with(|limits| limits.associations_max = 2).await;
    let first = Caller::associated(setting.address, &[]).await;
    let mut second = Caller::associated(setting.address, &[]).await;
    let (_third, answer) = Caller::ask(setting.address, request("TEST", &[])).await;
    let expected = AssociationRJ {
        result: AssociationRJResult::Transient,
        source: AssociationRJSource::ServiceProviderPresentation(PresentationReason::LocalLimitExceeded),
    };
    assert_eq!(rejection(answer), expected);
    assert_eq!(second.echo().await.status, 0, "those that are there are not disturbed");

    first.release().await;
    // The place is free once the door has seen the connection close.
    while let (_, Some(Pdu::AssociationRJ(_))) = Caller::ask(setting.address, request("TEST", &[])).await {}
    assert_eq!(second.echo().await.status, 0);
}

#[tokio::test]
async fn a_peer_has_limits_of_its_own() {
    let setting = Setting::start().await;
    setting.admit("OTHER", None).await;
    let policy = PeerPolicy { associations_max: Some(1), idle_seconds_max: Some(1), ..PeerPolicy::default() };
    setting.admit_peer(&Peer { policy, ..Peer::new("TEST", 0) }).await;
    let mut first = Caller::associated(setting.address, &[]).await;
    let (_second, answer) = Caller::ask(setting.address, request("TEST", &[])).await;
    assert_eq!(rejection(answer).result, AssociationRJResult::Transient);
    let (_other, answer) = Caller::ask(setting.address, request("OTHER", &[])).await;
    assert!(matches!(answer, Some(Pdu::AssociationAC(_))), "others have places of their own");
    assert!(matches!(first.receive().await, Some(Pdu::AbortRQ { .. })), "it was idle for too long");
    while let (_, Some(Pdu::AssociationRJ(_))) = Caller::ask(setting.address, request("TEST", &[])).await {}
}

#[tokio::test]
async fn open_associations_are_counted_by_peer() {
    let setting = Setting::start().await;
    setting.admit("OTHER", None).await;
    assert_eq!(setting.server.associations(), []);
    let first = Caller::associated(setting.address, &[]).await;
    let _second = Caller::associated(setting.address, &[]).await;
    let _other = Caller::ask(setting.address, request("OTHER", &[])).await;
    let open = |other, test| vec![("OTHER".to_owned(), other), ("TEST".to_owned(), test)];
    assert_eq!(setting.server.associations(), open(1, 2));
    first.release().await;
    while setting.server.associations() != open(1, 1) {
        tokio::task::yield_now().await;
    }
}

#[tokio::test]
async fn an_idle_association_is_aborted() {
    let setting = Setting::start_with(|limits| limits.association_idle_seconds_max = 1).await;
    let mut caller = Caller::associated(setting.address, &[]).await;
    assert_eq!(caller.echo().await.status, 0);
    assert!(matches!(caller.receive().await, Some(Pdu::AbortRQ { .. })));
    assert_eq!(caller.receive().await, None);
}

#[tokio::test]
async fn a_door_that_closes_aborts_idle_associations() {
    let setting = Setting::start().await;
    let mut caller = Caller::associated(setting.address, &[]).await;
    assert_eq!(caller.echo().await.status, 0);
    let address = setting.address;
    let (closed, aborted) = tokio::join!(setting.shut_down(), caller.receive());
    assert_eq!(closed, ());
    assert!(matches!(aborted, Some(Pdu::AbortRQ { .. })));
    assert!(tokio::net::TcpStream::connect(address).await.is_err());
}

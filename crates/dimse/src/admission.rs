//! Whether a caller may associate. Asked of the store each time, so that admitting a peer takes effect at once.

use dicom_ul::pdu::{
    AssociationRJ, AssociationRJResult, AssociationRJServiceProviderASCEReason as AcseReason,
    AssociationRJServiceProviderPresentationReason as PresentationReason, AssociationRJServiceUserReason as UserReason,
    AssociationRJSource, AssociationRQ,
};
use lightbox_domain::{AeTitle, Event, Peer};
use lightbox_store::{Store, StoreError};
use std::net::IpAddr;
use std::time::Duration;

/// The only application context of DICOM (PS3.7 §A.2.1).
pub(crate) const APPLICATION_CONTEXT: &str = "1.2.840.10008.3.1.1.1";

/// How long the name of a peer's host may take to be resolved.
const RESOLVE_MAX: Duration = Duration::from_secs(3);

/// Why a caller is rejected (PS3.8 §9.3.4, Table 9-21).
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub(crate) enum Rejection {
    #[error("speaks another version of the protocol")]
    ProtocolVersion,
    #[error("asks for another application context than DICOM's")]
    ApplicationContext,
    #[error("would be one association more than `associations_max`")]
    LimitExceeded,
    #[error("would have one association more than its own `associations_max`")]
    PeerLimitExceeded,
    #[error("calls somebody else")]
    CalledTitle,
    #[error("is not an admitted peer")]
    CallingTitle,
    #[error("cannot be looked up: {0}")]
    Unavailable(String),
}

impl Rejection {
    /// The PDU that says so.
    pub(crate) fn pdu(&self) -> AssociationRJ {
        let (result, source) = match self {
            Self::ProtocolVersion => {
                let reason = AcseReason::ProtocolVersionNotSupported;
                (AssociationRJResult::Permanent, AssociationRJSource::ServiceProviderASCE(reason))
            }
            Self::ApplicationContext => user(UserReason::ApplicationContextNameNotSupported),
            Self::CalledTitle => user(UserReason::CalledAETitleNotRecognized),
            Self::CallingTitle => user(UserReason::CallingAETitleNotRecognized),
            Self::LimitExceeded | Self::PeerLimitExceeded => passing(PresentationReason::LocalLimitExceeded),
            Self::Unavailable(_) => passing(PresentationReason::TemporaryCongestion),
        };
        AssociationRJ { result, source }
    }
}

fn user(reason: UserReason) -> (AssociationRJResult, AssociationRJSource) {
    (AssociationRJResult::Permanent, AssociationRJSource::ServiceUser(reason))
}

fn passing(reason: PresentationReason) -> (AssociationRJResult, AssociationRJSource) {
    (AssociationRJResult::Transient, AssociationRJSource::ServiceProviderPresentation(reason))
}

/// What does not depend on the caller: the protocol, and whom it calls.
pub(crate) fn check_request(request: &AssociationRQ, called_title: Option<&AeTitle>) -> Result<(), Rejection> {
    // Bit 0 stands for version 1; only that is tested (PS3.8 §9.3.2).
    if request.protocol_version & 1 == 0 {
        return Err(Rejection::ProtocolVersion);
    }
    if request.application_context_name.trim_matches(['\0', ' ']) != APPLICATION_CONTEXT {
        return Err(Rejection::ApplicationContext);
    }
    match called_title {
        Some(title) if AeTitle::parse(&request.called_ae_title).as_ref() != Ok(title) => Err(Rejection::CalledTitle),
        _ => Ok(()),
    }
}

/// The caller's title and what is known of it, if it is admitted. One that is not is remembered as pending. A peer of
/// that title goes before the one that admits everybody.
pub(crate) async fn admit(
    store: &Store,
    calling_title: &str,
    host: IpAddr,
    pending_max: usize,
) -> Result<(AeTitle, Peer), Rejection> {
    let title = AeTitle::parse(calling_title).map_err(|_| Rejection::CallingTitle)?;
    let unavailable = |error: StoreError| Rejection::Unavailable(error.to_string());
    let mut peers = store.peers().await.map_err(unavailable)?;
    peers.sort_by_key(|peer| peer.ae_title != title.as_str());
    for peer in peers {
        if is_caller(&peer, &title, host).await {
            return Ok((title, peer));
        }
    }
    note_refused(store, &title, host, pending_max).await.map_err(unavailable)?;
    Err(Rejection::CallingTitle)
}

/// Whether this peer is the caller. A host that was given by name is resolved.
async fn is_caller(peer: &Peer, title: &AeTitle, host: IpAddr) -> bool {
    let Some(known) = peer.host.as_deref() else { return peer.admits(title, "") };
    let here = Peer { host: None, ..peer.clone() };
    if !here.admits(title, "") {
        return false;
    }
    match known.parse::<IpAddr>() {
        Ok(address) => address.to_canonical() == host,
        Err(_) => tokio::time::timeout(RESOLVE_MAX, tokio::net::lookup_host((known, 0)))
            .await
            .is_ok_and(|found| found.is_ok_and(|mut found| found.any(|one| one.ip().to_canonical() == host))),
    }
}

/// Remembers the caller; the event log tells of it once, not each time that it knocks.
async fn note_refused(store: &Store, title: &AeTitle, host: IpAddr, pending_max: usize) -> Result<(), StoreError> {
    let mut write = store.write().await?;
    if write.note_pending(title.as_str(), &host.to_string(), pending_max).await? {
        let event = Event::new(&format!("peer:{title}"), "peer.refused", "peer", title.as_str())
            .outcome("its AE title is not admitted")
            .detail(serde_json::json!({ "host": host.to_string() }).to_string());
        write.append_event(event).await?;
    }
    write.commit().await
}

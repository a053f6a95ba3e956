//! What Lightbox asks of peers: are you there (C-ECHO), and keep this (C-STORE).

use crate::DimseError;
use crate::command::{C_ECHO_RQ, CommandSet};
use crate::outgoing::Outgoing;
use crate::requestor::{Offer, Requestor};
use crate::sending::{Batch, batches, offers, open, store_one};
use crate::tls::Tls;
use dicom_dictionary_std::uids;
use lightbox_dicom::ObjectFile;
use lightbox_domain::{AeTitle, Peer};
use std::path::{Path, PathBuf};
use std::time::{Duration, Instant};

/// How long a peer may take for each step of a C-STORE: to connect, to take or send a PDU.
pub(crate) const STORE_WAIT_MAX: Duration = Duration::from_secs(60);

/// How many files are looked at before they are sent.
const FILES_AT_ONCE: usize = 512;

/// Who we are when we call.
#[derive(Clone, Debug)]
pub struct Node {
    /// Our AE title.
    pub ae_title: String,
    /// How we take part in TLS, if we do.
    pub tls: Option<Tls>,
}

impl Node {
    /// A node without TLS.
    #[must_use]
    pub fn new(ae_title: &str) -> Self {
        Self { ae_title: ae_title.to_owned(), tls: None }
    }
}

/// Whom to call, and as whom.
#[derive(Clone, Debug)]
pub struct Target {
    /// Host name or address.
    pub host: String,
    /// TCP port.
    pub port: u16,
    /// The peer's AE title.
    pub called: String,
    /// Our own.
    pub calling: String,
    /// How to call it over TLS; `None` for without.
    pub tls: Option<Tls>,
}

impl Target {
    /// Where a known peer is.
    ///
    /// # Errors
    /// [`DimseError::NoAddress`] when nobody said where it is; [`DimseError::BadTitle`] when it has no title to call;
    /// [`DimseError::NoTls`] when it is called over TLS, and we cannot.
    pub fn of(peer: &Peer, us: &Node) -> Result<Self, DimseError> {
        let (Some(host), Some(port)) = (peer.host.clone(), peer.port) else {
            return Err(DimseError::NoAddress(peer.ae_title.clone()));
        };
        let tls = match &us.tls {
            _ if !peer.policy.tls => None,
            Some(tls) if tls.can_call() => Some(tls.clone()),
            _ => return Err(DimseError::NoTls(peer.ae_title.clone())),
        };
        let target = Self { host, port, called: peer.ae_title.clone(), calling: us.ae_title.clone(), tls };
        target.check()?;
        Ok(target)
    }

    fn check(&self) -> Result<(), DimseError> {
        for title in [&self.called, &self.calling] {
            AeTitle::parse(title).map_err(|_| DimseError::BadTitle(title.clone()))?;
        }
        Ok(())
    }

    pub(crate) fn address(&self) -> String {
        format!("{}:{}", self.host, self.port)
    }
}

/// Asks a peer whether it is there; gives how long that took, connecting and associating included. Each step may take
/// `wait_max`.
///
/// # Errors
/// [`DimseError`] says at which step it failed.
pub async fn echo(peer: &Peer, us: &Node, wait_max: Duration) -> Result<Duration, DimseError> {
    let started = Instant::now();
    let target = Target::of(peer, us)?;
    let (class, syntax) = (uids::VERIFICATION, uids::IMPLICIT_VR_LITTLE_ENDIAN);
    let mut requestor = Requestor::associate(&target, &[Offer::new(class, &[syntax])], wait_max).await?;
    let echoed = match requestor.context(class, syntax) {
        Ok(context_id) => {
            let request = CommandSet::request(C_ECHO_RQ, requestor.next_message_id(), class);
            requestor.perform(context_id, &request, None).await
        }
        Err(error) => Err(error),
    };
    let took = started.elapsed();
    requestor.release().await;
    echoed.map(|_| took)
}

/// Has a peer store one object: as it is, or in the best syntax that the peer takes.
///
/// # Errors
/// [`DimseError`]; [`DimseError::is_permanent`] tells whether to try again.
pub async fn store(peer: &Peer, us: &Node, object: &Outgoing) -> Result<(), DimseError> {
    let target = Target::of(peer, us)?;
    let offered = offers(&object.sop_class_uid, &object.transfer_syntax_uids());
    let mut requestor = Requestor::associate(&target, &offered, STORE_WAIT_MAX).await?;
    let stored = store_one(&mut requestor, object, None).await;
    requestor.release().await;
    stored.map(|_| ())
}

/// Has a target store files, over as few associations as their kinds allow; `on_each` is told how each ended.
///
/// # Errors
/// [`DimseError`] when an association cannot be made or breaks; the files that were not told of are then unsent.
pub async fn send_files(
    target: &Target,
    paths: &[PathBuf],
    mut on_each: impl FnMut(&Path, Result<(), DimseError>),
) -> Result<(), DimseError> {
    target.check()?;
    for paths in paths.chunks(FILES_AT_ONCE) {
        let mut objects: Vec<(&Path, Outgoing)> = Vec::new();
        for path in paths {
            match open(ObjectFile::from(path)).await {
                Ok(object) => objects.push((path, object)),
                Err(error) => on_each(path, Err(error)),
            }
        }
        let kind = |(_, object): &(&Path, Outgoing)| {
            (object.sop_class_uid.clone(), object.transfer_syntax_uid.clone(), object.has_pixels)
        };
        for batch in batches(objects, kind) {
            send_batch(target, batch, &mut on_each).await?;
        }
    }
    Ok(())
}

async fn send_batch(
    target: &Target,
    batch: Batch<(&Path, Outgoing)>,
    on_each: &mut impl FnMut(&Path, Result<(), DimseError>),
) -> Result<(), DimseError> {
    let mut requestor = Requestor::associate(target, &batch.offers, STORE_WAIT_MAX).await?;
    for (path, object) in batch.things {
        match store_one(&mut requestor, &object, None).await {
            Err(error @ DimseError::Broken { .. }) => return Err(error),
            stored => on_each(path, stored.map(|_| ())),
        }
    }
    requestor.release().await;
    Ok(())
}

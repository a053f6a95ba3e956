//! What Lightbox asks of peers: are you there (C-ECHO), and keep this (C-STORE).

use crate::DimseError;
use crate::command::{C_ECHO_RQ, CommandSet};
use crate::outgoing::Outgoing;
use crate::requestor::{CONTEXTS_MAX, Requestor};
use dicom_dictionary_std::uids;
use lightbox_domain::{AeTitle, Peer};
use std::path::{Path, PathBuf};
use std::time::{Duration, Instant};

/// How long a peer may take for each step of a C-STORE: to connect, to take or send a PDU.
const STORE_WAIT_MAX: Duration = Duration::from_secs(60);

/// Whom to call, and as whom.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Target {
    /// Host name or address.
    pub host: String,
    /// TCP port.
    pub port: u16,
    /// The peer's AE title.
    pub called: String,
    /// Our own.
    pub calling: String,
}

impl Target {
    /// Where a known peer is.
    ///
    /// # Errors
    /// [`DimseError::NoAddress`] when nobody said where it is; [`DimseError::BadTitle`] when it has no title to call.
    pub fn of(peer: &Peer, our_ae: &str) -> Result<Self, DimseError> {
        let (Some(host), Some(port)) = (peer.host.clone(), peer.port) else {
            return Err(DimseError::NoAddress(peer.ae_title.clone()));
        };
        let target = Self { host, port, called: peer.ae_title.clone(), calling: our_ae.to_owned() };
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
pub async fn echo(peer: &Peer, our_ae: &str, wait_max: Duration) -> Result<Duration, DimseError> {
    let started = Instant::now();
    let target = Target::of(peer, our_ae)?;
    let (class, syntax) = (uids::VERIFICATION, uids::IMPLICIT_VR_LITTLE_ENDIAN);
    let mut requestor = Requestor::associate(&target, &[(class.to_owned(), syntax.to_owned())], wait_max).await?;
    let echoed = match requestor.context(class, syntax) {
        Ok(context_id) => {
            let request = CommandSet::request(C_ECHO_RQ, requestor.next_message_id(), class);
            requestor.perform(context_id, &request, None).await
        }
        Err(error) => Err(error),
    };
    let took = started.elapsed();
    requestor.release().await;
    echoed.map(|()| took)
}

/// Has a peer store one object: as it is, or, if the peer takes nothing else, in implicit VR. Pixels are never transcoded.
///
/// # Errors
/// [`DimseError`]; [`DimseError::is_permanent`] tells whether to try again.
pub async fn store(peer: &Peer, our_ae: &str, object: &Outgoing) -> Result<(), DimseError> {
    let target = Target::of(peer, our_ae)?;
    let mut requestor = Requestor::associate(&target, &kinds(object), STORE_WAIT_MAX).await?;
    let stored = store_one(&mut requestor, object).await;
    requestor.release().await;
    stored
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
    let mut batch: Vec<(&Path, Outgoing)> = Vec::new();
    let mut offered = Vec::new();
    for path in paths {
        let object = match open(path).await {
            Ok(object) => object,
            Err(error) => {
                on_each(path, Err(error));
                continue;
            }
        };
        let mut new = kinds(&object);
        new.retain(|kind| !offered.contains(kind));
        if offered.len() + new.len() > CONTEXTS_MAX {
            send_batch(target, &std::mem::take(&mut offered), std::mem::take(&mut batch), &mut on_each).await?;
            new = kinds(&object);
        }
        offered.extend(new);
        batch.push((path, object));
    }
    match batch.is_empty() {
        true => Ok(()),
        false => send_batch(target, &offered, batch, &mut on_each).await,
    }
}

async fn send_batch(
    target: &Target,
    offered: &[(String, String)],
    batch: Vec<(&Path, Outgoing)>,
    on_each: &mut impl FnMut(&Path, Result<(), DimseError>),
) -> Result<(), DimseError> {
    let mut requestor = Requestor::associate(target, offered, STORE_WAIT_MAX).await?;
    for (path, object) in batch {
        match store_one(&mut requestor, &object).await {
            Err(error @ DimseError::Broken { .. }) => return Err(error),
            stored => on_each(path, stored),
        }
    }
    requestor.release().await;
    Ok(())
}

async fn open(path: &Path) -> Result<Outgoing, DimseError> {
    let unsendable = |reason: String| DimseError::Unsendable { path: path.to_owned(), reason };
    let own = path.to_owned();
    let opened = tokio::task::spawn_blocking(move || Outgoing::open(&own)).await;
    opened.unwrap_or_else(|error| Err(unsendable(error.to_string())))
}

/// What may be negotiated before an object can be sent.
fn kinds(object: &Outgoing) -> Vec<(String, String)> {
    let syntaxes = object.transfer_syntax_uids().into_iter();
    syntaxes.map(|syntax| (object.sop_class_uid.clone(), syntax.to_owned())).collect()
}

async fn store_one(requestor: &mut Requestor, object: &Outgoing) -> Result<(), DimseError> {
    let class = &object.sop_class_uid;
    let accepted = |syntax: &&str| requestor.context(class, syntax).is_ok();
    let syntax = object.transfer_syntax_uids().into_iter().find(accepted).unwrap_or(&object.transfer_syntax_uid);
    let context_id = requestor.context(class, syntax)?;
    let mut data_set = object.data_set(syntax).await.map_err(|error| DimseError::Unsendable {
        path: PathBuf::from(&object.sop_instance_uid),
        reason: error.to_string(),
    })?;
    let request = CommandSet::store_request(requestor.next_message_id(), class, &object.sop_instance_uid);
    requestor.perform(context_id, &request, Some(&mut *data_set)).await
}

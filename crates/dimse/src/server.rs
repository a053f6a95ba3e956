//! Accepts connections, as many at once as the site allows.

use crate::acceptor;
use crate::scu::Node;
use crate::tls::Tls;
use lightbox_domain::{AeTitle, Limits};
use lightbox_pipeline::Receiver;
use lightbox_store::Store;
use std::collections::HashMap;
use std::future::Future;
use std::net::SocketAddr;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;
use tokio::net::{TcpListener, TcpStream};
use tokio::sync::{OwnedSemaphorePermit, Semaphore};
use tokio::time::timeout;
use tokio_util::sync::CancellationToken;
use tokio_util::task::TaskTracker;

/// How many connections beyond `associations_max` are told so; still others are closed without a word.
const REJECTED_AT_ONCE_MAX: usize = 32;
/// How long to wait after the system refused to accept a connection, for example because too many files are open.
const ACCEPT_PAUSE: Duration = Duration::from_millis(100);
/// How long a TLS handshake may take.
const HANDSHAKE_MAX: Duration = Duration::from_secs(10);
/// How long messages under way may take to end at shutdown.
const SHUTDOWN_MAX: Duration = Duration::from_secs(10);

/// How the DIMSE door behaves.
#[derive(Clone, Debug)]
pub struct DimseConfig {
    /// Lightbox's own AE title.
    pub ae_title: AeTitle,
    /// Whether a caller must call that title; else any will do.
    pub strict_called_aet: bool,
    /// The site's limits.
    pub limits: Arc<Limits>,
    /// How we take part in TLS, if we do.
    pub tls: Option<Tls>,
}

impl DimseConfig {
    /// Who we are when we call.
    pub(crate) fn node(&self) -> Node {
        Node { ae_title: self.ae_title.to_string(), tls: self.tls.clone() }
    }
}

/// The DIMSE door: verification, storage, query and retrieve as SCP. Cheap to clone.
#[derive(Clone)]
pub struct DimseServer {
    pub(crate) config: DimseConfig,
    pub(crate) store: Store,
    pub(crate) receiver: Receiver,
    places: Arc<Semaphore>,
    rejections: Arc<Semaphore>,
    peers: Arc<Mutex<HashMap<AeTitle, u32>>>,
}

/// A peer's place among its own associations, given back when it is dropped.
pub(crate) struct PeerPlace {
    peers: Arc<Mutex<HashMap<AeTitle, u32>>>,
    title: AeTitle,
}

impl Drop for PeerPlace {
    fn drop(&mut self) {
        let mut peers = self.peers.lock().unwrap_or_else(PoisonError::into_inner);
        if let Some(count) = peers.get_mut(&self.title) {
            *count -= 1;
            if *count == 0 {
                peers.remove(&self.title);
            }
        }
    }
}

/// A connection's place, given back when it is dropped.
pub(crate) struct Place {
    /// Whether the connection may become an association; else there is only time to say that all places are taken.
    pub is_free: bool,
    _permit: OwnedSemaphorePermit,
}

impl DimseServer {
    /// A door to this store; what arrives goes to `receiver`.
    #[must_use]
    pub fn new(config: DimseConfig, store: Store, receiver: Receiver) -> Self {
        let places = Arc::new(Semaphore::new(config.limits.associations_max));
        let rejections = Arc::new(Semaphore::new(REJECTED_AT_ONCE_MAX));
        Self { config, store, receiver, places, rejections, peers: Arc::default() }
    }

    /// How many associations of each peer are under way, by title.
    #[must_use]
    pub fn associations(&self) -> Vec<(String, u32)> {
        let peers = self.peers.lock().unwrap_or_else(PoisonError::into_inner);
        let mut counts: Vec<_> = peers.iter().map(|(title, count)| (title.to_string(), *count)).collect();
        counts.sort();
        counts
    }

    /// Serves until `shutdown` is ready. Messages under way are then answered, idle associations aborted.
    pub async fn serve(&self, listener: TcpListener, shutdown: impl Future<Output = ()>) {
        self.serve_on(listener, None, shutdown).await;
    }

    /// The same over TLS; the places are shared with [`DimseServer::serve`]. Nobody is served without [`DimseConfig::tls`].
    pub async fn serve_tls(&self, listener: TcpListener, shutdown: impl Future<Output = ()>) {
        match &self.config.tls {
            Some(tls) => self.serve_on(listener, Some(tls), shutdown).await,
            None => shutdown.await,
        }
    }

    async fn serve_on(&self, listener: TcpListener, tls: Option<&Tls>, shutdown: impl Future<Output = ()>) {
        let stop = CancellationToken::new();
        let associations = TaskTracker::new();
        tokio::pin!(shutdown);
        loop {
            let accepted = tokio::select! {
                () = &mut shutdown => break,
                accepted = listener.accept() => accepted,
            };
            match accepted {
                Ok((stream, caller)) => self.attend(stream, caller, tls.cloned(), &associations, &stop),
                Err(error) => {
                    tracing::warn!(%error, "cannot accept a DICOM connection");
                    tokio::time::sleep(ACCEPT_PAUSE).await;
                }
            }
        }
        drop(listener);
        stop.cancel();
        associations.close();
        if timeout(SHUTDOWN_MAX, associations.wait()).await.is_err() {
            tracing::warn!(left = associations.len(), "associations did not end in time; their peers will send again");
        }
    }

    fn attend(
        &self,
        stream: TcpStream,
        caller: SocketAddr,
        tls: Option<Tls>,
        associations: &TaskTracker,
        stop: &CancellationToken,
    ) {
        let Some(place) = self.take_place() else { return };
        if let Err(error) = stream.set_nodelay(true) {
            return tracing::debug!(%error, "lost a connection");
        }
        let (server, stop) = (self.clone(), stop.clone());
        associations.spawn(async move {
            let Some(tls) = tls else { return acceptor::serve(&server, stream, caller, place, stop).await };
            match timeout(HANDSHAKE_MAX, tls.accept(stream)).await {
                Ok(Ok(stream)) => acceptor::serve(&server, stream, caller, place, stop).await,
                Ok(Err(error)) => tracing::info!(host = %caller.ip(), %error, "refused a connection over TLS"),
                Err(_) => tracing::info!(host = %caller.ip(), "gave up a connection whose TLS handshake did not end"),
            }
        });
    }

    /// A place for one more association of this peer, if it has not as many as it may.
    pub(crate) fn take_peer_place(&self, title: &AeTitle, associations_max: Option<u32>) -> Option<PeerPlace> {
        let mut peers = self.peers.lock().unwrap_or_else(PoisonError::into_inner);
        let count = peers.entry(title.clone()).or_default();
        if associations_max.is_some_and(|max| *count >= max) {
            return None;
        }
        *count += 1;
        Some(PeerPlace { peers: Arc::clone(&self.peers), title: title.clone() })
    }

    fn take_place(&self) -> Option<Place> {
        let take = |places: &Arc<Semaphore>, is_free| {
            Arc::clone(places).try_acquire_owned().map(|permit| Place { is_free, _permit: permit }).ok()
        };
        take(&self.places, true).or_else(|| take(&self.rejections, false))
    }
}

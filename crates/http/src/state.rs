//! What the handlers work with.

use crate::RenderMetrics;
use lightbox_domain::{Limits, Peer};
use lightbox_identity::Throttle;
use lightbox_pipeline::Receiver;
use lightbox_pipeline::workitem::WorkitemReport;
use lightbox_store::Store;
use std::future::Future;
use std::ops::Deref;
use std::path::PathBuf;
use std::pin::Pin;
use std::sync::Arc;
use tokio::sync::{Semaphore, broadcast};
use tokio_util::sync::CancellationToken;

/// The most images that are decoded for viewers at once; each may take `image_pixels_max` several times over.
const DECODED_AT_ONCE_MAX: usize = 4;

/// The most instances that leave in another transfer syntax at once; a slow client holds its place until it has all.
const TRANSCODED_AT_ONCE_MAX: usize = 32;

/// How many reports on workitems a slow subscriber may lag behind before its connection ends.
const REPORTS_KEPT: usize = 1_024;

/// What a C-ECHO to a peer gave.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct EchoOutcome {
    /// Whether the peer answered with success.
    pub ok: bool,
    /// How long it took, in milliseconds.
    pub ms: u64,
    /// What happened, in words.
    pub detail: String,
}

/// Sends a C-ECHO to a peer. Given by the binary, since this door knows no other.
pub type EchoPeer = Arc<dyn Fn(Peer) -> Pin<Box<dyn Future<Output = EchoOutcome> + Send>> + Send + Sync>;

/// How many associations of each peer are under way. Given by the binary, as [`EchoPeer`] is.
pub type CountAssociations = Arc<dyn Fn() -> Vec<(String, u32)> + Send + Sync>;

/// What the handlers work with. Cheap to clone.
#[derive(Clone)]
pub struct HttpState {
    shared: Arc<Shared>,
}

/// What they share; nothing of it is seen from outside.
#[derive(Clone)]
pub struct Shared {
    pub(crate) store: Store,
    pub(crate) receiver: Receiver,
    pub(crate) limits: Arc<Limits>,
    pub(crate) version: &'static str,
    pub(crate) site: Arc<str>,
    pub(crate) onnxruntime: Option<Arc<PathBuf>>,
    pub(crate) conformance: Arc<str>,
    pub(crate) echo: EchoPeer,
    pub(crate) metrics: Option<RenderMetrics>,
    pub(crate) associations: Option<CountAssociations>,
    pub(crate) throttle: Arc<Throttle>,
    pub(crate) decoding: Arc<Semaphore>,
    pub(crate) transcoding: Arc<Semaphore>,
    pub(crate) reports: broadcast::Sender<Arc<WorkitemReport>>,
    pub(crate) closing: CancellationToken,
}

impl HttpState {
    /// The state of a server of this version. `site` is how the installation calls itself.
    #[must_use]
    pub fn new(
        store: Store,
        receiver: Receiver,
        limits: Arc<Limits>,
        version: &'static str,
        site: &str,
        echo: EchoPeer,
    ) -> Self {
        let shared = Shared {
            store,
            receiver,
            limits,
            version,
            site: site.into(),
            onnxruntime: None,
            conformance: "".into(),
            echo,
            metrics: None,
            associations: None,
            throttle: Arc::new(Throttle::default()),
            reports: broadcast::Sender::new(REPORTS_KEPT),
            decoding: Arc::new(Semaphore::new(DECODED_AT_ONCE_MAX)),
            transcoding: Arc::new(Semaphore::new(TRANSCODED_AT_ONCE_MAX)),
            closing: CancellationToken::new(),
        };
        Self { shared: Arc::new(shared) }
    }

    /// The same with what renders `/metrics`.
    #[must_use]
    pub fn with_metrics(mut self, render: RenderMetrics) -> Self {
        self.change().metrics = Some(render);
        self
    }

    /// The same with what counts associations, for the system page.
    #[must_use]
    pub fn with_associations(mut self, count: CountAssociations) -> Self {
        self.change().associations = Some(count);
        self
    }

    /// The same with the place of ONNX Runtime's library that the site named, for the system page.
    #[must_use]
    pub fn with_onnxruntime(mut self, library: Option<PathBuf>) -> Self {
        self.change().onnxruntime = library.map(Arc::new);
        self
    }

    /// The same with the DICOM Conformance Statement as Markdown. Given by the binary, which alone knows every door.
    #[must_use]
    pub fn with_conformance(mut self, statement: &str) -> Self {
        self.change().conformance = statement.into();
        self
    }

    fn change(&mut self) -> &mut Shared {
        Arc::make_mut(&mut self.shared)
    }
}

impl Deref for HttpState {
    type Target = Shared;

    fn deref(&self) -> &Shared {
        &self.shared
    }
}

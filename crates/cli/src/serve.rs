//! `lightbox serve`: everything wired together, until it is told to stop.

use crate::conformance::{Statement, markdown};
use crate::measure;
use crate::output::Output;
use crate::settings::{ServeFlags, Settings};
use anyhow::Context;
use lightbox_dimse::{DimseConfig, DimseServer, Node};
use lightbox_domain::{Event, Job, JobKind, Peer};
use lightbox_http::{EchoOutcome, HttpState, RenderMetrics};
use lightbox_inference::Runners;
use lightbox_pipeline::{JobError, Pipeline, Worker};
use lightbox_store::{DataFolder, Store};
use std::future::Future;
use std::io::IsTerminal;
use std::net::SocketAddr;
use std::process::ExitCode;
use std::sync::Arc;
use std::time::Duration;
use tokio::net::TcpListener;
use tokio::signal::unix::{Signal, SignalKind, signal};
use tokio::sync::watch;

/// What is logged unless LIGHTBOX_LOG says otherwise; the codecs tell of every header that they read.
const LOG_FILTER: &str = "info,ort=warn,openjp2=warn,jpeg2k=warn";

/// How long a stop waits for associations, requests and jobs under way.
const STOP_WAIT_MAX: Duration = Duration::from_secs(20);

/// How long a peer may take to answer the test button.
const ECHO_WAIT_MAX: Duration = Duration::from_secs(10);

/// Serves until Ctrl-C or SIGTERM.
pub async fn serve(flags: ServeFlags, output: &Output) -> anyhow::Result<ExitCode> {
    start_logging(output.is_json());
    let settings = flags.settings()?;
    let metrics = measure::start()?;
    let folder = DataFolder::open(&settings.data)?;
    let _lock = folder.lock()?;
    let store = Store::open(&folder).await?;
    recover(&store, &folder).await?;
    let http = bind(&settings.http, "--http").await?;
    let dicom = bind(&settings.dicom, "--dicom").await?;
    let dicom_tls = match &settings.dicom_tls {
        Some(address) => Some(bind(address, "--dicom-tls").await?),
        None => None,
    };
    let one_time = lightbox_identity::ensure_first_admin(&store).await?;
    log_start(&store).await?;
    lightbox_pipeline::lifecycle::order(&store, &settings.lifecycle).await?;
    // Before anybody is told that we are ready, and so may tell us to stop.
    let signals = StopSignals::listen()?;
    let doors = Doors { http, dicom, dicom_tls };
    announce(output, &settings, &doors.addresses()?, one_time.as_ref());
    run(&settings, store, metrics, doors, signals).await;
    tracing::info!("stopped");
    Ok(ExitCode::SUCCESS)
}

/// Logs go to standard error; `LIGHTBOX_LOG` filters them as `tracing` does.
fn start_logging(json: bool) {
    let filter = tracing_subscriber::EnvFilter::try_from_env("LIGHTBOX_LOG")
        .unwrap_or_else(|_| tracing_subscriber::EnvFilter::new(LOG_FILTER));
    let builder = tracing_subscriber::fmt().with_env_filter(filter).with_writer(std::io::stderr);
    let colours = std::io::stderr().is_terminal();
    match json {
        true => builder.json().init(),
        false => builder.with_target(false).with_ansi(colours).init(),
    }
}

/// Puts right what a crash may have left.
async fn recover(store: &Store, folder: &DataFolder) -> anyhow::Result<()> {
    match folder.try_lock_arrivals()? {
        Some(_alone) => {
            let removed = store.sweep_orphans().await?;
            if removed > 0 {
                tracing::info!(files = removed, "removed files that had not arrived whole when the last server ended");
            }
        }
        None => tracing::info!("an import is under way; what a crash may have left is looked at when we next start"),
    }
    let released = store.release_claims().await?;
    if released > 0 {
        tracing::info!(jobs = released, "took up jobs that were under way when the last server ended");
    }
    Ok(())
}

async fn bind(address: &str, flag: &str) -> anyhow::Result<TcpListener> {
    TcpListener::bind(address).await.with_context(|| format!("cannot listen on {address}; choose another {flag}"))
}

async fn log_start(store: &Store) -> anyhow::Result<()> {
    let mut write = store.write().await?;
    let version = env!("CARGO_PKG_VERSION");
    let event = Event::new("lightbox", "server.started", "server", version);
    write.append_event(event).await?;
    Ok(write.commit().await?)
}

/// Where we listen.
struct Doors {
    http: TcpListener,
    dicom: TcpListener,
    dicom_tls: Option<TcpListener>,
}

/// The addresses of the doors; a port 0 became a real one.
struct Addresses {
    http: SocketAddr,
    dicom: SocketAddr,
    dicom_tls: Option<SocketAddr>,
}

impl Doors {
    fn addresses(&self) -> std::io::Result<Addresses> {
        let dicom_tls = self.dicom_tls.as_ref().map(TcpListener::local_addr).transpose()?;
        Ok(Addresses { http: self.http.local_addr()?, dicom: self.dicom.local_addr()?, dicom_tls })
    }
}

fn announce(
    output: &Output,
    settings: &Settings,
    Addresses { http, dicom, dicom_tls }: &Addresses,
    one_time: Option<&lightbox_identity::OneTime>,
) {
    let ready = serde_json::json!({
        "ready": true,
        "http": format!("http://{http}"),
        "dicom": dicom.to_string(),
        "dicom_tls": dicom_tls.map(|address| address.to_string()),
        "ae_title": settings.ae_title.as_str(),
        "one_time": one_time.map(|one| serde_json::json!({ "name": one.name, "password": one.password })),
    });
    output.print(&ready, || {
        let mut lines = vec![
            format!("Lightbox {} is ready", env!("CARGO_PKG_VERSION")),
            format!("  web    http://{http}"),
            format!("  DICOM  {dicom}  (AE title {})", settings.ae_title),
            format!("  data   {}", settings.data.display()),
        ];
        if let Some(address) = dicom_tls {
            lines.insert(3, format!("  DICOM  {address}  over TLS"));
        }
        if let Some(one) = one_time {
            lines.push(format!("  sign in at http://{http}/login?name={} with the one-time password", one.name));
            lines.push(format!("         {}", one.password));
        }
        lines.join("\n")
    });
}

/// Runs the doors and the worker until a signal comes, then lets them finish what is under way.
async fn run(settings: &Settings, store: Store, metrics: RenderMetrics, doors: Doors, signals: StopSignals) {
    let limits = Arc::new(settings.limits.clone());
    let runners = Arc::new(Runners::new(settings.onnxruntime.clone(), settings.model_threads));
    let mut pipeline = Pipeline::new(store, runners, limits);
    pipeline.receiver = pipeline.receiver.deciding(settings.conflicts);
    let (stop, stopped) = watch::channel(false);
    let worker = tokio::spawn(worker(&pipeline, settings).work(stopped.clone()));
    let server = dimse_server(&pipeline, settings);
    let counted = server.clone();
    let dimse = tokio::spawn(serve_dimse(server, doors.dicom, doors.dicom_tls, stopped.clone()));
    let state = http_state(&pipeline, settings)
        .with_metrics(metrics)
        .with_associations(Arc::new(move || counted.associations()));
    let web = tokio::spawn(lightbox_http::serve(doors.http, state, until(stopped)));
    signals.first().await;
    tracing::info!("stopping; what is under way is finished first");
    let _ = stop.send(true);
    let all = async {
        let _ = tokio::join!(worker, dimse, web);
    };
    if tokio::time::timeout(STOP_WAIT_MAX, all).await.is_err() {
        tracing::warn!(seconds = STOP_WAIT_MAX.as_secs(), "stopped waiting; jobs go on at the next start");
    }
}

async fn serve_dimse(
    server: DimseServer,
    plain: TcpListener,
    secure: Option<TcpListener>,
    stopped: watch::Receiver<bool>,
) {
    let over_tls = async {
        if let Some(listener) = secure {
            server.serve_tls(listener, until(stopped.clone())).await;
        }
    };
    tokio::join!(server.serve(plain, until(stopped.clone())), over_tls);
}

/// The worker, with a handler for each kind of job that leaves the house.
fn worker(pipeline: &Pipeline, settings: &Settings) -> Worker {
    let (archive, rules, limits) = (pipeline.store.clone(), settings.lifecycle.clone(), Arc::clone(&pipeline.limits));
    let worker = Worker::new(pipeline.clone()).handle(JobKind::Lifecycle, move |_| {
        let (archive, rules, limits) = (archive.clone(), rules.clone(), Arc::clone(&limits));
        Box::pin(async move { lightbox_pipeline::lifecycle::daily(&archive, &rules, &limits).await })
    });
    let kinds = [JobKind::Deliver, JobKind::AskCommitment, JobKind::ReportCommitment];
    kinds.into_iter().fold(worker, |worker, kind| {
        let (store, us) = (pipeline.store.clone(), settings.node());
        worker.handle(kind, move |job| {
            let (store, us) = (store.clone(), us.clone());
            Box::pin(async move { leave(&store, &us, job).await })
        })
    })
}

async fn leave(store: &Store, us: &Node, job: Job) -> Result<(), JobError> {
    match job {
        Job::Deliver { delivery_id } => lightbox_deliver::deliver(store, us, &delivery_id).await,
        Job::AskCommitment { delivery_id } => lightbox_deliver::ask_commitment(store, us, &delivery_id).await,
        Job::ReportCommitment { commitment_id } => lightbox_deliver::report_commitment(store, us, &commitment_id).await,
        other => Err(JobError::Permanent(format!("{} does not leave", other.kind().as_str()))),
    }
}

fn dimse_server(pipeline: &Pipeline, settings: &Settings) -> DimseServer {
    let config = DimseConfig {
        ae_title: settings.ae_title.clone(),
        strict_called_aet: settings.strict_called_aet,
        limits: Arc::clone(&pipeline.limits),
        tls: settings.tls.clone(),
    };
    DimseServer::new(config, pipeline.store.clone(), pipeline.receiver.clone())
}

fn http_state(pipeline: &Pipeline, settings: &Settings) -> HttpState {
    let us = settings.node();
    let echo = move |peer: Peer| -> std::pin::Pin<Box<dyn Future<Output = EchoOutcome> + Send>> {
        let us = us.clone();
        Box::pin(async move {
            match lightbox_dimse::echo(&peer, &us, ECHO_WAIT_MAX).await {
                Ok(took) => EchoOutcome {
                    ok: true,
                    ms: u64::try_from(took.as_millis()).unwrap_or(u64::MAX),
                    detail: format!("{} answered", peer.ae_title),
                },
                Err(error) => EchoOutcome { ok: false, ms: 0, detail: error.to_string() },
            }
        })
    };
    HttpState::new(
        pipeline.store.clone(),
        pipeline.receiver.clone(),
        Arc::clone(&pipeline.limits),
        env!("CARGO_PKG_VERSION"),
        &settings.site,
        Arc::new(echo),
    )
    .with_onnxruntime(settings.onnxruntime.clone())
    .with_conformance(&markdown(&Statement::new()))
}

/// Resolves when we are told to stop.
async fn until(mut stopped: watch::Receiver<bool>) {
    // A sender that is gone says the same.
    let _ = stopped.wait_for(|stopped| *stopped).await;
}

/// What tells the server to stop: Ctrl-C, and SIGTERM of whoever started it.
struct StopSignals {
    interrupt: Signal,
    terminate: Signal,
}

impl StopSignals {
    /// From here on neither ends the process by itself.
    fn listen() -> anyhow::Result<Self> {
        let listen = |kind| signal(kind).context("cannot listen for signals");
        Ok(Self { interrupt: listen(SignalKind::interrupt())?, terminate: listen(SignalKind::terminate())? })
    }

    /// Waits for the first of them.
    async fn first(mut self) {
        tokio::select! {
            _ = self.interrupt.recv() => {}
            _ = self.terminate.recv() => {}
        }
    }
}

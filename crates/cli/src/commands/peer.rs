//! `lightbox peer`: which DICOM application entities may call, and which receive results.

use super::{actor, open, time};
use crate::output::{Output, columns};
use crate::settings::{CallerFlags, DataFlag, conflict_policy};
use anyhow::Context;
use clap::{Args, Subcommand};
use lightbox_dimse::Node;
use lightbox_domain::{AeTitle, ConflictPolicy, Peer as DicomPeer, PeerPolicy, PeerService, Uid};
use lightbox_store::now_ms;
use std::process::ExitCode;
use std::time::Duration;

/// DICOM peers.
#[derive(Subcommand)]
pub enum Peer {
    /// Admit a caller, or change what is known of it
    Allow(Allow),
    /// List peers and callers that wait to be admitted
    List {
        #[command(flatten)]
        data: DataFlag,
    },
    /// Remove a peer; its calls are refused from now on
    Remove {
        /// Its AE title
        ae_title: String,
        #[command(flatten)]
        data: DataFlag,
    },
    /// Ask a peer whether it is there (C-ECHO)
    Echo {
        /// Its AE title
        ae_title: String,
        #[command(flatten)]
        caller: CallerFlags,
    },
}

/// What is known of a peer.
#[derive(Args)]
pub struct Allow {
    /// Its AE title; '*' admits every caller
    ae_title: String,
    /// Only from this address
    #[arg(long)]
    host: Option<String>,
    /// The port on which it accepts associations
    #[arg(long)]
    port: Option<u16>,
    /// Forward the results of live deployments to it
    #[arg(long, requires = "host", requires = "port")]
    results: bool,
    /// Ask it to commit to each result that it got (storage commitment)
    #[arg(long, requires = "host", requires = "port")]
    commits: bool,
    /// Call it over TLS
    #[arg(long, requires = "host", requires = "port")]
    tls: bool,
    /// What it may do here: store, find, move, get, commit, mpps [default: all]
    #[arg(long, value_name = "SERVICE", value_delimiter = ',', value_parser = service)]
    services: Option<Vec<PeerService>>,
    /// The most associations of its own at once [default: as many as the site allows]
    #[arg(long, value_name = "N")]
    associations_max: Option<u32>,
    /// Abort its association after so many seconds without a message [default: as the site does]
    #[arg(long, value_name = "N")]
    idle_seconds_max: Option<u32>,
    /// The transfer syntaxes in which it may store, best first [default: all, in its own order]
    #[arg(long = "syntaxes", value_name = "UID", value_delimiter = ',', value_parser = uid)]
    transfer_syntaxes: Vec<Uid>,
    /// What becomes of what it sends under the UID of something else that is stored: keep_first, replace or refuse
    #[arg(long, value_name = "POLICY", value_parser = conflict_policy, default_value = "keep_first")]
    conflicts: ConflictPolicy,
    #[command(flatten)]
    data: DataFlag,
}

impl Peer {
    /// Does it.
    pub async fn execute(self, output: &Output) -> anyhow::Result<ExitCode> {
        match self {
            Self::Allow(allow) => allow.execute(output).await,
            Self::List { data } => list(&data, output).await,
            Self::Remove { ae_title, data } => remove(&ae_title, &data, output).await,
            Self::Echo { ae_title, caller } => echo(&ae_title, &caller.node()?, &caller.data, output).await,
        }
    }
}

impl Allow {
    async fn execute(self, output: &Output) -> anyhow::Result<ExitCode> {
        if self.ae_title != "*" {
            AeTitle::parse(&self.ae_title).with_context(|| format!("cannot admit {}", self.ae_title))?;
        }
        let (_, store) = open(&self.data).await?;
        let peer = DicomPeer {
            host: self.host,
            port: self.port,
            receives_results: self.results,
            policy: PeerPolicy {
                services: self.services.unwrap_or_else(|| PeerService::ALL.to_vec()),
                associations_max: self.associations_max,
                idle_seconds_max: self.idle_seconds_max,
                transfer_syntaxes: self.transfer_syntaxes,
                tls: self.tls,
                commits: self.commits,
                conflicts: self.conflicts,
            },
            ..DicomPeer::new(&self.ae_title, now_ms())
        };
        lightbox_pipeline::admit_peer(&store, &peer, &actor()).await?;
        output.print(&serde_json::json!({ "admitted": peer.ae_title }), || format!("admitted {}", peer.ae_title));
        Ok(ExitCode::SUCCESS)
    }
}

fn service(name: &str) -> Result<PeerService, String> {
    let known = PeerService::ALL.map(PeerService::as_str).join(", ");
    PeerService::parse(name).ok_or_else(|| format!("it is one of {known}"))
}

fn uid(text: &str) -> Result<Uid, String> {
    Uid::parse(text).map_err(|error| error.to_string())
}

async fn list(data: &DataFlag, output: &Output) -> anyhow::Result<ExitCode> {
    let (_, store) = open(data).await?;
    let (peers, pending) = (store.peers().await?, store.pending_peers().await?);
    let json = serde_json::json!({
        "peers": peers.iter().map(|peer| serde_json::json!({
            "ae_title": peer.ae_title, "host": peer.host, "port": peer.port,
            "receives_results": peer.receives_results, "admitted_at": time(peer.admitted_ms),
            "services": peer.policy.services.iter().map(|service| service.as_str()).collect::<Vec<_>>(),
            "associations_max": peer.policy.associations_max, "idle_seconds_max": peer.policy.idle_seconds_max,
            "transfer_syntaxes": peer.policy.transfer_syntaxes.iter().map(Uid::as_str).collect::<Vec<_>>(),
            "tls": peer.policy.tls, "commits": peer.policy.commits,
            "conflicts": peer.policy.conflicts.as_str(),
        })).collect::<Vec<_>>(),
        "pending": pending.iter().map(|one| serde_json::json!({
            "ae_title": one.ae_title, "host": one.host, "attempts": one.attempts, "last_seen_at": time(one.last_seen_ms),
        })).collect::<Vec<_>>(),
    });
    let mut rows: Vec<_> = peers
        .iter()
        .map(|peer| {
            let host = peer.host.clone().unwrap_or_else(|| "any".to_owned());
            let port = peer.port.map(|port| port.to_string()).unwrap_or_default();
            let state = if peer.receives_results { "admitted, receives results" } else { "admitted" };
            vec![peer.ae_title.clone(), host, port, state.to_owned()]
        })
        .collect();
    rows.extend(pending.iter().map(|one| {
        let state = format!("pending, called {} times", one.attempts);
        vec![one.ae_title.clone(), one.host.clone(), String::new(), state]
    }));
    output.print(&json, || columns(&["AE title", "host", "port", "state"], &rows));
    Ok(ExitCode::SUCCESS)
}

async fn remove(ae_title: &str, data: &DataFlag, output: &Output) -> anyhow::Result<ExitCode> {
    let (_, store) = open(data).await?;
    lightbox_pipeline::remove_peer(&store, ae_title, &actor())
        .await
        .with_context(|| format!("cannot remove {ae_title}; `lightbox peer list` shows the peers"))?;
    output.print(&serde_json::json!({ "removed": ae_title }), || format!("removed {ae_title}"));
    Ok(ExitCode::SUCCESS)
}

async fn echo(ae_title: &str, us: &Node, data: &DataFlag, output: &Output) -> anyhow::Result<ExitCode> {
    /// How long a peer may take to answer.
    const WAIT_MAX: Duration = Duration::from_secs(10);
    let (_, store) = open(data).await?;
    let peer = store.peer(ae_title).await?;
    let took = lightbox_dimse::echo(&peer, us, WAIT_MAX).await?;
    let ms = took.as_millis();
    output.print(&serde_json::json!({ "ok": true, "ms": ms }), || format!("{ae_title} answered in {ms} ms"));
    Ok(ExitCode::SUCCESS)
}

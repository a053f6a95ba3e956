//! `lightbox send`: DICOM files to a peer by C-STORE.

use crate::output::Output;
use anyhow::Context;
use clap::Args;
use lightbox_domain::{AeTitle, Peer};
use std::path::PathBuf;
use std::process::ExitCode;

/// Send DICOM files to a peer.
#[derive(Args)]
pub struct Send {
    /// The peer as TITLE@HOST:PORT
    peer: String,
    /// Files
    #[arg(required = true)]
    files: Vec<PathBuf>,
    /// Our AE title
    #[arg(long, env = "LIGHTBOX_AET", default_value = "LIGHTBOX")]
    aet: String,
}

impl Send {
    /// Does it. Ends with 1 at the first file that is not taken.
    pub async fn execute(self, output: &Output) -> anyhow::Result<ExitCode> {
        let peer = parse_peer(&self.peer)?;
        AeTitle::parse(&self.aet).with_context(|| format!("cannot call as {}", self.aet))?;
        for file in &self.files {
            lightbox_dimse::send_file(&peer, &self.aet, file)
                .await
                .with_context(|| format!("cannot send {} to {}", file.display(), self.peer))?;
        }
        let sent = self.files.len();
        output.print(&serde_json::json!({ "sent": sent }), || format!("sent {sent} files to {}", self.peer));
        Ok(ExitCode::SUCCESS)
    }
}

fn parse_peer(text: &str) -> anyhow::Result<Peer> {
    let parts = text.split_once('@').and_then(|(title, address)| Some((title, address.rsplit_once(':')?)));
    let (title, (host, port)) = parts.with_context(|| format!("{text} is not TITLE@HOST:PORT"))?;
    let ae_title = AeTitle::parse(title).with_context(|| format!("cannot call {title}"))?;
    Ok(Peer {
        ae_title: ae_title.as_str().to_owned(),
        host: Some(host.to_owned()),
        port: Some(port.parse().with_context(|| format!("{port} is no port"))?),
        receives_results: false,
        admitted_ms: 0,
    })
}

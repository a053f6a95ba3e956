//! `lightbox send`: DICOM files to a peer by C-STORE.

use crate::output::Output;
use anyhow::Context;
use clap::Args;
use lightbox_dimse::Target;
use lightbox_domain::AeTitle;
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
    /// Does it. Ends with 1 when a file is not taken.
    pub async fn execute(self, output: &Output) -> anyhow::Result<ExitCode> {
        let target = self.target()?;
        let mut refused = Vec::new();
        let count = self.files.len();
        lightbox_dimse::send_files(&target, &self.files, |path, result| {
            if let Err(error) = result {
                refused.push((path.display().to_string(), error.to_string()));
            }
        })
        .await?;
        let json: Vec<_> =
            refused.iter().map(|(file, why)| serde_json::json!({ "file": file, "reason": why })).collect();
        let sent = count - refused.len();
        output.print(&serde_json::json!({ "sent": sent, "refused": json }), || {
            let mut lines: Vec<_> = refused.iter().map(|(file, why)| format!("refused {file}: {why}")).collect();
            lines.push(format!("sent {sent} of {count} files to {}", self.peer));
            lines.join("\n")
        });
        Ok(if refused.is_empty() { ExitCode::SUCCESS } else { ExitCode::FAILURE })
    }

    fn target(&self) -> anyhow::Result<Target> {
        let text = &self.peer;
        let parts = text.split_once('@').and_then(|(title, address)| Some((title, address.rsplit_once(':')?)));
        let (title, (host, port)) = parts.with_context(|| format!("{text} is not TITLE@HOST:PORT"))?;
        let called = AeTitle::parse(title).with_context(|| format!("cannot call {title}"))?;
        let calling = AeTitle::parse(&self.aet).with_context(|| format!("cannot call as {}", self.aet))?;
        Ok(Target {
            host: host.to_owned(),
            port: port.parse().with_context(|| format!("{port} is no port"))?,
            called: called.to_string(),
            calling: calling.to_string(),
            tls: None,
        })
    }
}

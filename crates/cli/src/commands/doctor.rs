//! `lightbox doctor`: what is missing or wrong on this machine.

use super::open;
use crate::output::Output;
use crate::settings::DataFlag;
use clap::Args;
use lightbox_inference::{Library, Release};
use std::path::PathBuf;
use std::process::ExitCode;

/// Say what is missing or wrong.
#[derive(Args)]
pub struct Doctor {
    /// ONNX Runtime's library, libonnxruntime.so
    #[arg(long, env = "LIGHTBOX_ONNXRUNTIME", value_name = "FILE")]
    onnxruntime: Option<PathBuf>,
    #[command(flatten)]
    data: DataFlag,
}

impl Doctor {
    /// Does it. Ends with 1 when something is wrong.
    pub async fn execute(self, output: &Output) -> anyhow::Result<ExitCode> {
        let mut checks = Vec::new();
        let library = Library::open(self.onnxruntime.as_deref());
        checks.push(("ONNX Runtime".to_owned(), describe(library.map(|library| library.path().display().to_string()))));
        let (folder, store) = open(&self.data).await?;
        checks.push(("data folder".to_owned(), Ok(folder.root().display().to_string())));
        for deployment in store.deployments().await? {
            let release = Release::open(&deployment.folder);
            checks.push((format!("release {}", deployment.manifest.app.id), describe(release.map(|one| one.name()))));
        }
        let log = match store.verify_events().await? {
            Ok(lines) => Ok(format!("{lines} lines, the chain holds")),
            Err(seq) => Err(format!("the chain is broken at line {seq}: a line was changed or removed")),
        };
        checks.push(("event log".to_owned(), log));
        let sound = checks.iter().all(|(_, result)| result.is_ok());
        let json: Vec<_> = checks.iter().map(|(name, result)| check_json(name, result)).collect();
        output.print(&serde_json::json!({ "ok": sound, "checks": json }), || {
            let line = |(name, result): &(String, Result<String, String>)| match result {
                Ok(detail) => format!("ok     {name}: {detail}"),
                Err(why) => format!("WRONG  {name}: {why}"),
            };
            checks.iter().map(line).collect::<Vec<_>>().join("\n")
        });
        Ok(if sound { ExitCode::SUCCESS } else { ExitCode::FAILURE })
    }
}

fn describe<E: std::fmt::Display>(result: Result<String, E>) -> Result<String, String> {
    result.map_err(|error| error.to_string())
}

fn check_json(name: &str, result: &Result<String, String>) -> serde_json::Value {
    let (ok, detail) = match result {
        Ok(detail) => (true, detail),
        Err(why) => (false, why),
    };
    serde_json::json!({ "name": name, "ok": ok, "detail": detail })
}

//! Asking as fast as a server answers, by `wrk`: a compiled client, so that it is the server that is measured.

use std::collections::BTreeMap;
use std::io::Write;

use anyhow::{Context, Result};
use serde::Deserialize;

use super::machine::{self, Meter};
use super::requests::Request;
use super::web::Web;
use crate::step;
use crate::workspace::Workspace;

/// A server is asked for so long before it is measured.
const WARM_UP_SECONDS: u32 = 1;
/// With fewer answers a rate means little: `wrk` counts those alone that were complete when the time was up.
const ANSWERS_MIN: f64 = 20.0;
/// How many times longer is measured until there are so many.
const LONGER: u32 = 4;
/// But no longer than this.
const SECONDS_MAX: u32 = 40;

/// The line that `bench/walk.lua` prints.
#[derive(Deserialize)]
struct Answers {
    requests: f64,
    seconds: f64,
    bytes: f64,
    p50_ms: f64,
    p99_ms: f64,
    failed: f64,
    /// How often the server ended a connection; Orthanc does after each study.
    closed: f64,
}

/// Asks the server with that main process for all of the request's paths in turn, over so many connections, and measures.
pub fn measure(
    workspace: &Workspace,
    (web, pid): (&Web, u32),
    request: &Request,
    connections: u32,
    seconds: u32,
) -> Result<BTreeMap<String, f64>> {
    ask(workspace, web, request, connections, WARM_UP_SECONDS)?;
    let mut seconds = seconds;
    loop {
        machine::await_idle(pid);
        let meter = Meter::start(pid);
        let answers = ask(workspace, web, request, connections, seconds)?;
        let usage = meter.stop()?;
        if answers.requests >= ANSWERS_MIN || seconds >= SECONDS_MAX {
            return Ok(answers.values(usage.values(answers.requests)));
        }
        seconds = (seconds * LONGER).min(SECONDS_MAX);
    }
}

impl Answers {
    fn values(&self, mut usage: BTreeMap<String, f64>) -> BTreeMap<String, f64> {
        let megabytes = self.bytes / 1e6;
        let cpu_ms = usage.get("cpu_ms_each").copied().unwrap_or_default() * self.requests;
        let values = [
            ("per_second", self.requests / self.seconds),
            ("mb_per_second", megabytes / self.seconds),
            ("p50_ms", self.p50_ms),
            ("p99_ms", self.p99_ms),
            ("kb_each", self.bytes / 1e3 / self.requests.max(1.0)),
            ("cpu_ms_per_mb", cpu_ms / megabytes.max(1e-6)),
            ("failed", self.failed),
            ("closed", self.closed),
        ];
        usage.extend(values.map(|(name, value)| (name.to_owned(), value)));
        usage
    }
}

fn ask(workspace: &Workspace, web: &Web, request: &Request, connections: u32, seconds: u32) -> Result<Answers> {
    let mut paths = tempfile::NamedTempFile::new()?;
    for path in &request.paths {
        writeln!(paths, "{}{path}", web.root)?;
    }
    paths.flush()?;
    let mut wrk = workspace.command("wrk");
    wrk.env("BENCH_PATHS", paths.path()).env("BENCH_ACCEPT", request.accept);
    match &web.authorization {
        Some(authorization) => wrk.env("BENCH_AUTHORIZATION", authorization),
        None => wrk.env_remove("BENCH_AUTHORIZATION"),
    };
    wrk.args(["--threads", "1", "--connections", &connections.to_string(), "--duration", &format!("{seconds}s")]);
    wrk.args(["--timeout", "120s", "--script", "bench/walk.lua", &web.origin]);
    let output = step::output(&mut wrk)?;
    let line = output.lines().rfind(|line| line.starts_with('{')).context("wrk printed no result")?;
    serde_json::from_str(line).with_context(|| format!("cannot understand {line}"))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn rates_are_by_the_second_and_cpu_by_the_megabyte() {
        let line = r#"{"requests":200,"seconds":2,"bytes":50000000,"p50_ms":9.5,"p99_ms":20,"failed":0,"closed":0}"#;
        let answers: Answers = serde_json::from_str(line).unwrap();
        let values = answers.values([("cpu_ms_each".to_owned(), 5.0)].into());
        for (name, expected) in
            [("per_second", 100.0), ("mb_per_second", 25.0), ("kb_each", 250.0), ("cpu_ms_per_mb", 20.0)]
        {
            assert_eq!(values[name], expected, "{name}");
        }
    }
}

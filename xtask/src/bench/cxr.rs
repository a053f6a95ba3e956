//! How quick and how small Lightbox is: from the last byte of a chest film to its stored report, next to the model's own
//! time in the same process; start, memory and size. Writes `bench/results/cxr.md`.

use std::fs;
use std::path::Path;
use std::time::Duration;

use anyhow::{Context, Result, bail};

use super::machine;
use crate::api::{Api, Run};
use crate::demo;
use crate::samples::{self, Sample};
use crate::server::{Place, Server};
use crate::setup::{self, Purpose};
use crate::step;
use crate::table::Table;
use crate::workspace::{Profile, Workspace};

/// Where the report is kept, for comparing from change to change.
const REPORT: &str = "bench/results/cxr.md";

/// Options of `cargo xtask bench cxr`.
#[derive(clap::Args)]
pub struct Options {
    /// How many films are sent, each under identifiers of its own
    #[arg(long, default_value_t = 64, value_parser = clap::value_parser!(u16).range(1..))]
    films: u16,
    /// How often the start is measured
    #[arg(long, default_value_t = 5, value_parser = clap::value_parser!(u16).range(1..))]
    starts: u16,
}

/// All that was measured.
struct Measured {
    /// One for each film, in the order in which they were sent.
    runs: Vec<Run>,
    /// One for each start; the first on an empty folder.
    starts: Vec<Duration>,
    idle_bytes: u64,
    binary_bytes: u64,
}

/// Builds, measures, writes the report and prints it.
pub fn run(workspace: &Workspace, options: &Options) -> Result<()> {
    setup::run(workspace, Purpose::Demo)?;
    demo::build(workspace, Profile::Release)?;
    // In the cache and not where temporary files are: that may be memory, which syncs nothing.
    let folder = tempfile::Builder::new().prefix("bench-").tempdir_in(&workspace.cache)?;
    let films = restamp(workspace, folder.path(), options.films)?;
    let place = Place {
        profile: Profile::Release,
        data: folder.path().join("data"),
        http: "127.0.0.1:0".to_owned(),
        dicom: "127.0.0.1:0".to_owned(),
    };

    let mut starts = Vec::new();
    for _ in 1..options.starts {
        let server = Server::start(workspace, &place)?;
        starts.push(server.start_time);
        server.stop()?;
    }
    let server = Server::start(workspace, &place)?;
    starts.push(server.start_time);
    let idle_bytes = server.resident_bytes()?;
    let runs = send_one_by_one(workspace, &server, folder.path(), &films)?;
    server.stop()?;

    let binary_bytes = fs::metadata(workspace.binary(Profile::Release))?.len();
    let report = report(&machine::describe(workspace), &Measured { runs, starts, idle_bytes, binary_bytes })?;
    let path = workspace.root.join(REPORT);
    fs::create_dir_all(path.parent().context("the report lies in a folder")?)?;
    fs::write(&path, &report).with_context(|| format!("cannot write {REPORT}"))?;
    println!("\n{report}\nbench: written to {REPORT}");
    Ok(())
}

fn restamp(workspace: &Workspace, folder: &Path, count: u16) -> Result<Vec<Sample>> {
    let mut python = workspace.command(workspace.venv().join("bin/python"));
    let arguments = python.arg("bench/restamp.py").args([&workspace.samples(), folder]).arg(count.to_string());
    step::output(arguments).context("cannot make the films")?;
    samples::read(folder)
}

/// The next film is sent when all is done for the last one, its map included.
fn send_one_by_one(workspace: &Workspace, server: &Server, folder: &Path, films: &[Sample]) -> Result<Vec<Run>> {
    let api = Api::new(&server.ready.http, &server.admin_token(workspace, "bench")?);
    demo::deploy_app(workspace, server, &api)?;
    let mut runs = Vec::new();
    for film in films {
        film.send(workspace, folder, &server.ready)?;
        let run = demo::await_runs(&api, std::slice::from_ref(film))?.remove(0);
        if let Some(complaint) = film.complaint(&run) {
            bail!("{} {complaint}", film.file);
        }
        runs.push(run);
    }
    Ok(runs)
}

fn report(machine: &str, measured: &Measured) -> Result<String> {
    let times: Option<Vec<_>> = measured.runs.iter().map(|run| Some((run.turnaround_ms?, run.model_ms?))).collect();
    let times = times.context("a finished run has no times")?;
    let mut speed = Table::new(&["", "p50", "p95", "first", "aim"]);
    let mut row = |name: &str, of: fn(&(f64, f64)) -> f64, aim: fn(f64) -> String| {
        let series: Vec<_> = times.iter().map(of).collect();
        let p50 = percentile(&series, 50);
        let cells = [p50, percentile(&series, 95), series[0]].map(|ms| format!("{ms:.0} ms"));
        speed.add([vec![name.to_owned()], cells.into(), vec![aim(p50)]].concat());
    };
    row("last byte of the film to stored report", |(total, _)| *total, |_| String::new());
    row("the model's own time in it", |(_, model)| *model, |_| String::new());
    row("everything but the model", |(total, model)| total - model, |p50| aim("p50 under 300 ms", p50 < 300.0));

    let mut size = Table::new(&["", "measured", "aim"]);
    let mut row = |name: &str, value: String, aim: String| size.add(vec![name.to_owned(), value, aim]);
    let start_ms: Vec<_> = measured.starts.iter().map(|start| start.as_secs_f64() * 1e3).collect();
    let start = percentile(&start_ms, 50);
    let starts = start_ms.len();
    row(&format!("start to ready, median of {starts}"), format!("{start:.0} ms"), aim("under 1 s", start < 1000.0));
    row("the same, first start on an empty folder", format!("{:.0} ms", start_ms[0]), String::new());
    let idle = megabytes(measured.idle_bytes);
    row("resident memory, idle, no model", format!("{idle:.0} MB"), aim("under 150 MB", idle < 150.0));
    let binary = megabytes(measured.binary_bytes);
    row("release binary", format!("{binary:.0} MB"), aim("under 80 MB", binary < 80.0));

    let films = times.len();
    Ok(format!(
        "# From a chest film to its report\n\n{films} films, sent one by one by dcmtk's `storescu`, each when the last \
         one's map was done. The first one loads the model. By `cargo xtask bench cxr`; {machine}.\n\n{}\n{}",
        speed.markdown(),
        size.markdown()
    ))
}

fn aim(words: &str, is_met: bool) -> String {
    format!("{words}: {}", if is_met { "met" } else { "**missed**" })
}

fn megabytes(bytes: u64) -> f64 {
    bytes as f64 / 1e6
}

/// By nearest rank: the smallest value that at least `percent` of all do not exceed. `values` must not be empty.
fn percentile(values: &[f64], percent: usize) -> f64 {
    let mut sorted = values.to_vec();
    sorted.sort_by(f64::total_cmp);
    sorted[(sorted.len() * percent).div_ceil(100).saturating_sub(1)]
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    #[test]
    fn percentiles_are_by_nearest_rank() {
        let values: Vec<_> = (1..=64).rev().map(f64::from).collect();
        assert_eq!(percentile(&values, 50), 32.0);
        assert_eq!(percentile(&values, 95), 61.0);
        assert_eq!(percentile(&[7.0], 95), 7.0);
    }

    #[test]
    fn the_report_says_which_aims_are_met() {
        let run = |turnaround, model| {
            serde_json::from_value(json!({
                "app_id": "a", "release": "1", "state": "finished", "reason": null, "sop_instance_uid": "2.25.2",
                "model_ms": model, "turnaround_ms": turnaround, "map": { "state": "none", "ms": null },
                "results": [], "findings": [],
            }))
            .unwrap()
        };
        let measured = Measured {
            runs: vec![run(400, 30.0), run(350, 25.0), run(335, 24.0)],
            starts: [120, 60, 80].map(Duration::from_millis).into(),
            idle_bytes: 40_000_000,
            binary_bytes: 81_000_000,
        };
        let report = report("2 cores", &measured).unwrap();
        for line in [
            "| last byte of the film to stored report | 350 ms | 400 ms | 400 ms |  |",
            "| everything but the model | 325 ms | 370 ms | 370 ms | p50 under 300 ms: **missed** |",
            "| start to ready, median of 3 | 80 ms | under 1 s: met |",
            "| the same, first start on an empty folder | 120 ms |  |",
            "| resident memory, idle, no model | 40 MB | under 150 MB: met |",
            "| release binary | 81 MB | under 80 MB: **missed** |",
        ] {
            assert!(report.lines().any(|found| found == line), "{line}\n{report}");
        }
    }
}

//! Whether storing and searching stay as quick when the archive grows: the same small studies and the same questions at
//! each size, and how large the index is.

use std::collections::BTreeMap;
use std::fmt::Write;
use std::fs;
use std::path::{Path, PathBuf};
use std::time::Duration;

use anyhow::{Context, Result, bail};

use super::corpus::{Kind, PARTS, Plan, Study};
use super::image::Encoder;
use super::machine::{self, Meter};
use super::peers::{Peer, Running, Segments};
use super::report::number;
use super::requests;
use super::sample::{Sample, Samples, median, values};
use super::{command, load, prepare, today, wrk};
use crate::table::Table;
use crate::workspace::Workspace;

/// Where the report is kept.
const REPORT: &str = "bench/results/growth.md";
/// Where each measurement is kept, one a line.
const SAMPLES: &str = "bench/results/growth.jsonl";
/// Series of a study, and instances of a series.
const STUDY_SHAPE: (u32, u32) = (2, 5);
/// So many studies are made, sent and removed again at a time.
const BATCH_STUDIES: u32 = 1_000;
/// So many are sent to measure the rate once.
const PROBE_STUDIES: u32 = 100;
/// How often the rate and each question are measured at each size.
const ROUNDS: u32 = 3;
/// For so long the server is left alone at least before it is measured.
const SETTLE: Duration = Duration::from_secs(2);
/// How far a figure may be from the one of the first size.
const TOLERANCE: f64 = 0.25;

/// Options of `cargo xtask bench growth`.
#[derive(clap::Args)]
pub struct Options {
    /// Up to 1,000,000 instances instead of 100,000
    #[arg(long, conflicts_with = "quick")]
    full: bool,
    /// Up to 10,000 instances only: to see that it works
    #[arg(long)]
    quick: bool,
    /// Which server
    #[arg(long, value_enum, default_value = "lightbox")]
    server: Peer,
}

impl Options {
    /// The numbers of instances at which is measured.
    fn sizes(&self) -> &'static [u32] {
        match (self.quick, self.full) {
            (true, _) => &[1_000, 10_000],
            (_, true) => &[1_000, 100_000, 1_000_000],
            _ => &[1_000, 100_000],
        }
    }
}

/// Fills, measures at each size, writes the report and prints it.
pub fn run(workspace: &Workspace, options: &Options) -> Result<()> {
    if !options.server.has_web() {
        bail!("{} cannot be searched", options.server.name());
    }
    prepare(workspace, options.server == Peer::Lightbox)?;
    fs::create_dir_all(workspace.root.join("bench/results"))?;
    let mut samples = Samples::open(&workspace.root.join(SAMPLES), false)?;
    let server = Running::start(workspace, options.server, Segments::AtOnce)?;
    let mut filling = Filling::new(workspace, &server)?;
    for size in options.sizes() {
        let studies = size / (STUDY_SHAPE.0 * STUDY_SHAPE.1);
        filling.fill_to(studies)?;
        machine::settle(server.pid, SETTLE);
        ask(workspace, &server, *size, studies, &mut samples)?;
        for round in 1..=ROUNDS {
            // What arrived before is described by now, which is not to be counted again.
            machine::settle(server.pid, SETTLE);
            let (measure, server) = (format!("store {size}"), server.peer.name().to_owned());
            samples.add(Sample { measure, server, round, values: filling.probe()? })?;
        }
    }
    server.stop()?;

    let report = report(workspace, options, &samples.all)?;
    fs::write(workspace.root.join(REPORT), &report).with_context(|| format!("cannot write {REPORT}"))?;
    println!("\n{report}\nbench: written to {REPORT}");
    Ok(())
}

fn plan(studies: u32) -> Plan {
    Plan { kind: Kind::Grain, studies, series: STUDY_SHAPE.0, instances: STUDY_SHAPE.1 }
}

/// Sends studies by C-STORE over four associations, in batches that are made shortly before.
struct Filling<'a> {
    workspace: &'a Workspace,
    server: &'a Running,
    encoder: Encoder,
    studies: u32,
}

impl<'a> Filling<'a> {
    fn new(workspace: &'a Workspace, server: &'a Running) -> Result<Self> {
        Ok(Self { workspace, server, encoder: Encoder::new(Kind::Grain)?, studies: 0 })
    }

    fn fill_to(&mut self, studies: u32) -> Result<()> {
        while self.studies < studies {
            let batch = self.make((self.studies + BATCH_STUDIES).min(studies))?;
            self.send(&batch)?;
            println!("bench: {} studies are stored", self.studies);
        }
        Ok(())
    }

    /// Sends some more, and measures it.
    fn probe(&mut self) -> Result<BTreeMap<String, f64>> {
        let held = f64::from(self.studies * STUDY_SHAPE.0 * STUDY_SHAPE.1);
        let index_bytes = index_bytes(&self.server.data())? as f64;
        let batch = self.make(self.studies + PROBE_STUDIES)?;
        let instances = f64::from(PROBE_STUDIES * STUDY_SHAPE.0 * STUDY_SHAPE.1);
        let meter = Meter::start(self.server.pid);
        self.send(&batch)?;
        let usage = meter.stop()?;
        let mut values = usage.values(instances);
        values.insert("per_second".to_owned(), instances / usage.wall_seconds);
        values.insert("index_bytes_each".to_owned(), index_bytes / held);
        Ok(values)
    }

    /// Writes the next studies to a temporary folder, divided among the senders.
    fn make(&mut self, end: u32) -> Result<tempfile::TempDir> {
        let folder = tempfile::Builder::new().prefix(".fill-").tempdir_in(self.workspace.cache.join("bench"))?;
        parts(folder.path()).iter().try_for_each(fs::create_dir)?;
        for number in self.studies..end {
            let part = &parts(folder.path())[(number % PARTS) as usize];
            Study::new(&plan(end), number).write(&self.encoder, part)?;
        }
        self.studies = end;
        Ok(folder)
    }

    fn send(&self, batch: &tempfile::TempDir) -> Result<()> {
        load::store_folders(self.workspace, self.server, &parts(batch.path()), Segments::AtOnce)
    }
}

fn parts(folder: &Path) -> Vec<PathBuf> {
    (0..PARTS).map(|part| folder.join(part.to_string())).collect()
}

/// What the data folder holds beside images: the index, its log, and what is derived.
fn index_bytes(data: &Path) -> Result<u64> {
    let mut bytes = 0;
    for entry in walkdir::WalkDir::new(data) {
        let entry = entry?;
        let is_index = entry.file_name().to_str().is_some_and(|name| name.contains(".db") || name.starts_with("index"));
        if entry.file_type().is_file() && is_index {
            bytes += entry.metadata()?.len();
        }
    }
    Ok(bytes)
}

fn ask(workspace: &Workspace, server: &Running, size: u32, studies: u32, samples: &mut Samples) -> Result<()> {
    let stride = studies.div_ceil(500).max(1) as usize;
    let some: Vec<_> = (0..studies).step_by(stride).map(|number| Study::new(&plan(studies), number)).collect();
    for request in requests::bounded_searches(&some) {
        requests::compare(&[server.web()?], &request)?;
        for round in 1..=ROUNDS {
            let values = wrk::measure(workspace, (server.web()?, server.pid), &request, 1, 2)?;
            let measure = format!("{} {size}", request.name);
            samples.add(Sample { measure, server: server.peer.name().to_owned(), round, values })?;
        }
    }
    Ok(())
}

/// One row a figure, one column a size.
fn report(workspace: &Workspace, options: &Options, samples: &[Sample]) -> Result<String> {
    let mut report = format!(
        "# {} as it grows\n\nBy `{}` on {}; {}. Studies of {} instances of 8² pixels come in by C-STORE over four \
         associations; the rate is that of the next {PROBE_STUDIES} studies after a size is reached and the server has \
         become quiet. Searches are by one connection; those whose answers would grow are limited to 25 rows. All are \
         medians of {ROUNDS}. ✓: at no size more than {:.0} % worse than at the first.\n\n",
        options.server.name(),
        command(),
        today()?,
        machine::describe(workspace),
        STUDY_SHAPE.0 * STUDY_SHAPE.1,
        TOLERANCE * 100.0,
    );
    write!(report, "{}", table(options.sizes(), options.server.name(), samples).markdown())?;
    Ok(report)
}

fn table(sizes: &[u32], server: &str, samples: &[Sample]) -> Table {
    let heads: Vec<_> = sizes.iter().map(|size| format!("{size} instances")).collect();
    let head: Vec<_> = [""].into_iter().chain(heads.iter().map(String::as_str)).chain([""]).collect();
    let mut table = Table::new(&head);
    let mut add = |title: &str, name: &str, metric: &str, grows_when_worse: Option<bool>| {
        let at = |size| median(&values(samples, &format!("{name} {size}"), server, metric)).unwrap_or(f64::NAN);
        let figures: Vec<_> = sizes.iter().map(at).collect();
        let is_flat = |figure: &f64| match grows_when_worse {
            Some(true) => *figure <= figures[0] * (1.0 + TOLERANCE),
            _ => *figure >= figures[0] * (1.0 - TOLERANCE),
        };
        let verdict = if figures.iter().all(is_flat) { "✓" } else { "✗" };
        let mut row = vec![title.to_owned()];
        row.extend(figures.iter().copied().map(number));
        row.push(if grows_when_worse.is_some() { verdict } else { "" }.to_owned());
        table.add(row);
    };
    add("stored per second", "store", "per_second", Some(false));
    add("CPU ms for each", "store", "cpu_ms_each", Some(true));
    add("index bytes for each", "store", "index_bytes_each", None);
    add("peak MB while storing", "store", "peak_mb", None);
    for name in ["patient", "accession", "date-range", "name-prefix", "first-page", "study-instances"] {
        add(&format!("QIDO {name}, p50 ms"), name, "p50_ms", Some(true));
        add(&format!("QIDO {name}, p99 ms"), name, "p99_ms", None);
    }
    table
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_figure_that_is_a_quarter_worse_is_not_flat() {
        let sample = |measure: &str, metric: &str, value| Sample {
            measure: measure.to_owned(),
            server: "lightbox".to_owned(),
            round: 1,
            values: [(metric.to_owned(), value)].into(),
        };
        let samples = [
            sample("store 1000", "per_second", 1000.0),
            sample("store 9000", "per_second", 760.0),
            sample("patient 1000", "p50_ms", 1.0),
            sample("patient 9000", "p50_ms", 1.3),
        ];
        let text = table(&[1000, 9000], "lightbox", &samples).markdown();
        assert!(text.contains("| stored per second | 1000 | 760 | ✓ |"), "{text}");
        assert!(text.contains("| QIDO patient, p50 ms | 1.00 | 1.30 | ✗ |"), "{text}");
    }

    #[test]
    fn images_are_not_the_index() {
        let folder = tempfile::tempdir().unwrap();
        for (name, bytes) in [("lightbox.db", 5), ("lightbox.db-wal", 2), ("image.dcm", 100), ("index", 1)] {
            fs::write(folder.path().join(name), vec![0; bytes]).unwrap();
        }
        assert_eq!(index_bytes(folder.path()).unwrap(), 8);
    }
}

//! Lightbox beside Orthanc and the bare `storescp`, in one run: the same files by the same clients on the same disk.

use std::collections::BTreeMap;
use std::fs;
use std::process::Command;
use std::time::Duration;

use anyhow::{Context, Result, bail};

use super::corpus::{Corpus, Kind, Plan};
use super::leftovers::{self, RemovedAtEnd};
use super::machine::{self, Meter};
use super::peers::{Peer, Running, Segments};
use super::report::{self, Setting};
use super::requests::{self, Request};
use super::sample::{Sample, Samples, read_targets};
use super::{command, load, prepare, today, wrk};
use crate::step;
use crate::workspace::Workspace;

/// Where the report is kept.
const REPORT: &str = "bench/results/archive.md";
/// Where each measurement is kept, one a line.
const SAMPLES: &str = "bench/results/archive.jsonl";
/// How many senders or connections at once, for storing.
const SENDERS: [usize; 2] = [1, 4];
/// How many connections at once, for asking.
const CONNECTIONS: [u32; 2] = [1, 8];

/// Options of `cargo xtask bench archive`.
#[derive(clap::Args)]
pub struct Options {
    /// Small corpora and one round, in a few minutes: to see that it works
    #[arg(long, conflicts_with = "full")]
    quick: bool,
    /// Five rounds and longer ones
    #[arg(long)]
    full: bool,
    /// How often each is measured [default: 3; quick 1, full 5]
    #[arg(long, value_parser = clap::value_parser!(u32).range(1..))]
    rounds: Option<u32>,
    /// Which servers take part
    #[arg(long, value_enum, value_delimiter = ',', default_value = "lightbox,orthanc,storescp")]
    servers: Vec<Peer>,
    /// Which doors are measured
    #[arg(long, value_enum, value_delimiter = ',', default_value = "store,stow,qido,wado")]
    doors: Vec<Door>,
    /// Go on with the measurements of the last call instead of beginning anew
    #[arg(long)]
    go_on: bool,
}

/// What is measured.
#[derive(Clone, Copy, PartialEq, Eq, clap::ValueEnum)]
enum Door {
    Store,
    Stow,
    Qido,
    Wado,
}

/// How much is measured.
struct Size {
    rounds: u32,
    /// For so long each kind of request is made.
    seconds: u32,
    /// For so long servers are left alone after loading: Orthanc takes a study to be complete after a minute.
    settle: Duration,
    ct: Plan,
    dx: Plan,
    tiny: Plan,
}

impl Options {
    fn size(&self) -> Size {
        let plan = |kind, studies, series, instances| Plan { kind, studies, series, instances };
        let mut size = Size {
            rounds: 3,
            seconds: 3,
            settle: Duration::from_secs(65),
            ct: plan(Kind::Ct, 20, 1, 200),
            dx: plan(Kind::Dx, 100, 1, 1),
            tiny: plan(Kind::Tiny, 2_000, 2, 5),
        };
        if self.quick {
            (size.rounds, size.seconds, size.settle) = (1, 2, Duration::from_secs(3));
            (size.ct.studies, size.dx.studies, size.tiny.studies) = (4, 24, 200);
        }
        if self.full {
            (size.rounds, size.seconds) = (5, 5);
        }
        size.rounds = self.rounds.unwrap_or(size.rounds);
        size
    }
}

/// What every measurement needs.
struct Bench<'a> {
    workspace: &'a Workspace,
    options: &'a Options,
    size: Size,
    samples: Samples,
}

/// Prepares, measures, writes the report and prints it.
pub fn run(workspace: &Workspace, options: &Options) -> Result<()> {
    prepare(workspace, options.servers.contains(&Peer::Lightbox))?;
    let _leftovers = RemovedAtEnd;
    let size = options.size();
    let [ct, dx, tiny] = [size.ct, size.dx, size.tiny].map(|plan| Corpus::prepare(workspace, plan));
    let corpora = [ct?, dx?, tiny?];
    fs::create_dir_all(workspace.root.join("bench/results"))?;
    let samples = Samples::open(&workspace.root.join(SAMPLES), options.go_on)?;
    let mut bench = Bench { workspace, options, size, samples };

    bench.measure_storing(&corpora)?;
    let [ct, dx, tiny] = &corpora;
    if options.doors.contains(&Door::Qido) {
        bench.measure_asking("qido", &[tiny], &requests::searches(&tiny.studies))?;
    }
    if options.doors.contains(&Door::Wado) {
        bench.measure_asking("wado", &[ct, dx], &requests::retrievals(&ct.studies))?;
    }

    let report = bench.report(&corpora)?;
    fs::write(workspace.root.join(REPORT), &report).with_context(|| format!("cannot write {REPORT}"))?;
    println!("\n{report}\nbench: written to {REPORT}");
    Ok(())
}

impl Bench<'_> {
    fn web_servers(&self) -> Vec<Peer> {
        self.options.servers.iter().copied().filter(|peer| peer.has_web()).collect()
    }

    /// Round after round, so that a slow spell of the machine meets all servers alike.
    fn measure_storing(&mut self, corpora: &[Corpus; 3]) -> Result<()> {
        for round in 1..=self.size.rounds {
            for (corpus, senders) in corpora.iter().flat_map(|corpus| SENDERS.map(|senders| (corpus, senders))) {
                if self.options.doors.contains(&Door::Store) {
                    self.measure_disk(round, corpus, senders)?;
                    for peer in self.options.servers.clone() {
                        self.measure_store(round, peer, corpus, senders, Segments::AtOnce)?;
                    }
                }
                if self.options.doors.contains(&Door::Stow) {
                    for peer in self.web_servers() {
                        self.measure_stow(round, peer, corpus, senders)?;
                    }
                }
            }
        }
        if self.options.doors.contains(&Door::Store) {
            // Once, and with a quarter of the files: with Nagle's algorithm at both ends a file takes its 40 to 80 ms.
            let part = corpora[0].first_part()?;
            for peer in self.options.servers.clone() {
                self.measure_store(1, peer, &part, 1, Segments::AsPackaged)?;
            }
        }
        Ok(())
    }

    fn measure_store(
        &mut self,
        round: u32,
        peer: Peer,
        corpus: &Corpus,
        associations: usize,
        segments: Segments,
    ) -> Result<()> {
        let server = self.start(peer, segments)?;
        let meter = Meter::start(server.pid);
        load::store(self.workspace, &server, corpus, associations, segments)?;
        let usage = meter.stop()?;
        let packaged = if segments == Segments::AsPackaged { " packaged" } else { "" };
        let measure = format!("store {} {associations}{packaged}", corpus.plan.kind.name());
        self.end_storing(round, measure, server, corpus, usage.values(f64::from(corpus.plan.files())))
    }

    fn measure_stow(&mut self, round: u32, peer: Peer, corpus: &Corpus, connections: usize) -> Result<()> {
        let server = self.start(peer, Segments::AtOnce)?;
        let meter = Meter::start(server.pid);
        load::stow(server.web()?, corpus, connections)?;
        let usage = meter.stop()?;
        let measure = format!("stow {} {connections}", corpus.plan.kind.name());
        self.end_storing(round, measure, server, corpus, usage.values(f64::from(corpus.plan.files())))
    }

    /// A server on an empty folder, after the disk has written what others left to it.
    fn start(&self, peer: Peer, segments: Segments) -> Result<Running> {
        step::output(&mut Command::new("sync"))?;
        Running::start(self.workspace, peer, segments)
    }

    /// Counts what the server holds: one that has lost an instance was not quick but wrong.
    fn end_storing(
        &mut self,
        round: u32,
        measure: String,
        server: Running,
        corpus: &Corpus,
        values: BTreeMap<String, f64>,
    ) -> Result<()> {
        let (held, sent) = (server.held()?, u64::from(corpus.plan.files()));
        if held != sent {
            bail!("{measure}: {} holds {held} instances of {sent}", server.peer.name());
        }
        let name = server.peer.name();
        server.stop()?;
        self.add(round, measure, name, with_rates(values, corpus))
    }

    fn measure_disk(&mut self, round: u32, corpus: &Corpus, threads: usize) -> Result<()> {
        step::output(&mut Command::new("sync"))?;
        let folder = tempfile::Builder::new().prefix(".disk-").tempdir_in(self.workspace.cache.join("bench"))?;
        let meter = Meter::start(std::process::id());
        load::write_files(corpus, folder.path(), threads)?;
        let mut values = meter.stop()?.values(f64::from(corpus.plan.files()));
        leftovers::remove_later(folder)?;
        // The writer is both sides of it.
        values.insert("client_cores".to_owned(), 0.0);
        self.add(round, format!("store {} {threads}", corpus.plan.kind.name()), "disk", with_rates(values, corpus))
    }

    /// All servers are loaded and settled before the first question; only the one that is asked has work to do.
    fn measure_asking(&mut self, door: &str, corpora: &[&Corpus], requests: &[Request]) -> Result<()> {
        let mut servers = Vec::new();
        for peer in self.web_servers() {
            let server = self.start(peer, Segments::AtOnce)?;
            println!("bench: {door}: loading {}", peer.name());
            for corpus in corpora {
                load::store(self.workspace, &server, corpus, 4, Segments::AtOnce)?;
            }
            servers.push(server);
        }
        let mut at_least = self.size.settle;
        for server in &servers {
            machine::settle(server.pid, at_least);
            at_least = Duration::ZERO;
        }
        let webs: Vec<_> = servers.iter().map(Running::web).collect::<Result<_>>()?;
        requests.iter().try_for_each(|request| requests::compare(&webs, request))?;
        self.ask_all(door, &servers, requests)?;
        servers.into_iter().try_for_each(Running::stop)
    }

    fn ask_all(&mut self, door: &str, servers: &[Running], requests: &[Request]) -> Result<()> {
        for round in 1..=self.size.rounds {
            for (request, connections) in requests.iter().flat_map(|request| CONNECTIONS.map(|many| (request, many))) {
                for server in servers {
                    let target = (server.web()?, server.pid);
                    let values = wrk::measure(self.workspace, target, request, connections, self.size.seconds)?;
                    let measure = format!("{door} {} {connections}", request.name);
                    self.add(round, measure, server.peer.name(), values)?;
                }
            }
        }
        Ok(())
    }

    fn add(&mut self, round: u32, measure: String, server: &str, values: BTreeMap<String, f64>) -> Result<()> {
        self.samples.add(Sample { measure, server: server.to_owned(), round, values })
    }

    fn report(&self, corpora: &[Corpus; 3]) -> Result<String> {
        let sizes = corpora.each_ref().map(|corpus| {
            let Plan { kind, studies, .. } = corpus.plan;
            let megabytes = corpus.bytes as f64 / 1e6;
            format!("{} of {} files in {studies} studies, {megabytes:.0} MB", kind.name(), corpus.plan.files())
        });
        let setting = Setting {
            machine: &machine::describe(self.workspace),
            date: &today()?,
            command: &command(),
            versions: &versions()?,
            corpora: &sizes.join("; "),
        };
        report::archive(&setting, &self.samples.all, &read_targets(&self.workspace.root)?)
    }
}

fn with_rates(mut values: BTreeMap<String, f64>, corpus: &Corpus) -> BTreeMap<String, f64> {
    let seconds = values.get("seconds").copied().unwrap_or(f64::NAN);
    values.insert("per_second".to_owned(), f64::from(corpus.plan.files()) / seconds);
    values.insert("mb_per_second".to_owned(), corpus.bytes as f64 / 1e6 / seconds);
    values
}

fn versions() -> Result<Vec<String>> {
    let mut query = Command::new("dpkg-query");
    query.args(["--show", "--showformat", "${Package} ${Version}\n", "orthanc", "orthanc-dicomweb", "dcmtk", "wrk"]);
    Ok(step::output(&mut query)?.lines().map(str::to_owned).collect())
}

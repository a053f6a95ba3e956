//! Lightbox as a newcomer meets it: real films over real C-STORE, what the app found in each, and a web page to look at.

use std::path::{Path, PathBuf};
use std::thread;
use std::time::{Duration, Instant};

use anyhow::{Context, Result, bail};

use crate::api::{Api, Deployment, Run};
use crate::samples::{self, Sample};
use crate::server::{Place, Server};
use crate::setup::{self, Purpose};
use crate::step;
use crate::table::Table;
use crate::web;
use crate::workspace::{Profile, Workspace};

/// For so long nothing may happen while results are awaited.
const IDLE_MAX: Duration = Duration::from_secs(120);
/// How often the server is asked.
const ASK_EVERY: Duration = Duration::from_millis(100);

/// Options of `cargo xtask demo`.
#[derive(clap::Args)]
pub struct Options {
    /// End when all results are there; the status is 0 only if each is the expected one
    #[arg(long)]
    once: bool,
    /// The data folder; one that is used again keeps what it has [default: demo-2 in the cache folder]
    #[arg(long, value_name = "DIR")]
    data: Option<PathBuf>,
    /// Address of the web page; port 0 takes a free one
    #[arg(long, value_name = "ADDRESS", default_value = "127.0.0.1:0")]
    http: String,
    /// Address for DICOM; port 0 takes a free one
    #[arg(long, value_name = "ADDRESS", default_value = "127.0.0.1:0")]
    dicom: String,
    /// How the server is built
    #[arg(long, value_enum, default_value = "release")]
    profile: Profile,
}

/// The data folder under the cache. The number is that of the manifests' schema: an app that was deployed by an older one is
/// not read any more.
const FOLDER: &str = "demo-2";

/// Sets up, builds, starts, sends, waits and tells; then serves until it is ended, unless `--once`.
pub fn run(workspace: &Workspace, options: &Options) -> Result<()> {
    setup::run(workspace, Purpose::Demo)?;
    build(workspace, options.profile)?;
    let place = Place {
        profile: options.profile,
        data: options.data.clone().unwrap_or_else(|| workspace.cache.join(FOLDER)),
        http: options.http.clone(),
        dicom: options.dicom.clone(),
    };
    let server = Server::start(workspace, &place)?;
    println!("demo: Lightbox is ready after {} ms (data in {})", server.start_time.as_millis(), place.data.display());
    let api = Api::new(&server.ready.http, &server.admin_token(workspace, "demo")?);
    deploy_app(workspace, &server, &api)?;

    let samples = samples::read(&workspace.samples())?;
    send(workspace, &server, &samples)?;
    let runs = await_runs(&api, &samples)?;
    println!("\n{}", table(&samples, &runs));
    let complaints = complaints(&samples, &runs);
    complaints.iter().for_each(|complaint| println!("demo: {complaint}"));
    tell_login(&server);

    if options.once {
        server.stop()?;
        if !complaints.is_empty() {
            bail!("{} of {} results are not as expected", complaints.len(), samples.len());
        }
        println!("demo: all {} results are as expected", samples.len());
        return Ok(());
    }
    println!("demo: serving until Ctrl-C");
    server.wait()
}

/// Builds the pages and the binary that holds them.
pub fn build(workspace: &Workspace, profile: Profile) -> Result<()> {
    web::build(workspace)?;
    let mut cargo = workspace.cargo(&["build", "--package", "lightbox-cli"]);
    if profile == Profile::Release {
        cargo.arg("--release");
    }
    step::loudly(&mut cargo)
}

/// Puts the app to work, unless it is already, and admits us as a sender.
pub fn deploy_app(workspace: &Workspace, server: &Server, api: &Api) -> Result<()> {
    let app = workspace.app();
    let release = app.file_name().and_then(|name| name.to_str()).context("the release folder has no name")?;
    let is_deployed = |app: &Deployment| format!("{}-{}", app.app_id, app.release) == release;
    if !api.deployments()?.iter().any(is_deployed) {
        let folder = app.to_str().context("the release folder's path is not UTF-8")?;
        step::output(&mut server.command(workspace, &["deploy", folder]))?;
        println!("demo: deployed {release}");
    }
    step::output(&mut server.command(workspace, &["peer", "allow", samples::AE_TITLE])).map(drop)
}

fn send(workspace: &Workspace, server: &Server, samples: &[Sample]) -> Result<()> {
    let started = Instant::now();
    let folder: &Path = &workspace.samples();
    samples.iter().try_for_each(|sample| sample.send(workspace, folder, &server.ready))?;
    let (count, time) = (samples.len(), step::seconds(started.elapsed()));
    println!("demo: sent {count} images by C-STORE to {} at {} in {time}", server.ready.ae_title, server.ready.dicom);
    Ok(())
}

/// The run on each sample, in their order, once all are settled. Fails when nothing more happens.
pub fn await_runs(api: &Api, samples: &[Sample]) -> Result<Vec<Run>> {
    let mut runs: Vec<Option<Run>> = vec![None; samples.len()];
    let mut progress = Instant::now();
    loop {
        for (sample, run) in samples.iter().zip(&mut runs).filter(|(_, run)| run.is_none()) {
            *run = api.run(&sample.study_instance_uid, &sample.sop_instance_uid)?.filter(Run::is_settled);
            if run.is_some() {
                progress = Instant::now();
            }
        }
        if runs.iter().all(Option::is_some) {
            return Ok(runs.into_iter().flatten().collect());
        }
        if progress.elapsed() > IDLE_MAX {
            let missing = samples.iter().zip(&runs).filter(|(_, run)| run.is_none());
            let missing: Vec<_> = missing.map(|(sample, _)| sample.file.as_str()).collect();
            bail!("no result for {} after {}", missing.join(", "), step::seconds(IDLE_MAX));
        }
        thread::sleep(ASK_EVERY);
    }
}

fn complaints(samples: &[Sample], runs: &[Run]) -> Vec<String> {
    let pairs = samples.iter().zip(runs);
    pairs.filter_map(|(sample, run)| Some(format!("{} {}", sample.file, sample.complaint(run)?))).collect()
}

fn table(samples: &[Sample], runs: &[Run]) -> Table {
    let mut table = Table::new(&[
        "study",
        "image",
        "app and release",
        "finding",
        "score",
        "threshold",
        "last byte to result",
        "model",
        "map",
    ]);
    for (sample, run) in samples.iter().zip(runs) {
        let mut row = vec![sample.study(), sample.file.clone(), format!("{} {}", run.app_id, run.release)];
        row.extend(outcome_cells(run));
        table.add(row);
    }
    table
}

fn outcome_cells(run: &Run) -> Vec<String> {
    let milliseconds = |time: Option<f64>| time.map_or_else(|| "–".to_owned(), |ms| format!("{ms:.0} ms"));
    let Some(finding) = run.findings.first().filter(|_| run.state == "finished") else {
        return vec![format!("{}: {}", run.state, run.reason.as_deref().unwrap_or("no reason given"))];
    };
    vec![
        format!("{}, {}", finding.code.meaning, if finding.positive { "positive" } else { "negative" }),
        format!("{:.3}", finding.score),
        format!("{:.3}", finding.threshold),
        milliseconds(run.turnaround_ms),
        milliseconds(run.model_ms),
        milliseconds(run.map.ms),
    ]
}

fn tell_login(server: &Server) {
    let web = &server.ready.http;
    match &server.ready.one_time {
        Some(login) => {
            println!(
                "demo: open {web}/login?name={} and sign in with the one-time password {}",
                login.name, login.password
            );
        }
        None => println!("demo: open {web} and sign in as you did before; an empty data folder starts anew"),
    }
}

//! Every check and every test, in stages from the quickest to the slowest; the first that fails ends the run.

use std::process::Command;
use std::time::{Duration, Instant};

use anyhow::{Context as _, Result, bail};
use tempfile::TempDir;

use crate::ohif;
use crate::openapi;
use crate::setup::{self, Purpose};
use crate::step;
use crate::tidy;
use crate::web;
use crate::workspace::{Profile, Workspace};

/// Options of `cargo xtask test`.
#[derive(clap::Args)]
pub struct Options {
    /// Run only this stage (may be given more than once), without set-up
    #[arg(long, value_name = "STAGE")]
    only: Vec<String>,
    /// Name the stages and stop
    #[arg(long)]
    list: bool,
}

/// What a stage works with.
struct Context<'a> {
    workspace: &'a Workspace,
    /// Everything that a test writes lies below; gone at the end.
    temporary: TempDir,
}

struct Stage {
    name: &'static str,
    about: &'static str,
    run: fn(&Context) -> Result<()>,
}

const STAGES: &[Stage] = &[
    Stage { name: "format", about: "cargo fmt", run: |c| cargo(c, &["fmt", "--all", "--check"]) },
    Stage { name: "tidy", about: "what the design promises", run: |c| tidy::run(c.workspace) },
    Stage { name: "licences", about: "cargo deny", run: deny },
    Stage { name: "web", about: "types, lint and build of the pages", run: web_pages },
    Stage { name: "clippy", about: "cargo clippy, warnings are errors", run: clippy },
    Stage { name: "build", about: "the binary with its pages", run: |c| cargo(c, &["build", "--workspace"]) },
    Stage { name: "rust", about: "cargo test", run: |c| cargo(c, &["test", "--workspace"]) },
    Stage { name: "samples", about: "the app's scores and the samples' greys", run: samples },
    Stage { name: "openapi", about: "the API as committed", run: |c| openapi::check(c.workspace) },
    Stage { name: "foreign", about: "other people's clients against the binary", run: foreign },
    Stage { name: "e2e", about: "the pages in a browser", run: e2e },
];

/// Sets up and runs the stages, then tells how each went. Fails if one failed or was not reached.
pub fn run(workspace: &Workspace, options: &Options) -> Result<()> {
    if options.list {
        STAGES.iter().for_each(|stage| println!("{:<9} {}", stage.name, stage.about));
        return Ok(());
    }
    let stages = chosen(&options.only)?;
    let started = Instant::now();
    if options.only.is_empty() {
        setup::run(workspace, Purpose::Test)?;
    }
    let context = Context { workspace, temporary: tempfile::Builder::new().prefix("lightbox-test-").tempdir()? };
    let (done, failure) = run_stages(&stages, &context);
    println!("\n{}total {}", summary(&stages, &done, failure.is_some()), step::seconds(started.elapsed()));
    println!("{} passed, {} failed", done.len(), u8::from(failure.is_some()));
    failure.map_or(Ok(()), Err)
}

fn chosen(only: &[String]) -> Result<Vec<&'static Stage>> {
    if let Some(unknown) = only.iter().find(|name| STAGES.iter().all(|stage| stage.name != *name)) {
        bail!("there is no stage {unknown:?}: `cargo xtask test --list` names them");
    }
    Ok(STAGES.iter().filter(|stage| only.is_empty() || only.iter().any(|name| name == stage.name)).collect())
}

/// How long each passed stage took, and the error of the one that failed.
fn run_stages(stages: &[&Stage], context: &Context) -> (Vec<Duration>, Option<anyhow::Error>) {
    let mut done = Vec::new();
    for stage in stages {
        println!("test: {} …", stage.name);
        let started = Instant::now();
        if let Err(error) = (stage.run)(context) {
            return (done, Some(error.context(format!("stage {}", stage.name))));
        }
        done.push(started.elapsed());
        println!("test: {} ok ({})", stage.name, step::seconds(started.elapsed()));
    }
    (done, None)
}

fn summary(stages: &[&Stage], done: &[Duration], failed: bool) -> String {
    let outcome = |index: usize| match done.get(index) {
        Some(duration) => step::seconds(*duration),
        None if failed && index == done.len() => "FAILED".to_owned(),
        None => "not run".to_owned(),
    };
    let line =
        |(index, stage): (usize, &&Stage)| format!("  {:<9} {:>12}  {}\n", stage.name, outcome(index), stage.about);
    stages.iter().enumerate().map(line).collect()
}

/// A command in the environment that every test gets.
fn command<'a>(context: &Context, command: &'a mut Command) -> &'a mut Command {
    let workspace = context.workspace;
    command
        .env("TMPDIR", context.temporary.path())
        .env("LIGHTBOX_BIN", workspace.binary(Profile::Dev))
        // dcmtk waits for acknowledgements of small packets otherwise (Nagle).
        .env("TCP_NODELAY", "1")
}

fn cargo(context: &Context, arguments: &[&str]) -> Result<()> {
    step::loudly(command(context, &mut context.workspace.cargo(arguments)))
}

fn clippy(context: &Context) -> Result<()> {
    cargo(context, &["clippy", "--workspace", "--all-targets", "--", "--deny", "warnings"])
}

/// Without its advisory database, which lies on a server of its own.
fn deny(context: &Context) -> Result<()> {
    let mut deny = context.workspace.command(context.workspace.cache.join("tools/bin/cargo-deny"));
    step::loudly(deny.args(["--log-level", "warn", "check", "licenses", "bans", "sources"]))
}

fn web_pages(context: &Context) -> Result<()> {
    web::install(context.workspace, "web")?;
    step::loudly(&mut web::npm(context.workspace, "web", &["run", "--silent", "check"]))?;
    ohif::place(context.workspace)?;
    web::build(context.workspace)
}

/// The converted model against the original's scores, and the wrapped films against the originals' greys.
fn samples(context: &Context) -> Result<()> {
    let script = |path: &str| context.workspace.command(context.workspace.root.join(path));
    step::loudly(command(context, &mut script("apps/cxr-pneumonia/check.sh")))?;
    step::loudly(command(context, &mut script("samples/check.sh")))
}

fn foreign(context: &Context) -> Result<()> {
    let mut python = context.workspace.command(context.workspace.venv().join("bin/python"));
    step::loudly(command(context, python.args(["-m", "pytest", "--quiet", "tests/foreign"])))
}

/// Screenshots are for looking at afterwards, so they stay, in the cache unless told otherwise.
fn e2e(context: &Context) -> Result<()> {
    web::install(context.workspace, "e2e")?;
    let mut npm = web::npm(context.workspace, "e2e", &["test"]);
    if std::env::var_os("LIGHTBOX_SCREENSHOTS").is_none() {
        let folder = context.workspace.cache.join("screenshots");
        std::fs::create_dir_all(&folder).with_context(|| format!("cannot make {}", folder.display()))?;
        npm.env("LIGHTBOX_SCREENSHOTS", folder);
    }
    step::loudly(command(context, &mut npm))
}

#[cfg(test)]
mod tests {
    use super::*;

    const FIRST: Stage = Stage { name: "first", about: "passes", run: |_| Ok(()) };
    const SECOND: Stage = Stage { name: "second", about: "fails", run: |_| bail!("as it should") };
    const THIRD: Stage = Stage { name: "third", about: "is not reached", run: |_| Ok(()) };

    #[test]
    fn the_first_failure_ends_the_run_and_the_summary_says_so() {
        let workspace = Workspace::find().unwrap();
        let context = Context { workspace: &workspace, temporary: tempfile::tempdir().unwrap() };
        let stages = [&FIRST, &SECOND, &THIRD];
        let (done, failure) = run_stages(&stages, &context);
        assert_eq!(done.len(), 1);
        assert_eq!(format!("{:#}", failure.unwrap()), "stage second: as it should");
        let summary = summary(&stages, &[Duration::from_secs(2)], true);
        let outcomes: Vec<_> = summary.lines().map(|line| line[11..25].trim()).collect();
        assert_eq!(outcomes, ["2.0 s", "FAILED", "not run"]);
    }

    #[test]
    fn an_unknown_stage_is_refused() {
        assert_eq!(chosen(&["tidy".to_owned()]).unwrap().len(), 1);
        assert!(chosen(&["tidi".to_owned()]).is_err());
        assert_eq!(chosen(&[]).unwrap().len(), STAGES.len());
    }
}

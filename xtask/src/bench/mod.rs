//! What Lightbox is measured by: a chest film's way to its report, the archive beside others and as it grows, and a folder
//! that is imported.
//!
//! `corpus` and `image` make what is stored, `peers` the servers, `load` and `wrk` their work, `machine` watches what they
//! use, `sample` keeps it and `report` tells it.

mod archive;
mod corpus;
mod cxr;
mod growth;
mod image;
mod import;
mod leftovers;
mod load;
mod machine;
mod peers;
mod report;
mod requests;
mod sample;
mod web;
mod wrk;

use anyhow::Result;

use crate::step;
use crate::workspace::Workspace;

/// Options of `cargo xtask bench`.
#[derive(clap::Args)]
#[command(args_conflicts_with_subcommands = true)]
#[group(skip)]
pub struct Options {
    #[command(subcommand)]
    subject: Option<Subject>,
    #[command(flatten)]
    cxr: cxr::Options,
}

#[derive(clap::Subcommand)]
enum Subject {
    /// From a chest film to its report; what is done without a subject. Writes bench/results/cxr.md
    Cxr(cxr::Options),
    /// Storing, searching and retrieving beside Orthanc and storescp. Writes bench/results/archive.md
    Archive(archive::Options),
    /// Storing and searching with ever more instances. Writes bench/results/growth.md
    Growth(growth::Options),
    /// Importing a tree of 100,000 files, killed in the middle and resumed. Writes bench/results/import.md
    Import(import::Options),
}

/// Measures the subject that was asked for.
pub fn run(workspace: &Workspace, options: &Options) -> Result<()> {
    match &options.subject {
        None => cxr::run(workspace, &options.cxr),
        Some(Subject::Cxr(options)) => cxr::run(workspace, options),
        Some(Subject::Archive(options)) => archive::run(workspace, options),
        Some(Subject::Growth(options)) => growth::run(workspace, options),
        Some(Subject::Import(options)) => import::run(workspace, options),
    }
}

/// Installs what the comparison needs, and builds the server as users run it, unless LIGHTBOX_BIN names one.
fn prepare(workspace: &Workspace, with_lightbox: bool) -> Result<()> {
    let script = workspace.root.join("setup/apt.sh");
    step::quietly("debian packages", workspace.command(script).arg("bench"))?;
    if with_lightbox && std::env::var_os("LIGHTBOX_BIN").is_none() {
        step::loudly(&mut workspace.cargo(&["build", "--package", "lightbox-cli", "--release"]))?;
    }
    Ok(())
}

/// What was called, as a person would type it.
fn command() -> String {
    let words: Vec<_> = std::env::args().skip(1).collect();
    format!("cargo xtask {}", words.join(" "))
}

/// The machine and the commit that a figure is of, in one line.
pub fn describe_machine(workspace: &Workspace) -> String {
    machine::describe(workspace)
}

/// The day, by UTC.
pub fn today() -> Result<String> {
    step::output(std::process::Command::new("date").args(["--utc", "+%Y-%m-%d"]))
}

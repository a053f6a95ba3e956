//! What a contributor runs: `cargo xtask setup | test | demo | tidy | bench | openapi`.
//!
//! Each command is one module. `workspace` knows where things lie, `step` runs a command and tells how it went.

mod api;
mod bench;
mod demo;
mod ohif;
mod openapi;
mod samples;
mod server;
mod setup;
mod step;
mod table;
mod test;
mod tidy;
mod web;
mod workspace;

use std::process::ExitCode;

use clap::{Parser, Subcommand};

use crate::workspace::Workspace;

/// Set up, test, demonstrate and measure Lightbox.
///
/// What is fetched and built is kept outside the checkout, in LIGHTBOX_CACHE (~/.cache/lightbox unless set).
#[derive(Parser)]
#[command(bin_name = "cargo xtask")]
struct Arguments {
    #[command(subcommand)]
    command: Task,
}

#[derive(Subcommand)]
enum Task {
    /// Install and fetch what building, the tests and the demo need; ready parts are left alone
    Setup,
    /// Set up, then run every check and test; stops at the first stage that fails
    Test(test::Options),
    /// Set up, build, send real films, show what was found in them, and serve
    Demo(demo::Options),
    /// Measure how quick and how small it is; writes bench/results/
    Bench(bench::Options),
    /// Check what the design promises and a text can show: dependencies, lengths, words
    Tidy,
    /// Write the HTTP API's description and the web client's types from the binary
    Openapi(openapi::Options),
}

fn main() -> ExitCode {
    let arguments = Arguments::parse();
    match run(&arguments.command) {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => {
            eprintln!("xtask: {error:#}");
            ExitCode::FAILURE
        }
    }
}

fn run(task: &Task) -> anyhow::Result<()> {
    let workspace = Workspace::find()?;
    match task {
        Task::Setup => setup::run(&workspace, setup::Purpose::Test),
        Task::Test(options) => test::run(&workspace, options),
        Task::Demo(options) => demo::run(&workspace, options),
        Task::Bench(options) => bench::run(&workspace, options),
        Task::Tidy => tidy::run(&workspace),
        Task::Openapi(options) => openapi::run(&workspace, options),
    }
}

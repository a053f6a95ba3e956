//! What a contributor runs: `cargo xtask setup | test | demo | apps | bench | chaos | fuzz | tidy | openapi`.
//!
//! Each command is one module. `workspace` knows where things lie, `step` runs a command and tells how it went.

mod api;
mod apps;
mod bench;
mod chaos;
mod demo;
mod fuzz;
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
    /// Fetch or convert the models of the reference apps, and check each against its original
    Apps,
    /// Measure how quick and how small it is; writes bench/results/
    Bench(bench::Options),
    /// Kill the server again and again while instances arrive, and look whether one is lost
    Chaos(chaos::Options),
    /// Feed what reads bytes of others with any bytes, and keep those that are worth keeping
    Fuzz(fuzz::Options),
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
        Task::Apps => apps::run(&workspace),
        Task::Bench(options) => bench::run(&workspace, options),
        Task::Chaos(options) => chaos::run(&workspace, options),
        Task::Fuzz(options) => fuzz::run(&workspace, options),
        Task::Tidy => tidy::run(&workspace),
        Task::Openapi(options) => openapi::run(&workspace, options),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use clap::CommandFactory;

    #[test]
    fn the_commands_fit_together() {
        Arguments::command().debug_assert();
        let measures = |words: &[&str]| Arguments::try_parse_from([&["xtask", "bench"], words].concat()).is_ok();
        assert!(measures(&[]) && measures(&["--films", "3"]) && measures(&["cxr", "--films", "3"]));
        assert!(measures(&["archive", "--quick", "--servers", "orthanc,storescp"]) && measures(&["growth", "--full"]));
        assert!(measures(&["import", "--files", "1000"]));
        assert!(!measures(&["archive", "--quick", "--full"]) && !measures(&["--films", "3", "archive"]));
    }
}

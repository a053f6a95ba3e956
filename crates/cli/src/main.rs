//! The one binary, `lightbox`: settings, logging, wiring and shutdown. What the commands do is in the other rooms.

mod commands;
mod conformance;
mod measure;
mod output;
mod serve;
mod settings;

use clap::{Parser, Subcommand};
use output::Output;
use std::process::ExitCode;

#[global_allocator]
static ALLOCATOR: mimalloc::MiMalloc = mimalloc::MiMalloc;

const EXAMPLES: &str = "\
First steps:
  lightbox serve --data lightbox-data          start; the first start prints a one-time password
  lightbox peer allow CT1 --data lightbox-data admit the modality that calls itself CT1
  lightbox deploy RELEASE --data lightbox-data put an app to work
  lightbox import STUDY/ --data lightbox-data  or send: storescu -aet CT1 -aec LIGHTBOX localhost 11112 FILE

Every flag of `serve` is also an environment variable (LIGHTBOX_HTTP for --http) and a key in lightbox.toml.";

/// Finds, runs and watches AI for medical imaging: studies arrive, apps run, people see what they found.
#[derive(Parser)]
#[command(name = "lightbox", version, after_help = EXAMPLES, propagate_version = true)]
struct Cli {
    /// Print JSON for programs instead of text for people
    #[arg(long, global = true)]
    json: bool,
    #[command(subcommand)]
    command: Command,
}

#[derive(Subcommand)]
enum Command {
    /// Serve DICOM and HTTP until stopped (Ctrl-C)
    Serve(settings::ServeFlags),
    /// Read DICOM files and folders into the store
    Import(commands::import::Import),
    /// Send DICOM files to a peer by C-STORE
    Send(commands::send::Send),
    /// Ask a peer what it has, by C-FIND
    Query(commands::query::Query),
    /// Have a peer send a study, by C-MOVE
    Retrieve(commands::retrieve::Retrieve),
    /// Admit, list and remove DICOM peers
    #[command(subcommand)]
    Peer(commands::peer::Peer),
    /// Put a release to work
    Deploy(commands::deploy::Deploy),
    /// Check a release folder before it is deployed
    #[command(subcommand)]
    App(commands::app::App),
    /// Look at runs, try one again, or run one outside its intended use
    #[command(subcommand)]
    Run(commands::run::Run),
    /// Make and remove accounts of people
    #[command(subcommand)]
    User(commands::user::User),
    /// Make and remove tokens of programs
    #[command(subcommand)]
    Token(commands::token::Token),
    /// Check every stored file against its digest and every line of the log against its chain
    Verify(commands::verify::Verify),
    /// Write a study as a zip archive of DICOM files
    Export(commands::export::Export),
    /// Delete a study or a part of it; it can be brought back until it is purged
    Delete(commands::delete::Delete),
    /// Bring back what a deletion hid
    Undelete(commands::delete::Undelete),
    /// List what was deleted, why and by whom
    Deletions(commands::delete::Deletions),
    /// Correct what is said of a study and its patient; stored bytes stay, and it can be undone
    Correct(commands::correct::Correct),
    /// Make all studies of one patient, also later ones, studies of another
    Merge(commands::merge::Merge),
    /// Place, list and cancel orders, or import a file of them
    #[command(subcommand)]
    Order(commands::order::OrderCommand),
    /// Apply the lifecycle rules of lightbox.toml now, or say what they would do
    Lifecycle(commands::lifecycle::Lifecycle),
    /// Copy everything into a folder while the server works
    Backup(commands::backup::Backup),
    /// Make a new data folder of a backup, after checking every digest
    Restore(commands::backup::Restore),
    /// Say what is missing or wrong on this machine
    Doctor(commands::doctor::Doctor),
    /// Print the DICOM Conformance Statement
    Conformance,
    /// Print the OpenAPI document of the HTTP interface
    #[command(hide = true)]
    Openapi,
}

fn main() -> ExitCode {
    let cli = Cli::parse();
    let output = Output::new(cli.json);
    let runtime = match tokio::runtime::Builder::new_multi_thread().enable_all().build() {
        Ok(runtime) => runtime,
        Err(error) => return fail(&anyhow::Error::new(error).context("cannot start")),
    };
    match runtime.block_on(dispatch(cli.command, &output)) {
        Ok(code) => code,
        Err(error) => fail(&error),
    }
}

async fn dispatch(command: Command, output: &Output) -> anyhow::Result<ExitCode> {
    match command {
        Command::Serve(flags) => serve::serve(flags, output).await,
        Command::Import(import) => import.execute(output).await,
        Command::Send(send) => send.execute(output).await,
        Command::Query(query) => query.execute(output).await,
        Command::Retrieve(retrieve) => retrieve.execute(output).await,
        Command::Peer(peer) => peer.execute(output).await,
        Command::Deploy(deploy) => deploy.execute(output).await,
        Command::App(app) => app.execute(output).await,
        Command::Run(run) => run.execute(output).await,
        Command::User(user) => user.execute(output).await,
        Command::Token(token) => token.execute(output).await,
        Command::Verify(verify) => verify.execute(output).await,
        Command::Export(export) => export.execute(output).await,
        Command::Delete(delete) => delete.execute(output).await,
        Command::Undelete(undelete) => undelete.execute(output).await,
        Command::Deletions(deletions) => deletions.execute(output).await,
        Command::Correct(correct) => correct.execute(output).await,
        Command::Merge(merge) => merge.execute(output).await,
        Command::Order(order) => order.execute(output).await,
        Command::Lifecycle(lifecycle) => lifecycle.execute(output).await,
        Command::Backup(backup) => backup.execute(output).await,
        Command::Restore(restore) => restore.execute(output).await,
        Command::Doctor(doctor) => doctor.execute(output).await,
        Command::Conformance => Ok(commands::conformance::execute(output)),
        Command::Openapi => {
            output.line(&lightbox_http::openapi_json());
            Ok(ExitCode::SUCCESS)
        }
    }
}

/// One line: what was attempted, on what, what to do.
fn fail(error: &anyhow::Error) -> ExitCode {
    eprintln!("lightbox: {}", one_line(error));
    ExitCode::FAILURE
}

/// The error with its causes; one that its effect has told already is left out.
fn one_line(error: &anyhow::Error) -> String {
    let mut line = error.to_string();
    for cause in error.chain().skip(1).map(ToString::to_string) {
        if !line.contains(&cause) {
            line = format!("{line}: {cause}");
        }
    }
    line.replace('\n', " ")
}

#[cfg(test)]
mod tests {
    use super::one_line;
    use anyhow::Context;

    #[test]
    fn an_error_tells_each_cause_once() {
        let file = std::io::Error::other("no such file");
        let told = anyhow::Error::new(file).context("cannot read x: no such file");
        assert_eq!(one_line(&told), "cannot read x: no such file");
        let outer = Err::<(), _>(told).context("cannot start").unwrap_err();
        assert_eq!(one_line(&outer), "cannot start: cannot read x: no such file");
    }
}

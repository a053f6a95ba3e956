//! Kills the server while instances arrive, more often than `make test` does, and looks whether one is lost.

use anyhow::Result;

use crate::setup::{self, Purpose};
use crate::step;
use crate::workspace::Workspace;

/// Options of `cargo xtask chaos`.
#[derive(clap::Args)]
pub struct Options {
    /// How often the server is killed
    #[arg(long, default_value_t = 1_000)]
    kills: u64,
    /// What the moments of the kills are drawn from; a failure names it
    #[arg(long, default_value_t = 1)]
    seed: u64,
}

/// Runs the test of seeded kills with these options.
pub fn run(workspace: &Workspace, options: &Options) -> Result<()> {
    setup::run(workspace, Purpose::Test)?;
    let mut command = workspace.cargo(&["test", "--workspace", "--test", "it", "--", "chaos::", "--nocapture"]);
    command.env("LIGHTBOX_CHAOS_KILLS", options.kills.to_string()).env("LIGHTBOX_CHAOS_SEED", options.seed.to_string());
    step::loudly(&mut command)
}

//! Kills the server while instances arrive, more often than `make test` does, and looks whether one is lost.

use std::fs;

use anyhow::{Context, Result, bail};
use serde::Deserialize;

use crate::bench::{describe_machine, today};
use crate::setup::{self, Purpose};
use crate::step;
use crate::table::Table;
use crate::workspace::Workspace;

/// Where the result is kept.
const REPORT: &str = "bench/results/chaos.md";

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

/// What the test leaves behind, whether it failed or not.
#[derive(Deserialize)]
struct Outcome {
    kills: u64,
    seed: u64,
    acknowledged: u64,
    kept: u64,
    lost: Vec<String>,
    orphans: u64,
    problems: Vec<String>,
}

/// Runs the test of seeded kills with these options, and writes what came of it.
pub fn run(workspace: &Workspace, options: &Options) -> Result<()> {
    setup::run(workspace, Purpose::Demo)?;
    let folder = tempfile::tempdir()?;
    let path = folder.path().join("outcome.json");
    let machine = describe_machine(workspace);
    let mut command = workspace.cargo(&["test", "--workspace", "--test", "it", "--", "chaos::", "--nocapture"]);
    command.env("LIGHTBOX_CHAOS_KILLS", options.kills.to_string()).env("LIGHTBOX_CHAOS_SEED", options.seed.to_string());
    let tested = step::loudly(command.env("LIGHTBOX_CHAOS_OUTCOME", &path));
    let Ok(text) = fs::read_to_string(&path) else {
        return tested.and_then(|()| bail!("the test left no outcome"));
    };
    let report = report(&serde_json::from_str(&text)?, &today()?, &machine);
    fs::write(workspace.root.join(REPORT), &report).with_context(|| format!("cannot write {REPORT}"))?;
    println!("\n{report}\nchaos: written to {REPORT}");
    tested
}

fn report(outcome: &Outcome, today: &str, machine: &str) -> String {
    let mut table = Table::new(&["", ""]);
    for (what, number) in [
        ("kills (`SIGKILL`)", outcome.kills),
        ("instances acknowledged", outcome.acknowledged),
        ("instances there after the next start", outcome.kept),
        ("acknowledged and lost", outcome.lost.len() as u64),
        ("files without a row", outcome.orphans),
        ("files or log lines that `verify` objects to", outcome.problems.len() as u64),
    ] {
        table.add(vec![what.to_owned(), number.to_string()]);
    }
    let complaints = outcome.lost.iter().chain(&outcome.problems).map(|line| format!("- {line}\n"));
    format!(
        "# Killed while instances arrive\n\nBy `cargo xtask chaos --kills {} --seed {}` on {today}; {machine}. Two `storescu` \
         send tiny films over an association each; at a moment that the seed chooses, the server is killed and started \
         again on the same folder. An instance is acknowledged when its success came back. A kill proves nothing about what \
         reached the disk; that each file, its folder and the log are synced before the response is `tests/foreign/\
         test_durability.py`'s to show.\n\n{}\n{}",
        outcome.kills,
        outcome.seed,
        table.markdown(),
        complaints.collect::<String>(),
    )
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_was_lost_is_counted_and_named() {
        let text =
            r#"{"kills":9,"seed":1,"acknowledged":70,"kept":71,"lost":["1.2 at kill 3"],"orphans":0,"problems":[]}"#;
        let report = report(&serde_json::from_str(text).unwrap(), "2026-01-01", "a machine");
        assert!(report.contains("| acknowledged and lost | 1 |") && report.ends_with("- 1.2 at kill 3\n"), "{report}");
    }
}

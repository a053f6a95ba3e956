//! Installs and fetches what the other commands need. Each step is a script or a command that finds out by itself
//! whether it has anything to do, so that running all of them again takes no time.

use std::process::{Command, Stdio};

use anyhow::{Context, Result, bail};

use crate::ohif;
use crate::step;
use crate::web;
use crate::workspace::Workspace;

/// The oldest Node that the web's tools run on: major and minor version.
const NODE_OLDEST: (u32, u32) = (20, 19);

/// What is being set up for.
#[derive(Clone, Copy, PartialEq, Eq)]
pub enum Purpose {
    /// Building and running the server with its samples.
    Demo,
    /// That, and all that the tests need.
    Test,
}

/// Runs every step that `purpose` needs, in order. Stops at the first that fails.
pub fn run(workspace: &Workspace, purpose: Purpose) -> Result<()> {
    let script = |path: &str| workspace.command(workspace.root.join(path));
    let for_tests = purpose == Purpose::Test;

    step::quietly("debian packages", script("setup/apt.sh").arg(if for_tests { "test" } else { "demo" }))?;
    step::quietly("python environment", &mut script("setup/python.sh"))?;
    step::quietly("sample radiographs", &mut script("samples/prepare.sh"))?;
    step::quietly("app cxr-pneumonia", &mut script("apps/cxr-pneumonia/prepare.sh"))?;
    check_node()?;
    ohif::place(workspace)?;
    if for_tests {
        step::quietly("objects of other specialties", &mut script("samples/specialties/prepare.sh"))?;
        web::install(workspace, "web")?;
        web::install(workspace, "e2e")?;
        rust_components(workspace)?;
        let mut python = workspace.command(workspace.venv().join("bin/python"));
        step::quietly("samples of other viewers", python.arg(workspace.root.join("tests/foreign/pixel_samples.py")))?;
        step::quietly("cargo-deny", &mut script("setup/cargo-deny.sh"))?;
    }
    Ok(())
}

/// rustfmt and clippy: rustup's minimal profile leaves them out.
fn rust_components(workspace: &Workspace) -> Result<()> {
    let is_there = |tool| {
        let mut command = workspace.cargo(&[tool, "--version"]);
        command.stdout(Stdio::null()).stderr(Stdio::null()).status().is_ok_and(|status| status.success())
    };
    if is_there("fmt") && is_there("clippy") {
        return Ok(());
    }
    step::quietly("rustfmt and clippy", workspace.command("rustup").args(["component", "add", "rustfmt", "clippy"]))
}

fn check_node() -> Result<()> {
    let (major, minor) = NODE_OLDEST;
    let found = step::output(Command::new("node").arg("--version"))
        .with_context(|| format!("install Node {major}.{minor} or newer, with npm"))?;
    if parse_node_version(&found).is_none_or(|version| version < NODE_OLDEST) {
        bail!("Node {major}.{minor} or newer is needed, this is {found}");
    }
    Ok(())
}

fn parse_node_version(text: &str) -> Option<(u32, u32)> {
    let mut numbers = text.trim().strip_prefix('v')?.split('.');
    Some((numbers.next()?.parse().ok()?, numbers.next()?.parse().ok()?))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn node_versions_compare_as_numbers() {
        assert_eq!(parse_node_version("v20.20.2\n"), Some((20, 20)));
        assert!(parse_node_version("v18.9.1").unwrap() < NODE_OLDEST);
        assert!(parse_node_version("v20.9.0").unwrap() < NODE_OLDEST);
        assert!(parse_node_version("v100.1.0").unwrap() > NODE_OLDEST);
        assert_eq!(parse_node_version("nightly"), None);
    }
}

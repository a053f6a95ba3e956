//! The HTTP API's description, from the one binary into the repository, and from there the web client's types.
//! Both are committed, so that a change of the API shows in review and the web builds without the server. So is the DICOM
//! Conformance Statement, which a test of the binary compares.

use std::fs;
use std::path::Path;

use anyhow::{Context, Result, bail};
use serde_json::Value;

use crate::step;
use crate::web;
use crate::workspace::{Profile, Workspace};

/// Options of `cargo xtask openapi`.
#[derive(clap::Args)]
pub struct Options {
    /// Change nothing; fail if the committed files are not what the binary says
    #[arg(long)]
    check: bool,
}

/// Builds the binary and writes, or checks, `web/openapi.json` and the types made from it; writes `docs/conformance.md`
/// and `docs/app.schema.json`.
pub fn run(workspace: &Workspace, options: &Options) -> Result<()> {
    step::loudly(&mut workspace.cargo(&["build", "--quiet", "--package", "lightbox-cli"]))?;
    if options.check {
        return check(workspace);
    }
    fs::write(workspace.root.join("web/openapi.json"), described(workspace)? + "\n")?;
    let statement = step::output(workspace.command(workspace.binary(Profile::Dev)).arg("conformance"))?;
    fs::write(workspace.root.join("docs/conformance.md"), statement + "\n")?;
    let schema = step::output(workspace.command(workspace.binary(Profile::Dev)).args(["app", "schema"]))?;
    fs::write(workspace.root.join("docs/app.schema.json"), schema + "\n")?;
    step::loudly(&mut web::npm(workspace, "web", &["run", "--silent", "api"]))
}

/// Fails if `web/openapi.json` differs from what the built binary says, or the types from `web/openapi.json`.
pub fn check(workspace: &Workspace) -> Result<()> {
    let committed = read(&workspace.root.join("web/openapi.json"))?;
    let committed: Value = serde_json::from_str(&committed).context("web/openapi.json is not JSON")?;
    let described: Value = serde_json::from_str(&described(workspace)?).context("`lightbox openapi` prints no JSON")?;
    if committed != described {
        bail!("web/openapi.json is not what the binary says: run `cargo xtask openapi` and commit what it changes");
    }
    let types = workspace.root.join("web/src/api/schema.d.ts");
    let before = read(&types)?;
    step::loudly(&mut web::npm(workspace, "web", &["run", "--silent", "api"]))?;
    if read(&types)? != before {
        fs::write(&types, before)?;
        bail!("web/src/api/schema.d.ts is not made from web/openapi.json: run `cargo xtask openapi` and commit it");
    }
    Ok(())
}

fn described(workspace: &Workspace) -> Result<String> {
    step::output(workspace.command(workspace.binary(Profile::Dev)).arg("openapi"))
}

fn read(path: &Path) -> Result<String> {
    fs::read_to_string(path).with_context(|| format!("cannot read {}", path.display()))
}

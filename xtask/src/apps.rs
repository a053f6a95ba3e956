//! `cargo xtask apps`: fetches or converts the models of the reference apps, and checks each against its original.

use std::fs;
use std::path::PathBuf;

use anyhow::{Context, Result};

use crate::step;
use crate::workspace::Workspace;

/// Makes each app's release in the cache, and compares what its model says with what the original says.
pub fn run(workspace: &Workspace) -> Result<()> {
    for app in folders(workspace)? {
        let name = app.file_name().unwrap_or_default().to_string_lossy().into_owned();
        step::quietly(&format!("app {name}"), &mut workspace.command(app.join("check.sh")))?;
    }
    Ok(())
}

/// The apps that are made by script, in the order of their names.
fn folders(workspace: &Workspace) -> Result<Vec<PathBuf>> {
    let folder = workspace.root.join("apps");
    let mut apps = Vec::new();
    for entry in fs::read_dir(&folder).with_context(|| format!("cannot list {}", folder.display()))? {
        let path = entry?.path();
        if path.join("check.sh").is_file() {
            apps.push(path);
        }
    }
    apps.sort();
    Ok(apps)
}

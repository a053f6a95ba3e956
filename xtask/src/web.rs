//! The web folders: installs their packages and builds the pages, and does neither again for the same sources.

use std::fs;
use std::io;
use std::path::{Path, PathBuf};
use std::process::Command;

use anyhow::{Context, Result};
use sha2::{Digest, Sha256};
use walkdir::WalkDir;

use crate::step;
use crate::workspace::Workspace;

/// How many builds of the pages the cache keeps.
const BUILDS_MAX: usize = 8;

/// Installs the packages of `web` or `e2e` as its lock file says, unless they are there already.
pub fn install(workspace: &Workspace, folder: &str) -> Result<()> {
    let path = workspace.root.join(folder);
    let wanted = packages_digest(&path)?;
    let stamp = path.join("node_modules/.lightbox-stamp");
    if fs::read_to_string(&stamp).is_ok_and(|found| found == wanted) {
        return Ok(());
    }
    // Not `npm ci`: it refuses a lock file that lacks other platforms' optional packages, and npm leaves those out where
    // a registry does not carry them.
    let arguments = ["install", "--no-save", "--prefer-offline", "--no-audit", "--no-fund", "--loglevel=error"];
    let mut npm = npm(workspace, folder, &arguments);
    step::quietly(&format!("packages of {folder}"), npm.env("PLAYWRIGHT_SKIP_BROWSER_DOWNLOAD", "1"))?;
    fs::write(&stamp, wanted).with_context(|| format!("cannot write {}", stamp.display()))
}

fn packages_digest(folder: &Path) -> Result<String> {
    let mut digest = Sha256::new();
    for name in ["package.json", "package-lock.json"] {
        let path = folder.join(name);
        digest.update(fs::read(&path).with_context(|| format!("cannot read {}", path.display()))?);
    }
    digest.update(step::output(Command::new("node").arg("--version"))?);
    Ok(hex(digest))
}

/// Puts the built pages into `web/dist`: from the cache if these very sources were built before, else by building them.
pub fn build(workspace: &Workspace) -> Result<()> {
    let web = workspace.root.join("web");
    let dist = web.join("dist");
    let builds = workspace.cache.join("web-dist");
    let cached = builds.join(tree_digest(&web, &["node_modules", "dist"])?);
    if !cached.is_dir() {
        install(workspace, "web")?;
        step::loudly(&mut npm(workspace, "web", &["run", "--silent", "build", "--", "--logLevel", "error"]))?;
        prune(&builds, BUILDS_MAX - 1)?;
        replace(&dist, &cached)?;
    }
    if !dist.is_dir() || tree_digest(&dist, &[])? != tree_digest(&cached, &[])? {
        replace(&cached, &dist)?;
    }
    Ok(())
}

/// `npm` with these arguments in `web` or `e2e`.
pub fn npm(workspace: &Workspace, folder: &str, arguments: &[&str]) -> Command {
    let mut npm = workspace.command("npm");
    npm.args(arguments).current_dir(workspace.root.join(folder)).env("npm_config_update_notifier", "false");
    npm
}

/// A digest over the names and the contents of all files below `folder`, except in the top folders named `without`.
pub fn tree_digest(folder: &Path, without: &[&str]) -> Result<String> {
    let mut digest = Sha256::new();
    let files = WalkDir::new(folder).sort_by_file_name().into_iter();
    for entry in
        files.filter_entry(|entry| entry.depth() != 1 || !without.iter().any(|name| entry.file_name() == *name))
    {
        let entry = entry?;
        if entry.file_type().is_file() {
            let content = fs::read(entry.path()).with_context(|| format!("cannot read {}", entry.path().display()))?;
            digest.update(entry.path().strip_prefix(folder)?.as_os_str().as_encoded_bytes());
            digest.update((content.len() as u64).to_le_bytes());
            digest.update(content);
        }
    }
    Ok(hex(digest))
}

/// Makes `target` a copy of `source`. It appears at once or not at all.
pub fn replace(source: &Path, target: &Path) -> Result<()> {
    let parent = target.parent().context("the root folder cannot be replaced")?;
    fs::create_dir_all(parent)?;
    let copy = tempfile::Builder::new().prefix(".copy-").tempdir_in(parent)?;
    for entry in WalkDir::new(source).min_depth(1) {
        let entry = entry?;
        let to = copy.path().join(entry.path().strip_prefix(source)?);
        if entry.file_type().is_dir() {
            fs::create_dir(&to)?;
        } else {
            fs::copy(entry.path(), &to).with_context(|| format!("cannot copy {}", entry.path().display()))?;
        }
    }
    remove(target)?;
    fs::rename(copy.keep(), target).with_context(|| format!("cannot make {}", target.display()))
}

/// Removes the oldest folders in `folder` until `keep` are left.
fn prune(folder: &Path, keep: usize) -> Result<()> {
    let Ok(entries) = fs::read_dir(folder) else { return Ok(()) };
    let mut builds: Vec<_> = entries
        .filter_map(|entry| entry.ok().map(|entry| entry.path()))
        .filter_map(|path| path.metadata().and_then(|metadata| metadata.modified()).ok().map(|time| (time, path)))
        .collect();
    builds.sort();
    let surplus = builds.len().saturating_sub(keep);
    builds.into_iter().take(surplus).try_for_each(|(_, path): (_, PathBuf)| remove(&path))
}

fn remove(folder: &Path) -> Result<()> {
    match fs::remove_dir_all(folder) {
        Err(error) if error.kind() != io::ErrorKind::NotFound => {
            Err(error).with_context(|| format!("cannot remove {}", folder.display()))
        }
        _ => Ok(()),
    }
}

/// A digest as people write it.
pub fn hex(digest: Sha256) -> String {
    digest.finalize().iter().map(|byte| format!("{byte:02x}")).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn folder(files: &[(&str, &str)]) -> tempfile::TempDir {
        let folder = tempfile::tempdir().unwrap();
        for (name, content) in files {
            let path = folder.path().join(name);
            fs::create_dir_all(path.parent().unwrap()).unwrap();
            fs::write(path, content).unwrap();
        }
        folder
    }

    #[test]
    fn the_digest_sees_names_and_contents_but_not_what_is_left_out() {
        let of = |files: &[(&str, &str)]| tree_digest(folder(files).path(), &["dist"]).unwrap();
        let first = of(&[("a", "1"), ("src/dist/b", "2")]);
        assert_eq!(first, of(&[("a", "1"), ("src/dist/b", "2"), ("dist/c", "3")]));
        assert_ne!(first, of(&[("a", "1"), ("src/dist/b", "3")]));
        assert_ne!(first, of(&[("a", "1"), ("src/dist/c", "2")]));
    }

    #[test]
    fn replacing_leaves_nothing_of_what_was_there() {
        let source = folder(&[("index.html", "new"), ("assets/a.js", "a")]);
        let target = folder(&[("dist/old.html", "old")]);
        replace(source.path(), &target.path().join("dist")).unwrap();
        let digest = |path: &Path| tree_digest(path, &[]).unwrap();
        assert_eq!(digest(source.path()), digest(&target.path().join("dist")));
    }

    #[test]
    fn pruning_keeps_the_newest() {
        let builds = tempfile::tempdir().unwrap();
        for name in ["c", "a", "b"] {
            fs::create_dir(builds.path().join(name)).unwrap();
            let later = std::time::SystemTime::now() + std::time::Duration::from_secs(name.as_bytes()[0].into());
            fs::File::open(builds.path().join(name)).unwrap().set_modified(later).unwrap();
        }
        prune(builds.path(), 1).unwrap();
        let left: Vec<_> = fs::read_dir(builds.path()).unwrap().map(|entry| entry.unwrap().file_name()).collect();
        assert_eq!(left, ["c"]);
    }
}

//! Feeds what reads bytes of others with any bytes, guided by what they reach (libFuzzer), and keeps what is worth keeping.
//!
//! Our own crates are compiled with counters at their branches, by the stable compiler; what they depend on stays as it is
//! built for tests. What `cargo-fuzz` adds to that, address sanitizing, needs a nightly one and would look at the little
//! C++ among the codecs.

use std::ffi::OsStr;
use std::fs::{self, File};
use std::path::{Path, PathBuf};
use std::process::Command;
use std::time::Duration;

use anyhow::{Context, Result, bail};

use crate::step;
use crate::workspace::Workspace;

/// The targets lie beside their corpora.
const CORPUS: &str = "crates/fuzz/corpus";
/// What adds the counters.
const WRAPPER: &str = "crates/fuzz/instrument.sh";
/// The longest input, in bytes.
const INPUT_BYTES_MAX: u32 = 16 * 1024;
/// An input that takes longer is a finding.
const INPUT_SECONDS_MAX: u32 = 10;
/// A process that takes more is a finding.
const MEMORY_MB_MAX: u32 = 1_024;
/// What is kept of each target's corpus, the shortest first.
const KEPT_BYTES_MAX: u64 = 200 * 1024;

/// Options of `cargo xtask fuzz`.
#[derive(clap::Args)]
pub struct Options {
    /// Only this target
    target: Option<String>,
    /// How long each target is fuzzed
    #[arg(long, default_value_t = 300)]
    seconds: u64,
}

/// Fuzzes each target and tells what came of it. Fails when something was found.
pub fn run(workspace: &Workspace, options: &Options) -> Result<()> {
    let binary = build(workspace)?;
    let mut found = Vec::new();
    for name in chosen(workspace, options.target.as_deref())? {
        let target = Target::new(workspace, &binary, &name)?;
        match target.fuzz(options.seconds)? {
            None => println!("fuzz: {name}: {}; {} files are kept", target.summary(), target.keep()?),
            Some(input) => {
                println!("fuzz: {name}: FOUND {}, the log is {}", input.display(), target.log().display());
                found.push(input);
            }
        }
    }
    if !found.is_empty() {
        bail!("{} inputs are not survived; `cargo test -p lightbox-fuzz` shows each until it is mended", found.len());
    }
    Ok(())
}

/// The binary with counters. All of the workspace is named, so that what it depends on is not built anew.
fn build(workspace: &Workspace) -> Result<PathBuf> {
    let arguments = ["build", "--workspace", "--bin", "lightbox-fuzz", "--features", "lightbox-fuzz/libfuzzer"];
    let mut cargo = workspace.cargo(&arguments);
    step::loudly(cargo.env("RUSTC_WORKSPACE_WRAPPER", workspace.root.join(WRAPPER)))?;
    Ok(workspace.target.join("debug/lightbox-fuzz"))
}

/// The targets by the folders of their corpora.
fn chosen(workspace: &Workspace, only: Option<&str>) -> Result<Vec<String>> {
    let entries = fs::read_dir(workspace.root.join(CORPUS))?.collect::<Result<Vec<_>, _>>()?;
    let mut names: Vec<_> = entries.iter().map(|entry| entry.file_name().to_string_lossy().into_owned()).collect();
    names.sort();
    if let Some(only) = only {
        if !names.iter().any(|name| name == only) {
            bail!("there is no target {only:?}: choose from {}", names.join(", "));
        }
        names.retain(|name| name == only);
    }
    Ok(names)
}

/// A target at work.
struct Target<'a> {
    workspace: &'a Workspace,
    binary: &'a Path,
    name: &'a str,
    /// What is in git.
    kept: PathBuf,
    /// What is not: all inputs that reached something new, seeds, the log.
    work: PathBuf,
}

impl<'a> Target<'a> {
    fn new(workspace: &'a Workspace, binary: &'a Path, name: &'a str) -> Result<Self> {
        let (kept, work) = (workspace.root.join(CORPUS).join(name), workspace.cache.join("fuzz").join(name));
        for folder in ["corpus", "seeds"] {
            fs::create_dir_all(work.join(folder))?;
        }
        Ok(Self { workspace, binary, name, kept, work })
    }

    fn log(&self) -> PathBuf {
        self.work.join("log")
    }

    fn command(&self) -> Result<Command> {
        let mut command = self.workspace.command(self.binary);
        command.env("LIGHTBOX_FUZZ_TARGET", self.name).env("LIGHTBOX_FUZZ_SEEDS", self.work.join("seeds"));
        let memory = Path::new("/dev/shm");
        if memory.is_dir() {
            command.env("TMPDIR", memory);
        }
        let log = File::create(self.log())?;
        command.stdout(log.try_clone()?).stderr(log);
        Ok(command)
    }

    /// Fuzzes for so long; gives the input that broke something, which now lies with the kept ones.
    fn fuzz(&self, seconds: u64) -> Result<Option<PathBuf>> {
        println!("fuzz: {} for {} …", self.name, step::seconds(Duration::from_secs(seconds)));
        let mut command = self.command()?;
        command.arg(self.work.join("corpus")).arg(self.work.join("seeds")).arg(&self.kept);
        command.arg(format!("-max_total_time={seconds}")).arg(format!("-max_len={INPUT_BYTES_MAX}"));
        command.arg(format!("-timeout={INPUT_SECONDS_MAX}")).arg(format!("-rss_limit_mb={MEMORY_MB_MAX}"));
        command.arg("-print_final_stats=1").arg(format!("-artifact_prefix={}/", self.work.display()));
        if command.status().with_context(|| format!("cannot start {}", self.binary.display()))?.success() {
            return Ok(None);
        }
        let log = String::from_utf8_lossy(&fs::read(self.log())?).into_owned();
        let Some(found) = artifact(&log) else { bail!("libFuzzer failed: see {}", self.log().display()) };
        let kept = self.kept.join(found.file_name().context("an input has a name")?);
        fs::copy(&found, &kept)?;
        Ok(Some(kept))
    }

    /// What libFuzzer says at its end, in short.
    fn summary(&self) -> String {
        summary(&String::from_utf8_lossy(&fs::read(self.log()).unwrap_or_default()))
    }

    /// Keeps of all inputs those that together reach as much, the shortest first; gives their number.
    fn keep(&self) -> Result<usize> {
        let merged = tempfile::tempdir_in(&self.work)?;
        let mut command = self.command()?;
        command.arg("-set_cover_merge=1").arg(merged.path()).arg(&self.kept);
        command.args(["corpus", "seeds"].map(|folder| self.work.join(folder)));
        step::loudly(&mut command)?;
        fs::remove_dir_all(&self.kept)?;
        fs::create_dir(&self.kept)?;
        let mut inputs = files_by_length(merged.path())?;
        let mut bytes = 0;
        inputs.retain(|(length, _)| {
            bytes += length;
            bytes <= KEPT_BYTES_MAX
        });
        for (_, path) in &inputs {
            fs::copy(path, self.kept.join(path.file_name().context("an input has a name")?))?;
        }
        Ok(inputs.len())
    }
}

fn files_by_length(folder: &Path) -> Result<Vec<(u64, PathBuf)>> {
    let mut files = Vec::new();
    for entry in fs::read_dir(folder)? {
        let entry = entry?;
        files.push((entry.metadata()?.len(), entry.path()));
    }
    files.sort();
    Ok(files)
}

/// The file that libFuzzer wrote the bad input to.
fn artifact(log: &str) -> Option<PathBuf> {
    let line = log.lines().find_map(|line| line.split_once("Test unit written to "))?;
    Some(PathBuf::from(OsStr::new(line.1.trim())))
}

/// `DONE cov: 10 ft: 20 corp: 3/4b` and the number of executions.
fn summary(log: &str) -> String {
    let runs = log.lines().find_map(|line| line.strip_prefix("stat::number_of_executed_units:")).unwrap_or("? ");
    let done = log.lines().rev().find(|line| line.contains("cov: ")).unwrap_or_default();
    let number = |name: &str| done.split_once(name).and_then(|(_, rest)| rest.split_whitespace().next()).unwrap_or("?");
    format!("{} runs, {} edges, {} features", runs.trim(), number("cov: "), number("ft: "))
}

#[cfg(test)]
mod tests {
    use super::*;

    const LOG: &str = "#8\tDONE   cov: 1021 ft: 3400 corp: 77/9Kb lim: 409 exec/s: 2 rss: 80Mb\n\
                       stat::number_of_executed_units: 8000\n";

    #[test]
    fn the_end_of_a_log_is_told_in_short() {
        assert_eq!(summary(LOG), "8000 runs, 1021 edges, 3400 features");
        assert_eq!(artifact(LOG), None);
        let crash = "==3== ERROR\nartifact_prefix='/x/'; Test unit written to /x/crash-1f\nBase64: AA==\n";
        assert_eq!(artifact(crash), Some(PathBuf::from("/x/crash-1f")));
    }
}

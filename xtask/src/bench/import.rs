//! A folder tree of many small files is imported, killed in the middle, resumed, and started once more when all is done.

use std::fs;
use std::path::{Path, PathBuf};
use std::process::{Child, Stdio};
use std::thread;
use std::time::Duration;

use anyhow::{Context, Result, bail};
use rustix::process::{Pid, WaitId, WaitIdOptions, waitid};
use serde_json::Value;

use super::corpus::{Kind, Plan, Study};
use super::image::Encoder;
use super::machine::{self, Meter, Usage};
use super::report::number;
use super::{command, prepare, today};
use crate::step;
use crate::table::Table;
use crate::workspace::{Profile, Workspace};

/// Where the report is kept.
const REPORT: &str = "bench/results/import.md";
/// Series of a study, and instances of a series.
const STUDY_SHAPE: (u32, u32) = (2, 5);
/// Studies that share a folder of the tree.
const STUDIES_PER_FOLDER: u32 = 100;
/// How often the journal is looked at for the moment of the kill.
const LOOK_EVERY: Duration = Duration::from_millis(10);

/// Options of `cargo xtask bench import`.
#[derive(clap::Args)]
pub struct Options {
    /// How many files; a multiple of 10
    #[arg(long, default_value_t = 100_000)]
    files: u32,
}

/// One call of `lightbox import`.
struct Pass {
    title: &'static str,
    usage: Usage,
    /// Files that it dealt with: stored, left out, or known already.
    files: u64,
    /// Files that the journal had it leave out.
    skipped: u64,
    /// Files that were stored already, and read again.
    duplicates: u64,
}

/// Makes the tree, imports it, writes the report and prints it.
pub fn run(workspace: &Workspace, options: &Options) -> Result<()> {
    prepare(workspace, true)?;
    let bench = workspace.cache.join("bench");
    fs::create_dir_all(&bench)?;
    let folder = tempfile::Builder::new().prefix(".import-").tempdir_in(&bench)?;
    let import = Import::prepare(workspace, folder.path(), options.files)?;
    let passes = [import.killed_in_the_middle()?, import.whole("resumed")?, import.whole("again, nothing left")?];
    import.check(options.files)?;
    let report = report(workspace, options, &passes)?;
    fs::write(workspace.root.join(REPORT), &report).with_context(|| format!("cannot write {REPORT}"))?;
    println!("\n{report}\nbench: written to {REPORT}");
    Ok(())
}

/// What is imported, by which binary, and where to.
struct Import<'a> {
    workspace: &'a Workspace,
    binary: PathBuf,
    tree: PathBuf,
    data: PathBuf,
    journal: PathBuf,
    files: u64,
}

impl<'a> Import<'a> {
    /// Makes the tree: a folder for a hundred studies, in it one for each.
    fn prepare(workspace: &'a Workspace, folder: &Path, files: u32) -> Result<Self> {
        let studies = files / (STUDY_SHAPE.0 * STUDY_SHAPE.1);
        let plan = Plan { kind: Kind::Grain, studies, series: STUDY_SHAPE.0, instances: STUDY_SHAPE.1 };
        if plan.files() != files || files == 0 {
            bail!("--files must be a multiple of {}", STUDY_SHAPE.0 * STUDY_SHAPE.1);
        }
        println!("bench: making {files} files …");
        let (encoder, tree) = (Encoder::new(Kind::Grain)?, folder.join("tree"));
        for number in 0..studies {
            let place = tree.join(format!("{:04}/{number:06}", number / STUDIES_PER_FOLDER));
            fs::create_dir_all(&place)?;
            Study::new(&plan, number).write(&encoder, &place)?;
        }
        let (data, journal) = (folder.join("data"), folder.join("journal"));
        let binary = workspace.binary(Profile::Release);
        Ok(Self { workspace, binary, tree, data, journal, files: files.into() })
    }

    fn start(&self) -> Result<(Child, Meter)> {
        let mut import = self.workspace.command(&self.binary);
        import.args(["import", "--json", "--journal"]).arg(&self.journal).arg(&self.tree).arg("--data").arg(&self.data);
        let child = import.stdin(Stdio::null()).stdout(Stdio::piped()).spawn().context("cannot start the import")?;
        let meter = Meter::start(child.id());
        Ok((child, meter))
    }

    /// Kills the import once its journal names half of the files.
    fn killed_in_the_middle(&self) -> Result<Pass> {
        println!("bench: importing …");
        let (mut child, meter) = self.start()?;
        while self.journaled() < self.files / 2 {
            if let Some(status) = child.try_wait()? {
                bail!("the import ended before it could be killed ({status})");
            }
            thread::sleep(LOOK_EVERY);
        }
        let usage = meter.stop()?;
        child.kill()?;
        child.wait()?;
        Ok(Pass { title: "to the kill", usage, files: self.journaled(), skipped: 0, duplicates: 0 })
    }

    /// Imports to the end.
    fn whole(&self, title: &'static str) -> Result<Pass> {
        println!("bench: {title} …");
        let (child, meter) = self.start()?;
        // Until it has ended, and is still there to be asked what it used.
        let pid = Pid::from_raw(child.id().try_into()?).context("a child has a process id")?;
        waitid(WaitId::Pid(pid), WaitIdOptions::EXITED | WaitIdOptions::NOWAIT)?;
        let usage = meter.stop()?;
        let output = child.wait_with_output()?;
        if !output.status.success() {
            bail!("the import failed ({})", output.status);
        }
        let said: Value = serde_json::from_slice(&output.stdout)?;
        let count = |what: &str| said[what].as_u64().with_context(|| format!("the import does not say {what}"));
        let (skipped, duplicates) = (count("skipped")?, count("duplicates")?);
        Ok(Pass { title, usage, files: count("stored")? + skipped + duplicates, skipped, duplicates })
    }

    fn journaled(&self) -> u64 {
        let text = fs::read(&self.journal).unwrap_or_default();
        memchr::memchr_iter(b'\n', &text).count() as u64
    }

    /// Every file is there once, and intact.
    fn check(&self, files: u32) -> Result<()> {
        println!("bench: verifying …");
        let mut verify = self.workspace.command(&self.binary);
        let said = step::output(verify.args(["verify", "--json", "--data"]).arg(&self.data))?;
        let said: Value = serde_json::from_str(&said)?;
        if said["ok"] != true || said["files"] != files {
            bail!("{files} files were imported, but `verify` says {said}");
        }
        Ok(())
    }
}

fn report(workspace: &Workspace, options: &Options, passes: &[Pass]) -> Result<String> {
    Ok(format!(
        "# A folder tree is imported\n\nBy `{}` on {}; {}. {} files of 8² pixels in {} folders, read by `lightbox import \
         --journal`, which is killed (`SIGKILL`) when half of them are noted, called again, and called once more when nothing \
         is left. Afterwards `lightbox verify` finds each file once and intact.\n\n{}",
        command(),
        today()?,
        machine::describe(workspace),
        options.files,
        options.files / (STUDY_SHAPE.0 * STUDY_SHAPE.1),
        table(passes).markdown(),
    ))
}

fn table(passes: &[Pass]) -> Table {
    let head: Vec<_> = [""].into_iter().chain(passes.iter().map(|pass| pass.title)).collect();
    let mut table = Table::new(&head);
    let mut add = |title: &str, figure: &dyn Fn(&Pass) -> String| {
        table.add([title.to_owned()].into_iter().chain(passes.iter().map(figure)).collect());
    };
    let stored = |pass: &Pass| pass.files - pass.skipped;
    add("files stored or known already", &|pass| stored(pass).to_string());
    add("left out, since the journal names them", &|pass| pass.skipped.to_string());
    add("read again, since the kill came before their note", &|pass| pass.duplicates.to_string());
    add("seconds", &|pass| number(pass.usage.wall_seconds));
    add("files per second", &|pass| number(pass.files as f64 / pass.usage.wall_seconds));
    add("stored per second", &|pass| match stored(pass) {
        0 => "–".to_owned(),
        files => number(files as f64 / pass.usage.wall_seconds),
    });
    add("CPU ms for each file", &|pass| number(pass.usage.server_cpu_seconds * 1e3 / pass.files.max(1) as f64));
    add("peak MB", &|pass| number(pass.usage.peak_bytes as f64 / 1e6));
    add("cores used by all else", &|pass| number(pass.usage.other_cpu_seconds / pass.usage.wall_seconds));
    table
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_a_resumed_import_left_out_is_not_counted_as_stored() {
        let usage = Usage {
            wall_seconds: 2.0,
            server_cpu_seconds: 1.0,
            client_cpu_seconds: 0.0,
            other_cpu_seconds: 0.0,
            peak_bytes: 50_000_000,
        };
        let pass = Pass { title: "resumed", usage, files: 1000, skipped: 600, duplicates: 1 };
        let text = table(&[pass]).markdown();
        for line in ["| files stored or known already | 400 |", "| stored per second | 200 |", "| peak MB | 50.0 |"] {
            assert!(text.contains(line), "{text}");
        }
    }
}

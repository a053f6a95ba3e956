//! The real binary as a child process, and the commands that a person would type beside it.

use std::fs::{self, File};
use std::io::{BufRead, BufReader};
use std::path::{Path, PathBuf};
use std::process::{Child, Command, ExitStatus, Stdio};
use std::time::{Duration, Instant};

use anyhow::{Context, Result, bail};
use rustix::process::{Pid, Signal, kill_process};
use serde::Deserialize;

use crate::step;
use crate::workspace::{Profile, Workspace};

/// How many of the log's last lines tell why the server did not start.
const LOG_LINES_SHOWN: usize = 12;

/// Which binary to start, and where.
pub struct Place {
    /// How the binary is built.
    pub profile: Profile,
    /// The data folder.
    pub data: PathBuf,
    /// The address of the HTTP door; port 0 takes a free one.
    pub http: String,
    /// The address of the DICOM door; port 0 takes a free one.
    pub dicom: String,
}

/// A running server. It ends when this is dropped, and when this program ends in whatever way.
pub struct Server {
    child: Child,
    binary: PathBuf,
    data: PathBuf,
    /// Where it answers.
    pub ready: Ready,
    /// From its start to the line that says it is ready.
    pub start_time: Duration,
}

/// The line that `lightbox serve --json` prints when it is ready.
#[derive(Deserialize)]
pub struct Ready {
    /// The web address, such as `http://127.0.0.1:8080`.
    pub http: String,
    /// Host and port of the DICOM door.
    pub dicom: String,
    /// What it calls itself in DICOM.
    pub ae_title: String,
    /// Present while nobody has an account.
    pub one_time: Option<OneTimeLogin>,
}

/// The login of the first start.
#[derive(Deserialize)]
pub struct OneTimeLogin {
    /// The account.
    pub name: String,
    /// To be changed at the first sign-in.
    pub password: String,
}

impl Server {
    /// Starts the server and waits until it is ready. Its log goes beside the data folder.
    pub fn start(workspace: &Workspace, place: &Place) -> Result<Self> {
        fs::create_dir_all(&place.data).with_context(|| format!("cannot make {}", place.data.display()))?;
        let binary = workspace.binary(place.profile);
        let log = place.data.with_extension("log");
        let started = Instant::now();
        // `setpriv` replaces itself by the server, which then ends with this program even if that is killed.
        let mut command = workspace.command("setpriv");
        command.args(["--pdeathsig", "TERM"]).arg(&binary).args(["serve", "--json", "--data"]).arg(&place.data);
        command.args(["--http", &place.http, "--dicom", &place.dicom]);
        command.stdin(Stdio::null()).stdout(Stdio::piped()).stderr(File::create(&log)?);
        let mut child = command.spawn().context("cannot start the server")?;

        let stdout = child.stdout.take().context("the server's stdout is piped")?;
        let mut line = String::new();
        BufReader::new(stdout).read_line(&mut line)?;
        let start_time = started.elapsed();
        let Ok(ready) = serde_json::from_str(&line) else {
            let status = stop(&mut child)?;
            bail!("the server did not start ({status}); {} ends so:\n{}", log.display(), tail(&log));
        };
        Ok(Self { child, binary, data: place.data.clone(), ready, start_time })
    }

    /// A command of the binary on this server's data folder.
    pub fn command(&self, workspace: &Workspace, arguments: &[&str]) -> Command {
        let mut command = workspace.command(&self.binary);
        command.args(arguments).arg("--data").arg(&self.data);
        command
    }

    /// A token with all rights for the client of that name; an earlier one of the name ends.
    pub fn admin_token(&self, workspace: &Workspace, client: &str) -> Result<String> {
        // Fails where there was none, which is as good.
        let _ = step::output(&mut self.command(workspace, &["token", "remove", client]));
        step::output(&mut self.command(workspace, &["token", "create", client, "--role", "admin"]))
    }

    /// The server's process.
    pub fn pid(&self) -> u32 {
        self.child.id()
    }

    /// Resident memory, in bytes.
    pub fn resident_bytes(&self) -> Result<u64> {
        let status = fs::read_to_string(format!("/proc/{}/status", self.child.id()))?;
        parse_resident_bytes(&status).context("the process has no VmRSS")
    }

    /// Waits until somebody ends the server.
    pub fn wait(mut self) -> Result<()> {
        let status = self.child.wait()?;
        if !status.success() {
            bail!("the server ended ({status})");
        }
        Ok(())
    }

    /// Asks the server to end and waits until it has. Fails if it did not end in good order.
    pub fn stop(mut self) -> Result<()> {
        let status = stop(&mut self.child)?;
        if !status.success() {
            bail!("the server did not end in good order ({status})");
        }
        Ok(())
    }
}

impl Drop for Server {
    fn drop(&mut self) {
        // Nothing is left to do for one that has ended already, and nobody to tell if it cannot be ended.
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

fn stop(child: &mut Child) -> Result<ExitStatus> {
    if let Some(status) = child.try_wait()? {
        return Ok(status);
    }
    let pid = Pid::from_raw(child.id().try_into()?).context("a child has a process id")?;
    kill_process(pid, Signal::TERM)?;
    Ok(child.wait()?)
}

fn tail(log: &Path) -> String {
    let text = fs::read_to_string(log).unwrap_or_default();
    let lines: Vec<_> = text.lines().collect();
    lines[lines.len().saturating_sub(LOG_LINES_SHOWN)..].join("\n")
}

fn parse_resident_bytes(status: &str) -> Option<u64> {
    let line = status.lines().find_map(|line| line.strip_prefix("VmRSS:"))?;
    let kilobytes: u64 = line.trim().strip_suffix(" kB")?.parse().ok()?;
    Some(kilobytes * 1024)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn resident_memory_is_read_from_the_kernels_text() {
        assert_eq!(parse_resident_bytes("Name:\tlightbox\nVmRSS:\t   51200 kB\nThreads: 4\n"), Some(52_428_800));
        assert_eq!(parse_resident_bytes("Name:\tkthreadd\n"), None);
    }

    #[test]
    fn only_the_logs_last_lines_are_shown() {
        let folder = tempfile::tempdir().unwrap();
        let log = folder.path().join("data.log");
        fs::write(&log, (1..=20).map(|line| format!("{line}\n")).collect::<String>()).unwrap();
        assert_eq!(tail(&log).lines().next(), Some("9"));
        assert_eq!(tail(&folder.path().join("none")), "");
    }
}

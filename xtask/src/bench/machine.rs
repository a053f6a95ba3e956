//! What a server and the whole machine use while something is measured, from `/proc`; and what machine it is.

use std::collections::BTreeMap;
use std::fs;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::thread::{self, JoinHandle};
use std::time::{Duration, Instant};

use anyhow::{Result, anyhow};

use crate::step;
use crate::workspace::Workspace;

/// What the kernel counts CPU time in for programs: USER_HZ, 100 on every machine that Linux runs our binary on.
const TICKS_PER_SECOND: f64 = 100.0;
/// How often memory is looked at.
const SAMPLE_EVERY: Duration = Duration::from_millis(50);
/// A server that uses less of one core than this is quiet.
const QUIET_CORES: f64 = 0.05;
/// For so long that is observed.
const QUIET_WINDOW: Duration = Duration::from_secs(3);
/// A server that is not quiet after so long will not be.
const SETTLE_MAX: Duration = Duration::from_secs(240);

/// For so long a server that works is observed between two measurements …
const IDLE_WINDOW: Duration = Duration::from_millis(100);
/// … and after so long the next one begins all the same.
const IDLE_WAIT_MAX: Duration = Duration::from_secs(60);

/// Processor, memory and commit, in one line.
pub fn describe(workspace: &Workspace) -> String {
    let cores = thread::available_parallelism().map_or(0, usize::from);
    let cpu = fs::read_to_string("/proc/cpuinfo").unwrap_or_default();
    let model = cpu.lines().find_map(|line| line.strip_prefix("model name")).unwrap_or(": unknown processor");
    let model = model.trim_start_matches([' ', '\t', ':']);
    let memory = fs::read_to_string("/proc/meminfo").ok().and_then(|text| field_bytes(&text, "MemTotal:"));
    let gigabytes = memory.unwrap_or_default() as f64 / 1e9;
    let commit = step::output(workspace.command("git").args(["describe", "--always", "--dirty"]));
    format!("{cores} cores of {model}, {gigabytes:.0} GB, commit {}", commit.unwrap_or_else(|_| "unknown".to_owned()))
}

/// Watches a server from its making until `stop`.
pub struct Meter {
    pid: u32,
    started: Instant,
    server_ticks: u64,
    own_ticks: u64,
    busy_ticks: u64,
    peak_bytes: Arc<AtomicU64>,
    goes_on: Arc<AtomicBool>,
    sampler: JoinHandle<()>,
}

/// What was used meanwhile.
pub struct Usage {
    /// By the clock.
    pub wall_seconds: f64,
    /// The server's CPU time, with its threads and children.
    pub server_cpu_seconds: f64,
    /// The load generators' CPU time, and our own.
    pub client_cpu_seconds: f64,
    /// CPU time of all else that ran on the machine: what disturbs a measurement.
    pub other_cpu_seconds: f64,
    /// The server's largest resident memory, with its children.
    pub peak_bytes: u64,
}

impl Meter {
    /// Begins to watch the server whose main process that is.
    pub fn start(pid: u32) -> Self {
        // Sets VmHWM back to what is resident now (proc(5)). Where it may not, the peak is the one since the start.
        let _ = fs::write(format!("/proc/{pid}/clear_refs"), "5");
        let (peak_bytes, goes_on) = (Arc::new(AtomicU64::new(0)), Arc::new(AtomicBool::new(true)));
        let sampler = {
            let (peak_bytes, goes_on) = (peak_bytes.clone(), goes_on.clone());
            thread::spawn(move || {
                while goes_on.load(Ordering::Relaxed) {
                    peak_bytes.fetch_max(resident_bytes(pid), Ordering::Relaxed);
                    thread::sleep(SAMPLE_EVERY);
                }
            })
        };
        let (server_ticks, own_ticks, busy_ticks) = (tree_ticks(pid), own_ticks(), busy_ticks());
        Self { pid, started: Instant::now(), server_ticks, own_ticks, busy_ticks, peak_bytes, goes_on, sampler }
    }

    /// What was used since the start.
    pub fn stop(self) -> Result<Usage> {
        let wall_seconds = self.started.elapsed().as_secs_f64();
        let seconds = |now: u64, before: u64| now.saturating_sub(before) as f64 / TICKS_PER_SECOND;
        let server_cpu_seconds = seconds(tree_ticks(self.pid), self.server_ticks);
        let client_cpu_seconds = seconds(own_ticks(), self.own_ticks);
        let busy_seconds = seconds(busy_ticks(), self.busy_ticks);
        self.goes_on.store(false, Ordering::Relaxed);
        self.sampler.join().map_err(|_| anyhow!("the thread that looks at memory panicked"))?;
        let peak_bytes = self.peak_bytes.load(Ordering::Relaxed).max(peak_bytes(self.pid));
        let other_cpu_seconds = (busy_seconds - server_cpu_seconds - client_cpu_seconds).max(0.0);
        Ok(Usage { wall_seconds, server_cpu_seconds, client_cpu_seconds, other_cpu_seconds, peak_bytes })
    }
}

impl Usage {
    /// As the values of a sample, with CPU time for each of `count` things.
    pub fn values(&self, count: f64) -> BTreeMap<String, f64> {
        let values = [
            ("seconds", self.wall_seconds),
            ("cpu_ms_each", self.server_cpu_seconds * 1e3 / count.max(1.0)),
            ("peak_mb", self.peak_bytes as f64 / 1e6),
            ("server_cores", self.server_cpu_seconds / self.wall_seconds),
            ("client_cores", self.client_cpu_seconds / self.wall_seconds),
            ("other_cores", self.other_cpu_seconds / self.wall_seconds),
        ];
        values.map(|(name, value)| (name.to_owned(), value)).into()
    }
}

/// Waits until the server has done what it does afterwards: for `at_least`, then until it is quiet.
pub fn settle(pid: u32, at_least: Duration) {
    let started = Instant::now();
    thread::sleep(at_least);
    while started.elapsed() < SETTLE_MAX {
        let before = tree_ticks(pid);
        thread::sleep(QUIET_WINDOW);
        let seconds = tree_ticks(pid).saturating_sub(before) as f64 / TICKS_PER_SECOND;
        if seconds < QUIET_CORES * QUIET_WINDOW.as_secs_f64() {
            break;
        }
    }
}

/// Waits until the server has ended what it was asked before, given up by the client or not; a moment, as a rule.
pub fn await_idle(pid: u32) {
    let started = Instant::now();
    while started.elapsed() < IDLE_WAIT_MAX {
        let before = tree_ticks(pid);
        thread::sleep(IDLE_WINDOW);
        if tree_ticks(pid) <= before + 1 {
            break;
        }
    }
}

/// The process and all that descend from it.
fn tree(pid: u32) -> Vec<u32> {
    let mut found = vec![pid];
    let mut next = 0;
    while next < found.len() {
        let tasks = fs::read_dir(format!("/proc/{}/task", found[next])).into_iter().flatten().flatten();
        let children = tasks.filter_map(|task| fs::read_to_string(task.path().join("children")).ok());
        let children: Vec<u32> =
            children.flat_map(|text| text.split(' ').filter_map(|pid| pid.parse().ok()).collect::<Vec<_>>()).collect();
        found.extend(children);
        next += 1;
    }
    found
}

/// CPU time of a process and its children, those that have ended included.
fn tree_ticks(pid: u32) -> u64 {
    tree(pid).iter().filter_map(|pid| stat_ticks(&format!("/proc/{pid}/stat"))).sum()
}

/// CPU time of this program and of the load generators that have ended.
fn own_ticks() -> u64 {
    stat_ticks("/proc/self/stat").unwrap_or_default()
}

fn stat_ticks(path: &str) -> Option<u64> {
    parse_stat_ticks(&fs::read_to_string(path).ok()?)
}

/// utime, stime, cutime and cstime (proc(5)): fields 14 to 17, of which the second may hold spaces.
fn parse_stat_ticks(stat: &str) -> Option<u64> {
    let (_, fields) = stat.rsplit_once(')')?;
    let times: Vec<u64> = fields.split_whitespace().skip(11).take(4).filter_map(|field| field.parse().ok()).collect();
    (times.len() == 4).then(|| times.iter().sum())
}

/// CPU time of the whole machine, all cores, but for what they idle or wait.
fn busy_ticks() -> u64 {
    fs::read_to_string("/proc/stat").ok().and_then(|text| parse_busy_ticks(&text)).unwrap_or_default()
}

/// user, nice, system, irq, softirq and steal of the first line; idle and iowait stand between.
fn parse_busy_ticks(stat: &str) -> Option<u64> {
    let fields = stat.lines().next()?.split_whitespace().skip(1).take(8);
    let ticks: Vec<u64> = fields.filter_map(|field| field.parse().ok()).collect();
    (ticks.len() == 8).then(|| ticks.iter().sum::<u64>() - ticks[3] - ticks[4])
}

fn resident_bytes(pid: u32) -> u64 {
    let statuses = tree(pid).into_iter().filter_map(|pid| fs::read_to_string(format!("/proc/{pid}/status")).ok());
    statuses.filter_map(|status| field_bytes(&status, "VmRSS:")).sum()
}

/// The kernel's own record, of the main process alone: no sampling misses it.
fn peak_bytes(pid: u32) -> u64 {
    let status = fs::read_to_string(format!("/proc/{pid}/status"));
    status.ok().and_then(|status| field_bytes(&status, "VmHWM:")).unwrap_or_default()
}

fn field_bytes(text: &str, field: &str) -> Option<u64> {
    let line = text.lines().find_map(|line| line.strip_prefix(field))?;
    let kilobytes: u64 = line.trim().strip_suffix(" kB")?.parse().ok()?;
    Some(kilobytes * 1024)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn cpu_time_is_read_past_a_name_with_spaces_and_brackets() {
        let stat = "7 (a b) c) S 1 7 7 0 -1 4194560 100 0 0 0 250 50 30 7 20 0 5 0 1 2 3";
        assert_eq!(parse_stat_ticks(stat), Some(337));
        assert_eq!(parse_stat_ticks("7 (a) S 1"), None);
    }

    #[test]
    fn a_machine_that_idles_or_waits_is_not_busy() {
        assert_eq!(parse_busy_ticks("cpu  10 1 5 1000 500 2 3 4 0 0\ncpu0 1 2"), Some(25));
    }

    #[test]
    fn memory_is_read_from_the_kernels_text() {
        assert_eq!(field_bytes("Name:\tlightbox\nVmHWM:\t   51200 kB\n", "VmHWM:"), Some(52_428_800));
        assert_eq!(field_bytes("Name:\tkthreadd\n", "VmHWM:"), None);
    }

    #[test]
    fn work_of_a_child_is_its_parents() {
        let mut child = std::process::Command::new("sh")
            .args(["-c", "sh -c 'i=0; while [ $i -lt 200000 ]; do i=$((i+1)); done'; read wait"])
            .stdin(std::process::Stdio::piped())
            .spawn()
            .unwrap();
        let meter = Meter::start(child.id());
        while tree(child.id()).len() > 1 || tree_ticks(child.id()) == 0 {
            thread::yield_now();
        }
        let usage = meter.stop().unwrap();
        drop(child.stdin.take());
        child.wait().unwrap();
        assert!(usage.server_cpu_seconds > 0.0 && usage.peak_bytes > 100_000);
    }
}

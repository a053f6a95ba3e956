//! `kill -9` again and again while instances arrive, at moments that a seed chooses.
//!
//! `make test` kills 50 times; `cargo xtask chaos` says by LIGHTBOX_CHAOS_KILLS and LIGHTBOX_CHAOS_SEED how often, and when.

use crate::crash::stored_files;
use crate::server::TestServer;
use lightbox_testkit::Film;
use rand::rngs::StdRng;
use rand::{RngExt, SeedableRng};
use serde_json::Value;
use std::collections::HashSet;
use std::fs::File;
use std::path::{Path, PathBuf};
use std::process::{Child, Command};
use std::time::Duration;

const KILLS: u64 = 50;
const SEED: u64 = 20_261_122;

/// Associations that send at once, each a study of its own.
const SENDERS: u64 = 2;
/// Instances that each of them has.
const INSTANCES: u64 = 40;
/// A kill comes after fewer acknowledgements than this …
const ACKNOWLEDGED_MAX: usize = 72;
/// … and up to so many milliseconds later.
const MORE_MS_MAX: u64 = 20;
/// What `storescu` says of each.
const SUCCESS: &str = "Received Store Response (Success)";
/// How often the senders' logs are looked at, in milliseconds.
const LOOK_MS: u64 = 2;

#[test]
fn every_acknowledged_instance_survives_kills_while_others_arrive() {
    let (kills, seed) = (setting("LIGHTBOX_CHAOS_KILLS", KILLS), setting("LIGHTBOX_CHAOS_SEED", SEED));
    let mut random = StdRng::seed_from_u64(seed);
    let mut server = TestServer::start_empty_copy();
    server.command(&["peer", "allow", "*"]);
    let mut outcome = Outcome { kills, seed, ..Outcome::default() };
    for kill in 0..kills {
        let folder = tempfile::tempdir().expect("a folder");
        let mut senders: Vec<_> =
            (0..SENDERS).map(|sender| Sender::start(&server, folder.path(), kill, sender)).collect();
        wait_for_acknowledgements(&mut senders, random.random_range(0..ACKNOWLEDGED_MAX));
        std::thread::park_timeout(Duration::from_millis(random.random_range(0..MORE_MS_MAX)));
        server.kill();
        let sent: Vec<_> = senders.into_iter().map(Sender::acknowledged).collect();
        server.restart();
        for (study, acknowledged) in &sent {
            let kept = instances_of(&server, study);
            outcome.acknowledged += acknowledged.len();
            outcome.kept += kept.len();
            outcome.lost.extend(acknowledged.difference(&kept).map(|uid| format!("{uid} at kill {kill}")));
        }
    }
    outcome.look_at_what_is_left(&server);
    outcome.write();
    assert!(outcome.acknowledged > 0, "every kill came before the first acknowledgement; this tested nothing");
    assert!(outcome.is_well(), "{outcome:?}");
}

/// What `cargo xtask chaos` reports.
#[derive(Debug, Default)]
struct Outcome {
    kills: u64,
    seed: u64,
    /// Instances for which a success came back.
    acknowledged: usize,
    /// Instances that were there after the next start, acknowledged or not.
    kept: usize,
    /// Acknowledged and not there.
    lost: Vec<String>,
    /// Files without a row.
    orphans: usize,
    /// What `verify` finds wrong with files or log.
    problems: Vec<String>,
}

impl Outcome {
    fn look_at_what_is_left(&mut self, server: &TestServer) {
        let output = server.try_command(&["verify", "--json"]);
        let verified: Value = serde_json::from_slice(&output.stdout).expect("JSON");
        let rows = verified["files"].as_u64().expect("a number") as usize;
        self.orphans = stored_files(server).abs_diff(rows);
        self.problems = verified["problems"].as_array().expect("a list").iter().map(Value::to_string).collect();
        if !verified["log_broken_at"].is_null() {
            self.problems.push(format!("the log is broken at {}", verified["log_broken_at"]));
        }
    }

    fn is_well(&self) -> bool {
        self.lost.is_empty() && self.orphans == 0 && self.problems.is_empty()
    }

    /// Leaves the figures where LIGHTBOX_CHAOS_OUTCOME says, well or not.
    fn write(&self) {
        let Some(path) = std::env::var_os("LIGHTBOX_CHAOS_OUTCOME") else { return };
        let json = serde_json::json!({
            "kills": self.kills, "seed": self.seed, "acknowledged": self.acknowledged, "kept": self.kept,
            "lost": self.lost, "orphans": self.orphans, "problems": self.problems,
        });
        std::fs::write(path, json.to_string()).expect("written");
    }
}

/// Not by the clock: on a machine that is busy, every kill would come before the first acknowledgement.
fn wait_for_acknowledgements(senders: &mut [Sender], count: usize) {
    while senders.iter().map(Sender::count_acknowledged).sum::<usize>() < count
        && senders.iter_mut().any(|sender| sender.process.try_wait().expect("asked").is_none())
    {
        std::thread::park_timeout(Duration::from_millis(LOOK_MS));
    }
}

fn setting(name: &str, default: u64) -> u64 {
    std::env::var(name).map_or(default, |value| value.parse().expect("a number"))
}

/// A `storescu` that sends a study over one association and writes down what is answered.
struct Sender {
    process: Child,
    study: String,
    log: PathBuf,
}

impl Sender {
    fn start(server: &TestServer, folder: &Path, kill: u64, sender: u64) -> Self {
        let study = format!("2.25.{}", 1 + kill * SENDERS + sender);
        let films = folder.join(sender.to_string());
        std::fs::create_dir(&films).expect("a folder");
        for number in 1..=INSTANCES {
            let film = Film::new().size(8, 8).uids(&study, &format!("{study}.1"), &format!("{study}.1.{number}"));
            film.write(&films.join(number.to_string()));
        }
        let log = folder.join(format!("{sender}.log"));
        let output = File::create(&log).expect("a log");
        let process = Command::new("storescu")
            .env("TCP_NODELAY", "1")
            .args(["--verbose", "--scan-directories", "-aet", "TESTER", "-aec", "LIGHTBOX", "127.0.0.1"])
            .arg(server.dicom_port())
            .arg(&films)
            .stdout(output.try_clone().expect("a log"))
            .stderr(output)
            .spawn()
            .expect("storescu is installed: run `cargo xtask setup`");
        Self { process, study, log }
    }

    fn count_acknowledged(&self) -> usize {
        let log = std::fs::read_to_string(&self.log).unwrap_or_default();
        log.lines().filter(|line| line.contains(SUCCESS)).count()
    }

    /// The study, and those of its instances for which a success came back.
    fn acknowledged(mut self) -> (String, HashSet<String>) {
        self.process.wait().expect("ended");
        let log = std::fs::read_to_string(&self.log).expect("a log");
        let mut sending = None;
        let mut acknowledged = HashSet::new();
        for line in log.lines() {
            if let Some((_, path)) = line.split_once("Sending file: ") {
                sending = path.rsplit('/').next().map(|number| format!("{}.1.{number}", self.study));
            } else if line.contains(SUCCESS) {
                acknowledged.extend(sending.take());
            }
        }
        (self.study, acknowledged)
    }
}

fn instances_of(server: &TestServer, study: &str) -> HashSet<String> {
    let rows = server.get(&format!("/dicomweb/studies/{study}/instances")).expect("an answer");
    let uid = |row: &Value| row["00080018"]["Value"][0].as_str().expect("a UID").to_owned();
    rows.as_array().expect("rows").iter().map(uid).collect()
}

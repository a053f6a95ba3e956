//! The real binary on free ports in a folder of its own.

use serde_json::Value;
use std::io::{BufRead, BufReader};
use std::path::PathBuf;
use std::process::{Child, Command, Output, Stdio};
use std::time::{Duration, Instant};
use tempfile::TempDir;

/// How long a test waits for what must come.
const WAIT_MAX: Duration = Duration::from_secs(60);

pub const BINARY: &str = env!("CARGO_BIN_EXE_lightbox");

pub struct TestServer {
    directory: TempDir,
    binary: PathBuf,
    process: Option<Child>,
    http: String,
    dicom_port: String,
    token: String,
}

impl TestServer {
    /// Starts a server that admits every caller and has the real app at work.
    pub fn start() -> Self {
        Self::start_with(&[])
    }

    /// The same with these environment variables, at this start only.
    pub fn start_with(environment: &[(&str, &str)]) -> Self {
        let server = Self::start_empty_with(environment);
        server.command(&["peer", "allow", "*"]);
        server.command(&["deploy", &testkit_app().to_string_lossy()]);
        server
    }

    /// Starts a server that knows nobody and has no app.
    pub fn start_empty() -> Self {
        Self::start_empty_with(&[])
    }

    /// The same from a copy of the binary, so that a test of many minutes is not disturbed by a build beside it.
    pub fn start_empty_copy() -> Self {
        let directory = tempfile::tempdir().expect("a folder");
        let binary = directory.path().join("lightbox");
        std::fs::copy(BINARY, &binary).expect("copied");
        Self::start_in(directory, binary, &[])
    }

    fn start_empty_with(environment: &[(&str, &str)]) -> Self {
        Self::start_in(tempfile::tempdir().expect("a folder"), BINARY.into(), environment)
    }

    fn start_in(directory: TempDir, binary: PathBuf, environment: &[(&str, &str)]) -> Self {
        let (http, dicom_port, token) = (String::new(), String::new(), String::new());
        let mut server = Self { directory, binary, process: None, http, dicom_port, token };
        server.restart_with(environment);
        server.token = server.command(&["token", "create", "test", "--role", "admin"]);
        server
    }

    /// Starts the server again on the same data folder.
    pub fn restart(&mut self) {
        self.restart_with(&[]);
    }

    fn restart_with(&mut self, environment: &[(&str, &str)]) {
        let mut process = Command::new(&self.binary)
            .args(["serve", "--json", "--http", "127.0.0.1:0", "--dicom", "127.0.0.1:0", "--data"])
            .arg(self.data())
            .envs(environment.iter().copied())
            .stdout(Stdio::piped())
            .stderr(std::fs::File::create(self.directory.path().join("log")).expect("a log"))
            .spawn()
            .expect("the binary starts");
        let mut line = String::new();
        let stdout = process.stdout.take().expect("piped");
        BufReader::new(stdout).read_line(&mut line).expect("a line");
        self.process = Some(process);
        assert!(!line.is_empty(), "the server did not start:\n{}", self.log());
        let ready: Value = serde_json::from_str(&line).expect("one line of JSON");
        self.http = ready["http"].as_str().expect("an address").to_owned();
        let dicom = ready["dicom"].as_str().expect("an address");
        self.dicom_port = dicom.rsplit(':').next().expect("a port").to_owned();
    }

    /// Asks the server to end, as systemd does; whether it ended in good order.
    pub fn terminate(&mut self) -> bool {
        let sent = Command::new("kill").args(["-TERM", &self.process_id()]).status().expect("kill is installed");
        assert!(sent.success());
        self.process.take().expect("running").wait().expect("ended").success()
    }

    /// Ends the server as a power cut would.
    pub fn kill(&mut self) {
        if let Some(mut process) = self.process.take() {
            process.kill().expect("killed");
            process.wait().expect("ended");
        }
    }

    pub fn process_id(&self) -> String {
        self.process.as_ref().map(|process| process.id().to_string()).expect("running")
    }

    pub fn dicom_port(&self) -> &str {
        &self.dicom_port
    }

    pub fn data(&self) -> PathBuf {
        self.directory.path().join("data")
    }

    pub fn log(&self) -> String {
        std::fs::read_to_string(self.directory.path().join("log")).unwrap_or_default()
    }

    /// Runs a command of the binary on the data folder, which must succeed; gives what it prints.
    pub fn command(&self, arguments: &[&str]) -> String {
        let output = self.try_command(arguments);
        assert!(output.status.success(), "{arguments:?}: {}", String::from_utf8_lossy(&output.stderr));
        String::from_utf8(output.stdout).expect("text").trim_end().to_owned()
    }

    pub fn try_command(&self, arguments: &[&str]) -> Output {
        Command::new(&self.binary).args(arguments).arg("--data").arg(self.data()).output().expect("the binary runs")
    }

    /// Sends a film with dcmtk's `storescu` in the encoding that it has; whether it was taken.
    pub fn storescu(&self, film: &Sample) -> bool {
        let status = Command::new("storescu")
            .env("TCP_NODELAY", "1")
            .args(["--required", film.storescu_option(), "-aet", "TESTER", "-aec", "LIGHTBOX"])
            .args(["127.0.0.1", &self.dicom_port])
            .arg(&film.path)
            .stdout(Stdio::null())
            .stderr(Stdio::null())
            .status();
        status.expect("storescu is installed: run `cargo xtask setup`").success()
    }

    /// GET of a JSON document, or the status that was answered instead.
    pub fn get(&self, path: &str) -> Result<Value, u16> {
        let answer =
            ureq::get(format!("{}{path}", self.http)).header("Authorization", format!("Bearer {}", self.token)).call();
        match answer {
            Ok(mut answer) => Ok(answer.body_mut().read_json().expect("JSON")),
            Err(ureq::Error::StatusCode(status)) => Err(status),
            Err(error) => panic!("{path}: {error}\n{}", self.log()),
        }
    }

    pub fn get_bytes(&self, path: &str, accept: &str) -> Vec<u8> {
        let mut answer = ureq::get(format!("{}{path}", self.http))
            .header("Authorization", format!("Bearer {}", self.token))
            .header("Accept", accept)
            .call()
            .unwrap_or_else(|error| panic!("{path}: {error}"));
        answer.body_mut().with_config().limit(1 << 30).read_to_vec().expect("a body")
    }

    /// The status that a caller without a login gets.
    pub fn get_as_nobody(&self, path: &str) -> u16 {
        let answer = ureq::get(format!("{}{path}", self.http)).config().http_status_as_error(false).build().call();
        answer.expect("an answer").status().as_u16()
    }

    /// POST of a JSON document; null where the answer is none.
    pub fn post(&self, path: &str, body: &Value) -> Value {
        let mut answer = ureq::post(format!("{}{path}", self.http))
            .header("Authorization", format!("Bearer {}", self.token))
            .send_json(body)
            .unwrap_or_else(|error| panic!("{path}: {error}\n{}", self.log()));
        answer.body_mut().read_json().unwrap_or(Value::Null)
    }

    /// POST of one instance by STOW-RS; the status and the answer.
    pub fn stow(&self, instance: &[u8]) -> (u16, Value) {
        let mut body = b"--part\r\nContent-Type: application/dicom\r\n\r\n".to_vec();
        body.extend_from_slice(instance);
        body.extend_from_slice(b"\r\n--part--\r\n");
        let answer = ureq::post(format!("{}/dicomweb/studies", self.http))
            .config()
            .http_status_as_error(false)
            .build()
            .header("Authorization", format!("Bearer {}", self.token))
            .header("Content-Type", "multipart/related; type=\"application/dicom\"; boundary=part")
            .header("Accept", "application/dicom+json")
            .send(&body[..]);
        let mut answer = answer.expect("an answer");
        (answer.status().as_u16(), answer.body_mut().read_json().unwrap_or(Value::Null))
    }

    /// The study's runs once none of them is under way and no map is due.
    pub fn settled_runs(&self, study_instance_uid: &str) -> Vec<Value> {
        let path = format!("/api/v1/studies/{study_instance_uid}");
        wait_for(&format!("settled runs of {study_instance_uid}"), || {
            let detail = self.get(&path).ok()?;
            let runs = detail["runs"].as_array().expect("runs").clone();
            let settled = |run: &Value| match run["state"].as_str() {
                Some("finished") => run["map"]["state"] != "pending",
                Some(state) => ["rejected", "failed"].contains(&state),
                None => false,
            };
            let routed = detail["study"]["ai_state"] != "waiting";
            (routed && runs.iter().all(settled)).then_some(runs)
        })
    }
}

impl Drop for TestServer {
    fn drop(&mut self) {
        self.kill();
    }
}

/// Waits until `look` finds it.
#[track_caller]
pub fn wait_for<T>(what: &str, mut look: impl FnMut() -> Option<T>) -> T {
    let until = Instant::now() + WAIT_MAX;
    loop {
        if let Some(found) = look() {
            return found;
        }
        assert!(Instant::now() < until, "waited {} s in vain for {what}", WAIT_MAX.as_secs());
        std::thread::park_timeout(Duration::from_millis(20));
    }
}

/// The release folder of the reference app.
pub fn testkit_app() -> PathBuf {
    lightbox_testkit::app()
}

/// A sample of `samples.json`.
pub struct Sample {
    pub path: PathBuf,
    pub study_instance_uid: String,
    pub sop_instance_uid: String,
    pub transfer_syntax_uid: String,
    pub expected_probability: Option<f64>,
}

impl Sample {
    /// The option by which `storescu` proposes the sample's own transfer syntax.
    fn storescu_option(&self) -> &'static str {
        match self.transfer_syntax_uid.as_str() {
            "1.2.840.10008.1.2" => "--propose-implicit",
            "1.2.840.10008.1.2.1" => "--propose-uncompr",
            "1.2.840.10008.1.2.1.99" => "--propose-deflated",
            "1.2.840.10008.1.2.5" => "--propose-rle",
            "1.2.840.10008.1.2.4.70" => "--propose-lossless",
            "1.2.840.10008.1.2.4.80" => "--propose-jls-lossless",
            "1.2.840.10008.1.2.4.90" => "--propose-j2k-lossless",
            other => panic!("no option of storescu is known for {other}"),
        }
    }
}

/// The samples whose expected outcome is this.
pub fn samples(outcome: &str) -> Vec<Sample> {
    let folder = lightbox_testkit::samples();
    let text = std::fs::read_to_string(folder.join("samples.json")).expect("samples.json");
    let list: Value = serde_json::from_str(&text).expect("JSON");
    let text = |sample: &Value, key: &str| sample[key].as_str().unwrap_or_default().to_owned();
    let samples = list["samples"].as_array().expect("samples").iter();
    samples
        .filter(|sample| sample["expected_outcome"] == outcome)
        .map(|sample| Sample {
            path: folder.join(text(sample, "file")),
            study_instance_uid: text(sample, "study_instance_uid"),
            sop_instance_uid: text(sample, "sop_instance_uid"),
            transfer_syntax_uid: text(sample, "transfer_syntax_uid"),
            expected_probability: sample["expected_probability"].as_f64(),
        })
        .collect()
}

//! The servers that are compared, each started anew in a folder of its own, and what they hold.

use std::ffi::OsStr;
use std::fs::{self, File};
use std::net::TcpListener;
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::thread;
use std::time::{Duration, Instant};

use anyhow::{Context, Result, bail};
use rustix::process::{Pid, Signal, kill_process};
use serde_json::{Value, json};
use tempfile::TempDir;

use super::leftovers;
use super::web::Web;
use crate::server::{Place, Server};
use crate::step;
use crate::workspace::{Profile, Workspace};

/// Where Debian's package puts it.
const ORTHANC_DICOMWEB: &str = "/usr/share/orthanc/plugins/libOrthancDicomWeb.so";
/// A server that does not answer by then has failed to start.
const START_MAX: Duration = Duration::from_secs(30);
/// A server that has not ended by then is killed.
const STOP_MAX: Duration = Duration::from_secs(60);
/// How often a server that starts or stops is looked at.
const LOOK_EVERY: Duration = Duration::from_millis(50);
/// How many studies are asked for at once when instances are counted.
const PAGE_ROWS: usize = 500;

/// A server that can be measured.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, clap::ValueEnum)]
pub enum Peer {
    /// This checkout's release build.
    Lightbox,
    /// Debian's Orthanc with SQLite and its DICOMweb plugin, set up as packaged.
    Orthanc,
    /// dcmtk's bare receiver: no index, nothing flushed.
    Storescp,
}

/// Whether small segments wait for one another (Nagle's algorithm) in dcmtk, on which Orthanc and the sender are built.
#[derive(Clone, Copy, PartialEq, Eq)]
pub enum Segments {
    /// `TCP_NODELAY=1`.
    AtOnce,
    /// As dcmtk is packaged.
    AsPackaged,
}

impl Segments {
    /// Tells a program of dcmtk.
    pub fn apply(self, command: &mut Command) {
        match self {
            Self::AtOnce => command.env("TCP_NODELAY", "1"),
            Self::AsPackaged => command.env_remove("TCP_NODELAY"),
        };
    }
}

impl Peer {
    /// As it is called in samples and targets.
    pub fn name(self) -> &'static str {
        match self {
            Self::Lightbox => "lightbox",
            Self::Orthanc => "orthanc",
            Self::Storescp => "storescp",
        }
    }

    /// Whether it speaks DICOMweb.
    pub fn has_web(self) -> bool {
        self != Self::Storescp
    }
}

/// A server that runs. It ends, and all that it stored is removed, when this is dropped.
pub struct Running {
    /// Which one it is.
    pub peer: Peer,
    /// Its main process.
    pub pid: u32,
    /// What it is called in DICOM.
    pub ae_title: String,
    /// The port of its DICOM door, on the loopback interface.
    pub dicom_port: u16,
    /// Its DICOMweb door, if it has one.
    web: Option<Web>,
    process: Process,
    folder: TempDir,
}

enum Process {
    Lightbox(Server),
    Other(Guarded),
}

/// A process that does not outlive this.
struct Guarded(Child);

impl Running {
    /// Starts a server with nothing in it and waits until it answers.
    pub fn start(workspace: &Workspace, peer: Peer, segments: Segments) -> Result<Self> {
        // In the cache and not where temporary files are: that may be memory, which syncs nothing.
        let parent = workspace.cache.join("bench");
        fs::create_dir_all(&parent)?;
        let folder = tempfile::Builder::new().prefix(".run-").tempdir_in(parent)?;
        match peer {
            Peer::Lightbox => start_lightbox(workspace, folder),
            Peer::Orthanc => start_orthanc(workspace, folder, segments),
            Peer::Storescp => start_storescp(workspace, folder, segments),
        }
        .with_context(|| format!("cannot start {}", peer.name()))
    }

    /// Its DICOMweb door. Fails for a server without one.
    pub fn web(&self) -> Result<&Web> {
        self.web.as_ref().with_context(|| format!("{} has no DICOMweb", self.peer.name()))
    }

    /// How many instances it says it holds; for the bare receiver, how many files.
    pub fn held(&self) -> Result<u64> {
        match self.peer {
            Peer::Lightbox => count_by_search(self.web()?),
            Peer::Orthanc => {
                let statistics = self.web()?.json("/../statistics")?;
                statistics["CountInstances"].as_u64().context("Orthanc counts no instances")
            }
            Peer::Storescp => Ok(fs::read_dir(self.folder.path().join("data"))?.count() as u64),
        }
    }

    /// The folder that holds all it has stored.
    pub fn data(&self) -> PathBuf {
        self.folder.path().join("data")
    }

    /// Asks the server to end and waits until it has; what it stored is removed later.
    pub fn stop(self) -> Result<()> {
        match self.process {
            Process::Lightbox(server) => server.stop()?,
            Process::Other(child) => child.stop()?,
        }
        leftovers::remove_later(self.folder)
    }
}

fn start_lightbox(workspace: &Workspace, folder: TempDir) -> Result<Running> {
    let place = Place {
        profile: Profile::Release,
        data: folder.path().join("data"),
        http: "127.0.0.1:0".to_owned(),
        dicom: "127.0.0.1:0".to_owned(),
    };
    let server = Server::start(workspace, &place)?;
    let token = server.admin_token(workspace, "bench")?;
    step::output(&mut server.command(workspace, &["peer", "allow", "*"]))?;
    let (_, port) = server.ready.dicom.rsplit_once(':').context("the DICOM address has no port")?;
    Ok(Running {
        peer: Peer::Lightbox,
        pid: server.pid(),
        ae_title: server.ready.ae_title.clone(),
        dicom_port: port.parse()?,
        web: Some(Web::new(&server.ready.http, "/dicomweb", Some(format!("Bearer {token}")))),
        process: Process::Lightbox(server),
        folder,
    })
}

/// Nothing is changed of how it stores and flushes; only where, and that it answers without a password.
fn start_orthanc(workspace: &Workspace, folder: TempDir, segments: Segments) -> Result<Running> {
    let (http_port, dicom_port) = (free_port()?, free_port()?);
    let data = folder.path().join("data");
    let configuration = json!({
        "Name": "bench", "StorageDirectory": data, "IndexDirectory": data, "Plugins": [ORTHANC_DICOMWEB],
        "HttpPort": http_port, "DicomPort": dicom_port, "DicomAet": "BENCH", "DicomAlwaysAllowStore": true,
        "RemoteAccessAllowed": false, "AuthenticationEnabled": false,
        "DicomWeb": { "Enable": true, "Root": "/dicom-web/" },
    });
    let path = folder.path().join("orthanc.json");
    fs::write(&path, configuration.to_string())?;
    let child = spawn(workspace, "Orthanc", &[path.as_os_str()], folder.path(), segments)?;
    let web = Web::new(&format!("http://127.0.0.1:{http_port}"), "/dicom-web", None);
    let mut running = Running {
        peer: Peer::Orthanc,
        pid: child.id(),
        ae_title: "BENCH".to_owned(),
        dicom_port,
        web: Some(web.clone()),
        process: Process::Other(Guarded(child)),
        folder,
    };
    running.await_start(|| web.json("/../system").is_ok())?;
    Ok(running)
}

fn start_storescp(workspace: &Workspace, folder: TempDir, segments: Segments) -> Result<Running> {
    let dicom_port = free_port()?;
    let data = folder.path().join("data");
    fs::create_dir(&data)?;
    let port = dicom_port.to_string();
    let arguments = ["--fork".as_ref(), "--output-directory".as_ref(), data.as_os_str(), port.as_ref()];
    let child = spawn(workspace, "storescp", &arguments, folder.path(), segments)?;
    let mut running = Running {
        peer: Peer::Storescp,
        pid: child.id(),
        ae_title: "BENCH".to_owned(),
        dicom_port,
        web: None,
        process: Process::Other(Guarded(child)),
        folder,
    };
    let echo = || step::output(workspace.command("echoscu").args(["127.0.0.1", &port])).is_ok();
    running.await_start(echo)?;
    Ok(running)
}

/// Its output goes to a file in the folder. It ends with this program, in whatever way that ends.
fn spawn(
    workspace: &Workspace,
    program: &str,
    arguments: &[&OsStr],
    folder: &Path,
    segments: Segments,
) -> Result<Child> {
    let log = File::create(folder.join("log"))?;
    let mut command = workspace.command("setpriv");
    command.args(["--pdeathsig", "TERM", program]).args(arguments);
    segments.apply(&mut command);
    command.stdin(Stdio::null()).stdout(log.try_clone()?).stderr(log);
    command.spawn().with_context(|| format!("cannot start {program}"))
}

impl Running {
    fn await_start(&mut self, answers: impl Fn() -> bool) -> Result<()> {
        let started = Instant::now();
        while !answers() {
            let ended = match &mut self.process {
                Process::Lightbox(_) => None,
                Process::Other(Guarded(child)) => child.try_wait()?,
            };
            if ended.is_some() || started.elapsed() > START_MAX {
                let log = fs::read_to_string(self.folder.path().join("log")).unwrap_or_default();
                bail!("it does not answer; its log:\n{log}");
            }
            thread::sleep(LOOK_EVERY);
        }
        Ok(())
    }
}

impl Guarded {
    fn stop(mut self) -> Result<()> {
        let pid = Pid::from_raw(self.0.id().try_into()?).context("a child has a process id")?;
        let started = Instant::now();
        kill_process(pid, Signal::TERM)?;
        while self.0.try_wait()?.is_none() {
            if started.elapsed() > STOP_MAX {
                self.0.kill()?;
            }
            thread::sleep(LOOK_EVERY);
        }
        Ok(())
    }
}

impl Drop for Guarded {
    fn drop(&mut self) {
        // Nothing is left to do for one that has ended already, and nobody to tell if it cannot be ended.
        let _ = self.0.kill();
        let _ = self.0.wait();
    }
}

/// A port that was free just now: these servers cannot choose one and tell.
fn free_port() -> Result<u16> {
    Ok(TcpListener::bind("127.0.0.1:0")?.local_addr()?.port())
}

/// The sum of NumberOfStudyRelatedInstances (0020,1208) over all studies.
fn count_by_search(web: &Web) -> Result<u64> {
    let (mut instances, mut offset) = (0, 0);
    loop {
        let page = web.json(&format!("/studies?limit={PAGE_ROWS}&offset={offset}"))?;
        let rows = page.as_array().map_or(&[] as &[Value], Vec::as_slice);
        instances += rows.iter().filter_map(|row| row["00201208"]["Value"][0].as_u64()).sum::<u64>();
        if rows.len() < PAGE_ROWS {
            return Ok(instances);
        }
        offset += PAGE_ROWS;
    }
}

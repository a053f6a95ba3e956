//! What tests stand on: folders of apps, keys, and a registry that others wrote.

use lightbox_catalogue::{Options, Package, PrivateKey, Registry, TrustedKey, pack};
use std::fs;
use std::io::{BufRead as _, BufReader};
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use tempfile::TempDir;

pub const APP: &str = r#"schema = 2
[app]
id = "bright"
name = "Brightness"
vendor = "Lightbox contributors"
release = "1.0.0"
summary = "Says how bright an image is."
licence = "Apache-2.0"
[[finding]]
id = "bright"
threshold = 0.5
"#;

/// A folder with these files.
pub fn folder(files: &[(&str, &[u8])]) -> TempDir {
    let folder = tempfile::tempdir().unwrap();
    for (path, content) in files {
        write(&folder.path().join(path), content);
    }
    folder
}

pub fn write(path: &Path, content: &[u8]) {
    fs::create_dir_all(path.parent().unwrap()).unwrap();
    fs::write(path, content).unwrap();
}

/// An app as a vendor has it, with files of every kind, two equal ones and an empty one among them.
pub fn app() -> TempDir {
    folder(&[
        ("app.toml", APP.as_bytes()),
        ("model.onnx", b"a model"),
        ("MODEL_CARD.md", b"# Brightness\n"),
        ("golden/1/image.dcm", b"an image"),
        ("golden/2/image.dcm", b"an image"),
        ("golden/2/expected.json", b"{}"),
        ("LICENSE", b"a licence"),
        ("notes.txt", b""),
    ])
}

/// The package of [`app`], with changes to `app.toml`.
pub fn package(from: &str, to: &str) -> (TempDir, Package) {
    let app = app();
    write(&app.path().join("app.toml"), APP.replace(from, to).as_bytes());
    let package = pack(app.path()).unwrap().package;
    (app, package)
}

pub fn trusted(name: &str, key: &PrivateKey) -> TrustedKey {
    TrustedKey { name: name.to_owned(), key: key.public(), vendor: None, app_prefix: None }
}

/// Every file below a folder with its content, in the order of the paths.
pub fn content(folder: &Path) -> Vec<(String, Vec<u8>)> {
    let mut content: Vec<_> = files(folder)
        .into_iter()
        .map(|path| (path.strip_prefix(folder).unwrap().to_str().unwrap().to_owned(), fs::read(&path).unwrap()))
        .collect();
    content.sort();
    content
}

pub fn files(folder: &Path) -> Vec<PathBuf> {
    let entries = fs::read_dir(folder).unwrap().map(|entry| entry.unwrap().path());
    entries.flat_map(|path| if path.is_dir() { files(&path) } else { vec![path] }).collect()
}

/// The error, as a person reads it: it must be one line.
#[track_caller]
pub fn text_of<T>(result: Result<T, impl ToString>) -> String {
    let Err(error) = result else { panic!("no error") };
    let text = error.to_string();
    assert!(!text.contains('\n'), "more than one line: {text}");
    text
}

#[track_caller]
pub fn assert_says<T>(result: Result<T, impl ToString>, expected: &str) {
    let text = text_of(result);
    assert!(text.contains(expected), "{expected:?} is not in: {text}");
}

/// Runs a program to its end and gives what it wrote.
#[track_caller]
pub fn run(command: &mut Command) -> Vec<u8> {
    let program = command.get_program().to_string_lossy().into_owned();
    let done = command.output().unwrap_or_else(|error| panic!("{program}: {error}; run `cargo xtask setup`"));
    assert!(done.status.success(), "{command:?}: {}", String::from_utf8_lossy(&done.stderr));
    done.stdout
}

/// Docker's registry on a free port, with a folder of its own. It ends with the test.
pub struct RegistryServer {
    process: Child,
    /// Address without scheme.
    pub host: String,
    storage: TempDir,
}

impl RegistryServer {
    pub fn start() -> Self {
        Self::start_with("")
    }

    /// With this section of its configuration about signing in.
    pub fn start_with(auth: &str) -> Self {
        let storage = tempfile::tempdir().unwrap();
        let configuration = format!(
            "version: 0.1\nlog:\n  level: info\n  accesslog:\n    disabled: true\n\
             storage:\n  filesystem:\n    rootdirectory: {root}/data\n\
             http:\n  addr: 127.0.0.1:0\n  secret: for tests\n{auth}",
            root = storage.path().display()
        );
        let path = storage.path().join("config.yml");
        fs::write(&path, configuration.replace("{root}", &storage.path().display().to_string())).unwrap();
        let mut command = Command::new("docker-registry");
        command.arg("serve").arg(path).stdout(Stdio::null()).stderr(Stdio::piped());
        let mut process = command.spawn().expect("docker-registry starts: run `cargo xtask setup`");
        let mut log = BufReader::new(process.stderr.take().unwrap()).lines();
        let listening = log.find_map(|line| Some(line.unwrap().split_once("listening on ")?.1.to_owned()));
        let host: String = listening
            .expect("docker-registry listens")
            .chars()
            .take_while(|c| c.is_ascii_digit() || ".:".contains(*c))
            .collect();
        std::thread::spawn(move || log.for_each(drop));
        Self { process, host, storage }
    }

    /// The registry, below a path so that others could be beside it.
    pub fn registry(&self) -> Registry {
        self.registry_with(&Options::default())
    }

    pub fn registry_with(&self, options: &Options) -> Registry {
        Registry::open(&format!("http://{}/site/apps", self.host), options).unwrap()
    }

    /// Where it keeps content.
    pub fn blob(&self, digest: &lightbox_catalogue::Digest) -> PathBuf {
        let hex = digest.hex();
        self.storage.path().join("data/docker/registry/v2/blobs/sha256").join(&hex[..2]).join(hex).join("data")
    }
}

impl Drop for RegistryServer {
    fn drop(&mut self) {
        let _ = self.process.kill();
        let _ = self.process.wait();
    }
}

//! Sending: C-STORE by dcmtk's `storescu`, STOW-RS by threads of our own, and plain writes to see what the disk allows.

use std::collections::VecDeque;
use std::fs::{self, File};
use std::io::{self, Cursor, Read, Write};
use std::path::{Path, PathBuf};
use std::process::Stdio;
use std::thread;

use anyhow::{Context, Result, anyhow, bail};

use super::corpus::Corpus;
use super::peers::{Running, Segments};
use super::web::Web;
use crate::workspace::Workspace;

/// What we call ourselves when we send.
const AE_TITLE: &str = "LIGHTBOX_BENCH";
/// Files in one STOW-RS request.
const STOW_FILES: usize = 50;
const BOUNDARY: &str = "lightbox-bench-5d1c";
/// PS3.18 §10.5.3: the sequence of what was not stored.
const FAILED_SOP_SEQUENCE: &str = "00081198";

/// Sends every file by C-STORE over 1 association or over one for each part, each from a process of its own.
/// Fails if a sender does.
pub fn store(
    workspace: &Workspace,
    to: &Running,
    corpus: &Corpus,
    associations: usize,
    segments: Segments,
) -> Result<()> {
    let folders = if associations == 1 { vec![corpus.folder.clone()] } else { corpus.parts() };
    if folders.len() != associations {
        bail!("a corpus has {} parts, not {associations}", folders.len());
    }
    store_folders(workspace, to, &folders, segments)
}

/// Sends all files of each folder over an association of its own, at the same time.
pub fn store_folders(workspace: &Workspace, to: &Running, folders: &[PathBuf], segments: Segments) -> Result<()> {
    let start = |folder: &PathBuf| {
        let mut storescu = workspace.command("storescu");
        storescu.args(["--quiet", "--aetitle", AE_TITLE, "--call", &to.ae_title, "--scan-directories", "--recurse"]);
        storescu.args(["127.0.0.1", &to.dicom_port.to_string()]).arg(folder);
        segments.apply(&mut storescu);
        storescu
            .stdin(Stdio::null())
            .stdout(Stdio::null())
            .stderr(Stdio::piped())
            .spawn()
            .context("cannot start storescu")
    };
    let senders: Vec<_> = folders.iter().map(start).collect::<Result<_>>()?;
    for sender in senders {
        let output = sender.wait_with_output()?;
        if !output.status.success() {
            bail!("storescu failed ({}): {}", output.status, String::from_utf8_lossy(&output.stderr).trim());
        }
    }
    Ok(())
}

/// Sends every file by STOW-RS over so many connections, 50 files a request. Fails if one was not stored.
pub fn stow(to: &Web, corpus: &Corpus, connections: usize) -> Result<()> {
    let files = corpus.files()?;
    let batches: Vec<&[PathBuf]> = files.chunks(STOW_FILES).collect();
    let send = |first: usize| -> Result<()> {
        let web = to.another();
        batches.iter().skip(first).step_by(connections).try_for_each(|batch| stow_batch(&web, batch))
    };
    in_threads(connections, send)
}

fn stow_batch(web: &Web, files: &[PathBuf]) -> Result<()> {
    let mut batch = Batch::new(files)?;
    let media_type = format!("multipart/related; type=\"application/dicom\"; boundary={BOUNDARY}");
    let (status, answer) = web.post("/studies", &media_type, batch.bytes, &mut batch)?;
    if status != 200 || answer.get(FAILED_SOP_SEQUENCE).is_some_and(|failed| failed["Value"][0].is_object()) {
        bail!("POST /studies was answered with {status}: {answer:.300}");
    }
    Ok(())
}

/// A multipart body that is read from the files as it is sent (PS3.18 §8.6.1.2.1).
struct Batch {
    pieces: VecDeque<Piece>,
    current: Box<dyn Read>,
    bytes: u64,
}

enum Piece {
    Text(String),
    File(PathBuf),
}

impl Batch {
    fn new(files: &[PathBuf]) -> Result<Self> {
        let (mut pieces, mut bytes) = (VecDeque::new(), 0);
        let mut add = |piece: Piece| -> Result<()> {
            bytes += match &piece {
                Piece::Text(text) => text.len() as u64,
                Piece::File(path) => fs::metadata(path).with_context(|| format!("no {}", path.display()))?.len(),
            };
            pieces.push_back(piece);
            Ok(())
        };
        for file in files {
            add(Piece::Text(format!("\r\n--{BOUNDARY}\r\nContent-Type: application/dicom\r\n\r\n")))?;
            add(Piece::File(file.clone()))?;
        }
        add(Piece::Text(format!("\r\n--{BOUNDARY}--\r\n")))?;
        Ok(Self { pieces, current: Box::new(io::empty()), bytes })
    }
}

impl Read for Batch {
    fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        loop {
            let count = self.current.read(buffer)?;
            if count > 0 || buffer.is_empty() {
                return Ok(count);
            }
            self.current = match self.pieces.pop_front() {
                Some(Piece::Text(text)) => Box::new(Cursor::new(text)),
                Some(Piece::File(path)) => Box::new(File::open(path)?),
                None => return Ok(0),
            };
        }
    }
}

/// What the disk allows whoever loses nothing: each file is written, synced and renamed, and its folder synced.
pub fn write_files(corpus: &Corpus, folder: &Path, threads: usize) -> Result<()> {
    let files = corpus.files()?;
    let write = |first: usize| -> Result<()> {
        let folder = folder.join(first.to_string());
        fs::create_dir(&folder)?;
        let directory = File::open(&folder)?;
        for (number, path) in files.iter().enumerate().skip(first).step_by(threads) {
            let (part, whole) = (folder.join("part"), folder.join(number.to_string()));
            let mut file = File::create(&part)?;
            file.write_all(&fs::read(path)?)?;
            file.sync_data()?;
            fs::rename(part, whole)?;
            directory.sync_all()?;
        }
        Ok(())
    };
    in_threads(threads, write)
}

fn in_threads(threads: usize, work: impl Fn(usize) -> Result<()> + Sync) -> Result<()> {
    let work = &work;
    thread::scope(|scope| {
        let workers: Vec<_> = (0..threads).map(|number| scope.spawn(move || work(number))).collect();
        workers.into_iter().try_for_each(|worker| worker.join().map_err(|_| anyhow!("a thread panicked"))?)
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_batch_is_a_multipart_body_of_the_length_it_says() {
        let folder = tempfile::tempdir().unwrap();
        let paths = [("a", "first"), ("b", ""), ("c", "third")].map(|(name, text)| {
            let path = folder.path().join(name);
            fs::write(&path, text).unwrap();
            path
        });
        let mut batch = Batch::new(&paths).unwrap();
        let mut body = String::new();
        let bytes = batch.bytes;
        batch.read_to_string(&mut body).unwrap();
        assert_eq!(body.len() as u64, bytes);
        let parts: Vec<_> = body.split(&format!("\r\n--{BOUNDARY}")).collect();
        let head = "\r\nContent-Type: application/dicom\r\n\r\n";
        assert_eq!(parts, ["", &format!("{head}first"), head, &format!("{head}third"), "--\r\n"]);
    }

    #[test]
    fn an_error_of_a_thread_is_ours() {
        let fail = |number| if number == 2 { bail!("the third") } else { Ok(()) };
        assert_eq!(in_threads(4, fail).unwrap_err().to_string(), "the third");
        in_threads(2, fail).unwrap();
    }
}

//! A layout as one uncompressed tar: where each file lies in it, and writing one that is the same on every machine.
//!
//! Nothing is ever extracted by the paths that a tar states: a file is read where it lies, and only under a name that a
//! layout has. Extended headers are passed over unread, since they could be of any size and no name here needs one.

use crate::PackageError;
use crate::blob::Blob;
use crate::limit::{FILES_MAX, SIGNATURES_MAX};
use crate::staged::StagedFile;
use std::collections::BTreeMap;
use std::fs::File;
use std::io::{BufReader, Cursor};
use std::path::Path;
use tar::{Archive, EntryType, Header};

/// The most entries of a tar: files, folders, signatures, and as many extended headers.
const ENTRIES_MAX: usize = 2 * (FILES_MAX + 3 * SIGNATURES_MAX + 16);
const BLOCK_BYTES: usize = 512;
const HEADER_READ_BYTES: usize = 4096;

/// Where a file lies in a tar, in bytes.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Extent {
    pub offset: u64,
    pub size: u64,
}

/// The files of a tar by their paths.
pub(crate) fn list(path: &Path) -> Result<BTreeMap<String, Extent>, PackageError> {
    let damaged = |reason: String| PackageError::malformed(path.display().to_string(), reason);
    let file = File::open(path).map_err(|error| PackageError::io("read", path, error))?;
    let length = file.metadata().map_err(|error| PackageError::io("read", path, error))?.len();
    let mut archive = Archive::new(BufReader::with_capacity(HEADER_READ_BYTES, file));
    let entries = archive.entries_with_seek().map_err(|error| damaged(error.to_string()))?.raw(true);
    let mut files = BTreeMap::new();
    for (count, entry) in (1..).zip(entries) {
        PackageError::limit("the tar", count, ENTRIES_MAX as u64, "entries")?;
        let entry = entry.map_err(|error| damaged(error.to_string()))?;
        let name = String::from_utf8_lossy(&entry.path_bytes()).into_owned();
        let extent = Extent { offset: entry.raw_file_position(), size: entry.size() };
        let left = length.saturating_sub(extent.offset);
        if extent.size > left {
            return Err(PackageError::SizeDiffers { file: shown(&name), expected: extent.size, found: left });
        }
        let Some(name) = file_name(&name, entry.header().entry_type())? else { continue };
        if files.insert(name.clone(), extent).is_some() {
            return Err(damaged(format!("{name} is there twice")));
        }
    }
    Ok(files)
}

/// The path of a file in a layout; nothing for what only accompanies files.
fn file_name(name: &str, entry_type: EntryType) -> Result<Option<String>, PackageError> {
    let refuse = |reason| PackageError::PathRefused { path: shown(name), reason };
    match entry_type {
        EntryType::Regular | EntryType::Continuous => {}
        EntryType::Directory | EntryType::XHeader | EntryType::XGlobalHeader => return Ok(None),
        _ => return Err(refuse("the tar has it as neither a file nor a folder")),
    }
    let name = name.strip_prefix("./").unwrap_or(name);
    if name.split('/').any(|part| matches!(part, "" | "." | "..")) {
        return Err(refuse("it leaves its folder"));
    }
    Ok(Some(name.to_owned()))
}

fn shown(name: &str) -> String {
    name.chars().take(BLOCK_BYTES).collect()
}

/// Appends a file, with a header of nothing but its name and size.
pub(crate) fn append(tar: &mut StagedFile, name: &str, content: &Blob) -> Result<(), PackageError> {
    let mut header = Header::new_ustar();
    header.set_path(name).map_err(|error| PackageError::malformed(name, error))?;
    header.set_entry_type(EntryType::Regular);
    header.set_size(content.size);
    header.set_mode(0o644);
    header.set_uid(0);
    header.set_gid(0);
    header.set_mtime(0);
    header.set_cksum();
    tar.write(header.as_bytes())?;
    content.pour(|chunk| tar.write(chunk))?;
    let rest = usize::try_from(content.size % BLOCK_BYTES as u64).unwrap_or_default();
    tar.write(&[0; BLOCK_BYTES][..(BLOCK_BYTES - rest) % BLOCK_BYTES])
}

/// Ends a tar.
pub(crate) fn finish(tar: &mut StagedFile) -> Result<(), PackageError> {
    tar.write(&[0; 2 * BLOCK_BYTES])
}

/// Whether these bytes begin a tar, so that another kind of file can be told in words.
pub(crate) fn is_tar(start: &[u8]) -> bool {
    let mut archive = Archive::new(Cursor::new(start));
    archive.entries().is_ok_and(|entries| entries.raw(true).next().is_some_and(|entry| entry.is_ok()))
}

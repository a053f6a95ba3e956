//! Which files an import has done, one a line, so that it goes on where it broke off.

use anyhow::Context;
use std::collections::HashSet;
use std::fs::{File, OpenOptions};
use std::io::Write;
use std::path::{Path, PathBuf};

/// The journal of an import.
pub struct Journal {
    done: HashSet<PathBuf>,
    file: File,
}

impl Journal {
    /// Reads what was done before; the file is made if it is missing.
    pub fn open(path: &Path) -> anyhow::Result<Self> {
        let context = || format!("cannot use the journal {}", path.display());
        let text = match path.exists() {
            true => std::fs::read_to_string(path).with_context(context)?,
            false => String::new(),
        };
        // A line that was cut off as the import ended names nothing that is there.
        let done = text.lines().map(PathBuf::from).collect();
        let mut file = OpenOptions::new().create(true).append(true).open(path).with_context(context)?;
        if !text.is_empty() && !text.ends_with('\n') {
            writeln!(file).with_context(context)?;
        }
        Ok(Self { done, file })
    }

    /// Whether this file is done.
    pub fn names(&self, path: &Path) -> bool {
        self.done.contains(path)
    }

    /// Notes that this file is done. A name that is no text, or has a line break, is not noted: such a file is read again
    /// and known as a duplicate.
    pub fn note(&mut self, path: &Path) -> anyhow::Result<()> {
        match path.to_str().filter(|name| !name.contains('\n')) {
            Some(name) => writeln!(self.file, "{name}").context("cannot write the journal"),
            None => Ok(()),
        }
    }
}

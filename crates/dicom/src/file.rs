//! A stored object as it leaves: its file, what is corrected of it on the way, and what is taken out of it.

use crate::InspectError;
use crate::overlay::{self, Edit, ObjectCorrection, Plan};
use std::fs::File;
use std::io::{self, Cursor, Read, Seek, SeekFrom};
use std::path::{Path, PathBuf};
use std::sync::Arc;

/// A Part 10 file, the correction that lies over it, and its de-identification, which lies over both. Everything that
/// reads it through [`ObjectFile::open`] reads the object as it leaves; the file itself stays as it is.
#[derive(Clone, Debug)]
pub struct ObjectFile {
    path: PathBuf,
    correction: Option<Arc<ObjectCorrection>>,
    deidentification: Option<Arc<Plan>>,
}

impl ObjectFile {
    /// The file with a correction over it.
    #[must_use]
    pub fn corrected(path: PathBuf, correction: ObjectCorrection) -> Self {
        Self { path, correction: Some(Arc::new(correction)), deidentification: None }
    }

    /// The object as it is so far, with the changes that de-identify it.
    pub(crate) fn deidentified(self, plan: Plan) -> Self {
        Self { deidentification: Some(Arc::new(plan)), ..self }
    }

    /// The stored file. Its pixels are those of the object that leaves, too.
    #[must_use]
    pub fn path(&self) -> &Path {
        &self.path
    }

    /// Whether anything lies over it; else its bytes leave as they are stored.
    #[must_use]
    pub fn is_corrected(&self) -> bool {
        self.correction.is_some() || self.deidentification.is_some()
    }

    /// Whether it is de-identified already.
    pub(crate) fn is_deidentified(&self) -> bool {
        self.deidentification.is_some()
    }

    /// Opens the object. A correction reads the header first, and writes nothing: what it replaces is handed out in place of
    /// the stored bytes, and everything else comes from the file as it is read.
    ///
    /// # Errors
    /// [`InspectError`] when the file cannot be read, or cannot carry its correction.
    pub fn open(&self) -> Result<ObjectReader, InspectError> {
        let stored = ObjectReader(Source::Stored(File::open(&self.path)?));
        let corrected = match &self.correction {
            Some(correction) => stored.changed(overlay::plan(&self.path, correction)?)?,
            None => stored,
        };
        match &self.deidentification {
            Some(plan) => corrected.changed(Plan::clone(plan)),
            None => Ok(corrected),
        }
    }
}

impl<P: AsRef<Path> + ?Sized> From<&P> for ObjectFile {
    /// The file as it is stored.
    fn from(path: &P) -> Self {
        Self { path: path.as_ref().to_owned(), correction: None, deidentification: None }
    }
}

impl From<&ObjectFile> for ObjectFile {
    fn from(file: &ObjectFile) -> Self {
        file.clone()
    }
}

/// The bytes of an object as it leaves.
#[derive(Debug)]
pub struct ObjectReader(Source);

impl ObjectReader {
    fn changed(self, plan: Plan) -> Result<Self, InspectError> {
        if plan.edits.is_empty() {
            return Ok(self);
        }
        if plan.is_deflated {
            let bytes = overlay::deflate_edited(self, &plan)?;
            return Ok(Self(Source::Memory(Cursor::new(bytes))));
        }
        Ok(Self(Source::Spliced(Spliced::new(Box::new(self), plan.edits)?)))
    }
}

#[derive(Debug)]
enum Source {
    Stored(File),
    Spliced(Spliced),
    Memory(Cursor<Vec<u8>>),
}

impl Read for ObjectReader {
    fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        match &mut self.0 {
            Source::Stored(file) => file.read(buffer),
            Source::Spliced(spliced) => spliced.read(buffer),
            Source::Memory(bytes) => bytes.read(buffer),
        }
    }
}

impl Seek for ObjectReader {
    fn seek(&mut self, to: SeekFrom) -> io::Result<u64> {
        match &mut self.0 {
            Source::Stored(file) => file.seek(to),
            Source::Spliced(spliced) => spliced.seek(to),
            Source::Memory(bytes) => bytes.seek(to),
        }
    }
}

/// An object in which some ranges are replaced.
#[derive(Debug)]
struct Spliced {
    file: Box<ObjectReader>,
    /// Where each piece begins, in order; the last one ends with the file.
    pieces: Vec<Piece>,
    position: u64,
    bytes: u64,
}

#[derive(Debug)]
struct Piece {
    start: u64,
    content: Content,
}

#[derive(Debug)]
enum Content {
    /// So many bytes of the object from this offset on.
    Stored {
        offset: u64,
        bytes: u64,
    },
    New(Vec<u8>),
}

impl Content {
    fn bytes(&self) -> u64 {
        match self {
            Self::Stored { bytes, .. } => *bytes,
            Self::New(bytes) => bytes.len() as u64,
        }
    }
}

impl Spliced {
    fn new(mut file: Box<ObjectReader>, edits: Vec<Edit>) -> io::Result<Self> {
        let end = file.seek(SeekFrom::End(0))?;
        let (mut pieces, mut start, mut offset) = (Vec::new(), 0, 0);
        let mut push = |content: Content| {
            let bytes = content.bytes();
            if bytes > 0 {
                pieces.push(Piece { start, content });
                start += bytes;
            }
        };
        for edit in edits {
            push(Content::Stored { offset, bytes: edit.range.start - offset });
            push(Content::New(edit.bytes));
            offset = edit.range.end;
        }
        push(Content::Stored { offset, bytes: end - offset });
        Ok(Self { file, pieces, position: 0, bytes: start })
    }

    fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        let next = self.pieces.partition_point(|piece| piece.start <= self.position);
        let Some(piece) = next.checked_sub(1).map(|place| &self.pieces[place]) else { return Ok(0) };
        let within = self.position - piece.start;
        let left = usize::try_from(piece.content.bytes().saturating_sub(within)).unwrap_or(usize::MAX);
        let wanted = buffer.len().min(left);
        let count = match &piece.content {
            Content::New(bytes) => (&bytes[bytes.len() - left..]).read(&mut buffer[..wanted])?,
            Content::Stored { offset, .. } => {
                self.file.seek(SeekFrom::Start(offset + within))?;
                self.file.read(&mut buffer[..wanted])?
            }
        };
        self.position += count as u64;
        Ok(count)
    }

    fn seek(&mut self, to: SeekFrom) -> io::Result<u64> {
        let position = match to {
            SeekFrom::Start(position) => Some(position),
            SeekFrom::End(offset) => self.bytes.checked_add_signed(offset),
            SeekFrom::Current(offset) => self.position.checked_add_signed(offset),
        };
        self.position = position.ok_or(io::ErrorKind::InvalidInput)?;
        Ok(self.position)
    }
}

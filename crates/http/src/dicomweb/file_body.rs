//! The bytes of a stored file on their way into an answer.
//!
//! What the system holds of it in memory is read at once, since handing a piece to another thread costs as much as copying
//! it. Only for what must come from the disk does a thread wait that may block.

use bytes::Bytes;
use futures_util::stream::{self, Stream, TryStreamExt};
use std::fs::File;
use std::io;
use std::ops::Range;
use std::os::unix::fs::FileExt;
use std::path::{Path, PathBuf};
use tokio::task::spawn_blocking;

/// How much of a file is read at once, in bytes.
const PIECE_BYTES: usize = 256 * 1024;

/// The bytes of a file, or of a range of it, piece after piece. It is opened when the first is asked for.
pub(super) fn pieces(
    path: PathBuf,
    range: Option<Range<u64>>,
) -> impl Stream<Item = io::Result<Bytes>> + Send + 'static {
    let opened = stream::once(Reading::open(path, range));
    opened.map_ok(|reading| stream::try_unfold(reading, Reading::next)).try_flatten()
}

/// The same for a file that is opened at once, so that its failure still has a status.
pub(super) async fn begun(
    path: PathBuf,
    range: Range<u64>,
) -> io::Result<impl Stream<Item = io::Result<Bytes>> + Send + 'static> {
    Ok(stream::try_unfold(Reading::open(path, Some(range)).await?, Reading::next))
}

/// A file, and what is left to read of it.
struct Reading {
    file: File,
    left: Range<u64>,
}

impl Reading {
    async fn open(path: PathBuf, range: Option<Range<u64>>) -> io::Result<Self> {
        let file = match in_memory::open(&path) {
            Some(file) => file,
            None => spawn_blocking(|| File::open(path)).await.map_err(io::Error::other)??,
        };
        let left = match range {
            Some(range) => range,
            None => 0..file.metadata()?.len(),
        };
        Ok(Self { file, left })
    }

    /// The next piece, and what is left after it.
    async fn next(mut self) -> io::Result<Option<(Bytes, Self)>> {
        let length = usize::try_from(self.left.end.saturating_sub(self.left.start)).unwrap_or(PIECE_BYTES);
        if length == 0 {
            return Ok(None);
        }
        let (mut piece, start) = (vec![0; length.min(PIECE_BYTES)], self.left.start);
        let count = match in_memory::read(&self.file, &mut piece, start) {
            Some(count) => count,
            None => {
                let read = move || {
                    let count = self.file.read_at(&mut piece, start)?;
                    Ok::<_, io::Error>((count, piece, self))
                };
                let count;
                (count, piece, self) = spawn_blocking(read).await.map_err(io::Error::other)??;
                count
            }
        };
        if count == 0 {
            return Err(io::Error::new(io::ErrorKind::UnexpectedEof, "a stored file is shorter than it was"));
        }
        piece.truncate(count);
        self.left.start += count as u64;
        Ok(Some((piece.into(), self)))
    }
}

/// What can be done without waiting for a disk; `None` where it cannot, or the system does not know how.
#[cfg(target_os = "linux")]
mod in_memory {
    use super::{File, Path};
    use rustix::fs::{CWD, Mode, OFlags, ResolveFlags, openat2};
    use rustix::io::{ReadWriteFlags, preadv2};
    use std::io::IoSliceMut;

    /// Opens a file whose place the system remembers.
    pub(super) fn open(path: &Path) -> Option<File> {
        let opened = openat2(CWD, path, OFlags::RDONLY | OFlags::CLOEXEC, Mode::empty(), ResolveFlags::CACHED);
        opened.ok().map(File::from)
    }

    /// Reads what the system remembers of the bytes from `start` on, at least one.
    pub(super) fn read(file: &File, piece: &mut [u8], start: u64) -> Option<usize> {
        let read = preadv2(file, &mut [IoSliceMut::new(piece)], start, ReadWriteFlags::NOWAIT);
        read.ok().filter(|count| *count > 0)
    }
}

#[cfg(not(target_os = "linux"))]
mod in_memory {
    use super::{File, Path};

    pub(super) fn open(_: &Path) -> Option<File> {
        None
    }

    pub(super) fn read(_: &File, _: &mut [u8], _: u64) -> Option<usize> {
        None
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::io::Write as _;

    async fn read(path: &Path, range: Option<Range<u64>>) -> io::Result<Vec<u8>> {
        let pieces: Vec<Bytes> = pieces(path.to_owned(), range).try_collect().await?;
        Ok(pieces.concat())
    }

    #[tokio::test]
    async fn a_file_is_given_as_it_is() {
        let mut file = tempfile::NamedTempFile::new().unwrap();
        let bytes: Vec<u8> = (0..3 * PIECE_BYTES + 7).map(|place| (place % 251) as u8).collect();
        file.write_all(&bytes).unwrap();
        assert_eq!(read(file.path(), None).await.unwrap(), bytes);
        assert_eq!(read(file.path(), Some(5..600_000)).await.unwrap(), bytes[5..600_000]);
        assert_eq!(read(file.path(), Some(5..5)).await.unwrap(), b"");
    }

    #[tokio::test]
    async fn a_file_that_is_gone_or_too_short_is_an_error() {
        let file = tempfile::NamedTempFile::new().unwrap();
        assert_eq!(read(file.path(), Some(0..1)).await.unwrap_err().kind(), io::ErrorKind::UnexpectedEof);
        assert_eq!(read(Path::new("/nothing/here"), None).await.unwrap_err().kind(), io::ErrorKind::NotFound);
    }
}

//! A stored object on its way out in another transfer syntax: written by a thread of its own as fast as it is read, so that
//! it never lies in memory as a whole.

use bytes::Bytes;
use futures_util::Stream;
use futures_util::stream;
use lightbox_dicom::{ObjectFile, TranscodeError, transcode};
use lightbox_domain::Limits;
use std::io::{self, Write};
use tokio::sync::mpsc;

/// How many pieces, each as long as its writer makes them, may wait for the reader.
pub(crate) const PIECES_WAITING_MAX: usize = 4;

/// What of an object leaves.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Part {
    /// The whole Part 10 file.
    File,
    /// The data set without group 0002, as a C-STORE carries it.
    DataSet,
}

/// An object to be written in another syntax.
#[derive(Clone, Debug)]
pub struct Outbound {
    /// It as it leaves.
    pub file: ObjectFile,
    /// The syntax in which it is to leave.
    pub transfer_syntax_uid: String,
    /// What of it.
    pub part: Part,
    /// The site's limits.
    pub limits: Limits,
}

impl Outbound {
    /// Begins to write it. `held` is dropped when the last byte is written: a permit, or nothing.
    ///
    /// # Errors
    /// [`TranscodeError`], known before the first byte, when there is no way into that syntax. What goes wrong later is an
    /// error of the stream.
    pub async fn start(
        self,
        held: impl Send + 'static,
    ) -> Result<impl Stream<Item = io::Result<Bytes>> + Send + Unpin + 'static, TranscodeError> {
        let Self { file, transfer_syntax_uid, part, limits } = self;
        let prepare = move || transcode(&file, &transfer_syntax_uid, &limits);
        let prepared = tokio::task::spawn_blocking(prepare).await.map_err(io::Error::other)??;
        let (pieces, waiting) = mpsc::channel(PIECES_WAITING_MAX);
        tokio::task::spawn_blocking(move || {
            let _held = held;
            let mut out = Pieces(pieces);
            let written = match part {
                Part::File => prepared.write_file(&mut out),
                Part::DataSet => prepared.write_data_set(&mut out),
            };
            if let Err(error) = written {
                // Whoever reads must not take what came so far for the whole.
                let _ = out.0.blocking_send(Err(io::Error::other(error)));
            }
        });
        Ok(stream_of(waiting))
    }
}

/// What a thread writes, as a stream.
pub(crate) fn stream_of(
    waiting: mpsc::Receiver<io::Result<Bytes>>,
) -> impl Stream<Item = io::Result<Bytes>> + Send + Unpin + 'static {
    let next = |mut waiting: mpsc::Receiver<_>| async move { waiting.recv().await.map(|piece| (piece, waiting)) };
    Box::pin(stream::unfold(waiting, next))
}

/// Hands what is written to whoever reads.
pub(crate) struct Pieces(pub(crate) mpsc::Sender<io::Result<Bytes>>);

impl Write for Pieces {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        let sent = self.0.blocking_send(Ok(Bytes::copy_from_slice(bytes)));
        sent.map_err(|_| io::Error::from(io::ErrorKind::BrokenPipe))?;
        Ok(bytes.len())
    }

    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
}

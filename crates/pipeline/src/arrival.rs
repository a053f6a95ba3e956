//! An instance on its way to the disk and into the index, on a thread that may block.
//!
//! One thread writes, syncs and indexes it: whatever is handed from thread to thread costs more than most of what is to
//! be done. What is small goes to that thread at once, of what is large piece after piece.

use crate::ReceiveError;
use bytes::Bytes;
use futures_util::{Stream, StreamExt};
use lightbox_dicom::{DatasetHasher, Hashed, inspect};
use lightbox_domain::{Limits, Source, Uid};
use lightbox_store::{FileDigest, Incoming, Intake, NewInstance, Store, StoreError, now_ms};
use std::io::Read;
use std::path::PathBuf;
use std::sync::Arc;
use tokio::sync::{Semaphore, mpsc};

/// How much of an instance is gathered before it is handed to the thread that writes, in bytes.
const PIECE_BYTES: usize = 1 << 20;

/// How many chunks make a piece, however short they are: each keeps what it arrived with in memory.
const CHUNKS_MAX: usize = 256;

/// How many pieces of an instance may wait for the disk before its sender is slowed down.
const PIECES_WAITING_MAX: usize = 1;

/// How much of a file is read at once when it is imported, in bytes.
const IMPORT_PIECE_BYTES: usize = 256 * 1024;

/// What is to be done with an instance.
pub(crate) struct Order {
    pub store: Store,
    pub limits: Arc<Limits>,
    /// A permit for each instance that may be written at once.
    pub places: Arc<Semaphore>,
    pub source: Source,
    /// False for a result that must stay outside the study's index.
    pub indexed: bool,
    /// The only study to which it may belong.
    pub study: Option<Uid>,
}

/// A durable instance, and what the index made of it.
pub(crate) type Arrived = (NewInstance, Intake);

/// A part of an instance.
struct Piece {
    chunks: Vec<Bytes>,
    /// Whether the instance ends with it.
    is_last: bool,
}

impl Piece {
    /// Gathers what arrives next.
    async fn gather<S>(chunks: &mut S) -> Result<Self, ReceiveError>
    where
        S: Stream<Item = std::io::Result<Bytes>> + Send + Unpin,
    {
        let mut piece = Self { chunks: Vec::new(), is_last: false };
        let mut length = 0;
        while length < PIECE_BYTES && piece.chunks.len() < CHUNKS_MAX {
            match chunks.next().await {
                Some(chunk) => {
                    let chunk = chunk.map_err(ReceiveError::Aborted)?;
                    length += chunk.len();
                    piece.chunks.push(chunk);
                }
                None => return Ok(Self { is_last: true, ..piece }),
            }
        }
        Ok(piece)
    }
}

impl Order {
    /// Carries it out on what arrives as the bytes of a DICOM file. An error in the stream means that the sender broke off.
    pub(crate) async fn take_stream<S>(self, mut chunks: S) -> Result<Arrived, ReceiveError>
    where
        S: Stream<Item = std::io::Result<Bytes>> + Send + Unpin,
    {
        let first = Piece::gather(&mut chunks).await?;
        if first.is_last {
            return self.take(move |order| order.take_pieces(std::iter::once(Ok(first)))).await;
        }
        let (pieces, mut waiting) = mpsc::channel(PIECES_WAITING_MAX);
        let send = async {
            let mut next = Ok(first);
            loop {
                let is_last = next.as_ref().map_or(true, |piece: &Piece| piece.is_last);
                // If the writer has given up, its error says why.
                if pieces.send(next).await.is_err() || is_last {
                    return;
                }
                next = Piece::gather(&mut chunks).await;
            }
        };
        let take = self.take(move |order| order.take_pieces(std::iter::from_fn(|| waiting.blocking_recv())));
        tokio::join!(take, send).0
    }

    /// The same for an instance in memory.
    pub(crate) async fn take_bytes(self, bytes: Vec<u8>) -> Result<Arrived, ReceiveError> {
        let whole = Piece { chunks: vec![bytes.into()], is_last: true };
        self.take(move |order| order.take_pieces(std::iter::once(Ok(whole)))).await
    }

    /// The same for a file.
    pub(crate) async fn take_file(self, path: PathBuf) -> Result<Arrived, ReceiveError> {
        let read = move |order: Self| {
            let mut file = std::fs::File::open(path).map_err(ReceiveError::Aborted)?;
            let mut arrival = Arrival::begin(&order)?;
            let mut piece = vec![0; IMPORT_PIECE_BYTES];
            loop {
                match file.read(&mut piece).map_err(ReceiveError::Aborted)? {
                    0 => return arrival.end(order),
                    count => arrival.write(&piece[..count])?,
                }
            }
        };
        self.take(read).await
    }

    /// Waits for a place, then for a thread that does it.
    async fn take<F>(self, take: F) -> Result<Arrived, ReceiveError>
    where
        F: FnOnce(Self) -> Result<Arrived, ReceiveError> + Send + 'static,
    {
        let broken = |error: &dyn std::fmt::Display| {
            Err(StoreError::Unwritten(format!("the writing thread broke: {error}")).into())
        };
        let place = match Arc::clone(&self.places).acquire_owned().await {
            Ok(place) => place,
            Err(error) => return broken(&error),
        };
        let written = tokio::task::spawn_blocking(move || {
            let _place = place;
            take(self)
        });
        written.await.unwrap_or_else(|error| broken(&error))
    }

    fn take_pieces(self, pieces: impl Iterator<Item = Result<Piece, ReceiveError>>) -> Result<Arrived, ReceiveError> {
        let mut arrival = Arrival::begin(&self)?;
        for piece in pieces {
            let piece = piece?;
            piece.chunks.iter().try_for_each(|chunk| arrival.write(chunk))?;
            if piece.is_last {
                return arrival.end(self);
            }
        }
        Err(ReceiveError::Aborted(std::io::ErrorKind::UnexpectedEof.into()))
    }
}

/// An instance that is being written, with the digest of its data set on the way.
struct Arrival {
    incoming: Incoming,
    hasher: DatasetHasher,
}

impl Arrival {
    fn begin(order: &Order) -> Result<Self, ReceiveError> {
        let (blobs, limits) = (order.store.blobs(), &order.limits);
        let free_bytes = blobs.free_bytes()?;
        if free_bytes < limits.disk_free_bytes_min {
            return Err(ReceiveError::DiskLow { free_bytes });
        }
        Ok(Self { incoming: blobs.begin(limits.instance_bytes_max)?, hasher: DatasetHasher::new() })
    }

    fn write(&mut self, bytes: &[u8]) -> Result<(), ReceiveError> {
        self.hasher.update(bytes);
        Ok(self.incoming.write(bytes)?)
    }

    /// Makes it durable, first the file, then its row.
    fn end(self, order: Order) -> Result<Arrived, ReceiveError> {
        let received_ms = now_ms();
        let written = self.incoming.finish();
        let entry = inspect(written.path(), &order.limits)?;
        if order.study.is_some_and(|study| study != entry.study.study_instance_uid) {
            let (sop_class_uid, sop_instance_uid) = (entry.instance.sop_class_uid, entry.instance.sop_instance_uid);
            return Err(ReceiveError::OtherStudy { sop_class_uid, sop_instance_uid });
        }
        let file = order.store.blobs().keep_for_intake(written)?;
        let Hashed { data_set_digest, head } = self.hasher.finish();
        let file_digest = FileDigest::chained(&head, &data_set_digest);
        let (source, indexed) = (order.source, order.indexed);
        let instance = NewInstance { entry, file, file_digest, data_set_digest, source, received_ms, indexed };
        let intake = order.store.insert_instance(instance.clone())?;
        Ok((instance, intake))
    }
}

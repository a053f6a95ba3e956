//! What reads requests, opened to `lightbox-fuzz`.

use super::accept::{Accept, MediaRange};
use super::multipart::{Parts, boundary_of};
use super::query;
use bytes::Bytes;
use futures_util::{FutureExt, Stream, TryStreamExt, stream};
use lightbox_domain::{Level, Query};
use std::io;

/// The rows of a page.
const PAGE_ROWS_MAX: i64 = 100;

/// The parts of a message that arrives in pieces of that length: Content-Type and bytes of each. `None` when it is no
/// multipart message, or not a whole one.
#[must_use]
pub fn read_multipart(content_type: &str, message: &[u8], piece_bytes: usize) -> Option<Vec<(String, Vec<u8>)>> {
    let boundary = boundary_of(content_type)?;
    let _ = MediaRange::parse(content_type);
    let pieces: Vec<_> = message.chunks(piece_bytes).map(|piece| Ok(Bytes::copy_from_slice(piece))).collect();
    // All of it is there, so nothing is waited for.
    read_parts(Parts::new(stream::iter(pieces), boundary)).now_or_never()?.ok()
}

async fn read_parts<S>(mut parts: Parts<S>) -> io::Result<Vec<(String, Vec<u8>)>>
where
    S: Stream<Item = io::Result<Bytes>> + Unpin,
{
    let mut read = Vec::new();
    while let Some(content_type) = parts.next_part().await? {
        let pieces: Vec<Bytes> = parts.body().try_collect().await?;
        read.push((content_type, pieces.concat()));
    }
    Ok(read)
}

/// Reads the parameters of a search at every level, and what the client accepts.
pub fn read_search(pairs: &[(String, String)], accept: &str) {
    for level in [Level::Patient, Level::Study, Level::Series, Level::Instance] {
        let _ = query::parse(Query::new(level, PAGE_ROWS_MAX), pairs);
    }
    let _ = Accept::parse([accept]).choose(&["application/dicom+json"]);
}

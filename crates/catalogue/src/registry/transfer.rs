//! Content on its way to or from a registry: never as a whole in memory, never unchecked.

use super::remote::altered;
use crate::blob::{Blob, Place};
use crate::digest::CHUNK_BYTES;
use crate::{PackageError, RegistryError};
use bytes::Bytes;
use futures_util::stream::{self, BoxStream, StreamExt as _, TryStreamExt as _};
use oci_client::client::SizedStream;
use oci_client::errors::{DigestError, OciDistributionError};
use std::io::{self, SeekFrom};
use std::path::Path;
use tokio::io::{AsyncReadExt as _, AsyncSeekExt as _, AsyncWrite, AsyncWriteExt as _};
use tokio_util::io::ReaderStream;

/// The bytes of a blob, to be sent. The registry compares their digest.
pub(super) async fn content_of(
    blob: &Blob,
) -> Result<BoxStream<'static, Result<Bytes, OciDistributionError>>, PackageError> {
    let (path, offset) = match &blob.place {
        Place::Memory(bytes) => {
            let bytes = Bytes::copy_from_slice(bytes);
            return Ok(stream::once(std::future::ready(Ok(bytes))).boxed());
        }
        Place::File { path, offset } => (path, *offset),
    };
    let reading = |error| PackageError::io("read", path, error);
    let mut file = tokio::fs::File::open(path).await.map_err(reading)?;
    file.seek(SeekFrom::Start(offset)).await.map_err(reading)?;
    file.set_max_buf_size(CHUNK_BYTES);
    let chunks = ReaderStream::with_capacity(file.take(blob.size), CHUNK_BYTES);
    Ok(chunks.map_err(OciDistributionError::IoError).boxed())
}

/// Writes what a registry sends: exactly so many bytes, and those of the digest that was asked for, which the stream itself
/// compares at its end.
pub(super) async fn write_checked(
    mut content: SizedStream,
    file: &str,
    bytes: u64,
    out: &mut (impl AsyncWrite + Unpin),
) -> Result<(), RegistryError> {
    let differs = |found| PackageError::SizeDiffers { file: file.to_owned(), expected: bytes, found };
    let writing = |error| PackageError::io("write", Path::new(file), error);
    let mut received = 0;
    while let Some(chunk) = content.next().await {
        let chunk = chunk.map_err(|error| receiving(file, error))?;
        received += chunk.len() as u64;
        if received > bytes {
            return Err(differs(received).into());
        }
        out.write_all(&chunk).await.map_err(writing)?;
    }
    if received != bytes {
        return Err(differs(received).into());
    }
    Ok(out.flush().await.map_err(writing)?)
}

fn receiving(file: &str, error: io::Error) -> RegistryError {
    let cause = error.get_ref().and_then(|cause| cause.downcast_ref());
    let differs = match cause {
        Some(DigestError::VerificationError { expected, actual }) => altered(file, expected, actual),
        _ => None,
    };
    differs.unwrap_or_else(|| PackageError::Io { action: "receive", path: file.into(), error }.into())
}

//! Where bytes come from: a plain file that can be sought in, or a deflated one that is inflated as it is read and never
//! held.

use crate::InspectError;
use flate2::{Decompress, FlushDecompress, Status};
use std::io::{self, BufRead, BufReader, Read, Seek, SeekFrom};

const BUFFER_BYTES: usize = 16 * 1024;

/// A file or a slice.
pub(crate) trait ReadSeek: Read + Seek {}
impl<T: Read + Seek> ReadSeek for T {}

/// Bytes in order, with their position.
pub(crate) struct ByteSource<'a> {
    reader: BufReader<Box<dyn ReadSeek + 'a>>,
    /// Bytes of the underlying file, deflated or not.
    file_bytes: u64,
    inflater: Option<Inflater>,
    position: u64,
}

/// What is inflated but not yet read, at most one buffer.
struct Inflater {
    state: Decompress,
    ended: bool,
    output: Vec<u8>,
    read: usize,
    produced: u64,
    limit_bytes: u64,
}

impl<'a> ByteSource<'a> {
    /// Reads plain bytes from the start.
    pub(crate) fn new(mut inner: Box<dyn ReadSeek + 'a>) -> Result<Self, InspectError> {
        let file_bytes = inner.seek(SeekFrom::End(0))?;
        inner.seek(SeekFrom::Start(0))?;
        let reader = BufReader::with_capacity(BUFFER_BYTES, inner);
        Ok(Self { reader, file_bytes, inflater: None, position: 0 })
    }

    /// Inflates everything that follows; positions then count inflated bytes, from 0.
    pub(crate) fn inflate(mut self, limit_bytes: u64) -> Self {
        let state = Decompress::new(false);
        self.position = 0;
        self.inflater = Some(Inflater {
            state,
            ended: false,
            output: vec![0; BUFFER_BYTES],
            read: BUFFER_BYTES,
            produced: 0,
            limit_bytes,
        });
        self
    }

    /// How many bytes were read or skipped.
    pub(crate) fn position(&self) -> u64 {
        self.position
    }

    /// How many bytes are left, if that is known without reading them.
    pub(crate) fn remaining(&self) -> Option<u64> {
        self.inflater.is_none().then(|| self.file_bytes.saturating_sub(self.position))
    }

    /// Whether nothing is left.
    pub(crate) fn at_end(&mut self) -> Result<bool, InspectError> {
        Ok(self.available()?.is_empty())
    }

    /// The next bytes without consuming them, fewer only at the end. Only before anything is inflated, and less than a
    /// buffer.
    pub(crate) fn peek(&mut self, count: usize) -> Result<&[u8], InspectError> {
        if self.reader.buffer().len() < count {
            let position = self.position;
            self.reader.seek(SeekFrom::Start(position))?;
        }
        let available = self.reader.fill_buf()?;
        Ok(&available[..count.min(available.len())])
    }

    /// Fills the buffer, or fails with [`InspectError::Truncated`].
    pub(crate) fn read_exact(&mut self, mut buffer: &mut [u8]) -> Result<(), InspectError> {
        while !buffer.is_empty() {
            let available = self.available()?;
            if available.is_empty() {
                return Err(InspectError::Truncated);
            }
            let count = available.len().min(buffer.len());
            let (now, later) = buffer.split_at_mut(count);
            now.copy_from_slice(&available[..count]);
            self.consume(count);
            buffer = later;
        }
        Ok(())
    }

    /// The next bytes as a vector, allocated no faster than they arrive.
    pub(crate) fn read_vec(&mut self, length: u64) -> Result<Vec<u8>, InspectError> {
        if self.remaining().is_some_and(|left| left < length) {
            return Err(InspectError::Truncated);
        }
        let mut bytes = Vec::new();
        let mut left = length;
        while left > 0 {
            let available = self.available()?;
            if available.is_empty() {
                return Err(InspectError::Truncated);
            }
            let count = available.len().min(usize::try_from(left).unwrap_or(usize::MAX));
            bytes.extend_from_slice(&available[..count]);
            self.consume(count);
            left -= count as u64;
        }
        Ok(bytes)
    }

    /// At least one byte of what follows, at most so many; none at the end.
    pub(crate) fn read_some(&mut self, bytes_max: u64) -> Result<Vec<u8>, InspectError> {
        let available = self.available()?;
        let count = available.len().min(usize::try_from(bytes_max).unwrap_or(usize::MAX));
        let bytes = available[..count].to_vec();
        self.consume(count);
        Ok(bytes)
    }

    /// Passes over bytes: by seeking in a plain file, by inflating and forgetting otherwise.
    pub(crate) fn skip(&mut self, length: u64) -> Result<(), InspectError> {
        if let Some(remaining) = self.remaining() {
            let offset = i64::try_from(length).map_err(|_| InspectError::Truncated)?;
            if remaining < length {
                return Err(InspectError::Truncated);
            }
            self.reader.seek_relative(offset)?;
            self.position += length;
            return Ok(());
        }
        let mut left = length;
        while left > 0 {
            let available = self.available()?.len();
            if available == 0 {
                return Err(InspectError::Truncated);
            }
            let count = available.min(usize::try_from(left).unwrap_or(usize::MAX));
            self.consume(count);
            left -= count as u64;
        }
        Ok(())
    }

    fn available(&mut self) -> Result<&[u8], InspectError> {
        match &mut self.inflater {
            None => Ok(self.reader.fill_buf()?),
            Some(inflater) => inflater.available(&mut self.reader),
        }
    }

    fn consume(&mut self, count: usize) {
        self.position += count as u64;
        match &mut self.inflater {
            None => self.reader.consume(count),
            Some(inflater) => inflater.read += count,
        }
    }
}

impl Inflater {
    fn available(&mut self, input: &mut impl BufRead) -> Result<&[u8], InspectError> {
        if self.read >= self.output.len() {
            self.refill(input)?;
        }
        Ok(&self.output[self.read..])
    }

    fn refill(&mut self, input: &mut impl BufRead) -> Result<(), InspectError> {
        self.output.clear();
        self.read = 0;
        while self.output.is_empty() && !self.ended {
            let deflated = input.fill_buf()?;
            let (before, at_end) = (self.state.total_in(), deflated.is_empty());
            self.output.reserve(BUFFER_BYTES);
            let status = self
                .state
                .decompress_vec(deflated, &mut self.output, FlushDecompress::None)
                .map_err(|_| InspectError::Malformed("the deflated data set is corrupt".to_owned()))?;
            let consumed = usize::try_from(self.state.total_in() - before).map_err(io::Error::other)?;
            input.consume(consumed);
            self.ended = status == Status::StreamEnd;
            if at_end && !self.ended && self.output.is_empty() {
                return Err(InspectError::Truncated);
            }
        }
        self.produced += self.output.len() as u64;
        if self.produced > self.limit_bytes {
            return Err(InspectError::TooLarge { limit_bytes: self.limit_bytes });
        }
        Ok(())
    }
}

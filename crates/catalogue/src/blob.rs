//! Content and where its bytes are. Whatever reads content does it here, and so never without checking it.

use crate::digest::{CHUNK_BYTES, Hasher, hash_file};
use crate::oci::Descriptor;
use crate::{Digest, PackageError};
use std::fs::File;
use std::io::{self, Read, Seek, SeekFrom};
use std::path::{Path, PathBuf};
use std::sync::Arc;

/// Content known by its digest.
#[derive(Clone, Debug)]
pub(crate) struct Blob {
    /// What a person calls it: a file's path in the package, for instance.
    pub name: String,
    pub digest: Digest,
    /// In bytes.
    pub size: u64,
    pub place: Place,
}

/// Where bytes are: here, or from an offset in a file on.
#[derive(Clone, Debug)]
pub(crate) enum Place {
    Memory(Arc<[u8]>),
    File { path: PathBuf, offset: u64 },
}

impl Place {
    pub fn file(path: &Path) -> Self {
        Self::File { path: path.to_owned(), offset: 0 }
    }
}

impl Blob {
    pub fn of_bytes(name: &str, bytes: Vec<u8>) -> Self {
        let digest = Digest::of(&bytes);
        Self { name: name.to_owned(), digest, size: bytes.len() as u64, place: Place::Memory(bytes.into()) }
    }

    /// A file as it is now: reads it once to know its digest.
    pub fn of_file(name: &str, path: &Path) -> Result<Self, PackageError> {
        let (digest, size) = hash_file(path)?;
        Ok(Self { name: name.to_owned(), digest, size, place: Place::file(path) })
    }

    /// What a descriptor promises to be at a place.
    pub fn promised(name: &str, descriptor: &Descriptor, place: Place) -> Self {
        Self { name: name.to_owned(), digest: descriptor.digest, size: descriptor.size, place }
    }

    /// Hands out the bytes, a chunk at a time. If this ends well, they were those of the digest; what came before an error
    /// is worth nothing.
    pub fn pour(&self, mut take: impl FnMut(&[u8]) -> Result<(), PackageError>) -> Result<(), PackageError> {
        let mut hasher = Hasher::default();
        let mut reader = self.open()?.take(self.size);
        let mut chunk = vec![0; CHUNK_BYTES.min(usize::try_from(self.size).unwrap_or(CHUNK_BYTES)).max(1)];
        loop {
            let read = reader.read(&mut chunk).map_err(|error| self.reading(error))?;
            if read == 0 {
                break;
            }
            hasher.update(&chunk[..read]);
            take(&chunk[..read])?;
        }
        let (found, size) = hasher.finish();
        if size != self.size {
            return Err(PackageError::SizeDiffers { file: self.name.clone(), expected: self.size, found: size });
        }
        if found != self.digest {
            return Err(PackageError::Altered { file: self.name.clone(), expected: self.digest, found });
        }
        Ok(())
    }

    /// Reads it and forgets it.
    pub fn check(&self) -> Result<(), PackageError> {
        self.pour(|_| Ok(()))
    }

    /// Small content as a whole.
    pub fn bytes(&self, bytes_max: u64) -> Result<Vec<u8>, PackageError> {
        PackageError::limit(&self.name, self.size, bytes_max, "bytes")?;
        let mut bytes = Vec::new();
        self.pour(|chunk| {
            bytes.extend_from_slice(chunk);
            Ok(())
        })?;
        Ok(bytes)
    }

    /// A reader over at least its bytes.
    fn open(&self) -> Result<Box<dyn Read + '_>, PackageError> {
        match &self.place {
            Place::Memory(bytes) => Ok(Box::new(bytes.as_ref())),
            Place::File { path, offset } => {
                let mut file = File::open(path).map_err(|error| self.reading(error))?;
                file.seek(SeekFrom::Start(*offset)).map_err(|error| self.reading(error))?;
                Ok(Box::new(file))
            }
        }
    }

    fn reading(&self, error: io::Error) -> PackageError {
        match &self.place {
            Place::File { path, .. } => PackageError::io("read", path, error),
            Place::Memory(_) => PackageError::io("read", Path::new(&self.name), error),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_file_that_changed_since_is_refused() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("a");
        std::fs::write(&path, "abc").unwrap();
        let blob = Blob::of_file("a", &path).unwrap();
        assert_eq!(blob.bytes(3).unwrap(), b"abc");
        assert!(matches!(blob.bytes(2), Err(PackageError::TooMuch { .. })));
        std::fs::write(&path, "abd").unwrap();
        assert!(matches!(blob.check(), Err(PackageError::Altered { file, .. }) if file == "a"));
        std::fs::write(&path, "ab").unwrap();
        assert!(matches!(blob.check(), Err(PackageError::SizeDiffers { found: 2, .. })));
    }
}

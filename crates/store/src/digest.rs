//! What a stored file is checked against.
//!
//! The digest of the data set is needed to know a second arrival, and hashing megabytes twice costs more than all else in
//! storing a large image. So a file's digest is that of what comes before its data set and of the data set's digest.

use sha2::{Digest as _, Sha256};
use std::fs::File;
use std::io::{self, Read as _};
use std::path::Path;

/// How much of a file is read at once, in bytes.
const PIECE_BYTES: usize = 256 * 1024;

/// The digest of a file's bytes, as its row keeps it.
///
/// | text | what it is |
/// |---|---|
/// | `blake3:OFFSET:HEX` | BLAKE3 of the bytes before `OFFSET`, then BLAKE3 of those from there on in hexadecimal |
/// | `HEX` | SHA-256 of all bytes |
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct FileDigest(String);

impl FileDigest {
    /// The digest of a file that begins with `head`, and of whose other bytes this is BLAKE3 in hexadecimal.
    #[must_use]
    pub fn chained(head: &[u8], rest_blake3: &str) -> Self {
        Self::of_parts(head.len() as u64, blake3::Hasher::new().update(head), rest_blake3)
    }

    fn of_parts(offset: u64, head: &mut blake3::Hasher, rest_blake3: &str) -> Self {
        let digest = head.update(rest_blake3.as_bytes()).finalize();
        Self(format!("blake3:{offset}:{}", digest.to_hex()))
    }

    /// The digest that a row keeps.
    pub(crate) fn of_row(text: String) -> Self {
        Self(text)
    }

    /// The digest as a row keeps it.
    #[must_use]
    pub fn as_str(&self) -> &str {
        &self.0
    }

    /// Hashes as this digest was made.
    fn hasher(&self) -> Hasher {
        let offset = self.0.strip_prefix("blake3:").and_then(|rest| rest.split_once(':')?.0.parse().ok());
        match offset {
            Some(offset) => Hasher::Blake3 { offset, seen: 0, head: Box::default(), rest: Box::default() },
            None => Hasher::Sha256(Sha256::new()),
        }
    }
}

enum Hasher {
    Blake3 { offset: u64, seen: u64, head: Box<blake3::Hasher>, rest: Box<blake3::Hasher> },
    Sha256(Sha256),
}

impl Hasher {
    fn update(&mut self, bytes: &[u8]) {
        match self {
            Self::Sha256(hasher) => hasher.update(bytes),
            Self::Blake3 { offset, seen, head, rest } => {
                let before = usize::try_from(offset.saturating_sub(*seen)).unwrap_or(usize::MAX).min(bytes.len());
                head.update(&bytes[..before]);
                rest.update(&bytes[before..]);
                *seen += bytes.len() as u64;
            }
        }
    }

    fn finish(self) -> FileDigest {
        match self {
            Self::Sha256(hasher) => FileDigest(hexadecimal(&hasher.finalize())),
            Self::Blake3 { offset, mut head, rest, .. } => {
                FileDigest::of_parts(offset, &mut head, &rest.finalize().to_hex())
            }
        }
    }
}

/// Reads a file, handing on what is read, and says whether its bytes are those of the digest.
pub(crate) fn read_checked(
    path: &Path,
    digest: &FileDigest,
    mut take: impl FnMut(&[u8]) -> io::Result<()>,
) -> io::Result<bool> {
    let mut file = File::open(path)?;
    let (mut hasher, mut piece) = (digest.hasher(), vec![0; PIECE_BYTES]);
    loop {
        match file.read(&mut piece)? {
            0 => return Ok(hasher.finish() == *digest),
            count => {
                hasher.update(&piece[..count]);
                take(&piece[..count])?;
            }
        }
    }
}

/// SHA-256 of a file, hexadecimal.
pub(crate) fn hash_file(path: &Path) -> io::Result<String> {
    let mut hasher = Sha256::new();
    let mut file = File::open(path)?;
    let mut piece = vec![0; PIECE_BYTES];
    loop {
        match file.read(&mut piece)? {
            0 => return Ok(hexadecimal(&hasher.finalize())),
            count => hasher.update(&piece[..count]),
        }
    }
}

/// Bytes as hexadecimal digits.
pub(crate) fn hexadecimal(bytes: &[u8]) -> String {
    bytes.iter().map(|byte| format!("{byte:02x}")).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn check(digest: &FileDigest, bytes: &[u8], right: bool) {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("file");
        std::fs::write(&path, bytes).unwrap();
        let mut read = Vec::new();
        let found = read_checked(&path, digest, |piece| {
            read.extend_from_slice(piece);
            Ok(())
        });
        assert_eq!((found.unwrap(), read.as_slice()), (right, bytes), "{digest:?}");
    }

    #[test]
    fn a_file_is_checked_against_the_digest_of_its_row() {
        let bytes: Vec<u8> = (0..600_000_u32).map(|number| (number / 7) as u8).collect();
        for offset in [0, 1, 360, PIECE_BYTES, PIECE_BYTES + 5, bytes.len()] {
            let rest = blake3::hash(&bytes[offset..]).to_hex();
            let digest = FileDigest::chained(&bytes[..offset], &rest);
            check(&digest, &bytes, true);
            for place in [0, offset.saturating_sub(1), offset.min(bytes.len() - 1), bytes.len() - 1] {
                let mut changed = bytes.clone();
                changed[place] ^= 1;
                check(&digest, &changed, false);
            }
            check(&digest, &bytes[..bytes.len() - 1], false);
        }
    }

    #[test]
    fn rows_of_the_first_schema_hold_a_sha256() {
        let abc = "ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad";
        check(&FileDigest::of_row(abc.to_owned()), b"abc", true);
        check(&FileDigest::of_row(abc.to_owned()), b"abd", false);
    }
}

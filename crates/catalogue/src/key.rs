//! Ed25519 keys as files that OpenSSL reads and writes: PKCS#8 for private ones (RFC 8410 §7), SPKI for public ones (§4).

use crate::limit::KEY_BYTES_MAX;
use crate::{Digest, PackageError};
use ed25519_dalek::pkcs8::{
    DecodePrivateKey as _, DecodePublicKey as _, EncodePrivateKey as _, EncodePublicKey as _, KeypairBytes,
};
use ed25519_dalek::{Signer as _, SigningKey, VerifyingKey};
use rand::Rng as _;
use std::fmt;
use std::fs::{File, OpenOptions};
use std::io::{Read as _, Write as _};
use std::os::unix::fs::OpenOptionsExt as _;
use std::path::Path;

/// Why there is no key.
#[derive(Debug, thiserror::Error)]
pub enum KeyError {
    /// The text is no such key.
    #[error("{place} holds no {kind} Ed25519 key in PEM: {reason}")]
    Invalid {
        /// File, or `the text`.
        place: String,
        /// `private` or `public`.
        kind: &'static str,
        /// What is wrong.
        reason: String,
    },
    /// The file cannot be read or written, or is there already.
    #[error(transparent)]
    File(#[from] PackageError),
}

/// Name of a public key: the SHA-256 of its SPKI in DER, 64 hexadecimal digits. By hand:
/// `openssl pkey -pubin -in KEY -outform DER | sha256sum`.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct KeyId(Digest);

impl KeyId {
    /// Reads 64 hexadecimal digits; nothing if it is something else.
    #[must_use]
    pub fn parse(text: &str) -> Option<Self> {
        format!("sha256:{text}").parse().ok().map(Self)
    }
}

impl fmt::Display for KeyId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0.hex())
    }
}

/// A key to sign with. It is wiped from memory when dropped, and prints as its public part's name.
pub struct PrivateKey(SigningKey);

impl PrivateKey {
    /// A new key from the operating system's generator.
    #[must_use]
    pub fn generate() -> Self {
        let mut secret = [0; 32];
        rand::rng().fill_bytes(&mut secret);
        Self(SigningKey::from_bytes(&secret))
    }

    /// Reads a key, as `openssl genpkey -algorithm ed25519` writes it.
    ///
    /// # Errors
    /// [`KeyError`] if it is no such key.
    pub fn parse(pem: &str) -> Result<Self, KeyError> {
        SigningKey::from_pkcs8_pem(pem).map(Self).map_err(|error| invalid("private", error))
    }

    /// Reads a key from a file.
    ///
    /// # Errors
    /// [`KeyError`] if the file cannot be read or holds no such key.
    pub fn read(path: &Path) -> Result<Self, KeyError> {
        Self::parse(&read_text(path)?).map_err(|error| at(path, error))
    }

    /// Writes the key into a new file that only its owner may read.
    ///
    /// # Errors
    /// [`KeyError::File`] if something is there, or the disk refuses.
    pub fn save(&self, path: &Path) -> Result<(), KeyError> {
        // Without the public part: OpenSSL 3.0 does not know the form that has both (RFC 5958 §2).
        let pair = KeypairBytes { secret_key: self.0.to_bytes(), public_key: None };
        let pem = pair.to_pkcs8_pem(Default::default()).map_err(|error| invalid("private", error))?;
        write_new(path, 0o600, pem.as_bytes())
    }

    /// Its public part.
    #[must_use]
    pub fn public(&self) -> PublicKey {
        PublicKey(self.0.verifying_key())
    }

    /// An Ed25519 signature, 64 bytes (RFC 8032 §5.1.6).
    pub(crate) fn sign(&self, bytes: &[u8]) -> [u8; 64] {
        self.0.sign(bytes).to_bytes()
    }
}

impl fmt::Debug for PrivateKey {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "PrivateKey({})", self.public().id())
    }
}

/// A key to verify with.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct PublicKey(VerifyingKey);

impl PublicKey {
    /// Reads a key, as `openssl pkey -pubout` writes it.
    ///
    /// # Errors
    /// [`KeyError`] if it is no such key, or a weak one, for which anybody could make signatures.
    pub fn parse(pem: &str) -> Result<Self, KeyError> {
        let key = VerifyingKey::from_public_key_pem(pem.trim_start()).map_err(|error| invalid("public", error))?;
        if key.is_weak() { Err(invalid("public", "it is a weak key")) } else { Ok(Self(key)) }
    }

    /// Reads a key from a file.
    ///
    /// # Errors
    /// [`KeyError`] if the file cannot be read or holds no such key.
    pub fn read(path: &Path) -> Result<Self, KeyError> {
        Self::parse(&read_text(path)?).map_err(|error| at(path, error))
    }

    /// The key as PEM.
    #[must_use]
    pub fn to_pem(&self) -> String {
        self.0.to_public_key_pem(Default::default()).expect("32 bytes have an SPKI")
    }

    /// Writes the key into a new file.
    ///
    /// # Errors
    /// [`KeyError::File`] if something is there, or the disk refuses.
    pub fn save(&self, path: &Path) -> Result<(), KeyError> {
        write_new(path, 0o644, self.to_pem().as_bytes())
    }

    /// Its name.
    #[must_use]
    pub fn id(&self) -> KeyId {
        KeyId(Digest::of(self.0.to_public_key_der().expect("32 bytes have an SPKI").as_bytes()))
    }

    /// Whether this key made a signature of these bytes, without the leeway that some verifiers give.
    pub(crate) fn made(&self, signature: &[u8], bytes: &[u8]) -> bool {
        let signature = ed25519_dalek::Signature::from_slice(signature);
        signature.is_ok_and(|signature| self.0.verify_strict(bytes, &signature).is_ok())
    }
}

fn invalid(kind: &'static str, reason: impl ToString) -> KeyError {
    KeyError::Invalid { place: "the text".to_owned(), kind, reason: reason.to_string() }
}

fn at(path: &Path, error: KeyError) -> KeyError {
    match error {
        KeyError::Invalid { kind, reason, .. } => KeyError::Invalid { place: path.display().to_string(), kind, reason },
        error @ KeyError::File(_) => error,
    }
}

fn read_text(path: &Path) -> Result<String, PackageError> {
    let mut text = String::new();
    let read = File::open(path).and_then(|file| file.take(KEY_BYTES_MAX).read_to_string(&mut text));
    read.map_err(|error| PackageError::io("read", path, error))?;
    Ok(text)
}

fn write_new(path: &Path, mode: u32, text: &[u8]) -> Result<(), KeyError> {
    let file = OpenOptions::new().write(true).create_new(true).mode(mode).open(path);
    let written = file.and_then(|mut file| file.write_all(text).and_then(|()| file.sync_all()));
    written.map_err(|error| match error.kind() {
        std::io::ErrorKind::AlreadyExists => PackageError::Exists(path.to_owned()).into(),
        _ => PackageError::io("write", path, error).into(),
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    /// RFC 8410 §10.1 and §10.3.
    const PUBLIC: &str = "-----BEGIN PUBLIC KEY-----\n\
        MCowBQYDK2VwAyEAGb9ECWmEzf6FQbrBZ9w7lshQhqowtrbLDFw4rXAxZuE=\n\
        -----END PUBLIC KEY-----\n";
    const PRIVATE: &str = "-----BEGIN PRIVATE KEY-----\n\
        MC4CAQAwBQYDK2VwBCIEINTuctv5E1hK1bbY8fdp+K06/nwoy/HU++CXqI9EdVhC\n\
        -----END PRIVATE KEY-----\n";

    #[test]
    fn the_keys_of_the_standard_are_read_and_written() {
        let folder = tempfile::tempdir().unwrap();
        let key = PrivateKey::parse(PRIVATE).unwrap();
        assert_eq!(key.public(), PublicKey::parse(PUBLIC).unwrap());
        assert_eq!(key.public().to_pem(), PUBLIC);
        let path = folder.path().join("key");
        key.save(&path).unwrap();
        assert_eq!(std::fs::read_to_string(&path).unwrap(), PRIVATE);
        assert!(matches!(key.save(&path), Err(KeyError::File(PackageError::Exists(_)))));
    }

    #[test]
    fn what_is_no_key_is_refused() {
        for text in ["", "x", PUBLIC, &PRIVATE.replace("BQYDK2Vw", "BQYDK2Vu")] {
            assert!(PrivateKey::parse(text).is_err(), "{text}");
        }
        // The neutral element: a signature of zeros would be good for any text.
        let weak = PUBLIC
            .replace("Gb9ECWmEzf6FQbrBZ9w7lshQhqowtrbLDFw4rXAxZuE=", "AQAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA=");
        assert!(PublicKey::parse(&weak).unwrap_err().to_string().contains("weak"));
        assert!(PublicKey::parse(PRIVATE).is_err());
    }

    #[test]
    fn a_private_key_is_never_printed() {
        let key = PrivateKey::generate();
        assert_eq!(format!("{key:?}"), format!("PrivateKey({})", key.public().id()));
    }
}

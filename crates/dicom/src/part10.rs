//! The Part 10 file around a data set (PS3.10 §7.1).

use lightbox_domain::Uid;

/// The implementation class UID that Lightbox writes and negotiates (PS3.7 §D.3.3.2).
pub const IMPLEMENTATION_CLASS_UID: &str = "2.25.287302714931962337911064337168471462034";

/// The implementation version name that goes with it, at most 16 characters.
pub const IMPLEMENTATION_VERSION_NAME: &str = concat!("LIGHTBOX_", env!("CARGO_PKG_VERSION"));

/// Preamble, `DICM` and group 0002: what comes before a data set that arrived by C-STORE, whose bytes then stay as they are.
#[must_use]
pub fn part10_prefix(
    sop_class_uid: &Uid,
    sop_instance_uid: &Uid,
    transfer_syntax_uid: &Uid,
    source_ae_title: &str,
) -> Vec<u8> {
    let _ = (sop_class_uid, sop_instance_uid, transfer_syntax_uid, source_ae_title);
    todo!()
}

/// SHA-256 over a Part 10 stream's data set, without preamble and group 0002.
#[derive(Debug)]
pub struct DatasetHasher {}

impl DatasetHasher {
    /// A hasher at the start of a file.
    #[must_use]
    pub fn new() -> Self {
        todo!()
    }

    /// Takes the next bytes of the file, however many.
    pub fn update(&mut self, bytes: &[u8]) {
        let _ = bytes;
        todo!()
    }

    /// The digest in hexadecimal.
    #[must_use]
    pub fn finish(self) -> String {
        todo!()
    }
}

impl Default for DatasetHasher {
    fn default() -> Self {
        Self::new()
    }
}

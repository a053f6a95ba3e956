//! An object that is ready to leave: what to announce, and where its data set begins.

use crate::DimseError;
use crate::elements::{Encoding, read_header};
use crate::implicit::to_implicit;
use dicom_dictionary_std::uids::{EXPLICIT_VR_LITTLE_ENDIAN, IMPLICIT_VR_LITTLE_ENDIAN};
use lightbox_dicom::{Header, ObjectFile, offers, transfer_syntax};
use lightbox_domain::Limits;
use lightbox_pipeline::outbound::{Outbound, Part};
use std::fs::File;
use std::io::Read;
use std::path::PathBuf;
use tokio::io::{AsyncRead, AsyncSeekExt};
use tokio_util::io::StreamReader;

/// How far into a file its data set may begin.
const HEAD_BYTES_MAX: u64 = 64 * 1024;
const MAGIC_AT: usize = 128;
const MAGIC: &[u8] = b"DICM";

/// A DICOM file, on disk or in memory, that can be sent.
#[derive(Clone, Debug)]
pub struct Outgoing {
    pub(crate) sop_class_uid: String,
    pub(crate) sop_instance_uid: String,
    pub(crate) transfer_syntax_uid: String,
    pub(crate) has_pixels: bool,
    data_set_at: usize,
    data: Data,
}

#[derive(Clone, Debug)]
enum Data {
    File(ObjectFile),
    Bytes(Vec<u8>),
}

impl Outgoing {
    /// Looks at the header of a file, with the correction that lies over it. Blocks; call it on a thread of its own.
    ///
    /// # Errors
    /// [`DimseError::Unsendable`] when it is no DICOM file that could be announced.
    pub fn open(file: impl Into<ObjectFile>) -> Result<Self, DimseError> {
        let file = file.into();
        let unsendable = |reason: String| DimseError::Unsendable { path: file.path().to_owned(), reason };
        let header = Header::read(&file).map_err(|error| unsendable(error.to_string()))?;
        let mut head = Vec::new();
        let read = File::open(file.path()).and_then(|file| file.take(HEAD_BYTES_MAX).read_to_end(&mut head));
        read.map_err(|error| unsendable(error.to_string()))?;
        Self::from_header(&header, &head, Data::File(file.clone())).map_err(unsendable)
    }

    /// Looks at the header of a DICOM file in memory.
    ///
    /// # Errors
    /// [`DimseError::Unsendable`] when it is none that could be announced.
    pub fn from_bytes(part10: Vec<u8>) -> Result<Self, DimseError> {
        let unsendable = |reason: String| DimseError::Unsendable { path: PathBuf::from("an object"), reason };
        let header = Header::from_bytes(&part10).map_err(|error| unsendable(error.to_string()))?;
        let head = part10[..part10.len().min(HEAD_BYTES_MAX as usize)].to_vec();
        Self::from_header(&header, &head, Data::Bytes(part10)).map_err(unsendable)
    }

    /// What the data set says of itself counts, not group 0002, which others may have written.
    fn from_header(header: &Header, head: &[u8], data: Data) -> Result<Self, String> {
        let uid = |keyword: &str| match header.text(keyword) {
            empty if empty.is_empty() => Err(format!("it has no {keyword}")),
            uid => Ok(uid),
        };
        Ok(Self {
            sop_class_uid: uid("SOPClassUID")?,
            sop_instance_uid: uid("SOPInstanceUID")?,
            transfer_syntax_uid: header.transfer_syntax_uid().to_owned(),
            has_pixels: !header.text("Rows").is_empty(),
            data_set_at: data_set_at(head).ok_or("its data set cannot be found")?,
            data,
        })
    }

    /// The syntaxes in which it can be sent, best first: its own before all. In memory it is not transcoded.
    pub(crate) fn transfer_syntax_uids(&self) -> Vec<&str> {
        match &self.data {
            Data::File(_) => syntaxes_from(&self.transfer_syntax_uid, self.has_pixels),
            Data::Bytes(_) if self.transfer_syntax_uid == EXPLICIT_VR_LITTLE_ENDIAN => {
                vec![EXPLICIT_VR_LITTLE_ENDIAN, IMPLICIT_VR_LITTLE_ENDIAN]
            }
            Data::Bytes(_) => vec![&self.transfer_syntax_uid],
        }
    }

    /// The bytes of its data set in one of its syntaxes. What cannot be changed is known before the first byte; a file
    /// is changed while it is read, so that it never lies in memory as a whole.
    pub(crate) async fn data_set(&self, syntax_uid: &str) -> std::io::Result<Box<dyn AsyncRead + Send + Unpin + '_>> {
        if syntax_uid == self.transfer_syntax_uid {
            return self.stored_data_set().await;
        }
        match &self.data {
            Data::File(file) => transcoded(file.clone(), syntax_uid.to_owned()).await,
            Data::Bytes(bytes) => {
                let implicit = to_implicit(&bytes[self.data_set_at..]);
                let implicit =
                    implicit.ok_or_else(|| std::io::Error::other("it cannot be changed into implicit VR"))?;
                Ok(Box::new(std::io::Cursor::new(implicit)))
            }
        }
    }

    async fn stored_data_set(&self) -> std::io::Result<Box<dyn AsyncRead + Send + Unpin + '_>> {
        match &self.data {
            Data::Bytes(bytes) => Ok(Box::new(&bytes[self.data_set_at..])),
            Data::File(file) if file.is_corrected() => transcoded(file.clone(), self.transfer_syntax_uid.clone()).await,
            Data::File(file) => {
                let mut file = tokio::fs::File::open(file.path()).await?;
                file.seek(std::io::SeekFrom::Start(self.data_set_at as u64)).await?;
                Ok(Box::new(file))
            }
        }
    }
}

/// The syntaxes in which an object stored in this one can be sent, best first; only native ones where there are no
/// pixels to compress. Whoever has no compressed or deflated object must offer the default transfer syntax, too
/// (PS3.5 §10.1).
pub(crate) fn syntaxes_from(transfer_syntax_uid: &str, has_pixels: bool) -> Vec<&str> {
    let is_native = |uid: &&str| transfer_syntax(uid).is_some_and(|syntax| !syntax.is_encapsulated());
    let mut offered = offers(transfer_syntax_uid);
    offered.retain(|uid| has_pixels || *uid == transfer_syntax_uid || is_native(uid));
    if offered.is_empty() { vec![transfer_syntax_uid] } else { offered }
}

/// The data set of a file, corrected or in another syntax.
async fn transcoded(file: ObjectFile, syntax_uid: String) -> std::io::Result<Box<dyn AsyncRead + Send + Unpin>> {
    let limits = Limits::default();
    let outbound = Outbound { file, transfer_syntax_uid: syntax_uid, part: Part::DataSet, limits };
    let pieces = outbound.start(()).await.map_err(std::io::Error::other)?;
    Ok(Box::new(StreamReader::new(pieces)))
}

/// Where the data set begins: after the last element of group 0002 (PS3.10 §7.1). Elements are walked, since group
/// lengths lie.
fn data_set_at(head: &[u8]) -> Option<usize> {
    let magic = |at: usize| head.get(at..at + MAGIC.len()) == Some(MAGIC);
    let mut at = match (magic(MAGIC_AT), magic(0)) {
        (true, _) => MAGIC_AT + MAGIC.len(),
        (false, true) => MAGIC.len(),
        (false, false) => 0,
    };
    loop {
        match head.get(at..)? {
            [2, 0, ..] => at += read_header(&head[at..], Encoding::EXPLICIT_LITTLE)?.whole_bytes()?,
            [_, ..] => return Some(at),
            [] => return None,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use lightbox_dicom::part10_prefix;
    use lightbox_domain::Uid;

    #[test]
    fn the_data_set_is_found_behind_group_2() {
        let uid = |text| Uid::parse(text).unwrap();
        let prefix = part10_prefix(&uid("1.2.3"), &uid("1.2.3.4"), &uid("1.2.840.10008.1.2.1"), "CT1");
        let mut file = prefix.clone();
        file.extend_from_slice(b"\x08\0\x16\0UI\x04\x001.2\0");
        assert_eq!(data_set_at(&file), Some(prefix.len()));
        assert_eq!(data_set_at(&file[MAGIC_AT..]), Some(prefix.len() - MAGIC_AT));
        assert_eq!(data_set_at(&prefix), None);
        assert_eq!(data_set_at(&prefix[..200]), None);
    }
}

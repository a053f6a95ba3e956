//! The Part 10 file around a data set (PS3.10 §7.1): what is written before it, how it is found, how it is hashed.

use crate::InspectError;
use crate::source::ByteSource;
use dicom_core::VR;
use lightbox_domain::Uid;

/// The implementation class UID that Lightbox writes and negotiates (PS3.7 §D.3.3.2).
pub const IMPLEMENTATION_CLASS_UID: &str = "2.25.287302714931962337911064337168471462034";

/// The implementation version name that goes with it, at most 16 characters.
pub const IMPLEMENTATION_VERSION_NAME: &str = concat!("LIGHTBOX_", env!("CARGO_PKG_VERSION"));

const PREAMBLE_BYTES: usize = 128;
const MAGIC: &[u8; 4] = b"DICM";
/// The longest group 0002 that is looked through; real ones have a few hundred bytes.
const META_BYTES_MAX: usize = 1 << 20;
/// How much is looked through for its end at once.
const HEAD_PIECE_BYTES: usize = 1024;
const TRANSFER_SYNTAX_UID: u16 = 0x0010;
const PRIVATE_INFORMATION_CREATOR_UID: u16 = 0x0100;
const PRIVATE_INFORMATION: u16 = 0x0102;

/// Preamble, `DICM` and group 0002: what comes before a data set that arrived by C-STORE, whose bytes then stay as they
/// are. An empty `source_ae_title` is left out.
#[must_use]
pub fn part10_prefix(
    sop_class_uid: &Uid,
    sop_instance_uid: &Uid,
    transfer_syntax_uid: &Uid,
    source_ae_title: &str,
) -> Vec<u8> {
    let mut group = group_of(sop_class_uid, sop_instance_uid, transfer_syntax_uid);
    if !source_ae_title.is_empty() {
        push_text(&mut group, 0x0016, *b"AE", source_ae_title);
    }
    prefix_of(&group)
}

/// The same for a file that is kept in place of one with native pixel data of this VR. Private Information (0002,0102) is
/// that VR's two letters.
pub(crate) fn kept_prefix(
    sop_class_uid: &Uid,
    sop_instance_uid: &Uid,
    transfer_syntax_uid: &Uid,
    native_pixel_vr: Option<VR>,
) -> Vec<u8> {
    let mut group = group_of(sop_class_uid, sop_instance_uid, transfer_syntax_uid);
    if let Some(vr) = native_pixel_vr {
        push_text(&mut group, PRIVATE_INFORMATION_CREATOR_UID, *b"UI", IMPLEMENTATION_CLASS_UID);
        group.extend_from_slice(&[2, 0, 2, 1, b'O', b'B', 0, 0, 2, 0, 0, 0]);
        group.extend_from_slice(vr.to_string().as_bytes());
    }
    prefix_of(&group)
}

fn group_of(sop_class_uid: &Uid, sop_instance_uid: &Uid, transfer_syntax_uid: &Uid) -> Vec<u8> {
    let mut group = Vec::new();
    // File Meta Information Version, the only value of VR OB here.
    group.extend_from_slice(&[2, 0, 1, 0, b'O', b'B', 0, 0, 2, 0, 0, 0, 0, 1]);
    push_text(&mut group, 0x0002, *b"UI", sop_class_uid.as_str());
    push_text(&mut group, 0x0003, *b"UI", sop_instance_uid.as_str());
    push_text(&mut group, TRANSFER_SYNTAX_UID, *b"UI", transfer_syntax_uid.as_str());
    push_text(&mut group, 0x0012, *b"UI", IMPLEMENTATION_CLASS_UID);
    push_text(&mut group, 0x0013, *b"SH", IMPLEMENTATION_VERSION_NAME);
    group
}

fn prefix_of(group: &[u8]) -> Vec<u8> {
    let mut prefix = vec![0; PREAMBLE_BYTES];
    prefix.extend_from_slice(MAGIC);
    prefix.extend_from_slice(&[2, 0, 0, 0, b'U', b'L', 4, 0]);
    prefix.extend_from_slice(&(group.len() as u32).to_le_bytes());
    prefix.extend_from_slice(group);
    prefix
}

fn push_text(group: &mut Vec<u8>, element: u16, vr: [u8; 2], text: &str) {
    let padding = text.len() % 2;
    group.extend_from_slice(&[2, 0]);
    group.extend_from_slice(&element.to_le_bytes());
    group.extend_from_slice(&vr);
    group.extend_from_slice(&((text.len() + padding) as u16).to_le_bytes());
    group.extend_from_slice(text.as_bytes());
    if padding == 1 {
        group.push(if vr == *b"UI" { 0 } else { b' ' });
    }
}

/// What stands at a place where an element of group 0002 may be.
enum Step {
    /// An element of group 0002 with its number, the bytes before its value and the bytes of its value.
    Element { element: u16, header: usize, value: usize },
    /// The data set.
    DataSet,
    /// Not enough bytes to say.
    More,
}

/// Looks at the start of an element in explicit VR little endian. The elements themselves are walked, since group lengths
/// lie.
fn step(bytes: &[u8]) -> Step {
    match bytes {
        [2, 0, low, high, first, second, rest @ ..] => {
            let element = u16::from_le_bytes([*low, *high]);
            let vr = VR::from_binary([*first, *second]).unwrap_or(VR::UN);
            match (crate::walk::has_short_length(vr), rest) {
                (true, [a, b, ..]) => Step::Element { element, header: 8, value: u16::from_le_bytes([*a, *b]).into() },
                (false, [_, _, a, b, c, d, ..]) => {
                    Step::Element { element, header: 12, value: u32::from_le_bytes([*a, *b, *c, *d]) as usize }
                }
                _ => Step::More,
            }
        }
        [2, 0, ..] | [2] | [] => Step::More,
        _ => Step::DataSet,
    }
}

/// Where group 0002 begins, after the preamble or, in files without one, at once; `None` for other files.
fn meta_start(bytes: &[u8]) -> Option<usize> {
    const AFTER_MAGIC: usize = PREAMBLE_BYTES + MAGIC.len();
    match bytes.get(PREAMBLE_BYTES..AFTER_MAGIC) {
        Some(magic) if magic == MAGIC => Some(AFTER_MAGIC),
        _ if bytes.starts_with(MAGIC) => Some(MAGIC.len()),
        _ if bytes.starts_with(&[2, 0]) => Some(0),
        _ => None,
    }
}

/// What is read of group 0002.
#[derive(Debug, Default)]
pub(crate) struct MetaGroup {
    /// `TransferSyntaxUID`.
    pub transfer_syntax_uid: String,
    /// The VR of the pixel data before they were compressed here, see [`kept_prefix`].
    pub native_pixel_vr: Option<VR>,
}

/// Reads preamble and group 0002 and leaves the source at the data set.
pub(crate) fn read_meta_group(source: &mut ByteSource<'_>) -> Result<MetaGroup, InspectError> {
    let mut at = meta_start(source.peek(PREAMBLE_BYTES + MAGIC.len())?).ok_or(InspectError::NotDicom)?;
    source.skip(at as u64)?;
    let (mut meta, mut is_ours) = (MetaGroup::default(), false);
    loop {
        let (element, header, value) = match step(source.peek(12)?) {
            Step::DataSet => break,
            Step::More if source.at_end()? => break,
            Step::More => return Err(InspectError::Truncated),
            Step::Element { element, header, value } => (element, header, value),
        };
        at += header + value;
        if at > META_BYTES_MAX {
            return Err(InspectError::Malformed("group 0002 is longer than a mebibyte".to_owned()));
        }
        source.skip(header as u64)?;
        let bytes = source.read_vec(value as u64)?;
        let text = || String::from_utf8_lossy(&bytes).trim_matches(['\0', ' ']).to_owned();
        match element {
            TRANSFER_SYNTAX_UID => meta.transfer_syntax_uid = text(),
            PRIVATE_INFORMATION_CREATOR_UID => is_ours = text() == IMPLEMENTATION_CLASS_UID,
            PRIVATE_INFORMATION if is_ours => meta.native_pixel_vr = native_vr(&bytes),
            _ => {}
        }
    }
    if meta.transfer_syntax_uid.is_empty() {
        return Err(InspectError::MissingUid("TransferSyntaxUID"));
    }
    Ok(meta)
}

/// One of the VRs that native pixel data have.
fn native_vr(bytes: &[u8]) -> Option<VR> {
    let vr = VR::from_binary(bytes.try_into().ok()?)?;
    matches!(vr, VR::OB | VR::OW).then_some(vr)
}

/// BLAKE3 over a Part 10 stream's data set, without preamble and group 0002. A stream that is no Part 10 file is hashed
/// whole. It tells whether two arrivals are the same.
#[derive(Debug)]
pub struct DatasetHasher {
    digest: blake3::Hasher,
    /// What came before the data set as far as it is known.
    head: Head,
    /// Whether the head is whole.
    within_data_set: bool,
}

/// What a [`DatasetHasher`] found.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Hashed {
    /// BLAKE3 of the data set in hexadecimal.
    pub data_set_digest: String,
    /// What came before the data set: preamble and group 0002.
    pub head: Vec<u8>,
}

#[derive(Debug, Default)]
struct Head {
    bytes: Vec<u8>,
    /// Where the next element of group 0002 is expected, once its start is known.
    next: Option<usize>,
}

impl DatasetHasher {
    /// A hasher at the start of a file.
    #[must_use]
    pub fn new() -> Self {
        Self { digest: blake3::Hasher::new(), head: Head::default(), within_data_set: false }
    }

    /// Takes the next bytes of the file, however many.
    pub fn update(&mut self, mut bytes: &[u8]) {
        // The head is short, and what follows it need not be copied.
        while !self.within_data_set && !bytes.is_empty() {
            let (some, rest) = bytes.split_at(bytes.len().min(HEAD_PIECE_BYTES));
            self.head.bytes.extend_from_slice(some);
            if let Some(data_set) = self.head.find_data_set() {
                self.begin_data_set(data_set);
            }
            bytes = rest;
        }
        self.digest.update(bytes);
    }

    fn begin_data_set(&mut self, at: usize) {
        self.digest.update(&self.head.bytes[at..]);
        self.head.bytes.truncate(at);
        self.within_data_set = true;
    }

    /// The digest, and what came before.
    #[must_use]
    pub fn finish(mut self) -> Hashed {
        if !self.within_data_set {
            let head = &self.head;
            let data_set = head.next.or_else(|| meta_start(&head.bytes)).unwrap_or(0).min(head.bytes.len());
            self.begin_data_set(data_set);
        }
        Hashed { data_set_digest: self.digest.finalize().to_hex().to_string(), head: self.head.bytes }
    }
}

impl Head {
    /// Where the data set begins, as soon as that can be said.
    fn find_data_set(&mut self) -> Option<usize> {
        if self.next.is_none() {
            if self.bytes.len() < PREAMBLE_BYTES + MAGIC.len() {
                return None;
            }
            let Some(start) = meta_start(&self.bytes) else { return Some(0) };
            self.next = Some(start);
        }
        loop {
            let next = self.next?;
            if next > META_BYTES_MAX {
                return Some(0);
            }
            match step(self.bytes.get(next..)?) {
                Step::Element { header, value, .. } => self.next = Some(next + header + value),
                Step::DataSet => return Some(next),
                Step::More => return None,
            }
        }
    }
}

impl Default for DatasetHasher {
    fn default() -> Self {
        Self::new()
    }
}

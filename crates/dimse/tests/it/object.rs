//! Small DICOM objects in any syntax, written element by element.

use lightbox_dicom::part10_prefix;
use lightbox_domain::Uid;
use std::path::{Path, PathBuf};

pub const CT: &str = "1.2.840.10008.5.1.4.1.1.2";
pub const IMPLICIT: &str = "1.2.840.10008.1.2";
pub const EXPLICIT: &str = "1.2.840.10008.1.2.1";
pub const BIG_ENDIAN: &str = "1.2.840.10008.1.2.2";
pub const JPEG_LS: &str = "1.2.840.10008.1.2.4.80";

/// An object of which a test shows what matters to it.
#[derive(Clone)]
pub struct Object {
    pub sop_class_uid: String,
    pub sop_instance_uid: String,
    pub study_instance_uid: String,
    pub transfer_syntax_uid: String,
    pub comment: String,
    pub pixel_bytes: usize,
}

impl Object {
    /// A CT image with 64 × 64 pixels of 16 bits.
    pub fn new(number: u32) -> Self {
        Self {
            sop_class_uid: CT.to_owned(),
            sop_instance_uid: format!("1.2.3.4.{number}"),
            study_instance_uid: "1.2.3.4".to_owned(),
            transfer_syntax_uid: EXPLICIT.to_owned(),
            comment: "a phantom".to_owned(),
            pixel_bytes: 64 * 64 * 2,
        }
    }

    pub fn in_syntax(number: u32, transfer_syntax_uid: &str) -> Self {
        Self { transfer_syntax_uid: transfer_syntax_uid.to_owned(), ..Self::new(number) }
    }

    pub fn data_set(&self) -> Vec<u8> {
        let mut bytes = Vec::new();
        let side = if self.transfer_syntax_uid == BIG_ENDIAN { 64_u16.to_be_bytes() } else { 64_u16.to_le_bytes() };
        let bits = if self.transfer_syntax_uid == BIG_ENDIAN { 16_u16.to_be_bytes() } else { 16_u16.to_le_bytes() };
        let one = if self.transfer_syntax_uid == BIG_ENDIAN { 1_u16.to_be_bytes() } else { 1_u16.to_le_bytes() };
        self.push(&mut bytes, (0x0008, 0x0016), "UI", self.sop_class_uid.as_bytes());
        self.push(&mut bytes, (0x0008, 0x0018), "UI", self.sop_instance_uid.as_bytes());
        self.push(&mut bytes, (0x0008, 0x0060), "CS", b"CT");
        self.push(&mut bytes, (0x0010, 0x0010), "PN", b"Phantom^Test");
        self.push(&mut bytes, (0x0010, 0x0020), "LO", b"PHANTOM-1");
        self.push(&mut bytes, (0x0010, 0x4000), "LT", self.comment.as_bytes());
        self.push(&mut bytes, (0x0020, 0x000d), "UI", self.study_instance_uid.as_bytes());
        self.push(&mut bytes, (0x0020, 0x000e), "UI", format!("{}.1", self.study_instance_uid).as_bytes());
        self.push(&mut bytes, (0x0028, 0x0002), "US", &one);
        self.push(&mut bytes, (0x0028, 0x0010), "US", &side);
        self.push(&mut bytes, (0x0028, 0x0011), "US", &side);
        self.push(&mut bytes, (0x0028, 0x0100), "US", &bits);
        self.push_pixels(&mut bytes);
        bytes
    }

    /// The object as a file, whose group 0002 says what the object is.
    pub fn part10(&self) -> Vec<u8> {
        let uid = |text: &str| Uid::parse(text).unwrap();
        let mut file =
            part10_prefix(&uid(&self.sop_class_uid), &uid(&self.sop_instance_uid), &uid(&self.transfer_syntax_uid), "");
        file.extend(self.data_set());
        file
    }

    pub fn write(&self, folder: &Path) -> PathBuf {
        let path = folder.join(format!("{}.dcm", self.sop_instance_uid));
        std::fs::write(&path, self.part10()).unwrap();
        path
    }

    fn push_pixels(&self, bytes: &mut Vec<u8>) {
        let pixels: Vec<u8> = (0..self.pixel_bytes).map(|index| (index % 251) as u8).collect();
        if [IMPLICIT, EXPLICIT, BIG_ENDIAN].contains(&self.transfer_syntax_uid.as_str()) {
            return self.push(bytes, (0x7fe0, 0x0010), "OW", &pixels);
        }
        // Encapsulated: an empty offset table, one fragment, the delimiter (PS3.5 §A.4).
        bytes.extend_from_slice(b"\xe0\x7f\x10\0OB\0\0\xff\xff\xff\xff\xfe\xff\0\xe0\0\0\0\0\xfe\xff\0\xe0");
        bytes.extend_from_slice(&(pixels.len() as u32).to_le_bytes());
        bytes.extend_from_slice(&pixels);
        bytes.extend_from_slice(b"\xfe\xff\xdd\xe0\0\0\0\0");
    }

    fn push(&self, bytes: &mut Vec<u8>, (group, element): (u16, u16), vr: &str, value: &[u8]) {
        let mut value = value.to_vec();
        if value.len() % 2 == 1 {
            value.push(if vr == "UI" { 0 } else { b' ' });
        }
        let big = self.transfer_syntax_uid == BIG_ENDIAN;
        let short = |number: u16| if big { number.to_be_bytes() } else { number.to_le_bytes() };
        let long = |number: u32| if big { number.to_be_bytes() } else { number.to_le_bytes() };
        bytes.extend(short(group));
        bytes.extend(short(element));
        if self.transfer_syntax_uid == IMPLICIT {
            bytes.extend(long(value.len() as u32));
        } else if vr == "OW" {
            bytes.extend_from_slice(b"OW\0\0");
            bytes.extend(long(value.len() as u32));
        } else {
            bytes.extend_from_slice(vr.as_bytes());
            bytes.extend(short(value.len() as u16));
        }
        bytes.extend(value);
    }
}

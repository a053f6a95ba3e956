//! Whether a data set is the instance that its command announced, seen while it passes.

use crate::elements::{Encoding, read_header, unpadded};
use lightbox_domain::Uid;

/// The most bytes of a data set that are looked through.
const LOOKED_THROUGH_BYTES_MAX: usize = 64 * 1024;

const SOP_CLASS_UID: u16 = 0x0016;
const SOP_INSTANCE_UID: u16 = 0x0018;

/// What a C-STORE request says that its data set is.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Announced {
    pub sop_class_uid: Uid,
    pub sop_instance_uid: Uid,
}

/// Compares the first elements of a passing data set with what was announced. It gives up where it cannot see (a
/// deflated data set, a sequence of undefined length before the UIDs); what it misses, the index finds.
pub(crate) struct IdentityCheck<'a> {
    announced: &'a Announced,
    encoding: Encoding,
    /// Bytes from the next element on; `None` once there is nothing more to see.
    head: Option<Vec<u8>>,
}

impl<'a> IdentityCheck<'a> {
    pub(crate) fn new(announced: &'a Announced, transfer_syntax_uid: &str) -> Self {
        let (encoding, readable) = match transfer_syntax_uid {
            "1.2.840.10008.1.2" => (Encoding::IMPLICIT_LITTLE, true),
            "1.2.840.10008.1.2.2" => (Encoding::EXPLICIT_BIG, true),
            "1.2.840.10008.1.2.1.99" | "1.2.840.10008.1.2.4.95" | "1.2.840.10008.1.2.4.205" => {
                (Encoding::EXPLICIT_LITTLE, false)
            }
            _ => (Encoding::EXPLICIT_LITTLE, true),
        };
        Self { announced, encoding, head: readable.then(Vec::new) }
    }

    /// Takes the next bytes of the data set; gives the keyword of an attribute that is not as announced.
    pub(crate) fn look(&mut self, bytes: &[u8]) -> Option<&'static str> {
        let mut head = self.head.take()?;
        head.extend_from_slice(bytes);
        let mut at = 0;
        while let Some(header) = read_header(&head[at..], self.encoding) {
            if header.group > 8 || (header.group == 8 && header.element > SOP_INSTANCE_UID) {
                return None;
            }
            let whole = header.whole_bytes()?;
            let Some(value) = head[at..].get(header.header_bytes..whole) else { break };
            let differs = match (header.group, header.element) {
                (8, SOP_CLASS_UID) => differs(value, &self.announced.sop_class_uid, "SOPClassUID"),
                (8, SOP_INSTANCE_UID) => differs(value, &self.announced.sop_instance_uid, "SOPInstanceUID"),
                _ => None,
            };
            if differs.is_some() {
                return differs;
            }
            at += whole;
        }
        if head.len() <= LOOKED_THROUGH_BYTES_MAX {
            head.drain(..at);
            self.head = Some(head);
        }
        None
    }
}

/// An empty value is not another one: that the UID is missing is for the index to say.
fn differs(value: &[u8], announced: &Uid, keyword: &'static str) -> Option<&'static str> {
    let value = unpadded(value);
    (!value.is_empty() && value != announced.as_str()).then_some(keyword)
}

#[cfg(test)]
mod tests {
    use super::*;

    const EXPLICIT: &[u8] = b"\x08\0\x05\0CS\x0a\0ISO_IR 100\x08\0\x16\0UI\x04\x001.2\0\x08\0\x18\0UI\x06\x001.2.3\0";

    #[track_caller]
    fn check(sop_class_uid: &str, sop_instance_uid: &str, pieces: &[&[u8]], expected: Option<&str>) {
        let announced = Announced {
            sop_class_uid: Uid::parse(sop_class_uid).unwrap(),
            sop_instance_uid: Uid::parse(sop_instance_uid).unwrap(),
        };
        let mut identity = IdentityCheck::new(&announced, "1.2.840.10008.1.2.1");
        assert_eq!(pieces.iter().find_map(|piece| identity.look(piece)), expected);
    }

    #[test]
    fn another_instance_is_noticed() {
        check("1.2", "1.2.3", &[EXPLICIT], None);
        check("1.2", "1.2.4", &[EXPLICIT], Some("SOPInstanceUID"));
        check("1.5", "1.2.3", &[EXPLICIT], Some("SOPClassUID"));
    }

    #[test]
    fn it_is_noticed_across_fragments_of_any_size() {
        let bytes: Vec<&[u8]> = EXPLICIT.chunks(1).collect();
        check("1.2", "1.2.3", &bytes, None);
        check("1.2", "1.2.4", &bytes, Some("SOPInstanceUID"));
    }

    #[test]
    fn what_cannot_be_seen_is_not_judged() {
        check("1.2", "1.2.4", &[b"\x08\0\x06\0SQ\0\0\xff\xff\xff\xff", EXPLICIT], None);
        check("1.2", "1.2.4", &[&[0xff; 100_000]], None);
    }
}

//! What arrives over an association (PS3.8 §9.3, PS3.7 §6.3).

use lightbox_dimse::fuzz::{association, command_set, read_messages};

/// The same bytes mean the same however they are cut; the first of them says into how long pieces.
pub fn pdu(bytes: &[u8]) {
    let Some((length, bytes)) = bytes.split_first() else { return };
    let (whole, cut) = (read_messages(bytes, bytes.len().max(1)), read_messages(bytes, usize::from(*length) + 1));
    assert_eq!(whole, cut, "it depends on how the bytes arrive");
}

pub fn pdu_seeds() -> Vec<Vec<u8>> {
    [0, 40, 255].map(|length| [vec![length], association()].concat()).to_vec()
}

/// What is written of a command set is read as the same.
pub fn command(bytes: &[u8]) {
    if let Some(written) = command_set(bytes) {
        assert_eq!(command_set(&written).as_ref(), Some(&written));
    }
}

pub fn command_seeds() -> Vec<Vec<u8>> {
    vec![b"\0\0\0\x01\x02\0\0\0\x01\0\0\0\x10\x01\x02\0\0\0\x07\0\0\0\0\x08\x02\0\0\0\x01\x01".to_vec()]
}

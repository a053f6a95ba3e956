//! Whatever arrives over a connection, what reads it ends with a message or an error: it never breaks, and keeps no more
//! than a PDU and a command set of it.

use crate::connection::PDU_BYTES_MAX;
use crate::fuzz::{association, read_messages};
use proptest::collection::vec;
use proptest::prelude::{ProptestConfig, any, proptest};
use proptest::sample::Index;

#[test]
fn an_association_is_read_however_it_is_cut() {
    let bytes = association();
    for piece_bytes in [1, 2, 7, 100, bytes.len()] {
        read_messages(&bytes, piece_bytes).expect("it is whole");
    }
    for cut in 0..bytes.len() - 1 {
        assert!(read_messages(&bytes[..cut], 64).is_err(), "cut after {cut} bytes");
    }
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(2_000))]

    #[test]
    fn changed_bytes_are_survived(changes in vec((any::<Index>(), any::<u8>()), 1..8), piece_bytes in 1_usize..200) {
        let mut bytes = association();
        for (place, value) in changes {
            let place = place.index(bytes.len());
            bytes[place] = value;
        }
        let _ = read_messages(&bytes, piece_bytes);
    }

    #[test]
    fn cut_and_joined_bytes_are_survived(cut in any::<Index>(), join in any::<Index>(), more in vec(any::<u8>(), 0..64)) {
        let bytes = association();
        let (cut, join) = (cut.index(bytes.len()), join.index(bytes.len()));
        let _ = read_messages(&[&bytes[..cut], &more, &bytes[join..]].concat(), 50);
    }

    #[test]
    fn any_bytes_behind_a_header_are_survived(kind in 0_u8..10, length in 0_u32..PDU_BYTES_MAX + 2, body in vec(any::<u8>(), 0..300)) {
        let header = [&[kind, 0][..], &length.to_be_bytes()].concat();
        let _ = read_messages(&[header, body].concat(), 100);
    }
}

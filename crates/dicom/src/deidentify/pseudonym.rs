//! What stands in the place of what identified: derived by HMAC-SHA-256 (RFC 2104) from the project's key, so that the same
//! input means the same pseudonym within a project, another one in another project, and nothing to who lacks the key.

use dicom_core::Tag;
use hmac::{Hmac, KeyInit, Mac};
use lightbox_domain::{PatientKey, Uid};
use sha2::Sha256;
use std::fmt;
use std::ops::RangeInclusive;

/// Characters of a pseudonym, so that it fits every text of DICOM, SH and CS among them.
const PSEUDONYM_CHARACTERS: usize = 16;
/// RFC 4648 §6: five bits a character, all of which CS and AE allow.
const ALPHABET: &[u8; 32] = b"ABCDEFGHIJKLMNOPQRSTUVWXYZ234567";
/// The arc of what the standard itself names (PS3.6 Annex A); such UIDs identify nobody.
const ARC_OF_THE_STANDARD: &str = "1.2.840.10008.";

/// The secret of a project. Who has it can tell whether a guessed identifier belongs to a pseudonym.
#[derive(Clone, PartialEq, Eq)]
pub struct ProjectKey([u8; 32]);

impl ProjectKey {
    /// A key of 256 random bits; where these come from and where they are kept is the caller's.
    #[must_use]
    pub const fn new(bytes: [u8; 32]) -> Self {
        Self(bytes)
    }
}

impl fmt::Debug for ProjectKey {
    /// A secret never reaches a log line.
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.write_str("ProjectKey(…)")
    }
}

/// What a pseudonym is for; the same text gives another one in each role.
#[derive(Clone, Copy)]
enum Role {
    Patient,
    Uid,
    Text(Tag),
    Shift,
}

/// PatientID and PatientName of a patient: the same text stands in both. Nothing stands for no identifier.
pub(super) fn patient(key: &ProjectKey, patient: &PatientKey) -> String {
    if patient.id.is_empty() {
        return String::new();
    }
    readable(b'P', mac(key, Role::Patient, &[&patient.issuer, &patient.id]))
}

/// The pseudonym of another text, such as an accession number; also of an empty one.
pub(super) fn text(key: &ProjectKey, tag: Tag, value: &str) -> String {
    readable(b'X', mac(key, Role::Text(tag), &[value]))
}

/// `2.25.` with a UUID of version 8 (RFC 9562 §5.8, PS3.5 §B.2); `None` when the UID is the standard's own.
pub(super) fn uid(key: &ProjectKey, original: &str) -> Option<Uid> {
    const VERSION_AND_VARIANT: u128 = 0x0000_0000_0000_f000_c000_0000_0000_0000;
    const VERSION_8: u128 = 0x0000_0000_0000_8000_8000_0000_0000_0000;
    if original.starts_with(ARC_OF_THE_STANDARD) {
        return None;
    }
    Some(Uid::from_u128(mac(key, Role::Uid, &[original]) & !VERSION_AND_VARIANT | VERSION_8))
}

/// By how many days the dates of a patient move.
pub(super) fn shift_days(key: &ProjectKey, patient: &PatientKey, range: &RangeInclusive<i32>) -> i32 {
    let (first, last) = (i128::from(*range.start()), i128::from(*range.end()));
    let choices = (last - first + 1).max(1).unsigned_abs();
    let days = mac(key, Role::Shift, &[&patient.issuer, &patient.id]) % choices;
    i32::try_from(first + days.cast_signed()).unwrap_or(*range.start())
}

fn readable(initial: u8, mut bits: u128) -> String {
    let mut characters = vec![initial];
    while characters.len() < PSEUDONYM_CHARACTERS {
        characters.push(ALPHABET[(bits % 32) as usize]);
        bits /= 32;
    }
    characters.into_iter().map(char::from).collect()
}

/// The first 128 bits. Each part says its length, so that no two lists of parts are hashed as the same bytes.
fn mac(key: &ProjectKey, role: Role, parts: &[&str]) -> u128 {
    let mut mac = Hmac::<Sha256>::new_from_slice(&key.0).expect("HMAC takes keys of any length");
    let (name, tag) = match role {
        Role::Patient => ("patient", Tag(0, 0)),
        Role::Uid => ("uid", Tag(0, 0)),
        Role::Text(tag) => ("text", tag),
        Role::Shift => ("shift", Tag(0, 0)),
    };
    mac.update(name.as_bytes());
    mac.update(&tag.group().to_be_bytes());
    mac.update(&tag.element().to_be_bytes());
    for part in parts {
        mac.update(&(part.len() as u64).to_be_bytes());
        mac.update(part.as_bytes());
    }
    let digest: [u8; 32] = mac.finalize().into_bytes().into();
    digest.first_chunk().copied().map_or(0, u128::from_be_bytes)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn key(byte: u8) -> ProjectKey {
        ProjectKey::new([byte; 32])
    }

    fn of(id: &str, issuer: &str) -> PatientKey {
        PatientKey { id: id.to_owned(), issuer: issuer.to_owned() }
    }

    #[test]
    fn pseudonyms_depend_on_key_issuer_and_identifier_and_on_nothing_else() {
        let one = patient(&key(1), &of("4711", "A"));
        assert_eq!(one, patient(&key(1), &of("4711", "A")));
        let others = [
            patient(&key(2), &of("4711", "A")),
            patient(&key(1), &of("4711", "B")),
            patient(&key(1), &of("4712", "A")),
            patient(&key(1), &of("711", "A4")),
        ];
        assert!(others.iter().all(|other| *other != one));
        assert_eq!(one.len(), PSEUDONYM_CHARACTERS);
        assert_eq!(patient(&key(1), &of("", "A")), "");
    }

    #[test]
    fn uids_are_uuids_and_those_of_the_standard_stay() {
        let made = uid(&key(1), "1.2.3").unwrap();
        let number: u128 = made.as_str().strip_prefix("2.25.").unwrap().parse().unwrap();
        assert_eq!((number >> 76 & 0xf, number >> 62 & 0b11), (8, 0b10), "version and variant");
        assert_eq!(uid(&key(1), "1.2.840.10008.5.1.4.1.1.2"), None);
        assert!(uid(&key(1), "1.2.840.100089.1").is_some(), "another arc that begins alike");
    }

    #[test]
    fn shifts_lie_in_the_range_and_differ() {
        let all: Vec<i32> =
            (0..200).map(|number| shift_days(&key(1), &of(&number.to_string(), ""), &(-10..=-1))).collect();
        assert!(all.iter().all(|days| (-10..=-1).contains(days)));
        assert!((-10..=-1).all(|days| all.contains(&days)));
    }

    #[test]
    fn the_key_does_not_print_itself() {
        assert_eq!(format!("{:?}", key(65)), "ProjectKey(…)");
    }
}

//! What was done to an object, and which pseudonym stands for which original.

use dicom_core::Tag;
use lightbox_domain::PatientKey;
use std::collections::BTreeMap;
use std::fmt;

/// What became of an attribute, in the letters of PS3.15 Table E.1-1a.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Action {
    /// X: removed.
    Remove,
    /// Z: without value; the patient's identifier and name are pseudonyms.
    Empty,
    /// D: a dummy value.
    Dummy,
    /// U: another UID.
    ReplaceUid,
    /// K: kept because an option says so; sequences keep what is kept of their items.
    Keep,
    /// C: cleaned because an option says so.
    Clean,
}

/// Which attributes were dealt with, and how. It holds no value.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Report {
    counts: BTreeMap<(Vec<Tag>, Action), u32>,
}

impl Report {
    pub(super) fn note(&mut self, path: &[Tag], action: Action) {
        *self.counts.entry((path.to_vec(), action)).or_default() += 1;
    }

    /// Each attribute with the sequences that hold it, what became of it, and how often that was.
    pub fn lines(&self) -> impl Iterator<Item = (&[Tag], Action, u32)> {
        self.counts.iter().map(|((path, action), count)| (path.as_slice(), *action, *count))
    }

    /// How many attributes met with that action.
    #[must_use]
    pub fn count(&self, action: Action) -> u32 {
        self.lines().filter(|(_, found, _)| *found == action).map(|(.., count)| count).sum()
    }
}

/// Pseudonyms and originals of the objects of one request, kept in memory only, so that an answer can be given back to
/// whom it is about.
#[derive(Clone, Default, PartialEq, Eq)]
pub struct Mapping {
    uids: BTreeMap<String, String>,
    originals: BTreeMap<String, String>,
    patients: BTreeMap<String, PatientKey>,
}

impl Mapping {
    pub(super) fn add_uid(&mut self, original: &str, pseudonym: &str) {
        self.uids.insert(original.to_owned(), pseudonym.to_owned());
        self.originals.insert(pseudonym.to_owned(), original.to_owned());
    }

    pub(super) fn add_patient(&mut self, original: PatientKey, pseudonym: &str) {
        self.patients.insert(pseudonym.to_owned(), original);
    }

    /// The UID that stands for an original.
    #[must_use]
    pub fn uid(&self, original: &str) -> Option<&str> {
        self.uids.get(original).map(String::as_str)
    }

    /// The original of a UID that was put in its place.
    #[must_use]
    pub fn original_uid(&self, pseudonym: &str) -> Option<&str> {
        self.originals.get(pseudonym).map(String::as_str)
    }

    /// Whom a `PatientID` that was put in its place stands for.
    #[must_use]
    pub fn original_patient(&self, pseudonym: &str) -> Option<&PatientKey> {
        self.patients.get(pseudonym)
    }

    /// Takes up what another object of the request brought.
    pub fn extend(&mut self, other: Self) {
        self.uids.extend(other.uids);
        self.originals.extend(other.originals);
        self.patients.extend(other.patients);
    }
}

impl fmt::Debug for Mapping {
    /// Identifying attributes never reach a log line.
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(formatter, "Mapping({} UIDs, {} patients)", self.uids.len(), self.patients.len())
    }
}

//! What the DIMSE door does, for the conformance statement (PS3.2): made of the tables by which it does it.

use crate::admission::APPLICATION_CONTEXT;
use crate::connection::PDU_BYTES_MAX;
use crate::requestor::CONTEXTS_MAX;
use crate::services::{CLASSES, Service};
use dicom_core::dictionary::UidDictionary;
use dicom_dictionary_std::{StandardSopClassDictionary, uids};
use serde::Serialize;

/// The storage classes of the standard that are in force.
const STORAGE_CLASSES: &str = include_str!("../data/storage_classes.txt");

/// A SOP class, and the roles that we take in it.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct SopClass {
    /// Its UID.
    pub uid: String,
    /// Its name of PS3.6.
    pub name: String,
    /// The service class.
    pub service: &'static str,
    /// Whether we ask for the service.
    pub scu: bool,
    /// Whether we do the service.
    pub scp: bool,
}

/// How associations are negotiated.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct Negotiation {
    /// The application context name.
    pub application_context: &'static str,
    /// The longest PDU that we take, in bytes.
    pub pdu_bytes_max: u32,
    /// The most presentation contexts that we propose at once.
    pub contexts_max: usize,
    /// The transfer syntaxes of messages without pixels.
    pub message_transfer_syntaxes: [&'static str; 2],
}

/// All classes by service: first those of services, then what is stored.
#[must_use]
pub fn sop_classes() -> Vec<SopClass> {
    let stored = STORAGE_CLASSES.lines().filter(|line| !line.starts_with('#'));
    CLASSES.iter().copied().chain(stored).filter_map(sop_class).collect()
}

/// How associations are negotiated.
#[must_use]
pub fn negotiation() -> Negotiation {
    Negotiation {
        application_context: APPLICATION_CONTEXT,
        pdu_bytes_max: PDU_BYTES_MAX,
        contexts_max: CONTEXTS_MAX,
        message_transfer_syntaxes: [uids::EXPLICIT_VR_LITTLE_ENDIAN, uids::IMPLICIT_VR_LITTLE_ENDIAN],
    }
}

fn sop_class(uid: &str) -> Option<SopClass> {
    let service = Service::of(uid)?;
    let entry = StandardSopClassDictionary.by_uid(uid)?;
    let name = entry.name.trim_end_matches(" SOP Class").to_owned();
    Some(SopClass { uid: uid.to_owned(), name, service: service.name(), scu: service.is_asked_for(), scp: true })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_class_of_the_tables_is_served() {
        let lines = STORAGE_CLASSES.lines().filter(|line| !line.starts_with('#')).count();
        let classes = sop_classes();
        assert_eq!(classes.len(), CLASSES.len() + lines, "each has a service and a name");
        let storage: Vec<_> = classes.iter().filter(|class| class.service == "Storage").collect();
        assert_eq!(storage.len(), lines);
        assert!(storage.iter().all(|class| class.scu && class.scp));
    }
}

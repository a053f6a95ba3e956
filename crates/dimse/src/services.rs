//! Which service a SOP class stands for, and who may use it (PS3.4).

use dicom_core::dictionary::UidDictionary;
use dicom_dictionary_std::{StandardSopClassDictionary, uids};
use lightbox_domain::{Level, PeerPolicy, PeerService};

/// The arc under which the standard names its own UIDs.
const STANDARD_ARC: &str = "1.2.840.10008.";
/// The arc of the standard's storage classes, where also those of later editions are.
const STORAGE_ARC: &str = "1.2.840.10008.5.1.4.1.1.";

/// The classes of every service but storage.
pub(crate) const CLASSES: [&str; 12] = [
    uids::VERIFICATION,
    uids::PATIENT_ROOT_QUERY_RETRIEVE_INFORMATION_MODEL_FIND,
    uids::PATIENT_ROOT_QUERY_RETRIEVE_INFORMATION_MODEL_MOVE,
    uids::PATIENT_ROOT_QUERY_RETRIEVE_INFORMATION_MODEL_GET,
    uids::STUDY_ROOT_QUERY_RETRIEVE_INFORMATION_MODEL_FIND,
    uids::STUDY_ROOT_QUERY_RETRIEVE_INFORMATION_MODEL_MOVE,
    uids::STUDY_ROOT_QUERY_RETRIEVE_INFORMATION_MODEL_GET,
    PATIENT_STUDY_ONLY_FIND,
    PATIENT_STUDY_ONLY_MOVE,
    PATIENT_STUDY_ONLY_GET,
    uids::STORAGE_COMMITMENT_PUSH_MODEL,
    uids::MODALITY_PERFORMED_PROCEDURE_STEP,
];

const PATIENT_STUDY_ONLY_FIND: &str = "1.2.840.10008.5.1.4.1.2.3.1";
const PATIENT_STUDY_ONLY_MOVE: &str = "1.2.840.10008.5.1.4.1.2.3.2";
const PATIENT_STUDY_ONLY_GET: &str = "1.2.840.10008.5.1.4.1.2.3.3";

/// A service that we offer.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Service {
    Verification,
    Storage,
    Find(Root),
    Move(Root),
    Get(Root),
    Commitment,
    ProcedureStep,
}

/// A query/retrieve information model (PS3.4 §C.3).
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Root {
    Patient,
    Study,
    /// Retired, and still asked for.
    PatientStudyOnly,
}

impl Root {
    /// The level of that name; `None` when the model has none (PS3.4 §C.6.1.1, §C.6.2.1, §C.6.3.1).
    pub(crate) fn level(self, name: &str) -> Option<Level> {
        let level = match name.to_ascii_uppercase().as_str() {
            "PATIENT" => Level::Patient,
            "STUDY" => Level::Study,
            "SERIES" => Level::Series,
            "IMAGE" => Level::Instance,
            _ => return None,
        };
        let exists = match self {
            Self::Patient => true,
            Self::Study => level != Level::Patient,
            Self::PatientStudyOnly => level <= Level::Study,
        };
        exists.then_some(level)
    }
}

/// What `QueryRetrieveLevel` says for a level.
pub(crate) fn level_name(level: Level) -> &'static str {
    match level {
        Level::Patient => "PATIENT",
        Level::Study => "STUDY",
        Level::Series => "SERIES",
        Level::Instance => "IMAGE",
    }
}

impl Service {
    /// The service of a SOP class. An archive keeps what it does not know: classes of later editions, and private ones.
    pub(crate) fn of(sop_class_uid: &str) -> Option<Self> {
        let service = match sop_class_uid {
            uids::VERIFICATION => Self::Verification,
            uids::PATIENT_ROOT_QUERY_RETRIEVE_INFORMATION_MODEL_FIND => Self::Find(Root::Patient),
            uids::PATIENT_ROOT_QUERY_RETRIEVE_INFORMATION_MODEL_MOVE => Self::Move(Root::Patient),
            uids::PATIENT_ROOT_QUERY_RETRIEVE_INFORMATION_MODEL_GET => Self::Get(Root::Patient),
            uids::STUDY_ROOT_QUERY_RETRIEVE_INFORMATION_MODEL_FIND => Self::Find(Root::Study),
            uids::STUDY_ROOT_QUERY_RETRIEVE_INFORMATION_MODEL_MOVE => Self::Move(Root::Study),
            uids::STUDY_ROOT_QUERY_RETRIEVE_INFORMATION_MODEL_GET => Self::Get(Root::Study),
            PATIENT_STUDY_ONLY_FIND => Self::Find(Root::PatientStudyOnly),
            PATIENT_STUDY_ONLY_MOVE => Self::Move(Root::PatientStudyOnly),
            PATIENT_STUDY_ONLY_GET => Self::Get(Root::PatientStudyOnly),
            uids::STORAGE_COMMITMENT_PUSH_MODEL => Self::Commitment,
            uids::MODALITY_PERFORMED_PROCEDURE_STEP => Self::ProcedureStep,
            class => return is_stored(class).then_some(Self::Storage),
        };
        Some(service)
    }

    /// The name of its service class.
    pub(crate) const fn name(self) -> &'static str {
        match self {
            Self::Verification => "Verification",
            Self::Storage => "Storage",
            Self::Find(_) | Self::Move(_) | Self::Get(_) => "Query/Retrieve",
            Self::Commitment => "Storage Commitment",
            Self::ProcedureStep => "Modality Performed Procedure Step",
        }
    }

    /// Whether we ask peers for it, too: as `scu`, `query_scu` and `commitment_scu` do.
    pub(crate) const fn is_asked_for(self) -> bool {
        match self {
            Self::Verification | Self::Storage | Self::Commitment => true,
            Self::Find(root) | Self::Move(root) => !matches!(root, Root::PatientStudyOnly),
            Self::Get(_) | Self::ProcedureStep => false,
        }
    }

    /// Whether a peer may use it.
    pub(crate) fn is_allowed(self, policy: &PeerPolicy) -> bool {
        let needed = match self {
            Self::Verification => return true,
            // C-GET brings its instances by storage contexts of the same association.
            Self::Storage => {
                return [PeerService::Store, PeerService::Get].iter().any(|one| policy.services.contains(one));
            }
            Self::Find(_) => PeerService::Find,
            Self::Move(_) => PeerService::Move,
            Self::Get(_) => PeerService::Get,
            // What a peer answers to our own request is welcome, too.
            Self::Commitment => return policy.commits || policy.services.contains(&PeerService::Commit),
            Self::ProcedureStep => PeerService::Mpps,
        };
        policy.services.contains(&needed)
    }
}

fn is_stored(sop_class_uid: &str) -> bool {
    match StandardSopClassDictionary.by_uid(sop_class_uid) {
        Some(class) => is_storage_name(class.alias),
        None => sop_class_uid.starts_with(STORAGE_ARC) || !sop_class_uid.starts_with(STANDARD_ARC),
    }
}

/// Whether a class of that keyword is composite storage: not commitment, and not the directory of a medium.
fn is_storage_name(keyword: &str) -> bool {
    keyword.contains("Storage")
        && !["StorageCommitment", "StorageManagement", "MediaStorageDirectory"].iter().any(|no| keyword.starts_with(no))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn verification_and_all_storage_classes_are_served() {
        assert_eq!(Service::of("1.2.840.10008.1.1"), Some(Service::Verification));
        for class in [
            "1.2.840.10008.5.1.4.1.1.2",
            "1.2.840.10008.5.1.4.1.1.88.34",
            "1.2.840.10008.5.1.4.38.1",      // Hanging Protocol Storage
            "1.2.840.10008.5.1.4.1.1.9",     // retired
            "1.2.840.10008.5.1.4.1.1.99999", // a later edition's
            "1.3.12.2.1107.5.9.1",           // private
        ] {
            assert_eq!(Service::of(class), Some(Service::Storage), "{class}");
        }
    }

    #[test]
    fn queries_have_their_models() {
        assert_eq!(Service::of("1.2.840.10008.5.1.4.1.2.1.1"), Some(Service::Find(Root::Patient)));
        assert_eq!(Service::of("1.2.840.10008.5.1.4.1.2.2.2"), Some(Service::Move(Root::Study)));
        assert_eq!(Service::of("1.2.840.10008.5.1.4.1.2.3.3"), Some(Service::Get(Root::PatientStudyOnly)));
        assert_eq!(Root::Patient.level("PATIENT"), Some(Level::Patient));
        assert_eq!(Root::Study.level("PATIENT"), None);
        assert_eq!(Root::PatientStudyOnly.level("SERIES"), None);
        assert_eq!(Root::Study.level("FRAME"), None);
    }

    #[test]
    fn other_services_are_not() {
        for class in [
            "1.2.840.10008.5.1.4.31", // Modality Worklist
            "1.2.840.10008.1.3.10",   // DICOMDIR
            "1.2.840.10008.5.1.1.9",  // printing
            "1.2.840.10008.5.1.4.1.1.200.4",
            "1.2.840.10008.5.9.9",
        ] {
            assert_eq!(Service::of(class), None, "{class}");
        }
    }

    #[test]
    fn the_list_of_classes_is_whole() {
        let services: Vec<_> = CLASSES.into_iter().filter_map(Service::of).collect();
        let is_distinct = |(place, one): (usize, &Service)| !services[..place].contains(one);
        assert!(services.len() == CLASSES.len() && services.iter().enumerate().all(is_distinct));
        assert!(!services.contains(&Service::Storage));
    }

    #[test]
    fn a_peer_uses_what_it_may() {
        let policy = PeerPolicy { services: vec![PeerService::Get], ..PeerPolicy::default() };
        assert!(Service::Verification.is_allowed(&policy) && Service::Storage.is_allowed(&policy));
        assert!(Service::Get(Root::Study).is_allowed(&policy) && !Service::Find(Root::Study).is_allowed(&policy));
        assert!(!Service::Storage.is_allowed(&PeerPolicy { services: vec![PeerService::Find], ..policy }));
    }
}

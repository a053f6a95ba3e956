//! Which presentation contexts are accepted (PS3.8 §7.1.1.13): verification and everything that can be kept.

use dicom_core::dictionary::UidDictionary;
use dicom_dictionary_std::{StandardSopClassDictionary, uids};
use dicom_ul::pdu::{
    PresentationContextNegotiated, PresentationContextProposed, PresentationContextResultReason as Reason,
};

/// The arc under which the standard names its own UIDs.
const STANDARD_ARC: &str = "1.2.840.10008.";
/// The arc of the standard's storage classes, where also those of later editions are.
const STORAGE_ARC: &str = "1.2.840.10008.5.1.4.1.1.";

/// Decides on each context that a caller proposes.
pub(crate) fn negotiate(proposed: &[PresentationContextProposed]) -> Vec<PresentationContextNegotiated> {
    proposed.iter().map(decide).collect()
}

fn decide(proposed: &PresentationContextProposed) -> PresentationContextNegotiated {
    let abstract_syntax = trim(&proposed.abstract_syntax);
    let chosen = choose_transfer_syntax(&proposed.transfer_syntaxes);
    let reason = match (is_served(abstract_syntax), chosen) {
        (false, _) => Reason::AbstractSyntaxNotSupported,
        (true, None) => Reason::TransferSyntaxesNotSupported,
        (true, Some(_)) => Reason::Acceptance,
    };
    PresentationContextNegotiated {
        id: proposed.id,
        reason,
        // Of a refused context the syntax has no meaning, but the item must be there (PS3.8 §9.3.3.2).
        transfer_syntax: chosen.unwrap_or(uids::IMPLICIT_VR_LITTLE_ENDIAN).to_owned(),
        abstract_syntax: abstract_syntax.to_owned(),
    }
}

fn trim(uid: &str) -> &str {
    uid.trim_matches(['\0', ' '])
}

/// Whether the class is verification or one whose instances are stored. An archive keeps what it does not know: classes
/// of later editions, and private ones.
fn is_served(sop_class_uid: &str) -> bool {
    if sop_class_uid == uids::VERIFICATION {
        return true;
    }
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

/// The first syntax that the caller lists, as that is what it likes best, but for the two that lose something: implicit
/// VR forgets what private elements are, and big endian is retired.
fn choose_transfer_syntax(listed: &[String]) -> Option<&str> {
    let kept = || listed.iter().map(|uid| trim(uid)).filter(|uid| is_kept(uid));
    let loses = |uid: &&str| [uids::IMPLICIT_VR_LITTLE_ENDIAN, "1.2.840.10008.1.2.2"].contains(uid);
    kept().find(|uid| !loses(uid)).or_else(|| kept().next())
}

/// Whether data sets of this syntax are kept: every syntax for files and messages, but not the ones for MIME parts and
/// XML (`.6`) and for real-time video (`.7`), whose arcs lie between.
fn is_kept(transfer_syntax_uid: &str) -> bool {
    let later = transfer_syntax_uid.strip_prefix("1.2.840.10008.1.2.");
    transfer_syntax_uid == uids::IMPLICIT_VR_LITTLE_ENDIAN
        || later.is_some_and(|rest| !rest.starts_with("6.") && !rest.starts_with("7."))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[track_caller]
    fn check(sop_class_uid: &str, syntaxes: &[&str], expected: Result<&str, Reason>) {
        let transfer_syntaxes = syntaxes.iter().map(|&uid| uid.to_owned()).collect();
        let proposed = PresentationContextProposed { id: 3, abstract_syntax: sop_class_uid.into(), transfer_syntaxes };
        let decided = decide(&proposed);
        match expected {
            Ok(syntax) => assert_eq!((decided.reason, decided.transfer_syntax.as_str()), (Reason::Acceptance, syntax)),
            Err(reason) => assert_eq!(decided.reason, reason),
        }
    }

    const IMPLICIT: &str = "1.2.840.10008.1.2";
    const EXPLICIT: &str = "1.2.840.10008.1.2.1";
    const CT: &str = "1.2.840.10008.5.1.4.1.1.2";

    #[test]
    fn verification_and_all_storage_classes_are_served() {
        for class in [
            "1.2.840.10008.1.1",
            CT,
            "1.2.840.10008.5.1.4.1.1.88.34",
            "1.2.840.10008.5.1.4.38.1",      // Hanging Protocol Storage
            "1.2.840.10008.5.1.4.1.1.9",     // retired
            "1.2.840.10008.5.1.4.1.1.99999", // a later edition's
            "1.3.12.2.1107.5.9.1",           // private
            "1.2.840.10008.5.1.4.1.1.2\0",   // padded
        ] {
            check(class, &[IMPLICIT], Ok(IMPLICIT));
        }
    }

    #[test]
    fn other_services_are_not() {
        for class in [
            "1.2.840.10008.5.1.4.1.2.2.1", // Study Root FIND
            "1.2.840.10008.1.20.1",        // Storage Commitment
            "1.2.840.10008.1.3.10",        // DICOMDIR
            "1.2.840.10008.3.1.2.3.3",     // MPPS
            "1.2.840.10008.5.1.4.1.1.200.4",
            "1.2.840.10008.5.9.9",
        ] {
            check(class, &[IMPLICIT], Err(Reason::AbstractSyntaxNotSupported));
        }
    }

    #[test]
    fn the_first_syntax_that_loses_nothing_is_chosen() {
        let jpeg = "1.2.840.10008.1.2.4.50";
        check(CT, &[IMPLICIT, EXPLICIT], Ok(EXPLICIT));
        check(CT, &[jpeg, EXPLICIT], Ok(jpeg));
        check(CT, &[IMPLICIT, "1.2.840.10008.1.2.2"], Ok(IMPLICIT));
        check(CT, &["1.2.840.10008.1.2.4.999"], Ok("1.2.840.10008.1.2.4.999"));
        check(CT, &["1.2.3"], Err(Reason::TransferSyntaxesNotSupported));
        check(CT, &["1.2.840.10008.1.2.7.1"], Err(Reason::TransferSyntaxesNotSupported));
        check(CT, &[], Err(Reason::TransferSyntaxesNotSupported));
    }
}

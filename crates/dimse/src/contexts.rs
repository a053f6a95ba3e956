//! Which presentation contexts are accepted, in which syntax, and for which roles (PS3.8 §7.1.1.13, PS3.7 §D.3.3.4).

use crate::services::Service;
use dicom_dictionary_std::uids;
use dicom_ul::pdu::{
    PresentationContextNegotiated, PresentationContextProposed, PresentationContextResultReason as Reason,
    RequestorRoles, UserVariableItem,
};
use lightbox_domain::PeerPolicy;

/// The most services whose roles or extensions one request may negotiate.
const NEGOTIATED_MAX: usize = 512;

/// A presentation context that we accepted.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Context {
    pub id: u8,
    pub sop_class_uid: String,
    pub transfer_syntax_uid: String,
    pub service: Service,
    /// Whether the peer takes requests in it: it stores what we send.
    pub peer_is_scp: bool,
}

/// Decides on each context that a peer proposes.
pub(crate) fn negotiate(
    proposed: &[PresentationContextProposed],
    policy: &PeerPolicy,
) -> Vec<PresentationContextNegotiated> {
    proposed.iter().map(|proposed| decide(proposed, policy)).collect()
}

/// What was accepted of it, with the roles that [`answer_roles`] grants.
pub(crate) fn accepted(negotiated: &[PresentationContextNegotiated], roles: &[UserVariableItem]) -> Vec<Context> {
    let peer_is_scp = |class: &str| {
        roles.iter().any(|item| {
            matches!(item, UserVariableItem::ScuScpRoleSelectionSubItem(known, roles) if known == class && roles.scp)
        })
    };
    let accepted = |context: &PresentationContextNegotiated| {
        let service = Service::of(&context.abstract_syntax)?;
        (context.reason == Reason::Acceptance).then(|| Context {
            id: context.id,
            sop_class_uid: context.abstract_syntax.clone(),
            transfer_syntax_uid: context.transfer_syntax.clone(),
            service,
            peer_is_scp: peer_is_scp(&context.abstract_syntax),
        })
    };
    negotiated.iter().filter_map(accepted).collect()
}

/// Grants the roles that a requestor asks for where they mean something: it may be the SCP of what it stores during
/// C-GET (PS3.4 §C.4.3.2), and of the commitment that it reports on (PS3.4 §J.3.1).
pub(crate) fn answer_roles(asked: &[UserVariableItem]) -> Vec<UserVariableItem> {
    let grant = |item: &UserVariableItem| {
        let UserVariableItem::ScuScpRoleSelectionSubItem(class, roles) = item else { return None };
        let class = trim(class).to_owned();
        let both = matches!(Service::of(&class)?, Service::Storage | Service::Commitment);
        let granted = RequestorRoles { scu: roles.scu, scp: roles.scp && both };
        Some(UserVariableItem::ScuScpRoleSelectionSubItem(class, granted))
    };
    asked.iter().filter_map(grant).take(NEGOTIATED_MAX).collect()
}

/// Answers extended negotiation of queries (PS3.4 §C.5.1.1): relational queries, combined dates and times and fuzzy
/// matching of names are done, time zone adjustment is not; relational retrieval is done, too. What a caller does not ask
/// for is not agreed on.
pub(crate) fn answer_extensions(asked: &[UserVariableItem]) -> Vec<UserVariableItem> {
    const FIND: [u8; 4] = [1, 1, 1, 0];
    const RETRIEVE: [u8; 1] = [1];
    let answer = |item: &UserVariableItem| {
        let UserVariableItem::SopClassExtendedNegotiationSubItem(class, wanted) = item else { return None };
        let class = trim(class).to_owned();
        let offered: &[u8] = match Service::of(&class)? {
            Service::Find(_) => &FIND,
            Service::Move(_) | Service::Get(_) => &RETRIEVE,
            _ => return None,
        };
        let agreed = wanted.iter().zip(offered).map(|(wanted, offered)| wanted & offered).collect();
        Some(UserVariableItem::SopClassExtendedNegotiationSubItem(class, agreed))
    };
    asked.iter().filter_map(answer).take(NEGOTIATED_MAX).collect()
}

/// How queries of a class are matched, beyond what always holds.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Default)]
pub(crate) struct QueryManner {
    /// Dates and their times that are ranges are one condition.
    pub combined: bool,
    /// Names by the beginnings of their words.
    pub fuzzy: bool,
}

impl QueryManner {
    /// What was agreed on for a class.
    pub(crate) fn agreed(agreed: &[UserVariableItem], sop_class_uid: &str) -> Self {
        let bytes = agreed.iter().find_map(|item| match item {
            UserVariableItem::SopClassExtendedNegotiationSubItem(class, bytes) if class == sop_class_uid => Some(bytes),
            _ => None,
        });
        let is_set = |place: usize| bytes.is_some_and(|bytes| bytes.get(place) == Some(&1));
        Self { combined: is_set(1), fuzzy: is_set(2) }
    }
}

fn decide(proposed: &PresentationContextProposed, policy: &PeerPolicy) -> PresentationContextNegotiated {
    let abstract_syntax = trim(&proposed.abstract_syntax);
    let service = Service::of(abstract_syntax);
    let chosen = match service {
        Some(Service::Storage) => choose_for_storage(&proposed.transfer_syntaxes, policy),
        _ => choose_plain(&proposed.transfer_syntaxes),
    };
    let reason = match (service, chosen) {
        (None, _) => Reason::AbstractSyntaxNotSupported,
        (Some(service), _) if !service.is_allowed(policy) => Reason::UserRejection,
        (Some(_), None) => Reason::TransferSyntaxesNotSupported,
        (Some(_), Some(_)) => Reason::Acceptance,
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

/// The first syntax that the caller lists, as that is what it likes best, but for the two that lose something: implicit
/// VR forgets what private elements are, and big endian is retired.
///
/// What the site prefers for this peer goes before, and nothing else is then taken.
fn choose_for_storage<'a>(listed: &'a [String], policy: &PeerPolicy) -> Option<&'a str> {
    if !policy.transfer_syntaxes.is_empty() {
        let listed =
            |wanted: &lightbox_domain::Uid| listed.iter().map(|uid| trim(uid)).find(|uid| *uid == wanted.as_str());
        return policy.transfer_syntaxes.iter().find_map(listed).filter(|uid| is_kept(uid));
    }
    let kept = || listed.iter().map(|uid| trim(uid)).filter(|uid| is_kept(uid));
    let loses = |uid: &&str| [uids::IMPLICIT_VR_LITTLE_ENDIAN, "1.2.840.10008.1.2.2"].contains(uid);
    kept().find(|uid| !loses(uid)).or_else(|| kept().next())
}

/// For messages without pixels: explicit VR, else the default.
fn choose_plain(listed: &[String]) -> Option<&str> {
    let find = |wanted| listed.iter().map(|uid| trim(uid)).find(|uid| *uid == wanted);
    find(uids::EXPLICIT_VR_LITTLE_ENDIAN).or_else(|| find(uids::IMPLICIT_VR_LITTLE_ENDIAN))
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
    use lightbox_domain::{PeerService, Uid};

    #[track_caller]
    fn check_for(policy: &PeerPolicy, sop_class_uid: &str, syntaxes: &[&str], expected: Result<&str, Reason>) {
        let transfer_syntaxes = syntaxes.iter().map(|&uid| uid.to_owned()).collect();
        let proposed = PresentationContextProposed { id: 3, abstract_syntax: sop_class_uid.into(), transfer_syntaxes };
        let decided = decide(&proposed, policy);
        match expected {
            Ok(syntax) => assert_eq!((decided.reason, decided.transfer_syntax.as_str()), (Reason::Acceptance, syntax)),
            Err(reason) => assert_eq!(decided.reason, reason),
        }
    }

    #[track_caller]
    fn check(sop_class_uid: &str, syntaxes: &[&str], expected: Result<&str, Reason>) {
        check_for(&PeerPolicy::default(), sop_class_uid, syntaxes, expected);
    }

    const IMPLICIT: &str = "1.2.840.10008.1.2";
    const EXPLICIT: &str = "1.2.840.10008.1.2.1";
    const JPEG: &str = "1.2.840.10008.1.2.4.50";
    const CT: &str = "1.2.840.10008.5.1.4.1.1.2";
    const FIND: &str = "1.2.840.10008.5.1.4.1.2.2.1";

    #[test]
    fn the_first_syntax_that_loses_nothing_is_chosen() {
        check("1.2.840.10008.5.1.4.1.1.2\0", &[IMPLICIT, EXPLICIT], Ok(EXPLICIT));
        check(CT, &[JPEG, EXPLICIT], Ok(JPEG));
        check(CT, &[IMPLICIT, "1.2.840.10008.1.2.2"], Ok(IMPLICIT));
        check(CT, &["1.2.840.10008.1.2.4.999"], Ok("1.2.840.10008.1.2.4.999"));
        check(CT, &["1.2.3"], Err(Reason::TransferSyntaxesNotSupported));
        check(CT, &["1.2.840.10008.1.2.7.1"], Err(Reason::TransferSyntaxesNotSupported));
        check(CT, &[], Err(Reason::TransferSyntaxesNotSupported));
        check("1.2.840.10008.5.9.9", &[IMPLICIT], Err(Reason::AbstractSyntaxNotSupported));
    }

    #[test]
    fn queries_are_plain() {
        check(FIND, &[IMPLICIT, JPEG, EXPLICIT], Ok(EXPLICIT));
        check(FIND, &[JPEG], Err(Reason::TransferSyntaxesNotSupported));
    }

    #[test]
    fn a_peer_s_own_syntaxes_and_services_are_heeded() {
        let policy = PeerPolicy {
            services: vec![PeerService::Store],
            transfer_syntaxes: [EXPLICIT, JPEG].map(|uid| Uid::parse(uid).unwrap()).to_vec(),
            ..PeerPolicy::default()
        };
        check_for(&policy, CT, &[JPEG, EXPLICIT], Ok(EXPLICIT));
        check_for(&policy, CT, &[IMPLICIT], Err(Reason::TransferSyntaxesNotSupported));
        check_for(&policy, FIND, &[EXPLICIT], Err(Reason::UserRejection));
    }

    #[test]
    fn roles_and_extensions_are_agreed_on() {
        let role = |class: &str, scu, scp| {
            UserVariableItem::ScuScpRoleSelectionSubItem(class.to_owned(), RequestorRoles { scu, scp })
        };
        let granted =
            answer_roles(&[role(CT, false, true), role(FIND, true, true), role("1.2.840.10008.5.9.9", true, true)]);
        assert_eq!(granted, [role(CT, false, true), role(FIND, true, false)]);

        let extension =
            |bytes: &[u8]| UserVariableItem::SopClassExtendedNegotiationSubItem(FIND.into(), bytes.to_vec());
        assert_eq!(answer_extensions(&[extension(&[1, 1, 1, 1])]), [extension(&[1, 1, 1, 0])]);
        assert_eq!(answer_extensions(&[extension(&[0, 1])]), [extension(&[0, 1])]);
        let manner = |bytes: &[u8]| QueryManner::agreed(&[extension(bytes)], FIND);
        assert_eq!(manner(&[1, 0, 1]), QueryManner { combined: false, fuzzy: true });
        assert_eq!(manner(&[0, 1]), QueryManner { combined: true, fuzzy: false });
        assert_eq!(QueryManner::agreed(&[], FIND), QueryManner::default());
    }
}

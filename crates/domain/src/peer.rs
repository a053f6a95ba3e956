//! DICOM application entities that Lightbox talks with.

use crate::Uid;
use crate::access::named;

/// An application entity title (PS3.5 §6.2, VR AE): 1 to 16 printable characters without backslash.
#[derive(Clone, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct AeTitle(String);

/// The text is not an application entity title.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("an AE title has 1 to 16 printable ASCII characters, no backslash, and not only spaces")]
pub struct AeTitleError;

impl AeTitle {
    /// Reads a title without its leading and trailing spaces, which are not significant.
    ///
    /// # Errors
    /// When it is empty, too long or has characters that the VR does not allow.
    pub fn parse(text: &str) -> Result<Self, AeTitleError> {
        let text = text.trim_matches([' ', '\0']);
        let allowed = |byte: u8| (0x20..=0x7e).contains(&byte) && byte != b'\\';
        if text.is_empty() || text.len() > 16 || !text.bytes().all(allowed) {
            return Err(AeTitleError);
        }
        Ok(Self(text.to_owned()))
    }

    /// The title as text.
    #[must_use]
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

impl std::fmt::Display for AeTitle {
    fn fmt(&self, formatter: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        formatter.write_str(&self.0)
    }
}

/// A peer that an administrator admitted.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Peer {
    /// Its AE title; `*` admits every caller.
    pub ae_title: String,
    /// Its host. A caller from elsewhere is refused when it is set.
    pub host: Option<String>,
    /// The port on which it accepts associations.
    pub port: Option<u16>,
    /// Whether live results are forwarded to it.
    pub receives_results: bool,
    /// When it was admitted, in milliseconds since 1970.
    pub admitted_ms: i64,
    /// What it may do here, and how it is called.
    pub policy: PeerPolicy,
}

/// What a peer may do here, and how it is called.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct PeerPolicy {
    /// The services that it may use, beside verification.
    pub services: Vec<PeerService>,
    /// The most associations of its own at once; `None` for as many as the site allows.
    pub associations_max: Option<u32>,
    /// After so many seconds without a message its association is aborted; `None` for as long as the site allows.
    pub idle_seconds_max: Option<u32>,
    /// The transfer syntaxes in which it may store, best first; none for all, in its own order.
    pub transfer_syntaxes: Vec<Uid>,
    /// Whether it is called over TLS.
    pub tls: bool,
    /// Whether it is asked to commit to what was delivered to it.
    pub commits: bool,
    /// What becomes of what it sends under a SOP Instance UID that something else has.
    pub conflicts: ConflictPolicy,
}

named! {
    /// What becomes of a newcomer whose SOP Instance UID another data set has that is stored.
    ConflictPolicy {
        /// What is stored stays; the newcomer waits on the conflict shelf for somebody to decide.
        KeepFirst = "keep_first",
        /// The newest counts; what was stored goes to the shelf.
        Replace = "replace",
        /// The newcomer is not taken, and its sender is told.
        Refuse = "refuse",
    }
}

impl Default for PeerPolicy {
    fn default() -> Self {
        Self {
            services: PeerService::ALL.to_vec(),
            associations_max: None,
            idle_seconds_max: None,
            transfer_syntaxes: Vec::new(),
            tls: false,
            commits: false,
            conflicts: ConflictPolicy::KeepFirst,
        }
    }
}

/// A DIMSE service that a peer may use here.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum PeerService {
    /// C-STORE.
    Store,
    /// C-FIND.
    Find,
    /// C-MOVE.
    Move,
    /// C-GET.
    Get,
    /// Storage commitment.
    Commit,
    /// Modality performed procedure steps.
    Mpps,
}

impl PeerService {
    /// All of them.
    pub const ALL: [Self; 6] = [Self::Store, Self::Find, Self::Move, Self::Get, Self::Commit, Self::Mpps];

    /// The service's name in the store and on the command line.
    #[must_use]
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Store => "store",
            Self::Find => "find",
            Self::Move => "move",
            Self::Get => "get",
            Self::Commit => "commit",
            Self::Mpps => "mpps",
        }
    }

    /// The service of this name.
    #[must_use]
    pub fn parse(name: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|service| service.as_str() == name)
    }
}

impl Peer {
    /// A peer of this title without an address, admitted now, that may use every service.
    #[must_use]
    pub fn new(ae_title: &str, admitted_ms: i64) -> Self {
        Self {
            ae_title: ae_title.to_owned(),
            host: None,
            port: None,
            receives_results: false,
            admitted_ms,
            policy: PeerPolicy::default(),
        }
    }

    /// Whether a caller with this title from this host is this peer.
    #[must_use]
    pub fn admits(&self, ae_title: &AeTitle, host: &str) -> bool {
        (self.ae_title == "*" || self.ae_title == ae_title.as_str())
            && self.host.as_deref().is_none_or(|known| known == host)
    }
}

/// A caller that nobody admitted yet.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct PendingPeer {
    /// The title it called with.
    pub ae_title: String,
    /// The host it called from.
    pub host: String,
    /// When it first called, in milliseconds since 1970.
    pub first_seen_ms: i64,
    /// When it last called.
    pub last_seen_ms: i64,
    /// How often.
    pub attempts: i64,
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn services_are_read_back_by_name() {
        assert!(PeerService::ALL.into_iter().all(|service| PeerService::parse(service.as_str()) == Some(service)));
        assert_eq!(PeerService::parse("print"), None);
        assert!(ConflictPolicy::ALL.iter().all(|one| ConflictPolicy::parse(one.as_str()) == Some(*one)));
        assert_eq!(ConflictPolicy::parse("toss"), None);
    }

    #[test]
    fn titles_are_read_without_padding() {
        assert_eq!(AeTitle::parse(" CT1 ").as_ref().map(AeTitle::as_str), Ok("CT1"));
        for bad in ["", "   ", "A\\B", "SEVENTEEN_LETTERS", "CÉ"] {
            assert_eq!(AeTitle::parse(bad), Err(AeTitleError));
        }
    }
}

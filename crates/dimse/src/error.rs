//! What can go wrong when Lightbox calls a peer.

use std::path::PathBuf;

/// Why a peer was not reached or did not take an object.
#[derive(Debug, thiserror::Error)]
pub enum DimseError {
    /// Nobody said where the peer is.
    #[error("it is not known where {0} is: give its host and port")]
    NoAddress(String),
    /// The peer is called over TLS, and we have nothing to check it against.
    #[error("{0} is called over TLS: set --dicom-tls-cert, --dicom-tls-key and --dicom-tls-ca")]
    NoTls(String),
    /// Our own or the peer's title cannot be called.
    #[error("{0} is no AE title")]
    BadTitle(String),
    /// No connection.
    #[error("cannot reach {address}: {source}")]
    Unreachable {
        /// Host and port.
        address: String,
        /// Why not.
        source: std::io::Error,
    },
    /// The peer does not want the association (PS3.8 §9.3.4).
    #[error("{address} rejected the association: {reason}")]
    Rejected {
        /// Host and port.
        address: String,
        /// In the words of the standard.
        reason: String,
        /// Whether the peer said that it will not want it later either.
        permanent: bool,
    },
    /// The peer takes no such object.
    #[error("{address} takes no objects of SOP class {sop_class_uid} in transfer syntax {transfer_syntax_uid}")]
    ContextRefused {
        /// Host and port.
        address: String,
        /// What it was offered.
        sop_class_uid: String,
        /// In which encoding.
        transfer_syntax_uid: String,
    },
    /// The peer does not offer a service.
    #[error("{address} does not offer SOP class {sop_class_uid}")]
    ServiceRefused {
        /// Host and port.
        address: String,
        /// What it was asked for.
        sop_class_uid: String,
    },
    /// The peer answered with what is no data set.
    #[error("{address} answered with a malformed data set: {reason}")]
    BadAnswer {
        /// Host and port.
        address: String,
        /// What is wrong with it.
        reason: String,
    },
    /// The association ended before its work was done.
    #[error("{address} {reason}")]
    Broken {
        /// Host and port.
        address: String,
        /// What the peer did, such as `aborted the association`.
        reason: String,
    },
    /// The peer answered that it did not do it.
    #[error("{address} answered with status {status:04X}{}{comment}", if .comment.is_empty() { "" } else { ": " })]
    Failed {
        /// Host and port.
        address: String,
        /// Status (PS3.7 Annex C, PS3.4 Table B.2-1).
        status: u16,
        /// Error Comment; may be empty.
        comment: String,
    },
    /// Our own store refuses.
    #[error("{0}")]
    Store(String),
    /// The object itself cannot be sent.
    #[error("cannot send {}: {reason}", .path.display())]
    Unsendable {
        /// Its file, or what it is.
        path: PathBuf,
        /// Why not.
        reason: String,
    },
}

impl DimseError {
    /// Whether trying again without a change is in vain.
    #[must_use]
    pub fn is_permanent(&self) -> bool {
        match self {
            Self::NoAddress(_)
            | Self::NoTls(_)
            | Self::BadTitle(_)
            | Self::ContextRefused { .. }
            | Self::Unsendable { .. } => true,
            Self::ServiceRefused { .. } | Self::BadAnswer { .. } => true,
            Self::Unreachable { .. } | Self::Broken { .. } | Self::Store(_) => false,
            Self::Rejected { permanent, .. } => *permanent,
            // Processing failure, resource limitation, out of resources (PS3.7 Annex C, PS3.4 Table B.2-1).
            Self::Failed { status, .. } => !matches!(status, 0x0110 | 0x0213 | 0xA700..=0xA7FF),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[track_caller]
    fn check(status: u16, permanent: bool) {
        let error = DimseError::Failed { address: "pacs:104".into(), status, comment: String::new() };
        assert_eq!(error.is_permanent(), permanent);
        assert_eq!(error.to_string(), format!("pacs:104 answered with status {status:04X}"));
    }

    #[test]
    fn a_full_peer_may_have_room_later() {
        check(0xA700, false);
        check(0x0110, false);
        check(0xA900, true);
        check(0xC123, true);
        check(0x0122, true);
    }
}

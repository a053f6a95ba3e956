//! DICOM application entities that Lightbox talks with.

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
}

impl Peer {
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
    fn titles_are_read_without_padding() {
        assert_eq!(AeTitle::parse(" CT1 ").as_ref().map(AeTitle::as_str), Ok("CT1"));
        for bad in ["", "   ", "A\\B", "SEVENTEEN_LETTERS", "CÉ"] {
            assert_eq!(AeTitle::parse(bad), Err(AeTitleError));
        }
    }
}

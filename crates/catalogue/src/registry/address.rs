//! Addresses of registries.

use crate::RegistryError;
use std::net::IpAddr;
use std::path::PathBuf;

/// Where a registry is.
#[derive(Debug, PartialEq)]
pub(crate) enum Address {
    Folder(PathBuf),
    Web(WebAddress),
}

/// Where a registry is on the network.
#[derive(Clone, Debug, PartialEq)]
pub(crate) struct WebAddress {
    pub is_encrypted: bool,
    /// Name or number, with the port if one is given.
    pub host: String,
    /// Parts of a path, without slashes at its ends; may be empty.
    pub prefix: String,
}

impl Address {
    pub fn parse(address: &str) -> Result<Self, RegistryError> {
        let invalid =
            |reason: &str| RegistryError::AddressInvalid { address: shown(address), reason: reason.to_owned() };
        let (is_encrypted, rest) = match address.split_once("://") {
            None if address.is_empty() => return Err(invalid("it is empty")),
            None => return Ok(Self::Folder(PathBuf::from(address))),
            Some(("https", rest)) => (true, rest),
            Some(("http", rest)) => (false, rest),
            Some(_) => return Err(invalid("it must begin with https:// or be the path of a folder")),
        };
        let (host, prefix) = rest.trim_end_matches('/').split_once('/').unwrap_or((rest.trim_end_matches('/'), ""));
        if host.contains('@') {
            return Err(invalid("a name and a password do not belong into it"));
        }
        let is_host = |c: char| c.is_ascii_alphanumeric() || ".-:[]".contains(c);
        if host.is_empty() || !host.chars().all(is_host) {
            return Err(invalid("it has no proper host"));
        }
        if !prefix.is_empty() && !prefix.split('/').all(is_repository_part) {
            return Err(invalid(
                "a path has lower-case letters, digits, and single dots, dashes and underscores between them",
            ));
        }
        Ok(Self::Web(WebAddress { is_encrypted, host: host.to_owned(), prefix: prefix.to_owned() }))
    }
}

impl WebAddress {
    /// Whether the address is this machine's.
    pub fn is_loopback(&self) -> bool {
        let host = self.host.as_str();
        let name = match host.strip_prefix('[') {
            Some(rest) => rest.split(']').next().unwrap_or_default(),
            None => host.split(':').next().unwrap_or_default(),
        };
        name == "localhost" || name.parse().is_ok_and(|address: IpAddr| address.is_loopback())
    }
}

/// One part of a repository's name (distribution-spec 1.1, Pulling manifests).
fn is_repository_part(part: &str) -> bool {
    let is_alphanumeric = |c: char| c.is_ascii_lowercase() || c.is_ascii_digit();
    let is_framed = part.starts_with(is_alphanumeric) && part.ends_with(is_alphanumeric);
    let is_plain = part.chars().all(|c| is_alphanumeric(c) || "._-".contains(c));
    is_framed && is_plain && !part.contains("..")
}

/// Without a password, if somebody wrote one into it.
fn shown(address: &str) -> String {
    match address.rsplit_once('@') {
        Some((_, rest)) => format!("…@{rest}"),
        None => address.chars().take(200).collect(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn web(address: &str) -> (bool, String, String, bool) {
        let Address::Web(web) = Address::parse(address).unwrap() else { panic!("{address} is a folder") };
        (web.is_encrypted, web.host.clone(), web.prefix.clone(), web.is_loopback())
    }

    #[test]
    fn addresses_are_read() {
        let owned =
            |encrypted, host: &str, prefix: &str, loopback| (encrypted, host.to_owned(), prefix.to_owned(), loopback);
        assert_eq!(web("https://ghcr.io/vendor/apps/"), owned(true, "ghcr.io", "vendor/apps", false));
        assert_eq!(web("http://127.0.0.1:5000"), owned(false, "127.0.0.1:5000", "", true));
        assert_eq!(web("http://[::1]:5000/a"), owned(false, "[::1]:5000", "a", true));
        assert_eq!(web("http://localhost/"), owned(false, "localhost", "", true));
        assert_eq!(web("http://localhost.example.org"), owned(false, "localhost.example.org", "", false));
        assert_eq!(Address::parse("apps/store").unwrap(), Address::Folder("apps/store".into()));
    }

    #[test]
    fn what_is_no_address_is_refused_and_no_password_shown() {
        for address in
            ["", "ftp://a", "https://", "https:///a", "https://a b/", "https://a/B", "https://a/../b", "https://a//b"]
        {
            assert!(Address::parse(address).is_err(), "{address}");
        }
        let text = Address::parse("https://me:secret@a/b").unwrap_err().to_string();
        assert!(!text.contains("secret"), "{text}");
    }
}

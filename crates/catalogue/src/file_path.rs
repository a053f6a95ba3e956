//! Paths of files in a package: relative, plain, and the same file on every system.

use crate::PackageError;
use crate::limit::{PATH_BYTES_MAX, PATH_DEPTH_MAX};
use std::collections::BTreeSet;
use std::fmt;

/// Name of the manifest in an unpacked release; no file of a package may have it.
pub(crate) const UNPACKED_MANIFEST: &str = "oci-manifest.json";

/// Where a file is in a package: parts of ASCII letters, digits and `. _ - +` between slashes, none beginning with a dot
/// or a dash, so that it leads nowhere else, hides from nobody, and is an option of no command.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, serde::Serialize)]
#[serde(transparent)]
pub struct FilePath(String);

impl FilePath {
    /// Reads a path.
    ///
    /// # Errors
    /// [`PackageError::PathRefused`] with the reason.
    pub fn parse(path: &str) -> Result<Self, PackageError> {
        let refuse = |reason| PackageError::PathRefused { path: path.chars().take(PATH_BYTES_MAX).collect(), reason };
        if path.len() > PATH_BYTES_MAX {
            return Err(refuse("it is too long"));
        }
        if path.split('/').count() > PATH_DEPTH_MAX {
            return Err(refuse("it lies too deep"));
        }
        if let Some(reason) = path.split('/').find_map(flaw) {
            return Err(refuse(reason));
        }
        if path.eq_ignore_ascii_case(UNPACKED_MANIFEST) {
            return Err(refuse("the name is kept for the manifest of an unpacked release"));
        }
        Ok(Self(path.to_owned()))
    }

    /// The path as text.
    #[must_use]
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

impl fmt::Display for FilePath {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

/// What is wrong with one part of a path.
fn flaw(part: &str) -> Option<&'static str> {
    match part {
        "" => Some("it is absolute, or a part of it is empty"),
        ".." | "." => Some("it leaves its folder"),
        _ if part.starts_with('.') => Some("it is hidden"),
        _ if part.starts_with('-') => Some("a part begins with a dash"),
        _ if part.ends_with('.') => Some("a part ends with a dot"),
        _ if !part.chars().all(|c| c.is_ascii_alphanumeric() || "._-+".contains(c)) => {
            Some("it has characters other than letters, digits and . _ - +")
        }
        _ => None,
    }
}

/// Refuses two files that would be one where case does not count, and a file where another path has a folder.
pub(crate) fn check_distinct<'a>(paths: impl IntoIterator<Item = &'a FilePath>) -> Result<(), PackageError> {
    let mut files = BTreeSet::new();
    let mut folders = BTreeSet::new();
    for path in paths {
        let refuse = |reason| PackageError::PathRefused { path: path.0.clone(), reason };
        let folded = path.0.to_ascii_lowercase();
        folders.extend(folded.match_indices('/').map(|(at, _)| folded[..at].to_owned()));
        if !files.insert(folded) {
            return Err(refuse("another file has the same name, but for case"));
        }
    }
    match files.intersection(&folders).next() {
        Some(path) => Err(PackageError::PathRefused { path: path.clone(), reason: "it is a file and a folder" }),
        None => Ok(()),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn plain_paths_pass() {
        for path in ["app.toml", "golden/case-1/image_0.dcm", "a+b/c", "1"] {
            assert_eq!(FilePath::parse(path).unwrap().as_str(), path);
        }
    }

    #[test]
    fn paths_that_lead_elsewhere_or_hide_are_refused() {
        let deep = "a/".repeat(PATH_DEPTH_MAX) + "a";
        let long = "a".repeat(PATH_BYTES_MAX + 1);
        for path in [
            "",
            "/",
            "/etc/passwd",
            "..",
            "../a",
            "a/../b",
            "a/..",
            "./a",
            "a/./b",
            "a//b",
            "a/",
            ".git",
            "a/.b",
            "-rf",
            "a\\b",
            "c:a",
            "a b",
            "a\n",
            "a\0",
            "é",
            "a.",
            "oci-manifest.json",
            "OCI-manifest.json",
            &deep,
            &long,
        ] {
            assert!(FilePath::parse(path).is_err(), "{path:?}");
        }
    }

    #[test]
    fn two_files_are_never_one() {
        let check = |paths: &[&str]| {
            let paths: Vec<_> = paths.iter().map(|path| FilePath::parse(path).unwrap()).collect();
            check_distinct(&paths).is_ok()
        };
        assert!(check(&["a", "b/a", "b/c"]));
        assert!(!check(&["a", "a"]));
        assert!(!check(&["Model.onnx", "model.onnx"]));
        assert!(!check(&["a", "A/b"]));
    }
}

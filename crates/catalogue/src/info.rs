//! The few lines of `app.toml` that a package needs to know: which release of which app by whom.

use crate::PackageError;
use toml::{Table, Value};

/// Name of the file that describes an app.
pub(crate) const INFO_FILE: &str = "app.toml";
const NAME_CHARS_MAX: usize = 64;
const TEXT_BYTES_MAX: usize = 4096;

/// What `[app]` of `app.toml` says of a release. What else is there is not looked at.
#[derive(Clone, Debug, PartialEq, Eq, serde::Serialize)]
pub struct PackageInfo {
    /// Identifier of the app, such as `cxr-pneumonia`; also its name in a registry.
    pub id: String,
    /// Version of the release, such as `0.1.0`.
    pub release: String,
    /// Name of the app for people.
    pub name: String,
    /// Who makes it.
    pub vendor: String,
    /// One sentence; empty if there is none.
    pub summary: String,
    /// Licence, best as an SPDX expression.
    pub licence: Option<String>,
}

impl PackageInfo {
    /// Reads `[app]`.
    ///
    /// # Errors
    /// [`PackageError::InfoInvalid`] if it is no TOML, or lacks `id`, `release`, `name` or `vendor`, or if `id` or `release`
    /// cannot name a release.
    pub fn parse(text: &str) -> Result<Self, PackageError> {
        let table: Table = text.parse().map_err(|error: toml::de::Error| invalid(one_line(error.message())))?;
        let app = table.get("app").and_then(Value::as_table).ok_or_else(|| invalid("the table [app] is missing"))?;
        let info = Self {
            id: required(app, "id")?,
            release: required(app, "release")?,
            name: required(app, "name")?,
            vendor: required(app, "vendor")?,
            summary: optional(app, "summary")?.unwrap_or_default(),
            licence: optional(app, "licence")?,
        };
        check_id(&info.id)?;
        check_release(&info.release)?;
        Ok(info)
    }

    /// App and release for people, such as `cxr-pneumonia 0.1.0`.
    #[must_use]
    pub fn title(&self) -> String {
        format!("{} {}", self.id, self.release)
    }

    /// The release as a tag of a registry, which knows no plus sign.
    #[must_use]
    pub fn tag(&self) -> String {
        release_tag(&self.release)
    }
}

/// A release's name as a tag: `+` becomes `_`, which no release's name has.
pub(crate) fn release_tag(release: &str) -> String {
    release.replace('+', "_")
}

/// The release that a tag names.
pub(crate) fn tagged_release(tag: &str) -> Option<String> {
    let release = tag.replace('_', "+");
    check_release(&release).is_ok().then_some(release)
}

/// Lower-case letters, digits and single dashes between them: also a name in every registry (distribution-spec 1.1, Pulling
/// manifests).
pub(crate) fn check_id(id: &str) -> Result<(), PackageError> {
    let is_plain = |c: char| c.is_ascii_lowercase() || c.is_ascii_digit() || c == '-';
    let is_framed = !id.starts_with('-') && !id.ends_with('-') && !id.contains("--");
    if (1..=NAME_CHARS_MAX).contains(&id.len()) && id.chars().all(is_plain) && is_framed {
        return Ok(());
    }
    Err(invalid("app.id must have 1 to 64 lower-case letters, digits and single dashes between them"))
}

pub(crate) fn check_release(release: &str) -> Result<(), PackageError> {
    let is_plain = |c: char| c.is_ascii_lowercase() || c.is_ascii_digit() || "-.+".contains(c);
    let starts_well = release.starts_with(|c: char| c.is_ascii_alphanumeric());
    if release.len() <= NAME_CHARS_MAX && starts_well && release.chars().all(is_plain) && !release.contains("..") {
        return Ok(());
    }
    Err(invalid(
        "app.release must have 1 to 64 lower-case letters, digits, dashes, plus signs and single dots, a letter or digit first",
    ))
}

fn required(app: &Table, key: &str) -> Result<String, PackageError> {
    let text = optional(app, key)?.ok_or_else(|| invalid(format!("app.{key} is missing")))?;
    if text.is_empty() { Err(invalid(format!("app.{key} is empty"))) } else { Ok(text) }
}

fn optional(app: &Table, key: &str) -> Result<Option<String>, PackageError> {
    let Some(value) = app.get(key) else { return Ok(None) };
    let text = value.as_str().ok_or_else(|| invalid(format!("app.{key} must be a text")))?.trim();
    PackageError::limit(format!("app.{key}"), text.len() as u64, TEXT_BYTES_MAX as u64, "bytes")?;
    Ok(Some(text.to_owned()))
}

fn invalid(reason: impl Into<String>) -> PackageError {
    PackageError::InfoInvalid(reason.into())
}

fn one_line(text: &str) -> String {
    text.lines().map(str::trim).collect::<Vec<_>>().join("; ")
}

#[cfg(test)]
mod tests {
    use super::*;

    const APP: &str = "[app]\nid = 'bright'\nrelease = '1.0.0+b2'\nname = 'Brightness'\nvendor = 'Ours'\n";

    #[test]
    fn unknown_keys_are_left_alone() {
        let info = PackageInfo::parse(&format!("schema = 9\n{APP}new = [1]\n[other]\nx = 1\n")).unwrap();
        assert_eq!((info.title().as_str(), info.tag().as_str()), ("bright 1.0.0+b2", "1.0.0_b2"));
        assert_eq!(tagged_release(&info.tag()).as_deref(), Some("1.0.0+b2"));
        assert_eq!((info.summary.as_str(), info.licence), ("", None));
    }

    #[test]
    fn what_names_no_release_is_refused_in_one_line() {
        let check = |from: &str, to: &str, expected: &str| {
            let text = PackageInfo::parse(&APP.replace(from, to)).unwrap_err().to_string();
            assert!(text.contains(expected) && !text.contains('\n'), "{text}");
        };
        check("[app]", "[ap]", "[app] is missing");
        check("'bright'", "'../x'", "app.id must");
        check("'bright'", "'a--b'", "app.id must");
        check("'1.0.0+b2'", "'../x'", "app.release must");
        check("'1.0.0+b2'", "'1..0'", "app.release must");
        check("'1.0.0+b2'", "1", "app.release must be a text");
        check("'Ours'", "' '", "app.vendor is empty");
        check("vendor", "vendr", "app.vendor is missing");
        check("[app]", "[app", "app.toml: ");
    }

    #[test]
    fn the_tags_of_others_are_no_releases() {
        assert_eq!(tagged_release("latest").as_deref(), Some("latest"));
        assert_eq!(tagged_release(&format!("sha256-{}", "a".repeat(64))), None, "the list of its signatures");
        assert_eq!(tagged_release("V1"), None);
    }
}

//! What one release changed against another: files, and keys of `app.toml`.

use crate::{Digest, FilePath, Package, PackageError, PackageInfo};
use serde::Serialize;
use std::collections::{BTreeMap, BTreeSet};
use std::fmt;
use toml::{Table, Value};

/// What changed between two releases. Prints as lines for a person.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct PackageDiff {
    /// The first release.
    pub from: PackageInfo,
    /// Its digest.
    pub from_digest: Digest,
    /// The second release.
    pub to: PackageInfo,
    /// Its digest.
    pub to_digest: Digest,
    /// Files that differ, by path.
    pub files: Vec<FileChange>,
    /// Keys of `app.toml` that differ, by key.
    pub settings: Vec<SettingChange>,
}

/// A file that only one release has, or that has other content.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct FileChange {
    /// Where it is in the package.
    pub path: FilePath,
    /// What it is for, such as `model`.
    pub role: &'static str,
    /// Size in the first release, in bytes; nothing if it was added.
    pub from_bytes: Option<u64>,
    /// Size in the second release, in bytes; nothing if it was removed.
    pub to_bytes: Option<u64>,
}

/// A key of `app.toml` that only one release has, or that has another value.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct SettingChange {
    /// Dotted, such as `model.seconds_max` or `finding[pneumonia].threshold`: a table of a list goes by its `id` or `name`
    /// where all have one, else by its place from 0.
    pub key: String,
    /// Value in the first release, as TOML.
    pub from: Option<String>,
    /// Value in the second release, as TOML.
    pub to: Option<String>,
}

/// Compares two releases.
///
/// # Errors
/// [`PackageError::InfoInvalid`] if an `app.toml` is no TOML.
pub fn diff(from: &Package, to: &Package) -> Result<PackageDiff, PackageError> {
    Ok(PackageDiff {
        from: from.info().clone(),
        from_digest: from.digest(),
        to: to.info().clone(),
        to_digest: to.digest(),
        files: file_changes(from, to),
        settings: setting_changes(&settings(from)?, &settings(to)?),
    })
}

fn file_changes(from: &Package, to: &Package) -> Vec<FileChange> {
    let by_path = |package: &Package| -> BTreeMap<_, _> {
        package.files().iter().map(|file| (file.path.clone(), file.clone())).collect()
    };
    let (from, to) = (by_path(from), by_path(to));
    let paths: BTreeSet<_> = from.keys().chain(to.keys()).collect();
    let change = |path: &FilePath| {
        let (old, new) = (from.get(path), to.get(path));
        let is_same = old.map(|file| file.digest) == new.map(|file| file.digest);
        let role = new.or(old)?.role;
        let (from_bytes, to_bytes) = (old.map(|file| file.bytes), new.map(|file| file.bytes));
        (!is_same).then(|| FileChange { path: path.clone(), role, from_bytes, to_bytes })
    };
    paths.into_iter().filter_map(change).collect()
}

fn setting_changes(from: &BTreeMap<String, String>, to: &BTreeMap<String, String>) -> Vec<SettingChange> {
    let keys: BTreeSet<_> = from.keys().chain(to.keys()).collect();
    let change = |key: &String| {
        let (old, new) = (from.get(key).cloned(), to.get(key).cloned());
        (old != new).then(|| SettingChange { key: key.clone(), from: old, to: new })
    };
    keys.into_iter().filter_map(change).collect()
}

/// Every key of `app.toml` that has a plain value.
fn settings(package: &Package) -> Result<BTreeMap<String, String>, PackageError> {
    let table: Table = package.description().parse().map_err(|error: toml::de::Error| {
        PackageError::InfoInvalid(error.message().lines().collect::<Vec<_>>().join("; "))
    })?;
    let mut settings = BTreeMap::new();
    flatten("", &Value::Table(table), &mut settings);
    Ok(settings)
}

fn flatten(key: &str, value: &Value, settings: &mut BTreeMap<String, String>) {
    match value {
        Value::Table(table) => {
            for (name, value) in table {
                let key = if key.is_empty() { name.clone() } else { format!("{key}.{name}") };
                flatten(&key, value, settings);
            }
        }
        Value::Array(list) if list.iter().any(Value::is_table) => {
            for (name, value) in names(list).into_iter().zip(list) {
                flatten(&format!("{key}[{name}]"), value, settings);
            }
        }
        plain => {
            settings.insert(key.to_owned(), plain.to_string());
        }
    }
}

/// What to call the tables of a list, so that one inserted in front does not change all others.
fn names(list: &[Value]) -> Vec<String> {
    let by = |key: &str| {
        let names: Option<Vec<_>> = list.iter().map(|value| Some(value.get(key)?.as_str()?.to_owned())).collect();
        names.filter(|names| names.iter().collect::<BTreeSet<_>>().len() == names.len())
    };
    by("id").or_else(|| by("name")).unwrap_or_else(|| (0..list.len()).map(|place| place.to_string()).collect())
}

impl PackageDiff {
    /// Whether both are the same release.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.from_digest == self.to_digest
    }
}

impl fmt::Display for PackageDiff {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        writeln!(f, "{} ({})", self.from.title(), self.from_digest)?;
        writeln!(f, "{} ({})", self.to.title(), self.to_digest)?;
        for file in &self.files {
            match (file.from_bytes, file.to_bytes) {
                (Some(from), Some(to)) => writeln!(f, "~ {} ({}): {from} -> {to} bytes", file.path, file.role)?,
                (None, Some(to)) => writeln!(f, "+ {} ({}): {to} bytes", file.path, file.role)?,
                (Some(from), None) => writeln!(f, "- {} ({}): {from} bytes", file.path, file.role)?,
                (None, None) => {}
            }
        }
        for setting in &self.settings {
            match (&setting.from, &setting.to) {
                (Some(from), Some(to)) => writeln!(f, "~ {}: {from} -> {to}", setting.key)?,
                (None, Some(to)) => writeln!(f, "+ {} = {to}", setting.key)?,
                (Some(from), None) => writeln!(f, "- {} = {from}", setting.key)?,
                (None, None) => {}
            }
        }
        Ok(())
    }
}

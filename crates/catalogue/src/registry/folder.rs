//! A folder as a registry: `ID/RELEASE` is the layout of a release, and nothing else has to be kept in step.

use super::Wanted;
use super::mirror::{Pin, pins};
use crate::info::{check_id, check_release};
use crate::limit::{APPS_MAX, TAGS_MAX};
use crate::{Package, PackageError, RegistryError, Signature};
use std::fmt;
use std::fs;
use std::path::{Path, PathBuf};
use tracing::info;

/// A registry that is a folder of layouts; its methods block.
#[derive(Clone, Debug)]
pub struct FolderRegistry {
    folder: PathBuf,
}

impl FolderRegistry {
    /// The registry in a folder, which may not be there yet.
    #[must_use]
    pub fn new(folder: impl Into<PathBuf>) -> Self {
        Self { folder: folder.into() }
    }

    /// Where it is.
    #[must_use]
    pub fn folder(&self) -> &Path {
        &self.folder
    }

    /// Opens a release where it lies.
    ///
    /// # Errors
    /// [`RegistryError`] if it is not there, or, in a mirror, is not the one that was pinned.
    pub fn open(&self, id: &str, wanted: &Wanted) -> Result<Package, RegistryError> {
        super::check_wanted(id, wanted)?;
        let package = match wanted {
            Wanted::Release(release) => Package::open(&self.place(id, release)),
            Wanted::Digest(digest) => {
                let packages = self.releases(id)?.into_iter().map(|release| Package::open(&self.place(id, &release)));
                let mut fitting = packages.filter(|package| package.as_ref().is_ok_and(|it| it.digest() == *digest));
                fitting.next().unwrap_or_else(|| Err(PackageError::Missing(self.folder.join(id))))
            }
        };
        let package = package.map_err(|error| match error {
            PackageError::Missing(_) => self.not_found(format!("{id} {wanted}")),
            error => error.into(),
        })?;
        self.check_pin(id, &package)?;
        Ok(package)
    }

    pub(crate) fn publish(&self, package: &Package) -> Result<bool, RegistryError> {
        let info = package.info();
        match self.open(&info.id, &Wanted::Release(info.release.clone())) {
            Ok(there) if there.digest() == package.digest() => {
                package.save_signatures(&self.place(&info.id, &info.release))?;
                Ok(false)
            }
            Ok(there) => {
                let (release, found, digest) = (info.title(), there.digest(), package.digest());
                Err(RegistryError::ReleaseTaken { release, found, digest })
            }
            Err(RegistryError::NotFound { .. }) => {
                package.save(&self.new_place(&info.id, &info.release)?)?;
                info!(app = %info.id, release = %info.release, digest = %package.digest(), "published release");
                Ok(true)
            }
            Err(error) => Err(error),
        }
    }

    pub(crate) fn fetch(&self, id: &str, wanted: &Wanted, place: &Path) -> Result<Package, RegistryError> {
        self.open(id, wanted)?.save(place)?;
        Ok(Package::open(place)?)
    }

    pub(crate) fn releases(&self, id: &str) -> Result<Vec<String>, RegistryError> {
        let folder = self.folder.join(id);
        if !folder.is_dir() {
            return Err(self.not_found(id.to_owned()));
        }
        names(&folder, TAGS_MAX, |name| check_release(name).is_ok())
    }

    pub(crate) fn apps(&self) -> Result<Vec<String>, RegistryError> {
        if !self.folder.is_dir() {
            return Ok(Vec::new());
        }
        names(&self.folder, APPS_MAX, |name| check_id(name).is_ok())
    }

    /// Adds signatures to a release that is there.
    pub(crate) fn add_signatures(&self, pin: &Pin, signatures: Vec<Signature>) -> Result<(), RegistryError> {
        let mut package = self.open(&pin.id, &Wanted::Release(pin.release.clone()))?;
        signatures.into_iter().for_each(|signature| package.add_signature(signature));
        Ok(package.save_signatures(&self.place(&pin.id, &pin.release))?)
    }

    /// Where a release that is not there yet will lie; makes the folder above.
    pub(crate) fn new_place(&self, id: &str, release: &str) -> Result<PathBuf, RegistryError> {
        let folder = self.folder.join(id);
        fs::create_dir_all(&folder).map_err(|error| PackageError::io("make", &folder, error))?;
        Ok(folder.join(release))
    }

    /// Callers have checked both names.
    fn place(&self, id: &str, release: &str) -> PathBuf {
        self.folder.join(id).join(release)
    }

    fn check_pin(&self, id: &str, package: &Package) -> Result<(), RegistryError> {
        let release = &package.info().release;
        let pins = pins(&self.folder)?;
        let pin = pins.iter().find(|pin| pin.id == id && pin.release == *release);
        match pin {
            Some(pin) if pin.digest != package.digest() => {
                let (release, pinned, found) = (package.info().title(), pin.digest, package.digest());
                Err(RegistryError::NotAsPinned { release, pinned, found })
            }
            _ => Ok(()),
        }
    }

    fn not_found(&self, what: String) -> RegistryError {
        RegistryError::NotFound { what, registry: self.to_string() }
    }
}

impl fmt::Display for FolderRegistry {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}", self.folder.display())
    }
}

/// The folders in a folder that have a proper name, sorted.
fn names(folder: &Path, names_max: usize, is_proper: impl Fn(&str) -> bool) -> Result<Vec<String>, RegistryError> {
    let listing = |error| PackageError::io("list", folder, error);
    let mut names = Vec::new();
    for entry in fs::read_dir(folder).map_err(listing)? {
        let entry = entry.map_err(listing)?;
        let is_folder = entry.file_type().map_err(listing)?.is_dir();
        let name = entry.file_name().into_string().unwrap_or_default();
        if is_folder && is_proper(&name) {
            names.push(name);
            PackageError::limit(folder.display().to_string(), names.len() as u64, names_max as u64, "names")?;
        }
    }
    names.sort();
    Ok(names)
}

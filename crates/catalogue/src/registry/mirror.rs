//! A site's copy of what a registry has. Each release is pinned to the digest that it had when it was first seen, so that
//! nobody upstream can put something else under its name.

use super::{FolderRegistry, Registry, Wanted, blocking};
use crate::limit::MANIFEST_BYTES_MAX;
use crate::staged::StagedFile;
use crate::{Digest, Package, PackageError, RegistryError, oci};
use serde::{Deserialize, Serialize};
use std::fs::{self, File};
use std::io::{self, Read as _};
use std::path::Path;
use tracing::{info, warn};

/// The file that keeps the pins, in the mirror's folder.
const PINS_FILE: &str = "mirror.json";

/// A release and the digest that it will have for ever.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Pin {
    /// Identifier of the app.
    pub id: String,
    /// Name of the release.
    pub release: String,
    /// Its digest.
    pub digest: Digest,
}

/// What became of each release that the source has.
#[derive(Clone, Debug, Default, PartialEq, Serialize)]
pub struct Mirrored {
    /// New here.
    pub added: Vec<Pin>,
    /// Here before; signatures that are new upstream were added.
    pub unchanged: Vec<Pin>,
    /// Something else has the name upstream now; what is here was kept.
    pub moved: Vec<Moved>,
    /// Not copied, because it is no package or is damaged.
    pub skipped: Vec<Skipped>,
}

/// A release whose name stands for something else upstream.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct Moved {
    /// What is here.
    pub pin: Pin,
    /// What is upstream.
    pub upstream: Digest,
}

/// A release that was not copied.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct Skipped {
    /// Identifier of the app.
    pub id: String,
    /// Name of the release.
    pub release: String,
    /// Why not, on one line.
    pub reason: String,
}

#[derive(Default, Serialize, Deserialize)]
struct Pins {
    source: String,
    releases: Vec<Pin>,
}

/// Copies every release of these apps, or of all apps if none is named, with its signatures into a folder. What is there is
/// never replaced. Each release is complete and pinned before the next, so it may be stopped and started again.
///
/// # Errors
/// [`RegistryError`] if the source cannot be asked, or the disk refuses. A single bad release is skipped instead.
pub async fn mirror(
    source: &Registry,
    destination: &FolderRegistry,
    apps: &[String],
) -> Result<Mirrored, RegistryError> {
    let apps = if apps.is_empty() { source.apps().await? } else { apps.to_vec() };
    let mut mirrored = Mirrored::default();
    for id in &apps {
        for release in source.releases(id).await? {
            let pin = Pin { id: id.clone(), digest: source.digest(id, &release).await?, release };
            mirror_release(source, destination, pin, &mut mirrored).await?;
        }
    }
    Ok(mirrored)
}

async fn mirror_release(
    source: &Registry,
    destination: &FolderRegistry,
    pin: Pin,
    mirrored: &mut Mirrored,
) -> Result<(), RegistryError> {
    let pinned = pins(destination.folder())?.into_iter().find(|it| it.id == pin.id && it.release == pin.release);
    match pinned {
        Some(pinned) if pinned.digest == pin.digest => {
            let signatures = source.signatures(&pin.id, pin.digest).await?;
            let (folder, known) = (destination.clone(), pin.clone());
            blocking(move || folder.add_signatures(&known, signatures)).await?;
            mirrored.unchanged.push(pin);
        }
        Some(pinned) => {
            warn!(app = %pin.id, release = %pin.release, upstream = %pin.digest, "release changed upstream; kept ours");
            mirrored.moved.push(Moved { pin: pinned, upstream: pin.digest });
        }
        None => match copy(source, destination, &pin).await {
            Ok(()) => mirrored.added.push(pin),
            Err(RegistryError::Package(error)) if is_about_release(&error) => {
                mirrored.skipped.push(Skipped { id: pin.id, release: pin.release, reason: error.to_string() });
            }
            Err(error) => return Err(error),
        },
    }
    Ok(())
}

/// By its digest, so that it is the one that is pinned even if the name moves meanwhile. The pin comes last; a copy without
/// one, left by a stop in between, is pinned if it is the same.
async fn copy(source: &Registry, destination: &FolderRegistry, pin: &Pin) -> Result<(), RegistryError> {
    let place = destination.new_place(&pin.id, &pin.release)?;
    let package = if place.exists() {
        Package::open(&place)?
    } else {
        source.fetch(&pin.id, &Wanted::Digest(pin.digest), &place).await?
    };
    if package.digest() != pin.digest {
        let (file, expected, found) = (package.info().title(), pin.digest, package.digest());
        return Err(PackageError::Altered { file, expected, found }.into());
    }
    if package.info().id != pin.id || package.info().release != pin.release {
        fs::remove_dir_all(&place).map_err(|error| PackageError::io("remove", &place, error))?;
        let reason = format!("it says that it is {}", package.info().title());
        return Err(PackageError::malformed(format!("{} {}", pin.id, pin.release), reason).into());
    }
    info!(app = %pin.id, release = %pin.release, digest = %pin.digest, "mirrored release");
    let (folder, source, pin) = (destination.folder().to_owned(), source.to_string(), pin.clone());
    blocking(move || add_pin(&folder, source, pin)).await
}

/// Whether an error says that a release is bad, rather than that this machine's disk is.
fn is_about_release(error: &PackageError) -> bool {
    !matches!(error, PackageError::Io { .. } | PackageError::Missing(_) | PackageError::Exists(_))
}

/// The pins of a folder; none if it is no mirror.
pub(crate) fn pins(folder: &Path) -> Result<Vec<Pin>, RegistryError> {
    Ok(read_pins(folder)?.releases)
}

fn read_pins(folder: &Path) -> Result<Pins, RegistryError> {
    let path = folder.join(PINS_FILE);
    let mut bytes = Vec::new();
    match File::open(&path).and_then(|file| file.take(MANIFEST_BYTES_MAX + 1).read_to_end(&mut bytes)) {
        Ok(_) => Ok(oci::parse(PINS_FILE, &bytes)?),
        Err(error) if error.kind() == io::ErrorKind::NotFound => Ok(Pins::default()),
        Err(error) => Err(PackageError::io("read", &path, error).into()),
    }
}

fn add_pin(folder: &Path, source: String, pin: Pin) -> Result<(), RegistryError> {
    let mut pins = read_pins(folder)?;
    pins.source = source;
    pins.releases.push(pin);
    let mut file = StagedFile::new(&folder.join(PINS_FILE))?;
    file.write(&oci::to_bytes(&pins))?;
    Ok(file.replace()?)
}

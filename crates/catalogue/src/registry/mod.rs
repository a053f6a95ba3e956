//! Where releases are published and found: any OCI registry, or a folder of layouts. An app is a repository, a release is
//! a tag; once published, a release never changes.

mod address;
mod folder;
mod mirror;
mod page;
mod remote;
mod transfer;

pub use folder::FolderRegistry;
pub use mirror::{Mirrored, Moved, Pin, Skipped, mirror};
pub use remote::RemoteRegistry;

use crate::info::{check_id, check_release};
use crate::{Digest, Package, RegistryError, Signature};
use address::Address;
use std::fmt;
use std::path::Path;

/// How to sign in.
#[derive(Clone, Default, PartialEq, Eq)]
pub enum Access {
    /// Not at all.
    #[default]
    Anonymous,
    /// With a name and a password, by HTTP Basic or, where the registry sends us to a token service, there.
    Basic {
        /// Name.
        user: String,
        /// Password or access token.
        password: String,
    },
    /// With a bearer token that was got elsewhere.
    Bearer(String),
}

impl fmt::Debug for Access {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Anonymous => f.write_str("Anonymous"),
            Self::Basic { user, .. } => write!(f, "Basic({user})"),
            Self::Bearer(_) => f.write_str("Bearer"),
        }
    }
}

/// How to speak with a registry.
#[derive(Clone, Debug, Default)]
pub struct Options {
    /// How to sign in.
    pub access: Access,
    /// Allows `http://` to a host other than this one.
    pub plain_http: bool,
    /// Certificates to trust besides the system's, in PEM: those of the hospital's own authority, for instance.
    pub certificates: Vec<Vec<u8>>,
}

/// Which release of an app.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Wanted {
    /// By its name, such as `0.1.0`.
    Release(String),
    /// By its digest.
    Digest(Digest),
}

impl fmt::Display for Wanted {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Release(release) => f.write_str(release),
            Self::Digest(digest) => write!(f, "{digest}"),
        }
    }
}

/// A registry.
#[derive(Clone, Debug)]
pub enum Registry {
    /// Layouts in a folder.
    Folder(FolderRegistry),
    /// Anything that speaks the OCI distribution protocol.
    Remote(RemoteRegistry),
}

impl Registry {
    /// Opens a registry by its address: `https://HOST[:PORT][/PREFIX]`, where apps are repositories under the prefix, or
    /// the path of a folder. Nothing is sent yet. Plain `http://` is for this machine, unless the options allow it.
    ///
    /// # Errors
    /// [`RegistryError`] if the address is none, or must be encrypted.
    pub fn open(address: &str, options: &Options) -> Result<Self, RegistryError> {
        match Address::parse(address)? {
            Address::Folder(folder) => Ok(Self::Folder(FolderRegistry::new(folder))),
            Address::Web(web) => Ok(Self::Remote(RemoteRegistry::new(web, options)?)),
        }
    }

    /// Publishes a release with its signatures. If the very same release is there, only signatures are added. Says whether
    /// the release is new there.
    ///
    /// # Errors
    /// [`RegistryError`], in particular [`RegistryError::ReleaseTaken`] if another release has this name.
    pub async fn publish(&self, package: &Package) -> Result<bool, RegistryError> {
        match self {
            Self::Remote(remote) => remote.publish(package).await,
            Self::Folder(folder) => {
                let (folder, package) = (folder.clone(), package.clone());
                blocking(move || folder.publish(&package)).await
            }
        }
    }

    /// Fetches a release with its signatures into a layout at `place`, where nothing is. Every byte has been checked
    /// against the release's digest by then; what the signatures are worth, [`crate::verify`] says.
    ///
    /// # Errors
    /// [`RegistryError`] if it is not there, is no package, or was altered.
    pub async fn fetch(&self, id: &str, wanted: &Wanted, place: &Path) -> Result<Package, RegistryError> {
        check_wanted(id, wanted)?;
        match self {
            Self::Remote(remote) => remote.fetch(id, wanted, place).await,
            Self::Folder(folder) => {
                let (folder, id, wanted, place) = (folder.clone(), id.to_owned(), wanted.clone(), place.to_owned());
                blocking(move || folder.fetch(&id, &wanted, &place)).await
            }
        }
    }

    /// The digest that a release's name stands for there.
    ///
    /// # Errors
    /// [`RegistryError`], in particular [`RegistryError::NotFound`].
    pub async fn digest(&self, id: &str, release: &str) -> Result<Digest, RegistryError> {
        let wanted = Wanted::Release(release.to_owned());
        check_wanted(id, &wanted)?;
        match self {
            Self::Remote(remote) => remote.digest(id, release).await,
            Self::Folder(folder) => {
                let (folder, id) = (folder.clone(), id.to_owned());
                blocking(move || Ok(folder.open(&id, &wanted)?.digest())).await
            }
        }
    }

    /// The signatures of a release there.
    ///
    /// # Errors
    /// [`RegistryError`] if they cannot be read.
    pub async fn signatures(&self, id: &str, digest: Digest) -> Result<Vec<Signature>, RegistryError> {
        let wanted = Wanted::Digest(digest);
        check_wanted(id, &wanted)?;
        match self {
            Self::Remote(remote) => remote.signatures(id, digest).await,
            Self::Folder(folder) => {
                let (folder, id) = (folder.clone(), id.to_owned());
                blocking(move || Ok(folder.open(&id, &wanted)?.signatures().to_vec())).await
            }
        }
    }

    /// The releases of an app, in the order of their names. What is no release's name is left out.
    ///
    /// # Errors
    /// [`RegistryError`], in particular [`RegistryError::NotFound`].
    pub async fn releases(&self, id: &str) -> Result<Vec<String>, RegistryError> {
        check_id(id)?;
        match self {
            Self::Remote(remote) => remote.releases(id).await,
            Self::Folder(folder) => {
                let (folder, id) = (folder.clone(), id.to_owned());
                blocking(move || folder.releases(&id)).await
            }
        }
    }

    /// The apps there, in the order of their identifiers. What cannot be an app's is left out.
    ///
    /// # Errors
    /// [`RegistryError`], in particular [`RegistryError::NoList`] if the registry does not tell.
    pub async fn apps(&self) -> Result<Vec<String>, RegistryError> {
        match self {
            Self::Remote(remote) => remote.apps().await,
            Self::Folder(folder) => {
                let folder = folder.clone();
                blocking(move || folder.apps()).await
            }
        }
    }
}

impl fmt::Display for Registry {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Folder(folder) => write!(f, "{folder}"),
            Self::Remote(remote) => write!(f, "{remote}"),
        }
    }
}

/// Both names become part of paths and addresses.
fn check_wanted(id: &str, wanted: &Wanted) -> Result<(), RegistryError> {
    check_id(id)?;
    if let Wanted::Release(release) = wanted {
        check_release(release)?;
    }
    Ok(())
}

/// Does something with files on a thread that may wait.
async fn blocking<T: Send + 'static>(
    work: impl FnOnce() -> Result<T, RegistryError> + Send + 'static,
) -> Result<T, RegistryError> {
    match tokio::task::spawn_blocking(work).await {
        Ok(done) => done,
        Err(error) => match error.try_into_panic() {
            Ok(panic) => std::panic::resume_unwind(panic),
            Err(error) => Err(RegistryError::Failed {
                registry: "this machine".to_owned(),
                action: "finish before the program ends".to_owned(),
                reason: error.to_string(),
            }),
        },
    }
}

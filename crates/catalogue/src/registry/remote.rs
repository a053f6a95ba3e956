//! A registry on the network, by the OCI distribution protocol (distribution-spec 1.1).

use super::address::WebAddress;
use super::transfer::{content_of, write_checked};
use super::{Access, Options, Wanted, blocking, page};
use crate::blob::{Blob, Place};
use crate::info::{check_id, release_tag, tagged_release};
use crate::layout::{self, blob_name};
use crate::limit::{
    APPS_MAX, CONNECT_SECONDS_MAX, ENVELOPE_BYTES_MAX, MANIFEST_BYTES_MAX, PAGE_NAMES_MAX, REFERRERS_ATTEMPTS_MAX,
    SIGNATURES_MAX, SILENCE_SECONDS_MAX, TAGS_MAX, TRANSFERS_MAX,
};
use crate::oci::{self, Descriptor, INDEX_TYPE, Index, MANIFEST_TYPE, SIGNATURE_TYPE};
use crate::release_manifest::ReleaseManifest;
use crate::staged::StagedFolder;
use crate::{Digest, Package, PackageError, PackagedFile, RegistryError, Signature};
use futures_util::stream::{self, StreamExt as _, TryStreamExt as _};
use oci_client::client::{Certificate, CertificateEncoding, ClientConfig, ClientProtocol};
use oci_client::errors::{DigestError, OciDistributionError, OciErrorCode};
use oci_client::secrets::RegistryAuth;
use oci_client::{Client, Reference};
use std::error::Error;
use std::fmt;
use std::fs;
use std::path::Path;
use std::time::Duration;
use tracing::info;

/// What is asked for, so that whatever has the name is given and can be named in an error.
const MANIFEST_TYPES: [&str; 4] = [
    MANIFEST_TYPE,
    INDEX_TYPE,
    "application/vnd.docker.distribution.manifest.v2+json",
    "application/vnd.docker.distribution.manifest.list.v2+json",
];
/// Longest text of somebody else's in an error, in characters.
const REASON_CHARS_MAX: usize = 300;

/// A registry on the network.
#[derive(Clone)]
pub struct RemoteRegistry {
    client: Client,
    auth: RegistryAuth,
    address: WebAddress,
}

impl RemoteRegistry {
    pub(crate) fn new(address: WebAddress, options: &Options) -> Result<Self, RegistryError> {
        if !address.is_encrypted && !address.is_loopback() && !options.plain_http {
            return Err(RegistryError::PlainHttp { host: address.host });
        }
        // Whoever installed one before us, as the server does when it starts, has chosen.
        let _ = rustls::crypto::ring::default_provider().install_default();
        let certificate = |data: &Vec<u8>| Certificate { encoding: CertificateEncoding::Pem, data: data.clone() };
        let config = ClientConfig {
            protocol: if address.is_encrypted { ClientProtocol::Https } else { ClientProtocol::Http },
            use_monolithic_push: true,
            extra_root_certificates: options.certificates.iter().map(certificate).collect(),
            connect_timeout: Some(Duration::from_secs(CONNECT_SECONDS_MAX)),
            read_timeout: Some(Duration::from_secs(SILENCE_SECONDS_MAX)),
            user_agent: concat!("lightbox/", env!("CARGO_PKG_VERSION")),
            ..ClientConfig::default()
        };
        let unusable = |error: OciDistributionError| RegistryError::Failed {
            registry: address.host.clone(),
            action: "prepare to speak".to_owned(),
            reason: one_line(&error),
        };
        let client = Client::try_from(config).map_err(unusable)?;
        let auth = match &options.access {
            Access::Anonymous => RegistryAuth::Anonymous,
            Access::Basic { user, password } => RegistryAuth::Basic(user.clone(), password.clone()),
            Access::Bearer(token) => RegistryAuth::Bearer(token.clone()),
        };
        Ok(Self { client, auth, address })
    }

    pub(crate) async fn publish(&self, package: &Package) -> Result<bool, RegistryError> {
        let info = package.info();
        let is_new = match self.digest(&info.id, &info.release).await {
            Ok(found) if found == package.digest() => false,
            Ok(found) => return Err(taken(package, found)),
            Err(RegistryError::NotFound { .. }) => true,
            Err(error) => return Err(error),
        };
        if is_new {
            let checked = package.clone();
            blocking(move || Ok(checked.check()?)).await?;
            self.push_release(package).await?;
            info!(app = %info.id, release = %info.release, digest = %package.digest(), "published release");
        }
        for signature in package.signatures() {
            self.push_signature(package, signature).await?;
        }
        Ok(is_new)
    }

    pub(crate) async fn fetch(&self, id: &str, wanted: &Wanted, place: &Path) -> Result<Package, RegistryError> {
        let staged = StagedFolder::new(place)?;
        let manifest = self.pull_release(id, wanted).await?;
        let reference = self.reference(id, &manifest.digest.to_string());
        let folder = staged.path();
        stream::iter(manifest.files.clone())
            .map(|file| self.pull_file(&reference, file, folder))
            .buffer_unordered(TRANSFERS_MAX)
            .try_collect::<()>()
            .await?;
        let signatures = self.signatures(id, manifest.digest).await?;
        let place = place.to_owned();
        blocking(move || {
            let content = |file: &PackagedFile| {
                let descriptor = Descriptor::new(&file.media_type, file.digest, file.bytes);
                let place = Place::file(&staged.path().join(blob_name(&file.digest)));
                Blob::promised(file.path.as_str(), &descriptor, place)
            };
            let blobs = manifest.files.iter().map(content).collect();
            layout::complete(&Package::assemble(manifest, blobs, signatures)?, &staged)?;
            staged.publish()?;
            Ok(Package::open(&place)?)
        })
        .await
    }

    pub(crate) async fn digest(&self, id: &str, release: &str) -> Result<Digest, RegistryError> {
        let failed = |error| self.failed(format!("{id} {release}"), "look it up", error);
        let reference = self.reference(id, &release_tag(release));
        let digest = self.client.fetch_manifest_digest(&reference, &self.auth).await.map_err(failed)?;
        digest.parse().map_err(|error| PackageError::malformed(format!("{id} {release}"), error).into())
    }

    pub(crate) async fn releases(&self, id: &str) -> Result<Vec<String>, RegistryError> {
        let reference = self.reference(id, "");
        let list = format!("the tags of {id}");
        let tags = page::collect(&list, TAGS_MAX, async |last: Option<String>| {
            let tags = self.client.list_tags(&reference, &self.auth, Some(PAGE_NAMES_MAX), last.as_deref()).await;
            Ok(tags.map_err(|error| self.failed(id.to_owned(), "list its releases", error))?.tags)
        });
        let mut releases: Vec<_> = tags.await?.iter().filter_map(|tag| tagged_release(tag)).collect();
        releases.sort();
        Ok(releases)
    }

    pub(crate) async fn apps(&self) -> Result<Vec<String>, RegistryError> {
        let registry = self.to_string();
        let reference = self.reference("", "");
        let names = page::collect("the registry's list", APPS_MAX, async |last: Option<String>| {
            let page = self.client.catalog(&reference, &self.auth, Some(PAGE_NAMES_MAX), last.as_deref()).await;
            let failed = |error| match self.failed(String::new(), "list its apps", error) {
                RegistryError::NotFound { .. } => RegistryError::NoList { registry: registry.clone() },
                error => error,
            };
            Ok(page.map_err(failed)?.repositories)
        });
        let inside = |name: &String| {
            let name = match self.address.prefix.as_str() {
                "" => name.as_str(),
                prefix => name.strip_prefix(prefix)?.strip_prefix('/')?,
            };
            check_id(name).is_ok().then(|| name.to_owned())
        };
        Ok(names.await?.iter().filter_map(inside).collect())
    }

    pub(crate) async fn signatures(&self, id: &str, digest: Digest) -> Result<Vec<Signature>, RegistryError> {
        let failed = |error| self.failed(format!("a signature of {id}"), "read the signatures", error);
        let mut signatures = Vec::new();
        for referrer in self.referrers(id, digest).await?.into_iter().take(SIGNATURES_MAX) {
            let reference = self.by_digest(id, referrer);
            let (manifest, _) =
                self.client.pull_manifest_raw(&reference, &self.auth, &[MANIFEST_TYPE]).await.map_err(failed)?;
            let Ok(manifest) = oci::parse_artifact("a signature", &manifest, SIGNATURE_TYPE) else { continue };
            let Some(envelope) = layout::envelope_of(&manifest, digest) else { continue };
            PackageError::limit("a signature", envelope.size, ENVELOPE_BYTES_MAX, "bytes")?;
            let blob = self.client.pull_blob_stream(&reference, envelope.digest.to_string().as_str()).await;
            let mut bytes = Vec::new();
            write_checked(blob.map_err(failed)?, "a signature", envelope.size, &mut bytes).await?;
            signatures.push(Signature::from_envelope(bytes));
        }
        Ok(signatures)
    }

    /// The digests of the manifests that say of themselves, there, to be signatures of this one: by the API of
    /// distribution-spec 1.1, or by the tag that it has for registries without one.
    async fn referrers(&self, id: &str, digest: Digest) -> Result<Vec<Digest>, RegistryError> {
        self.client.store_auth_if_needed(&self.address.host, &self.auth).await;
        let index = self.client.pull_referrers(&self.by_digest(id, digest), Some(SIGNATURE_TYPE)).await;
        let index = index.map_err(|error| self.failed(id.to_owned(), "read the signatures", error))?;
        Ok(index.manifests.iter().filter_map(|entry| entry.digest.parse().ok()).collect())
    }

    /// The manifest of a release, checked against the digest if one is wanted.
    async fn pull_release(&self, id: &str, wanted: &Wanted) -> Result<ReleaseManifest, RegistryError> {
        let what = format!("{id} {wanted}");
        let reference = match wanted {
            Wanted::Release(release) => self.reference(id, &release_tag(release)),
            Wanted::Digest(digest) => self.by_digest(id, *digest),
        };
        let pulled = self.client.pull_manifest_raw(&reference, &self.auth, &MANIFEST_TYPES).await;
        let (bytes, _) = pulled.map_err(|error| self.failed(what.clone(), "fetch it", error))?;
        let manifest = ReleaseManifest::read(&what, bytes.to_vec())?;
        match wanted {
            Wanted::Digest(expected) if *expected != manifest.digest => {
                Err(PackageError::Altered { file: what, expected: *expected, found: manifest.digest }.into())
            }
            _ => Ok(manifest),
        }
    }

    async fn pull_file(&self, reference: &Reference, file: PackagedFile, folder: &Path) -> Result<(), RegistryError> {
        let path = folder.join(blob_name(&file.digest));
        let writing = |error| PackageError::io("write", &path, error);
        // At once, not on another thread: when another file fails, nothing may appear in the folder that is being removed.
        fs::create_dir_all(path.parent().unwrap_or(folder)).map_err(writing)?;
        let out = match fs::File::create_new(&path) {
            Err(error) if error.kind() == std::io::ErrorKind::AlreadyExists => return Ok(()), // of another file, equal to this
            out => tokio::fs::File::from_std(out.map_err(writing)?),
        };
        let blob = self.client.pull_blob_stream(reference, file.digest.to_string().as_str()).await;
        let blob = blob.map_err(|error| self.failed(file.path.to_string(), "fetch it", error))?;
        let mut out = tokio::io::BufWriter::with_capacity(crate::digest::CHUNK_BYTES, out);
        write_checked(blob, file.path.as_str(), file.bytes, &mut out).await?;
        Ok(out.get_ref().sync_all().await.map_err(writing)?)
    }

    async fn push_release(&self, package: &Package) -> Result<(), RegistryError> {
        let info = package.info();
        let reference = self.reference(&info.id, &info.tag());
        stream::iter(package.file_blobs().cloned().collect::<Vec<_>>())
            .map(|blob| self.push_blob(&reference, blob))
            .buffer_unordered(TRANSFERS_MAX)
            .try_collect::<()>()
            .await?;
        self.push_manifest(&reference, &package.manifest().bytes, MANIFEST_TYPE).await?;
        match self.digest(&info.id, &info.release).await? {
            found if found == package.digest() => Ok(()),
            found => Err(taken(package, found)),
        }
    }

    /// Sends content, unless it is there.
    async fn push_blob(&self, reference: &Reference, blob: Blob) -> Result<(), RegistryError> {
        self.client.store_auth_if_needed(&self.address.host, &self.auth).await;
        let failed = |error| self.failed(blob.name.clone(), "send it", error);
        let digest = blob.digest.to_string();
        if !self.client.blob_exists(reference, &digest).await.map_err(failed)? {
            let content = content_of(&blob).await?;
            self.client.push_blob_stream(reference, content, &digest, Some(blob.size)).await.map_err(failed)?;
        }
        Ok(())
    }

    async fn push_signature(&self, package: &Package, signature: &Signature) -> Result<(), RegistryError> {
        let id = &package.info().id;
        let manifest = package.signature_descriptor(signature);
        let [configuration, envelope, content] = package.signature_blobs(signature);
        let reference = self.reference(id, &manifest.digest.to_string());
        for _ in 0..REFERRERS_ATTEMPTS_MAX {
            if self.referrers(id, package.digest()).await?.contains(&manifest.digest) {
                return Ok(());
            }
            self.push_blob(&reference, configuration.clone()).await?;
            self.push_blob(&reference, envelope.clone()).await?;
            self.push_manifest(&reference, &content.bytes(MANIFEST_BYTES_MAX)?, MANIFEST_TYPE).await?;
            // A registry with the API of distribution-spec 1.1 has understood the manifest's subject.
            if !self.referrers(id, package.digest()).await?.contains(&manifest.digest) {
                self.push_referrer(id, package.digest(), &manifest).await?;
            }
        }
        let reason = "others kept writing the list of signatures at the same time".to_owned();
        Err(RegistryError::Failed { registry: self.to_string(), action: "add a signature".to_owned(), reason })
    }

    /// Adds a signature to the list under the release's tag for it (distribution-spec 1.1, Referrers Tag Schema).
    async fn push_referrer(&self, id: &str, digest: Digest, signature: &Descriptor) -> Result<(), RegistryError> {
        let reference = self.reference(id, &digest.to_string().replace(':', "-"));
        let what = "the list of signatures";
        let pulled = self.client.pull_manifest_raw(&reference, &self.auth, &[INDEX_TYPE]).await;
        let mut index = match pulled.map_err(|error| self.failed(what.to_owned(), "read it", error)) {
            Ok((bytes, _)) => oci::parse::<Index>(what, &bytes)?,
            Err(RegistryError::NotFound { .. }) => Index::new(Vec::new()),
            Err(error) => return Err(error),
        };
        index.manifests.push(signature.clone());
        self.push_manifest(&reference, &oci::to_bytes(&index), INDEX_TYPE).await
    }

    async fn push_manifest(&self, reference: &Reference, bytes: &[u8], media_type: &str) -> Result<(), RegistryError> {
        self.client.store_auth_if_needed(&self.address.host, &self.auth).await;
        let what = "the manifest";
        let media_type = media_type.parse().map_err(|_| PackageError::malformed(what, "it has no media type"))?;
        let pushed = self.client.push_manifest_raw(reference, bytes.to_vec(), media_type).await;
        pushed.map(drop).map_err(|error| self.failed(what.to_owned(), "send it", error))
    }

    /// An app's repository, and a tag there. A manifest that is to be sent under its digest has that for a tag: oci-client
    /// panics for a reference with a digest if the registry's answer has no address, and both make the same request.
    fn reference(&self, id: &str, tag: &str) -> Reference {
        Reference::with_tag(self.address.host.clone(), self.repository(id), tag.to_owned())
    }

    fn by_digest(&self, id: &str, digest: Digest) -> Reference {
        Reference::with_digest(self.address.host.clone(), self.repository(id), digest.to_string())
    }

    fn repository(&self, id: &str) -> String {
        match self.address.prefix.as_str() {
            "" => id.to_owned(),
            prefix => format!("{prefix}/{id}"),
        }
    }

    fn failed(&self, what: String, action: &str, error: OciDistributionError) -> RegistryError {
        use OciDistributionError as E;
        let registry = self.to_string();
        match &error {
            E::DigestError(DigestError::VerificationError { expected, actual }) => {
                altered(&what, expected, actual).unwrap_or_else(|| self.other(&what, action, &error))
            }
            E::UnauthorizedError { .. } | E::AuthenticationFailure(_) | E::ServerError { code: 401 | 403, .. } => {
                RegistryError::Refused { registry, action: format!("{action} ({what})") }
            }
            E::ServerError { code: 404, .. } => RegistryError::NotFound { what, registry },
            E::RegistryError { envelope, .. } => match envelope.errors.first().map(|error| &error.code) {
                Some(OciErrorCode::Unauthorized | OciErrorCode::Denied) => {
                    RegistryError::Refused { registry, action: format!("{action} ({what})") }
                }
                Some(
                    OciErrorCode::ManifestUnknown
                    | OciErrorCode::NameUnknown
                    | OciErrorCode::NotFound
                    | OciErrorCode::BlobUnknown,
                ) => RegistryError::NotFound { what, registry },
                _ => self.other(&what, action, &error),
            },
            _ => self.other(&what, action, &error),
        }
    }

    fn other(&self, what: &str, action: &str, error: &OciDistributionError) -> RegistryError {
        let action = format!("{action} ({what})");
        RegistryError::Failed { registry: self.to_string(), action, reason: one_line(error) }
    }
}

impl fmt::Display for RemoteRegistry {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let WebAddress { is_encrypted, host, prefix } = &self.address;
        let scheme = if *is_encrypted { "https" } else { "http" };
        let slash = if prefix.is_empty() { "" } else { "/" };
        write!(f, "{scheme}://{host}{slash}{prefix}")
    }
}

impl fmt::Debug for RemoteRegistry {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "RemoteRegistry({self})")
    }
}

fn taken(package: &Package, found: Digest) -> RegistryError {
    RegistryError::ReleaseTaken { release: package.info().title(), found, digest: package.digest() }
}

/// Two digests that differ, if they are of our kind.
pub(super) fn altered(file: &str, expected: &str, found: &str) -> Option<RegistryError> {
    let (expected, found) = (expected.parse().ok()?, found.parse().ok()?);
    Some(PackageError::Altered { file: file.to_owned(), expected, found }.into())
}

/// An error with what caused it, which the HTTP library's texts leave out.
fn one_line(error: &OciDistributionError) -> String {
    let mut text = error.to_string();
    let mut cause = error.source();
    while let Some(error) = cause {
        text = format!("{text}: {error}");
        cause = error.source();
    }
    text.split_whitespace().collect::<Vec<_>>().join(" ").chars().take(REASON_CHARS_MAX).collect()
}

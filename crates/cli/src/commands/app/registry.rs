//! `lightbox app publish | fetch | releases`: releases in a registry, any that speaks OCI, or a folder.

use super::package::{manifest_of, open};
use crate::output::Output;
use anyhow::{Context, bail, ensure};
use clap::Args;
use lightbox_catalogue::{Access, Digest, Options, Package, PublicKey, Registry, TrustedKey, Wanted, verify};
use std::fs;
use std::path::{Path, PathBuf};
use std::process::ExitCode;

/// Where a registry is, and how to sign in.
#[derive(Args)]
pub struct RegistryFlags {
    /// `https://HOST[:PORT][/PREFIX]`, or a folder
    #[arg(long, env = "LIGHTBOX_REGISTRY")]
    registry: String,
    /// The name to sign in with; the password is in LIGHTBOX_REGISTRY_PASSWORD
    #[arg(long, env = "LIGHTBOX_REGISTRY_USER")]
    user: Option<String>,
    /// Allow http:// to another machine
    #[arg(long)]
    plain_http: bool,
    /// A certificate to trust besides the system's, in PEM
    #[arg(long)]
    certificate: Vec<PathBuf>,
}

/// Publish a release.
#[derive(Args)]
pub struct Publish {
    /// The package, or the release's folder
    package: PathBuf,
    #[command(flatten)]
    registry: RegistryFlags,
}

/// Fetch a release, see who stands behind it, and put its files into a folder.
#[derive(Args)]
pub struct Fetch {
    /// `APP:RELEASE`, or `APP@sha256:…`
    app: String,
    /// Where the files are put; nothing may be there
    #[arg(long)]
    to: PathBuf,
    /// The public key of somebody who is trusted; one of them must have signed
    #[arg(long, required_unless_present = "allow_unsigned")]
    trust: Vec<PathBuf>,
    /// Take it whoever made it
    #[arg(long, conflicts_with = "trust")]
    allow_unsigned: bool,
    #[command(flatten)]
    registry: RegistryFlags,
}

/// List what a registry has.
#[derive(Args)]
pub struct Releases {
    /// The app; all if not said
    app: Option<String>,
    #[command(flatten)]
    registry: RegistryFlags,
}

impl RegistryFlags {
    fn open(&self) -> anyhow::Result<Registry> {
        let access = match &self.user {
            None => Access::Anonymous,
            Some(user) => {
                let password = std::env::var("LIGHTBOX_REGISTRY_PASSWORD")
                    .context("--user needs the password in LIGHTBOX_REGISTRY_PASSWORD")?;
                Access::Basic { user: user.clone(), password }
            }
        };
        let read = |path: &PathBuf| fs::read(path).with_context(|| format!("cannot read {}", path.display()));
        let certificates = self.certificate.iter().map(read).collect::<anyhow::Result<Vec<_>>>()?;
        Ok(Registry::open(&self.registry, &Options { access, plain_http: self.plain_http, certificates })?)
    }
}

impl Publish {
    /// Does it, of a package whose manifest is in order and whose every byte is what its digest says.
    pub async fn execute(self, output: &Output) -> anyhow::Result<ExitCode> {
        let registry = self.registry.open()?;
        let package = open(&self.package)?;
        manifest_of(&package)?;
        package.check()?;
        let is_new = registry.publish(&package).await?;
        let title = package.info().title();
        let json = serde_json::json!({
            "ok": true, "new": is_new, "app_id": package.info().id, "release": package.info().release,
            "digest": package.digest(), "signatures": package.signatures().len(),
        });
        output.print(&json, || {
            let what = if is_new { "published" } else { "was there already:" };
            format!(
                "{what} {title} at {registry}\n  digest {}\n  {} signature(s)",
                package.digest(),
                package.signatures().len()
            )
        });
        Ok(ExitCode::SUCCESS)
    }
}

impl Fetch {
    /// Does it. What nobody trusted has signed is not put anywhere.
    pub async fn execute(self, output: &Output) -> anyhow::Result<ExitCode> {
        ensure!(!self.to.exists(), "{} exists; name another folder", self.to.display());
        let (id, wanted) = parse(&self.app)?;
        let registry = self.registry.open()?;
        // Beside the place, so that nothing is copied from one disk to another.
        let beside = self.to.parent().filter(|parent| !parent.as_os_str().is_empty()).unwrap_or(Path::new("."));
        let place = tempfile::Builder::new().prefix(".fetch-").tempdir_in(beside)?;
        let package = registry.fetch(&id, &wanted, &place.path().join("package")).await?;
        let keys = self.check(&package)?;
        manifest_of(&package)?;
        package.unpack(&self.to)?;
        let json = serde_json::json!({
            "ok": true, "app_id": id, "release": package.info().release, "digest": package.digest(),
            "signed_by": keys, "folder": self.to,
        });
        output.print(&json, || {
            let signed = if keys.is_empty() {
                "signature not asked for".to_owned()
            } else {
                format!("signed by {}", keys.join(", "))
            };
            format!(
                "fetched {} into {}\n  digest {}\n  {signed}",
                package.info().title(),
                self.to.display(),
                package.digest()
            )
        });
        Ok(ExitCode::SUCCESS)
    }

    /// The names of the trusted keys that signed it.
    fn check(&self, package: &Package) -> anyhow::Result<Vec<String>> {
        if self.allow_unsigned {
            return Ok(Vec::new());
        }
        let trusted = |path: &PathBuf| {
            let key = PublicKey::read(path)?;
            let name = path.file_stem().unwrap_or_default().to_string_lossy().into_owned();
            anyhow::Ok(TrustedKey { name, key, vendor: None, app_prefix: None })
        };
        let trusted = self.trust.iter().map(trusted).collect::<anyhow::Result<Vec<_>>>()?;
        Ok(verify(package, &trusted)?.keys)
    }
}

impl Releases {
    /// Does it.
    pub async fn execute(self, output: &Output) -> anyhow::Result<ExitCode> {
        let registry = self.registry.open()?;
        let names = match &self.app {
            Some(app) => registry.releases(app).await?,
            None => registry.apps().await?,
        };
        output.print(&names, || names.join("\n"));
        Ok(ExitCode::SUCCESS)
    }
}

fn parse(app: &str) -> anyhow::Result<(String, Wanted)> {
    if let Some((id, digest)) = app.split_once('@') {
        let digest: Digest = digest.parse().with_context(|| format!("{digest} is no digest, such as sha256:…"))?;
        return Ok((id.to_owned(), Wanted::Digest(digest)));
    }
    match app.split_once(':') {
        Some((id, release)) => Ok((id.to_owned(), Wanted::Release(release.to_owned()))),
        None => bail!("{app} names no release: say {app}:RELEASE, or {app}@sha256:…"),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_release_is_named_by_its_name_or_its_digest() {
        assert_eq!(parse("my-app:1.0").unwrap(), ("my-app".to_owned(), Wanted::Release("1.0".to_owned())));
        let digest = format!("sha256:{}", "0".repeat(64));
        assert!(matches!(parse(&format!("my-app@{digest}")).unwrap(), (id, Wanted::Digest(_)) if id == "my-app"));
        assert!(parse("my-app").unwrap_err().to_string().contains("say my-app:RELEASE"));
        assert!(parse("my-app@sha1:00").is_err());
    }
}

//! `lightbox app pack | sign | diff`: a release as one immutable package, and who stands behind it.

use super::check::golden_cases;
use super::new::TO_COMPLETE;
use crate::output::Output;
use anyhow::{Context, bail};
use clap::{Args, Subcommand};
use lightbox_catalogue::{Package, PrivateKey, diff, pack, sign};
use lightbox_domain::Manifest;
use lightbox_inference::Release;
use std::path::{Path, PathBuf};
use std::process::ExitCode;

/// Make a package of a release's folder.
#[derive(Args)]
pub struct Pack {
    /// The release's folder
    release: PathBuf,
    /// Where the package is written: one file if it ends in `.tar`, else a folder; nothing may be there
    #[arg(long)]
    to: PathBuf,
    /// The private key to sign it with
    #[arg(long)]
    key: Option<PathBuf>,
}

/// Sign a package.
#[derive(Args)]
pub struct Sign {
    /// The package's folder
    package: PathBuf,
    /// The private key
    #[arg(long)]
    key: PathBuf,
}

/// Say what one release changed against another.
#[derive(Args)]
pub struct Diff {
    /// The first: a release's folder, or a package
    from: PathBuf,
    /// The second
    to: PathBuf,
}

/// Keys to sign releases with.
#[derive(Subcommand)]
pub enum Key {
    /// Make an Ed25519 key: the private one, and beside it FILE.pub, which hospitals get
    New {
        /// Where the private key is written, PKCS#8 in PEM; nothing may be there
        file: PathBuf,
    },
}

impl Pack {
    /// Does it, of a release that is in order only.
    pub fn execute(self, output: &Output) -> anyhow::Result<ExitCode> {
        Release::open(&self.release)?;
        golden_cases(&self.release)?;
        let mut packed = pack(&self.release)?;
        refuse_unfinished(packed.package.description())?;
        if let Some(key) = &self.key {
            let signature = sign(&packed.package, &PrivateKey::read(key)?);
            packed.package.add_signature(signature);
        }
        packed.package.save(&self.to)?;
        let package = &packed.package;
        let json = serde_json::json!({
            "ok": true, "app_id": package.info().id, "release": package.info().release,
            "digest": package.digest(), "bytes": package.bytes(), "signed": self.key.is_some(),
            "files": package.files().iter().map(|file| file.path.as_str()).collect::<Vec<_>>(),
            "skipped": packed.skipped, "sbom_written": packed.sbom_written,
        });
        output.print(&json, || {
            let mut text = format!(
                "packed {} into {}\n  digest {}\n  {} files, {} bytes, {}",
                package.info().title(),
                self.to.display(),
                package.digest(),
                package.files().len(),
                package.bytes(),
                if self.key.is_some() { "signed" } else { "not signed" }
            );
            if packed.sbom_written {
                text.push_str(
                    "\n  the folder had no list of components: sbom.cdx.json was written from what app.toml says",
                );
            }
            for path in &packed.skipped {
                text.push_str(&format!("\n  left out: {path}"));
            }
            text
        });
        Ok(ExitCode::SUCCESS)
    }
}

impl Sign {
    /// Does it, once every byte has been checked.
    pub fn execute(self, output: &Output) -> anyhow::Result<ExitCode> {
        let mut package = Package::open(&self.package)?;
        package.check()?;
        let key = PrivateKey::read(&self.key)?;
        let signature = sign(&package, &key);
        package.add_signature(signature);
        package.save_signatures(&self.package)?;
        let id = key.public().id();
        let json = serde_json::json!({ "ok": true, "digest": package.digest(), "key_id": id.to_string() });
        output
            .print(&json, || format!("signed {} with key {id}\n  digest {}", package.info().title(), package.digest()));
        Ok(ExitCode::SUCCESS)
    }
}

impl Diff {
    /// Does it.
    pub fn execute(self, output: &Output) -> anyhow::Result<ExitCode> {
        let difference = diff(&open(&self.from)?, &open(&self.to)?)?;
        output.print(&difference, || difference.to_string());
        Ok(ExitCode::SUCCESS)
    }
}

impl Key {
    /// Does it.
    pub fn execute(self, output: &Output) -> anyhow::Result<ExitCode> {
        let Self::New { file } = self;
        let public = PathBuf::from(format!("{}.pub", file.display()));
        if file.exists() || public.exists() {
            bail!("{} or {} exists; keys are not written over", file.display(), public.display());
        }
        let key = PrivateKey::generate();
        key.save(&file)?;
        key.public().save(&public)?;
        let id = key.public().id();
        let json = serde_json::json!({ "ok": true, "private": file, "public": public, "key_id": id.to_string() });
        output.print(&json, || {
            format!(
                "made key {id}\n  keep {} secret, give {} to whoever is to trust it",
                file.display(),
                public.display()
            )
        });
        Ok(ExitCode::SUCCESS)
    }
}

/// Refuses a manifest in which something still stands as `lightbox app new` left it: it would reach reports.
fn refuse_unfinished(manifest: &str) -> anyhow::Result<()> {
    match manifest.lines().position(|line| line.contains(TO_COMPLETE)) {
        Some(place) => bail!("app.toml: line {} is marked {TO_COMPLETE}; complete it, and remove the mark", place + 1),
        None => Ok(()),
    }
}

/// A package, or what would be one of a release's folder.
pub fn open(path: &Path) -> anyhow::Result<Package> {
    match path.join("app.toml").is_file() {
        true => Ok(pack(path)?.package),
        false => Ok(Package::open(path)?),
    }
}

/// The manifest that a package holds, checked.
///
/// # Errors
/// When it is of another format, or contradicts itself.
pub fn manifest_of(package: &Package) -> anyhow::Result<Manifest> {
    Manifest::parse(package.description()).with_context(|| format!("cannot use {}", package.info().title()))
}

//! Who stands behind a release: Ed25519 over a statement that names its digest, in a DSSE envelope.

use crate::envelope::{Envelope, Sealed};
use crate::error::key_claim;
use crate::limit::SIGNATURES_MAX;
use crate::oci::{self, Descriptor, EMPTY, EMPTY_TYPE, ENVELOPE_TYPE, MANIFEST_TYPE, Manifest, SIGNATURE_TYPE};
use crate::{Digest, KeyId, Package, PrivateKey, PublicKey, SignatureError};
use serde::{Deserialize, Serialize};
use std::collections::{BTreeMap, BTreeSet};

const STATEMENT_TYPE: &str = "application/vnd.lightbox.release.v1+json";

/// A signature as it is stored: a DSSE envelope. Having one proves nothing; [`verify`] does.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct Signature(Vec<u8>);

/// What is signed.
#[derive(Debug, PartialEq, Serialize, Deserialize)]
struct Statement {
    digest: Digest,
    id: String,
    release: String,
    vendor: String,
}

/// A key that somebody here trusts, and for what.
#[derive(Clone, Debug)]
pub struct TrustedKey {
    /// What people here call it.
    pub name: String,
    /// The key.
    pub key: PublicKey,
    /// If given, it counts only for releases of exactly this vendor.
    pub vendor: Option<String>,
    /// If given, it counts only for apps whose identifiers begin so.
    pub app_prefix: Option<String>,
}

/// Somebody trusted stands behind a release.
#[derive(Clone, Debug, PartialEq, Eq, serde::Serialize)]
pub struct Verified {
    /// Names of the trusted keys that signed it, sorted.
    pub keys: Vec<String>,
}

/// Signs a release. [`Package::check`] it first: what is signed is its digest.
#[must_use]
pub fn sign(package: &Package, key: &PrivateKey) -> Signature {
    let payload = serde_json::to_vec(&Statement::of(package)).expect("texts become JSON");
    let signature = key.sign(&Envelope::signed_bytes(STATEMENT_TYPE, &payload)).to_vec();
    let sealed = Sealed { key_id: key.public().id().to_string(), signature };
    Signature(Envelope { payload_type: STATEMENT_TYPE.to_owned(), payload, signatures: vec![sealed] }.to_bytes())
}

/// Asks whether one of these keys stands behind a release. This is about its digest; whether its files still are those of
/// the digest, [`Package::check`] and [`Package::unpack`] say.
///
/// One good signature of a trusted key is enough: whoever can write to a registry can add worthless ones beside it.
///
/// # Errors
/// [`SignatureError`] if no signature is good, with the gravest reason.
pub fn verify(package: &Package, trusted: &[TrustedKey]) -> Result<Verified, SignatureError> {
    let release = package.info().title();
    if package.signatures().is_empty() {
        return Err(SignatureError::Unsigned { release });
    }
    let mut keys = BTreeSet::new();
    let mut failures = Vec::new();
    for signature in package.signatures().iter().take(SIGNATURES_MAX) {
        for judged in judge(package, signature, trusted) {
            match judged {
                Ok(key) => {
                    keys.insert(key);
                }
                Err(error) => failures.push(error),
            }
        }
    }
    if keys.is_empty() { Err(gravest(release, failures)) } else { Ok(Verified { keys: keys.into_iter().collect() }) }
}

/// The one error to tell: of the gravest kind, with all unknown keys if it is that.
fn gravest(release: String, failures: Vec<SignatureError>) -> SignatureError {
    let unknown = |error: &SignatureError| match error {
        SignatureError::UnknownKeys { keys, .. } => keys.clone(),
        _ => Vec::new(),
    };
    let keys: BTreeSet<_> = failures.iter().flat_map(unknown).collect();
    match failures.into_iter().min_by_key(rank) {
        Some(error) if !matches!(error, SignatureError::UnknownKeys { .. }) => error,
        _ => SignatureError::UnknownKeys { release, keys: keys.into_iter().collect() },
    }
}

/// The gravest first.
fn rank(error: &SignatureError) -> u8 {
    match error {
        SignatureError::False { .. } => 0,
        SignatureError::OtherRelease { .. } => 1,
        SignatureError::OutOfScope { .. } => 2,
        SignatureError::UnknownKeys { .. } => 3,
        SignatureError::Malformed { .. } | SignatureError::Unsigned { .. } => 4,
    }
}

/// What each signature in an envelope is worth: the name of the trusted key that made it, or why it counts for nothing.
fn judge(package: &Package, signature: &Signature, trusted: &[TrustedKey]) -> Vec<Result<String, SignatureError>> {
    match Envelope::parse(&signature.0) {
        Err(reason) => vec![Err(SignatureError::Malformed { release: package.info().title(), reason })],
        Ok(envelope) => {
            let sealed = envelope.signatures.iter().take(SIGNATURES_MAX);
            sealed.map(|sealed| judge_one(package, &envelope, sealed, trusted)).collect()
        }
    }
}

fn judge_one(
    package: &Package,
    envelope: &Envelope,
    sealed: &Sealed,
    trusted: &[TrustedKey],
) -> Result<String, SignatureError> {
    let release = package.info().title();
    let bytes = Envelope::signed_bytes(&envelope.payload_type, &envelope.payload);
    let made: Vec<_> = trusted.iter().filter(|trusted| trusted.key.made(&sealed.signature, &bytes)).collect();
    let Some(first) = made.first() else {
        let claimed = KeyId::parse(&sealed.key_id);
        return Err(match trusted.iter().find(|trusted| Some(trusted.key.id()) == claimed) {
            Some(named) => SignatureError::False { release, key: named.name.clone() },
            None if sealed.key_id.is_empty() => SignatureError::UnknownKeys { release, keys: Vec::new() },
            None => SignatureError::UnknownKeys { release, keys: vec![key_claim(&sealed.key_id)] },
        });
    };
    check_statement(package, envelope, &first.name)?;
    match (made.iter().find(|trusted| trusted.flaw(package).is_none()), first.flaw(package)) {
        (None, Some(what)) => Err(SignatureError::OutOfScope { release, key: first.name.clone(), what }),
        (fit, _) => Ok(fit.unwrap_or(first).name.clone()),
    }
}

fn check_statement(package: &Package, envelope: &Envelope, key: &str) -> Result<(), SignatureError> {
    let release = package.info().title();
    let malformed = |reason: String| SignatureError::Malformed { release: package.info().title(), reason };
    if envelope.payload_type != STATEMENT_TYPE {
        return Err(malformed("it is about something else than a release".to_owned()));
    }
    let signed: Statement = serde_json::from_slice(&envelope.payload).map_err(|error| malformed(error.to_string()))?;
    if signed == Statement::of(package) {
        return Ok(());
    }
    let signed = format!("{} {} of {} ({})", signed.id, signed.release, signed.vendor, signed.digest);
    Err(SignatureError::OtherRelease { release, key: key.to_owned(), signed })
}

impl TrustedKey {
    /// What of a package the key is not trusted for.
    fn flaw(&self, package: &Package) -> Option<&'static str> {
        let info = package.info();
        if self.vendor.as_ref().is_some_and(|vendor| *vendor != info.vendor) {
            return Some("vendor");
        }
        let is_other = self.app_prefix.as_ref().is_some_and(|prefix| !info.id.starts_with(prefix));
        is_other.then_some("app")
    }
}

impl Statement {
    fn of(package: &Package) -> Self {
        let info = package.info();
        Self {
            digest: package.digest(),
            id: info.id.clone(),
            release: info.release.clone(),
            vendor: info.vendor.clone(),
        }
    }
}

impl Signature {
    /// What was found as an envelope, unread: one that OpenSSL or a security module signed, for instance.
    #[must_use]
    pub fn from_envelope(bytes: Vec<u8>) -> Self {
        Self(bytes)
    }

    /// The DSSE envelope.
    #[must_use]
    pub fn envelope(&self) -> &[u8] {
        &self.0
    }

    /// The OCI manifest under which it is stored, its subject the release (image-spec 1.1, Image Manifest, `subject`).
    pub(crate) fn manifest(&self, release: Descriptor) -> Vec<u8> {
        oci::to_bytes(&Manifest {
            schema_version: 2,
            media_type: Some(MANIFEST_TYPE.to_owned()),
            artifact_type: Some(SIGNATURE_TYPE.to_owned()),
            config: Descriptor::of(EMPTY_TYPE, EMPTY),
            layers: vec![Descriptor::of(ENVELOPE_TYPE, &self.0)],
            subject: Some(release),
            annotations: BTreeMap::new(),
        })
    }
}

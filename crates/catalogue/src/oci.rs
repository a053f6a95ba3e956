//! The few forms of OCI that a package is made of (image-spec 1.1). Written in one way only, keys in a fixed order and no
//! space between them, so that the same release has the same digest wherever it is packed.

use crate::limit::MANIFEST_BYTES_MAX;
use crate::{Digest, PackageError};
use serde::de::DeserializeOwned;
use serde::{Deserialize, Serialize};
use std::collections::BTreeMap;
use std::sync::LazyLock;

/// Media type of an OCI manifest.
pub(crate) const MANIFEST_TYPE: &str = "application/vnd.oci.image.manifest.v1+json";
/// Media type of an OCI index.
pub(crate) const INDEX_TYPE: &str = "application/vnd.oci.image.index.v1+json";
/// Media type of the configuration of an artifact that has none (image-spec 1.1, Guidelines for Artifact Usage).
pub(crate) const EMPTY_TYPE: &str = "application/vnd.oci.empty.v1+json";
/// The content of that.
pub(crate) const EMPTY: &[u8] = b"{}";

/// Artifact type of a release.
pub(crate) const RELEASE_TYPE: &str = "application/vnd.lightbox.app.v2";
/// Media type of `app.toml` as a release's configuration.
pub(crate) const INFO_TYPE: &str = "application/vnd.lightbox.app.config.v2+toml";
/// Artifact type of a signature.
pub(crate) const SIGNATURE_TYPE: &str = "application/vnd.lightbox.signature.v1";
/// Media type of the signature itself.
pub(crate) const ENVELOPE_TYPE: &str = "application/vnd.dsse.envelope.v1+json";

/// Annotation of a file: its path (the convention of ORAS), or of a manifest: its name.
pub(crate) const TITLE: &str = "org.opencontainers.image.title";
/// Annotation: version of the release.
pub(crate) const VERSION: &str = "org.opencontainers.image.version";
/// Annotation: who makes it.
pub(crate) const VENDOR: &str = "org.opencontainers.image.vendor";
/// Annotation: one sentence.
pub(crate) const DESCRIPTION: &str = "org.opencontainers.image.description";
/// Annotation: licence.
pub(crate) const LICENSES: &str = "org.opencontainers.image.licenses";
/// Annotation of an entry in a layout's index: the tag (image-spec 1.1, Image Layout).
pub(crate) const REF_NAME: &str = "org.opencontainers.image.ref.name";

/// Content by its digest.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub(crate) struct Descriptor {
    pub media_type: String,
    pub digest: Digest,
    pub size: u64,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub artifact_type: Option<String>,
    #[serde(default, skip_serializing_if = "BTreeMap::is_empty")]
    pub annotations: BTreeMap<String, String>,
}

impl Descriptor {
    pub fn of(media_type: &str, bytes: &[u8]) -> Self {
        Self::new(media_type, Digest::of(bytes), bytes.len() as u64)
    }

    pub fn new(media_type: &str, digest: Digest, size: u64) -> Self {
        Self { media_type: media_type.to_owned(), digest, size, artifact_type: None, annotations: BTreeMap::new() }
    }

    pub fn annotated(mut self, key: &str, value: impl Into<String>) -> Self {
        self.annotations.insert(key.to_owned(), value.into());
        self
    }

    pub fn of_artifact(mut self, artifact_type: &str) -> Self {
        self.artifact_type = Some(artifact_type.to_owned());
        self
    }
}

/// An image manifest, the form of every artifact.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub(crate) struct Manifest {
    pub schema_version: u32,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub media_type: Option<String>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub artifact_type: Option<String>,
    pub config: Descriptor,
    pub layers: Vec<Descriptor>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub subject: Option<Descriptor>,
    #[serde(default, skip_serializing_if = "BTreeMap::is_empty")]
    pub annotations: BTreeMap<String, String>,
}

/// An index: of a layout, or of what refers to a manifest.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub(crate) struct Index {
    pub schema_version: u32,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub media_type: Option<String>,
    pub manifests: Vec<Descriptor>,
}

impl Index {
    pub fn new(manifests: Vec<Descriptor>) -> Self {
        Self { schema_version: 2, media_type: Some(INDEX_TYPE.to_owned()), manifests }
    }
}

/// The file `oci-layout`.
#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
pub(crate) struct LayoutMark {
    pub image_layout_version: String,
}

/// Its content, in the version that there is.
pub(crate) const LAYOUT_MARK: &[u8] = br#"{"imageLayoutVersion":"1.0.0"}"#;

/// The bytes of a manifest or an index.
pub(crate) fn to_bytes(form: &impl Serialize) -> Vec<u8> {
    serde_json::to_vec(form).expect("maps with text keys become JSON")
}

/// Reads a form out of bytes, which are `place` in an error.
pub(crate) fn parse<T: DeserializeOwned>(place: &str, bytes: &[u8]) -> Result<T, PackageError> {
    PackageError::limit(place, bytes.len() as u64, MANIFEST_BYTES_MAX, "bytes")?;
    serde_json::from_slice(bytes).map_err(|error| PackageError::malformed(place, error))
}

/// Reads a manifest if it is one of this artifact type; otherwise says what it is.
pub(crate) fn parse_artifact(place: &str, bytes: &[u8], artifact_type: &str) -> Result<Manifest, PackageError> {
    let value: serde_json::Value = parse(place, bytes)?;
    if value["artifactType"] != artifact_type {
        return Err(PackageError::Foreign { place: place.to_owned(), found: describe(&value) });
    }
    let manifest: Manifest = parse(place, bytes)?;
    if manifest.schema_version != 2 || manifest.media_type.as_deref().is_some_and(|it| it != MANIFEST_TYPE) {
        return Err(PackageError::malformed(place, "it is a manifest of another version"));
    }
    Ok(manifest)
}

/// What a manifest is, in words: by its artifact type, else its configuration's, else its own.
fn describe(manifest: &serde_json::Value) -> String {
    let types = [&manifest["artifactType"], &manifest["config"]["mediaType"], &manifest["mediaType"]];
    let Some(found) = types.into_iter().find_map(serde_json::Value::as_str) else {
        return "something without a media type".to_owned();
    };
    let plain: String = found.chars().filter(|c| c.is_ascii_graphic()).take(100).collect();
    KNOWN.get(found).map_or_else(|| format!("an artifact of type {plain}"), |words| format!("{words} ({plain})"))
}

/// Words for what people are likely to name by mistake.
static KNOWN: LazyLock<BTreeMap<String, String>> = LazyLock::new(|| {
    toml::from_str(include_str!("../data/artifacts.toml")).expect("artifacts.toml is a table of texts")
});

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn another_artifact_is_named() {
        let check = |manifest: &str, expected: &str| {
            let error = parse_artifact("it", manifest.as_bytes(), RELEASE_TYPE).unwrap_err().to_string();
            assert_eq!(error, format!("it is {expected}, not the package of an app"));
        };
        check(
            r#"{"config":{"mediaType":"application/vnd.oci.image.config.v1+json"}}"#,
            "a container image (application/vnd.oci.image.config.v1+json)",
        );
        check(r#"{"artifactType":"application/x"}"#, "an artifact of type application/x");
        check("{}", "something without a media type");
    }

    #[test]
    fn the_empty_configuration_is_that_of_the_specification() {
        let digest = "sha256:44136fa355b3678a1146ad16f7e8649e94fb4fc21fe77e8310c060f61caaff8a";
        assert_eq!(Digest::of(EMPTY).to_string(), digest);
    }
}

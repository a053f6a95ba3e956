//! A release at work here.

use crate::Manifest;
use std::collections::BTreeMap;
use std::path::PathBuf;

/// Whether anybody but the people who evaluate it sees what a deployment says.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum DeploymentMode {
    /// Runs, and only evaluators see it.
    Shadow,
    /// Runs, and its results go to worklist, viewer and peers.
    Live,
}

impl DeploymentMode {
    /// The mode's name in the store and the API.
    #[must_use]
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Shadow => "shadow",
            Self::Live => "live",
        }
    }

    /// The mode of that name.
    #[must_use]
    pub fn parse(name: &str) -> Option<Self> {
        [Self::Shadow, Self::Live].into_iter().find(|mode| mode.as_str() == name)
    }
}

/// A release at work here: its manifest and what the site decided.
#[derive(Clone, Debug, PartialEq)]
pub struct Deployment {
    /// ULID.
    pub id: String,
    /// SHA-256 over the release's files, hexadecimal.
    pub digest: String,
    /// The folder of the release's files under the data folder.
    pub folder: PathBuf,
    /// The release's manifest.
    pub manifest: Manifest,
    /// Who sees it.
    pub mode: DeploymentMode,
    /// Whether new instances are routed to it.
    pub enabled: bool,
    /// Where it is at work, such as `EU`; what authorities elsewhere say does not count.
    pub jurisdiction: Option<String>,
    /// Thresholds that the site set, by finding identifier.
    pub thresholds: BTreeMap<String, f64>,
    /// When it was deployed, in milliseconds since 1970.
    pub created_ms: i64,
}

impl Deployment {
    /// The clearance that holds where it is at work, such as `EU: CE 0123`; without one, nothing it says is for clinical use.
    #[must_use]
    pub fn clearance(&self) -> Option<String> {
        let jurisdiction = self.jurisdiction.as_deref()?;
        self.manifest.clearance(jurisdiction).map(|reference| format!("{jurisdiction}: {reference}"))
    }

    /// The threshold that holds here for a finding of the manifest.
    #[must_use]
    pub fn threshold(&self, finding_id: &str, of_manifest: f64) -> f64 {
        self.thresholds.get(finding_id).copied().unwrap_or(of_manifest)
    }
}

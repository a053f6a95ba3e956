//! Every limit of Lightbox, with its unit in its name. A limit that a site may change is a field of [`Limits`].

/// Limits that a site may set in `lightbox.toml`.
#[derive(Clone, Debug, PartialEq, serde::Deserialize, serde::Serialize)]
#[serde(default, deny_unknown_fields)]
pub struct Limits {
    /// The largest instance that is accepted, in bytes.
    pub instance_bytes_max: u64,
    /// Instances are refused while the disk of the data folder has less than so many bytes free.
    pub disk_free_bytes_min: u64,
    /// Instances are refused once all that is stored has so many bytes.
    pub archive_bytes_max: u64,
    /// The most instances in one STOW-RS request.
    pub stow_instances_max: usize,
    /// The most instances that are written at once; more wait. Each holds a thread until it is stored.
    pub arrivals_max: usize,
    /// The most DICOM associations at once.
    pub associations_max: usize,
    /// An association without a message for so long is aborted, in seconds.
    pub association_idle_seconds_max: u64,
    /// The most matches of one C-FIND.
    pub find_matches_max: i64,
    /// The most instances of one C-MOVE or C-GET.
    pub retrieved_instances_max: usize,
    /// The most instances of one request for storage commitment.
    pub committed_instances_max: usize,
    /// The most pixels (rows × columns) of an image that an app or the viewer decodes.
    pub image_pixels_max: u64,
    /// The most bytes that a deflated data set may inflate to.
    pub inflated_bytes_max: u64,
    /// How often a job is tried before it is given up.
    pub job_attempts_max: i64,
    /// The most unknown callers that are remembered as pending peers.
    pub pending_peers_max: usize,
    /// The most rows that one answer lists.
    pub page_rows_max: i64,
    /// How long a sign-in lasts, in seconds.
    pub session_seconds_max: i64,
    /// What was deleted can be brought back for so many days; then its bytes are removed.
    pub purge_after_days: i64,
    /// A study counts as incomplete if instances that its modality lists have not come after so many seconds.
    pub listed_wait_seconds_max: i64,
    /// The most runs at once.
    pub runs_at_once_max: usize,
}

impl Default for Limits {
    fn default() -> Self {
        Self {
            instance_bytes_max: 4 << 30,
            disk_free_bytes_min: 2 << 30,
            archive_bytes_max: u64::MAX,
            stow_instances_max: 10_000,
            arrivals_max: 128,
            associations_max: 64,
            association_idle_seconds_max: 60,
            find_matches_max: 10_000,
            retrieved_instances_max: 100_000,
            committed_instances_max: 100_000,
            image_pixels_max: 100_000_000,
            inflated_bytes_max: 2 << 30,
            job_attempts_max: 5,
            pending_peers_max: 1_000,
            page_rows_max: 1_000,
            session_seconds_max: 12 * 3600,
            purge_after_days: 30,
            listed_wait_seconds_max: 15 * 60,
            runs_at_once_max: 2,
        }
    }
}

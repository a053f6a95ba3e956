//! What is left to do: the closed list of job kinds, and when a failed job is tried again.

/// A piece of work that must survive a crash. Every job may run twice.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub enum Job {
    /// Decide which deployments apply to the new instances of a series.
    Route {
        /// The study.
        study_instance_uid: String,
        /// The series.
        series_instance_uid: String,
    },
    /// Execute a run.
    Run {
        /// The run.
        run_id: String,
    },
    /// Write the report of a run whose findings are stored.
    Publish {
        /// The run.
        run_id: String,
    },
    /// Compute the map of a run and store it as a result of its own.
    Explain {
        /// The run.
        run_id: String,
    },
    /// Gather the metadata of a series that has settled, so that nobody waits for its files to be read.
    Describe {
        /// The study.
        study_instance_uid: String,
        /// The series.
        series_instance_uid: String,
    },
    /// Hide what a rejection note rejects, if an instance is one.
    Reject {
        /// The instance.
        sop_instance_uid: String,
    },
    /// Apply the merges of its patient to a study that has arrived.
    Correct {
        /// The study.
        study_instance_uid: String,
    },
    /// Say how a study stands to the orders.
    Match {
        /// The study.
        study_instance_uid: String,
    },
    /// Remove the bytes of what was deleted.
    Purge {
        /// The deletion.
        deletion_id: String,
    },
    /// Compare what a procedure step lists with what was received.
    CheckStep {
        /// The step.
        sop_instance_uid: String,
    },
    /// Compress the instances of a series in place.
    Compress {
        /// The study.
        study_instance_uid: String,
        /// The series.
        series_instance_uid: String,
    },
    /// Apply the site's lifecycle rules; there is one such job.
    Lifecycle,
    /// Take a result to a peer.
    Deliver {
        /// The delivery.
        delivery_id: String,
    },
    /// Tell a peer which of its instances we commit to.
    ReportCommitment {
        /// What it asked for.
        commitment_id: String,
    },
    /// Ask a peer to commit to what was delivered to it.
    AskCommitment {
        /// The delivery.
        delivery_id: String,
    },
}

/// The name of a job's kind.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum JobKind {
    /// [`Job::Route`]
    Route,
    /// [`Job::Run`]
    Run,
    /// [`Job::Publish`]
    Publish,
    /// [`Job::Explain`]
    Explain,
    /// [`Job::Describe`]
    Describe,
    /// [`Job::Reject`]
    Reject,
    /// [`Job::Correct`]
    Correct,
    /// [`Job::Match`]
    Match,
    /// [`Job::Purge`]
    Purge,
    /// [`Job::CheckStep`]
    CheckStep,
    /// [`Job::Compress`]
    Compress,
    /// [`Job::Lifecycle`]
    Lifecycle,
    /// [`Job::Deliver`]
    Deliver,
    /// [`Job::ReportCommitment`]
    ReportCommitment,
    /// [`Job::AskCommitment`]
    AskCommitment,
}

impl JobKind {
    /// All kinds, most urgent first: what nobody may see any more goes first, then what a reader waits for goes before
    /// what explains it.
    pub const ALL: [Self; 15] = [
        Self::Reject,
        Self::Correct,
        Self::Publish,
        Self::Route,
        Self::Run,
        Self::ReportCommitment,
        Self::AskCommitment,
        Self::CheckStep,
        Self::Match,
        Self::Deliver,
        Self::Explain,
        Self::Describe,
        Self::Purge,
        Self::Lifecycle,
        Self::Compress,
    ];
    /// The least urgent kind.
    pub const LAST: Self = Self::Compress;

    /// The kind's name in the store.
    #[must_use]
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Route => "route",
            Self::Run => "run",
            Self::Publish => "publish",
            Self::Explain => "explain",
            Self::Describe => "describe",
            Self::Deliver => "deliver",
            Self::ReportCommitment => "report_commitment",
            Self::AskCommitment => "ask_commitment",
            Self::Reject => "reject",
            Self::Correct => "correct",
            Self::Match => "match",
            Self::Purge => "purge",
            Self::CheckStep => "check_step",
            Self::Compress => "compress",
            Self::Lifecycle => "lifecycle",
        }
    }

    /// The kind's place in the queue, lowest first.
    #[must_use]
    pub fn priority(self) -> i64 {
        Self::ALL.iter().position(|kind| *kind == self).map_or(i64::MAX, |place| place as i64)
    }
}

impl Job {
    /// The job's kind.
    #[must_use]
    pub const fn kind(&self) -> JobKind {
        match self {
            Self::Route { .. } => JobKind::Route,
            Self::Run { .. } => JobKind::Run,
            Self::Publish { .. } => JobKind::Publish,
            Self::Explain { .. } => JobKind::Explain,
            Self::Describe { .. } => JobKind::Describe,
            Self::Deliver { .. } => JobKind::Deliver,
            Self::ReportCommitment { .. } => JobKind::ReportCommitment,
            Self::AskCommitment { .. } => JobKind::AskCommitment,
            Self::Reject { .. } => JobKind::Reject,
            Self::Correct { .. } => JobKind::Correct,
            Self::Match { .. } => JobKind::Match,
            Self::Purge { .. } => JobKind::Purge,
            Self::CheckStep { .. } => JobKind::CheckStep,
            Self::Compress { .. } => JobKind::Compress,
            Self::Lifecycle => JobKind::Lifecycle,
        }
    }

    /// What the job is about. Kind and subject together are unique in the store.
    #[must_use]
    pub fn subject(&self) -> String {
        match self {
            Self::Route { study_instance_uid, series_instance_uid }
            | Self::Describe { study_instance_uid, series_instance_uid }
            | Self::Compress { study_instance_uid, series_instance_uid } => {
                format!("{study_instance_uid}/{series_instance_uid}")
            }
            Self::Run { run_id } | Self::Publish { run_id } | Self::Explain { run_id } => run_id.clone(),
            Self::Deliver { delivery_id } | Self::AskCommitment { delivery_id } => delivery_id.clone(),
            Self::ReportCommitment { commitment_id } => commitment_id.clone(),
            Self::Reject { sop_instance_uid } | Self::CheckStep { sop_instance_uid } => sop_instance_uid.clone(),
            Self::Correct { study_instance_uid } | Self::Match { study_instance_uid } => study_instance_uid.clone(),
            Self::Purge { deletion_id } => deletion_id.clone(),
            Self::Lifecycle => "daily".to_owned(),
        }
    }

    /// The job of this kind and subject; `None` when the store holds what this release does not know.
    #[must_use]
    pub fn parse(kind: &str, subject: &str) -> Option<Self> {
        let kind = JobKind::ALL.into_iter().find(|known| known.as_str() == kind)?;
        let subject = subject.to_owned();
        Some(match kind {
            JobKind::Route | JobKind::Describe | JobKind::Compress => {
                let (study, series) = subject.split_once('/')?;
                let (study_instance_uid, series_instance_uid) = (study.to_owned(), series.to_owned());
                match kind {
                    JobKind::Route => Self::Route { study_instance_uid, series_instance_uid },
                    JobKind::Compress => Self::Compress { study_instance_uid, series_instance_uid },
                    _ => Self::Describe { study_instance_uid, series_instance_uid },
                }
            }
            JobKind::Run => Self::Run { run_id: subject },
            JobKind::Publish => Self::Publish { run_id: subject },
            JobKind::Explain => Self::Explain { run_id: subject },
            JobKind::Deliver => Self::Deliver { delivery_id: subject },
            JobKind::ReportCommitment => Self::ReportCommitment { commitment_id: subject },
            JobKind::AskCommitment => Self::AskCommitment { delivery_id: subject },
            JobKind::CheckStep => Self::CheckStep { sop_instance_uid: subject },
            JobKind::Reject => Self::Reject { sop_instance_uid: subject },
            JobKind::Correct => Self::Correct { study_instance_uid: subject },
            JobKind::Match => Self::Match { study_instance_uid: subject },
            JobKind::Purge => Self::Purge { deletion_id: subject },
            JobKind::Lifecycle => Self::Lifecycle,
        })
    }
}

/// How long to wait after the given number of failed attempts, in milliseconds: 1 s, 4 s, 16 s … at most an hour.
#[must_use]
pub fn back_off_ms(attempts: i64) -> i64 {
    let exponent = u32::try_from(attempts.clamp(1, 12) - 1).unwrap_or(0);
    (1_000 * 4_i64.pow(exponent)).min(3_600_000)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_job_is_read_back_from_kind_and_subject() {
        let id = || "01J".to_owned();
        let jobs = [
            Job::Route { study_instance_uid: "1.2".into(), series_instance_uid: "1.3".into() },
            Job::Describe { study_instance_uid: "1.2".into(), series_instance_uid: "1.3".into() },
            Job::Compress { study_instance_uid: "1.2".into(), series_instance_uid: "1.3".into() },
            Job::Run { run_id: id() },
            Job::Publish { run_id: id() },
            Job::Explain { run_id: id() },
            Job::Deliver { delivery_id: id() },
            Job::ReportCommitment { commitment_id: id() },
            Job::AskCommitment { delivery_id: id() },
            Job::Reject { sop_instance_uid: "1.2.3".into() },
            Job::CheckStep { sop_instance_uid: "1.2.3".into() },
            Job::Correct { study_instance_uid: "1.2".into() },
            Job::Match { study_instance_uid: "1.2".into() },
            Job::Purge { deletion_id: id() },
            Job::Lifecycle,
        ];
        for job in jobs {
            assert_eq!(Job::parse(job.kind().as_str(), &job.subject()), Some(job));
        }
        assert_eq!(Job::parse("paint", "x"), None);
    }

    #[test]
    fn back_off_grows_and_ends_at_an_hour() {
        assert_eq!([1, 2, 3, 40].map(back_off_ms), [1_000, 4_000, 16_000, 3_600_000]);
    }
}

//! What AI has to say of a whole study, in one word and one finding.

use crate::{Finding, Run, RunState, Uid, Viewer, visible};

/// What a deployment's rules decided about an instance.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Outcome {
    /// A run was queued.
    Matched,
    /// The app is not meant for this kind of object.
    NotApplicable,
    /// The app is meant for this kind of object, but not for this one.
    OutsideIntendedUse,
}

impl Outcome {
    /// The outcome's name in the store and the API.
    #[must_use]
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Matched => "matched",
            Self::NotApplicable => "not_applicable",
            Self::OutsideIntendedUse => "outside_intended_use",
        }
    }

    /// The outcome of that name.
    #[must_use]
    pub fn parse(name: &str) -> Option<Self> {
        [Self::Matched, Self::NotApplicable, Self::OutsideIntendedUse].into_iter().find(|one| one.as_str() == name)
    }
}

/// Why a deployment ran or did not run on an instance.
#[derive(Clone, Debug, PartialEq)]
pub struct Decision {
    /// The deployment.
    pub deployment_id: String,
    /// The study.
    pub study_instance_uid: Uid,
    /// The series.
    pub series_instance_uid: Uid,
    /// The instance.
    pub sop_instance_uid: Uid,
    /// What was decided.
    pub outcome: Outcome,
    /// Why, in words.
    pub reason: String,
    /// When, in milliseconds since 1970.
    pub decided_ms: i64,
}

/// The state of a study's AI in one word. "Nothing found" and "did not run" are never the same word.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum AiState {
    /// An app says that something is present.
    Found,
    /// A run is queued or under way.
    Running,
    /// The study has not been routed yet.
    Waiting,
    /// A run failed.
    Failed,
    /// An input was refused.
    Rejected,
    /// Apps ran and say that nothing is present.
    NothingFound,
    /// No deployed app is meant for it.
    NotApplicable,
    /// No app is deployed.
    None,
}

impl AiState {
    /// All states, what a reader must know first coming first.
    pub const ALL: [Self; 8] = [
        Self::Found,
        Self::Running,
        Self::Failed,
        Self::Rejected,
        Self::NothingFound,
        Self::Waiting,
        Self::NotApplicable,
        Self::None,
    ];

    /// The state's name in the store and the API.
    #[must_use]
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Found => "found",
            Self::Running => "running",
            Self::Waiting => "waiting",
            Self::Failed => "failed",
            Self::Rejected => "rejected",
            Self::NothingFound => "nothing_found",
            Self::NotApplicable => "not_applicable",
            Self::None => "none",
        }
    }

    /// The state of that name.
    #[must_use]
    pub fn parse(name: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|state| state.as_str() == name)
    }
}

/// What the worklist shows of a study.
#[derive(Clone, Debug, PartialEq)]
pub struct AiSummary {
    /// The word.
    pub state: AiState,
    /// The finding that is most above, or least below, its threshold.
    pub top_finding: Option<Finding>,
}

/// Sums up the runs and decisions of a study for everybody: only what may leave is counted.
#[must_use]
pub fn summarise(runs: &[Run], decisions: &[Decision], waits_for_routing: bool, now_ms: i64) -> AiSummary {
    let shown: Vec<&Run> = runs
        .iter()
        .filter(|run| run.superseded_by.is_none() && visible(run.guard(), Viewer::Outside, now_ms))
        .collect();
    let top_finding =
        shown.iter().flat_map(|run| &run.findings).max_by(|a, b| margin(a).total_cmp(&margin(b))).cloned();
    let state = shown.iter().map(|run| state_of(run)).min_by_key(|state| rank(*state));
    let not_applicable = || decisions.iter().any(|decision| decision.outcome == Outcome::NotApplicable);
    let without_runs = || match waits_for_routing {
        true => AiState::Waiting,
        false if not_applicable() => AiState::NotApplicable,
        false => AiState::None,
    };
    AiSummary { state: state.unwrap_or_else(without_runs), top_finding }
}

fn margin(finding: &Finding) -> f64 {
    finding.score - finding.threshold
}

fn rank(state: AiState) -> usize {
    AiState::ALL.iter().position(|one| *one == state).unwrap_or(usize::MAX)
}

fn state_of(run: &Run) -> AiState {
    match run.state {
        RunState::Queued | RunState::Running | RunState::Publishing => AiState::Running,
        RunState::Finished if run.findings.iter().any(Finding::positive) => AiState::Found,
        RunState::Finished => AiState::NothingFound,
        RunState::Rejected => AiState::Rejected,
        RunState::Failed => AiState::Failed,
    }
}

//! A run and its state machine.

use crate::{DeploymentMode, Finding, ResultGuard, Uid};

/// Where a run stands. The only ways from one to the next are those of [`RunState::may_become`].
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum RunState {
    /// Waits for a worker, at first or for another attempt.
    Queued,
    /// A worker prepares the input and runs the app.
    Running,
    /// The findings are stored; results are being written and take the way of every instance.
    Publishing,
    /// Findings and the report are stored.
    Finished,
    /// The input is not one that the app may be used on. A result, with its reason.
    Rejected,
    /// It cannot succeed, or was tried as often as allowed. A result, with its reason.
    Failed,
}

impl RunState {
    /// All states, in the order in which a run may pass them.
    pub const ALL: [Self; 6] =
        [Self::Queued, Self::Running, Self::Publishing, Self::Finished, Self::Rejected, Self::Failed];

    /// The state's name in the store and the API.
    #[must_use]
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Queued => "queued",
            Self::Running => "running",
            Self::Publishing => "publishing",
            Self::Finished => "finished",
            Self::Rejected => "rejected",
            Self::Failed => "failed",
        }
    }

    /// The state of that name.
    #[must_use]
    pub fn parse(name: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|state| state.as_str() == name)
    }

    /// Whether nothing follows but a person's decision.
    #[must_use]
    pub const fn is_terminal(self) -> bool {
        matches!(self, Self::Finished | Self::Rejected | Self::Failed)
    }

    /// Whether a run in this state may next be in `next`.
    #[must_use]
    pub const fn may_become(self, next: Self) -> bool {
        matches!(
            (self, next),
            // Failed at once: its input was deleted meanwhile.
            (Self::Queued, Self::Running | Self::Failed)
                | (Self::Running, Self::Queued | Self::Publishing | Self::Rejected | Self::Failed)
                | (Self::Publishing, Self::Finished | Self::Failed)
                | (Self::Failed, Self::Queued)
        )
    }
}

/// A person's decision to run an app outside its intended use.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Override {
    /// Why, in the person's words; printed on every result.
    pub reason: String,
    /// Who.
    pub by: String,
    /// When, in milliseconds since 1970.
    pub at_ms: i64,
}

/// One execution of a deployment on one input.
#[derive(Clone, Debug, PartialEq)]
pub struct Run {
    /// ULID.
    pub id: String,
    /// The deployment that is executed.
    pub deployment_id: String,
    /// The study of the input.
    pub study_instance_uid: Uid,
    /// The series of the input.
    pub series_instance_uid: Uid,
    /// The input.
    pub sop_instance_uid: Uid,
    /// Where it stands.
    pub state: RunState,
    /// Why it is rejected, failed or waits for another attempt; else empty.
    pub reason: String,
    /// How often a worker began it.
    pub attempts: i64,
    /// Set when a person ordered the run although the app is not meant for the input.
    pub overridden: Option<Override>,
    /// When the last byte of the input had arrived, in milliseconds since 1970.
    pub received_ms: i64,
    /// When the run was queued.
    pub queued_ms: i64,
    /// When a worker last began it.
    pub started_ms: Option<i64>,
    /// When the findings were stored; the date and time that results carry.
    pub inferred_ms: Option<i64>,
    /// When the report was stored, or the run rejected or failed.
    pub finished_ms: Option<i64>,
    /// The model's own time, in microseconds.
    pub model_us: Option<i64>,
    /// What the app says; empty until `inferred_ms`.
    pub findings: Vec<Finding>,
    /// The deployment's mode when the run was queued.
    pub mode: DeploymentMode,
    /// Where the map stands.
    pub map_state: MapState,
    /// How long the map took, in milliseconds.
    pub map_ms: Option<i64>,
    /// The later run that replaces this one.
    pub superseded_by: Option<String>,
}

impl Run {
    /// What decides whether this run's results may be seen.
    #[must_use]
    pub fn guard(&self) -> ResultGuard {
        ResultGuard { mode: self.mode, reveal_ms: None }
    }

    /// From the last byte of the input to the stored report, in milliseconds.
    #[must_use]
    pub fn turnaround_ms(&self) -> Option<i64> {
        let finished = self.finished_ms.filter(|_| self.state == RunState::Finished)?;
        Some(finished - self.received_ms)
    }
}

/// Where the map of a run stands.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum MapState {
    /// The app has none.
    None,
    /// It will come after the report.
    Pending,
    /// It is stored as a result.
    Stored,
    /// It could not be made; the findings stand without it.
    Failed,
}

impl MapState {
    /// The state's name in the store and the API.
    #[must_use]
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::None => "none",
            Self::Pending => "pending",
            Self::Stored => "stored",
            Self::Failed => "failed",
        }
    }

    /// The state of that name.
    #[must_use]
    pub fn parse(name: &str) -> Option<Self> {
        [Self::None, Self::Pending, Self::Stored, Self::Failed].into_iter().find(|state| state.as_str() == name)
    }
}

/// What kind of object a result is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum ResultKind {
    /// Comprehensive 3D SR after TID 1500: the report.
    Report,
    /// Secondary Capture: the image with the map over it.
    MapCapture,
}

impl ResultKind {
    /// The kind's name in the store and the API.
    #[must_use]
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Report => "sr",
            Self::MapCapture => "sc",
        }
    }

    /// The kind of that name.
    #[must_use]
    pub fn parse(name: &str) -> Option<Self> {
        [Self::Report, Self::MapCapture].into_iter().find(|kind| kind.as_str() == name)
    }
}

/// Where an app looked: how much a score drops when a patch of the image is hidden.
#[derive(Clone, Debug, PartialEq, serde::Serialize, serde::Deserialize)]
pub struct Map {
    /// Rows of the grid; the grid spans the whole image.
    pub rows: usize,
    /// Columns of the grid.
    pub columns: usize,
    /// Row by row: the drop at this place divided by `drop_max`, 0 to 1; rises are 0.
    pub values: Vec<f32>,
    /// The largest drop of the score.
    pub drop_max: f32,
    /// How it was made, such as `occlusion, 36 × 36 of 180 × 180, stride 18`.
    pub method: String,
}

#[cfg(test)]
mod tests {
    use super::RunState::*;
    use super::*;

    #[test]
    fn names_are_read_back() {
        for state in RunState::ALL {
            assert_eq!(RunState::parse(state.as_str()), Some(state));
        }
    }

    #[test]
    fn only_a_failed_run_leaves_a_terminal_state() {
        for from in RunState::ALL.into_iter().filter(|state| state.is_terminal()) {
            for to in RunState::ALL {
                assert_eq!(from.may_become(to), (from, to) == (Failed, Queued));
            }
        }
    }
}

//! The one guard on what is seen.

use crate::{Action, DeploymentMode};

/// What matters of a result for whether it may be seen.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct ResultGuard {
    /// The mode in which the deployment was when the run was queued.
    pub mode: DeploymentMode,
    /// Not before this time, in milliseconds since 1970; `None` for at once.
    pub reveal_ms: Option<i64>,
}

/// Who looks.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Viewer<'a> {
    /// A person or program with these permissions.
    Permitted(&'a [Action]),
    /// Whatever leaves: deliveries, study-level answers at the DICOM doors, counts.
    Outside,
}

/// Whether a result may be shown, counted or sent. Everything that shows, counts or sends asks this.
#[must_use]
pub fn visible(result: ResultGuard, viewer: Viewer<'_>, now_ms: i64) -> bool {
    let revealed = result.reveal_ms.is_none_or(|reveal_ms| now_ms >= reveal_ms);
    match (result.mode, viewer) {
        (DeploymentMode::Live, _) => revealed,
        (DeploymentMode::Shadow, Viewer::Permitted(actions)) => revealed && actions.contains(&Action::ShadowRead),
        (DeploymentMode::Shadow, Viewer::Outside) => false,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[track_caller]
    fn check(mode: DeploymentMode, reveal_ms: Option<i64>, viewer: Viewer<'_>, expected: bool) {
        assert_eq!(visible(ResultGuard { mode, reveal_ms }, viewer, 1_000), expected);
    }

    #[test]
    fn shadow_results_never_leave() {
        let reader = [Action::StudyRead];
        let lead = [Action::StudyRead, Action::ShadowRead];
        check(DeploymentMode::Shadow, None, Viewer::Outside, false);
        check(DeploymentMode::Shadow, None, Viewer::Permitted(&reader), false);
        check(DeploymentMode::Shadow, None, Viewer::Permitted(&lead), true);
    }

    #[test]
    fn gated_results_wait_for_the_reveal() {
        check(DeploymentMode::Live, None, Viewer::Outside, true);
        check(DeploymentMode::Live, Some(1_001), Viewer::Outside, false);
        check(DeploymentMode::Live, Some(1_000), Viewer::Permitted(&[]), true);
    }
}

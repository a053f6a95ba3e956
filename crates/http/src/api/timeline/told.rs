//! All that a study's timeline is told from, without what the caller may not see.

use crate::HttpState;
use crate::api::runs::Runs;
use crate::auth::Caller;
use crate::problem::Problem;
use crate::seen::{sees_decisions, sees_run};
use lightbox_domain::{Decision, Job, Run, Uid};
use lightbox_store::{LeftJob, LogLine, StoredResult, StoredSeries, StoredStudy, TracedDelivery};
use std::collections::HashMap;

/// The most lines of the log that one timeline is told from.
const LINES_MAX: i64 = 20_000;

/// What the caller may see of a study.
pub(super) struct Told {
    pub study: StoredStudy,
    pub series: Vec<StoredSeries>,
    pub lines: Vec<LogLine>,
    pub truncated: bool,
    pub deployments: Runs,
    pub decisions: Vec<Decision>,
    /// With the results of each.
    pub runs: Vec<(Run, Vec<StoredResult>)>,
    pub deliveries: Vec<TracedDelivery>,
    pub jobs: Vec<LeftJob>,
}

impl Told {
    /// # Errors
    /// 404 when nothing of the study is to be seen.
    pub async fn gather(state: &HttpState, caller: &Caller, study: &Uid) -> Result<Self, Problem> {
        let (store, uid) = (&state.store, study.as_str());
        let stored = store.study(uid).await?.filter(|study| study.instance_count > 0);
        let deployments = Runs::load(state).await?;
        let lines = store.events_of_study(uid, LINES_MAX).await?;
        let mut told = Self {
            study: stored.ok_or_else(|| Problem::not_found("study"))?,
            series: store.series_of_study(uid).await?,
            truncated: i64::try_from(lines.len()).is_ok_and(|lines| lines == LINES_MAX),
            lines,
            decisions: store.decisions_of_study(uid).await?,
            runs: Vec::new(),
            deliveries: store.deliveries_of_study(uid).await?,
            jobs: store.jobs_of_study(uid).await?,
            deployments,
        };
        for run in store.runs_of_study(uid).await? {
            if sees_run(caller, &run) {
                let results = store.results(&run.id).await?;
                told.runs.push((run, results));
            }
        }
        told.hide(caller);
        Ok(told)
    }

    /// Leaves out what tells of runs and decisions that the caller may not see.
    fn hide(&mut self, caller: &Caller) {
        let seen: HashMap<&str, &Run> = self.runs.iter().map(|(run, _)| (run.id.as_str(), run)).collect();
        let deployments = &self.deployments;
        let sees = |id: &str| deployments.deployment(id).is_some_and(|one| sees_decisions(caller, one));
        self.decisions.retain(|decision| sees(&decision.deployment_id));
        self.deliveries.retain(|one| seen.contains_key(one.delivery.run_id.as_str()));
        let deliveries: Vec<&str> = self.deliveries.iter().map(|one| one.delivery.id.as_str()).collect();
        self.jobs.retain(|left| match &left.job {
            Job::Run { run_id } | Job::Publish { run_id } | Job::Explain { run_id } => {
                seen.contains_key(run_id.as_str())
            }
            Job::Deliver { delivery_id } | Job::AskCommitment { delivery_id } => {
                deliveries.contains(&delivery_id.as_str())
            }
            _ => true,
        });
        self.lines.retain(|line| {
            let made_by = line.actor.strip_prefix("run:");
            let of_run = (line.object_kind == "run").then_some(line.object_id.as_str());
            let of_delivery = line.object_kind == "delivery";
            made_by.is_none_or(|run| seen.contains_key(run))
                && of_run.is_none_or(|run| seen.contains_key(run))
                && (!of_delivery || deliveries.contains(&line.object_id.as_str()))
        });
    }

    pub fn run(&self, id: &str) -> Option<&Run> {
        self.runs.iter().map(|(run, _)| run).find(|run| run.id == id)
    }

    pub fn delivery(&self, id: &str) -> Option<&TracedDelivery> {
        self.deliveries.iter().find(|one| one.delivery.id == id)
    }

    /// When a person last ordered this of a run or delivery.
    pub fn ordered_ms(&self, action: &str, id: &str) -> Option<i64> {
        let is_it = |line: &&LogLine| line.action == action && line.object_id == id;
        self.lines.iter().rev().find(is_it).map(|line| line.at_ms)
    }

    /// The job that is left of this kind and subject.
    pub fn left(&self, job: &Job) -> Option<&LeftJob> {
        self.jobs.iter().find(|left| left.job == *job)
    }
}

//! Claims jobs and has them handled, again if need be.

use crate::clock::watch_clock;
use crate::run::end_run;
use crate::{
    JobError, Pipeline, check_step, compress, correct, describe, explain, orders, publish, purge, reject, route, run,
};
use lightbox_domain::{Event, Job, JobKind, RunState, back_off_ms};
use lightbox_store::{Claimed, now_ms};
use metrics::histogram;
use std::collections::HashMap;
use std::future::Future;
use std::pin::Pin;
use std::sync::Arc;
use std::time::{Duration, Instant};
use tokio::sync::watch;

/// How often a lane looks for due jobs without being nudged.
const SWEEP: Duration = Duration::from_secs(5);

/// What a handler returns.
pub type HandlerFuture = Pin<Box<dyn Future<Output = Result<(), JobError>> + Send>>;

type Handler = Arc<dyn Fn(Job) -> HandlerFuture + Send + Sync>;

/// Works off jobs until it is told to stop.
pub struct Worker {
    pipeline: Pipeline,
    handlers: HashMap<JobKind, Handler>,
}

impl Worker {
    /// A worker that handles what the pipeline itself can: routing, runs, publishing, describing, explaining,
    /// compressing.
    #[must_use]
    pub fn new(pipeline: Pipeline) -> Self {
        let worker = Self { pipeline, handlers: HashMap::new() };
        let kinds = [
            JobKind::Reject,
            JobKind::Correct,
            JobKind::Match,
            JobKind::Route,
            JobKind::Run,
            JobKind::Publish,
            JobKind::Describe,
            JobKind::Explain,
            JobKind::Purge,
            JobKind::CheckStep,
            JobKind::Compress,
        ];
        kinds.into_iter().fold(worker, |worker, kind| {
            let pipeline = worker.pipeline.clone();
            worker.handle(kind, move |job| Box::pin(step(pipeline.clone(), job)))
        })
    }

    /// Has jobs of a kind handled so.
    #[must_use]
    pub fn handle(mut self, kind: JobKind, handler: impl Fn(Job) -> HandlerFuture + Send + Sync + 'static) -> Self {
        self.handlers.insert(kind, Arc::new(handler));
        self
    }

    /// Works until `stop` becomes true; jobs under way are finished first. Several lanes work at once, and one of them
    /// never takes a map or what is less urgent, so that a report never waits for those.
    pub async fn work(self, stop: watch::Receiver<bool>) {
        let lanes_max = self.pipeline.limits.runs_at_once_max.max(2);
        let clock = tokio::spawn(watch_clock(self.pipeline.store.clone(), stop.clone()));
        let worker = Arc::new(self);
        let lanes = (0..lanes_max).map(|lane| {
            let least_urgent = if lane == 0 { JobKind::LAST } else { JobKind::Deliver };
            tokio::spawn(Arc::clone(&worker).lane(least_urgent, stop.clone()))
        });
        for lane in lanes.chain([clock]).collect::<Vec<_>>() {
            if let Err(error) = lane.await {
                tracing::error!(%error, "a lane of the worker broke");
            }
        }
    }

    /// Works off the jobs that are due, one after the other, until none is; those that are ordered for later are left.
    ///
    /// # Errors
    /// When the database refuses.
    pub async fn work_off_due(&self) -> Result<(), JobError> {
        while let Some(claimed) = self.pipeline.store.claim(JobKind::LAST).await? {
            self.work_off(&claimed).await;
        }
        Ok(())
    }

    async fn lane(self: Arc<Self>, least_urgent: JobKind, mut stop: watch::Receiver<bool>) {
        let mut nudges = self.pipeline.store.nudges();
        while !*stop.borrow() {
            nudges.mark_unchanged();
            match self.pipeline.store.claim(least_urgent).await {
                Ok(Some(claimed)) => self.work_off(&claimed).await,
                Ok(None) => self.wait(least_urgent, &mut nudges, &mut stop).await,
                Err(error) => {
                    tracing::error!(%error, "cannot claim a job");
                    tokio::time::sleep(SWEEP).await;
                }
            }
        }
    }

    /// Waits for a nudge, for the next of the lane's jobs that becomes due, or to be stopped.
    async fn wait(&self, least_urgent: JobKind, nudges: &mut watch::Receiver<u64>, stop: &mut watch::Receiver<bool>) {
        let next_due_ms = self.pipeline.store.next_due_ms(least_urgent).await.ok().flatten();
        let wait_ms = next_due_ms.map_or(i64::MAX, |due_ms| due_ms - now_ms());
        let wait = SWEEP.min(Duration::from_millis(u64::try_from(wait_ms.max(5)).unwrap_or(5)));
        tokio::select! {
            _ = nudges.changed() => {}
            _ = stop.changed() => {}
            () = tokio::time::sleep(wait) => {}
        }
    }

    async fn work_off(&self, claimed: &Claimed) {
        let job = &claimed.job;
        let start = Instant::now();
        let result = match self.handlers.get(&job.kind()) {
            Some(handler) => tokio::spawn(handler(job.clone()))
                .await
                .unwrap_or_else(|error| Err(JobError::Permanent(format!("the step broke: {error}")))),
            None => Err(JobError::Permanent(format!("nothing here handles {} jobs", job.kind().as_str()))),
        };
        let outcome = if result.is_ok() { "ok" } else { "error" };
        histogram!("lightbox_job_seconds", "kind" => job.kind().as_str(), "outcome" => outcome).record(start.elapsed());
        if let Err(error) = self.settle(claimed, result).await {
            // The claim runs out or is released at the next start, and the job is taken again.
            tracing::error!(kind = job.kind().as_str(), subject = %job.subject(), %error, "cannot settle a job");
        }
    }

    async fn settle(&self, claimed: &Claimed, result: Result<(), JobError>) -> Result<(), JobError> {
        let (kind, subject) = (claimed.job.kind().as_str(), claimed.job.subject());
        let store = &self.pipeline.store;
        match result {
            Ok(()) => {
                let mut write = store.write().await?;
                write.complete(claimed).await?;
                Ok(write.commit().await?)
            }
            Err(JobError::Transient(reason)) if claimed.attempts < self.pipeline.limits.job_attempts_max => {
                let due_ms = now_ms() + back_off_ms(claimed.attempts);
                tracing::warn!(kind, subject, reason, attempts = claimed.attempts, "will try a job again");
                self.say_waiting(&claimed.job, &reason).await?;
                let mut write = store.write().await?;
                write.postpone(claimed, due_ms, &reason).await?;
                Ok(write.commit().await?)
            }
            Err(JobError::Transient(reason) | JobError::Permanent(reason)) => {
                tracing::warn!(kind, subject, reason, attempts = claimed.attempts, "gave a job up");
                self.give_up(claimed, &reason).await
            }
        }
    }

    /// A run that waits for another attempt says so.
    async fn say_waiting(&self, job: &Job, reason: &str) -> Result<(), JobError> {
        let Job::Run { run_id } = job else { return Ok(()) };
        let mut write = self.pipeline.store.write().await?;
        write.advance_run(run_id, RunState::Queued, &format!("will be tried again: {reason}")).await?;
        Ok(write.commit().await?)
    }

    /// Says in the place where a reader looks that a job will not succeed, and ends it.
    async fn give_up(&self, claimed: &Claimed, reason: &str) -> Result<(), JobError> {
        let store = &self.pipeline.store;
        match &claimed.job {
            Job::Run { run_id } => end_run(&self.pipeline, run_id, RunState::Failed, reason).await?,
            Job::Publish { run_id } => publish::give_up(&self.pipeline, run_id, reason).await?,
            Job::Explain { run_id } => explain::give_up(&self.pipeline, run_id, reason).await?,
            Job::Deliver { delivery_id } => {
                let mut write = store.write().await?;
                write.end_delivery(delivery_id, Some(reason)).await?;
                let event = Event::new("lightbox", "delivery.failed", "delivery", delivery_id).outcome(reason);
                write.append_event(self.of_its_study(&claimed.job, event).await?).await?;
                write.commit().await?;
            }
            // Metadata are then read from the files, as before.
            Job::Describe { .. } => {}
            // The next start orders it again.
            Job::Lifecycle => {}
            // The next message about it orders it again.
            Job::CheckStep { .. } => {}
            // What arrived is what is kept; the rule orders it again tomorrow.
            Job::Compress { .. } => {}
            Job::AskCommitment { delivery_id } => {
                let mut write = store.write().await?;
                write.end_commitment_request(delivery_id, false, reason).await?;
                let event = Event::new("lightbox", "commitment.unasked", "delivery", delivery_id).outcome(reason);
                write.append_event(self.of_its_study(&claimed.job, event).await?).await?;
                write.commit().await?;
            }
            Job::Route { .. } => return self.bury(claimed, "series.unrouted", "series", reason).await,
            Job::Reject { .. } => return self.bury(claimed, "rejection.failed", "instance", reason).await,
            Job::Correct { .. } => return self.bury(claimed, "study.unmerged", "study", reason).await,
            Job::Match { .. } => return self.bury(claimed, "study.match_failed", "study", reason).await,
            Job::Purge { .. } => return self.bury(claimed, "purge.failed", "deletion", reason).await,
            Job::ReportCommitment { .. } => {
                return self.bury(claimed, "commitment.unreported", "commitment", reason).await;
            }
        }
        let mut write = store.write().await?;
        write.complete(claimed).await?;
        Ok(write.commit().await?)
    }

    /// Leaves the row of a job for a person to see.
    async fn bury(
        &self,
        claimed: &Claimed,
        action: &'static str,
        kind: &'static str,
        reason: &str,
    ) -> Result<(), JobError> {
        let mut write = self.pipeline.store.write().await?;
        write.bury(claimed, reason).await?;
        let event = Event::new("lightbox", action, kind, &claimed.job.subject()).outcome(reason);
        write.append_event(self.of_its_study(&claimed.job, event).await?).await?;
        Ok(write.commit().await?)
    }

    /// The event with the study that its job is about, if it is about one.
    async fn of_its_study(&self, job: &Job, event: Event) -> Result<Event, JobError> {
        let store = &self.pipeline.store;
        let study = match job {
            Job::Route { study_instance_uid, .. }
            | Job::Correct { study_instance_uid }
            | Job::Match { study_instance_uid } => Some(study_instance_uid.clone()),
            Job::Reject { sop_instance_uid } => {
                store.instance(sop_instance_uid).await?.map(|instance| instance.study_instance_uid.to_string())
            }
            Job::Deliver { delivery_id } | Job::AskCommitment { delivery_id } => {
                match store.delivery(delivery_id).await? {
                    Some(delivery) => store.run(&delivery.run_id).await?.map(|run| run.study_instance_uid.to_string()),
                    None => None,
                }
            }
            _ => None,
        };
        Ok(match study {
            Some(study) => event.study(&study),
            None => event,
        })
    }
}

async fn step(pipeline: Pipeline, job: Job) -> Result<(), JobError> {
    match job {
        Job::Route { study_instance_uid, series_instance_uid } => {
            route::route(&pipeline, &study_instance_uid, &series_instance_uid).await
        }
        Job::Run { run_id } => run::run(&pipeline, &run_id).await,
        Job::Publish { run_id } => publish::publish(&pipeline, &run_id).await,
        Job::Explain { run_id } => explain::explain(&pipeline, &run_id).await,
        Job::Describe { study_instance_uid, series_instance_uid } => {
            describe::describe(&pipeline.store, &study_instance_uid, &series_instance_uid).await
        }
        Job::Reject { sop_instance_uid } => reject::reject(&pipeline, &sop_instance_uid).await,
        Job::Correct { study_instance_uid } => correct::apply(&pipeline.store, &study_instance_uid).await,
        Job::Match { study_instance_uid } => orders::match_study(&pipeline.store, &study_instance_uid).await,
        Job::Purge { deletion_id } => purge::purge(&pipeline.store, &deletion_id).await,
        Job::CheckStep { sop_instance_uid } => {
            check_step::check_step(&pipeline.store, &pipeline.limits, &sop_instance_uid).await
        }
        Job::Compress { study_instance_uid, series_instance_uid } => {
            compress::compress(&pipeline, &study_instance_uid, &series_instance_uid).await
        }
        Job::Deliver { .. } | Job::ReportCommitment { .. } | Job::AskCommitment { .. } | Job::Lifecycle => {
            Err(JobError::Permanent("it has a handler of its own".to_owned()))
        }
    }
}

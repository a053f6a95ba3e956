//! Jobs: rows that say what is left to do. A queue or a nudge only says that it is worth looking.

use crate::batch::{Batch, Execute};
use crate::{Store, StoreError, Write, now_ms};
use lightbox_domain::{Job, JobKind};
use sqlx::Row;
use sqlx::any::AnyRow;
use std::collections::HashMap;

/// How long a worker may hold a job before another takes it, in milliseconds. A server releases all its claims when it
/// starts, so this matters only where several share a database.
const CLAIM_MS: i64 = 15 * 60 * 1_000;

/// A job that a worker holds.
#[derive(Clone, Debug)]
pub struct Claimed {
    /// The job.
    pub job: Job,
    /// How often it was begun, this time included.
    pub attempts: i64,
    /// How often it had been asked for when it was claimed.
    wanted: i64,
}

/// How much is left to do of one kind.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct JobCount {
    /// The kind's name.
    pub kind: String,
    /// Jobs that wait or are under way.
    pub waiting: i64,
    /// Jobs that were given up and stay for a person to see.
    pub given_up: i64,
    /// When the first of those that wait is to be done, in milliseconds since 1970.
    pub due_ms: Option<i64>,
}

const CLAIM_ON_SQLITE: &str = "
    UPDATE jobs SET claimed_until_ms = $1, attempts = attempts + 1
    WHERE rowid = (
        SELECT rowid FROM jobs WHERE dead = 0 AND due_ms <= $2 AND claimed_until_ms < $3 AND priority <= $4
        ORDER BY priority, due_ms LIMIT 1)
    RETURNING kind, subject, attempts, wanted";

const CLAIM_ON_POSTGRESQL: &str = "
    UPDATE jobs SET claimed_until_ms = $1, attempts = attempts + 1
    WHERE (kind, subject) = (
        SELECT kind, subject FROM jobs WHERE dead = 0 AND due_ms <= $2 AND claimed_until_ms < $3 AND priority <= $4
        ORDER BY priority, due_ms LIMIT 1 FOR UPDATE SKIP LOCKED)
    RETURNING kind, subject, attempts, wanted";

impl Write {
    /// Orders a job for `due_ms`. Asked for again while it waits, it stays one job, due when it was asked for last; while
    /// a worker has it, it is due once more.
    ///
    /// # Errors
    /// When the database refuses.
    pub async fn enqueue(&mut self, job: &Job, due_ms: i64) -> Result<(), StoreError> {
        self.order(job, due_ms, Again::Later).await
    }

    /// The same, but a job that waits already stays due when it is.
    ///
    /// # Errors
    /// When the database refuses.
    pub async fn enqueue_by(&mut self, job: &Job, due_ms: i64) -> Result<(), StoreError> {
        self.order(job, due_ms, Again::Earlier).await
    }

    async fn order(&mut self, job: &Job, due_ms: i64, again: Again) -> Result<(), StoreError> {
        let mut batch = Batch::default();
        push_job(&mut batch, job, due_ms, again);
        self.told.nudge_at(due_ms);
        self.execute(batch).await.map(|_| ())
    }

    /// Ends a job that is done. If it was asked for again meanwhile, it is due once more.
    ///
    /// # Errors
    /// When the database refuses.
    pub async fn complete(&mut self, claimed: &Claimed) -> Result<(), StoreError> {
        let ended = sqlx::query("DELETE FROM jobs WHERE kind = $1 AND subject = $2 AND wanted = $3")
            .bind(claimed.job.kind().as_str())
            .bind(claimed.job.subject())
            .bind(claimed.wanted)
            .execute(&mut *self.transaction)
            .await?;
        if ended.rows_affected() == 0 {
            sqlx::query("UPDATE jobs SET claimed_until_ms = 0, attempts = 0 WHERE kind = $1 AND subject = $2")
                .bind(claimed.job.kind().as_str())
                .bind(claimed.job.subject())
                .execute(&mut *self.transaction)
                .await?;
            self.told.nudge_at(now_ms());
        }
        Ok(())
    }

    /// Puts a job back until `due_ms`.
    ///
    /// # Errors
    /// When the database refuses.
    pub async fn postpone(&mut self, claimed: &Claimed, due_ms: i64, error: &str) -> Result<(), StoreError> {
        sqlx::query(
            "UPDATE jobs SET claimed_until_ms = 0, due_ms = $1, last_error = $2 WHERE kind = $3 AND subject = $4",
        )
        .bind(due_ms)
        .bind(error)
        .bind(claimed.job.kind().as_str())
        .bind(claimed.job.subject())
        .execute(&mut *self.transaction)
        .await?;
        self.told.nudge_at(due_ms);
        Ok(())
    }

    /// Gives a job up. Its row stays, for a person to see.
    ///
    /// # Errors
    /// When the database refuses.
    pub async fn bury(&mut self, claimed: &Claimed, error: &str) -> Result<(), StoreError> {
        sqlx::query("UPDATE jobs SET claimed_until_ms = 0, dead = 1, last_error = $1 WHERE kind = $2 AND subject = $3")
            .bind(error)
            .bind(claimed.job.kind().as_str())
            .bind(claimed.job.subject())
            .execute(&mut *self.transaction)
            .await?;
        Ok(())
    }
}

/// When a job is due that is asked for again while it waits.
#[derive(Clone, Copy, PartialEq, Eq)]
pub(crate) enum Again {
    /// When it was asked for last.
    Later,
    /// When it was to be due already, if that is earlier.
    Earlier,
    /// When it was asked for last, or up to [`SLACK_MS`] before, so that its row need not change each time.
    AboutLater,
}

/// By how much a job may be early that is asked for again and again, in milliseconds.
const SLACK_MS: i64 = 500;

/// The statement that orders a job.
pub(crate) fn push_job(batch: &mut Batch, job: &Job, due_ms: i64, again: Again) {
    let slack_ms = if again == Again::AboutLater { SLACK_MS } else { 0 };
    batch
        .statement(
            "INSERT INTO jobs
                 (kind, subject, priority, due_ms, attempts, wanted, claimed_until_ms, dead, last_error) VALUES (",
        )
        .bind_list([job.kind().as_str().into(), job.subject().into(), job.kind().priority().into(), due_ms.into()])
        .push(
            ", 0, 1, 0, 0, '')
             ON CONFLICT (kind, subject) DO UPDATE SET
                 wanted = jobs.wanted + 1, dead = 0,
                 due_ms = CASE WHEN ",
        )
        .bind(i64::from(again == Again::Earlier))
        .push(
            " = 1 AND jobs.dead = 0 AND jobs.claimed_until_ms = 0 AND jobs.due_ms < excluded.due_ms
                     THEN jobs.due_ms ELSE excluded.due_ms END,
                 attempts = CASE WHEN jobs.claimed_until_ms > 0 THEN jobs.attempts ELSE 0 END
             WHERE ",
        )
        .bind(slack_ms)
        .push(" = 0 OR jobs.dead = 1 OR jobs.claimed_until_ms > 0 OR jobs.due_ms < excluded.due_ms - ")
        .bind(slack_ms);
}

impl Store {
    /// Takes the most urgent job that is due and at least as urgent as `least_urgent`, if there is one.
    ///
    /// # Errors
    /// When the database refuses, or holds a job that this release does not know.
    pub async fn claim(&self, least_urgent: JobKind) -> Result<Option<Claimed>, StoreError> {
        // Most looks find nothing: those are no business of the one connection that writes.
        let now = now_ms();
        let due =
            "SELECT 1 FROM jobs WHERE dead = 0 AND due_ms <= $1 AND claimed_until_ms < $2 AND priority <= $3 LIMIT 1";
        let due = sqlx::query(due).bind(now).bind(now).bind(least_urgent.priority());
        if due.fetch_optional(self.readers()).await?.is_none() {
            return Ok(None);
        }
        let mut write = self.write().await?;
        let claim = if write.sqlite() { CLAIM_ON_SQLITE } else { CLAIM_ON_POSTGRESQL };
        let row = sqlx::query(claim)
            .bind(now + CLAIM_MS)
            .bind(now)
            .bind(now)
            .bind(least_urgent.priority())
            .fetch_optional(&mut *write.transaction)
            .await?;
        write.commit().await?;
        let Some(row) = row else { return Ok(None) };
        let (kind, subject): (String, String) = (row.try_get("kind")?, row.try_get("subject")?);
        let job = Job::parse(&kind, &subject)
            .ok_or_else(|| StoreError::row("job", &format!("{kind} {subject}"), "this release does not know it"))?;
        Ok(Some(Claimed { job, attempts: row.try_get("attempts")?, wanted: row.try_get("wanted")? }))
    }

    /// When the next job at least as urgent as `least_urgent` is due, in milliseconds since 1970, if one waits.
    ///
    /// # Errors
    /// When the database refuses.
    pub async fn next_due_ms(&self, least_urgent: JobKind) -> Result<Option<i64>, StoreError> {
        let row = sqlx::query(
            "SELECT MIN(due_ms) AS due_ms FROM jobs WHERE dead = 0 AND claimed_until_ms = 0 AND priority <= $1",
        )
        .bind(least_urgent.priority())
        .fetch_one(self.readers())
        .await?;
        Ok(row.try_get("due_ms")?)
    }

    /// Jobs at least as urgent as `least_urgent` that wait or are under way, without those given up.
    ///
    /// # Errors
    /// When the database refuses.
    pub async fn jobs_left(&self, least_urgent: JobKind) -> Result<i64, StoreError> {
        let row = sqlx::query("SELECT COUNT(*) AS jobs FROM jobs WHERE dead = 0 AND priority <= $1")
            .bind(least_urgent.priority())
            .fetch_one(self.readers())
            .await?;
        Ok(row.try_get("jobs")?)
    }

    /// How many jobs of each kind wait or are under way, without those given up.
    ///
    /// # Errors
    /// When the database refuses.
    pub async fn jobs_waiting(&self) -> Result<Vec<(&'static str, i64)>, StoreError> {
        let rows = sqlx::query("SELECT kind, COUNT(*) AS jobs FROM jobs WHERE dead = 0 GROUP BY kind")
            .fetch_all(self.readers())
            .await?;
        let counted = rows.iter().map(|row| Ok((row.try_get("kind")?, row.try_get("jobs")?)));
        let counted = counted.collect::<Result<HashMap<String, i64>, StoreError>>()?;
        let names = JobKind::ALL.into_iter().map(JobKind::as_str);
        Ok(names.map(|name| (name, counted.get(name).copied().unwrap_or(0))).collect())
    }

    /// What is left to do of each kind of which something is left.
    ///
    /// # Errors
    /// When the database refuses.
    pub async fn job_counts(&self) -> Result<Vec<JobCount>, StoreError> {
        let rows = sqlx::query(
            "SELECT kind, CAST(SUM(1 - dead) AS BIGINT) AS waiting, CAST(SUM(dead) AS BIGINT) AS given_up,
                 MIN(CASE WHEN dead = 0 THEN due_ms END) AS due_ms
             FROM jobs GROUP BY kind ORDER BY MIN(priority)",
        )
        .fetch_all(self.readers())
        .await?;
        let count = |row: &AnyRow| {
            Ok(JobCount {
                kind: row.try_get("kind")?,
                waiting: row.try_get("waiting")?,
                given_up: row.try_get("given_up")?,
                due_ms: row.try_get("due_ms")?,
            })
        };
        rows.iter().map(count).collect()
    }

    /// Releases every claim. Called once at start by the server that holds the data folder's lock.
    ///
    /// # Errors
    /// When the database refuses.
    pub async fn release_claims(&self) -> Result<u64, StoreError> {
        let mut write = self.write().await?;
        let released = sqlx::query("UPDATE jobs SET claimed_until_ms = 0 WHERE claimed_until_ms > 0")
            .execute(&mut *write.transaction)
            .await?;
        write.commit().await?;
        Ok(released.rows_affected())
    }
}

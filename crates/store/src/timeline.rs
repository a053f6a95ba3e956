//! What a study's timeline is told from, beside its runs and decisions: its lines of the log, its deliveries, and the jobs
//! that are left for it.

use crate::deliveries::delivery_of;
use crate::events::line_of;
use crate::{Delivery, LogLine, Store, StoreError};
use lightbox_domain::Job;
use sqlx::Row;
use sqlx::any::AnyRow;

/// A delivery with what is known of it now.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct TracedDelivery {
    /// The delivery.
    pub delivery: Delivery,
    /// When it was ordered, in milliseconds since 1970.
    pub created_ms: i64,
    /// What the peer said when it was asked to commit to the result.
    pub commitment: Option<TracedCommitment>,
}

/// A request for storage commitment as far as it went.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct TracedCommitment {
    /// `due`, `asked`, `committed` or `refused`.
    pub state: String,
    /// Why it was refused.
    pub reason: String,
    /// When the peer answered.
    pub answered_ms: Option<i64>,
}

/// A job that waits, is under way, or was given up.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct LeftJob {
    /// The job.
    pub job: Job,
    /// When it is to be done, in milliseconds since 1970.
    pub due_ms: i64,
    /// How often it was begun.
    pub attempts: i64,
    /// Whether it was given up.
    pub given_up: bool,
    /// Why the last attempt failed; empty before.
    pub last_error: String,
}

impl Store {
    /// The newest lines of the log that concern a study, at most `limit`, the oldest of them first.
    ///
    /// # Errors
    /// When the database refuses.
    pub async fn events_of_study(&self, study_instance_uid: &str, limit: i64) -> Result<Vec<LogLine>, StoreError> {
        let rows = sqlx::query(
            "SELECT seq, at_ms, actor, action, object_kind, object_id, outcome, detail, study_instance_uid, hash
             FROM events WHERE study_instance_uid = $1 ORDER BY seq DESC LIMIT $2",
        )
        .bind(study_instance_uid)
        .bind(limit)
        .fetch_all(self.readers())
        .await?;
        rows.iter().rev().map(line_of).collect()
    }

    /// The deliveries of all results of a study, the oldest first. What may be shown of them is for `visible` to say.
    ///
    /// # Errors
    /// When the database refuses.
    pub async fn deliveries_of_study(&self, study_instance_uid: &str) -> Result<Vec<TracedDelivery>, StoreError> {
        let rows = sqlx::query(
            "SELECT deliveries.id, deliveries.run_id, deliveries.sop_instance_uid, deliveries.ae_title,
                 deliveries.state, deliveries.reason, deliveries.delivered_ms, deliveries.created_ms,
                 commitment_requests.state AS commitment_state, commitment_requests.reason AS commitment_reason,
                 commitment_requests.answered_ms
             FROM deliveries JOIN runs ON runs.id = deliveries.run_id
                 LEFT JOIN commitment_requests ON commitment_requests.delivery_id = deliveries.id
             WHERE runs.study_instance_uid = $1 ORDER BY deliveries.id",
        )
        .bind(study_instance_uid)
        .fetch_all(self.readers())
        .await?;
        rows.iter().map(traced_of).collect()
    }

    /// The jobs that are left for a study: for its series, instances, runs, deliveries and deletions.
    ///
    /// # Errors
    /// When the database refuses.
    pub async fn jobs_of_study(&self, study_instance_uid: &str) -> Result<Vec<LeftJob>, StoreError> {
        let rows = sqlx::query(
            "SELECT kind, subject, due_ms, attempts, dead, last_error FROM jobs
             WHERE (kind IN ('route', 'describe') AND subject >= $1 AND subject < $2)
                OR (kind IN ('run', 'publish', 'explain')
                    AND subject IN (SELECT id FROM runs WHERE study_instance_uid = $3))
                OR (kind IN ('deliver', 'ask_commitment') AND subject IN (
                    SELECT deliveries.id FROM deliveries JOIN runs ON runs.id = deliveries.run_id
                    WHERE runs.study_instance_uid = $4))
                OR (kind = 'reject' AND EXISTS (
                    SELECT 1 FROM instances
                    WHERE instances.sop_instance_uid = jobs.subject AND instances.study_instance_uid = $5))
                OR (kind = 'purge' AND subject IN (SELECT id FROM deletions WHERE study_instance_uid = $6))
             ORDER BY due_ms, kind, subject",
        )
        // The subject is `study/series`, and `0` follows `/`.
        .bind(format!("{study_instance_uid}/"))
        .bind(format!("{study_instance_uid}0"))
        .bind(study_instance_uid)
        .bind(study_instance_uid)
        .bind(study_instance_uid)
        .bind(study_instance_uid)
        .fetch_all(self.readers())
        .await?;
        rows.iter().map(left_of).collect()
    }
}

fn traced_of(row: &AnyRow) -> Result<TracedDelivery, StoreError> {
    let commitment = match row.try_get::<Option<String>, _>("commitment_state")? {
        Some(state) => Some(TracedCommitment {
            state,
            reason: row.try_get("commitment_reason")?,
            answered_ms: row.try_get("answered_ms")?,
        }),
        None => None,
    };
    Ok(TracedDelivery { delivery: delivery_of(row)?, created_ms: row.try_get("created_ms")?, commitment })
}

fn left_of(row: &AnyRow) -> Result<LeftJob, StoreError> {
    let (kind, subject): (String, String) = (row.try_get("kind")?, row.try_get("subject")?);
    let job = Job::parse(&kind, &subject);
    Ok(LeftJob {
        job: job.ok_or_else(|| StoreError::row("job", &subject, "this release does not know its kind"))?,
        due_ms: row.try_get("due_ms")?,
        attempts: row.try_get("attempts")?,
        given_up: row.try_get::<i64, _>("dead")? == 1,
        last_error: row.try_get("last_error")?,
    })
}

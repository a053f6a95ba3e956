//! Deleting: what is deleted leaves the index at once and is seen by nobody, comes back when the deletion is undone, and
//! is gone after its purge.

use crate::instances::uid_of;
use crate::{Store, StoreError, Write, new_id, now_ms};
use lightbox_domain::{DeletedPart, DeletionCause, DeletionOrder, Event, Job, Uid};
use sqlx::any::AnyRow;
use sqlx::{QueryBuilder, Row};

/// A deletion that was made.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Deletion {
    /// Its identifier.
    pub id: String,
    /// The study.
    pub study_instance_uid: Uid,
    /// The series, if it was one.
    pub series_instance_uid: Option<Uid>,
    /// What led to it.
    pub cause: DeletionCause,
    /// Why, in words.
    pub reason: String,
    /// Who ordered it.
    pub deleted_by: String,
    /// When, in milliseconds since 1970.
    pub deleted_ms: i64,
    /// When the bytes are removed; `None` for never.
    pub purge_ms: Option<i64>,
    /// Instances that were hidden, with what apps had made of them.
    pub instances: i64,
    /// Who brought them back.
    pub undone_by: Option<String>,
    /// When they were brought back.
    pub undone_ms: Option<i64>,
    /// When the bytes were removed.
    pub purged_ms: Option<i64>,
}

/// How many instances one statement hides.
const HIDDEN_AT_ONCE: usize = 500;

macro_rules! deletion_columns {
    () => {
        "id, study_instance_uid, series_instance_uid, cause, reason, deleted_by, deleted_ms, purge_ms, instances,
         undone_by, undone_ms, purged_ms"
    };
}

const HIDE: &str = "UPDATE instances SET indexed_before = indexed, indexed = 0, deletion_id = ";

impl Store {
    /// The newest deletions, at most `limit`; those of one study if it is named.
    ///
    /// # Errors
    /// When the database refuses.
    pub async fn deletions(&self, study_instance_uid: Option<&str>, limit: i64) -> Result<Vec<Deletion>, StoreError> {
        let rows = sqlx::query(concat!(
            "SELECT ",
            deletion_columns!(),
            " FROM deletions WHERE ($1 = '' OR study_instance_uid = $2) ORDER BY deleted_ms DESC, id DESC LIMIT $3"
        ))
        .bind(study_instance_uid.unwrap_or_default())
        .bind(study_instance_uid.unwrap_or_default())
        .bind(limit)
        .fetch_all(self.readers())
        .await?;
        rows.iter().map(deletion_of).collect()
    }

    /// The deletion of this identifier.
    ///
    /// # Errors
    /// [`StoreError::Missing`], or when the database refuses.
    pub async fn deletion(&self, id: &str) -> Result<Deletion, StoreError> {
        let row = sqlx::query(concat!("SELECT ", deletion_columns!(), " FROM deletions WHERE id = $1"))
            .bind(id)
            .fetch_optional(self.readers())
            .await?;
        deletion_of(&row.ok_or_else(|| missing(id))?)
    }
}

fn missing(id: &str) -> StoreError {
    StoreError::Missing { kind: "deletion", id: id.to_owned() }
}

fn deletion_of(row: &AnyRow) -> Result<Deletion, StoreError> {
    let id: String = row.try_get("id")?;
    let cause: String = row.try_get("cause")?;
    let series: Option<String> = row.try_get("series_instance_uid")?;
    let series = series.map(|uid| Uid::parse(&uid)).transpose();
    Ok(Deletion {
        study_instance_uid: uid_of(row, "study_instance_uid")?,
        series_instance_uid: series.map_err(|error| StoreError::row("deletion", &id, error))?,
        cause: DeletionCause::parse(&cause).ok_or_else(|| StoreError::row("deletion", &id, "unknown cause"))?,
        reason: row.try_get("reason")?,
        deleted_by: row.try_get("deleted_by")?,
        deleted_ms: row.try_get("deleted_ms")?,
        purge_ms: row.try_get("purge_ms")?,
        instances: row.try_get("instances")?,
        undone_by: row.try_get("undone_by")?,
        undone_ms: row.try_get("undone_ms")?,
        purged_ms: row.try_get("purged_ms")?,
        id,
    })
}

impl Write {
    /// What is still to be done with a study, in words; `None` when nothing is.
    ///
    /// # Errors
    /// When the database refuses.
    pub async fn work_due(&mut self, study_instance_uid: &str) -> Result<Option<String>, StoreError> {
        let row = sqlx::query(
            "SELECT (SELECT COUNT(*) FROM jobs WHERE dead = 0 AND kind NOT IN ('describe', 'compress')
                      AND subject LIKE $1) AS series,
                 (SELECT COUNT(*) FROM runs WHERE study_instance_uid = $2
                      AND (state IN ('queued', 'running', 'publishing') OR (state = 'finished' AND map_state = 'pending'))
                 ) AS runs,
                 (SELECT COUNT(*) FROM deliveries JOIN runs ON runs.id = deliveries.run_id
                      LEFT JOIN commitment_requests ON commitment_requests.delivery_id = deliveries.id
                      WHERE runs.study_instance_uid = $3
                        AND (deliveries.state = 'due' OR commitment_requests.state = 'due')) AS deliveries",
        )
        // A UID holds no character that LIKE takes for another.
        .bind(format!("{study_instance_uid}/%"))
        .bind(study_instance_uid)
        .bind(study_instance_uid)
        .fetch_one(&mut *self.transaction)
        .await?;
        let mut due = Vec::new();
        for (column, what) in
            [("series", "series to look at"), ("runs", "runs to finish"), ("deliveries", "results to deliver")]
        {
            let count: i64 = row.try_get(column)?;
            if count > 0 {
                due.push(format!("{count} {what}"));
            }
        }
        Ok((!due.is_empty()).then(|| due.join(", ")))
    }

    /// Hides what is ordered, with what apps made of it, and orders its purge. `None` when there is nothing of it.
    ///
    /// # Errors
    /// When the database refuses.
    pub async fn delete(&mut self, order: &DeletionOrder) -> Result<Option<Deletion>, StoreError> {
        let id = new_id();
        let study = order.study_instance_uid.as_str();
        self.insert_deletion(&id, order).await?;
        let mut instances = self.hide(&id, order).await?;
        if instances == 0 {
            sqlx::query("DELETE FROM deletions WHERE id = $1").bind(&id).execute(&mut *self.transaction).await?;
            return Ok(None);
        }
        instances += self.hide_results(&id, study).await?;
        sqlx::query("UPDATE deletions SET instances = $1 WHERE id = $2")
            .bind(i64::try_from(instances).unwrap_or(i64::MAX))
            .bind(&id)
            .execute(&mut *self.transaction)
            .await?;
        self.gather_again(study).await?;
        if let Some(purge_ms) = order.purge_ms {
            self.enqueue(&Job::Purge { deletion_id: id.clone() }, purge_ms).await?;
        }
        let detail = serde_json::json!({
            "instances": instances, "cause": order.cause.as_str(), "reason": order.reason,
            "series_instance_uid": series_of(order), "purge_ms": order.purge_ms,
        });
        let event = Event::new(&order.deleted_by, "instances.deleted", "deletion", &id);
        self.append_event(event.detail(detail.to_string()).study(study)).await?;
        self.deletion(&id).await.map(Some)
    }

    async fn deletion(&mut self, id: &str) -> Result<Deletion, StoreError> {
        let row = sqlx::query(concat!("SELECT ", deletion_columns!(), " FROM deletions WHERE id = $1"))
            .bind(id)
            .fetch_optional(&mut *self.transaction)
            .await?;
        deletion_of(&row.ok_or_else(|| missing(id))?)
    }

    async fn insert_deletion(&mut self, id: &str, order: &DeletionOrder) -> Result<(), StoreError> {
        sqlx::query(
            "INSERT INTO deletions
                 (id, study_instance_uid, series_instance_uid, cause, reason, deleted_by, deleted_ms, purge_ms, returns,
                  instances)
             VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9, 0)",
        )
        .bind(id)
        .bind(order.study_instance_uid.as_str())
        .bind(series_of(order))
        .bind(order.cause.as_str())
        .bind(&order.reason)
        .bind(&order.deleted_by)
        .bind(now_ms())
        .bind(order.purge_ms)
        .bind(i64::from(order.returns))
        .execute(&mut *self.transaction)
        .await?;
        Ok(())
    }

    /// Hides what the order names; gives how many instances.
    async fn hide(&mut self, id: &str, order: &DeletionOrder) -> Result<u64, StoreError> {
        let begin = || {
            let mut sql = QueryBuilder::new(HIDE);
            sql.push_bind(id).push(" WHERE deletion_id IS NULL AND study_instance_uid = ");
            sql.push_bind(order.study_instance_uid.as_str());
            sql
        };
        let mut hidden = 0;
        match &order.part {
            DeletedPart::Study => hidden += begin().build().execute(&mut *self.transaction).await?.rows_affected(),
            DeletedPart::Series(series) => {
                let mut sql = begin();
                sql.push(" AND series_instance_uid = ").push_bind(series.as_str());
                hidden += sql.build().execute(&mut *self.transaction).await?.rows_affected();
            }
            DeletedPart::Instances(uids) => {
                for some in uids.chunks(HIDDEN_AT_ONCE) {
                    let mut sql = begin();
                    sql.push(" AND sop_instance_uid IN (");
                    let mut list = sql.separated(", ");
                    some.iter().for_each(|uid| {
                        list.push_bind(uid.as_str());
                    });
                    sql.push(")");
                    hidden += sql.build().execute(&mut *self.transaction).await?.rows_affected();
                }
            }
        }
        Ok(hidden)
    }

    /// Hides the results of runs on what is hidden.
    async fn hide_results(&mut self, id: &str, study_instance_uid: &str) -> Result<u64, StoreError> {
        let hidden = sqlx::query(
            "UPDATE instances SET indexed_before = indexed, indexed = 0, deletion_id = $1
             WHERE deletion_id IS NULL AND study_instance_uid = $2 AND run_id IN (
                 SELECT runs.id FROM runs JOIN instances AS inputs ON inputs.sop_instance_uid = runs.sop_instance_uid
                 WHERE inputs.deletion_id = $3)",
        )
        .bind(id)
        .bind(study_instance_uid)
        .bind(id)
        .execute(&mut *self.transaction)
        .await?;
        Ok(hidden.rows_affected())
    }

    /// Brings back what a deletion hid; what no rule had looked at is routed.
    ///
    /// # Errors
    /// [`StoreError::Missing`] when there is no such deletion, or it was undone or purged already; else when the database
    /// refuses.
    pub async fn undo_deletion(&mut self, id: &str, by: &str) -> Result<Deletion, StoreError> {
        let deletion = self.deletion(id).await?;
        let undone = sqlx::query(
            "UPDATE deletions SET undone_by = $1, undone_ms = $2
             WHERE id = $3 AND undone_ms IS NULL AND purged_ms IS NULL",
        )
        .bind(by)
        .bind(now_ms())
        .bind(id)
        .execute(&mut *self.transaction)
        .await?;
        if undone.rows_affected() == 0 {
            return Err(StoreError::Missing { kind: "deletion that can be undone", id: id.to_owned() });
        }
        sqlx::query("UPDATE instances SET indexed = indexed_before, deletion_id = NULL WHERE deletion_id = $1")
            .bind(id)
            .execute(&mut *self.transaction)
            .await?;
        sqlx::query("DELETE FROM jobs WHERE kind = 'purge' AND subject = $1")
            .bind(id)
            .execute(&mut *self.transaction)
            .await?;
        let study = deletion.study_instance_uid.as_str();
        self.gather_again(study).await?;
        self.route_what_waits(study).await?;
        self.append_event(Event::new(by, "instances.undeleted", "deletion", id).study(study)).await?;
        self.deletion(id).await
    }

    /// Brings back instances that were sent again and may return; they count as having arrived now.
    pub(crate) async fn bring_back(&mut self, study: &str, instances: &[&str], by: &str) -> Result<(), StoreError> {
        for uid in instances {
            let found = sqlx::query(
                "UPDATE instances SET indexed = indexed_before, deletion_id = NULL, received_ms = $1
                 WHERE sop_instance_uid = $2",
            )
            .bind(now_ms())
            .bind(*uid)
            .execute(&mut *self.transaction)
            .await?;
            if found.rows_affected() == 0 {
                return Err(StoreError::Unwritten(format!("instance {uid} was purged meanwhile; send it again")));
            }
        }
        self.gather_again(study).await?;
        self.route_what_waits(study).await?;
        let event = Event::new(by, "instances.returned", "study", study);
        let detail = serde_json::json!({ "instances": instances });
        self.append_event(event.detail(detail.to_string()).study(study)).await
    }

    /// Gathers anew what study and series count and keep of their instances.
    pub(crate) async fn gather_again(&mut self, study: &str) -> Result<(), StoreError> {
        self.recount(study).await?;
        self.drop_metadata(study).await?;
        self.describe_series(study).await?;
        self.refresh_summary(study).await
    }

    /// Has the series routed of which something was hidden before any rule had looked at it.
    pub(crate) async fn route_what_waits(&mut self, study: &str) -> Result<(), StoreError> {
        let rows = sqlx::query(
            "SELECT DISTINCT series_instance_uid FROM instances
             WHERE study_instance_uid = $1 AND routed = 0 AND deletion_id IS NULL",
        )
        .bind(study)
        .fetch_all(&mut *self.transaction)
        .await?;
        for row in &rows {
            let (study_instance_uid, series_instance_uid) = (study.to_owned(), row.try_get("series_instance_uid")?);
            self.enqueue(&Job::Route { study_instance_uid, series_instance_uid }, now_ms()).await?;
        }
        Ok(())
    }
}

fn series_of(order: &DeletionOrder) -> Option<&str> {
    match &order.part {
        DeletedPart::Series(series) => Some(series.as_str()),
        DeletedPart::Study | DeletedPart::Instances(_) => None,
    }
}

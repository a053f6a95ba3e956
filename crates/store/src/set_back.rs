//! A clock that was set back. What was to be done in a moment must not wait until the old time has come again.

use crate::{Store, StoreError, now_ms};

impl Store {
    /// By how many milliseconds the last line of the log lies ahead of the clock; 0 when it does not.
    ///
    /// # Errors
    /// When the database refuses.
    pub async fn clock_behind_ms(&self) -> Result<i64, StoreError> {
        let last = sqlx::query_scalar::<_, i64>("SELECT at_ms FROM events ORDER BY seq DESC LIMIT 1");
        let last = last.fetch_optional(self.readers()).await?;
        Ok(last.map_or(0, |at_ms| (at_ms - now_ms()).max(0)))
    }

    /// Has every job that is not due yet be due so much earlier, since the clock was set back by that; gives their number.
    /// One that was ordered after that is done too early, which does no harm: a job may run at any time, and twice.
    ///
    /// # Errors
    /// When the database refuses.
    pub async fn bring_jobs_forward(&self, by_ms: i64) -> Result<u64, StoreError> {
        let now = now_ms();
        let mut write = self.write().await?;
        let moved = sqlx::query("UPDATE jobs SET due_ms = due_ms - $1 WHERE dead = 0 AND due_ms > $2")
            .bind(by_ms)
            .bind(now)
            .execute(&mut *write.transaction)
            .await?;
        write.told.nudge_at(now);
        write.commit().await?;
        Ok(moved.rows_affected())
    }
}

//! A clock that was set back. What was to be done in a moment must not wait until the old time has come again.

use crate::{Store, StoreError, now_ms};

/// How many lines of the log are looked at: a few may have been written since the clock was set back, by a command or by
/// the start itself.
const LINES_LOOKED_AT: i64 = 100;

impl Store {
    /// By how many milliseconds one of the last lines of the log lies ahead of the clock; 0 when none does.
    ///
    /// # Errors
    /// When the database refuses.
    pub async fn clock_behind_ms(&self) -> Result<i64, StoreError> {
        let latest = sqlx::query_scalar::<_, Option<i64>>(
            "SELECT MAX(at_ms) FROM (SELECT at_ms FROM events ORDER BY seq DESC LIMIT $1) AS last",
        );
        let latest = latest.bind(LINES_LOOKED_AT).fetch_one(self.readers()).await?;
        Ok(latest.map_or(0, |at_ms| (at_ms - now_ms()).max(0)))
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

//! Watches the clock while jobs wait for it. A clock that is set back, by hours because of a time zone or by years because of
//! an empty battery, would have them wait as long.

use lightbox_store::{Store, StoreError, now_ms};
use std::time::{Duration, Instant};
use tokio::sync::watch;

/// How often the clock is compared with one that nobody sets.
const LOOK: Duration = Duration::from_secs(1);

/// What a clock may lose between two looks without having been set, in milliseconds.
const SLEW_MS_MAX: i64 = 500;

/// A moment by both clocks.
struct Moment {
    wall_ms: i64,
    steady: Instant,
}

impl Moment {
    fn now() -> Self {
        Self { wall_ms: now_ms(), steady: Instant::now() }
    }

    /// By how much the clock was set back between this moment and a later one, in milliseconds; 0 if it was not.
    fn set_back_ms(&self, later: &Self) -> i64 {
        let passed_ms = i64::try_from((later.steady - self.steady).as_millis()).unwrap_or(i64::MAX);
        let lost_ms = passed_ms.saturating_sub(later.wall_ms - self.wall_ms);
        if lost_ms > SLEW_MS_MAX { lost_ms } else { 0 }
    }
}

/// Brings jobs forward whenever the clock was set back, until `stop` becomes true. What happened between the last line of
/// the log and this start counts, too.
pub(crate) async fn watch_clock(store: Store, mut stop: watch::Receiver<bool>) {
    let behind_ms = store.clock_behind_ms().await.unwrap_or_else(|error| {
        tracing::error!(%error, "cannot compare the clock with the log");
        0
    });
    heed(&store, behind_ms).await;
    let mut before = Moment::now();
    while !*stop.borrow() {
        tokio::select! {
            _ = stop.changed() => {}
            () = tokio::time::sleep(LOOK) => {}
        }
        let now = Moment::now();
        heed(&store, before.set_back_ms(&now)).await;
        before = now;
    }
}

async fn heed(store: &Store, set_back_ms: i64) {
    if set_back_ms == 0 {
        return;
    }
    let moved: Result<u64, StoreError> = store.bring_jobs_forward(set_back_ms).await;
    match moved {
        Ok(jobs) => tracing::warn!(set_back_ms, jobs, "the clock was set back: jobs were brought forward"),
        Err(error) => tracing::error!(set_back_ms, %error, "the clock was set back, and jobs may wait for long"),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_a_clock_that_was_set_back_is_told_of() {
        let start = Moment::now();
        let check = |wall_ms: i64, steady_ms: u64, expected: i64| {
            let steady = start.steady + Duration::from_millis(steady_ms);
            let later = Moment { wall_ms: start.wall_ms + wall_ms, steady };
            assert_eq!(start.set_back_ms(&later), expected);
        };
        check(1_000, 1_000, 0);
        check(600, 1_000, 0);
        check(3_600_000, 1_000, 0);
        check(-3_600_000, 1_000, 3_601_000);
    }
}

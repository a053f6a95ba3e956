//! Slows down those who guess passwords. In memory: a restart forgets, and that is enough for a minute's window.

use std::collections::HashMap;
use std::sync::{Mutex, PoisonError};
use std::time::{Duration, Instant};
use tokio::sync::Semaphore;

/// So many sign-ins with one name may fail within the window.
pub const FAILURES_MAX: usize = 5;

/// The window, in seconds.
pub const FAILURE_WINDOW_SECONDS: u64 = 60;

/// The most names that are remembered; beyond it the one that failed longest ago is forgotten.
const NAMES_MAX: usize = 10_000;

/// The most passwords that are checked at once: each takes 19 MiB and a core.
const CHECKS_AT_ONCE_MAX: usize = 2;

/// Remembers failed sign-ins by name. One for the whole process.
#[derive(Debug)]
pub struct Throttle {
    failures: Mutex<HashMap<String, Vec<Instant>>>,
    pub(crate) checks: Semaphore,
}

impl Default for Throttle {
    fn default() -> Self {
        Self { failures: Mutex::default(), checks: Semaphore::new(CHECKS_AT_ONCE_MAX) }
    }
}

impl Throttle {
    /// How many seconds somebody of this name has to wait; `None` when an attempt may be looked at.
    pub(crate) fn wait_seconds(&self, name: &str, now: Instant) -> Option<u64> {
        let failures = self.failures.lock().unwrap_or_else(PoisonError::into_inner);
        let recent: Vec<_> = failures.get(name)?.iter().filter(|at| is_recent(**at, now)).collect();
        if recent.len() < FAILURES_MAX {
            return None;
        }
        let passed = now.duration_since(**recent.first()?);
        Some((window() - passed).as_secs().max(1))
    }

    /// Remembers a failure.
    pub(crate) fn failed(&self, name: &str, now: Instant) {
        let mut failures = self.failures.lock().unwrap_or_else(PoisonError::into_inner);
        if failures.len() >= NAMES_MAX && !failures.contains_key(name) {
            forget_oldest(&mut failures, now);
        }
        let of_name = failures.entry(name.to_owned()).or_default();
        of_name.retain(|at| is_recent(*at, now));
        of_name.push(now);
    }

    /// Forgets the failures of a name, after a success.
    pub(crate) fn succeeded(&self, name: &str) {
        self.failures.lock().unwrap_or_else(PoisonError::into_inner).remove(name);
    }
}

fn window() -> Duration {
    Duration::from_secs(FAILURE_WINDOW_SECONDS)
}

fn is_recent(at: Instant, now: Instant) -> bool {
    now.duration_since(at) < window()
}

fn forget_oldest(failures: &mut HashMap<String, Vec<Instant>>, now: Instant) {
    failures.retain(|_, of_name| of_name.last().is_some_and(|at| is_recent(*at, now)));
    if failures.len() >= NAMES_MAX {
        let oldest = failures.iter().min_by_key(|(_, of_name)| of_name.last().copied());
        if let Some(name) = oldest.map(|(name, _)| name.clone()) {
            failures.remove(&name);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_sixth_attempt_within_a_minute_waits() {
        let (throttle, start) = (Throttle::default(), Instant::now());
        for second in 0..5 {
            let now = start + Duration::from_secs(second);
            assert_eq!(throttle.wait_seconds("ann", now), None);
            throttle.failed("ann", now);
        }
        assert_eq!(throttle.wait_seconds("ann", start + Duration::from_secs(10)), Some(50));
        assert_eq!(throttle.wait_seconds("bob", start + Duration::from_secs(10)), None);
        assert_eq!(throttle.wait_seconds("ann", start + Duration::from_secs(60)), None);
    }

    #[test]
    fn a_success_forgets_the_failures() {
        let (throttle, now) = (Throttle::default(), Instant::now());
        (0..5).for_each(|_| throttle.failed("ann", now));
        throttle.succeeded("ann");
        assert_eq!(throttle.wait_seconds("ann", now), None);
    }

    #[test]
    fn no_more_names_are_remembered_than_allowed() {
        let (throttle, now) = (Throttle::default(), Instant::now());
        for number in 0..NAMES_MAX as u64 + 10 {
            throttle.failed(&format!("name{number}"), now + Duration::from_millis(number / 1_000));
        }
        assert_eq!(throttle.failures.lock().unwrap().len(), NAMES_MAX);
    }
}

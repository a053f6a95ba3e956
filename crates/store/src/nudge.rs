//! Tells workers that a job is due, when it is due: work that is ordered for later wakes nobody now.

use crate::now_ms;
use std::sync::Arc;
use std::sync::atomic::{AtomicI64, Ordering};
use std::time::Duration;
use tokio::runtime::Handle;
use tokio::sync::watch;

/// Wakes workers. Cheap to clone.
#[derive(Clone)]
pub(crate) struct Nudge {
    count: watch::Sender<u64>,
    /// When workers are woken next; in the past when no alarm is set.
    alarm_ms: Arc<AtomicI64>,
    runtime: Handle,
}

impl Nudge {
    /// Alarms ring on this runtime.
    pub(crate) fn new(runtime: Handle) -> Self {
        Self { count: watch::Sender::new(0), alarm_ms: Arc::default(), runtime }
    }

    /// Changes whenever workers should look.
    pub(crate) fn subscribe(&self) -> watch::Receiver<u64> {
        self.count.subscribe()
    }

    /// Wakes workers at that time. An alarm that rings before is enough: they then see for how long they may sleep.
    pub(crate) fn at(&self, due_ms: i64) {
        let now_ms = now_ms();
        if due_ms <= now_ms {
            return self.ring();
        }
        let alarm_ms = self.alarm_ms.load(Ordering::SeqCst);
        if alarm_ms > now_ms && alarm_ms <= due_ms {
            return;
        }
        self.alarm_ms.store(due_ms, Ordering::SeqCst);
        let (nudge, wait_ms) = (self.clone(), u64::try_from(due_ms - now_ms).unwrap_or(0));
        self.runtime.spawn(async move {
            tokio::time::sleep(Duration::from_millis(wait_ms)).await;
            nudge.ring();
        });
    }

    fn ring(&self) {
        self.count.send_modify(|count| *count = count.wrapping_add(1));
    }
}

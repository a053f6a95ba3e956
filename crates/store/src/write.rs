//! One transaction.

use crate::{LiveEvent, Shared, StoreError};
use sqlx::{Any, Transaction};
use std::sync::Arc;
use tokio::sync::OwnedMutexGuard;

/// A transaction: what it changes, tells and orders becomes real together at [`Write::commit`]. Dropped, it never was.
pub struct Write {
    pub(crate) transaction: Transaction<'static, Any>,
    pub(crate) told: Told,
    shared: Arc<Shared>,
    _turn: OwnedMutexGuard<()>,
}

/// What a transaction has to tell once it is committed.
#[derive(Debug, Default)]
pub(crate) struct Told {
    /// To those who watch.
    pub live: Vec<LiveEvent>,
    /// To the workers: when the first of the jobs that it orders is due.
    pub due_ms: Option<i64>,
}

impl Told {
    /// Remembers that a job is due then.
    pub(crate) fn nudge_at(&mut self, due_ms: i64) {
        self.due_ms = Some(self.due_ms.map_or(due_ms, |earlier| earlier.min(due_ms)));
    }

    /// Adds what another has to tell.
    pub(crate) fn add(&mut self, other: Self) {
        self.live.extend(other.live);
        if let Some(due_ms) = other.due_ms {
            self.nudge_at(due_ms);
        }
    }
}

impl Shared {
    /// Tells it.
    pub(crate) fn tell(&self, told: Told) {
        for event in told.live {
            // Without watchers there is nobody to tell.
            let _ = self.live.send(event);
        }
        if let Some(due_ms) = told.due_ms {
            self.nudge.at(due_ms);
        }
    }
}

impl Write {
    pub(crate) async fn begin(shared: &Arc<Shared>) -> Result<Self, StoreError> {
        let begin = match shared.database.sqlite {
            true => "BEGIN IMMEDIATE",
            false => "BEGIN",
        };
        let turn = Arc::clone(&shared.turn).lock_owned().await;
        let transaction = shared.database.writer.begin_with(begin).await?;
        Ok(Self { transaction, told: Told::default(), shared: Arc::clone(shared), _turn: turn })
    }

    pub(crate) fn sqlite(&self) -> bool {
        self.shared.database.sqlite
    }

    /// Makes it all durable, then tells watchers, and nudges the workers when the first job is due.
    ///
    /// # Errors
    /// When the database refuses; nothing of the transaction then holds.
    pub async fn commit(self) -> Result<(), StoreError> {
        self.transaction.commit().await?;
        self.shared.tell(self.told);
        Ok(())
    }
}

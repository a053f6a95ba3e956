//! One transaction.

use crate::{LiveEvent, Shared, StoreError};
use sqlx::{Any, Transaction};
use std::sync::Arc;

/// A transaction: what it changes, tells and orders becomes real together at [`Write::commit`]. Dropped, it never was.
pub struct Write {
    pub(crate) transaction: Transaction<'static, Any>,
    pub(crate) live: Vec<LiveEvent>,
    pub(crate) nudge: bool,
    shared: Arc<Shared>,
}

impl Write {
    pub(crate) async fn begin(shared: &Arc<Shared>) -> Result<Self, StoreError> {
        let begin = match shared.database.sqlite {
            true => "BEGIN IMMEDIATE",
            false => "BEGIN",
        };
        let transaction = shared.database.writer.begin_with(begin).await?;
        Ok(Self { transaction, live: Vec::new(), nudge: false, shared: Arc::clone(shared) })
    }

    pub(crate) fn sqlite(&self) -> bool {
        self.shared.database.sqlite
    }

    /// Makes it all durable, then tells watchers and nudges the workers.
    ///
    /// # Errors
    /// When the database refuses; nothing of the transaction then holds.
    pub async fn commit(self) -> Result<(), StoreError> {
        self.transaction.commit().await?;
        for event in self.live {
            // Without watchers there is nobody to tell.
            let _ = self.shared.live.send(event);
        }
        if self.nudge {
            self.shared.nudges.send_modify(|count| *count = count.wrapping_add(1));
        }
        Ok(())
    }
}

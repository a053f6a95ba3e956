//! Deliveries: one result on its way to one peer.

use crate::{Store, StoreError, Write, new_id, now_ms};
use lightbox_domain::{Job, Uid};
use sqlx::Row;
use sqlx::any::AnyRow;

/// One result on its way to one peer.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Delivery {
    /// ULID.
    pub id: String,
    /// The run whose result it is.
    pub run_id: String,
    /// The result.
    pub sop_instance_uid: String,
    /// The peer.
    pub ae_title: String,
    /// `due`, `delivered` or `failed`.
    pub state: String,
    /// Why it waits or failed.
    pub reason: String,
    /// When the peer confirmed, in milliseconds since 1970.
    pub delivered_ms: Option<i64>,
}

impl Store {
    /// The delivery of this identifier.
    ///
    /// # Errors
    /// When the database refuses.
    pub async fn delivery(&self, id: &str) -> Result<Option<Delivery>, StoreError> {
        let row = sqlx::query(
            "SELECT id, run_id, sop_instance_uid, ae_title, state, reason, delivered_ms FROM deliveries WHERE id = $1",
        )
        .bind(id)
        .fetch_optional(self.readers())
        .await?;
        row.as_ref().map(delivery_of).transpose()
    }

    /// The deliveries of a run's results.
    ///
    /// # Errors
    /// When the database refuses.
    pub async fn deliveries(&self, run_id: &str) -> Result<Vec<Delivery>, StoreError> {
        let rows = sqlx::query(
            "SELECT id, run_id, sop_instance_uid, ae_title, state, reason, delivered_ms FROM deliveries
             WHERE run_id = $1 ORDER BY id",
        )
        .bind(run_id)
        .fetch_all(self.readers())
        .await?;
        rows.iter().map(delivery_of).collect()
    }
}

impl Write {
    /// Orders a result to be taken to every peer that receives results. Ordered twice, it is delivered once. Whether
    /// the result may leave is for the caller to ask of `visible`.
    ///
    /// # Errors
    /// When the database refuses.
    pub async fn order_deliveries(&mut self, run_id: &str, sop_instance_uid: &Uid) -> Result<(), StoreError> {
        let peers = sqlx::query("SELECT ae_title FROM peers WHERE receives_results = 1 ORDER BY ae_title")
            .fetch_all(&mut *self.transaction)
            .await?;
        for peer in peers {
            let delivery_id = new_id();
            let inserted = sqlx::query(
                "INSERT INTO deliveries (id, run_id, sop_instance_uid, ae_title, state, reason, created_ms)
                 VALUES ($1, $2, $3, $4, 'due', '', $5) ON CONFLICT (sop_instance_uid, ae_title) DO NOTHING",
            )
            .bind(&delivery_id)
            .bind(run_id)
            .bind(sop_instance_uid.as_str())
            .bind(peer.try_get::<String, _>("ae_title")?)
            .bind(now_ms())
            .execute(&mut *self.transaction)
            .await?;
            if inserted.rows_affected() == 1 {
                self.enqueue(&Job::Deliver { delivery_id }, now_ms()).await?;
            }
        }
        Ok(())
    }

    /// Orders a delivery once more, whatever became of it; a peer that refused to commit to the result is asked again.
    /// False when there is no such delivery.
    ///
    /// # Errors
    /// When the database refuses.
    pub async fn deliver_again(&mut self, id: &str) -> Result<bool, StoreError> {
        let due = sqlx::query("UPDATE deliveries SET state = 'due', reason = '', delivered_ms = NULL WHERE id = $1")
            .bind(id)
            .execute(&mut *self.transaction)
            .await?;
        if due.rows_affected() == 0 {
            return Ok(false);
        }
        sqlx::query("DELETE FROM commitment_requests WHERE delivery_id = $1 AND state = 'refused'")
            .bind(id)
            .execute(&mut *self.transaction)
            .await?;
        self.enqueue(&Job::Deliver { delivery_id: id.to_owned() }, now_ms()).await?;
        Ok(true)
    }

    /// Notes that the peer confirmed, or why it did not take the result for good.
    ///
    /// # Errors
    /// When the database refuses.
    pub async fn end_delivery(&mut self, id: &str, failure: Option<&str>) -> Result<(), StoreError> {
        sqlx::query("UPDATE deliveries SET state = $1, reason = $2, delivered_ms = $3 WHERE id = $4")
            .bind(if failure.is_some() { "failed" } else { "delivered" })
            .bind(failure.unwrap_or_default())
            .bind(failure.is_none().then(now_ms))
            .bind(id)
            .execute(&mut *self.transaction)
            .await?;
        Ok(())
    }
}

pub(crate) fn delivery_of(row: &AnyRow) -> Result<Delivery, StoreError> {
    Ok(Delivery {
        id: row.try_get("id")?,
        run_id: row.try_get("run_id")?,
        sop_instance_uid: row.try_get("sop_instance_uid")?,
        ae_title: row.try_get("ae_title")?,
        state: row.try_get("state")?,
        reason: row.try_get("reason")?,
        delivered_ms: row.try_get("delivered_ms")?,
    })
}

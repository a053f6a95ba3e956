//! Storage commitment (PS3.4 Annex J): what peers asked of us, and what we asked of peers.

use crate::{Store, StoreError, StoredInstance, Write, new_id, now_ms};
use lightbox_domain::{Job, Uid};
use sqlx::Row;

/// What a peer asked us to commit to.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Commitment {
    /// ULID.
    pub id: String,
    /// The peer.
    pub ae_title: String,
    /// The peer's name for it.
    pub transaction_uid: String,
    /// SOP class and SOP instance of each.
    pub instances: Vec<(String, String)>,
    /// `due` or `reported`.
    pub state: String,
}

/// What we asked a peer to commit to, after a delivery.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct CommitmentRequest {
    /// The delivery.
    pub delivery_id: String,
    /// The peer.
    pub ae_title: String,
    /// Our name for it.
    pub transaction_uid: String,
    /// What was sent.
    pub sop_class_uid: String,
    /// As the peer has it.
    pub sop_instance_uid: String,
    /// `due`, `asked`, `committed` or `refused`.
    pub state: String,
    /// Why it was refused.
    pub reason: String,
}

/// What the store knows of a SOP instance that somebody wants kept.
#[derive(Clone, Debug, PartialEq)]
pub struct StoredEvidence {
    /// The instance of that UID, if it belongs to the index.
    pub instance: Option<StoredInstance>,
    /// From where newcomers of that UID came that are on the conflict shelf, or were thrown away from it.
    pub shelved_from: Vec<String>,
}

impl Store {
    /// The commitment of this identifier.
    ///
    /// # Errors
    /// When the database refuses.
    pub async fn commitment(&self, id: &str) -> Result<Option<Commitment>, StoreError> {
        let row = sqlx::query("SELECT id, ae_title, transaction_uid, instances, state FROM commitments WHERE id = $1")
            .bind(id)
            .fetch_optional(self.readers())
            .await?;
        let Some(row) = row else { return Ok(None) };
        let instances: String = row.try_get("instances")?;
        let instance = |line: &str| line.split_once(' ').map(|(class, uid)| (class.to_owned(), uid.to_owned()));
        Ok(Some(Commitment {
            id: row.try_get("id")?,
            ae_title: row.try_get("ae_title")?,
            transaction_uid: row.try_get("transaction_uid")?,
            instances: instances.lines().filter_map(instance).collect(),
            state: row.try_get("state")?,
        }))
    }

    /// What there is of a SOP instance.
    ///
    /// # Errors
    /// When the database refuses.
    pub async fn evidence(&self, sop_instance_uid: &str) -> Result<StoredEvidence, StoreError> {
        let shelved = sqlx::query(
            "SELECT source FROM conflicts WHERE sop_instance_uid = $1
             UNION ALL SELECT source FROM discarded_conflicts WHERE sop_instance_uid = $2",
        )
        .bind(sop_instance_uid)
        .bind(sop_instance_uid)
        .fetch_all(self.readers())
        .await?;
        Ok(StoredEvidence {
            instance: self.instance(sop_instance_uid).await?.filter(|instance| instance.indexed),
            shelved_from: shelved.iter().map(|row| row.try_get("source")).collect::<Result<_, _>>()?,
        })
    }

    /// What was asked of the peer of a delivery, if it was to be asked.
    ///
    /// # Errors
    /// When the database refuses.
    pub async fn commitment_request(&self, delivery_id: &str) -> Result<Option<CommitmentRequest>, StoreError> {
        let row = sqlx::query(
            "SELECT delivery_id, ae_title, transaction_uid, sop_class_uid, sop_instance_uid, state, reason
             FROM commitment_requests WHERE delivery_id = $1",
        )
        .bind(delivery_id)
        .fetch_optional(self.readers())
        .await?;
        let Some(row) = row else { return Ok(None) };
        Ok(Some(CommitmentRequest {
            delivery_id: row.try_get("delivery_id")?,
            ae_title: row.try_get("ae_title")?,
            transaction_uid: row.try_get("transaction_uid")?,
            sop_class_uid: row.try_get("sop_class_uid")?,
            sop_instance_uid: row.try_get("sop_instance_uid")?,
            state: row.try_get("state")?,
            reason: row.try_get("reason")?,
        }))
    }

    /// The delivery whose commitment this peer was asked for under this name, and the SOP instance.
    ///
    /// # Errors
    /// When the database refuses.
    pub async fn commitment_asked(
        &self,
        ae_title: &str,
        transaction_uid: &str,
    ) -> Result<Option<CommitmentRequest>, StoreError> {
        let row =
            sqlx::query("SELECT delivery_id FROM commitment_requests WHERE ae_title = $1 AND transaction_uid = $2")
                .bind(ae_title)
                .bind(transaction_uid)
                .fetch_optional(self.readers())
                .await?;
        match row {
            Some(row) => self.commitment_request(row.try_get("delivery_id")?).await,
            None => Ok(None),
        }
    }
}

impl Write {
    /// Remembers what a peer asks us to commit to, and orders the report for `due_ms`; gives its identifier. Asked for
    /// again under the same name, it is reported again.
    ///
    /// # Errors
    /// When the database refuses.
    pub async fn receive_commitment(
        &mut self,
        ae_title: &str,
        transaction_uid: &Uid,
        instances: &[(Uid, Uid)],
        due_ms: i64,
    ) -> Result<String, StoreError> {
        let lines: Vec<_> = instances.iter().map(|(class, instance)| format!("{class} {instance}")).collect();
        let row = sqlx::query(
            "INSERT INTO commitments (id, ae_title, transaction_uid, instances, state, received_ms)
             VALUES ($1, $2, $3, $4, 'due', $5)
             ON CONFLICT (ae_title, transaction_uid) DO UPDATE SET
                 instances = excluded.instances, state = 'due', received_ms = excluded.received_ms
             RETURNING id",
        )
        .bind(new_id())
        .bind(ae_title)
        .bind(transaction_uid.as_str())
        .bind(lines.join("\n"))
        .bind(now_ms())
        .fetch_one(&mut *self.transaction)
        .await?;
        let id: String = row.try_get("id")?;
        self.enqueue(&Job::ReportCommitment { commitment_id: id.clone() }, due_ms).await?;
        Ok(id)
    }

    /// Notes that the peer has our report, in which so many instances failed.
    ///
    /// # Errors
    /// When the database refuses.
    pub async fn end_commitment(&mut self, id: &str, failed: usize) -> Result<(), StoreError> {
        sqlx::query("UPDATE commitments SET state = 'reported', failed = $1, reported_ms = $2 WHERE id = $3")
            .bind(i64::try_from(failed).unwrap_or(i64::MAX))
            .bind(now_ms())
            .bind(id)
            .execute(&mut *self.transaction)
            .await?;
        Ok(())
    }

    /// Orders that the peer of a delivery be asked to commit to what it got.
    ///
    /// # Errors
    /// When the database refuses.
    pub async fn order_commitment(
        &mut self,
        delivery_id: &str,
        ae_title: &str,
        transaction_uid: &Uid,
        (sop_class_uid, sop_instance_uid): (&str, &str),
    ) -> Result<(), StoreError> {
        sqlx::query(
            "INSERT INTO commitment_requests
                 (delivery_id, ae_title, transaction_uid, sop_class_uid, sop_instance_uid, state, reason)
             VALUES ($1, $2, $3, $4, $5, 'due', '') ON CONFLICT (delivery_id) DO NOTHING",
        )
        .bind(delivery_id)
        .bind(ae_title)
        .bind(transaction_uid.as_str())
        .bind(sop_class_uid)
        .bind(sop_instance_uid)
        .execute(&mut *self.transaction)
        .await?;
        self.enqueue(&Job::AskCommitment { delivery_id: delivery_id.to_owned() }, now_ms()).await
    }

    /// Notes that the peer took our request; its answer comes when it likes.
    ///
    /// # Errors
    /// When the database refuses.
    pub async fn note_commitment_asked(&mut self, delivery_id: &str) -> Result<(), StoreError> {
        sqlx::query("UPDATE commitment_requests SET state = 'asked' WHERE delivery_id = $1 AND state = 'due'")
            .bind(delivery_id)
            .execute(&mut *self.transaction)
            .await?;
        Ok(())
    }

    /// Notes the peer's answer, or that it cannot be asked. The first answer counts.
    ///
    /// # Errors
    /// When the database refuses.
    pub async fn end_commitment_request(
        &mut self,
        delivery_id: &str,
        committed: bool,
        reason: &str,
    ) -> Result<bool, StoreError> {
        let ended = sqlx::query(
            "UPDATE commitment_requests SET state = $1, reason = $2, answered_ms = $3
             WHERE delivery_id = $4 AND state IN ('due', 'asked')",
        )
        .bind(if committed { "committed" } else { "refused" })
        .bind(reason)
        .bind(now_ms())
        .bind(delivery_id)
        .execute(&mut *self.transaction)
        .await?;
        Ok(ended.rows_affected() == 1)
    }
}

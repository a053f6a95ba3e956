//! The event log: append-only, each line's hash covering the one before it.

use crate::blobs::hexadecimal;
use crate::{Store, StoreError, Write, now_ms};
use lightbox_domain::Event;
use sha2::{Digest, Sha256};
use sqlx::Row;
use sqlx::any::AnyRow;

/// A line of the log.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct LogLine {
    /// Its place, from 1.
    pub seq: i64,
    /// When, in milliseconds since 1970.
    pub at_ms: i64,
    /// Who.
    pub actor: String,
    /// What.
    pub action: String,
    /// To what kind of object.
    pub object_kind: String,
    /// To which.
    pub object_id: String,
    /// `ok`, or why not.
    pub outcome: String,
    /// More, as a JSON object.
    pub detail: String,
    /// The study that it concerns, if there is one.
    pub study_instance_uid: Option<String>,
    /// SHA-256 over the previous line's hash and this line.
    pub hash: String,
}

/// What watchers are told of a committed event.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct LiveEvent {
    /// What happened.
    pub action: &'static str,
    /// The study that it concerns, if there is one.
    pub study_instance_uid: Option<String>,
}

impl LogLine {
    /// The hash that the line must have after one with `previous`.
    fn hash_after(&self, previous: &str) -> String {
        let fields = serde_json::json!([
            previous,
            self.seq,
            self.at_ms,
            self.actor,
            self.action,
            self.object_kind,
            self.object_id,
            self.outcome,
            self.detail,
            self.study_instance_uid,
        ]);
        hexadecimal(&Sha256::digest(fields.to_string()))
    }
}

impl Write {
    /// Appends an event to the log, in this transaction.
    ///
    /// # Errors
    /// When the database refuses.
    pub async fn append_event(&mut self, event: Event) -> Result<(), StoreError> {
        let head = sqlx::query("UPDATE event_head SET seq = seq + 1 WHERE one = 1 RETURNING seq, hash")
            .fetch_one(&mut *self.transaction)
            .await?;
        let mut line = LogLine {
            seq: head.try_get("seq")?,
            at_ms: now_ms(),
            actor: event.actor,
            action: event.action.to_owned(),
            object_kind: event.object_kind.to_owned(),
            object_id: event.object_id,
            outcome: event.outcome,
            detail: event.detail,
            study_instance_uid: event.study_instance_uid,
            hash: String::new(),
        };
        line.hash = line.hash_after(head.try_get("hash")?);
        self.insert_line(&line).await?;
        self.live.push(LiveEvent { action: event.action, study_instance_uid: line.study_instance_uid });
        Ok(())
    }

    async fn insert_line(&mut self, line: &LogLine) -> Result<(), StoreError> {
        sqlx::query(
            "INSERT INTO events
                 (seq, at_ms, actor, action, object_kind, object_id, outcome, detail, study_instance_uid, hash)
             VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10)",
        )
        .bind(line.seq)
        .bind(line.at_ms)
        .bind(&line.actor)
        .bind(&line.action)
        .bind(&line.object_kind)
        .bind(&line.object_id)
        .bind(&line.outcome)
        .bind(&line.detail)
        .bind(&line.study_instance_uid)
        .bind(&line.hash)
        .execute(&mut *self.transaction)
        .await?;
        sqlx::query("UPDATE event_head SET hash = $1 WHERE one = 1")
            .bind(&line.hash)
            .execute(&mut *self.transaction)
            .await?;
        Ok(())
    }
}

impl Store {
    /// Lines of the log before `before_seq`, newest first.
    ///
    /// # Errors
    /// When the database refuses.
    pub async fn events(&self, before_seq: i64, limit: i64) -> Result<Vec<LogLine>, StoreError> {
        let rows = sqlx::query(
            "SELECT seq, at_ms, actor, action, object_kind, object_id, outcome, detail, study_instance_uid, hash
             FROM events WHERE seq < $1 ORDER BY seq DESC LIMIT $2",
        )
        .bind(before_seq)
        .bind(limit)
        .fetch_all(self.readers())
        .await?;
        rows.iter().map(line_of).collect()
    }

    /// Checks every line of the log against its chain; gives the number of lines, or the first line that is wrong.
    ///
    /// # Errors
    /// When the database refuses.
    pub async fn verify_events(&self) -> Result<Result<i64, i64>, StoreError> {
        let mut previous = String::new();
        let mut seq = 0;
        loop {
            let rows = sqlx::query(
                "SELECT seq, at_ms, actor, action, object_kind, object_id, outcome, detail, study_instance_uid, hash
                 FROM events WHERE seq > $1 ORDER BY seq LIMIT 1000",
            )
            .bind(seq)
            .fetch_all(self.readers())
            .await?;
            if rows.is_empty() {
                return Ok(Ok(seq));
            }
            for row in &rows {
                let line = line_of(row)?;
                if line.seq != seq + 1 || line.hash != line.hash_after(&previous) {
                    return Ok(Err(line.seq));
                }
                (seq, previous) = (line.seq, line.hash);
            }
        }
    }
}

pub(crate) fn line_of(row: &AnyRow) -> Result<LogLine, StoreError> {
    Ok(LogLine {
        seq: row.try_get("seq")?,
        at_ms: row.try_get("at_ms")?,
        actor: row.try_get("actor")?,
        action: row.try_get("action")?,
        object_kind: row.try_get("object_kind")?,
        object_id: row.try_get("object_id")?,
        outcome: row.try_get("outcome")?,
        detail: row.try_get("detail")?,
        study_instance_uid: row.try_get("study_instance_uid")?,
        hash: row.try_get("hash")?,
    })
}

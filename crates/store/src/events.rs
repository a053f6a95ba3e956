//! The event log: append-only, each line's hash covering the one before it.

use crate::batch::{Batch, Execute, Row};
use crate::digest::hexadecimal;
use crate::{Store, StoreError, Write, now_ms};
use lightbox_domain::Event;
use sha2::{Digest, Sha256};
use sqlx::Row as _;
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

/// The end of the log: the number of its last line, and that line's hash.
pub(crate) struct LogHead {
    seq: i64,
    hash: String,
}

impl LogHead {
    /// The statement that reads it, and keeps everybody else from appending until the transaction ends.
    pub(crate) fn push_read(batch: &mut Batch) {
        batch.statement("UPDATE event_head SET seq = seq WHERE one = 1 RETURNING 'head' AS part, seq, hash");
    }

    /// The head, from the rows of a batch that began by reading it.
    pub(crate) fn of_rows(rows: &[Row]) -> Result<Self, StoreError> {
        let row = rows.first().ok_or(sqlx::Error::RowNotFound)?;
        let seq = row.integer(1).ok_or(sqlx::Error::RowNotFound)?;
        Ok(Self { seq, hash: row.text(2).to_owned() })
    }

    /// The line that an event becomes, which is then the head.
    fn append(&mut self, event: Event) -> LogLine {
        let mut line = LogLine {
            seq: self.seq + 1,
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
        line.hash = line.hash_after(&self.hash);
        (self.seq, self.hash) = (line.seq, line.hash.clone());
        line
    }
}

impl Write {
    /// Appends an event to the log, in this transaction.
    ///
    /// # Errors
    /// When the database refuses.
    pub async fn append_event(&mut self, event: Event) -> Result<(), StoreError> {
        let mut batch = Batch::default();
        LogHead::push_read(&mut batch);
        let head = LogHead::of_rows(&self.execute(batch).await?)?;
        let mut batch = Batch::default();
        self.told.live.extend(push_events(&mut batch, head, vec![event]));
        self.execute(batch).await.map(|_| ())
    }
}

/// The statements that append events to a log with this head. Gives what watchers are to be told.
pub(crate) fn push_events(batch: &mut Batch, mut head: LogHead, events: Vec<Event>) -> Vec<LiveEvent> {
    let mut live = Vec::with_capacity(events.len());
    for event in events {
        let action = event.action;
        let line = head.append(event);
        batch
            .statement(
                "INSERT INTO events
                     (seq, at_ms, actor, action, object_kind, object_id, outcome, detail, study_instance_uid, hash)
                 VALUES (",
            )
            .bind_list([line.seq.into(), line.at_ms.into(), line.actor.into(), action.into()])
            .push(", ")
            .bind_list([line.object_kind.into(), line.object_id.into(), line.outcome.into(), line.detail.into()])
            .push(", ")
            .bind_list([line.study_instance_uid.clone().into(), line.hash.into()])
            .push(")");
        live.push(LiveEvent { action, study_instance_uid: line.study_instance_uid });
    }
    batch.statement("UPDATE event_head SET seq = ").bind(head.seq).push(", hash = ").bind(head.hash);
    batch.push(" WHERE one = 1");
    live
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

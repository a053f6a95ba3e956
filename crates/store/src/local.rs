//! SQLite on the thread that asks: arriving instances, and what is read often.
//!
//! Whoever gets the connection writes for all who wait, in one transaction; the others find their answer when it is their
//! turn. So one association waits for one sync, sixteen share it, and nobody is woken but by the end of it.

use crate::batch::{Batch, Execute, Row, Value};
use crate::database::SQLITE_SETTINGS;
use crate::intake::{self, Request};
use crate::{Intake, NewInstance, Shared, StoreError};
use metrics::histogram;
use rusqlite::config::DbConfig;
use rusqlite::types::{ToSqlOutput, ValueRef};
use rusqlite::{Connection, ToSql, TransactionBehavior};
use std::future::Future;
use std::path::{Path, PathBuf};
use std::pin::pin;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::task::{Context, Poll, Waker};
use std::time::Instant;
use tokio::sync::oneshot::error::TryRecvError;

/// How many statements stay prepared.
const PREPARED_MAX: usize = 64;

/// How many connections that read are kept while nobody reads.
const IDLE_MAX: usize = 8;

/// The connection, and those who wait for it.
pub(crate) struct Local {
    waiting: Mutex<Vec<Request>>,
    connection: Mutex<Option<Connection>>,
}

impl Local {
    /// Connects to a database that is up to date.
    pub(crate) fn open(path: &Path) -> Result<Self, StoreError> {
        Ok(Self { waiting: Mutex::default(), connection: Mutex::new(Some(connect(path)?)) })
    }

    /// Writes the row of an instance. Blocks until it is durable.
    pub(crate) fn insert(&self, shared: &Arc<Shared>, instance: NewInstance) -> Result<Intake, StoreError> {
        let (request, mut answer) = Request::new(instance);
        lock(&self.waiting).push(request);
        let mut turn = lock(&self.connection);
        loop {
            // Whoever had the connection before may have written it; if not, more may wait than one batch takes.
            match answer.try_recv() {
                Ok(answer) => return answer,
                Err(TryRecvError::Closed) => return Err(StoreError::Closed),
                Err(TryRecvError::Empty) => {}
            }
            let connection = turn.as_mut().ok_or(StoreError::Closed)?;
            let batch = self.next_batch();
            intake::answer_batch(batch, |instances| write(shared, connection, instances));
        }
    }

    fn next_batch(&self) -> Vec<Request> {
        let mut waiting = lock(&self.waiting);
        let count = waiting.len().min(intake::BATCH_MAX);
        waiting.drain(..count).collect()
    }

    /// Closes the connection; whoever comes later is refused.
    pub(crate) fn close(&self) {
        lock(&self.connection).take();
    }
}

/// Connections that read, as many as there are threads that do.
pub(crate) struct Readers {
    path: PathBuf,
    /// `None` once the store is closed.
    idle: Mutex<Option<Vec<Connection>>>,
}

impl Readers {
    /// Readers of a database that is up to date.
    pub(crate) fn new(path: PathBuf) -> Self {
        Self { path, idle: Mutex::new(Some(Vec::new())) }
    }

    /// The rows that these statements give. Blocks.
    pub(crate) fn read(&self, batch: &Batch) -> Result<Vec<Row>, StoreError> {
        let idle = lock(&self.idle).as_mut().ok_or(StoreError::Closed)?.pop();
        let connection = idle.map_or_else(|| connect(&self.path), Ok)?;
        let rows = run(&connection, batch);
        if let Some(idle) = lock(&self.idle).as_mut()
            && idle.len() < IDLE_MAX
        {
            idle.push(connection);
        }
        rows
    }

    /// Closes those that are idle; the others are closed when they are.
    pub(crate) fn close(&self) {
        lock(&self.idle).take();
    }
}

fn connect(path: &Path) -> Result<Connection, StoreError> {
    let connection = Connection::open(path)?;
    connection.execute_batch(SQLITE_SETTINGS)?;
    // Else a statement is prepared anew whenever it is bound to other values, in case another plan suits them.
    connection.set_db_config(DbConfig::SQLITE_DBCONFIG_ENABLE_QPSG, true)?;
    connection.set_prepared_statement_cache_capacity(PREPARED_MAX);
    Ok(connection)
}

fn lock<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    // What a thread left that broke is a queue or an idle connection, both of which are as good as before.
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}

/// Writes a batch in one transaction, which is undone if it fails.
fn write(
    shared: &Arc<Shared>,
    connection: &mut Connection,
    instances: &[NewInstance],
) -> Result<Vec<Intake>, StoreError> {
    let start = Instant::now();
    intake::sync_folders(shared, instances)?;
    // The other connection that writes is not to find the database busy, nor to be found so.
    let turn = shared.turn.blocking_lock();
    let mut transaction = Transaction(connection.transaction_with_behavior(TransactionBehavior::Immediate)?);
    let written = now(intake::write_batch(&mut transaction, instances))?;
    transaction.0.commit()?;
    drop(turn);
    histogram!("lightbox_commit_seconds").record(start.elapsed());
    shared.tell(written.told);
    if !written.deleted.is_empty() {
        shared.runtime.block_on(intake::settle_deleted(shared, instances, &written.deleted))?;
    }
    Ok(written.intakes)
}

/// The end of a future that never waits, since all that it does is done on this thread.
fn now<T>(future: impl Future<Output = Result<T, StoreError>>) -> Result<T, StoreError> {
    match pin!(future).poll(&mut Context::from_waker(Waker::noop())) {
        Poll::Ready(result) => result,
        Poll::Pending => Err(StoreError::Unwritten("it waits for what is not on this thread".to_owned())),
    }
}

struct Transaction<'c>(rusqlite::Transaction<'c>);

impl Execute for Transaction<'_> {
    async fn execute(&mut self, batch: Batch) -> Result<Vec<Row>, StoreError> {
        run(&self.0, &batch)
    }
}

/// The rows that the statements give, one after the other.
fn run(connection: &Connection, batch: &Batch) -> Result<Vec<Row>, StoreError> {
    let mut rows = Vec::new();
    for statement in &batch.statements {
        let mut prepared = connection.prepare_cached(&statement.sql)?;
        let columns = prepared.column_count();
        let mut found = prepared.query(rusqlite::params_from_iter(&statement.values))?;
        while let Some(row) = found.next()? {
            rows.push(Row((0..columns).map(|place| value(row.get_ref(place)?)).collect::<Result<_, _>>()?));
        }
    }
    Ok(rows)
}

fn value(value: ValueRef<'_>) -> Result<Value, StoreError> {
    Ok(match value {
        ValueRef::Null => Value::Text(None),
        ValueRef::Integer(number) => Value::Integer(Some(number)),
        other => Value::Text(Some(other.as_str().map_err(rusqlite::Error::from)?.to_owned())),
    })
}

impl ToSql for Value {
    fn to_sql(&self) -> rusqlite::Result<ToSqlOutput<'_>> {
        Ok(ToSqlOutput::Borrowed(match self {
            Self::Text(Some(text)) => ValueRef::Text(text.as_bytes()),
            Self::Integer(Some(number)) => ValueRef::Integer(*number),
            Self::Text(None) | Self::Integer(None) => ValueRef::Null,
        }))
    }
}

//! Statements that belong together, as text and values, for whichever connection is to run them.
//!
//! An instance changes a dozen rows. `sqlx` hands SQLite each statement over to a thread of its own, which costs more than
//! most statements do; so what arrives is written by [`crate::local`] on the thread that wrote the file, and on PostgreSQL
//! through [`Write`]. Both run the same batches. Whatever is asked for often is read in the same way.

use crate::intake::Queue;
use crate::{Store, StoreError, Write};
use lightbox_domain::Uid;
use sqlx::any::{AnyArguments, AnyRow, AnyTypeInfoKind};
use sqlx::query::Query;
use sqlx::{Any, AssertSqlSafe, Row as _, ValueRef as _};
use std::fmt::Write as _;
use std::sync::Arc;

/// What stands in a column or for a parameter; a missing value has a type, too, when it is bound.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum Value {
    Text(Option<String>),
    Integer(Option<i64>),
}

impl From<&str> for Value {
    fn from(text: &str) -> Self {
        Self::Text(Some(text.to_owned()))
    }
}

impl From<String> for Value {
    fn from(text: String) -> Self {
        Self::Text(Some(text))
    }
}

impl From<i64> for Value {
    fn from(number: i64) -> Self {
        Self::Integer(Some(number))
    }
}

impl From<Option<String>> for Value {
    fn from(text: Option<String>) -> Self {
        Self::Text(text)
    }
}

impl From<Option<i64>> for Value {
    fn from(number: Option<i64>) -> Self {
        Self::Integer(number)
    }
}

/// A row, read by the places of its columns.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Row(pub Vec<Value>);

impl Row {
    /// The text in a column; empty for any other value.
    pub(crate) fn text(&self, column: usize) -> &str {
        match self.0.get(column) {
            Some(Value::Text(Some(text))) => text,
            _ => "",
        }
    }

    /// The text in a column; `None` when it is NULL.
    pub(crate) fn optional_text(&self, column: usize) -> Option<String> {
        match self.0.get(column) {
            Some(Value::Text(text)) => text.clone(),
            _ => None,
        }
    }

    /// The UID in a column.
    ///
    /// # Errors
    /// When there is none.
    pub(crate) fn uid(&self, column: usize) -> Result<Uid, StoreError> {
        let text = self.text(column);
        Uid::parse(text).map_err(|error| StoreError::row("UID", text, error))
    }

    /// The number in a column.
    pub(crate) fn integer(&self, column: usize) -> Option<i64> {
        match self.0.get(column) {
            Some(Value::Integer(number)) => *number,
            _ => None,
        }
    }

    fn of_any(row: &AnyRow) -> Result<Self, StoreError> {
        let value = |place: usize| {
            let raw = row.try_get_raw(place)?;
            Ok(match raw.type_info().kind() {
                _ if raw.is_null() => Value::Text(None),
                AnyTypeInfoKind::Text => Value::Text(row.try_get(place)?),
                _ => Value::Integer(row.try_get(place)?),
            })
        };
        (0..row.columns().len()).map(value).collect::<Result<_, sqlx::Error>>().map(Self).map_err(StoreError::from)
    }
}

/// A statement and what its parameters stand for.
#[derive(Debug, Default)]
pub(crate) struct Statement {
    pub sql: String,
    pub values: Vec<Value>,
}

impl Statement {
    fn query(self) -> Query<'static, Any, AnyArguments> {
        let query = sqlx::query(AssertSqlSafe(self.sql));
        self.values.into_iter().fold(query, |query, value| match value {
            Value::Text(text) => query.bind(text),
            Value::Integer(number) => query.bind(number),
        })
    }
}

/// Statements in the order in which they take effect. What they are made of is code; what came from outside is bound.
#[derive(Debug, Default)]
pub(crate) struct Batch {
    pub statements: Vec<Statement>,
}

impl Batch {
    /// Begins the next statement.
    pub(crate) fn statement(&mut self, sql: &str) -> &mut Self {
        self.statements.push(Statement { sql: sql.to_owned(), values: Vec::new() });
        self
    }

    /// Goes on with the statement.
    pub(crate) fn push(&mut self, sql: impl AsRef<str>) -> &mut Self {
        if let Some(statement) = self.statements.last_mut() {
            statement.sql.push_str(sql.as_ref());
        }
        self
    }

    /// A parameter, and what it stands for.
    pub(crate) fn bind(&mut self, value: impl Into<Value>) -> &mut Self {
        if let Some(statement) = self.statements.last_mut() {
            statement.values.push(value.into());
            // Writing to a string does not fail.
            let _ = write!(statement.sql, "${}", statement.values.len());
        }
        self
    }

    /// Parameters with commas between them.
    pub(crate) fn bind_list(&mut self, values: impl IntoIterator<Item = Value>) -> &mut Self {
        for (place, value) in values.into_iter().enumerate() {
            if place > 0 {
                self.push(", ");
            }
            self.bind(value);
        }
        self
    }
}

/// A transaction that takes batches.
pub(crate) trait Execute {
    /// Has the statements take effect. Gives the rows that they give, one statement after the other.
    ///
    /// # Errors
    /// When the database refuses one of them; those before it have taken effect in the transaction.
    async fn execute(&mut self, batch: Batch) -> Result<Vec<Row>, StoreError>;
}

impl Execute for Write {
    async fn execute(&mut self, batch: Batch) -> Result<Vec<Row>, StoreError> {
        let mut rows = Vec::new();
        for statement in batch.statements {
            let found = statement.query().fetch_all(&mut *self.transaction).await?;
            rows.extend(found.iter().map(Row::of_any).collect::<Result<Vec<_>, _>>()?);
        }
        Ok(rows)
    }
}

impl Store {
    /// The rows that these statements give, each of which only reads.
    ///
    /// # Errors
    /// When the database refuses one of them.
    pub(crate) async fn read(&self, batch: Batch) -> Result<Vec<Row>, StoreError> {
        if let Queue::Local(_) = &self.shared.intake {
            let shared = Arc::clone(&self.shared);
            let read = move || shared.local_readers.read(&batch);
            let broken = |error: tokio::task::JoinError| Err(StoreError::Unwritten(error.to_string()));
            return tokio::task::spawn_blocking(read).await.unwrap_or_else(broken);
        }
        self.read_from_server(batch).await
    }

    /// The same for a statement that finds a row or two by their key. SQLite does so on this thread: a few pages, which lie
    /// in memory nearly always, cost less than a thread to wait for them.
    ///
    /// # Errors
    /// When the database refuses it.
    pub(crate) async fn read_by_key(&self, batch: Batch) -> Result<Vec<Row>, StoreError> {
        match &self.shared.intake {
            Queue::Local(_) => self.shared.local_readers.read(&batch),
            Queue::Task(_) => self.read_from_server(batch).await,
        }
    }

    async fn read_from_server(&self, batch: Batch) -> Result<Vec<Row>, StoreError> {
        let mut rows = Vec::new();
        for statement in batch.statements {
            let found = statement.query().fetch_all(self.readers()).await?;
            rows.extend(found.iter().map(Row::of_any).collect::<Result<Vec<_>, _>>()?);
        }
        Ok(rows)
    }
}

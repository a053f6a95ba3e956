//! Workitems: the data set of each, by what it is found, who holds it, and who hears of it.

use crate::batch::{Batch, Execute, Row};
use crate::search::{Sql, push_any, push_any_group, push_matching, push_words_of};
use crate::{Store, StoreError, Write};
use lightbox_domain::{Held, Matching, Uid, WorkitemAttribute, WorkitemQuery, WorkitemState};
use sqlx::Row as _;

/// A workitem.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Workitem {
    /// Its SOP Instance UID.
    pub sop_instance_uid: Uid,
    /// Where it stands.
    pub state: WorkitemState,
    /// The Transaction UID of whoever claimed it. Nobody else may learn it.
    pub transaction_uid: Option<Uid>,
    /// The study that it is about, if it is about one.
    pub study_instance_uid: Option<Uid>,
    /// All its attributes but the Transaction UID, as DICOM JSON.
    pub data_set: String,
    /// Who created it, as the log names them.
    pub created_by: String,
    /// When, in milliseconds since 1970.
    pub created_ms: i64,
    /// When it was last changed.
    pub updated_ms: i64,
}

impl Workitem {
    /// Who holds it.
    #[must_use]
    pub fn held(&self) -> Held<'_> {
        Held { state: self.state, transaction_uid: self.transaction_uid.as_ref() }
    }
}

/// The beginning of a query for [`Workitem`]s, as `workitem_of` reads them.
const SELECT: &str = "
    SELECT sop_instance_uid, state, transaction_uid, study_instance_uid, data_set, created_by, created_ms, updated_ms
    FROM workitems WHERE ";

fn select_one(sop_instance_uid: &Uid) -> Batch {
    let mut batch = Batch::default();
    batch.statement(SELECT).push("sop_instance_uid = ").bind(sop_instance_uid.as_str());
    batch
}

impl Store {
    /// The workitem of this SOP Instance UID.
    ///
    /// # Errors
    /// [`StoreError::Missing`], or when the database refuses.
    pub async fn workitem(&self, sop_instance_uid: &Uid) -> Result<Workitem, StoreError> {
        let rows = self.read_by_key(select_one(sop_instance_uid)).await?;
        workitem_of(rows.first().ok_or_else(|| missing(sop_instance_uid))?)
    }

    /// The workitems that match, the oldest first.
    ///
    /// # Errors
    /// When the database refuses.
    pub async fn search_workitems(&self, query: &WorkitemQuery) -> Result<Vec<Workitem>, StoreError> {
        let mut sql = Sql::default();
        sql.statement(SELECT).push("1 = 1");
        for (attribute, matching) in &query.keys {
            push_key(&mut sql, attribute, matching);
        }
        sql.push(" ORDER BY created_ms, sop_instance_uid LIMIT ").bind(query.limit);
        sql.push(" OFFSET ").bind(query.offset);
        self.read(sql).await?.iter().map(workitem_of).collect()
    }

    /// The AE titles that hear of a workitem.
    ///
    /// # Errors
    /// When the database refuses.
    pub async fn workitem_subscribers(&self, sop_instance_uid: &Uid) -> Result<Vec<String>, StoreError> {
        let rows = sqlx::query(SUBSCRIBERS).bind(sop_instance_uid.as_str()).fetch_all(self.readers()).await?;
        rows.iter().map(|row| Ok(row.try_get("ae_title")?)).collect()
    }
}

const SUBSCRIBERS: &str = "SELECT ae_title FROM workitem_subscriptions WHERE sop_instance_uid = $1 ORDER BY ae_title";

fn push_key(sql: &mut Sql, attribute: &WorkitemAttribute, matching: &Matching) {
    // Only values are kept, so that without one there is no row.
    let is_empty = *matching == Matching::Empty;
    sql.push(if is_empty { " AND NOT EXISTS (" } else { " AND EXISTS (" });
    sql.push(
        "SELECT 1 FROM workitem_values AS one
         WHERE one.sop_instance_uid = workitems.sop_instance_uid AND one.attribute = ",
    );
    sql.bind(attribute.key());
    if !is_empty {
        sql.push(" AND ");
        match matching {
            Matching::Like(patterns) if attribute.vr == "PN" => {
                push_any(sql, patterns, |sql, pattern| push_any_group(sql, "one.value", pattern));
            }
            Matching::Words(words) => push_words_of(sql, "'=' || one.value", words),
            other => push_matching(sql, "one.value", false, other),
        }
    }
    sql.push(")");
}

impl Write {
    /// The workitem of this SOP Instance UID, as this transaction sees it.
    ///
    /// # Errors
    /// As [`Store::workitem`].
    pub async fn workitem(&mut self, sop_instance_uid: &Uid) -> Result<Workitem, StoreError> {
        let rows = self.execute(select_one(sop_instance_uid)).await?;
        workitem_of(rows.first().ok_or_else(|| missing(sop_instance_uid))?)
    }

    /// Inserts a workitem with the values by which it is found. Who is subscribed to the worklist hears of it.
    ///
    /// # Errors
    /// [`StoreError::Exists`], or when the database refuses.
    pub async fn insert_workitem(&mut self, item: &Workitem, values: &[(String, String)]) -> Result<(), StoreError> {
        let inserted = sqlx::query(
            "INSERT INTO workitems (sop_instance_uid, state, transaction_uid, study_instance_uid, data_set, created_by,
                 created_ms, updated_ms)
             VALUES ($1, $2, $3, $4, $5, $6, $7, $8) ON CONFLICT (sop_instance_uid) DO NOTHING",
        )
        .bind(item.sop_instance_uid.as_str())
        .bind(item.state.as_str())
        .bind(item.transaction_uid.as_ref().map(Uid::as_str))
        .bind(item.study_instance_uid.as_ref().map(Uid::as_str))
        .bind(&item.data_set)
        .bind(&item.created_by)
        .bind(item.created_ms)
        .bind(item.updated_ms)
        .execute(&mut *self.transaction)
        .await?;
        if inserted.rows_affected() == 0 {
            return Err(StoreError::Exists { kind: "workitem", id: item.sop_instance_uid.to_string() });
        }
        sqlx::query(
            "INSERT INTO workitem_subscriptions (ae_title, sop_instance_uid)
             SELECT ae_title, $1 FROM worklist_subscriptions",
        )
        .bind(item.sop_instance_uid.as_str())
        .execute(&mut *self.transaction)
        .await?;
        self.insert_workitem_values(&item.sop_instance_uid, values).await
    }

    /// Changes state, holder and data set of a workitem, and the values by which it is found.
    ///
    /// # Errors
    /// When the database refuses.
    pub async fn update_workitem(&mut self, item: &Workitem, values: &[(String, String)]) -> Result<(), StoreError> {
        sqlx::query(
            "UPDATE workitems SET state = $1, transaction_uid = $2, study_instance_uid = $3, data_set = $4, updated_ms = $5
             WHERE sop_instance_uid = $6",
        )
        .bind(item.state.as_str())
        .bind(item.transaction_uid.as_ref().map(Uid::as_str))
        .bind(item.study_instance_uid.as_ref().map(Uid::as_str))
        .bind(&item.data_set)
        .bind(item.updated_ms)
        .bind(item.sop_instance_uid.as_str())
        .execute(&mut *self.transaction)
        .await?;
        sqlx::query("DELETE FROM workitem_values WHERE sop_instance_uid = $1")
            .bind(item.sop_instance_uid.as_str())
            .execute(&mut *self.transaction)
            .await?;
        self.insert_workitem_values(&item.sop_instance_uid, values).await
    }

    async fn insert_workitem_values(&mut self, uid: &Uid, values: &[(String, String)]) -> Result<(), StoreError> {
        for (attribute, value) in values {
            sqlx::query("INSERT INTO workitem_values (attribute, value, sop_instance_uid) VALUES ($1, $2, $3)")
                .bind(attribute)
                .bind(value)
                .bind(uid.as_str())
                .execute(&mut *self.transaction)
                .await?;
        }
        Ok(())
    }

    /// The AE titles that hear of a workitem, as this transaction sees them.
    ///
    /// # Errors
    /// When the database refuses.
    pub async fn workitem_subscribers(&mut self, sop_instance_uid: &Uid) -> Result<Vec<String>, StoreError> {
        let rows = sqlx::query(SUBSCRIBERS).bind(sop_instance_uid.as_str()).fetch_all(&mut *self.transaction).await?;
        rows.iter().map(|row| Ok(row.try_get("ae_title")?)).collect()
    }

    /// Subscribes an AE title to one workitem; again is no error.
    ///
    /// # Errors
    /// When the database refuses.
    pub async fn subscribe_to_workitem(&mut self, ae_title: &str, sop_instance_uid: &Uid) -> Result<(), StoreError> {
        sqlx::query(
            "INSERT INTO workitem_subscriptions (ae_title, sop_instance_uid) VALUES ($1, $2) ON CONFLICT DO NOTHING",
        )
        .bind(ae_title)
        .bind(sop_instance_uid.as_str())
        .execute(&mut *self.transaction)
        .await?;
        Ok(())
    }

    /// Subscribes an AE title to all workitems that there are and that will be.
    ///
    /// # Errors
    /// When the database refuses.
    pub async fn subscribe_to_worklist(&mut self, ae_title: &str) -> Result<(), StoreError> {
        sqlx::query("INSERT INTO worklist_subscriptions (ae_title) VALUES ($1) ON CONFLICT DO NOTHING")
            .bind(ae_title)
            .execute(&mut *self.transaction)
            .await?;
        sqlx::query(
            "INSERT INTO workitem_subscriptions (ae_title, sop_instance_uid)
             SELECT $1, sop_instance_uid FROM workitems WHERE 1 = 1 ON CONFLICT DO NOTHING",
        )
        .bind(ae_title)
        .execute(&mut *self.transaction)
        .await?;
        Ok(())
    }

    /// Ends what an AE title hears of one workitem.
    ///
    /// # Errors
    /// When the database refuses.
    pub async fn unsubscribe_from_workitem(&mut self, ae_title: &str, uid: &Uid) -> Result<(), StoreError> {
        sqlx::query("DELETE FROM workitem_subscriptions WHERE ae_title = $1 AND sop_instance_uid = $2")
            .bind(ae_title)
            .bind(uid.as_str())
            .execute(&mut *self.transaction)
            .await?;
        Ok(())
    }

    /// Ends the subscription to what will be created; what an AE title is subscribed to already it goes on hearing of.
    ///
    /// # Errors
    /// When the database refuses.
    pub async fn suspend_worklist_subscription(&mut self, ae_title: &str) -> Result<(), StoreError> {
        sqlx::query("DELETE FROM worklist_subscriptions WHERE ae_title = $1")
            .bind(ae_title)
            .execute(&mut *self.transaction)
            .await?;
        Ok(())
    }

    /// Ends all that an AE title hears.
    ///
    /// # Errors
    /// When the database refuses.
    pub async fn unsubscribe_from_worklist(&mut self, ae_title: &str) -> Result<(), StoreError> {
        self.suspend_worklist_subscription(ae_title).await?;
        sqlx::query("DELETE FROM workitem_subscriptions WHERE ae_title = $1")
            .bind(ae_title)
            .execute(&mut *self.transaction)
            .await?;
        Ok(())
    }
}

fn missing(sop_instance_uid: &Uid) -> StoreError {
    StoreError::Missing { kind: "workitem", id: sop_instance_uid.to_string() }
}

fn workitem_of(row: &Row) -> Result<Workitem, StoreError> {
    let sop_instance_uid = row.uid(0)?;
    let optional = |column| row.optional_text(column).map(|_| row.uid(column)).transpose();
    let unknown = || StoreError::row("workitem", sop_instance_uid.as_str(), "unknown state");
    Ok(Workitem {
        state: WorkitemState::parse(row.text(1)).ok_or_else(unknown)?,
        transaction_uid: optional(2)?,
        study_instance_uid: optional(3)?,
        data_set: row.text(4).to_owned(),
        created_by: row.text(5).to_owned(),
        created_ms: row.integer(6).unwrap_or(0),
        updated_ms: row.integer(7).unwrap_or(0),
        sop_instance_uid,
    })
}

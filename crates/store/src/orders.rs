//! Orders: kept under the number that their system gives them, searched, canceled. Their history is in the log.

use crate::events::line_of;
use crate::{LogLine, Store, StoreError, Write, new_id, now_ms};
use lightbox_domain::{Event, Order, OrderContent, OrderState};
use sqlx::any::AnyRow;
use sqlx::{QueryBuilder, Row};

/// An order as its system says it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct NewOrder {
    /// The system.
    pub source: String,
    /// Its number there.
    pub number: String,
    /// What it says.
    pub content: OrderContent,
}

/// What saving an order did.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Saved {
    /// It is new.
    Placed,
    /// It says something else now, or holds again.
    Changed,
    /// It says what it said.
    Unchanged,
}

/// Which orders are asked for.
#[derive(Clone, Debug, Default)]
pub struct OrderFilter {
    /// Part of a number, of the patient's identifier or name, or of the procedure.
    pub search: Option<String>,
    /// Only those in this state.
    pub state: Option<OrderState>,
    /// How many at most.
    pub limit: i64,
    /// How many to pass over.
    pub offset: i64,
}

/// The columns of an order, as `order_of` reads them.
macro_rules! order_columns {
    () => {
        "orders.id, orders.source, orders.number, orders.placer_number, orders.filler_number, orders.accession_number,
         orders.issuer_of_accession_number, orders.patient_id, orders.issuer_of_patient_id, orders.patient_name,
         orders.patient_birth_date, orders.patient_sex, orders.procedure_code, orders.procedure_description,
         orders.modality, orders.scheduled_date, orders.scheduled_time, orders.state, orders.received_ms,
         orders.changed_ms"
    };
}
pub(crate) use order_columns;

/// The order of a number in a system.
const BY_NUMBER: &str = concat!("SELECT ", order_columns!(), " FROM orders WHERE source = $1 AND number = $2");

impl Store {
    /// Orders, those that are scheduled last first.
    ///
    /// # Errors
    /// When the database refuses.
    pub async fn orders(&self, filter: &OrderFilter) -> Result<Vec<Order>, StoreError> {
        let search = filter.search.as_deref().unwrap_or_default().to_lowercase();
        let pattern = format!("%{}%", search.replace('\\', "\\\\").replace('%', "\\%").replace('_', "\\_"));
        let state = filter.state.map_or("", OrderState::as_str);
        let rows = sqlx::query(concat!(
            "SELECT ",
            order_columns!(),
            " FROM orders
              WHERE LOWER(number || ' ' || placer_number || ' ' || filler_number || ' ' || accession_number || ' '
                          || patient_id || ' ' || patient_name || ' ' || procedure_description) LIKE $1 ESCAPE '\\'
                AND ($2 = '' OR state = $3)
              ORDER BY scheduled_date DESC, scheduled_time DESC, id DESC LIMIT $4 OFFSET $5"
        ))
        .bind(&pattern)
        .bind(state)
        .bind(state)
        .bind(filter.limit)
        .bind(filter.offset)
        .fetch_all(self.readers())
        .await?;
        rows.iter().map(order_of).collect()
    }

    /// The order of our identifier.
    ///
    /// # Errors
    /// [`StoreError::Missing`], or when the database refuses.
    pub async fn order(&self, id: &str) -> Result<Order, StoreError> {
        let row = sqlx::query(concat!("SELECT ", order_columns!(), " FROM orders WHERE id = $1"))
            .bind(id)
            .fetch_optional(self.readers())
            .await?;
        order_of(&row.ok_or_else(|| missing(id))?)
    }

    /// The order of this number in this system.
    ///
    /// # Errors
    /// [`StoreError::Missing`], or when the database refuses.
    pub async fn order_by_number(&self, source: &str, number: &str) -> Result<Order, StoreError> {
        let row = sqlx::query(BY_NUMBER).bind(source).bind(number).fetch_optional(self.readers()).await?;
        order_of(&row.ok_or_else(|| missing(number))?)
    }

    /// What happened to an order, the oldest first, at most `limit` lines.
    ///
    /// # Errors
    /// When the database refuses.
    pub async fn events_of_order(&self, id: &str, limit: i64) -> Result<Vec<LogLine>, StoreError> {
        let rows = sqlx::query(
            "SELECT seq, at_ms, actor, action, object_kind, object_id, outcome, detail, study_instance_uid, hash
             FROM events WHERE object_kind = 'order' AND object_id = $1 ORDER BY seq LIMIT $2",
        )
        .bind(id)
        .bind(limit)
        .fetch_all(self.readers())
        .await?;
        rows.iter().map(line_of).collect()
    }
}

fn missing(id: &str) -> StoreError {
    StoreError::Missing { kind: "order", id: id.to_owned() }
}

pub(crate) fn order_of(row: &AnyRow) -> Result<Order, StoreError> {
    let id: String = row.try_get("id")?;
    let mut content = OrderContent::default();
    for name in OrderContent::names() {
        let value: String = row.try_get(name)?;
        content.set(name, &value).map_err(|error| StoreError::row("order", &id, error))?;
    }
    let state: String = row.try_get("state")?;
    Ok(Order {
        source: row.try_get("source")?,
        number: row.try_get("number")?,
        content,
        state: OrderState::parse(&state).ok_or_else(|| StoreError::row("order", &id, "unknown state"))?,
        received_ms: row.try_get("received_ms")?,
        changed_ms: row.try_get("changed_ms")?,
        id,
    })
}

impl Write {
    /// Keeps an order under its number, in place of what it said before, and has the studies matched anew that it may
    /// concern.
    ///
    /// # Errors
    /// When the database refuses.
    pub async fn save_order(&mut self, new: NewOrder, by: &str) -> Result<(Order, Saved), StoreError> {
        let before = self.order_numbered(&new.source, &new.number).await?;
        let now = now_ms();
        let order = Order {
            id: before.as_ref().map_or_else(new_id, |before| before.id.clone()),
            source: new.source,
            number: new.number,
            content: new.content,
            state: OrderState::Active,
            received_ms: before.as_ref().map_or(now, |before| before.received_ms),
            changed_ms: now,
        };
        let (saved, action, changed) = match &before {
            None => (Saved::Placed, "order.placed", Vec::new()),
            Some(before) if before.content == order.content && before.state == order.state => {
                return Ok((before.clone(), Saved::Unchanged));
            }
            Some(before) => (Saved::Changed, "order.changed", order.content.changed(&before.content).collect()),
        };
        self.write_order(&order).await?;
        let detail = serde_json::json!({ "source": order.source, "changed": changed }).to_string();
        self.append_event(Event::new(by, action, "order", &order.id).detail(detail)).await?;
        for version in before.iter().chain([&order]) {
            self.match_studies_of(version).await?;
        }
        Ok((order, saved))
    }

    /// Takes an order back; it stays, and says so.
    ///
    /// # Errors
    /// [`StoreError::Missing`] when there is none that holds; else when the database refuses.
    pub async fn cancel_order(&mut self, id: &str, by: &str) -> Result<Order, StoreError> {
        let row = sqlx::query(concat!(
            "UPDATE orders SET state = 'canceled', changed_ms = $1 WHERE id = $2 AND state = 'active' RETURNING ",
            order_columns!()
        ))
        .bind(now_ms())
        .bind(id)
        .fetch_optional(&mut *self.transaction)
        .await?;
        let order = order_of(&row.ok_or_else(|| missing(id))?)?;
        self.append_event(Event::new(by, "order.canceled", "order", id)).await?;
        self.match_studies_of(&order).await?;
        Ok(order)
    }

    async fn order_numbered(&mut self, source: &str, number: &str) -> Result<Option<Order>, StoreError> {
        let row = sqlx::query(BY_NUMBER).bind(source).bind(number).fetch_optional(&mut *self.transaction).await?;
        row.as_ref().map(order_of).transpose()
    }

    async fn write_order(&mut self, order: &Order) -> Result<(), StoreError> {
        let names = OrderContent::names().collect::<Vec<_>>().join(", ");
        let mut sql = QueryBuilder::new("INSERT INTO orders (id, source, number, state, received_ms, changed_ms, ");
        sql.push(names).push(") VALUES (");
        let mut values = sql.separated(", ");
        values.push_bind(&order.id).push_bind(&order.source).push_bind(&order.number);
        values.push_bind(order.state.as_str()).push_bind(order.received_ms).push_bind(order.changed_ms);
        for (_, value) in order.content.fields() {
            values.push_bind(value);
        }
        sql.push(
            ") ON CONFLICT (source, number) DO UPDATE SET state = excluded.state, changed_ms = excluded.changed_ms",
        );
        for name in OrderContent::names() {
            sql.push(format!(", {name} = excluded.{name}"));
        }
        sql.build().execute(&mut *self.transaction).await?;
        Ok(())
    }
}

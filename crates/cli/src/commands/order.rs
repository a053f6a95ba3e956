//! `lightbox order`: what other systems say is to be examined.

use super::order_file::{self, Line};
use super::{actor, open};
use crate::output::{Output, columns};
use crate::settings::DataFlag;
use anyhow::Context;
use clap::{Args, Subcommand};
use lightbox_domain::{Order, OrderContent, OrderState, order_name};
use lightbox_store::{NewOrder, OrderFilter, Saved, Store};
use serde_json::{Value, json};
use std::path::PathBuf;
use std::process::ExitCode;

/// How many orders of a file are kept in one transaction.
const ORDERS_AT_ONCE: usize = 200;

/// Place, list and cancel orders, or import a file of them.
#[derive(Subcommand)]
pub enum OrderCommand {
    /// Place an order, or change the one of this number
    Add(Add),
    /// List orders, those that are scheduled last first
    List(List),
    /// Cancel an order
    Cancel(Cancel),
    /// Read orders from a CSV file whose first line names the fields; `number` is one of them
    Import(Import),
}

/// The flags of `add`.
#[derive(Args)]
pub struct Add {
    /// Its number in its system
    number: String,
    /// The system that it comes from
    #[arg(long, value_name = "NAME", default_value = "command-line")]
    source: String,
    /// A field, such as patient_id=123 or accession_number=A1. May be given several times
    #[arg(long, value_name = "FIELD=VALUE", required = true)]
    set: Vec<String>,
    #[command(flatten)]
    data: DataFlag,
}

/// The flags of `list`.
#[derive(Args)]
pub struct List {
    /// Part of a number, of the patient's identifier or name, or of the procedure
    #[arg(long, value_name = "TEXT")]
    search: Option<String>,
    /// Also those that were canceled
    #[arg(long)]
    all: bool,
    /// How many at most
    #[arg(long, value_name = "N", default_value_t = 50)]
    limit: u32,
    #[command(flatten)]
    data: DataFlag,
}

/// The flags of `cancel`.
#[derive(Args)]
pub struct Cancel {
    /// Its number in its system
    number: String,
    /// The system that it comes from
    #[arg(long, value_name = "NAME", default_value = "command-line")]
    source: String,
    #[command(flatten)]
    data: DataFlag,
}

/// The flags of `import`.
#[derive(Args)]
pub struct Import {
    /// The file
    file: PathBuf,
    /// The system that the orders come from
    #[arg(long, value_name = "NAME", default_value = "import")]
    source: String,
    #[command(flatten)]
    data: DataFlag,
}

impl OrderCommand {
    /// Does it.
    pub async fn execute(self, output: &Output) -> anyhow::Result<ExitCode> {
        match self {
            Self::Add(add) => add.execute(output).await,
            Self::List(list) => list.execute(output).await,
            Self::Cancel(cancel) => cancel.execute(output).await,
            Self::Import(import) => import.execute(output).await,
        }
    }
}

impl Add {
    async fn execute(self, output: &Output) -> anyhow::Result<ExitCode> {
        let mut content = OrderContent::default();
        for pair in &self.set {
            let (field, value) = pair.split_once('=').context("--set takes FIELD=VALUE")?;
            content.set(field.trim(), value)?;
        }
        let new = NewOrder {
            source: order_name("source", &self.source)?,
            number: order_name("number", &self.number)?,
            content: content.checked()?,
        };
        let (_, store) = open(&self.data).await?;
        for (order, saved) in lightbox_pipeline::save_orders(&store, vec![new], &actor()).await? {
            output.print(&order_json(&order), || format!("{} order {} of {}", verb(saved), order.number, order.source));
        }
        Ok(ExitCode::SUCCESS)
    }
}

impl List {
    async fn execute(self, output: &Output) -> anyhow::Result<ExitCode> {
        let (_, store) = open(&self.data).await?;
        let state = (!self.all).then_some(OrderState::Active);
        let filter = OrderFilter { search: self.search, state, limit: i64::from(self.limit), offset: 0 };
        let orders = store.orders(&filter).await?;
        let row = |order: &Order| {
            let text = |field| order.content.get(field).to_owned();
            let fields = ["accession_number", "patient_id", "patient_name", "modality", "scheduled_date"].map(text);
            [order.number.clone(), order.source.clone(), order.state.to_string()].into_iter().chain(fields).collect()
        };
        let rows: Vec<_> = orders.iter().map(row).collect();
        let head = ["number", "source", "state", "accession", "patient", "name", "modality", "date"];
        output.print(&orders.iter().map(order_json).collect::<Vec<_>>(), || columns(&head, &rows));
        Ok(ExitCode::SUCCESS)
    }
}

impl Cancel {
    async fn execute(self, output: &Output) -> anyhow::Result<ExitCode> {
        let (_, store) = open(&self.data).await?;
        let order = store.order_by_number(&self.source, &self.number).await?;
        let order = lightbox_pipeline::cancel_order(&store, &order.id, &actor()).await?;
        output.print(&order_json(&order), || format!("canceled order {} of {}", order.number, order.source));
        Ok(ExitCode::SUCCESS)
    }
}

impl Import {
    /// Keeps every line that is an order, and names the others.
    async fn execute(self, output: &Output) -> anyhow::Result<ExitCode> {
        let source = order_name("source", &self.source)?;
        let lines = order_file::read(&self.file, &source)
            .with_context(|| format!("cannot read orders from {}", self.file.display()))?;
        let (_, store) = open(&self.data).await?;
        let mut tally = Tally::default();
        let mut waiting = Vec::new();
        for line in lines {
            match line {
                Line::Order(order) => waiting.push(*order),
                Line::Refused { number, why } => tally.refused.push((number, why)),
            }
            if waiting.len() == ORDERS_AT_ONCE {
                tally.save(&store, std::mem::take(&mut waiting)).await?;
            }
        }
        tally.save(&store, waiting).await?;
        output.print(&tally.json(), || tally.text());
        Ok(if tally.refused.is_empty() { ExitCode::SUCCESS } else { ExitCode::FAILURE })
    }
}

/// What became of the lines of a file.
#[derive(Default)]
struct Tally {
    placed: usize,
    changed: usize,
    unchanged: usize,
    refused: Vec<(u64, String)>,
}

impl Tally {
    async fn save(&mut self, store: &Store, orders: Vec<NewOrder>) -> anyhow::Result<()> {
        for (_, saved) in lightbox_pipeline::save_orders(store, orders, &actor()).await? {
            match saved {
                Saved::Placed => self.placed += 1,
                Saved::Changed => self.changed += 1,
                Saved::Unchanged => self.unchanged += 1,
            }
        }
        Ok(())
    }

    fn json(&self) -> Value {
        let refused = self.refused.iter().map(|(line, why)| json!({ "line": line, "why": why }));
        json!({
            "placed": self.placed, "changed": self.changed, "unchanged": self.unchanged,
            "refused": refused.collect::<Vec<_>>(),
        })
    }

    fn text(&self) -> String {
        let refused = self.refused.iter().map(|(line, why)| format!("line {line}: {why}\n")).collect::<String>();
        let (placed, changed, unchanged) = (self.placed, self.changed, self.unchanged);
        format!("{refused}placed {placed}, changed {changed}, unchanged {unchanged}, refused {}", self.refused.len())
    }
}

fn verb(saved: Saved) -> &'static str {
    match saved {
        Saved::Placed => "placed",
        Saved::Changed => "changed",
        Saved::Unchanged => "nothing changed in",
    }
}

fn order_json(order: &Order) -> Value {
    let mut json = json!({
        "id": order.id, "source": order.source, "number": order.number, "state": order.state.as_str(),
    });
    for (name, value) in order.content.fields() {
        json[name] = value.into();
    }
    json
}

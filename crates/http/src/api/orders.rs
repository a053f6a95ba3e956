//! Orders: what other systems say is to be examined. They are kept under the number that their system gives them.

use super::text::{clock, date, time};
use crate::HttpState;
use crate::auth::Caller;
use crate::extract::{Body, Path, Query};
use crate::problem::Problem;
use axum::Json;
use axum::extract::State;
use axum::http::StatusCode;
use lightbox_domain::{Action, OrderContent, OrderError, OrderState, order_name};
use lightbox_identity::Resource;
use lightbox_store::{LogLine, NewOrder as OrderToSave, OrderFilter, Saved};
use serde::{Deserialize, Serialize};
use utoipa::{IntoParams, ToSchema};
use utoipa_axum::router::OpenApiRouter;
use utoipa_axum::routes;

/// How many rows a page has unless more are asked for.
const ROWS_DEFAULT: i64 = 50;

/// The most lines of an order's history.
const HISTORY_LINES_MAX: i64 = 200;

pub(super) fn routes() -> OpenApiRouter<HttpState> {
    OpenApiRouter::default().routes(routes!(list_orders, place_order)).routes(routes!(
        get_order,
        change_order,
        cancel_order
    ))
}

macro_rules! order_fields {
    ($($(#[$doc:meta])* $name:ident)*) => {
        /// What an order says; an empty text says nothing.
        #[derive(Serialize, Deserialize, ToSchema)]
        #[serde(default)]
        #[derive(Default)]
        pub(super) struct OrderFields { $($(#[$doc])* $name: String,)* }

        impl OrderFields {
            fn content(&self) -> Result<OrderContent, OrderError> {
                let mut content = OrderContent::default();
                $(content.set(stringify!($name), &self.$name)?;)*
                content.checked()
            }

            fn of(content: &OrderContent) -> Self {
                Self { $($name: content.get(stringify!($name)).to_owned(),)* }
            }
        }
    };
}

order_fields! {
    /// The number that whoever asked for it gave it.
    placer_number
    /// The number that whoever does it gave it.
    filler_number
    accession_number
    issuer_of_accession_number
    patient_id
    issuer_of_patient_id
    /// As in DICOM: `Family^Given`.
    patient_name
    /// `YYYY-MM-DD`
    patient_birth_date
    /// `F`, `M` or `O`
    patient_sex
    procedure_code
    procedure_description
    modality
    /// `YYYY-MM-DD`
    scheduled_date
    /// `HH:MM:SS`
    scheduled_time
}

/// An order.
#[derive(Serialize, ToSchema)]
pub(super) struct Order {
    id: String,
    /// The system that it comes from.
    source: String,
    /// Its number there.
    number: String,
    /// `active` or `canceled`.
    state: &'static str,
    #[schema(format = DateTime)]
    received_at: String,
    #[schema(format = DateTime)]
    changed_at: String,
    #[serde(flatten)]
    fields: OrderFields,
}

/// A page of orders.
#[derive(Serialize, ToSchema)]
struct Orders {
    items: Vec<Order>,
}

/// One thing that happened to an order.
#[derive(Serialize, ToSchema)]
struct OrderEvent {
    #[schema(format = DateTime)]
    at: String,
    actor: String,
    /// `order.placed`, `order.changed` or `order.canceled`.
    action: String,
    /// The fields that changed.
    changed: Vec<String>,
}

/// An order with its history.
#[derive(Serialize, ToSchema)]
struct OrderDetail {
    order: Order,
    /// The oldest first.
    history: Vec<OrderEvent>,
}

/// An order as its system says it.
#[derive(Deserialize, ToSchema)]
struct NewOrder {
    /// The system.
    source: String,
    /// Its number there: the same number again changes the order.
    number: String,
    #[serde(flatten)]
    fields: OrderFields,
}

/// Which orders are listed.
#[derive(Deserialize, IntoParams)]
#[into_params(parameter_in = Query)]
struct OrdersQuery {
    /// Part of a number, of the patient's number or name, or of the procedure.
    search: Option<String>,
    /// `active` or `canceled`; both unless given.
    state: Option<String>,
    /// How many rows at most; 50 unless given.
    limit: Option<i64>,
    /// How many rows to pass over.
    offset: Option<i64>,
}

/// List orders, those that are scheduled last first
#[utoipa::path(get, path = "/api/v1/orders", tag = "orders", params(OrdersQuery),
    responses((status = 200, description = "A page of orders", body = Orders)))]
async fn list_orders(
    State(state): State<HttpState>,
    caller: Caller,
    Query(query): Query<OrdersQuery>,
) -> Result<Json<Orders>, Problem> {
    caller.may_any(Action::OrderRead)?;
    let unknown = || Problem::unfit("state is `active` or `canceled`");
    let filter = OrderFilter {
        search: query.search.map(|search| search.trim().to_owned()),
        state: query.state.map(|state| OrderState::parse(&state).ok_or_else(unknown)).transpose()?,
        limit: query.limit.unwrap_or(ROWS_DEFAULT).clamp(1, state.limits.page_rows_max),
        offset: query.offset.unwrap_or(0).max(0),
    };
    let orders = state.store.orders(&filter).await?;
    Ok(Json(Orders { items: orders.into_iter().map(Order::of).collect() }))
}

/// Place an order, or change the one of this number
#[utoipa::path(post, path = "/api/v1/orders", tag = "orders", request_body = NewOrder,
    responses((status = 201, description = "Placed", body = Order), (status = 200, description = "Changed", body = Order)))]
async fn place_order(
    State(state): State<HttpState>,
    caller: Caller,
    Body(new): Body<NewOrder>,
) -> Result<(StatusCode, Json<Order>), Problem> {
    caller.may_any(Action::OrderWrite)?;
    let new = OrderToSave {
        source: order_name("source", &new.source).map_err(Problem::unfit)?,
        number: order_name("number", &new.number).map_err(Problem::unfit)?,
        content: new.fields.content().map_err(Problem::unfit)?,
    };
    let (order, saved) = save(&state, &caller, new).await?;
    let status = if saved == Saved::Placed { StatusCode::CREATED } else { StatusCode::OK };
    Ok((status, Json(order)))
}

/// Look at an order and its history
#[utoipa::path(get, path = "/api/v1/orders/{id}", tag = "orders", params(("id" = String, Path)),
    responses((status = 200, description = "The order", body = OrderDetail)))]
async fn get_order(
    State(state): State<HttpState>,
    caller: Caller,
    Path(id): Path<String>,
) -> Result<Json<OrderDetail>, Problem> {
    caller.may(Action::OrderRead, &Resource::order(&id))?;
    let order = state.store.order(&id).await?;
    let history = state.store.events_of_order(&id, HISTORY_LINES_MAX).await?;
    Ok(Json(OrderDetail { order: Order::of(order), history: history.into_iter().map(OrderEvent::of).collect() }))
}

/// Say anew what an order says
#[utoipa::path(put, path = "/api/v1/orders/{id}", tag = "orders", params(("id" = String, Path)),
    request_body = OrderFields, responses((status = 200, description = "Changed", body = Order)))]
async fn change_order(
    State(state): State<HttpState>,
    caller: Caller,
    Path(id): Path<String>,
    Body(fields): Body<OrderFields>,
) -> Result<Json<Order>, Problem> {
    caller.may(Action::OrderWrite, &Resource::order(&id))?;
    let before = state.store.order(&id).await?;
    let content = fields.content().map_err(Problem::unfit)?;
    let (order, _) =
        save(&state, &caller, OrderToSave { source: before.source, number: before.number, content }).await?;
    Ok(Json(order))
}

/// Cancel an order
#[utoipa::path(delete, path = "/api/v1/orders/{id}", tag = "orders", params(("id" = String, Path)),
    responses((status = 200, description = "Canceled", body = Order)))]
async fn cancel_order(
    State(state): State<HttpState>,
    caller: Caller,
    Path(id): Path<String>,
) -> Result<Json<Order>, Problem> {
    caller.may(Action::OrderWrite, &Resource::order(&id))?;
    Ok(Json(Order::of(lightbox_pipeline::cancel_order(&state.store, &id, &caller.actor).await?)))
}

async fn save(state: &HttpState, caller: &Caller, new: OrderToSave) -> Result<(Order, Saved), Problem> {
    let saved = lightbox_pipeline::save_orders(&state.store, vec![new], &caller.actor).await?;
    let (order, saved) = saved.into_iter().next().ok_or_else(|| Problem::internal("an order was not saved"))?;
    Ok((Order::of(order), saved))
}

impl Order {
    pub(super) fn of(order: lightbox_domain::Order) -> Self {
        let mut fields = OrderFields::of(&order.content);
        for day in [&mut fields.patient_birth_date, &mut fields.scheduled_date] {
            *day = date(day).unwrap_or_default();
        }
        fields.scheduled_time = clock(&fields.scheduled_time).unwrap_or_default();
        Self {
            id: order.id,
            source: order.source,
            number: order.number,
            state: order.state.as_str(),
            received_at: time(order.received_ms),
            changed_at: time(order.changed_ms),
            fields,
        }
    }
}

impl OrderEvent {
    fn of(line: LogLine) -> Self {
        let detail: serde_json::Value = serde_json::from_str(&line.detail).unwrap_or_default();
        let changed = detail["changed"].as_array().into_iter().flatten();
        Self {
            at: time(line.at_ms),
            actor: line.actor,
            action: line.action,
            changed: changed.filter_map(|field| field.as_str().map(str::to_owned)).collect(),
        }
    }
}

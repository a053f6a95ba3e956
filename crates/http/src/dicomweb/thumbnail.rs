//! WADO-RS: one small picture of a whole study or series (PS3.18 §10.4.1.1.4): the middle image of the first series that
//! has images and that no app made, or else of one that an app made.

use super::accept::Accept;
use super::conditional::Conditions;
use super::rendered::{RenderedQuery, render};
use super::{Address, StoredInstance};
use crate::HttpState;
use crate::auth::Caller;
use crate::extract::{Path, Query};
use crate::problem::Problem;
use axum::extract::State;
use axum::response::Response;

/// `/studies/{study}/thumbnail`
pub(super) async fn study(
    State(state): State<HttpState>,
    caller: Caller,
    accept: Accept,
    conditions: Conditions,
    Path(address): Path<Address>,
    Query(query): Query<RenderedQuery>,
) -> Result<Response, Problem> {
    answer(&state, &caller, &accept, &conditions, &address, &query).await
}

/// `/studies/{study}/series/{series}/thumbnail`
pub(super) async fn series(
    State(state): State<HttpState>,
    caller: Caller,
    accept: Accept,
    conditions: Conditions,
    Path(address): Path<Address>,
    Query(query): Query<RenderedQuery>,
) -> Result<Response, Problem> {
    answer(&state, &caller, &accept, &conditions, &address, &query).await
}

async fn answer(
    state: &HttpState,
    caller: &Caller,
    accept: &Accept,
    conditions: &Conditions,
    address: &Address,
    query: &RenderedQuery,
) -> Result<Response, Problem> {
    let instances = address.instances(state, caller).await?;
    let shown = representative(&instances).ok_or_else(|| Problem::not_found("image"))?;
    let frame = u32::try_from(shown.frames / 2).unwrap_or(0);
    render(state, accept, conditions, shown, frame, query.parse()?.or_small()).await
}

/// The instance that stands for all, which come in the order of their series.
fn representative(instances: &[StoredInstance]) -> Option<&StoredInstance> {
    let images: Vec<_> = instances.iter().filter(|one| one.frames > 0).collect();
    let first = images.iter().find(|one| one.run_id.is_none()).or(images.first())?;
    let series: Vec<_> = images.iter().filter(|one| one.series_instance_uid == first.series_instance_uid).collect();
    series.get(series.len() / 2).map(|one| **one)
}

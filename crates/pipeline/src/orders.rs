//! Orders, and which study is what was ordered. The rule decides what it can ([`mod@lightbox_domain::order_match`]); what it
//! cannot waits in the queue of unmatched studies, where people link a study to its order or say that it needs none. A link
//! is a correction, too, so that every way out names the order's patient and accession number.

use crate::correct::check_objects;
use crate::deletion::{checked_reason, forget_files};
use crate::{JobError, PipelineError};
use lightbox_domain::{
    Actor, MatchReason, MatchState, Order, OrderMatch, OrderState, OverlayScope, Uid, link_values, match_order,
};
use lightbox_store::{MATCHER, MatchDecision, NewOrder, NewOverlay, Saved, Store, StoreError, StoredMatch};

/// Keeps orders under their numbers, all or none of them, and has the studies matched that they may concern.
///
/// # Errors
/// When the database refuses.
pub async fn save_orders(
    store: &Store,
    orders: Vec<NewOrder>,
    actor: &Actor,
) -> Result<Vec<(Order, Saved)>, PipelineError> {
    let mut write = store.write().await?;
    let mut saved = Vec::with_capacity(orders.len());
    for order in orders {
        saved.push(write.save_order(order, &actor.name).await?);
    }
    write.commit().await?;
    Ok(saved)
}

/// Takes an order back.
///
/// # Errors
/// [`StoreError::Missing`] when there is none that holds.
pub async fn cancel_order(store: &Store, id: &str, actor: &Actor) -> Result<Order, PipelineError> {
    let mut write = store.write().await?;
    let order = write.cancel_order(id, &actor.name).await?;
    write.commit().await?;
    Ok(order)
}

/// Says how a study stands to the orders, if that is another answer than before.
///
/// # Errors
/// When the database refuses.
pub(crate) async fn match_study(store: &Store, study: &str) -> Result<(), JobError> {
    let study = Uid::parse(study).map_err(|error| JobError::Permanent(error.to_string()))?;
    let before = store.order_match(&study).await?;
    if before.as_ref().is_some_and(|one| one.found.state == MatchState::NotNeeded) {
        return Ok(());
    }
    let Some((stored, with)) = store.match_case(&study).await? else { return Ok(()) };
    let found = match_order(&stored.attributes, &stored.acquired_modalities, &with);
    if found.as_ref() == before.as_ref().map(|one| &one.found) {
        return Ok(());
    }
    let mut write = store.write().await?;
    if !write.is_match_still(&study, before.as_ref()).await? {
        // A person decided meanwhile.
        write.match_again(study.as_str()).await?;
        return Ok(write.commit().await?);
    }
    match found {
        Some(found) => {
            let because = found.reason.words();
            write.keep_match(&study, &MatchDecision { found, overlay_id: None, by: MATCHER, because }).await?;
        }
        None => write.forget_match(&study, MATCHER).await?,
    }
    Ok(write.commit().await?)
}

/// Links a study to an order, and corrects what the study says otherwise.
///
/// # Errors
/// [`PipelineError::Refused`] without a reason, when the order was canceled, or when an object of the study cannot carry the
/// correction; [`StoreError::Missing`] when there is no such study or order.
pub async fn link_order(
    store: &Store,
    study: &Uid,
    order_id: &str,
    reason: &str,
    actor: &Actor,
) -> Result<StoredMatch, PipelineError> {
    let reason = checked_reason(reason)?;
    let stored = store.study(study.as_str()).await?.filter(|stored| stored.instance_count > 0);
    let stored = stored.ok_or_else(|| missing("study", study))?;
    let order = store.order(order_id).await?;
    if order.state == OrderState::Canceled {
        return Err(PipelineError::Refused("the order was canceled; choose one that holds".to_owned()));
    }
    let unfit = |error: lightbox_domain::ValuesError| PipelineError::Refused(error.to_string());
    let values = link_values(&stored.attributes, &order).map_err(unfit)?;
    if !values.is_empty() {
        check_objects(store, study, &values).await?;
    }
    let by = &actor.name;
    let mut write = store.write().await?;
    let mut overlay_id = None;
    if !values.is_empty() {
        let scope = OverlayScope::Study(study.clone());
        let new = NewOverlay { scope, values, reason: reason.clone(), made_by: by.clone() };
        overlay_id = Some(write.make_overlay(new).await?.overlay.id);
    }
    let found = OrderMatch { state: MatchState::Matched, reason: MatchReason::Linked, order_id: Some(order.id) };
    let decision = MatchDecision { found, overlay_id: overlay_id.as_deref(), by, because: &reason };
    write.keep_match(study, &decision).await?;
    write.commit().await?;
    forget_files(store).await;
    decided(store, study).await
}

/// Says that a study needs no order.
///
/// # Errors
/// [`PipelineError::Refused`] without a reason; [`StoreError::Missing`] when the study is not in the queue.
pub async fn dismiss_order(
    store: &Store,
    study: &Uid,
    reason: &str,
    actor: &Actor,
) -> Result<StoredMatch, PipelineError> {
    let reason = checked_reason(reason)?;
    let waits = store.order_match(study).await?.filter(|one| one.found.state.is_queued());
    waits.ok_or_else(|| missing("unmatched study", study))?;
    let found = OrderMatch { state: MatchState::NotNeeded, reason: MatchReason::NoOrderNeeded, order_id: None };
    let mut write = store.write().await?;
    let decision = MatchDecision { found, overlay_id: None, by: &actor.name, because: &reason };
    write.keep_match(study, &decision).await?;
    write.commit().await?;
    decided(store, study).await
}

/// Takes back what a person decided about a study, with the correction that came of it; it is then matched anew.
///
/// # Errors
/// [`StoreError::Missing`] when no person decided anything.
pub async fn undo_order_decision(store: &Store, study: &Uid, actor: &Actor) -> Result<(), PipelineError> {
    let before = store.order_match(study).await?.filter(|one| one.found.reason.is_by_person());
    let before = before.ok_or_else(|| missing("decision about an order of study", study))?;
    let overlay = match &before.overlay_id {
        Some(id) => Some(store.overlay(id).await?).filter(|overlay| overlay.undone_ms.is_none()),
        None => None,
    };
    let mut write = store.write().await?;
    if let Some(overlay) = overlay {
        write.undo_overlay(&overlay.id, &actor.name).await?;
    }
    write.forget_match(study, &actor.name).await?;
    write.match_again(study.as_str()).await?;
    write.commit().await?;
    forget_files(store).await;
    Ok(())
}

async fn decided(store: &Store, study: &Uid) -> Result<StoredMatch, PipelineError> {
    Ok(store.order_match(study).await?.ok_or_else(|| missing("decision about study", study))?)
}

fn missing(kind: &'static str, study: &Uid) -> StoreError {
    StoreError::Missing { kind, id: study.to_string() }
}

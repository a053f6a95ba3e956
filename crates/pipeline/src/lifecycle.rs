//! Applies the site's lifecycle rules, once a day or when a person asks.

use crate::JobError;
use crate::deletion::{DAY_MS, forget_files, purge_ms};
use lightbox_domain::{
    DeletedPart, DeletionCause, DeletionOrder, Job, LifecycleAction, LifecycleRule, Limits, lifecycle_rule,
};
use lightbox_store::{AgedSeries, Store, StoreError, now_ms};

/// How many series are looked at together.
const SERIES_AT_ONCE: i64 = 500;

/// What a rule does, or would do, with a series.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct LifecycleStep {
    /// The rule's name.
    pub rule: String,
    /// What it says.
    pub action: LifecycleAction,
    /// The series.
    pub series: AgedSeries,
    /// Why it was not done now, in words.
    pub postponed: Option<String>,
}

/// Has the rules applied from now on, if there are any.
///
/// # Errors
/// When the database refuses.
pub async fn order(store: &Store, rules: &[LifecycleRule]) -> Result<(), StoreError> {
    if rules.is_empty() {
        return Ok(());
    }
    let mut write = store.write().await?;
    // A start does not put off what was due before.
    write.enqueue_by(&Job::Lifecycle, now_ms()).await?;
    write.commit().await
}

/// The daily job: applies the rules, and orders itself for tomorrow. Without rules it is not ordered again.
///
/// # Errors
/// When the database refuses.
pub async fn daily(store: &Store, rules: &[LifecycleRule], limits: &Limits) -> Result<(), JobError> {
    if rules.is_empty() {
        return Ok(());
    }
    let steps = apply(store, rules, limits, false).await?;
    tracing::info!(series = steps.len(), "applied the lifecycle rules");
    let mut write = store.write().await?;
    write.enqueue(&Job::Lifecycle, now_ms() + DAY_MS).await?;
    Ok(write.commit().await?)
}

/// Applies the rules to every series; with `dry_run`, only says what they would do. A series on whose study work is due
/// is left for the next time.
///
/// # Errors
/// When the database refuses.
pub async fn apply(
    store: &Store,
    rules: &[LifecycleRule],
    limits: &Limits,
    dry_run: bool,
) -> Result<Vec<LifecycleStep>, StoreError> {
    let (mut steps, mut after) = (Vec::new(), None);
    loop {
        let page = store.aged_series(after.as_ref(), SERIES_AT_ONCE).await?;
        let Some(last) = page.last() else { break };
        after = Some(last.clone());
        for series in page {
            let Some(rule) = lifecycle_rule(rules, &series.age, now_ms()) else { continue };
            match rule.action {
                LifecycleAction::Delete => steps.push(delete(store, rule, series, limits, dry_run).await?),
                LifecycleAction::Compress if series.compressible_bytes > 0 => {
                    steps.push(compress(store, rule, series, dry_run).await?);
                }
                LifecycleAction::Compress | LifecycleAction::Keep => {}
            }
        }
    }
    if !dry_run {
        forget_files(store).await;
    }
    Ok(steps)
}

async fn delete(
    store: &Store,
    rule: &LifecycleRule,
    series: AgedSeries,
    limits: &Limits,
    dry_run: bool,
) -> Result<LifecycleStep, StoreError> {
    let mut write = store.write().await?;
    let postponed = write.work_due(series.study_instance_uid.as_str()).await?;
    if postponed.is_none() && !dry_run {
        let order = DeletionOrder {
            study_instance_uid: series.study_instance_uid.clone(),
            part: DeletedPart::Series(series.series_instance_uid.clone()),
            cause: DeletionCause::Rule,
            reason: rule.name.clone(),
            deleted_by: "lifecycle".to_owned(),
            purge_ms: Some(purge_ms(limits)),
            // Whoever sends it again wants it kept; the rule looks at it again when it is old again.
            returns: true,
        };
        write.delete(&order).await?;
        write.commit().await?;
    }
    Ok(LifecycleStep { rule: rule.name.clone(), action: rule.action, series, postponed })
}

/// Orders that a series is compressed, which takes too long to wait for.
async fn compress(
    store: &Store,
    rule: &LifecycleRule,
    series: AgedSeries,
    dry_run: bool,
) -> Result<LifecycleStep, StoreError> {
    let mut write = store.write().await?;
    let postponed = write.work_due(series.study_instance_uid.as_str()).await?;
    if postponed.is_none() && !dry_run {
        let (study_instance_uid, series_instance_uid) =
            (series.study_instance_uid.to_string(), series.series_instance_uid.to_string());
        write.enqueue_by(&Job::Compress { study_instance_uid, series_instance_uid }, now_ms()).await?;
        write.commit().await?;
    }
    Ok(LifecycleStep { rule: rule.name.clone(), action: rule.action, series, postponed })
}

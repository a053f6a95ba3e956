//! Rules of a site, and its quota.

use crate::harness::TestPipeline;
use lightbox_domain::{JobKind, LifecycleAction, LifecycleRule, Limits, Source};
use lightbox_pipeline::{ReceiveError, lifecycle};
use lightbox_testkit::Film;

fn rule(name: &str, action: LifecycleAction) -> LifecycleRule {
    LifecycleRule {
        name: name.to_owned(),
        modality: Vec::new(),
        body_part: Vec::new(),
        source: Vec::new(),
        older_than_days: 0,
        action,
    }
}

/// One rule for films of the chest.
fn rules() -> Vec<LifecycleRule> {
    vec![LifecycleRule { body_part: vec!["CHEST".to_owned()], ..rule("chest films", LifecycleAction::Delete) }]
}

/// A film of the chest and one of a hand.
async fn archive() -> TestPipeline {
    let test = TestPipeline::open().await;
    let hand = Film::new().uids("1.2.2", "1.2.2.1", "1.2.2.1.1").set_keyword("BodyPartExamined", "HAND");
    test.receive(Film::new().uids("1.2.1", "1.2.1.1", "1.2.1.1.1").bytes()).await.expect("received");
    test.receive(hand.bytes()).await.expect("received");
    test
}

async fn studies(test: &TestPipeline) -> i64 {
    test.store().volume().await.expect("read").studies
}

#[tokio::test]
async fn a_dry_run_says_what_would_go_and_the_rule_then_does_it() {
    let test = archive().await;
    test.order_routing("1.2.1", "1.2.1.1").await;
    let apply = async |dry_run| {
        let steps = lifecycle::apply(test.store(), &rules(), &Limits::default(), dry_run).await.expect("applied");
        let said = steps.iter().map(|step| (step.series.series_instance_uid.to_string(), step.postponed.clone()));
        said.collect::<Vec<_>>()
    };
    let early = apply(false).await;
    assert_eq!(early, [("1.2.1.1".to_owned(), Some("1 series to look at".to_owned()))]);
    test.work().await;
    assert_eq!(apply(true).await, [("1.2.1.1".to_owned(), None)]);
    assert_eq!(studies(&test).await, 2, "nothing happened yet");

    apply(false).await;
    assert_eq!(studies(&test).await, 1);
    let deletion = test.store().deletions(None, 10).await.expect("read").remove(0);
    assert_eq!((deletion.cause.as_str(), deletion.reason.as_str()), ("rule", "chest films"));
    assert!(deletion.purge_ms.is_some());
    assert_eq!(apply(false).await, [], "done once");
}

#[tokio::test]
async fn the_first_rule_that_fits_keeps_what_a_later_one_would_delete() {
    let test = archive().await;
    test.work().await;
    let kept = LifecycleRule { source: vec!["peer:CT1".to_owned()], ..rule("from CT1", LifecycleAction::Keep) };
    let rules: Vec<_> = std::iter::once(kept).chain(rules()).collect();
    let steps = lifecycle::apply(test.store(), &rules, &Limits::default(), false).await.expect("applied");
    assert_eq!((steps.len(), studies(&test).await), (0, 2));
}

#[tokio::test]
async fn the_daily_job_applies_the_rules_and_comes_again_tomorrow() {
    let test = archive().await;
    test.work().await;
    lifecycle::order(test.store(), &rules()).await.expect("ordered");
    let claimed = test.store().claim(JobKind::LAST).await.expect("claimed").expect("it is due");
    assert_eq!(claimed.job.kind(), JobKind::Lifecycle);
    lifecycle::daily(test.store(), &rules(), &Limits::default()).await.expect("done");
    let mut write = test.store().write().await.expect("a transaction");
    write.complete(&claimed).await.expect("completed");
    write.commit().await.expect("committed");
    assert_eq!(studies(&test).await, 1);
    // A start does not bring it forward.
    lifecycle::order(test.store(), &rules()).await.expect("ordered");
    assert!(test.store().jobs_waiting().await.expect("counted").contains(&("lifecycle", 1)));
}

#[tokio::test]
async fn nothing_is_received_once_the_quota_is_used_up() {
    let test = TestPipeline::open_with(Limits { archive_bytes_max: 100, ..Limits::default() }).await;
    test.receive(Film::new().bytes()).await.expect("nothing is stored yet");
    // Another receiver has not asked yet how much that is.
    let receiver = lightbox_pipeline::Receiver::new(test.store().clone(), test.pipeline.limits.clone());
    let bytes = futures_util::stream::iter([Ok(bytes::Bytes::from(Film::new().bytes()))]);
    let refused = receiver.receive(Source::Import, bytes).await.expect_err("the quota is used up");
    assert!(matches!(refused, ReceiveError::ArchiveFull { bytes } if bytes > 100), "{refused}");
}

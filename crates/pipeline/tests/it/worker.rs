use crate::harness::TestPipeline;
use lightbox_domain::{Job, JobKind, Limits};
use lightbox_pipeline::{JobError, Worker};
use std::sync::Arc;
use std::sync::atomic::{AtomicI64, Ordering};

async fn order_delivery(test: &TestPipeline) {
    let mut write = test.store().write().await.expect("begun");
    write.enqueue(&Job::Deliver { delivery_id: "01J".to_owned() }, 0).await.expect("ordered");
    write.commit().await.expect("committed");
}

/// How often a job was begun whose handler ends so.
async fn check(
    limits: Limits,
    end: impl Fn(i64) -> Result<(), JobError> + Send + Sync + Clone + 'static,
    expected: i64,
) {
    let test = TestPipeline::open_with(limits).await;
    order_delivery(&test).await;
    let begun = Arc::new(AtomicI64::new(0));
    let counted = Arc::clone(&begun);
    let worker = Worker::new(test.pipeline.clone()).handle(JobKind::Deliver, move |_| {
        let attempt = counted.fetch_add(1, Ordering::SeqCst) + 1;
        let end = end.clone();
        Box::pin(async move { end(attempt) })
    });
    test.work_with(worker).await;
    assert_eq!(begun.load(Ordering::SeqCst), expected);
}

#[tokio::test]
async fn what_may_pass_is_tried_again_and_what_may_not_is_not() {
    let twice = Limits { job_attempts_max: 2, ..Limits::default() };
    let busy = || JobError::Transient("busy".to_owned());
    check(Limits::default(), move |attempt| if attempt == 1 { Err(busy()) } else { Ok(()) }, 2).await;
    check(twice, move |_| Err(busy()), 2).await;
    check(Limits::default(), |_| Err(JobError::Permanent("gone".to_owned())), 1).await;
}

#[tokio::test]
async fn a_step_that_panics_ends_its_job_and_nothing_else() {
    check(Limits::default(), |_| panic!("a defect"), 1).await;
}

#[tokio::test]
async fn a_job_that_is_given_up_says_so_in_the_log() {
    let test = TestPipeline::open().await;
    order_delivery(&test).await;
    let worker = Worker::new(test.pipeline.clone())
        .handle(JobKind::Deliver, |_| Box::pin(async { Err(JobError::Permanent("the peer is gone".to_owned())) }));
    test.work_with(worker).await;
    let events = test.store().events(i64::MAX, 10).await.expect("the log");
    assert_eq!((events[0].action.as_str(), events[0].outcome.as_str()), ("delivery.failed", "the peer is gone"));
}

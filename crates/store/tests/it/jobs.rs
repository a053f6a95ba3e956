use crate::harness::TestStore;
use lightbox_domain::{Job, JobKind};
use lightbox_store::now_ms;

fn run(id: &str) -> Job {
    Job::Run { run_id: id.to_owned() }
}

async fn enqueue(store: &TestStore, job: &Job, due_ms: i64) {
    let mut write = store.write().await.unwrap();
    write.enqueue(job, due_ms).await.unwrap();
    write.commit().await.unwrap();
}

#[tokio::test]
async fn a_job_is_claimed_once() {
    let store = TestStore::open().await;
    enqueue(&store, &run("A"), 0).await;
    assert_eq!(store.claim(JobKind::Explain).await.unwrap().map(|claimed| claimed.job), Some(run("A")));
    assert!(store.claim(JobKind::Explain).await.unwrap().is_none());
}

#[tokio::test]
async fn a_job_does_not_wait_for_a_time_that_a_wrong_clock_named() {
    let store = TestStore::open().await;
    const DAYS_MS: i64 = 2 * 24 * 3_600_000;
    enqueue(&store, &run("A"), now_ms() + DAYS_MS).await;
    enqueue(&store, &run("B"), now_ms() + 2 * DAYS_MS).await;
    assert!(store.claim(JobKind::Explain).await.unwrap().is_none());
    assert_eq!(store.bring_jobs_forward(DAYS_MS + 1_000).await.unwrap(), 2);
    assert_eq!(store.claim(JobKind::Explain).await.unwrap().map(|claimed| claimed.job), Some(run("A")));
    assert!(store.claim(JobKind::Explain).await.unwrap().is_none(), "the other is still to come");
    assert_eq!(store.clock_behind_ms().await.unwrap(), 0, "the log is not ahead");
}

#[tokio::test]
async fn a_job_that_is_not_committed_never_was() {
    let store = TestStore::open().await;
    let mut write = store.write().await.unwrap();
    write.enqueue(&run("A"), 0).await.unwrap();
    drop(write);
    assert_eq!(store.jobs_left(JobKind::Explain).await.unwrap(), 0);
}

#[tokio::test]
async fn a_job_asked_for_while_a_worker_has_it_is_due_once_more() {
    let store = TestStore::open().await;
    enqueue(&store, &run("A"), 0).await;
    let first = store.claim(JobKind::Explain).await.unwrap().expect("due");
    enqueue(&store, &run("A"), 0).await;
    assert!(store.claim(JobKind::Explain).await.unwrap().is_none(), "never two workers on one job");

    let mut write = store.write().await.unwrap();
    write.complete(&first).await.unwrap();
    write.commit().await.unwrap();
    let second = store.claim(JobKind::Explain).await.unwrap().expect("due once more");
    let mut write = store.write().await.unwrap();
    write.complete(&second).await.unwrap();
    write.commit().await.unwrap();
    assert_eq!(store.jobs_left(JobKind::Explain).await.unwrap(), 0);
}

#[tokio::test]
async fn what_a_reader_waits_for_goes_first_and_a_lane_may_leave_maps_alone() {
    let store = TestStore::open().await;
    enqueue(&store, &Job::Explain { run_id: "A".to_owned() }, 0).await;
    enqueue(&store, &Job::Publish { run_id: "B".to_owned() }, 0).await;
    let kind = async |least_urgent| store.claim(least_urgent).await.unwrap().map(|claimed| claimed.job.kind());
    assert_eq!(kind(JobKind::Deliver).await, Some(JobKind::Publish));
    assert_eq!(kind(JobKind::Deliver).await, None);
    assert_eq!(store.next_due_ms(JobKind::Deliver).await.unwrap(), None, "it need not look again for a map");
    assert_eq!(kind(JobKind::Explain).await, Some(JobKind::Explain));
}

#[tokio::test]
async fn a_postponed_job_is_not_due_and_counts_its_attempts() {
    let store = TestStore::open().await;
    enqueue(&store, &run("A"), 0).await;
    let claimed = store.claim(JobKind::Explain).await.unwrap().expect("due");
    let later = now_ms() + 60_000;
    let mut write = store.write().await.unwrap();
    write.postpone(&claimed, later, "busy").await.unwrap();
    write.commit().await.unwrap();
    assert!(store.claim(JobKind::Explain).await.unwrap().is_none());
    assert_eq!(store.next_due_ms(JobKind::Explain).await.unwrap(), Some(later));
    assert_eq!(claimed.attempts, 1);
}

#[tokio::test]
async fn claims_of_a_server_that_died_are_released() {
    let store = TestStore::open().await;
    enqueue(&store, &run("A"), 0).await;
    store.claim(JobKind::Explain).await.unwrap().expect("due");
    assert_eq!(store.release_claims().await.unwrap(), 1);
    let again = store.claim(JobKind::Explain).await.unwrap().expect("due again");
    assert_eq!(again.attempts, 2);
}

#[tokio::test]
async fn a_buried_job_is_not_taken_again() {
    let store = TestStore::open().await;
    enqueue(&store, &run("A"), 0).await;
    let claimed = store.claim(JobKind::Explain).await.unwrap().expect("due");
    let mut write = store.write().await.unwrap();
    write.bury(&claimed, "cannot").await.unwrap();
    write.commit().await.unwrap();
    assert!(store.claim(JobKind::Explain).await.unwrap().is_none());
    assert_eq!(store.jobs_left(JobKind::Explain).await.unwrap(), 0);
}

#[tokio::test]
async fn a_commit_with_a_job_nudges() {
    let store = TestStore::open().await;
    let mut nudges = store.nudges();
    nudges.mark_unchanged();
    enqueue(&store, &run("A"), 0).await;
    assert!(nudges.has_changed().unwrap());
}

use crate::harness::TestPipeline;
use bytes::Bytes;
use lightbox_domain::{DeploymentMode, JobKind, Limits, Source};
use lightbox_pipeline::{ReceiveError, ReceivedOutcome};
use lightbox_testkit::Film;

fn film() -> Film {
    Film::new().uids("1.2.1", "1.2.1.1", "1.2.1.1.1")
}

#[tokio::test]
async fn an_instance_is_kept_byte_for_byte_with_its_row_and_its_job() {
    let test = TestPipeline::open().await;
    test.deploy(DeploymentMode::Live).await;
    let bytes = film().bytes();
    let received = test.receive(bytes.clone()).await.expect("received");
    assert_eq!(received.outcome, ReceivedOutcome::Stored);
    let stored = test.store().instance("1.2.1.1.1").await.expect("read").expect("stored");
    assert_eq!(std::fs::read(test.store().blobs().path(&stored.blob)).expect("read"), bytes);
    assert_eq!(test.jobs_left().await, [JobKind::Route]);
}

#[tokio::test]
async fn more_than_may_be_written_at_once_wait_for_their_turn() {
    let test = TestPipeline::open_with(Limits { arrivals_max: 2, ..Limits::default() }).await;
    let films = (1..=20).map(|number| Film::new().uids("1.2.1", "1.2.1.1", &format!("1.2.1.1.{number}")).bytes());
    let received = futures_util::future::join_all(films.map(|bytes| test.receive(bytes))).await;
    assert!(received.iter().all(|one| one.as_ref().is_ok_and(|one| one.outcome == ReceivedOutcome::Stored)));
    assert_eq!(test.store().volume().await.expect("read").instances, 20);
}

#[tokio::test]
async fn a_sender_that_breaks_off_leaves_nothing() {
    let test = TestPipeline::open().await;
    let bytes = film().bytes();
    let pieces = vec![
        Ok(Bytes::copy_from_slice(&bytes[..bytes.len() / 2])),
        Err(std::io::Error::from(std::io::ErrorKind::ConnectionReset)),
    ];
    let stream = futures_util::stream::iter(pieces);
    let error = test.pipeline.receiver.receive(Source::Import, stream).await.expect_err("aborted");
    assert!(matches!(error, ReceiveError::Aborted(_)), "{error}");
    assert_eq!((test.files(), test.jobs_left().await.len()), (0, 0));
}

#[tokio::test]
async fn what_is_cut_off_or_too_large_is_refused_and_leaves_nothing() {
    let test = TestPipeline::open_with(Limits { instance_bytes_max: 4_000, ..Limits::default() }).await;
    let mut bytes = film().bytes();
    bytes.truncate(bytes.len() - 10);
    let error = test.receive(bytes).await.expect_err("truncated");
    assert!(matches!(error, ReceiveError::Refused(_)), "{error}");
    let error = test.receive(film().size(200, 200).bytes()).await.expect_err("too large");
    assert!(matches!(error, ReceiveError::TooLarge { bytes_max: 4_000 }), "{error}");
    assert_eq!(test.files(), 0);
}

#[tokio::test]
async fn nothing_is_received_while_the_disk_is_nearly_full() {
    let test = TestPipeline::open_with(Limits { disk_free_bytes_min: u64::MAX, ..Limits::default() }).await;
    let error = test.receive(film().bytes()).await.expect_err("no room");
    assert!(matches!(error, ReceiveError::DiskLow { .. }), "{error}");
    assert!(error.to_string().contains("disk_free_bytes_min"), "{error}");
    assert_eq!((test.files(), test.jobs_left().await.len()), (0, 0));
}

#[tokio::test]
async fn the_same_data_set_in_another_encoding_is_a_duplicate() {
    let test = TestPipeline::open().await;
    test.receive(film().bytes()).await.expect("received");
    let implicit = film().syntax("1.2.840.10008.1.2").bytes();
    let received = test.receive(implicit).await.expect("received");
    assert_eq!(received.outcome, ReceivedOutcome::Duplicate);
    assert_eq!(test.files(), 1);
}

#[tokio::test]
async fn another_data_set_with_the_same_uid_is_a_conflict_and_the_first_stays() {
    let test = TestPipeline::open().await;
    let first = film().bytes();
    test.receive(first.clone()).await.expect("received");
    for _ in 0..2 {
        let received = test.receive(film().patient_id("SOMEBODY ELSE").bytes()).await.expect("received");
        assert_eq!(received.outcome, ReceivedOutcome::Conflict);
    }
    let stored = test.store().instance("1.2.1.1.1").await.expect("read").expect("stored");
    assert_eq!(std::fs::read(test.store().blobs().path(&stored.blob)).expect("read"), first);
    assert_eq!(test.files(), 2, "the first, and one newcomer on the shelf");
}

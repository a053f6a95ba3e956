use crate::harness::{Instance, TestStore, described, uid};
use lightbox_domain::{
    Attribute, DeletedPart, DeletionCause, DeletionOrder, Job, JobKind, Level, OverlayScope, PatientKey, Query, Source,
    Values,
};
use lightbox_store::{Changed, NewOverlay, StoreError};

fn values(pairs: &[(&str, &str)]) -> Values {
    let mut values = Values::default();
    pairs.iter().for_each(|(keyword, value)| values.set(keyword, value).unwrap());
    values
}

fn patient(id: &str) -> OverlayScope {
    OverlayScope::Patient(PatientKey { id: id.to_owned(), issuer: "TEST".to_owned() })
}

fn study(study: &str) -> OverlayScope {
    OverlayScope::Study(uid(study))
}

async fn make(store: &TestStore, scope: OverlayScope, pairs: &[(&str, &str)]) -> Result<Changed, StoreError> {
    let (reason, made_by) = ("typing error".to_owned(), "ann".to_owned());
    let mut write = store.write().await?;
    let changed = write.make_overlay(NewOverlay { scope, values: values(pairs), reason, made_by }).await?;
    write.commit().await?;
    Ok(changed)
}

async fn undo(store: &TestStore, id: &str) -> Result<Changed, StoreError> {
    let mut write = store.write().await?;
    let changed = write.undo_overlay(id, "bob").await?;
    write.commit().await?;
    Ok(changed)
}

async fn find(store: &TestStore, keyword: &str, value: &str) -> Vec<String> {
    let mut query = Query::new(Level::Study, 10);
    query.push(Attribute::of_keyword(keyword).unwrap(), value, false).unwrap();
    let found = store.search(&query).await.unwrap();
    found.iter().map(|row| row.text("StudyInstanceUID").to_owned()).collect()
}

async fn actions(store: &TestStore) -> Vec<String> {
    let lines = store.events_of_study("1.2.1", 100).await.unwrap();
    lines.into_iter().map(|line| line.action).filter(|action| !action.starts_with("instance.")).collect()
}

fn second() -> Instance {
    Instance { study: "1.2.2", series: "1.2.2.1", sop: "1.2.2.1.1", patient_id: "P2", ..Instance::default() }
}

/// Works off the jobs that apply merges, as the pipeline does.
async fn apply(store: &TestStore) -> usize {
    let mut applied = 0;
    while let Some(claimed) = store.claim(JobKind::Correct).await.unwrap() {
        let mut write = store.write().await.unwrap();
        if let Job::Correct { study_instance_uid } = &claimed.job {
            write.apply_overlays(&uid(study_instance_uid)).await.unwrap();
            applied += 1;
        }
        write.complete(&claimed).await.unwrap();
        write.commit().await.unwrap();
    }
    applied
}

#[tokio::test]
async fn a_study_is_found_by_its_corrected_values_until_that_is_undone() {
    let store = TestStore::open().await;
    store.insert(Instance::default(), b"one").await;
    let new = [("PatientName", "Öhm^Eva=王"), ("PatientID", "P9"), ("StudyDescription", "")];
    let made = make(&store, study("1.2.1"), &new).await.unwrap();
    assert_eq!(made.studies, [uid("1.2.1")]);
    for (keyword, value) in [("PatientName", "ohm*"), ("PatientName", "王"), ("PatientID", "P9")] {
        assert_eq!(find(&store, keyword, value).await, ["1.2.1"], "{value}");
    }
    for (keyword, value) in [("PatientName", "film*"), ("PatientID", "P1"), ("StudyDescription", "Chest")] {
        assert_eq!(find(&store, keyword, value).await, [""; 0], "{value}");
    }
    // More of the study brings nothing back.
    let more = Instance { sop: "1.2.1.1.2", ..Instance::default() };
    store.insert(more, b"two").await;
    assert_eq!((apply(&store).await, find(&store, "PatientID", "P9").await.len()), (0, 1));
    let correction = store.correction("1.2.1").await.unwrap().expect("corrected");
    assert_eq!(correction.arrived.get("PatientID"), Some("P1"));
    assert_eq!(correction.values(false).get("PatientID"), Some("P9"));

    undo(&store, &made.overlay.id).await.unwrap();
    assert_eq!(find(&store, "PatientName", "film^one").await, ["1.2.1"]);
    assert_eq!(find(&store, "PatientID", "P9").await, [""; 0]);
    let correction = store.correction("1.2.1").await.unwrap().expect("was corrected");
    assert!(correction.values(false).is_empty());
    assert_eq!(
        correction.values(true).get("PatientID"),
        Some("P1"),
        "results written meanwhile say the old value again"
    );
    let history = store.overlays_of_study("1.2.1").await.unwrap();
    assert_eq!(history[0].undone_by.as_deref(), Some("bob"));
    assert_eq!(actions(&store).await, ["study.corrected", "study.correction_undone"]);
    let again = undo(&store, &made.overlay.id).await.unwrap_err();
    assert!(matches!(again, StoreError::Missing { .. }), "{again}");
}

#[tokio::test]
async fn a_merge_takes_all_studies_of_a_patient_and_those_that_arrive_later() {
    let store = TestStore::open().await;
    store.insert(Instance::default(), b"one").await;
    store.insert(second(), b"two").await;
    let other = PatientKey { id: "P2".to_owned(), issuer: "TEST".to_owned() };
    let into = store.demographics(&other).await.unwrap().expect("known");
    let pairs: Vec<(&str, &str)> = into.iter().map(|(attribute, value)| (attribute.keyword.as_str(), value)).collect();
    let merged = make(&store, patient("P1"), &pairs).await.unwrap();
    assert_eq!(merged.studies, [uid("1.2.1")]);
    assert_eq!(find(&store, "PatientID", "P2").await.len(), 2);

    // The same identifier of another issuer is another patient, and so is none that anybody merged.
    let third = Instance { study: "1.2.3", series: "1.2.3.1", sop: "1.2.3.1.1", ..Instance::default() };
    let fourth =
        Instance { study: "1.2.4", series: "1.2.4.1", sop: "1.2.4.1.1", patient_id: "P3", ..Instance::default() };
    store.insert(third, b"three").await;
    store.insert(fourth, b"four").await;
    assert_eq!(apply(&store).await, 1);
    assert_eq!(find(&store, "PatientID", "P2").await.len(), 3);
    assert_eq!(find(&store, "PatientID", "P1").await, [""; 0]);

    let undone = undo(&store, &merged.overlay.id).await.unwrap();
    assert_eq!(undone.studies, [uid("1.2.1"), uid("1.2.3")]);
    assert_eq!(find(&store, "PatientID", "P1").await.len(), 2);
    assert_eq!(find(&store, "PatientID", "P2").await, ["1.2.2"]);
}

#[tokio::test]
async fn undoing_one_of_several_leaves_the_others() {
    let store = TestStore::open().await;
    store.insert(Instance::default(), b"one").await;
    let first = make(&store, study("1.2.1"), &[("PatientID", "P2"), ("AccessionNumber", "A2")]).await.unwrap();
    make(&store, patient("P2"), &[("PatientID", "P3")]).await.unwrap();
    make(&store, study("1.2.1"), &[("AccessionNumber", "A3")]).await.unwrap();
    assert_eq!(find(&store, "PatientID", "P3").await, ["1.2.1"]);
    undo(&store, &first.overlay.id).await.unwrap();
    assert_eq!(find(&store, "PatientID", "P1").await, ["1.2.1"], "nobody merged the patient that it has now");
    assert_eq!(find(&store, "AccessionNumber", "A3").await, ["1.2.1"]);
}

#[tokio::test]
async fn with_the_purge_of_a_study_its_corrections_are_gone() {
    let store = TestStore::open().await;
    store.insert(Instance::default(), b"one").await;
    store.insert(second(), b"two").await;
    make(&store, study("1.2.1"), &[("StudyDescription", "Thorax")]).await.unwrap();
    make(&store, patient("P1"), &[("PatientID", "P2")]).await.unwrap();
    let order = DeletionOrder {
        study_instance_uid: uid("1.2.1"),
        part: DeletedPart::Study,
        cause: DeletionCause::Person,
        reason: "a test object".to_owned(),
        deleted_by: "ann".to_owned(),
        purge_ms: None,
        returns: false,
    };
    let mut write = store.write().await.unwrap();
    let deletion = write.delete(&order).await.unwrap().expect("deleted");
    assert!(write.purge(&deletion.id).await.unwrap());
    write.commit().await.unwrap();
    assert_eq!(store.overlays_of_study("1.2.1").await.unwrap(), []);
    store.insert(Instance::default(), b"one").await;
    assert_eq!(find(&store, "StudyDescription", "Thorax").await, [""; 0]);
    assert_eq!(
        (apply(&store).await, find(&store, "PatientID", "P2").await.len()),
        (1, 2),
        "the patient is still merged"
    );
}

#[tokio::test]
async fn kept_metadata_are_gathered_anew() {
    let store = TestStore::open().await;
    store.insert(Instance::default(), b"one").await;
    store.keep_metadata("1.2.1", "1.2.1.1", vec![described("1.2.1.1.1")]).await.unwrap();
    assert!(store.metadata_of_study("1.2.1").await.unwrap()[0].is_kept());
    make(&store, study("1.2.1"), &[("PatientID", "P2")]).await.unwrap();
    assert!(!store.metadata_of_study("1.2.1").await.unwrap()[0].is_kept());
    assert!(store.jobs_left(JobKind::LAST).await.unwrap() > 0);
}

#[tokio::test]
async fn an_unknown_study_is_not_corrected_and_leaves_no_trace() {
    let store = TestStore::open().await;
    let refused = make(&store, study("1.2.9"), &[("PatientID", "P2")]).await.unwrap_err();
    assert!(matches!(refused, StoreError::Missing { kind: "study", .. }), "{refused}");
    store.insert(Instance { study: "1.2.9", source: Source::Import, ..Instance::default() }, b"one").await;
    assert_eq!(apply(&store).await, 0);
}

use crate::harness::{Instance, TestStore};
use lightbox_store::{Column, Match, Search};

async fn filled() -> TestStore {
    let store = TestStore::open().await;
    let second = Instance {
        study: "1.2.2",
        series: "1.2.2.1",
        sop: "1.2.2.1.1",
        patient_name: "Müller^Jo",
        patient_id: "P2",
        study_date: "20240301",
        modality: "CT",
        ..Instance::default()
    };
    store.insert(Instance::default(), b"one").await;
    store.insert(second, b"two").await;
    store
}

async fn check(column: Column, wanted: Match, expected: &[&str]) {
    let store = filled().await;
    let search = Search { matches: vec![(column, wanted)], limit: 10, offset: 0 };
    let studies = store.search_studies(&search).await.unwrap();
    let found: Vec<_> = studies.iter().map(|study| study.attributes.study_instance_uid.as_str()).collect();
    assert_eq!(found, expected);
}

#[tokio::test]
async fn studies_are_found_by_every_kind_of_match() {
    let text = str::to_owned;
    check(Column::PatientId, Match::OneOf(vec![text("P2")]), &["1.2.2"]).await;
    check(Column::StudyInstanceUid, Match::OneOf(vec![text("1.2.1"), text("1.2.2")]), &["1.2.2", "1.2.1"]).await;
    check(Column::PatientName, Match::Wildcard(text("FILM*")), &["1.2.1"]).await;
    check(Column::PatientName, Match::Wildcard(text("M?ller*")), &["1.2.2"]).await;
    check(Column::StudyDate, Match::Range(text("20240101"), text("20240131")), &["1.2.1"]).await;
    check(Column::StudyDate, Match::Range(text("20240201"), String::new()), &["1.2.2"]).await;
    check(Column::ModalitiesInStudy, Match::OneOf(vec![text("CT")]), &["1.2.2"]).await;
    check(Column::PatientId, Match::OneOf(vec![text("' OR 1=1 --")]), &[]).await;
}

#[tokio::test]
async fn series_and_instances_are_found_and_pages_follow() {
    let store = filled().await;
    let all = |limit, offset| Search { matches: Vec::new(), limit, offset };
    assert_eq!(store.search_series(&all(10, 0)).await.unwrap().len(), 2);
    let second = store.search_instances(&all(1, 1)).await.unwrap();
    assert_eq!(second[0].sop_instance_uid.as_str(), "1.2.2.1.1");
    let by_number = Search { matches: vec![(Column::InstanceNumber, Match::Number(1))], limit: 10, offset: 0 };
    assert_eq!(store.search_instances(&by_number).await.unwrap().len(), 2);
}

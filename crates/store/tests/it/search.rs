use crate::harness::{Instance, TestStore};
use lightbox_domain::{Attribute, Level, Query, Source};
use lightbox_store::Found;

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
    let third = Instance {
        study: "1.2.3",
        series: "1.2.3.1",
        sop: "1.2.3.1.1",
        patient_name: "Wang^XiaoDong=王^小東",
        patient_id: "P_",
        study_date: "",
        ..Instance::default()
    };
    store.insert(Instance::default(), b"one").await;
    store.insert(second, b"two").await;
    store.insert(third, b"three").await;
    store
}

async fn search(store: &TestStore, level: Level, keys: &[(&str, &str)], fuzzy: bool) -> Vec<Found> {
    let mut query = Query::new(level, 10);
    for (keyword, value) in keys {
        query.push(Attribute::of_keyword(keyword).unwrap(), value, fuzzy).unwrap();
    }
    store.search(&query).await.unwrap()
}

fn studies(found: &[Found]) -> Vec<&str> {
    found.iter().map(|row| row.text("StudyInstanceUID")).collect()
}

#[tokio::test]
async fn studies_are_found_by_every_kind_of_match() {
    let store = filled().await;
    for (keyword, value, expected) in [
        ("PatientID", "P2", &["1.2.2"][..]),
        ("PatientID", "p2", &[]),
        ("PatientID", "P*", &["1.2.2", "1.2.1", "1.2.3"]),
        ("PatientID", "P?", &["1.2.2", "1.2.1", "1.2.3"]),
        ("PatientID", "P_", &["1.2.3"]),
        ("PatientID", "*_", &["1.2.3"]),
        ("PatientID", "' OR 1=1 --", &[]),
        ("StudyInstanceUID", "1.2.1,1.2.2", &["1.2.2", "1.2.1"]),
        ("PatientName", "FILM*", &["1.2.1"]),
        ("PatientName", "M?ller*", &["1.2.2"]),
        ("PatientName", "muller^jo", &["1.2.2"]),
        ("PatientName", "muller", &[]),
        ("PatientName", "*jo", &["1.2.2"]),
        ("PatientName", "Wang*", &["1.2.3"]),
        ("PatientName", "王*", &["1.2.3"]),
        ("PatientName", "Wang^XiaoDong=王^小東", &["1.2.3"]),
        ("PatientName", "Wang^XiaoDong=山^*", &[]),
        ("StudyDate", "20240101-20240131", &["1.2.1"]),
        ("StudyDate", "20240201-", &["1.2.2"]),
        ("StudyDate", "-20240201", &["1.2.1"]),
        ("StudyDate", "\"\"", &["1.2.3"]),
        ("StudyTime", "10", &["1.2.2", "1.2.1", "1.2.3"]),
        ("StudyDescription", "chest", &[]),
        ("ModalitiesInStudy", "CT", &["1.2.2"]),
        ("ModalitiesInStudy", "CT\\DX", &["1.2.2", "1.2.1", "1.2.3"]),
        ("SOPClassesInStudy", "1.2.3", &[]),
    ] {
        let found = search(&store, Level::Study, &[(keyword, value)], false).await;
        assert_eq!(studies(&found), expected, "{keyword} {value}");
    }
}

#[tokio::test]
async fn names_are_found_by_the_beginnings_of_their_words() {
    let store = filled().await;
    for (value, expected) in [("jo mül", &["1.2.2"][..]), ("小", &["1.2.3"]), ("ng", &[]), ("xiao wa", &["1.2.3"])] {
        let found = search(&store, Level::Study, &[("PatientName", value)], true).await;
        assert_eq!(studies(&found), expected, "{value}");
    }
    let found = search(&store, Level::Series, &[("OperatorsName", "eva"), ("Modality", "CT")], true).await;
    assert_eq!(studies(&found), ["1.2.2"]);
}

#[tokio::test]
async fn narrower_levels_know_what_is_above_them() {
    let store = filled().await;
    let series = search(&store, Level::Series, &[("PatientID", "P2"), ("OperatorsName", "ozil*")], false).await;
    assert_eq!((series[0].text("PatientName"), series[0].text("SeriesNumber")), ("Müller^Jo", "1"));
    let instances = search(&store, Level::Instance, &[("InstanceNumber", "1")], false).await;
    assert_eq!(instances.len(), 3);
    assert_eq!(instances[0].text("AvailableTransferSyntaxUID"), "1.2.840.10008.1.2.1");
    let page = Query { offset: 1, ..Query::new(Level::Instance, 1) };
    assert_eq!(store.search(&page).await.unwrap()[0].text("SOPInstanceUID"), "1.2.2.1.1");
}

#[tokio::test]
async fn a_patient_is_number_and_issuer_and_counts_what_is_below() {
    let store = filled().await;
    let again = Instance { study: "1.2.4", series: "1.2.4.1", sop: "1.2.4.1.1", ..Instance::default() };
    store.insert(again, b"four").await;
    let patients = search(&store, Level::Patient, &[("PatientName", "Film*")], false).await;
    assert_eq!(patients.len(), 1);
    let [studies, series, instances] =
        ["Studies", "Series", "Instances"].map(|what| patients[0].text(&format!("NumberOfPatientRelated{what}")));
    assert_eq!([patients[0].text("PatientID"), studies, series, instances], ["P1", "2", "2", "2"]);
}

#[tokio::test]
async fn a_study_counts_and_gathers_what_is_indexed() {
    let store = filled().await;
    let result = |sop, series, indexed| Instance {
        series,
        sop,
        modality: "SR",
        source: Source::Run("01J".to_owned()),
        indexed,
        ..Instance::default()
    };
    store.insert(result("1.2.1.8.1", "1.2.1.8", true), b"result").await;
    store.insert(result("1.2.1.9.1", "1.2.1.9", false), b"shadow").await;
    store.insert(Instance { sop: "1.2.1.1.2", ..Instance::default() }, b"more").await;

    let found = search(&store, Level::Study, &[("PatientID", "P1")], false).await;
    let values = ["NumberOfStudyRelatedSeries", "NumberOfStudyRelatedInstances", "ModalitiesInStudy"];
    assert_eq!(values.map(|keyword| found[0].text(keyword)), ["2", "3", "DX\\SR"]);
    let study = store.study("1.2.1").await.unwrap().expect("stored");
    assert_eq!(study.acquired_modalities, ["DX"]);
    assert_eq!(search(&store, Level::Series, &[("Modality", "SR")], false).await.len(), 1);
}

//! A store in a folder of its own, and instances with valid defaults.

use lightbox_domain::{
    Attribute, AttributeValue, Deployment, DeploymentMode, IndexEntry, InstanceAttributes, Manifest, Patient,
    PatientKey, SeriesAttributes, Source, StudyAttributes, Uid,
};
use lightbox_store::{DataFolder, FileDigest, InstanceMetadata, Intake, NewInstance, Store};
use std::collections::BTreeMap;
use std::ops::Deref;
use std::path::PathBuf;
use tempfile::TempDir;

/// The manifest of the app that [`TestStore::deploy`] puts to work.
pub const MANIFEST: &str = include_str!("../../../domain/tests/data/app.toml");

pub struct TestStore {
    pub store: Store,
    pub folder: DataFolder,
    _directory: TempDir,
}

impl TestStore {
    pub async fn open() -> Self {
        let directory = tempfile::tempdir().unwrap();
        let folder = DataFolder::open(directory.path()).unwrap();
        let store = Store::open(&folder).await.unwrap();
        Self { store, folder, _directory: directory }
    }

    /// Writes and keeps a file with these bytes and gives it a row.
    pub async fn insert(&self, instance: Instance, bytes: &[u8]) -> Intake {
        self.insert_new(self.new_instance(instance, bytes)).await
    }

    /// Puts an app to work whose release lies in this folder.
    pub async fn deploy(&self, folder: impl Into<PathBuf>) -> Deployment {
        let deployment = Deployment {
            id: "D".to_owned(),
            digest: "00".to_owned(),
            folder: folder.into(),
            manifest: Manifest::parse(MANIFEST).unwrap(),
            mode: DeploymentMode::Live,
            enabled: true,
            jurisdiction: None,
            thresholds: BTreeMap::from([("pneumonia".to_owned(), 0.7)]),
            created_ms: 1,
        };
        let mut write = self.store.write().await.unwrap();
        write.insert_deployment(&deployment, MANIFEST).await.unwrap();
        write.commit().await.unwrap();
        deployment
    }

    /// Gives it its row.
    pub async fn insert_new(&self, new: NewInstance) -> Intake {
        let store = self.store.clone();
        tokio::task::spawn_blocking(move || store.insert_instance(new)).await.unwrap().unwrap()
    }

    pub fn new_instance(&self, instance: Instance, bytes: &[u8]) -> NewInstance {
        let mut incoming = self.store.blobs().begin(1 << 20).unwrap();
        incoming.write(bytes).unwrap();
        let file = self.store.blobs().keep(incoming.finish()).unwrap();
        NewInstance {
            entry: instance.entry(),
            file_digest: FileDigest::chained(&[], &blake3::hash(bytes).to_hex()),
            data_set_digest: blake3::hash(bytes).to_hex().to_string(),
            file,
            source: instance.source,
            received_ms: 1_000,
            indexed: instance.indexed,
        }
    }
}

impl Deref for TestStore {
    type Target = Store;

    fn deref(&self) -> &Store {
        &self.store
    }
}

#[derive(Clone)]
pub struct Instance {
    pub study: &'static str,
    pub series: &'static str,
    pub sop: &'static str,
    pub patient_name: &'static str,
    pub patient_id: &'static str,
    pub study_date: &'static str,
    pub modality: &'static str,
    pub source: Source,
    pub indexed: bool,
}

impl Default for Instance {
    fn default() -> Self {
        Self {
            study: "1.2.1",
            series: "1.2.1.1",
            sop: "1.2.1.1.1",
            patient_name: "Film^One",
            patient_id: "P1",
            study_date: "20240102",
            modality: "DX",
            source: Source::Peer("CT1".to_owned()),
            indexed: true,
        }
    }
}

pub fn uid(text: &str) -> Uid {
    Uid::parse(text).unwrap()
}

impl Instance {
    fn entry(&self) -> IndexEntry {
        let text = |text: &str| text.to_owned();
        IndexEntry {
            study: StudyAttributes {
                study_instance_uid: uid(self.study),
                patient: Patient {
                    key: PatientKey { id: text(self.patient_id), issuer: text("TEST") },
                    name: text(self.patient_name),
                    ..Patient::default()
                },
                accession_number: text("A1"),
                study_date: text(self.study_date),
                study_time: text("101500"),
                study_id: text("1"),
                study_description: text("Chest"),
                referring_physician_name: text(""),
            },
            series: SeriesAttributes {
                series_instance_uid: uid(self.series),
                modality: text(self.modality),
                series_number: Some(1),
                series_description: text("PA"),
                body_part_examined: text("CHEST"),
            },
            instance: InstanceAttributes {
                sop_instance_uid: uid(self.sop),
                sop_class_uid: uid("1.2.840.10008.5.1.4.1.1.1.1"),
                transfer_syntax_uid: uid("1.2.840.10008.1.2.1"),
                instance_number: Some(1),
                rows: Some(4),
                columns: Some(4),
                frames: 1,
            },
            values: self.values(),
        }
    }

    fn values(&self) -> Vec<AttributeValue> {
        let values = [
            ("PatientName", self.patient_name),
            ("PatientID", self.patient_id),
            ("IssuerOfPatientID", "TEST"),
            ("StudyInstanceUID", self.study),
            ("StudyDate", self.study_date),
            ("StudyTime", "101500"),
            ("AccessionNumber", "A1"),
            ("StudyDescription", "Chest"),
            ("SeriesInstanceUID", self.series),
            ("Modality", self.modality),
            ("SeriesNumber", "1"),
            ("SeriesDescription", "PA"),
            ("OperatorsName", "Özil^Eva"),
            ("SOPInstanceUID", self.sop),
            ("SOPClassUID", "1.2.840.10008.5.1.4.1.1.1.1"),
            ("AvailableTransferSyntaxUID", "1.2.840.10008.1.2.1"),
            ("InstanceNumber", "1"),
        ];
        values.map(|(keyword, value)| (Attribute::of_keyword(keyword).unwrap(), value.to_owned())).to_vec()
    }
}

/// The metadata of an instance, with nothing in them.
pub fn described(sop_instance_uid: &str) -> InstanceMetadata {
    InstanceMetadata { sop_instance_uid: uid(sop_instance_uid), json: b"{}".to_vec() }
}

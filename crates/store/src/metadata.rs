//! The metadata of settled series, kept compressed: derived from the instances, so that a study is described without
//! opening its files. What is asked for again soon is read from memory; since a file is never changed, only replaced by one
//! with another key, nothing in memory is ever out of date.

use crate::batch::{Batch, Row};
use crate::{BlobKey, Store, StoreError, now_ms};
use lightbox_domain::Uid;
use quick_cache::Weighter;
use sqlx::Row as _;
use std::collections::HashMap;
use std::ops::Range;
use std::sync::Arc;

/// How hard it is compressed: zstd's own default.
const COMPRESSION_LEVEL: i32 = 3;

/// The most bytes that metadata of one series may have, uncompressed.
const METADATA_BYTES_MAX: usize = 1 << 30;

/// The most bytes of metadata that are held in memory, uncompressed.
const METADATA_IN_MEMORY_BYTES_MAX: u64 = 16 << 20;

/// About how many series that is.
const SERIES_IN_MEMORY: usize = 64;

/// What stands between two instances: no line ends within one, since JSON escapes line ends.
const BETWEEN: &[u8] = b",\n";

/// The metadata of one instance.
#[derive(Clone, Debug)]
pub struct InstanceMetadata {
    /// The instance.
    pub sop_instance_uid: Uid,
    /// Its metadata: a JSON object, without line ends.
    pub json: Vec<u8>,
}

/// The metadata of a series, as [`Store::keep_metadata`] was given them.
#[derive(Debug, Default)]
pub struct KeptMetadata {
    /// A line that lists the instances, then what [`KeptMetadata::all`] gives.
    text: Vec<u8>,
    body: usize,
    /// Where in the text an instance is described.
    places: HashMap<String, Range<usize>>,
}

impl KeptMetadata {
    fn write(instances: &[InstanceMetadata]) -> Result<Vec<u8>, serde_json::Error> {
        let uids: Vec<&str> = instances.iter().map(|one| one.sop_instance_uid.as_str()).collect();
        let mut text = serde_json::to_vec(&uids)?;
        text.push(b'\n');
        text.extend_from_slice(&instances.iter().map(|one| one.json.as_slice()).collect::<Vec<_>>().join(BETWEEN));
        Ok(text)
    }

    fn parse(text: Vec<u8>) -> Self {
        // A file of an earlier release begins with the first instance.
        let end = text.iter().position(|byte| *byte == b'\n').filter(|_| text.starts_with(b"["));
        let Some(end) = end else { return Self { text, ..Self::default() } };
        let uids: Vec<String> = serde_json::from_slice(&text[..end]).unwrap_or_default();
        let mut start = end + 1;
        let pieces = text[start..].split(|byte| *byte == b'\n').map(|line| {
            let piece = start..start + line.strip_suffix(b",").unwrap_or(line).len();
            start += line.len() + 1;
            piece
        });
        let places = uids.into_iter().zip(pieces).collect();
        Self { text, body: end + 1, places }
    }

    /// Of all instances by number, divided by commas.
    #[must_use]
    pub fn all(&self) -> &[u8] {
        &self.text[self.body..]
    }

    /// Of one instance; `None` if it is not among them.
    #[must_use]
    pub fn of_instance(&self, sop_instance_uid: &str) -> Option<&[u8]> {
        self.places.get(sop_instance_uid).map(|place| &self.text[place.clone()])
    }
}

/// Kept metadata that were read lately.
pub(crate) struct InMemory(quick_cache::sync::Cache<BlobKey, Arc<KeptMetadata>, Bytes>);

impl Default for InMemory {
    fn default() -> Self {
        Self(quick_cache::sync::Cache::with_weighter(SERIES_IN_MEMORY, METADATA_IN_MEMORY_BYTES_MAX, Bytes))
    }
}

#[derive(Clone)]
struct Bytes;

impl Weighter<BlobKey, Arc<KeptMetadata>> for Bytes {
    fn weight(&self, _: &BlobKey, metadata: &Arc<KeptMetadata>) -> u64 {
        metadata.text.len() as u64
    }
}

/// A series, and its metadata if they are kept and still tell of all its instances.
#[derive(Clone, Debug)]
pub struct SeriesMetadata {
    /// The series.
    pub series_instance_uid: Uid,
    /// The run that made it.
    pub run_id: Option<String>,
    file: Option<BlobKey>,
}

impl SeriesMetadata {
    /// The key of the file that keeps them, which is another one whenever they are gathered anew; empty when they are not
    /// kept.
    #[must_use]
    pub fn key(&self) -> &str {
        self.file.as_ref().map_or("", BlobKey::as_str)
    }

    /// Whether they are kept.
    #[must_use]
    pub fn is_kept(&self) -> bool {
        self.file.is_some()
    }
}

impl Store {
    /// The indexed series of a study by series number, each with what is kept of its metadata.
    ///
    /// # Errors
    /// When the database refuses.
    pub async fn metadata_of_study(&self, study_instance_uid: &str) -> Result<Vec<SeriesMetadata>, StoreError> {
        let mut batch = select_metadata(study_instance_uid);
        batch.push(" ORDER BY series.series_number, series.series_instance_uid");
        self.read(batch).await?.iter().map(metadata_of_row).collect()
    }

    /// One series of a study with what is kept of its metadata; `None` without an indexed instance.
    ///
    /// # Errors
    /// When the database refuses.
    pub async fn metadata_of_series(
        &self,
        study_instance_uid: &str,
        series_instance_uid: &str,
    ) -> Result<Option<SeriesMetadata>, StoreError> {
        let mut batch = select_metadata(study_instance_uid);
        batch.push(" AND series.series_instance_uid = ").bind(series_instance_uid);
        self.read_by_key(batch).await?.first().map(metadata_of_row).transpose()
    }

    /// What is kept of the metadata of a series if it is in memory; [`Store::read_metadata`] brings it there.
    #[must_use]
    pub fn metadata_in_memory(&self, series: &SeriesMetadata) -> Option<Arc<KeptMetadata>> {
        self.shared.metadata_in_memory.0.get(series.file.as_ref()?)
    }

    /// What is kept of the metadata of a series. Blocks.
    ///
    /// # Errors
    /// When nothing is kept or it cannot be read; the instances' files then say the same.
    pub fn read_metadata(&self, series: &SeriesMetadata) -> Result<Arc<KeptMetadata>, StoreError> {
        let missing = || StoreError::Missing { kind: "metadata of series", id: series.series_instance_uid.to_string() };
        let key = series.file.as_ref().ok_or_else(missing)?;
        let read = || {
            let path = self.shared.metadata.path(key);
            let compressed = std::fs::read(&path).map_err(StoreError::file("read", &path))?;
            let length = zstd::bulk::Decompressor::upper_bound(&compressed).unwrap_or(METADATA_BYTES_MAX);
            let text = zstd::bulk::decompress(&compressed, length.min(METADATA_BYTES_MAX));
            Ok(Arc::new(KeptMetadata::parse(text.map_err(StoreError::file("read", &path))?)))
        };
        self.shared.metadata_in_memory.0.get_or_insert_with(key, read)
    }

    /// Keeps the metadata of the instances of a series, by number, in place of what was kept of it.
    ///
    /// # Errors
    /// When the database or the disk refuses.
    pub async fn keep_metadata(
        &self,
        study_instance_uid: &str,
        series_instance_uid: &str,
        instances: Vec<InstanceMetadata>,
    ) -> Result<(), StoreError> {
        let files = self.shared.metadata.clone();
        let count = i64::try_from(instances.len()).unwrap_or(i64::MAX);
        let write = move || {
            let text = KeptMetadata::write(&instances).map_err(|error| StoreError::Unwritten(error.to_string()))?;
            let compressed = zstd::bulk::compress(&text, COMPRESSION_LEVEL)
                .map_err(|error| StoreError::Unwritten(error.to_string()))?;
            let mut file = files.begin(u64::MAX)?;
            file.write(&compressed)?;
            files.keep(file.finish())
        };
        let kept = tokio::task::spawn_blocking(write)
            .await
            .unwrap_or_else(|error| Err(StoreError::Unwritten(error.to_string())))?;
        let mut write = self.write().await?;
        let before = sqlx::query(
            "SELECT blob_key FROM series_metadata WHERE study_instance_uid = $1 AND series_instance_uid = $2",
        )
        .bind(study_instance_uid)
        .bind(series_instance_uid)
        .fetch_optional(&mut *write.transaction)
        .await?;
        sqlx::query(
            "INSERT INTO series_metadata
                 (study_instance_uid, series_instance_uid, blob_key, size_bytes, instances, gathered_ms)
             VALUES ($1, $2, $3, $4, $5, $6)
             ON CONFLICT (study_instance_uid, series_instance_uid) DO UPDATE SET
                 blob_key = excluded.blob_key, size_bytes = excluded.size_bytes, instances = excluded.instances,
                 gathered_ms = excluded.gathered_ms",
        )
        .bind(study_instance_uid)
        .bind(series_instance_uid)
        .bind(kept.key.as_str())
        .bind(i64::try_from(kept.size_bytes).unwrap_or(i64::MAX))
        .bind(count)
        .bind(now_ms())
        .execute(&mut *write.transaction)
        .await?;
        write.commit().await?;
        match before {
            // Whoever reads it just now falls back on the instances.
            Some(row) => self.shared.metadata.remove(&BlobKey::of_row(row.try_get("blob_key")?)),
            None => Ok(()),
        }
    }

    /// Removes files of metadata that a crash left without a row.
    pub(crate) async fn sweep_metadata(&self) -> Result<(), StoreError> {
        /// A file without a row is at most so much older than the newest row, in milliseconds.
        const GATHERING_MS_MAX: i64 = 3_600 * 1_000;
        let row = sqlx::query("SELECT COALESCE(MAX(gathered_ms), 0) AS newest_ms FROM series_metadata")
            .fetch_one(self.readers())
            .await?;
        for key in self.shared.metadata.keys_since(row.try_get::<i64, _>("newest_ms")? - GATHERING_MS_MAX)? {
            let row = sqlx::query("SELECT COUNT(*) AS files FROM series_metadata WHERE blob_key = $1")
                .bind(key.as_str())
                .fetch_one(self.readers())
                .await?;
            if row.try_get::<i64, _>("files")? == 0 {
                self.shared.metadata.remove(&key)?;
            }
        }
        Ok(())
    }
}

/// What [`metadata_of_row`] reads, of the indexed series of a study.
fn select_metadata(study_instance_uid: &str) -> Batch {
    let mut batch = Batch::default();
    batch
        .statement(
            "SELECT series.series_instance_uid, series.run_id, series_metadata.blob_key
             FROM series LEFT JOIN series_metadata
                 ON series_metadata.study_instance_uid = series.study_instance_uid
                AND series_metadata.series_instance_uid = series.series_instance_uid
                AND series_metadata.instances = series.number_of_series_related_instances
             WHERE series.number_of_series_related_instances > 0 AND series.study_instance_uid = ",
        )
        .bind(study_instance_uid);
    batch
}

fn metadata_of_row(row: &Row) -> Result<SeriesMetadata, StoreError> {
    Ok(SeriesMetadata {
        series_instance_uid: row.uid(0)?,
        run_id: row.optional_text(1),
        file: row.optional_text(2).map(BlobKey::of_row),
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn each_instance_is_found_in_what_is_kept_of_its_series() {
        let instance = |uid: &str, json: &str| InstanceMetadata {
            sop_instance_uid: Uid::parse(uid).unwrap(),
            json: json.as_bytes().to_vec(),
        };
        let instances =
            [instance("1.2.1", r#"{"a":"x,\n{"}"#), instance("1.2.2", "{}"), instance("1.2.3", r#"{"c":1}"#)];
        let kept = KeptMetadata::parse(KeptMetadata::write(&instances).unwrap());
        for one in &instances {
            assert_eq!(kept.of_instance(one.sop_instance_uid.as_str()), Some(one.json.as_slice()));
        }
        assert_eq!(kept.of_instance("1.2"), None);
        assert_eq!(String::from_utf8_lossy(kept.all()), "{\"a\":\"x,\\n{\"},\n{},\n{\"c\":1}");
    }

    #[test]
    fn what_an_earlier_release_kept_is_given_whole() {
        let kept = KeptMetadata::parse(b"{\"a\":1},{}".to_vec());
        assert_eq!(kept.all(), b"{\"a\":1},{}");
        assert_eq!(kept.of_instance("1.2"), None);
    }

    #[test]
    fn a_list_without_its_instances_gives_nothing_wrong() {
        let kept = KeptMetadata::parse(b"[\"1.2\",\"1.3\"]\n{}".to_vec());
        assert_eq!(kept.of_instance("1.2"), Some(b"{}".as_slice()));
        assert_eq!(kept.of_instance("1.3"), None);
    }
}

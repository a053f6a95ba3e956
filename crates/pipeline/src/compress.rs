//! Keeps the images of a series compressed without loss, in place of the files that arrived.
//!
//! A smaller file counts only once it has been read back and given, byte for byte, the data set that arrived; the row that
//! names it is changed in one transaction, and the old file goes a while later, never while a backup copies it. So at any
//! moment one of the two counts, and what a crash leaves of the other is swept.

use crate::deletion::forget_files;
use crate::{JobError, Pipeline, blocking};
use lightbox_dicom::{DatasetHasher, Hashed, TranscodeError, transcode, transfer_syntax};
use lightbox_domain::{Event, Job, Limits, Uid};
use lightbox_store::{Blobs, FileDigest, Incoming, SmallerFile, Store, StoreError, StoredInstance, now_ms};
use metrics::counter;
use std::fs::File;
use std::io::{self, Read, Write};
use std::path::Path;
use std::sync::Arc;

/// What images are compressed to, the smallest first: JPEG-LS lossless, and RLE lossless for what that does not take.
const TARGETS: [&str; 2] = ["1.2.840.10008.1.2.4.80", "1.2.840.10008.1.2.5"];

/// A file that is not smaller by so much is not worth it, in percent.
const SAVED_PERCENT_MIN: u64 = 10;

/// How many instances are compressed before their rows change together and other jobs have a turn.
const INSTANCES_AT_ONCE: i64 = 200;

/// With so many bytes read, other jobs have a turn even earlier.
const BYTES_AT_ONCE: i64 = 256 << 20;

/// How long it waits for room on the disk, in milliseconds.
const ROOM_WAIT_MS: i64 = 3_600 * 1_000;

/// How much is read at once, in bytes.
const PIECE_BYTES: usize = 256 * 1024;

/// What came of an instance.
enum Outcome {
    /// It has a smaller file.
    Smaller(SmallerFile),
    /// It stays as it arrived, for this reason.
    AsItIs(String),
}

/// Compresses some instances of a series, and orders itself again until none is left. While work is due on the study, it
/// does nothing: the rule that ordered it will again.
///
/// # Errors
/// When the database or the disk refuses.
pub async fn compress(pipeline: &Pipeline, study: &str, series: &str) -> Result<(), JobError> {
    let (store, limits) = (&pipeline.store, Arc::clone(&pipeline.limits));
    forget_files(store).await;
    let mut write = store.write().await?;
    if write.work_due(study).await?.is_some() {
        return Ok(());
    }
    drop(write);
    let instances = some_of(store.uncompressed(study, series, INSTANCES_AT_ONCE).await?);
    if instances.is_empty() {
        return Ok(());
    }
    let bytes = instances.iter().map(|instance| instance.size_bytes).sum::<i64>();
    let needed_bytes = limits.disk_free_bytes_min.saturating_add(u64::try_from(bytes).unwrap_or(0));
    if store.blobs().free_bytes()? < needed_bytes {
        tracing::warn!(needed_bytes, "there is no room on the disk to compress a series; it waits");
        return order(store, study, series, ROOM_WAIT_MS).await;
    }
    let blobs = store.blobs().clone();
    let tried = blocking(move || try_all(&blobs, instances, &limits)).await??;
    keep(store, study, series, tried).await
}

/// As many as are compressed before other jobs have a turn, and at least one.
fn some_of(mut instances: Vec<StoredInstance>) -> Vec<StoredInstance> {
    let mut bytes = 0;
    let enough = instances.iter().position(|instance| {
        bytes += instance.size_bytes;
        bytes >= BYTES_AT_ONCE
    });
    instances.truncate(enough.map_or(instances.len(), |last| last + 1));
    instances
}

async fn order(store: &Store, study: &str, series: &str, wait_ms: i64) -> Result<(), JobError> {
    let mut write = store.write().await?;
    write.enqueue(&job_of(study, series), now_ms() + wait_ms).await?;
    Ok(write.commit().await?)
}

fn job_of(study: &str, series: &str) -> Job {
    Job::Compress { study_instance_uid: study.to_owned(), series_instance_uid: series.to_owned() }
}

type Tried = Vec<(StoredInstance, Outcome)>;

/// Changes the rows of what was tried, unless work became due meanwhile.
async fn keep(store: &Store, study: &str, series: &str, tried: Tried) -> Result<(), JobError> {
    let mut write = store.write().await?;
    let is_busy = write.work_due(study).await?.is_some();
    let (mut compressed, mut bytes_before, mut bytes_after, mut useless) = (0_u64, 0, 0, Vec::new());
    for (instance, outcome) in &tried {
        match outcome {
            Outcome::AsItIs(why) => write.leave_uncompressed(instance, why).await?,
            Outcome::Smaller(smaller) if !is_busy && write.compress(instance, smaller).await? => {
                compressed += 1;
                bytes_before += u64::try_from(instance.size_bytes).unwrap_or(0);
                bytes_after += smaller.file.size_bytes;
            }
            Outcome::Smaller(smaller) => useless.push(smaller.file.key.clone()),
        }
    }
    if compressed > 0 {
        write.gather_compressed(study, series).await?;
        let detail = serde_json::json!({
            "instances": compressed, "bytes_before": bytes_before, "bytes_after": bytes_after,
        });
        let event = Event::new("lifecycle", "instances.compressed", "series", series).detail(detail.to_string());
        write.append_event(event.study(study)).await?;
    }
    if !is_busy {
        write.enqueue(&job_of(study, series), now_ms()).await?;
    }
    write.commit().await?;
    counter!("lightbox_compressed_instances_total").increment(compressed);
    counter!("lightbox_compressed_bytes_total", "when" => "before").increment(bytes_before);
    counter!("lightbox_compressed_bytes_total", "when" => "after").increment(bytes_after);
    let blobs = store.blobs().clone();
    Ok(blocking(move || useless.iter().try_for_each(|key| blobs.remove(key))).await??)
}

fn try_all(blobs: &Blobs, instances: Vec<StoredInstance>, limits: &Limits) -> Result<Tried, StoreError> {
    let tried = instances.into_iter().map(|instance| {
        let outcome = try_one(blobs, &instance, limits)?;
        Ok((instance, outcome))
    });
    tried.collect()
}

/// Writes a smaller file of an instance, if there is one from which what arrived can be given back.
fn try_one(blobs: &Blobs, instance: &StoredInstance, limits: &Limits) -> Result<Outcome, StoreError> {
    if let Err(problem) = blobs.check(&instance.blob, &instance.file_digest) {
        tracing::error!(problem, "an instance is not compressed, since its file is damaged");
        return Ok(Outcome::AsItIs("its file is damaged".to_owned()));
    }
    let mut why = String::new();
    for target in TARGETS {
        match write_smaller(blobs, instance, target, limits) {
            Ok(smaller) => return Ok(Outcome::Smaller(smaller)),
            Err(Failure::Store(error)) => return Err(error),
            Err(Failure::Unfit(reason)) => {
                let name = transfer_syntax(target).map_or(target, |syntax| &syntax.name);
                why += &format!("{}{name}: {reason}", if why.is_empty() { "" } else { "; " });
            }
        }
    }
    Ok(Outcome::AsItIs(why))
}

/// Why there is no smaller file.
enum Failure {
    /// There can be none, or none that is worth it.
    Unfit(String),
    /// The disk refuses.
    Store(StoreError),
}

impl From<TranscodeError> for Failure {
    fn from(error: TranscodeError) -> Self {
        Self::Unfit(error.to_string())
    }
}

impl From<StoreError> for Failure {
    fn from(error: StoreError) -> Self {
        Self::Store(error)
    }
}

fn write_smaller(
    blobs: &Blobs,
    instance: &StoredInstance,
    target: &str,
    limits: &Limits,
) -> Result<SmallerFile, Failure> {
    let path = blobs.path(&instance.blob);
    let transfer_syntax_uid = Uid::parse(target).map_err(|why| Failure::Unfit(why.to_string()))?;
    let smaller = transcode(&path, target, limits)?;
    let bytes = u64::try_from(instance.size_bytes).unwrap_or(0);
    let incoming = blobs.begin(bytes - bytes * SAVED_PERCENT_MIN / 100)?;
    let mut out = Smaller { incoming, hasher: DatasetHasher::new(), refused: None };
    let written = smaller.write_kept_file(&mut out);
    match out.refused {
        Some(StoreError::TooLarge { .. }) => {
            return Err(Failure::Unfit(format!("it is not {SAVED_PERCENT_MIN} percent smaller")));
        }
        Some(error) => return Err(error.into()),
        None => written?,
    }
    let written = out.incoming.finish();
    let mut rebuilt = Hashing(DatasetHasher::new());
    transcode(written.path(), instance.transfer_syntax_uid.as_str(), limits)?.write_file(&mut rebuilt)?;
    if rebuilt.0.finish().data_set_digest != data_set_digest(&path)? {
        return Err(Failure::Unfit("what arrived could not be given back byte for byte".to_owned()));
    }
    let Hashed { data_set_digest, head } = out.hasher.finish();
    let file_digest = FileDigest::chained(&head, &data_set_digest);
    Ok(SmallerFile { file: blobs.keep(written)?, file_digest, transfer_syntax_uid })
}

/// The digest of a file's data set.
fn data_set_digest(path: &Path) -> Result<String, TranscodeError> {
    let (mut file, mut piece, mut hasher) = (File::open(path)?, vec![0; PIECE_BYTES], DatasetHasher::new());
    loop {
        match file.read(&mut piece)? {
            0 => return Ok(hasher.finish().data_set_digest),
            count => hasher.update(&piece[..count]),
        }
    }
}

/// A smaller file on its way to the disk, with its digest.
struct Smaller {
    incoming: Incoming,
    hasher: DatasetHasher,
    /// Why the disk takes no more.
    refused: Option<StoreError>,
}

impl Write for Smaller {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        if let Err(error) = self.incoming.write(bytes) {
            self.refused = Some(error);
            return Err(io::ErrorKind::Other.into());
        }
        self.hasher.update(bytes);
        Ok(bytes.len())
    }

    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
}

/// Only hashes what is written.
struct Hashing(DatasetHasher);

impl Write for Hashing {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        self.0.update(bytes);
        Ok(bytes.len())
    }

    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
}

//! A study as a zip archive, written as its files are read, so that it never lies in memory or on the disk as a whole.
//!
//! A file is named by the numbers of its series and instance, never by the patient; two that share a number are told apart.
//! Files are as they leave by every other door, uncompressed: most images are compressed already, or are too large to wait for.

use crate::Leaving;
use crate::outbound::{PIECES_WAITING_MAX, Pieces, stream_of};
use bytes::Bytes;
use futures_util::Stream;
use lightbox_domain::{Actor, Event, Uid};
use lightbox_store::{Store, StoreError, StoredInstance};
use std::collections::HashMap;
use std::io::{self, BufWriter, Seek, SeekFrom, Write};
use tokio::sync::mpsc;
use zip::ZipWriter;
use zip::write::SimpleFileOptions;

/// How much is gathered before it is handed on, in bytes.
const PIECE_BYTES: usize = 256 * 1024;

/// Tells the log that a study is taken along, before anything leaves: a line that comes late may never come.
///
/// # Errors
/// When the database refuses; nothing should leave then.
pub async fn log_export(store: &Store, study: &Uid, instances: usize, actor: &Actor) -> Result<(), StoreError> {
    let detail = serde_json::json!({ "instances": instances }).to_string();
    let event = Event::new(&actor.name, "study.exported", "study", study.as_str()).detail(detail);
    let mut write = store.write().await?;
    write.append_event(event.study(study.as_str())).await?;
    write.commit().await
}

/// Writes the instances of a study, in the order of their series, into an archive.
///
/// # Errors
/// When a file cannot be read or the archive cannot be written; what was written is then no archive.
pub fn write_zip(leaving: &Leaving, instances: &[StoredInstance], out: impl Write) -> io::Result<()> {
    let mut archive = ZipWriter::new_stream(BufWriter::with_capacity(PIECE_BYTES, out));
    for (instance, name) in instances.iter().zip(names(instances)) {
        let mut object = leaving.file(instance).open().map_err(io::Error::other)?;
        let is_large = u32::try_from(object.seek(SeekFrom::End(0))?).is_err();
        object.rewind()?;
        archive.start_file(name, SimpleFileOptions::default().large_file(is_large))?;
        io::copy(&mut object, &mut archive)?;
    }
    archive.finish()?.into_inner().flush()
}

/// The same, as a stream of the archive's bytes.
pub fn zip_stream(
    leaving: Leaving,
    instances: Vec<StoredInstance>,
) -> impl Stream<Item = io::Result<Bytes>> + Send + Unpin + 'static {
    let (pieces, waiting) = mpsc::channel(PIECES_WAITING_MAX);
    tokio::task::spawn_blocking(move || {
        if let Err(error) = write_zip(&leaving, &instances, Pieces(pieces.clone())) {
            // Whoever reads must not take what came so far for the whole.
            let _ = pieces.blocking_send(Err(error));
        }
    });
    stream_of(waiting)
}

/// `01/0007.dcm`: the place of the series in the study, and the instance's number, 0 where it has none.
fn names(instances: &[StoredInstance]) -> Vec<String> {
    let (mut series, mut taken) = (Vec::new(), HashMap::new());
    let name = |instance: &StoredInstance| {
        let uid = &instance.series_instance_uid;
        let place = series.iter().position(|known| known == uid).unwrap_or_else(|| {
            series.push(uid.clone());
            series.len() - 1
        });
        let number = instance.instance_number.filter(|number| *number >= 0).unwrap_or(0);
        let again: &mut u32 = taken.entry((place, number)).or_default();
        *again += 1;
        match again {
            1 => format!("{:02}/{number:04}.dcm", place + 1),
            again => format!("{:02}/{number:04}-{again}.dcm", place + 1),
        }
    };
    instances.iter().map(name).collect()
}

//! A study as a zip archive, written as its files are read, so that it never lies in memory or on the disk as a whole.
//!
//! It is a File-set (PS3.10 §8): a viewer or an importer finds by `DICOMDIR` what is in it, as on a disc. A file is named by
//! the places of its series and of itself, never by the patient. Files are as they leave by every other door; the archive
//! compresses nothing: most images are compressed already, or are too large to wait for.

use crate::Leaving;
use crate::outbound::{PIECES_WAITING_MAX, Pieces, stream_of};
use bytes::Bytes;
use futures_util::Stream;
use lightbox_dicom::{FileSet, Header, derived_uid};
use lightbox_domain::{Actor, Event, Uid};
use lightbox_store::{Store, StoreError, StoredInstance};
use std::io::{self, BufWriter, Seek, SeekFrom, Write};
use tokio::sync::mpsc;
use zip::ZipWriter;
use zip::write::SimpleFileOptions;

/// The folder of the one study.
const STUDY_FOLDER: &str = "ST000001";

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

/// What a person reads who opens the archive.
const README: &str = "This archive holds a study as DICOM files.\r\n\r\n\
    A DICOM viewer opens the folder, or the file DICOMDIR, which lists all files.\r\n\
    DICOM\\ST000001 is the study, SE000001 its first series, IM000001 that series' first instance.\r\n";

/// The most series and instances of a series that have a name of eight characters each.
const PLACES_MAX: usize = 999_999;

/// Writes the instances of a study, in the order of their series, into an archive.
///
/// # Errors
/// When a file cannot be read or the archive cannot be written; what was written is then no archive.
pub fn write_zip(leaving: &Leaving, instances: &[StoredInstance], out: impl Write) -> io::Result<()> {
    let mut archive = ZipWriter::new_stream(BufWriter::with_capacity(PIECE_BYTES, out));
    let mut file_set = FileSet::default();
    for (instance, [series, name]) in instances.iter().zip(names(instances)?) {
        let file_id = ["DICOM", STUDY_FOLDER, &series, &name];
        let file = leaving.file(instance);
        let header = Header::read(&file).map_err(io::Error::other)?;
        file_set.add(&header, &file_id).map_err(io::Error::other)?;
        let mut object = file.open().map_err(io::Error::other)?;
        let is_large = u32::try_from(object.seek(SeekFrom::End(0))?).is_err();
        object.rewind()?;
        archive.start_file(file_id.join("/"), SimpleFileOptions::default().large_file(is_large))?;
        io::copy(&mut object, &mut archive)?;
    }
    let id = instances.first().map_or("", |instance| instance.study_instance_uid.as_str());
    let directory = file_set.write(&derived_uid(id, "file-set")).map_err(io::Error::other)?;
    for (name, bytes) in [("DICOMDIR", directory.as_slice()), ("README.TXT", README.as_bytes())] {
        archive.start_file(name, SimpleFileOptions::default())?;
        archive.write_all(bytes)?;
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

/// The folder of each instance's series, and its file: their places, such as `SE000001` and `IM000007`.
fn names(instances: &[StoredInstance]) -> io::Result<Vec<[String; 2]>> {
    let (mut series, mut counts): (Vec<&Uid>, Vec<usize>) = Default::default();
    let mut names = Vec::with_capacity(instances.len());
    for instance in instances {
        let uid = &instance.series_instance_uid;
        let place = series.iter().position(|known| *known == uid).unwrap_or(series.len());
        if place == series.len() {
            series.push(uid);
            counts.push(0);
        }
        counts[place] += 1;
        if place >= PLACES_MAX || counts[place] > PLACES_MAX {
            return Err(io::Error::other(format!("it has more than {PLACES_MAX} series, or instances of one")));
        }
        names.push([format!("SE{:06}", place + 1), format!("IM{:06}", counts[place])]);
    }
    Ok(names)
}

//! A copy of everything, made while the server works: the database as it was at one moment, and the files that it names.
//!
//! ```text
//! manifest.json            written last: what belongs to the backup, and the digest of each part
//! lightbox-<id>.db         the database at one moment; it holds the digest of every stored file
//! blobs/01kan/x3/          the files; they never change, so that a later backup adds only what is new
//! releases/, lightbox.toml the releases at work, and the settings
//! ```
//!
//! The metadata of settled series are not copied: they are made anew from the instances.

use crate::blobs::{create_folder, sync_folder};
use crate::digest::{hash_file, hexadecimal, read_checked};
use crate::folder::sqlite_url;
use crate::instances::files_after;
use crate::{BlobKey, Blobs, DataFolder, FileDigest, Store, StoreError, new_id, now_ms};
use lightbox_domain::Event;
use serde::{Deserialize, Serialize};
use sha2::{Digest, Sha256};
use sqlx::any::AnyPoolOptions;
use sqlx::{AnyPool, Row};
use std::fs::{self, File};
use std::io::{self, Write as _};
use std::path::{Path, PathBuf};

/// The form of the backups that this release writes and reads.
pub(crate) const FORMAT: u32 = 1;

/// The name of the manifest in a backup's folder.
pub(crate) const MANIFEST: &str = "manifest.json";

/// How many files are copied before progress is told.
pub(crate) const FILES_AT_ONCE: i64 = 200;

/// How the bytes of instances come into the backup.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum BackupBy {
    /// Copied and compared with their digests.
    Copy,
    /// Linked: at once and without room of its own, but on the same disk; copied where that cannot be done.
    Link,
}

/// A file of a backup.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct BackupFile {
    /// Its path in the backup's folder.
    pub path: String,
    /// Its size in bytes.
    pub size_bytes: u64,
    /// SHA-256 of its bytes, hexadecimal.
    pub sha256: String,
}

/// What a backup says of itself.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct BackupManifest {
    /// The form of the backup.
    pub format: u32,
    /// When the database was copied, in milliseconds since 1970.
    pub taken_ms: i64,
    /// The database, which holds the digest of each stored file.
    pub database: BackupFile,
    /// Releases and settings.
    pub others: Vec<BackupFile>,
    /// How many files are stored, the conflict shelf included.
    pub files: i64,
    /// Their bytes.
    pub bytes: i64,
    /// The last line of the log.
    pub log_seq: i64,
    /// That line's hash, which covers all lines before.
    pub log_hash: String,
    /// Stored files that could not be copied, or are not what was stored.
    pub problems: Vec<String>,
}

/// What a backup did.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct BackedUp {
    /// What lies in the folder now.
    pub manifest: BackupManifest,
    /// SHA-256 of the manifest; whoever knows it knows that nothing was exchanged.
    pub manifest_sha256: String,
    /// Files that were not there from a backup before.
    pub files_added: i64,
}

/// Told from time to time how many of how many files are done.
pub type Progress<'a> = &'a (dyn Fn(i64, i64) + Send + Sync);

impl Store {
    /// Copies everything into a folder while the server works. What an earlier backup copied there stays and is not
    /// copied again. A crash leaves the earlier backup whole. Nothing is purged meanwhile.
    ///
    /// # Errors
    /// When the database, the disk or the folder refuses. A stored file that is missing or not what was stored is no
    /// error: the manifest names it, and the others are copied.
    pub async fn back_up(&self, to: &Path, by: BackupBy, progress: Progress<'_>) -> Result<BackedUp, StoreError> {
        fs::create_dir_all(to.join("blobs")).map_err(StoreError::file("create the folder", to))?;
        let _nothing_is_purged = self.folder().lock_against_purges()?;
        let taken_ms = now_ms();
        let database = self.copy_database(to).await?;
        let copy = DatabaseCopy::open(&to.join(&database.path)).await?;
        let mut manifest = copy.manifest(taken_ms, database).await?;
        let files_added = copy.add_files(self.blobs(), to, by, &mut manifest, progress).await?;
        copy.pool.close().await;
        manifest.others = copy_others(self.folder(), to)?;
        let manifest_sha256 = write_manifest(to, &manifest)?;
        remove_older_databases(to, &manifest.database.path)?;
        self.note_backup(&manifest, &manifest_sha256).await?;
        Ok(BackedUp { manifest, manifest_sha256, files_added })
    }

    /// Writes the database as it is now into a file of its own. Others go on reading and writing.
    async fn copy_database(&self, to: &Path) -> Result<BackupFile, StoreError> {
        let name = format!("lightbox-{}.db", new_id());
        let path = to.join(&name);
        sqlx::query("VACUUM INTO $1").bind(path.to_string_lossy().into_owned()).execute(self.readers()).await?;
        let sync = || File::open(&path)?.sync_all();
        sync().map_err(StoreError::file("sync", &path))?;
        describe(to, &name)
    }

    async fn note_backup(&self, manifest: &BackupManifest, manifest_sha256: &str) -> Result<(), StoreError> {
        let detail = serde_json::json!({
            "files": manifest.files, "bytes": manifest.bytes, "log_seq": manifest.log_seq,
            "manifest_sha256": manifest_sha256,
        });
        let outcome = match manifest.problems.len() {
            0 => "ok".to_owned(),
            count => format!("{count} stored files could not be copied"),
        };
        let event = Event::new("command-line", "backup.taken", "backup", &manifest.database.path);
        let mut write = self.write().await?;
        write.append_event(event.outcome(&outcome).detail(detail.to_string())).await?;
        write.commit().await
    }
}

/// A database in a backup, which is only read.
pub(crate) struct DatabaseCopy {
    pub(crate) pool: AnyPool,
}

impl DatabaseCopy {
    pub(crate) async fn open(path: &Path) -> Result<Self, StoreError> {
        sqlx::any::install_default_drivers();
        Ok(Self { pool: AnyPoolOptions::new().max_connections(1).connect(&sqlite_url(path, "ro")).await? })
    }

    async fn manifest(&self, taken_ms: i64, database: BackupFile) -> Result<BackupManifest, StoreError> {
        let row = sqlx::query(
            "SELECT seq, hash,
                 (SELECT COUNT(*) FROM instances) + (SELECT COUNT(*) FROM conflicts) AS files,
                 (SELECT CAST(COALESCE(SUM(size_bytes), 0) AS BIGINT) FROM instances)
                     + (SELECT CAST(COALESCE(SUM(size_bytes), 0) AS BIGINT) FROM conflicts) AS bytes
             FROM event_head WHERE one = 1",
        )
        .fetch_one(&self.pool)
        .await?;
        Ok(BackupManifest {
            format: FORMAT,
            taken_ms,
            database,
            others: Vec::new(),
            files: row.try_get("files")?,
            bytes: row.try_get("bytes")?,
            log_seq: row.try_get("seq")?,
            log_hash: row.try_get("hash")?,
            problems: Vec::new(),
        })
    }

    /// Adds the stored files that the backup has not got yet; gives how many.
    async fn add_files(
        &self,
        blobs: &Blobs,
        to: &Path,
        by: BackupBy,
        manifest: &mut BackupManifest,
        progress: Progress<'_>,
    ) -> Result<i64, StoreError> {
        let (mut after, mut done, mut added) = (String::new(), 0, 0);
        loop {
            let page = files_after(&self.pool, &after, FILES_AT_ONCE).await?;
            let Some((last, ..)) = page.last() else { return Ok(added) };
            last.as_str().clone_into(&mut after);
            done += i64::try_from(page.len()).unwrap_or(0);
            let (from, to) = (blobs.clone(), blobs.elsewhere(&to.join("blobs")));
            let add = move || -> Vec<_> { page.iter().map(|file| add_file(&from, &to, by, file)).collect() };
            for outcome in tokio::task::spawn_blocking(add).await.map_err(broken)? {
                match outcome {
                    Ok(is_new) => added += i64::from(is_new),
                    Err(problem) => manifest.problems.push(problem),
                }
            }
            progress(done, manifest.files);
        }
    }
}

type StoredFile = (BlobKey, i64, FileDigest);

/// Whether the file was added; what is wrong with it, in one line.
fn add_file(from: &Blobs, to: &Blobs, by: BackupBy, (key, size_bytes, digest): &StoredFile) -> Result<bool, String> {
    let (source, place) = (from.path(key), to.path(key));
    if fs::metadata(&place).is_ok_and(|found| i64::try_from(found.len()).is_ok_and(|size| size == *size_bytes)) {
        return Ok(false);
    }
    create_folder(place.parent().unwrap_or(&place), to.folder()).map_err(|error| error.to_string())?;
    if by == BackupBy::Link && fs::hard_link(&source, &place).is_ok() {
        return Ok(true);
    }
    copy_checked(&source, &place, digest).map(|()| true)
}

/// Copies a file, durably and only if its bytes are those of the digest; else says in one line what is wrong.
pub(crate) fn copy_checked(from: &Path, to: &Path, digest: &FileDigest) -> Result<(), String> {
    let part = to.with_extension("part");
    let copy = || {
        let mut file = File::create(&part)?;
        let right = read_checked(from, digest, |piece| file.write_all(piece))?;
        file.sync_data().map(|()| right)
    };
    let copied = copy().map_err(|error: io::Error| format!("{}: {error}", from.display()));
    let outcome = match copied {
        Ok(true) => {
            fs::rename(&part, to).map_err(|error| format!("{}: cannot be moved into place: {error}", to.display()))
        }
        Ok(false) => Err(format!("{}: its bytes are not those that were stored", from.display())),
        Err(problem) => Err(problem),
    };
    if outcome.is_err() {
        // There may be none; what stays is overwritten by the next attempt.
        let _ = fs::remove_file(&part);
    }
    outcome
}

/// Copies the settings and every release; they are few.
fn copy_others(folder: &DataFolder, to: &Path) -> Result<Vec<BackupFile>, StoreError> {
    let mut names = vec!["lightbox.toml".to_owned()];
    let releases = folder.root().join("releases");
    for release in names_in(&releases)? {
        // One that is still being copied has a name of its own.
        if !release.contains('.') {
            let files = names_in(&releases.join(&release))?;
            names.extend(files.into_iter().map(|file| format!("releases/{release}/{file}")));
        }
    }
    names.retain(|name| folder.root().join(name).is_file());
    names.iter().map(|name| copy_other(folder.root(), to, name)).collect()
}

fn copy_other(from: &Path, to: &Path, name: &str) -> Result<BackupFile, StoreError> {
    let (source, place) = (from.join(name), to.join(name));
    let parent = place.parent().unwrap_or(to);
    fs::create_dir_all(parent).map_err(StoreError::file("create the folder", parent))?;
    let part = to.join("other.part");
    fs::copy(&source, &part).and_then(|_| File::open(&part)?.sync_all()).map_err(StoreError::file("copy", &source))?;
    fs::rename(&part, &place).map_err(StoreError::file("move into place", &place))?;
    describe(to, name)
}

/// The names of what is in a folder, sorted.
fn names_in(folder: &Path) -> Result<Vec<String>, StoreError> {
    let list = || -> io::Result<Vec<String>> {
        fs::read_dir(folder)?.map(|entry| Ok(entry?.file_name().to_string_lossy().into_owned())).collect()
    };
    let mut names = list().map_err(StoreError::file("list", folder))?;
    names.sort();
    Ok(names)
}

fn describe(folder: &Path, name: &str) -> Result<BackupFile, StoreError> {
    let path = folder.join(name);
    let size_bytes = fs::metadata(&path).map_err(StoreError::file("look at", &path))?.len();
    let sha256 = hash_file(&path).map_err(StoreError::file("read", &path))?;
    Ok(BackupFile { path: name.to_owned(), size_bytes, sha256 })
}

/// Puts the manifest in place, from which moment on the backup is the new one; gives its digest.
fn write_manifest(to: &Path, manifest: &BackupManifest) -> Result<String, StoreError> {
    let text = serde_json::to_vec_pretty(manifest).map_err(|error| StoreError::Backup(error.to_string()))?;
    let (part, place) = (to.join("manifest.part"), to.join(MANIFEST));
    let write = || -> io::Result<()> {
        let mut file = File::create(&part)?;
        file.write_all(&text)?;
        file.sync_all()?;
        fs::rename(&part, &place)
    };
    write().map_err(StoreError::file("write", &place))?;
    sync_folder(to)?;
    Ok(hexadecimal(&Sha256::digest(&text)))
}

fn remove_older_databases(to: &Path, newest: &str) -> Result<(), StoreError> {
    let is_older = |name: &String| name.starts_with("lightbox-") && name.ends_with(".db") && name != newest;
    for name in names_in(to)?.into_iter().filter(is_older) {
        let path: PathBuf = to.join(name);
        fs::remove_file(&path).map_err(StoreError::file("remove", &path))?;
    }
    Ok(())
}

pub(crate) fn broken(error: tokio::task::JoinError) -> StoreError {
    StoreError::Unwritten(error.to_string())
}

//! Makes a data folder of a backup, and trusts nothing of it that its digests do not confirm.

use crate::backup::{BackupManifest, DatabaseCopy, FILES_AT_ONCE, FORMAT, MANIFEST, Progress, broken, copy_checked};
use crate::blobs::{create_folder, sync_folder};
use crate::database::Database;
use crate::instances::files_after;
use crate::{BlobKey, Blobs, DataFolder, FileDigest, Store, StoreError, now_ms};
use lightbox_domain::{Event, JobKind};
use std::fs;
use std::path::{Path, PathBuf};

/// What was restored.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Restored {
    /// What the backup says of itself.
    pub manifest: BackupManifest,
    /// Stored files that are missing or not what was stored, a line each; only where these were to be left out.
    pub problems: Vec<String>,
}

/// Makes the data folder `to`, which must not exist or be empty, of the backup `from`. Everything is made beside it and
/// moved there at the end, so that half a restore is never taken for a data folder. With `partial`, stored files that
/// are damaged are left out; else they are an error.
///
/// # Errors
/// [`StoreError::Backup`] when the backup is incomplete, damaged or of an unknown form, or `to` is in use; else when the
/// disk refuses.
pub async fn restore(from: &Path, to: &Path, partial: bool, progress: Progress<'_>) -> Result<Restored, StoreError> {
    let manifest = read_manifest(from)?;
    let staging = make_staging(to)?;
    let place = std::path::absolute(to).map_err(StoreError::file("find the folder", to))?;
    match fill(from, &staging, &place, &manifest, partial, progress).await {
        Ok(problems) => {
            move_into_place(&staging, to)?;
            Ok(Restored { manifest, problems })
        }
        Err(error) => {
            // What cannot be removed is removed by the next attempt.
            let _ = fs::remove_dir_all(&staging);
            Err(error)
        }
    }
}

fn read_manifest(from: &Path) -> Result<BackupManifest, StoreError> {
    let path = from.join(MANIFEST);
    let text = fs::read(&path).map_err(StoreError::file("read", &path))?;
    let manifest: BackupManifest =
        serde_json::from_slice(&text).map_err(|error| StoreError::Backup(format!("{MANIFEST}: {error}")))?;
    if manifest.format != FORMAT {
        return Err(StoreError::Backup(format!("its form is {}; this release reads {FORMAT}", manifest.format)));
    }
    Ok(manifest)
}

/// A new folder beside the one that is to be.
fn make_staging(to: &Path) -> Result<PathBuf, StoreError> {
    if to.exists() && fs::read_dir(to).map_err(StoreError::file("list", to))?.next().is_some() {
        return Err(StoreError::Backup(format!("{} is not empty; choose a new folder", to.display())));
    }
    let mut name = to.file_name().unwrap_or_default().to_owned();
    name.push(".restoring");
    let staging = to.with_file_name(name);
    if staging.exists() {
        fs::remove_dir_all(&staging).map_err(StoreError::file("remove", &staging))?;
    }
    fs::create_dir_all(&staging).map_err(StoreError::file("create the folder", &staging))?;
    Ok(staging)
}

/// Fills the folder and gives what had to be left out.
async fn fill(
    from: &Path,
    staging: &Path,
    place: &Path,
    manifest: &BackupManifest,
    partial: bool,
    progress: Progress<'_>,
) -> Result<Vec<String>, StoreError> {
    let folder = DataFolder::open(staging)?;
    let database = staging.join("lightbox.db");
    copy_checked(&from.join(&manifest.database.path), &database, &FileDigest::of_row(manifest.database.sha256.clone()))
        .map_err(StoreError::Backup)?;
    for other in &manifest.others {
        let to = staging.join(&other.path);
        let parent = to.parent().unwrap_or(staging);
        fs::create_dir_all(parent).map_err(StoreError::file("create the folder", parent))?;
        copy_checked(&from.join(&other.path), &to, &FileDigest::of_row(other.sha256.clone()))
            .map_err(StoreError::Backup)?;
    }
    let problems = copy_files(from, &folder, &database, manifest, progress).await?;
    if let Some(first) = problems.first().filter(|_| !partial) {
        return Err(StoreError::Backup(format!(
            "{} of {} files are damaged, first {first}",
            problems.len(),
            manifest.files
        )));
    }
    settle_database(&folder, place, manifest).await?;
    Ok(problems)
}

async fn copy_files(
    from: &Path,
    folder: &DataFolder,
    database: &Path,
    manifest: &BackupManifest,
    progress: Progress<'_>,
) -> Result<Vec<String>, StoreError> {
    // It may be of an older release.
    Database::open(&folder.database_url()).await?.close().await;
    let copy = DatabaseCopy::open(database).await?;
    let to = Blobs::of_instances(folder);
    let (mut after, mut done, mut problems) = (String::new(), 0, Vec::new());
    loop {
        let page = files_after(&copy.pool, &after, FILES_AT_ONCE).await?;
        let Some((last, ..)) = page.last() else { break };
        last.as_str().clone_into(&mut after);
        done += i64::try_from(page.len()).unwrap_or(0);
        let (from, to) = (to.elsewhere(&from.join("blobs")), to.clone());
        let restore = move || -> Vec<String> {
            page.iter().filter_map(|(key, _, digest)| copy_file(&from, &to, key, digest).err()).collect()
        };
        problems.extend(tokio::task::spawn_blocking(restore).await.map_err(broken)?);
        progress(done, manifest.files);
    }
    copy.pool.close().await;
    Ok(problems)
}

fn copy_file(from: &Blobs, to: &Blobs, key: &BlobKey, digest: &FileDigest) -> Result<(), String> {
    let place = to.path(key);
    create_folder(place.parent().unwrap_or(&place), to.folder()).map_err(|error| error.to_string())?;
    copy_checked(&from.path(key), &place, digest)
}

/// Checks the log against the manifest, and puts right what was true only at the old place.
async fn settle_database(folder: &DataFolder, place: &Path, manifest: &BackupManifest) -> Result<(), StoreError> {
    let store = Store::open(folder).await?;
    match store.verify_events().await? {
        Ok(seq) if seq == manifest.log_seq => {}
        Ok(seq) => return Err(StoreError::Backup(format!("its log has {seq} lines, not {}", manifest.log_seq))),
        Err(seq) => return Err(StoreError::Backup(format!("its log's chain is broken at line {seq}"))),
    }
    let head = store.events(i64::MAX, 1).await?;
    if head.first().map_or("", |line| line.hash.as_str()) != manifest.log_hash {
        return Err(StoreError::Backup("its log is another one than the manifest tells of".to_owned()));
    }
    let mut write = store.write().await?;
    for deployment in store.deployments().await? {
        write.move_deployment(&deployment.id, &place.join("releases").join(&deployment.digest)).await?;
    }
    write.forget_metadata().await?;
    let detail = serde_json::json!({ "files": manifest.files, "taken_ms": manifest.taken_ms });
    let event = Event::new("command-line", "backup.restored", "backup", &manifest.database.path);
    write.append_event(event.detail(detail.to_string())).await?;
    write.commit().await?;
    store.close().await;
    Ok(())
}

fn move_into_place(staging: &Path, to: &Path) -> Result<(), StoreError> {
    if to.exists() {
        fs::remove_dir(to).map_err(StoreError::file("replace the empty folder", to))?;
    }
    fs::rename(staging, to).map_err(StoreError::file("move into place", to))?;
    match to.parent().filter(|parent| !parent.as_os_str().is_empty()) {
        Some(parent) => sync_folder(parent),
        None => sync_folder(Path::new(".")),
    }
}

impl crate::Write {
    /// Has the metadata of every series gathered anew.
    async fn forget_metadata(&mut self) -> Result<(), StoreError> {
        sqlx::query(
            "INSERT INTO jobs (kind, subject, priority, due_ms, attempts, wanted, claimed_until_ms, dead, last_error)
             SELECT $1, study_instance_uid || '/' || series_instance_uid, $2, $3, 0, 1, 0, 0, '' FROM series_metadata
             WHERE 1 = 1 ON CONFLICT (kind, subject) DO NOTHING",
        )
        .bind(JobKind::Describe.as_str())
        .bind(JobKind::Describe.priority())
        .bind(now_ms())
        .execute(&mut *self.transaction)
        .await?;
        sqlx::query("DELETE FROM series_metadata").execute(&mut *self.transaction).await?;
        Ok(())
    }

    async fn move_deployment(&mut self, id: &str, folder: &Path) -> Result<(), StoreError> {
        sqlx::query("UPDATE deployments SET folder = $1 WHERE id = $2")
            .bind(folder.to_string_lossy().into_owned())
            .bind(id)
            .execute(&mut *self.transaction)
            .await?;
        Ok(())
    }
}

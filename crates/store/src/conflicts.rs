//! The conflict shelf: newcomers whose SOP Instance UID was stored already with another data set. Files never change; what
//! replaces and what is replaced change places.

use crate::columns::read_columns;
use crate::instances::uid_of;
use crate::{BlobKey, Store, StoreError, Write, now_ms};
use lightbox_domain::{IndexEntry, Level, Uid};
use sqlx::any::AnyRow;
use sqlx::{QueryBuilder, Row};

/// A file on the shelf.
#[derive(Clone, Debug, PartialEq)]
pub struct Shelved {
    /// ULID.
    pub id: String,
    /// The UID that it shares with what is stored.
    pub sop_instance_uid: Uid,
    /// Its file.
    pub blob: BlobKey,
    /// The file's size.
    pub size_bytes: i64,
    /// From where it came.
    pub source: String,
    /// When its last byte had arrived, in milliseconds since 1970.
    pub received_ms: i64,
    /// `open` until somebody decides; `kept` when what is stored stays; `replaced` when it is what was stored before.
    pub state: String,
    /// Who decided.
    pub settled_by: Option<String>,
    /// When.
    pub settled_ms: Option<i64>,
}

macro_rules! shelved_columns {
    () => {
        "id, sop_instance_uid, blob_key, size_bytes, source, received_ms, state, settled_by, settled_ms"
    };
}

impl Store {
    /// The newest files on the shelf, at most `limit`: those that wait for a decision, or those that were decided on.
    ///
    /// # Errors
    /// When the database refuses.
    pub async fn conflicts(&self, settled: bool, limit: i64) -> Result<Vec<Shelved>, StoreError> {
        let rows = sqlx::query(concat!(
            "SELECT ",
            shelved_columns!(),
            " FROM conflicts WHERE (state <> 'open') = ($1 = 1) ORDER BY id DESC LIMIT $2"
        ))
        .bind(i64::from(settled))
        .bind(limit)
        .fetch_all(self.readers())
        .await?;
        rows.iter().map(shelved_of).collect()
    }

    /// The file on the shelf with this SOP Instance UID and this digest of its data set.
    ///
    /// # Errors
    /// When the database refuses.
    pub async fn shelved(&self, sop_instance_uid: &str, data_set_digest: &str) -> Result<Option<Shelved>, StoreError> {
        let row = sqlx::query(concat!(
            "SELECT ",
            shelved_columns!(),
            " FROM conflicts WHERE sop_instance_uid = $1 AND data_set_digest = $2"
        ))
        .bind(sop_instance_uid)
        .bind(data_set_digest)
        .fetch_optional(self.readers())
        .await?;
        row.as_ref().map(shelved_of).transpose()
    }

    /// The file of this identifier.
    ///
    /// # Errors
    /// [`StoreError::Missing`], or when the database refuses.
    pub async fn conflict(&self, id: &str) -> Result<Shelved, StoreError> {
        let row = sqlx::query(concat!("SELECT ", shelved_columns!(), " FROM conflicts WHERE id = $1"))
            .bind(id)
            .fetch_optional(self.readers())
            .await?;
        shelved_of(&row.ok_or_else(|| missing(id))?)
    }
}

impl Write {
    /// What is stored stays; the newcomer stays on the shelf.
    ///
    /// # Errors
    /// [`StoreError::Missing`], or when the database refuses.
    pub async fn keep_first(&mut self, id: &str, by: &str) -> Result<(), StoreError> {
        let kept = sqlx::query("UPDATE conflicts SET state = 'kept', settled_by = $1, settled_ms = $2 WHERE id = $3")
            .bind(by)
            .bind(now_ms())
            .bind(id)
            .execute(&mut *self.transaction)
            .await?;
        if kept.rows_affected() == 1 { Ok(()) } else { Err(missing(id)) }
    }

    /// Takes a file from the shelf for good; it goes when [`Store::remove_files`] is called next.
    ///
    /// # Errors
    /// [`StoreError::Missing`], or when the database refuses.
    pub async fn discard_conflict(&mut self, id: &str) -> Result<(), StoreError> {
        for statement in [
            "INSERT INTO discarded_conflicts (sop_instance_uid, data_set_digest, source, discarded_ms)
             SELECT sop_instance_uid, data_set_digest, source, $1 FROM conflicts WHERE id = $2
             ON CONFLICT (sop_instance_uid, data_set_digest) DO NOTHING",
            "INSERT INTO removals (blob_key, kind) SELECT blob_key, 'instance' FROM conflicts WHERE $1 > 0 AND id = $2",
        ] {
            sqlx::query(statement).bind(now_ms()).bind(id).execute(&mut *self.transaction).await?;
        }
        let gone = sqlx::query("DELETE FROM conflicts WHERE id = $1").bind(id).execute(&mut *self.transaction).await?;
        if gone.rows_affected() == 1 { Ok(()) } else { Err(missing(id)) }
    }

    /// Puts a file from the shelf, which `entry` describes, in the place of the stored one, which goes to the shelf. The
    /// study counts anew, and rules look at it as at something new. It must be of the same study and series.
    ///
    /// # Errors
    /// [`StoreError::Missing`], or when the database refuses.
    pub async fn replace_instance(&mut self, id: &str, entry: &IndexEntry, by: &str) -> Result<(), StoreError> {
        let uid = entry.instance.sop_instance_uid.as_str();
        let [newcomer, stored] = self.both_files(id, uid).await?;
        let columns = read_columns(&[Level::Instance]);
        let mut sql = QueryBuilder::new("UPDATE instances SET ");
        let mut list = sql.separated(", ");
        for column in &columns {
            let text = entry.text(column.attribute);
            list.push(format!("{} = ", column.name));
            match (column.attribute.is_number(), column.attribute.keyword.as_str()) {
                (true, "NumberOfFrames") => list.push_bind_unseparated(entry.instance.frames),
                (true, _) => list.push_bind_unseparated(text.parse::<i64>().ok()),
                (false, _) => list.push_bind_unseparated(text),
            };
        }
        list.push("routed = 0, uncompressed_reason = '', replaced_ms = ").push_bind_unseparated(now_ms());
        sql.push(" WHERE sop_instance_uid = ").push_bind(uid);
        sql.build().execute(&mut *self.transaction).await?;
        self.change_places(id, uid, &newcomer, &stored, by).await?;
        sqlx::query("DELETE FROM decisions WHERE sop_instance_uid = $1")
            .bind(uid)
            .execute(&mut *self.transaction)
            .await?;
        let study = entry.study.study_instance_uid.as_str();
        self.gather_again(study).await?;
        self.route_what_waits(study).await
    }

    /// The files of a newcomer and of what is stored.
    async fn both_files(&mut self, id: &str, uid: &str) -> Result<[FileRow; 2], StoreError> {
        const COLUMNS: &str = "blob_key, size_bytes, file_digest, data_set_digest, source, received_ms,
            received_transfer_syntax_uid, received_size_bytes";
        let mut files = Vec::new();
        for (table, key, value) in [("conflicts", "id", id), ("instances", "sop_instance_uid", uid)] {
            let mut sql = QueryBuilder::new(format!("SELECT {COLUMNS} FROM {table} WHERE {key} = "));
            let row = sql.push_bind(value).build().fetch_optional(&mut *self.transaction).await?;
            files.push(FileRow::of(&row.ok_or_else(|| missing(id))?)?);
        }
        files.try_into().map_err(|_| missing(id))
    }

    async fn change_places(
        &mut self,
        id: &str,
        uid: &str,
        newcomer: &FileRow,
        stored: &FileRow,
        by: &str,
    ) -> Result<(), StoreError> {
        for (table, key, value, file) in
            [("conflicts", "id", id, stored), ("instances", "sop_instance_uid", uid, newcomer)]
        {
            let mut sql = QueryBuilder::new(format!("UPDATE {table} SET blob_key = "));
            sql.push_bind(&file.blob_key).push(", size_bytes = ").push_bind(file.size_bytes);
            sql.push(", file_digest = ").push_bind(&file.file_digest);
            sql.push(", data_set_digest = ").push_bind(&file.data_set_digest);
            sql.push(", source = ").push_bind(&file.source).push(", received_ms = ").push_bind(file.received_ms);
            sql.push(", received_transfer_syntax_uid = ").push_bind(&file.received_transfer_syntax_uid);
            sql.push(", received_size_bytes = ").push_bind(file.received_size_bytes);
            sql.push(format!(" WHERE {key} = ")).push_bind(value);
            sql.build().execute(&mut *self.transaction).await?;
        }
        sqlx::query("UPDATE conflicts SET state = 'replaced', settled_by = $1, settled_ms = $2 WHERE id = $3")
            .bind(by)
            .bind(now_ms())
            .bind(id)
            .execute(&mut *self.transaction)
            .await?;
        sqlx::query("DELETE FROM discarded_conflicts WHERE sop_instance_uid = $1 AND data_set_digest = $2")
            .bind(uid)
            .bind(&newcomer.data_set_digest)
            .execute(&mut *self.transaction)
            .await?;
        Ok(())
    }
}

/// What a row of either table says of its file.
struct FileRow {
    blob_key: String,
    size_bytes: i64,
    file_digest: String,
    data_set_digest: String,
    source: String,
    received_ms: i64,
    /// Set if it is kept compressed.
    received_transfer_syntax_uid: Option<String>,
    received_size_bytes: Option<i64>,
}

impl FileRow {
    fn of(row: &AnyRow) -> Result<Self, StoreError> {
        Ok(Self {
            blob_key: row.try_get("blob_key")?,
            size_bytes: row.try_get("size_bytes")?,
            file_digest: row.try_get("file_digest")?,
            data_set_digest: row.try_get("data_set_digest")?,
            source: row.try_get("source")?,
            received_ms: row.try_get("received_ms")?,
            received_transfer_syntax_uid: row.try_get("received_transfer_syntax_uid")?,
            received_size_bytes: row.try_get("received_size_bytes")?,
        })
    }
}

fn missing(id: &str) -> StoreError {
    StoreError::Missing { kind: "conflict", id: id.to_owned() }
}

fn shelved_of(row: &AnyRow) -> Result<Shelved, StoreError> {
    Ok(Shelved {
        id: row.try_get("id")?,
        sop_instance_uid: uid_of(row, "sop_instance_uid")?,
        blob: BlobKey::of_row(row.try_get("blob_key")?),
        size_bytes: row.try_get("size_bytes")?,
        source: row.try_get("source")?,
        received_ms: row.try_get("received_ms")?,
        state: row.try_get("state")?,
        settled_by: row.try_get("settled_by")?,
        settled_ms: row.try_get("settled_ms")?,
    })
}

//! The rows of arriving instances, and what their study and series count and gather of them.

use crate::columns::read_columns;
use crate::studies::listed;
use crate::{BlobKey, NewInstance, StoreError, Write, now_ms};
use lightbox_domain::{Attribute, Event, Job, Level, Uid, fold_name};
use sqlx::any::AnyRow;
use sqlx::{QueryBuilder, Row};
use std::collections::{BTreeMap, BTreeSet, HashMap};

pub(crate) fn size_of(instance: &NewInstance) -> i64 {
    i64::try_from(instance.file.size_bytes).unwrap_or(i64::MAX)
}

/// Instances by what `key` says of them, in that order.
fn grouped<'a, K: Ord>(
    instances: &[&'a NewInstance],
    key: impl Fn(&'a NewInstance) -> K,
) -> BTreeMap<K, Vec<&'a NewInstance>> {
    let mut groups: BTreeMap<K, Vec<&NewInstance>> = BTreeMap::new();
    for instance in instances {
        groups.entry(key(instance)).or_default().push(instance);
    }
    groups
}

/// The component groups of a folded name: alphabetic, ideographic, phonetic (PS3.5 §6.2).
pub(crate) fn folded_groups(name: &str) -> [String; 3] {
    let folded = fold_name(name);
    let mut groups = folded.split('=').map(str::to_owned);
    std::array::from_fn(|_| groups.next().unwrap_or_default())
}

fn indexed(group: &[&NewInstance]) -> i64 {
    group.iter().map(|instance| i64::from(instance.indexed)).sum()
}

/// Key Object Selection Document Storage (PS3.4 §B.5), the class of rejection notes.
const KEY_OBJECT_SELECTION: &str = "1.2.840.10008.5.1.4.1.1.88.59";

/// How long after its last instance a series counts as settled, so that its metadata are gathered, in milliseconds.
const SETTLE_MS: i64 = 3_000;

/// How long the later instances of a series wait to be routed together, in milliseconds.
const GATHER_MS: i64 = 100;

/// What a batch meant for a series.
#[derive(Default)]
struct Seen {
    /// It was not in the index before.
    is_new: bool,
    /// It has a SOP class that it had not.
    has_new_class: bool,
}

/// What is stored already of those that arrive, by SOP Instance UID.
pub(crate) type Known = HashMap<String, KnownInstance>;

/// An instance that is stored already.
pub(crate) struct KnownInstance {
    /// Its file.
    pub blob: BlobKey,
    /// The digest of its data set.
    pub data_set_digest: String,
    /// `None` unless it is deleted; then whether it returns when it is sent again.
    pub returns: Option<bool>,
}

impl Write {
    /// Those whose SOP Instance UID is stored already.
    pub(crate) async fn known_among(&mut self, instances: &[NewInstance]) -> Result<Known, StoreError> {
        let mut sql = QueryBuilder::new(
            "SELECT instances.sop_instance_uid, instances.blob_key, instances.data_set_digest, deletions.returns
             FROM instances LEFT JOIN deletions ON deletions.id = instances.deletion_id
             WHERE instances.sop_instance_uid IN (",
        );
        let mut list = sql.separated(", ");
        for instance in instances {
            list.push_bind(instance.entry.instance.sop_instance_uid.as_str());
        }
        sql.push(")");
        let rows = sql.build().fetch_all(&mut *self.transaction).await?;
        let known = |row: &AnyRow| {
            let instance = KnownInstance {
                blob: BlobKey::of_row(row.try_get("blob_key")?),
                data_set_digest: row.try_get("data_set_digest")?,
                returns: row.try_get::<Option<i64>, _>("returns")?.map(|returns| returns == 1),
            };
            Ok((row.try_get("sop_instance_uid")?, instance))
        };
        rows.iter().map(known).collect()
    }

    /// Writes the rows of new instances; studies and series count them. Gives the series that were not there before.
    pub(crate) async fn insert<'a>(&mut self, stored: &[&'a NewInstance]) -> Result<BTreeSet<&'a Uid>, StoreError> {
        if stored.is_empty() {
            return Ok(BTreeSet::new());
        }
        for group in grouped(stored, |one| &one.entry.study.study_instance_uid).values() {
            self.count_in_study(group).await?;
        }
        let (mut changed, mut fresh) = (BTreeSet::new(), BTreeSet::new());
        for ((study, series), group) in
            grouped(stored, |one| (&one.entry.study.study_instance_uid, &one.entry.series.series_instance_uid))
        {
            let seen = self.count_in_series(&group).await?;
            if seen.is_new {
                fresh.insert(series);
            }
            if seen.is_new || seen.has_new_class {
                changed.insert(study);
            }
        }
        self.insert_instances(stored).await?;
        for study in changed {
            self.gather_study(study.as_str()).await?;
        }
        Ok(fresh)
    }

    /// Makes a row for the study of these instances, as the first of them describes it, or counts them in its row.
    async fn count_in_study(&mut self, group: &[&NewInstance]) -> Result<(), StoreError> {
        let Some(first) = group.first() else { return Ok(()) };
        let columns = read_columns(&[Level::Patient, Level::Study]);
        let names = columns.iter().map(|column| column.name.as_str()).collect::<Vec<_>>().join(", ");
        let mut sql = QueryBuilder::new(format!(
            "INSERT INTO studies ({names}, patient_name_alphabetic, patient_name_ideographic, patient_name_phonetic,
                 referring_physician_name_folded, number_of_study_related_instances, size_bytes, received_ms, updated_ms,
                 ai_state, ai_top_finding) VALUES ("
        ));
        let mut list = sql.separated(", ");
        for column in &columns {
            list.push_bind(first.entry.text(column.attribute));
        }
        for group in folded_groups(&first.entry.study.patient.name) {
            list.push_bind(group);
        }
        list.push_bind(fold_name(&first.entry.study.referring_physician_name));
        list.push_bind(indexed(group)).push_bind(group.iter().map(|one| size_of(one)).sum::<i64>());
        list.push_bind(first.received_ms).push_bind(first.received_ms).push("'waiting', ''");
        sql.push(
            ") ON CONFLICT (study_instance_uid) DO UPDATE SET
                 updated_ms = excluded.updated_ms, size_bytes = studies.size_bytes + excluded.size_bytes,
                 number_of_study_related_instances =
                     studies.number_of_study_related_instances + excluded.number_of_study_related_instances",
        );
        sql.build().execute(&mut *self.transaction).await?;
        Ok(())
    }

    /// The same for their series.
    async fn count_in_series(&mut self, group: &[&NewInstance]) -> Result<Seen, StoreError> {
        let Some(first) = group.first() else { return Ok(Seen::default()) };
        let columns = read_columns(&[Level::Series]);
        let names = columns.iter().map(|column| column.name.as_str()).collect::<Vec<_>>().join(", ");
        let mut sql = QueryBuilder::new(format!(
            "INSERT INTO series (study_instance_uid, {names}, performing_physician_name_folded, operators_name_folded,
                 number_of_series_related_instances, run_id, received_ms) VALUES ("
        ));
        let mut list = sql.separated(", ");
        list.push_bind(first.entry.study.study_instance_uid.as_str());
        for column in &columns {
            match column.attribute.is_number() {
                true => list.push_bind(first.entry.text(column.attribute).parse::<i64>().ok()),
                false => list.push_bind(first.entry.text(column.attribute)),
            };
        }
        for keyword in ["PerformingPhysicianName", "OperatorsName"] {
            list.push_bind(
                Attribute::of_keyword(keyword).map(|one| fold_name(first.entry.text(one))).unwrap_or_default(),
            );
        }
        list.push_bind(indexed(group)).push_bind(first.source.run_id()).push_bind(first.received_ms);
        sql.push(
            ") ON CONFLICT (study_instance_uid, series_instance_uid) DO UPDATE SET number_of_series_related_instances =
                 series.number_of_series_related_instances + excluded.number_of_series_related_instances
             RETURNING number_of_series_related_instances, sop_classes",
        );
        let row = sql.build().fetch_one(&mut *self.transaction).await?;
        let is_new =
            indexed(group) > 0 && row.try_get::<i64, _>("number_of_series_related_instances")? == indexed(group);
        let classes = listed(row.try_get("sop_classes")?);
        Ok(Seen { is_new, has_new_class: self.note_classes(group, classes).await? })
    }

    /// Adds the SOP classes of these instances to those of their series. Whether there were new ones.
    async fn note_classes(&mut self, group: &[&NewInstance], known: Vec<String>) -> Result<bool, StoreError> {
        let Some(first) = group.first() else { return Ok(false) };
        let known: BTreeSet<String> = known.into_iter().collect();
        let shown = group.iter().filter(|one| one.indexed).map(|one| one.entry.instance.sop_class_uid.to_string());
        let all: BTreeSet<String> = known.iter().cloned().chain(shown).collect();
        if all == known {
            return Ok(false);
        }
        sqlx::query("UPDATE series SET sop_classes = $1 WHERE study_instance_uid = $2 AND series_instance_uid = $3")
            .bind(all.into_iter().collect::<Vec<_>>().join("\\"))
            .bind(first.entry.study.study_instance_uid.as_str())
            .bind(first.entry.series.series_instance_uid.as_str())
            .execute(&mut *self.transaction)
            .await?;
        Ok(true)
    }

    async fn insert_instances(&mut self, stored: &[&NewInstance]) -> Result<(), StoreError> {
        let columns = read_columns(&[Level::Instance]);
        let names = columns.iter().map(|column| column.name.as_str()).collect::<Vec<_>>().join(", ");
        let mut sql = QueryBuilder::new(format!(
            "INSERT INTO instances ({names}, study_instance_uid, series_instance_uid, blob_key, size_bytes, file_sha256,
                 data_set_digest, source, run_id, received_ms, indexed, routed) "
        ));
        sql.push_values(stored, |mut row, instance| {
            for column in &columns {
                let text = instance.entry.text(column.attribute);
                match (column.attribute.is_number(), column.attribute.keyword.as_str()) {
                    (true, "NumberOfFrames") => row.push_bind(instance.entry.instance.frames),
                    (true, _) => row.push_bind(text.parse::<i64>().ok()),
                    (false, _) => row.push_bind(text),
                };
            }
            row.push_bind(instance.entry.study.study_instance_uid.as_str());
            row.push_bind(instance.entry.series.series_instance_uid.as_str());
            row.push_bind(instance.file.key.as_str()).push_bind(size_of(instance)).push_bind(&instance.file.sha256);
            row.push_bind(&instance.data_set_digest).push_bind(instance.source.label());
            row.push_bind(instance.source.run_id()).push_bind(instance.received_ms);
            // Rules skip results unless they ask for them; none can ask yet.
            row.push_bind(i64::from(instance.indexed)).push_bind(i64::from(instance.source.run_id().is_some()));
        });
        sql.build().execute(&mut *self.transaction).await?;
        Ok(())
    }

    /// Counts and gathers anew what is indexed of a study, after some of it was hidden or came back.
    pub(crate) async fn recount(&mut self, study_instance_uid: &str) -> Result<(), StoreError> {
        let rows = sqlx::query(
            "SELECT DISTINCT series_instance_uid, sop_class_uid FROM instances
             WHERE study_instance_uid = $1 AND indexed = 1 ORDER BY series_instance_uid, sop_class_uid",
        )
        .bind(study_instance_uid)
        .fetch_all(&mut *self.transaction)
        .await?;
        let mut classes: BTreeMap<String, Vec<String>> = BTreeMap::new();
        for row in &rows {
            classes.entry(row.try_get("series_instance_uid")?).or_default().push(row.try_get("sop_class_uid")?);
        }
        sqlx::query(
            "UPDATE series SET sop_classes = '', number_of_series_related_instances = (
                 SELECT COUNT(*) FROM instances WHERE instances.study_instance_uid = series.study_instance_uid
                   AND instances.series_instance_uid = series.series_instance_uid AND instances.indexed = 1)
             WHERE study_instance_uid = $1",
        )
        .bind(study_instance_uid)
        .execute(&mut *self.transaction)
        .await?;
        for (series, classes) in classes {
            sqlx::query(
                "UPDATE series SET sop_classes = $1 WHERE study_instance_uid = $2 AND series_instance_uid = $3",
            )
            .bind(classes.join("\\"))
            .bind(study_instance_uid)
            .bind(series)
            .execute(&mut *self.transaction)
            .await?;
        }
        sqlx::query(
            "UPDATE studies SET
                 number_of_study_related_instances = (
                     SELECT COUNT(*) FROM instances
                     WHERE instances.study_instance_uid = studies.study_instance_uid AND instances.indexed = 1),
                 size_bytes = (
                     SELECT CAST(COALESCE(SUM(instances.size_bytes), 0) AS BIGINT) FROM instances
                     WHERE instances.study_instance_uid = studies.study_instance_uid)
             WHERE study_instance_uid = $1",
        )
        .bind(study_instance_uid)
        .execute(&mut *self.transaction)
        .await?;
        self.gather_study(study_instance_uid).await
    }

    /// Gathers in a study's row what its series say.
    async fn gather_study(&mut self, study_instance_uid: &str) -> Result<(), StoreError> {
        let rows = sqlx::query(
            "SELECT modality, run_id, sop_classes FROM series
             WHERE study_instance_uid = $1 AND number_of_series_related_instances > 0",
        )
        .bind(study_instance_uid)
        .fetch_all(&mut *self.transaction)
        .await?;
        let (mut all, mut acquired, mut classes) = (BTreeSet::new(), BTreeSet::new(), BTreeSet::new());
        for row in &rows {
            let modality: String = row.try_get("modality")?;
            if row.try_get::<Option<String>, _>("run_id")?.is_none() {
                acquired.insert(modality.clone());
            }
            all.insert(modality);
            classes.extend(listed(row.try_get("sop_classes")?));
        }
        let list = |values: BTreeSet<String>| values.into_iter().collect::<Vec<_>>().join("\\");
        sqlx::query(
            "UPDATE studies SET number_of_study_related_series = $1, modalities_in_study = $2, acquired_modalities = $3,
                 sop_classes_in_study = $4 WHERE study_instance_uid = $5",
        )
        .bind(i64::try_from(rows.len()).unwrap_or(i64::MAX))
        .bind(list(all))
        .bind(list(acquired))
        .bind(list(classes))
        .bind(study_instance_uid)
        .execute(&mut *self.transaction)
        .await?;
        Ok(())
    }

    /// One event, one routing job and one describing job for each series and source of what was stored. A series that
    /// was not there before is routed at once; of one that goes on arriving, several instances are routed together.
    pub(crate) async fn announce(&mut self, stored: &[&NewInstance], fresh: &BTreeSet<&Uid>) -> Result<(), StoreError> {
        let by_series = grouped(stored, |one| {
            (&one.entry.study.study_instance_uid, &one.entry.series.series_instance_uid, one.source.label())
        });
        for ((study, series, source), group) in by_series {
            let uids: Vec<&str> = group.iter().map(|one| one.entry.instance.sop_instance_uid.as_str()).collect();
            let event = Event::new(&source, "instance.stored", "series", series.as_str())
                .detail(serde_json::json!({ "instances": uids }).to_string())
                .study(study.as_str());
            self.append_event(event).await?;
            for note in group.iter().filter(|one| one.entry.instance.sop_class_uid.as_str() == KEY_OBJECT_SELECTION) {
                let sop_instance_uid = note.entry.instance.sop_instance_uid.to_string();
                self.enqueue(&Job::Reject { sop_instance_uid }, now_ms()).await?;
            }
            if group.iter().any(|instance| instance.source.run_id().is_none()) {
                let uids = || (study.to_string(), series.to_string());
                let (study_instance_uid, series_instance_uid) = uids();
                let wait_ms = if fresh.contains(series) { 0 } else { GATHER_MS };
                self.enqueue_by(&Job::Route { study_instance_uid, series_instance_uid }, now_ms() + wait_ms).await?;
                let (study_instance_uid, series_instance_uid) = uids();
                self.enqueue(&Job::Describe { study_instance_uid, series_instance_uid }, now_ms() + SETTLE_MS).await?;
            }
        }
        Ok(())
    }
}

//! The rows of arriving instances, and what their study and series count and gather of them.

use crate::batch::{Batch, Execute, Row, Value};
use crate::columns::{Column, read_columns};
use crate::events::{LogHead, push_events};
use crate::jobs::{Again, push_job};
use crate::studies::listed;
use crate::write::Told;
use crate::{BlobKey, NewInstance, StoreError, Write, now_ms, overlays};
use lightbox_domain::{AiState, Attribute, Event, Job, Level, Uid, fold_name};
use sqlx::Row as _;
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

/// What the index says of what arrives, before it is written.
pub(crate) struct Before {
    /// What is stored already, by SOP Instance UID.
    pub known: HashMap<String, KnownInstance>,
    /// The series that are there, by study and series.
    series: HashMap<(String, String), KnownSeries>,
    head: LogHead,
    /// Whether a deployment could run on anything.
    has_deployments: bool,
    /// What is to be done about studies whose patient was merged before they arrived.
    corrections: Vec<Job>,
}

/// An instance that is stored already.
pub(crate) struct KnownInstance {
    /// Its file.
    pub blob: BlobKey,
    /// The digest of its data set.
    pub data_set_digest: String,
    /// `None` unless it is deleted; then whether it returns when it is sent again.
    pub returns: Option<bool>,
}

/// A series that is there already.
struct KnownSeries {
    instances: i64,
    sop_classes: BTreeSet<String>,
}

/// Arriving instances of one series.
struct Group<'a> {
    first: &'a NewInstance,
    all: Vec<&'a NewInstance>,
    /// No instance of it was in the index before.
    is_new: bool,
    /// The SOP classes of the series with those of this group; `None` if that adds none.
    new_classes: Option<BTreeSet<String>>,
}

impl<'a> Group<'a> {
    fn new(all: Vec<&'a NewInstance>, before: &Before) -> Option<Self> {
        let first = *all.first()?;
        let uid =
            (first.entry.study.study_instance_uid.to_string(), first.entry.series.series_instance_uid.to_string());
        let known = before.series.get(&uid);
        let mut classes = known.map(|series| series.sop_classes.clone()).unwrap_or_default();
        let count = classes.len();
        let shown = all.iter().filter(|one| one.indexed);
        classes.extend(shown.map(|one| one.entry.instance.sop_class_uid.to_string()));
        let is_new = indexed(&all) > 0 && known.is_none_or(|series| series.instances == 0);
        Some(Self { first, is_new, new_classes: (classes.len() > count).then_some(classes), all })
    }

    fn study(&self) -> &'a Uid {
        &self.first.entry.study.study_instance_uid
    }

    fn series(&self) -> &'a Uid {
        &self.first.entry.series.series_instance_uid
    }
}

impl Before {
    /// Looks at what is there already of these instances and of their series.
    pub(crate) async fn look(transaction: &mut impl Execute, instances: &[NewInstance]) -> Result<Self, StoreError> {
        let mut batch = Batch::default();
        LogHead::push_read(&mut batch);
        for instance in instances {
            batch
                .statement(
                    "SELECT 'known', instances.sop_instance_uid, instances.blob_key, instances.data_set_digest,
                         deletions.returns
                     FROM instances LEFT JOIN deletions ON deletions.id = instances.deletion_id
                     WHERE instances.sop_instance_uid = ",
                )
                .bind(instance.entry.instance.sop_instance_uid.as_str());
        }
        let arriving: Vec<&NewInstance> = instances.iter().collect();
        for (study, series) in by_series(&arriving).into_keys() {
            batch
                .statement(
                    "SELECT 'series', study_instance_uid, series_instance_uid, sop_classes,
                         number_of_series_related_instances
                     FROM series WHERE study_instance_uid = ",
                )
                .bind(study.as_str())
                .push(" AND series_instance_uid = ")
                .bind(series.as_str());
        }
        overlays::push_look(&mut batch, instances.iter());
        batch.statement("SELECT 'deployment' FROM deployments WHERE enabled = 1 LIMIT 1");
        Self::of_rows(&transaction.execute(batch).await?)
    }

    fn of_rows(rows: &[Row]) -> Result<Self, StoreError> {
        let head = LogHead::of_rows(rows)?;
        let (known, series, corrections) = (HashMap::new(), HashMap::new(), Vec::new());
        let mut before = Self { known, series, head, has_deployments: false, corrections };
        for row in rows {
            match row.text(0) {
                "known" => {
                    let instance = KnownInstance {
                        blob: BlobKey::of_row(row.text(2).to_owned()),
                        data_set_digest: row.text(3).to_owned(),
                        returns: row.integer(4).map(|returns| returns == 1),
                    };
                    before.known.insert(row.text(1).to_owned(), instance);
                }
                "series" => {
                    let sop_classes = listed(row.text(3)).into_iter().collect();
                    let series = KnownSeries { instances: row.integer(4).unwrap_or(0), sop_classes };
                    before.series.insert((row.text(1).to_owned(), row.text(2).to_owned()), series);
                }
                "overlay" => before.corrections.push(overlays::job_of(row)),
                "deployment" => before.has_deployments = true,
                _ => {}
            }
        }
        Ok(before)
    }
}

/// Writes the rows of new instances, which studies and series count, the events that tell of them and the jobs that
/// follow.
pub(crate) async fn insert(
    transaction: &mut impl Execute,
    stored: &[&NewInstance],
    before: Before,
) -> Result<Told, StoreError> {
    let mut told = Told::default();
    if stored.is_empty() {
        return Ok(told);
    }
    let groups: Vec<Group> = by_series(stored).into_values().filter_map(|group| Group::new(group, &before)).collect();
    let mut batch = Batch::default();
    for group in grouped(stored, |one| &one.entry.study.study_instance_uid).values() {
        push_study(&mut batch, group, before.has_deployments);
    }
    groups.iter().for_each(|group| push_series(&mut batch, group));
    stored.iter().for_each(|instance| push_instance(&mut batch, instance, before.has_deployments));
    for (job, due_ms, again) in groups.iter().flat_map(|group| jobs_after(group, before.has_deployments)) {
        push_job(&mut batch, &job, due_ms, again);
        told.nudge_at(due_ms);
    }
    for job in &before.corrections {
        push_job(&mut batch, job, now_ms(), Again::Earlier);
        told.nudge_at(now_ms());
    }
    told.live = push_events(&mut batch, before.head, stored_events(stored));
    transaction.execute(batch).await?;
    let changed = groups.iter().filter(|group| group.is_new || group.new_classes.is_some());
    for study in changed.map(Group::study).collect::<BTreeSet<_>>() {
        gather_study(transaction, study.as_str()).await?;
    }
    Ok(told)
}

/// What follows the arrival of a group, and when: a series is routed, unless there is
/// nothing to route to, and described once it has settled. One that was not there before is routed at once; of one that
/// goes on arriving, several instances are routed together.
fn jobs_after(group: &Group, has_deployments: bool) -> Vec<(Job, i64, Again)> {
    let notes = group.all.iter().filter(|one| one.entry.instance.sop_class_uid.as_str() == KEY_OBJECT_SELECTION);
    let reject = |one: &&NewInstance| Job::Reject { sop_instance_uid: one.entry.instance.sop_instance_uid.to_string() };
    let mut jobs: Vec<(Job, i64, Again)> = notes.map(|note| (reject(note), now_ms(), Again::Later)).collect();
    if group.all.iter().all(|one| one.source.run_id().is_some()) {
        return jobs;
    }
    let (study_instance_uid, series_instance_uid) = (group.study().to_string(), group.series().to_string());
    if has_deployments {
        let (study_instance_uid, series_instance_uid) = (study_instance_uid.clone(), series_instance_uid.clone());
        let wait_ms = if group.is_new { 0 } else { GATHER_MS };
        jobs.push((Job::Route { study_instance_uid, series_instance_uid }, now_ms() + wait_ms, Again::Earlier));
    }
    jobs.push((Job::Describe { study_instance_uid, series_instance_uid }, now_ms() + SETTLE_MS, Again::AboutLater));
    jobs
}

impl Write {
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
                     WHERE instances.study_instance_uid = studies.study_instance_uid AND instances.indexed = 1)
             WHERE study_instance_uid = $1",
        )
        .bind(study_instance_uid)
        .execute(&mut *self.transaction)
        .await?;
        self.recount_bytes(study_instance_uid).await?;
        gather_study(self, study_instance_uid).await
    }
}

/// Gathers in a study's row what its series say.
async fn gather_study(transaction: &mut impl Execute, study_instance_uid: &str) -> Result<(), StoreError> {
    let mut batch = Batch::default();
    batch.statement(
        "SELECT modality, run_id, sop_classes FROM series
         WHERE number_of_series_related_instances > 0 AND study_instance_uid = ",
    );
    batch.bind(study_instance_uid);
    let rows = transaction.execute(batch).await?;
    let (mut all, mut acquired, mut classes) = (BTreeSet::new(), BTreeSet::new(), BTreeSet::new());
    for row in &rows {
        let modality = row.text(0);
        if row.text(1).is_empty() {
            acquired.insert(modality.to_owned());
        }
        all.insert(modality.to_owned());
        classes.extend(listed(row.text(2)));
    }
    let mut batch = Batch::default();
    batch
        .statement("UPDATE studies SET number_of_study_related_series = ")
        .bind(i64::try_from(rows.len()).unwrap_or(i64::MAX))
        .push(", modalities_in_study = ")
        .bind(list(&all))
        .push(", acquired_modalities = ")
        .bind(list(&acquired))
        .push(", sop_classes_in_study = ")
        .bind(list(&classes))
        .push(" WHERE study_instance_uid = ")
        .bind(study_instance_uid);
    transaction.execute(batch).await.map(|_| ())
}

/// Values as a column keeps several.
fn list(values: &BTreeSet<String>) -> String {
    values.iter().map(String::as_str).collect::<Vec<_>>().join("\\")
}

type UidOfSeries<'a> = (&'a Uid, &'a Uid);

fn by_series<'a>(instances: &[&'a NewInstance]) -> BTreeMap<UidOfSeries<'a>, Vec<&'a NewInstance>> {
    grouped(instances, |one| (&one.entry.study.study_instance_uid, &one.entry.series.series_instance_uid))
}

/// The columns of some levels with their values in an instance.
fn columns_of(instance: &NewInstance, levels: &[Level]) -> (String, Vec<Value>) {
    let columns = read_columns(levels);
    let names = columns.iter().map(|column| column.name.as_str()).collect::<Vec<_>>().join(", ");
    let value = |column: &&Column| {
        let text = instance.entry.text(column.attribute);
        match (column.attribute.is_number(), column.attribute.keyword.as_str()) {
            (true, "NumberOfFrames") => instance.entry.instance.frames.into(),
            (true, _) => text.parse::<i64>().ok().into(),
            (false, _) => text.into(),
        }
    };
    (names, columns.iter().map(value).collect())
}

/// Makes a row for the study of these instances, as the first of them describes it, or counts them in its row.
fn push_study(batch: &mut Batch, group: &[&NewInstance], has_deployments: bool) {
    let Some(first) = group.first() else { return };
    let (names, values) = columns_of(first, &[Level::Patient, Level::Study]);
    let ai_state = if has_deployments { AiState::Waiting } else { AiState::None };
    batch
        .statement("INSERT INTO studies (")
        .push(&names)
        .push(
            ", patient_name_alphabetic, patient_name_ideographic, patient_name_phonetic,
             referring_physician_name_folded, number_of_study_related_instances, size_bytes, received_ms, updated_ms,
             ai_state, ai_top_finding) VALUES (",
        )
        .bind_list(values)
        .push(", ")
        .bind_list(folded_groups(&first.entry.study.patient.name).map(Value::from))
        .push(", ")
        .bind_list([fold_name(&first.entry.study.referring_physician_name).into(), indexed(group).into()])
        .push(", ")
        .bind_list([group.iter().map(|one| size_of(one)).sum::<i64>().into(), first.received_ms.into()])
        .push(", ")
        .bind_list([first.received_ms.into(), ai_state.as_str().into()])
        .push(
            ", '') ON CONFLICT (study_instance_uid) DO UPDATE SET
                 updated_ms = excluded.updated_ms, size_bytes = studies.size_bytes + excluded.size_bytes,
                 number_of_study_related_instances =
                     studies.number_of_study_related_instances + excluded.number_of_study_related_instances",
        );
}

/// The same for their series.
fn push_series(batch: &mut Batch, group: &Group) {
    let first = group.first;
    let (names, values) = columns_of(first, &[Level::Series]);
    let folded = |keyword| {
        let name = Attribute::of_keyword(keyword).map(|one| fold_name(first.entry.text(one)));
        Value::from(name.unwrap_or_default())
    };
    batch
        .statement("INSERT INTO series (")
        .push(&names)
        .push(
            ", study_instance_uid, performing_physician_name_folded, operators_name_folded,
             number_of_series_related_instances, run_id, received_ms, sop_classes) VALUES (",
        )
        .bind_list(values)
        .push(", ")
        .bind_list([group.study().as_str().into(), folded("PerformingPhysicianName"), folded("OperatorsName")])
        .push(", ")
        .bind_list([indexed(&group.all).into(), run_of(first), first.received_ms.into()])
        .push(", ");
    batch.bind(group.new_classes.as_ref().map(list).unwrap_or_default()).push(
        ") ON CONFLICT (study_instance_uid, series_instance_uid) DO UPDATE SET
             sop_classes = CASE excluded.sop_classes WHEN '' THEN series.sop_classes ELSE excluded.sop_classes END,
             number_of_series_related_instances =
                 series.number_of_series_related_instances + excluded.number_of_series_related_instances",
    );
}

fn push_instance(batch: &mut Batch, instance: &NewInstance, has_deployments: bool) {
    let (names, values) = columns_of(instance, &[Level::Instance]);
    // Rules skip results unless they ask for them, and none can ask yet; without rules there is nothing to wait for.
    let routed = instance.source.run_id().is_some() || !has_deployments;
    let (study, series) = (&instance.entry.study, &instance.entry.series);
    batch
        .statement("INSERT INTO instances (")
        .push(&names)
        .push(
            ", study_instance_uid, series_instance_uid, blob_key, size_bytes, file_digest, data_set_digest, source,
             run_id, received_ms, indexed, routed) VALUES (",
        )
        .bind_list(values)
        .push(", ")
        .bind_list([study.study_instance_uid.as_str().into(), series.series_instance_uid.as_str().into()])
        .push(", ")
        .bind_list([instance.file.key.as_str().into(), size_of(instance).into()])
        .push(", ")
        .bind_list([instance.file_digest.as_str().into(), instance.data_set_digest.as_str().into()])
        .push(", ")
        .bind_list([instance.source.label().into(), run_of(instance), instance.received_ms.into()])
        .push(", ")
        .bind_list([i64::from(instance.indexed).into(), i64::from(routed).into()])
        .push(")");
}

fn run_of(instance: &NewInstance) -> Value {
    instance.source.run_id().map(str::to_owned).into()
}

/// One event for each series and source.
fn stored_events(stored: &[&NewInstance]) -> Vec<Event> {
    let groups = grouped(stored, |one| {
        (&one.entry.study.study_instance_uid, &one.entry.series.series_instance_uid, one.source.label())
    });
    let event = |((study, series, source), group): ((&Uid, &Uid, String), Vec<&NewInstance>)| {
        let uids: Vec<&str> = group.iter().map(|one| one.entry.instance.sop_instance_uid.as_str()).collect();
        Event::new(&source, "instance.stored", "series", series.as_str())
            .detail(serde_json::json!({ "instances": uids }).to_string())
            .study(study.as_str())
    };
    groups.into_iter().map(event).collect()
}

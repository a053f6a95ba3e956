//! Searches by attributes, as C-FIND and QIDO-RS ask for them. One builder; values are always bound, never pasted.
//!
//! Whoever looks for the beginning of a value is given a range of the index, since no engine uses one for LIKE alone:
//! texts compare by their bytes (PostgreSQL: collation C).

use crate::batch::{Batch, Row};
use crate::columns::{Column, table};
use crate::{Store, StoreError};
use lightbox_domain::{Attribute, Key, Level, Matching, Query};

/// A row of an answer: the attributes of its level and of those above it.
#[derive(Clone, Debug, PartialEq)]
pub struct Found(Vec<(&'static Attribute, String)>);

impl Found {
    /// The value of an attribute by keyword; empty when it has none or none is given at this level. Several values are
    /// divided by backslashes.
    #[must_use]
    pub fn text(&self, keyword: &str) -> &str {
        self.0.iter().find(|(attribute, _)| attribute.keyword == keyword).map_or("", |(_, value)| value)
    }

    /// All attributes with their values, empty ones too.
    pub fn values(&self) -> impl Iterator<Item = (&'static Attribute, &str)> {
        self.0.iter().map(|(attribute, value)| (*attribute, value.as_str()))
    }
}

pub(crate) type Sql = Batch;

impl Store {
    /// What matches: studies by date, the newest first; patients by number; series and instances by theirs. Only what
    /// belongs to the index is found, so never a result in shadow mode.
    ///
    /// # Errors
    /// When the database refuses.
    pub async fn search(&self, query: &Query) -> Result<Vec<Found>, StoreError> {
        let columns = answered(query.level);
        let selected: Vec<String> = columns.iter().map(|column| selected(query.level, column)).collect();
        let mut sql = Sql::default();
        sql.statement("SELECT ").push(selected.join(", ")).push(source(query.level));
        for key in &query.keys {
            sql.push(" AND ");
            push_key(&mut sql, key);
        }
        sql.push(order(query.level));
        sql.push(" LIMIT ").bind(query.limit).push(" OFFSET ").bind(query.offset);
        Ok(self.read(sql).await?.iter().map(|row| found(row, &columns)).collect())
    }
}

/// The columns of an answer at this level.
fn answered(level: Level) -> Vec<&'static Column> {
    let is_given = |one: &&Attribute| match level {
        Level::Patient => one.level == Level::Patient,
        _ => one.level <= level && !(one.is_count && one.level == Level::Patient),
    };
    Attribute::all().iter().filter(is_given).map(Column::of).collect()
}

/// A column as it is selected. A patient is gathered from studies.
fn selected(level: Level, column: &Column) -> String {
    if level != Level::Patient {
        return column.path.clone();
    }
    let sum = |of: &str| format!("CAST(SUM(studies.{of}) AS BIGINT)");
    match column.attribute.keyword.as_str() {
        "PatientID" | "IssuerOfPatientID" => column.path.clone(),
        "NumberOfPatientRelatedStudies" => "COUNT(*)".to_owned(),
        "NumberOfPatientRelatedSeries" => sum("number_of_study_related_series"),
        "NumberOfPatientRelatedInstances" => sum("number_of_study_related_instances"),
        _ => format!("MAX({})", column.path),
    }
}

/// Where rows come from, and that only what is indexed counts.
const fn source(level: Level) -> &'static str {
    match level {
        Level::Patient | Level::Study => " FROM studies WHERE studies.number_of_study_related_instances > 0",
        Level::Series => {
            " FROM series JOIN studies ON studies.study_instance_uid = series.study_instance_uid
              WHERE series.number_of_series_related_instances > 0"
        }
        Level::Instance => {
            " FROM instances JOIN studies ON studies.study_instance_uid = instances.study_instance_uid
              JOIN series ON series.study_instance_uid = instances.study_instance_uid
                         AND series.series_instance_uid = instances.series_instance_uid
              WHERE instances.indexed = 1"
        }
    }
}

const fn order(level: Level) -> &'static str {
    match level {
        Level::Patient => {
            " GROUP BY studies.patient_id, studies.issuer_of_patient_id
              ORDER BY studies.patient_id, studies.issuer_of_patient_id"
        }
        Level::Study => " ORDER BY studies.study_date DESC, studies.study_time DESC, studies.study_instance_uid",
        Level::Series => " ORDER BY series.study_instance_uid, series.series_number, series.series_instance_uid",
        Level::Instance => {
            " ORDER BY instances.study_instance_uid, instances.series_instance_uid, instances.instance_number,
              instances.sop_instance_uid"
        }
    }
}

fn found(row: &Row, columns: &[&'static Column]) -> Found {
    let value = |(place, column): (usize, &&'static Column)| {
        let text = match row.integer(place) {
            Some(number) => number.to_string(),
            None => row.text(place).to_owned(),
        };
        (column.attribute, text)
    };
    Found(columns.iter().enumerate().map(value).collect())
}

fn push_key(sql: &mut Sql, Key { attribute, matching }: &Key) {
    let column = Column::of(attribute);
    let below = match attribute.keyword.as_str() {
        "ModalitiesInStudy" => Some("series.modality"),
        "SOPClassesInStudy" => Some("instances.sop_class_uid"),
        _ => None,
    };
    match (below, matching) {
        (Some(path), matching) => push_below(sql, path, matching),
        (None, Matching::Like(patterns)) if attribute.is_name() => {
            push_any(sql, patterns, |sql, pattern| push_name(sql, column, pattern));
        }
        (None, Matching::Words(words)) => push_words(sql, column, words),
        (None, Matching::Moments { time, from, to }) => {
            push_moments(sql, [&column.path, &Column::of(time).path], from, to);
        }
        (None, matching) => push_matching(sql, &column.path, attribute.is_number(), matching),
    }
}

/// What a study has if one of its series or instances has it.
fn push_below(sql: &mut Sql, path: &'static str, matching: &Matching) {
    let (table, column) = path.split_once('.').unwrap_or(("series", path));
    let indexed = if table == "series" { "number_of_series_related_instances > 0" } else { "indexed = 1" };
    sql.push(format!(
        "EXISTS (SELECT 1 FROM {table} AS below
                 WHERE below.study_instance_uid = studies.study_instance_uid AND below.{indexed} AND "
    ));
    push_matching(sql, &format!("below.{column}"), false, matching);
    sql.push(")");
}

pub(crate) fn push_matching(sql: &mut Sql, path: &str, is_number: bool, matching: &Matching) {
    match matching {
        Matching::OneOf(values) => push_one_of(sql, path, is_number, values),
        Matching::Like(patterns) => push_any(sql, patterns, |sql, pattern| push_like(sql, path, pattern)),
        Matching::Range(from, to) | Matching::During(from, to) => push_range(sql, path, from, to),
        // Moments are no matter of one column.
        Matching::Moments { from, to, .. } => push_range(sql, path, &from.0, &to.0),
        Matching::Empty if is_number => {
            sql.push(format!("{path} IS NULL"));
        }
        // Words only occur with names.
        Matching::Empty | Matching::Words(_) => {
            sql.push(format!("{path} = ''"));
        }
    }
}

fn push_one_of(sql: &mut Sql, path: &str, is_number: bool, values: &[String]) {
    sql.push(format!("{path} IN ("));
    sql.bind_list(values.iter().map(|value| match value.parse::<i64>() {
        Ok(number) if is_number => number.into(),
        _ => value.as_str().into(),
    }));
    sql.push(")");
}

fn push_range(sql: &mut Sql, path: &str, from: &str, to: &str) {
    sql.push(format!("({path} <> ''"));
    if !from.is_empty() {
        sql.push(format!(" AND {path} >= ")).bind(from.to_owned());
    }
    if !to.is_empty() {
        sql.push(format!(" AND {path} <= ")).bind(to.to_owned());
    }
    sql.push(")");
}

/// A date and its time, in columns of their own, as one. What has no time is not within a day.
fn push_moments(sql: &mut Sql, [date, time]: [&str; 2], from: &(String, String), to: &(String, String)) {
    push_range(sql, date, &from.0, &to.0);
    for ((day, moment), beyond, within) in [(from, ">", ">="), (to, "<", "<=")] {
        if !day.is_empty() {
            sql.push(format!(" AND ({date} {beyond} ")).bind(day.clone());
            sql.push(format!(" OR ({time} <> '' AND {time} {within} ")).bind(moment.clone()).push("))");
        }
    }
}

/// One of these must hold; of none, nothing does.
pub(crate) fn push_any<T>(sql: &mut Sql, choices: &[T], mut push: impl FnMut(&mut Sql, &T)) {
    sql.push("(");
    for (place, choice) in choices.iter().enumerate() {
        if place > 0 {
            sql.push(" OR ");
        }
        push(sql, choice);
    }
    sql.push(if choices.is_empty() { "1 = 0)" } else { ")" });
}

/// A pattern: what stands before its first wildcard bounds a range of the index.
fn push_like(sql: &mut Sql, path: &str, pattern: impl AsRef<str>) {
    let pattern = pattern.as_ref();
    let Some(wildcard) = pattern.find(['*', '?']) else {
        sql.push(format!("{path} = ")).bind(pattern.to_owned());
        return;
    };
    let (prefix, rest) = pattern.split_at(wildcard);
    if !prefix.is_empty() {
        sql.push(format!("({path} >= ")).bind(prefix.to_owned());
        sql.push(format!(" AND {path} < ")).bind(format!("{prefix}{}", char::MAX));
        if rest == "*" {
            sql.push(")");
            return;
        }
        sql.push(" AND ");
    }
    sql.push(format!("{path} LIKE ")).bind(like_pattern(pattern)).push(" ESCAPE '\\'");
    if !prefix.is_empty() {
        sql.push(")");
    }
}

/// A folded name. A patient's has a column for each component group: a pattern of several groups means each of its own, a
/// single one any of them, unless it is plainly alphabetic.
fn push_name(sql: &mut Sql, column: &Column, pattern: &str) {
    if column.attribute.keyword != "PatientName" {
        return push_any_group(sql, &column.folded(), pattern);
    }
    let path = |group: &str| format!("studies.patient_name_{group}");
    if pattern.contains('=') {
        let given = pattern.split('=').zip(GROUPS).filter(|(part, _)| !part.is_empty());
        for (place, (part, group)) in given.enumerate() {
            sql.push(if place > 0 { " AND " } else { "" });
            push_like(sql, &path(group), part);
        }
    } else if pattern.is_ascii() {
        push_like(sql, &path(GROUPS[0]), pattern);
    } else {
        push_any(sql, &GROUPS, |sql, group| {
            let path = path(group);
            sql.push(format!("({path} <> '' AND "));
            push_like(sql, &path, pattern);
            sql.push(")");
        });
    }
}

/// A folded name, of which any component group matches, or all of them together.
pub(crate) fn push_any_group(sql: &mut Sql, path: &str, pattern: &str) {
    let anywhere = ["", "*="].map(|before| ["", "=*"].map(|after| format!("{before}{pattern}{after}")));
    push_any(sql, &anywhere.concat(), |sql, pattern| push_like(sql, path, pattern));
}

/// The component groups of a name (PS3.5 §6.2), each with a column of its own.
const GROUPS: [&str; 3] = ["alphabetic", "ideographic", "phonetic"];

/// Each of these begins a word of the name.
fn push_words(sql: &mut Sql, column: &Column, words: &[String]) {
    let name = match column.attribute.keyword.as_str() {
        "PatientName" => {
            GROUPS.map(|group| format!("'=' || {}.patient_name_{group}", table(Level::Patient))).join(" || ")
        }
        _ => format!("'=' || {}", column.folded()),
    };
    push_words_of(sql, &name, words);
}

/// The same for an expression that gives the folded name after a `=`.
pub(crate) fn push_words_of(sql: &mut Sql, name: &str, words: &[String]) {
    for (place, word) in words.iter().enumerate() {
        sql.push(if place > 0 { " AND " } else { "" });
        push_any(sql, &['=', '^', ' ', '-'], |sql, before| {
            sql.push(format!("({name}) LIKE ")).bind(like_pattern(&format!("*{before}{word}*")));
            sql.push(" ESCAPE '\\'");
        });
    }
}

/// `*` and `?` as LIKE writes them, everything else as itself.
fn like_pattern(pattern: &str) -> String {
    let mut like = String::with_capacity(pattern.len() + 4);
    for character in pattern.chars() {
        match character {
            '*' => like.push('%'),
            '?' => like.push('_'),
            '%' | '_' | '\\' => {
                like.push('\\');
                like.push(character);
            }
            plain => like.push(plain),
        }
    }
    like
}

#[cfg(test)]
mod tests {
    use super::like_pattern;

    #[test]
    fn wildcards_become_like_patterns() {
        assert_eq!(like_pattern("Mü*er^?"), "Mü%er^_");
        assert_eq!(like_pattern("100%_\\"), "100\\%\\_\\\\");
    }
}

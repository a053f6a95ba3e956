//! Searches by attributes, as QIDO-RS asks them (PS3.18 §10.6). One builder; values are always bound, never pasted.

use crate::instances::{instance_columns, instance_of};
use crate::studies::{series_columns, series_of, study_columns};
use crate::{Store, StoreError, StoredInstance, StoredSeries, StoredStudy};
use sqlx::QueryBuilder;

/// What a search lists.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Level {
    /// Studies.
    Study,
    /// Series.
    Series,
    /// Instances.
    Instance,
}

/// An attribute that can be searched by.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Column {
    /// (0020,000D)
    StudyInstanceUid,
    /// (0010,0020)
    PatientId,
    /// (0010,0021)
    IssuerOfPatientId,
    /// (0010,0010)
    PatientName,
    /// (0008,0050)
    AccessionNumber,
    /// (0008,0020)
    StudyDate,
    /// (0008,0030)
    StudyTime,
    /// (0020,0010)
    StudyId,
    /// (0008,1030)
    StudyDescription,
    /// (0008,0090)
    ReferringPhysicianName,
    /// (0008,0061)
    ModalitiesInStudy,
    /// (0020,000E)
    SeriesInstanceUid,
    /// (0008,0060)
    Modality,
    /// (0020,0011)
    SeriesNumber,
    /// (0008,103E)
    SeriesDescription,
    /// (0008,0018)
    SopInstanceUid,
    /// (0008,0016)
    SopClassUid,
    /// (0020,0013)
    InstanceNumber,
}

/// How an attribute must match (PS3.4 §C.2.2.2).
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Match {
    /// One of these values.
    OneOf(Vec<String>),
    /// This number.
    Number(i64),
    /// A pattern with `*` and `?`; names match without regard to case.
    Wildcard(String),
    /// From the first to the second, both included; empty for open.
    Range(String, String),
}

/// A search.
#[derive(Clone, Debug, Default)]
pub struct Search {
    /// All must match.
    pub matches: Vec<(Column, Match)>,
    /// How many rows at most.
    pub limit: i64,
    /// How many rows to pass over.
    pub offset: i64,
}

impl Column {
    /// The table's column, and whether it is only known with series or instances in view.
    const fn sql(self) -> &'static str {
        match self {
            Self::StudyInstanceUid => "studies.study_instance_uid",
            Self::PatientId => "studies.patient_id",
            Self::IssuerOfPatientId => "studies.patient_issuer",
            Self::PatientName => "studies.patient_name",
            Self::AccessionNumber => "studies.accession_number",
            Self::StudyDate => "studies.study_date",
            Self::StudyTime => "studies.study_time",
            Self::StudyId => "studies.study_id",
            Self::StudyDescription => "studies.study_description",
            Self::ReferringPhysicianName => "studies.referring_physician_name",
            Self::ModalitiesInStudy | Self::Modality => "series.modality",
            Self::SeriesInstanceUid => "series.series_instance_uid",
            Self::SeriesNumber => "series.series_number",
            Self::SeriesDescription => "series.series_description",
            Self::SopInstanceUid => "instances.sop_instance_uid",
            Self::SopClassUid => "instances.sop_class_uid",
            Self::InstanceNumber => "instances.instance_number",
        }
    }

    const fn is_name(self) -> bool {
        matches!(self, Self::PatientName | Self::ReferringPhysicianName)
    }

    /// The level from which on the attribute is part of a row.
    #[must_use]
    pub const fn level(self) -> Level {
        match self {
            Self::SeriesInstanceUid | Self::Modality | Self::SeriesNumber | Self::SeriesDescription => Level::Series,
            Self::SopInstanceUid | Self::SopClassUid | Self::InstanceNumber => Level::Instance,
            _ => Level::Study,
        }
    }
}

impl Store {
    /// Studies that match, newest first.
    ///
    /// # Errors
    /// When the database refuses.
    pub async fn search_studies(&self, search: &Search) -> Result<Vec<StoredStudy>, StoreError> {
        let mut query = QueryBuilder::new(concat!("SELECT ", study_columns!(), " FROM studies"));
        push_matches(&mut query, Level::Study, search);
        query.push(" ORDER BY studies.study_date DESC, studies.study_time DESC, studies.study_instance_uid");
        push_page(&mut query, search);
        let rows = query.build().fetch_all(self.readers()).await?;
        self.studies_of(&rows).await
    }

    /// Series that match, each with its study, in the order of series number.
    ///
    /// # Errors
    /// When the database refuses.
    pub async fn search_series(&self, search: &Search) -> Result<Vec<StoredSeries>, StoreError> {
        let mut query = QueryBuilder::new(concat!(
            "SELECT ",
            series_columns!(),
            " FROM series JOIN studies ON studies.study_instance_uid = series.study_instance_uid"
        ));
        push_matches(&mut query, Level::Series, search);
        query.push(" ORDER BY series.study_instance_uid, series.series_number, series.series_instance_uid");
        push_page(&mut query, search);
        query.build().fetch_all(self.readers()).await?.iter().map(series_of).collect()
    }

    /// Instances that match, in the order of series and instance number.
    ///
    /// # Errors
    /// When the database refuses.
    pub async fn search_instances(&self, search: &Search) -> Result<Vec<StoredInstance>, StoreError> {
        let mut query = QueryBuilder::new(concat!(
            "SELECT ",
            instance_columns!(),
            " FROM instances JOIN studies ON studies.study_instance_uid = instances.study_instance_uid
              JOIN series ON series.study_instance_uid = instances.study_instance_uid
                         AND series.series_instance_uid = instances.series_instance_uid"
        ));
        push_matches(&mut query, Level::Instance, search);
        query.push(
            " ORDER BY instances.study_instance_uid, instances.series_instance_uid, instances.instance_number,
              instances.sop_instance_uid",
        );
        push_page(&mut query, search);
        query.build().fetch_all(self.readers()).await?.iter().map(instance_of).collect()
    }
}

type Query = QueryBuilder<sqlx::Any>;

fn push_matches(query: &mut Query, level: Level, search: &Search) {
    query.push(match level {
        Level::Study => {
            " WHERE EXISTS (SELECT 1 FROM instances
              WHERE instances.study_instance_uid = studies.study_instance_uid AND instances.indexed = 1)"
        }
        Level::Series => {
            " WHERE EXISTS (SELECT 1 FROM instances
              WHERE instances.study_instance_uid = series.study_instance_uid
                AND instances.series_instance_uid = series.series_instance_uid AND instances.indexed = 1)"
        }
        Level::Instance => " WHERE instances.indexed = 1",
    });
    for (column, wanted) in &search.matches {
        query.push(" AND ");
        if *column == Column::ModalitiesInStudy {
            query
                .push("EXISTS (SELECT 1 FROM series WHERE series.study_instance_uid = studies.study_instance_uid AND ");
            push_match(query, *column, wanted);
            query.push(")");
        } else {
            push_match(query, *column, wanted);
        }
    }
}

fn push_match(query: &mut Query, column: Column, wanted: &Match) {
    let sql = column.sql();
    match wanted {
        Match::OneOf(values) => {
            query.push(format!("{sql} IN ("));
            let mut list = query.separated(", ");
            for value in values {
                list.push_bind(value.clone());
            }
            query.push(")");
        }
        Match::Number(number) => {
            query.push(format!("{sql} = ")).push_bind(*number);
        }
        Match::Wildcard(pattern) if column.is_name() => {
            query.push(format!("LOWER({sql}) LIKE ")).push_bind(like_pattern(&pattern.to_lowercase()));
            query.push(" ESCAPE '\\'");
        }
        Match::Wildcard(pattern) => {
            query.push(format!("{sql} LIKE ")).push_bind(like_pattern(pattern));
            query.push(" ESCAPE '\\'");
        }
        Match::Range(from, to) => {
            query.push(format!("({sql} >= ")).push_bind(from.clone());
            if !to.is_empty() {
                query.push(format!(" AND {sql} <= ")).push_bind(to.clone());
            }
            query.push(format!(" AND {sql} <> '')"));
        }
    }
}

fn push_page(query: &mut Query, search: &Search) {
    query.push(" LIMIT ").push_bind(search.limit).push(" OFFSET ").push_bind(search.offset);
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

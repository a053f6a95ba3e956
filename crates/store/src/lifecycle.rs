//! What lifecycle rules look at.

use crate::compression::COMPRESSIBLE;
use crate::instances::uid_of;
use crate::{Store, StoreError};
use lightbox_domain::{SeriesAge, Uid};
use sqlx::Row;

/// A series that rules may look at.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct AgedSeries {
    /// Its study.
    pub study_instance_uid: Uid,
    /// Its UID.
    pub series_instance_uid: Uid,
    /// What rules ask for.
    pub age: SeriesAge,
    /// Bytes of its indexed instances.
    pub size_bytes: i64,
    /// Those of them that could be tried to be kept compressed.
    pub compressible_bytes: i64,
}

impl Store {
    /// Indexed series that no run made, after this one by study and series, at most `limit`. Results go with what they
    /// were made of, so that no rule looks at them.
    ///
    /// # Errors
    /// When the database refuses.
    pub async fn aged_series(&self, after: Option<&AgedSeries>, limit: i64) -> Result<Vec<AgedSeries>, StoreError> {
        let (study, series) =
            after.map_or(("", ""), |one| (one.study_instance_uid.as_str(), one.series_instance_uid.as_str()));
        let rows = sqlx::query(
            "SELECT series.study_instance_uid, series.series_instance_uid, series.modality, series.body_part_examined,
                 MIN(instances.source) AS source, MAX(instances.received_ms) AS arrived_ms,
                 CAST(SUM(instances.size_bytes) AS BIGINT) AS size_bytes,
                 CAST(SUM(CASE WHEN instances.transfer_syntax_uid IN ($1, $2) AND instances.number_of_frames > 0
                     AND instances.uncompressed_reason = '' THEN instances.size_bytes ELSE 0 END) AS BIGINT)
                     AS compressible_bytes
             FROM series JOIN instances ON instances.study_instance_uid = series.study_instance_uid
                 AND instances.series_instance_uid = series.series_instance_uid AND instances.indexed = 1
             WHERE series.run_id IS NULL AND (series.study_instance_uid > $3
                 OR (series.study_instance_uid = $4 AND series.series_instance_uid > $5))
             GROUP BY series.study_instance_uid, series.series_instance_uid, series.modality, series.body_part_examined
             ORDER BY series.study_instance_uid, series.series_instance_uid LIMIT $6",
        )
        .bind(COMPRESSIBLE[0])
        .bind(COMPRESSIBLE[1])
        .bind(study)
        .bind(study)
        .bind(series)
        .bind(limit)
        .fetch_all(self.readers())
        .await?;
        let aged = rows.iter().map(|row| {
            Ok(AgedSeries {
                study_instance_uid: uid_of(row, "study_instance_uid")?,
                series_instance_uid: uid_of(row, "series_instance_uid")?,
                age: SeriesAge {
                    modality: row.try_get("modality")?,
                    body_part: row.try_get("body_part_examined")?,
                    source: row.try_get("source")?,
                    arrived_ms: row.try_get("arrived_ms")?,
                },
                size_bytes: row.try_get("size_bytes")?,
                compressible_bytes: row.try_get("compressible_bytes")?,
            })
        });
        aged.collect()
    }
}

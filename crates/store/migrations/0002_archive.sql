-- What an archive answers from: attributes as the table of `domain` names them (a column is the keyword in snake case),
-- counts that need no counting, and names as they are compared.

ALTER TABLE studies RENAME COLUMN patient_issuer TO issuer_of_patient_id;
ALTER TABLE studies ADD COLUMN timezone_offset_from_utc TEXT NOT NULL DEFAULT '';
ALTER TABLE studies ADD COLUMN modalities_in_study TEXT NOT NULL DEFAULT '';
ALTER TABLE studies ADD COLUMN sop_classes_in_study TEXT NOT NULL DEFAULT '';
ALTER TABLE studies ADD COLUMN acquired_modalities TEXT NOT NULL DEFAULT '';
ALTER TABLE studies ADD COLUMN number_of_study_related_series BIGINT NOT NULL DEFAULT 0;
ALTER TABLE studies ADD COLUMN number_of_study_related_instances BIGINT NOT NULL DEFAULT 0;
ALTER TABLE studies ADD COLUMN size_bytes BIGINT NOT NULL DEFAULT 0;

-- A name folded for comparison, each component group in a column of its own, since any of them may be asked for.
ALTER TABLE studies ADD COLUMN patient_name_alphabetic TEXT NOT NULL DEFAULT '';
ALTER TABLE studies ADD COLUMN patient_name_ideographic TEXT NOT NULL DEFAULT '';
ALTER TABLE studies ADD COLUMN patient_name_phonetic TEXT NOT NULL DEFAULT '';
ALTER TABLE studies ADD COLUMN referring_physician_name_folded TEXT NOT NULL DEFAULT '';

ALTER TABLE series ADD COLUMN sop_classes TEXT NOT NULL DEFAULT '';
ALTER TABLE series ADD COLUMN number_of_series_related_instances BIGINT NOT NULL DEFAULT 0;
ALTER TABLE series ADD COLUMN series_date TEXT NOT NULL DEFAULT '';
ALTER TABLE series ADD COLUMN series_time TEXT NOT NULL DEFAULT '';
ALTER TABLE series ADD COLUMN laterality TEXT NOT NULL DEFAULT '';
ALTER TABLE series ADD COLUMN protocol_name TEXT NOT NULL DEFAULT '';
ALTER TABLE series ADD COLUMN manufacturer TEXT NOT NULL DEFAULT '';
ALTER TABLE series ADD COLUMN manufacturer_model_name TEXT NOT NULL DEFAULT '';
ALTER TABLE series ADD COLUMN institution_name TEXT NOT NULL DEFAULT '';
ALTER TABLE series ADD COLUMN institutional_department_name TEXT NOT NULL DEFAULT '';
ALTER TABLE series ADD COLUMN station_name TEXT NOT NULL DEFAULT '';
ALTER TABLE series ADD COLUMN performing_physician_name TEXT NOT NULL DEFAULT '';
ALTER TABLE series ADD COLUMN operators_name TEXT NOT NULL DEFAULT '';
ALTER TABLE series ADD COLUMN performed_procedure_step_start_date TEXT NOT NULL DEFAULT '';
ALTER TABLE series ADD COLUMN performed_procedure_step_start_time TEXT NOT NULL DEFAULT '';
ALTER TABLE series ADD COLUMN performed_procedure_step_id TEXT NOT NULL DEFAULT '';
ALTER TABLE series ADD COLUMN scheduled_procedure_step_id TEXT NOT NULL DEFAULT '';
ALTER TABLE series ADD COLUMN requested_procedure_id TEXT NOT NULL DEFAULT '';
ALTER TABLE series ADD COLUMN performing_physician_name_folded TEXT NOT NULL DEFAULT '';
ALTER TABLE series ADD COLUMN operators_name_folded TEXT NOT NULL DEFAULT '';

ALTER TABLE instances RENAME COLUMN image_rows TO rows;
ALTER TABLE instances RENAME COLUMN image_columns TO columns;
ALTER TABLE instances RENAME COLUMN frames TO number_of_frames;
ALTER TABLE instances ADD COLUMN bits_allocated BIGINT;
ALTER TABLE instances ADD COLUMN content_date TEXT NOT NULL DEFAULT '';
ALTER TABLE instances ADD COLUMN content_time TEXT NOT NULL DEFAULT '';

UPDATE series SET number_of_series_related_instances = (
    SELECT COUNT(*) FROM instances
    WHERE instances.study_instance_uid = series.study_instance_uid
      AND instances.series_instance_uid = series.series_instance_uid AND instances.indexed = 1);
UPDATE studies SET
    number_of_study_related_series = (
        SELECT COUNT(*) FROM series WHERE series.study_instance_uid = studies.study_instance_uid
          AND series.number_of_series_related_instances > 0),
    number_of_study_related_instances = (
        SELECT COUNT(*) FROM instances WHERE instances.study_instance_uid = studies.study_instance_uid
          AND instances.indexed = 1),
    size_bytes = COALESCE((
        SELECT CAST(SUM(instances.size_bytes) AS BIGINT) FROM instances
        WHERE instances.study_instance_uid = studies.study_instance_uid), 0),
    patient_name_alphabetic = LOWER(patient_name),
    referring_physician_name_folded = LOWER(referring_physician_name);

DROP INDEX studies_patient;
DROP INDEX studies_date;
CREATE INDEX studies_patient ON studies (patient_id, issuer_of_patient_id);
CREATE INDEX studies_name ON studies (patient_name_alphabetic);
CREATE INDEX studies_name_ideographic ON studies (patient_name_ideographic) WHERE patient_name_ideographic <> '';
CREATE INDEX studies_name_phonetic ON studies (patient_name_phonetic) WHERE patient_name_phonetic <> '';
-- What no rule has looked at yet: nothing, most of the time.
CREATE INDEX instances_unrouted ON instances (study_instance_uid, series_instance_uid) WHERE routed = 0;
CREATE INDEX studies_recent ON studies (study_date DESC, study_time DESC, study_instance_uid);

-- What is kept of a settled series' metadata: derived, and true only while it counts as many instances as the series.
CREATE TABLE series_metadata (
    study_instance_uid  TEXT NOT NULL,
    series_instance_uid TEXT NOT NULL,
    blob_key            TEXT NOT NULL UNIQUE,
    size_bytes          BIGINT NOT NULL,
    instances           BIGINT NOT NULL,
    gathered_ms         BIGINT NOT NULL,
    PRIMARY KEY (study_instance_uid, series_instance_uid),
    FOREIGN KEY (study_instance_uid, series_instance_uid) REFERENCES series (study_instance_uid, series_instance_uid)
);

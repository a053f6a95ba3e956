-- Corrections and merges. What is stored stays; these lie over it. Only undone_by and undone_ms ever change in a row.
-- scope_study is set for a correction, patient_id and issuer_of_patient_id for an overlay of all studies of a patient;
-- new_values is a JSON object of keyword and value.
CREATE TABLE overlays (
    id                   TEXT PRIMARY KEY,
    scope_study          TEXT,
    patient_id           TEXT,
    issuer_of_patient_id TEXT,
    new_values           TEXT NOT NULL,
    reason               TEXT NOT NULL,
    made_by              TEXT NOT NULL,
    made_ms              BIGINT NOT NULL UNIQUE,
    undone_by            TEXT,
    undone_ms            BIGINT,
    CONSTRAINT overlays_scope CHECK ((scope_study IS NULL) = (patient_id IS NOT NULL AND issuer_of_patient_id IS NOT NULL))
);
CREATE INDEX overlays_study ON overlays (scope_study);
CREATE INDEX overlays_patient ON overlays (patient_id, issuer_of_patient_id);

-- Which overlays have ever counted for a study.
CREATE TABLE study_overlays (
    study_instance_uid TEXT NOT NULL,
    overlay_id         TEXT NOT NULL REFERENCES overlays (id),
    PRIMARY KEY (study_instance_uid, overlay_id)
);
CREATE INDEX study_overlays_overlay ON study_overlays (overlay_id);

-- What comes of them, as JSON: what the study arrived with, what its instances say when they leave. Empty for nearly all.
ALTER TABLE studies ADD COLUMN correction TEXT NOT NULL DEFAULT '';

-- What was deleted: hidden at once, brought back by whoever undoes it, gone after its purge.
CREATE TABLE deletions (
    id                  TEXT PRIMARY KEY,
    study_instance_uid  TEXT NOT NULL,
    series_instance_uid TEXT,
    cause               TEXT NOT NULL CHECK (cause IN ('person', 'rejection', 'rule')),
    reason              TEXT NOT NULL,
    deleted_by          TEXT NOT NULL,
    deleted_ms          BIGINT NOT NULL,
    purge_ms            BIGINT,
    returns             BIGINT NOT NULL CHECK (returns IN (0, 1)),
    instances           BIGINT NOT NULL,
    undone_by           TEXT,
    undone_ms           BIGINT,
    purged_ms           BIGINT
);
CREATE INDEX deletions_study ON deletions (study_instance_uid);

-- A deleted instance is not indexed; indexed_before says whether it was.
ALTER TABLE instances ADD COLUMN deletion_id TEXT REFERENCES deletions (id);
ALTER TABLE instances ADD COLUMN indexed_before BIGINT NOT NULL DEFAULT 0 CHECK (indexed_before IN (0, 1));
CREATE INDEX instances_deleted ON instances (deletion_id) WHERE deletion_id IS NOT NULL;
CREATE INDEX instances_run ON instances (run_id) WHERE run_id IS NOT NULL;

-- Files whose rows are gone and that are still to be removed.
CREATE TABLE removals (
    blob_key TEXT PRIMARY KEY,
    kind     TEXT NOT NULL CHECK (kind IN ('instance', 'metadata'))
);

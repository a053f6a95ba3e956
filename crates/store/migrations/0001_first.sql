-- The first schema. One text for SQLite and PostgreSQL: TEXT, BIGINT and DOUBLE PRECISION only; flags are BIGINT 0 or 1;
-- times are milliseconds since 1970; keys are made by us.

CREATE TABLE studies (
    study_instance_uid       TEXT PRIMARY KEY,
    patient_id               TEXT NOT NULL,
    patient_issuer           TEXT NOT NULL,
    patient_name             TEXT NOT NULL,
    patient_birth_date       TEXT NOT NULL,
    patient_sex              TEXT NOT NULL,
    patient_age              TEXT NOT NULL,
    accession_number         TEXT NOT NULL,
    study_date               TEXT NOT NULL,
    study_time               TEXT NOT NULL,
    study_id                 TEXT NOT NULL,
    study_description        TEXT NOT NULL,
    referring_physician_name TEXT NOT NULL,
    received_ms              BIGINT NOT NULL,
    updated_ms               BIGINT NOT NULL,
    ai_state                 TEXT NOT NULL,
    ai_top_finding           TEXT NOT NULL
);
CREATE INDEX studies_received ON studies (received_ms);
CREATE INDEX studies_patient ON studies (patient_id);
CREATE INDEX studies_accession ON studies (accession_number);
CREATE INDEX studies_date ON studies (study_date);

CREATE TABLE series (
    study_instance_uid  TEXT NOT NULL REFERENCES studies (study_instance_uid),
    series_instance_uid TEXT NOT NULL,
    modality            TEXT NOT NULL,
    series_number       BIGINT,
    series_description  TEXT NOT NULL,
    body_part_examined  TEXT NOT NULL,
    run_id              TEXT,
    received_ms         BIGINT NOT NULL,
    PRIMARY KEY (study_instance_uid, series_instance_uid)
);
CREATE INDEX series_uid ON series (series_instance_uid);

-- indexed = 0: kept, but outside the study's index (a result in shadow mode).
CREATE TABLE instances (
    sop_instance_uid    TEXT PRIMARY KEY,
    study_instance_uid  TEXT NOT NULL,
    series_instance_uid TEXT NOT NULL,
    sop_class_uid       TEXT NOT NULL,
    transfer_syntax_uid TEXT NOT NULL,
    instance_number     BIGINT,
    image_rows          BIGINT,
    image_columns       BIGINT,
    frames              BIGINT NOT NULL,
    blob_key            TEXT NOT NULL UNIQUE,
    size_bytes          BIGINT NOT NULL,
    file_sha256         TEXT NOT NULL,
    data_set_sha256     TEXT NOT NULL,
    source              TEXT NOT NULL,
    run_id              TEXT,
    received_ms         BIGINT NOT NULL,
    indexed             BIGINT NOT NULL CHECK (indexed IN (0, 1)),
    routed              BIGINT NOT NULL CHECK (routed IN (0, 1)),
    FOREIGN KEY (study_instance_uid, series_instance_uid) REFERENCES series (study_instance_uid, series_instance_uid)
);
CREATE INDEX instances_series ON instances (study_instance_uid, series_instance_uid);

-- The shelf of newcomers that carry a known SOP Instance UID and another data set.
CREATE TABLE conflicts (
    id               TEXT PRIMARY KEY,
    sop_instance_uid TEXT NOT NULL,
    blob_key         TEXT NOT NULL UNIQUE,
    size_bytes       BIGINT NOT NULL,
    file_sha256      TEXT NOT NULL,
    data_set_sha256  TEXT NOT NULL,
    source           TEXT NOT NULL,
    received_ms      BIGINT NOT NULL
);
CREATE UNIQUE INDEX conflicts_once ON conflicts (sop_instance_uid, data_set_sha256);

CREATE TABLE deployments (
    id          TEXT PRIMARY KEY,
    app_id      TEXT NOT NULL,
    app_release TEXT NOT NULL,
    digest      TEXT NOT NULL,
    folder      TEXT NOT NULL,
    manifest    TEXT NOT NULL,
    mode        TEXT NOT NULL CHECK (mode IN ('shadow', 'live')),
    enabled     BIGINT NOT NULL CHECK (enabled IN (0, 1)),
    thresholds  TEXT NOT NULL,
    created_ms  BIGINT NOT NULL
);
CREATE UNIQUE INDEX deployments_digest ON deployments (digest);

CREATE TABLE decisions (
    deployment_id       TEXT NOT NULL REFERENCES deployments (id),
    sop_instance_uid    TEXT NOT NULL,
    study_instance_uid  TEXT NOT NULL,
    series_instance_uid TEXT NOT NULL,
    outcome             TEXT NOT NULL CHECK (outcome IN ('matched', 'not_applicable', 'outside_intended_use')),
    reason              TEXT NOT NULL,
    decided_ms          BIGINT NOT NULL,
    PRIMARY KEY (deployment_id, sop_instance_uid)
);
CREATE INDEX decisions_study ON decisions (study_instance_uid);

-- ordinal: 0 for the run that routing queued, 1, 2, … for those that a person ordered on the same input.
CREATE TABLE runs (
    id                  TEXT PRIMARY KEY,
    deployment_id       TEXT NOT NULL REFERENCES deployments (id),
    sop_instance_uid    TEXT NOT NULL,
    ordinal             BIGINT NOT NULL,
    study_instance_uid  TEXT NOT NULL,
    series_instance_uid TEXT NOT NULL,
    mode                TEXT NOT NULL CHECK (mode IN ('shadow', 'live')),
    state               TEXT NOT NULL
        CHECK (state IN ('queued', 'running', 'publishing', 'finished', 'rejected', 'failed')),
    reason              TEXT NOT NULL,
    attempts            BIGINT NOT NULL,
    override_reason     TEXT,
    override_by         TEXT,
    override_ms         BIGINT,
    received_ms         BIGINT NOT NULL,
    queued_ms           BIGINT NOT NULL,
    started_ms          BIGINT,
    inferred_ms         BIGINT,
    finished_ms         BIGINT,
    model_us            BIGINT,
    findings            TEXT NOT NULL,
    map_state           TEXT NOT NULL CHECK (map_state IN ('none', 'pending', 'stored', 'failed')),
    map_ms              BIGINT,
    map                 TEXT,
    superseded_by       TEXT,
    CONSTRAINT runs_once UNIQUE (deployment_id, sop_instance_uid, ordinal)
);
CREATE INDEX runs_study ON runs (study_instance_uid);

CREATE TABLE results (
    run_id              TEXT NOT NULL REFERENCES runs (id),
    kind                TEXT NOT NULL CHECK (kind IN ('sr', 'sc')),
    sop_instance_uid    TEXT NOT NULL,
    series_instance_uid TEXT NOT NULL,
    stored_ms           BIGINT NOT NULL,
    PRIMARY KEY (run_id, kind)
);

CREATE TABLE deliveries (
    id               TEXT PRIMARY KEY,
    run_id           TEXT NOT NULL REFERENCES runs (id),
    sop_instance_uid TEXT NOT NULL,
    ae_title         TEXT NOT NULL,
    state            TEXT NOT NULL CHECK (state IN ('due', 'delivered', 'failed')),
    reason           TEXT NOT NULL,
    created_ms       BIGINT NOT NULL,
    delivered_ms     BIGINT,
    CONSTRAINT deliveries_once UNIQUE (sop_instance_uid, ae_title)
);

-- wanted grows when a job is asked for again while a worker has it: it is then due once more.
CREATE TABLE jobs (
    kind             TEXT NOT NULL,
    subject          TEXT NOT NULL,
    priority         BIGINT NOT NULL,
    due_ms           BIGINT NOT NULL,
    attempts         BIGINT NOT NULL,
    wanted           BIGINT NOT NULL,
    claimed_until_ms BIGINT NOT NULL,
    dead             BIGINT NOT NULL CHECK (dead IN (0, 1)),
    last_error       TEXT NOT NULL,
    PRIMARY KEY (kind, subject)
);
CREATE INDEX jobs_due ON jobs (dead, priority, due_ms);

CREATE TABLE peers (
    ae_title         TEXT PRIMARY KEY,
    host             TEXT,
    port             BIGINT,
    receives_results BIGINT NOT NULL CHECK (receives_results IN (0, 1)),
    admitted_ms      BIGINT NOT NULL
);

CREATE TABLE pending_peers (
    ae_title      TEXT NOT NULL,
    host          TEXT NOT NULL,
    first_seen_ms BIGINT NOT NULL,
    last_seen_ms  BIGINT NOT NULL,
    attempts      BIGINT NOT NULL,
    PRIMARY KEY (ae_title, host)
);

CREATE TABLE accounts (
    name          TEXT PRIMARY KEY,
    role          TEXT NOT NULL,
    password_hash TEXT NOT NULL,
    one_time      BIGINT NOT NULL CHECK (one_time IN (0, 1)),
    created_ms    BIGINT NOT NULL
);

CREATE TABLE sessions (
    token_sha256 TEXT PRIMARY KEY,
    account      TEXT NOT NULL REFERENCES accounts (name) ON DELETE CASCADE,
    created_ms   BIGINT NOT NULL,
    expires_ms   BIGINT NOT NULL
);

CREATE TABLE tokens (
    name         TEXT PRIMARY KEY,
    role         TEXT NOT NULL,
    token_sha256 TEXT NOT NULL UNIQUE,
    created_ms   BIGINT NOT NULL
);

-- Append-only; each line's hash covers the one before it.
CREATE TABLE events (
    seq                BIGINT PRIMARY KEY,
    at_ms              BIGINT NOT NULL,
    actor              TEXT NOT NULL,
    action             TEXT NOT NULL,
    object_kind        TEXT NOT NULL,
    object_id          TEXT NOT NULL,
    outcome            TEXT NOT NULL,
    detail             TEXT NOT NULL,
    study_instance_uid TEXT,
    hash               TEXT NOT NULL
);
CREATE INDEX events_study ON events (study_instance_uid);

-- One row, locked by whoever appends.
CREATE TABLE event_head (
    one  BIGINT PRIMARY KEY CHECK (one = 1),
    seq  BIGINT NOT NULL,
    hash TEXT NOT NULL
);
INSERT INTO event_head (one, seq, hash) VALUES (1, 0, '');

-- What a peer may do here, how it is called, storage commitment in both directions, and performed procedure steps.

-- services and transfer_syntaxes: words divided by spaces.
ALTER TABLE peers ADD COLUMN services TEXT NOT NULL DEFAULT 'store find move get commit mpps';
ALTER TABLE peers ADD COLUMN associations_max BIGINT;
ALTER TABLE peers ADD COLUMN idle_seconds_max BIGINT;
ALTER TABLE peers ADD COLUMN transfer_syntaxes TEXT NOT NULL DEFAULT '';
ALTER TABLE peers ADD COLUMN tls BIGINT NOT NULL DEFAULT 0 CHECK (tls IN (0, 1));
ALTER TABLE peers ADD COLUMN commits BIGINT NOT NULL DEFAULT 0 CHECK (commits IN (0, 1));

-- What peers asked us to commit to. instances: a line each, SOP class and SOP instance.
CREATE TABLE commitments (
    id              TEXT PRIMARY KEY,
    ae_title        TEXT NOT NULL,
    transaction_uid TEXT NOT NULL,
    instances       TEXT NOT NULL,
    state           TEXT NOT NULL CHECK (state IN ('due', 'reported')),
    failed          BIGINT,
    received_ms     BIGINT NOT NULL,
    reported_ms     BIGINT,
    CONSTRAINT commitments_once UNIQUE (ae_title, transaction_uid)
);

-- What we asked peers to commit to: the SOP instance of a delivery as the peer has it.
CREATE TABLE commitment_requests (
    delivery_id      TEXT PRIMARY KEY REFERENCES deliveries (id),
    ae_title         TEXT NOT NULL,
    transaction_uid  TEXT NOT NULL UNIQUE,
    sop_class_uid    TEXT NOT NULL,
    sop_instance_uid TEXT NOT NULL,
    state            TEXT NOT NULL CHECK (state IN ('due', 'asked', 'committed', 'refused')),
    reason           TEXT NOT NULL,
    answered_ms      BIGINT
);

-- Modality performed procedure steps. instances: SOP instances that its modality lists, divided by spaces.
CREATE TABLE procedure_steps (
    sop_instance_uid   TEXT PRIMARY KEY,
    ae_title           TEXT NOT NULL,
    study_instance_uid TEXT NOT NULL,
    state              TEXT NOT NULL CHECK (state IN ('IN PROGRESS', 'COMPLETED', 'DISCONTINUED')),
    step_id            TEXT NOT NULL,
    modality           TEXT NOT NULL,
    instances          TEXT NOT NULL,
    created_ms         BIGINT NOT NULL,
    updated_ms         BIGINT NOT NULL
);
CREATE INDEX procedure_steps_study ON procedure_steps (study_instance_uid);

-- Orders, as the systems that keep them say them. A column is the name of the field; dates and times are as DICOM has them.
CREATE TABLE orders (
    id                         TEXT PRIMARY KEY,
    source                     TEXT NOT NULL,
    number                     TEXT NOT NULL,
    placer_number              TEXT NOT NULL,
    filler_number              TEXT NOT NULL,
    accession_number           TEXT NOT NULL,
    issuer_of_accession_number TEXT NOT NULL,
    patient_id                 TEXT NOT NULL,
    issuer_of_patient_id       TEXT NOT NULL,
    patient_name               TEXT NOT NULL,
    patient_birth_date         TEXT NOT NULL,
    patient_sex                TEXT NOT NULL,
    procedure_code             TEXT NOT NULL,
    procedure_description      TEXT NOT NULL,
    modality                   TEXT NOT NULL,
    scheduled_date             TEXT NOT NULL,
    scheduled_time             TEXT NOT NULL,
    state                      TEXT NOT NULL CHECK (state IN ('active', 'canceled')),
    received_ms                BIGINT NOT NULL,
    changed_ms                 BIGINT NOT NULL,
    CONSTRAINT orders_once UNIQUE (source, number)
);
CREATE INDEX orders_accession ON orders (accession_number);
CREATE INDEX orders_patient ON orders (patient_id);
CREATE INDEX orders_scheduled ON orders (scheduled_date, scheduled_time);
CREATE INDEX orders_received ON orders (received_ms);

-- How a study stands to the orders; a study of which nothing is to be said has no row. overlay_id: the correction that came
-- with a person's decision.
CREATE TABLE order_matches (
    study_instance_uid TEXT PRIMARY KEY,
    state              TEXT NOT NULL
        CHECK (state IN ('matched', 'suggested', 'unmatched', 'contradicts', 'not_needed')),
    reason             TEXT NOT NULL,
    order_id           TEXT REFERENCES orders (id),
    overlay_id         TEXT,
    decided_by         TEXT NOT NULL,
    decided_ms         BIGINT NOT NULL
);
CREATE INDEX order_matches_state ON order_matches (state, decided_ms);
CREATE INDEX order_matches_order ON order_matches (order_id);

-- The history of an order; lines about anything else are not in it.
CREATE INDEX events_order ON events (object_id) WHERE object_kind = 'order';

-- Workitems (PS3.4 Annex CC): the data set as DICOM JSON, without the Transaction UID, which only its performer knows.
CREATE TABLE workitems (
    sop_instance_uid   TEXT PRIMARY KEY,
    state              TEXT NOT NULL CHECK (state IN ('SCHEDULED', 'IN PROGRESS', 'COMPLETED', 'CANCELED')),
    transaction_uid    TEXT,
    study_instance_uid TEXT,
    data_set           TEXT NOT NULL,
    created_by         TEXT NOT NULL,
    created_ms         BIGINT NOT NULL,
    updated_ms         BIGINT NOT NULL
);
CREATE INDEX workitems_created ON workitems (created_ms);

-- The values by which they are found; the key is the path of the attribute's tags.
CREATE TABLE workitem_values (
    attribute        TEXT NOT NULL,
    value            TEXT NOT NULL,
    sop_instance_uid TEXT NOT NULL REFERENCES workitems (sop_instance_uid),
    PRIMARY KEY (attribute, value, sop_instance_uid)
);
CREATE INDEX workitem_values_of ON workitem_values (sop_instance_uid);

-- Who hears of a workitem.
CREATE TABLE workitem_subscriptions (
    ae_title         TEXT NOT NULL,
    sop_instance_uid TEXT NOT NULL REFERENCES workitems (sop_instance_uid),
    PRIMARY KEY (sop_instance_uid, ae_title)
);

-- Who is subscribed to every workitem that is created from now on.
CREATE TABLE worklist_subscriptions (
    ae_title   TEXT PRIMARY KEY
);

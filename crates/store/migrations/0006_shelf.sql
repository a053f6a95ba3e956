-- What became of newcomers on the conflict shelf. A newcomer that replaced what was stored left that in its row.
ALTER TABLE conflicts ADD COLUMN state TEXT NOT NULL DEFAULT 'open' CHECK (state IN ('open', 'kept', 'replaced'));
ALTER TABLE conflicts ADD COLUMN settled_by TEXT;
ALTER TABLE conflicts ADD COLUMN settled_ms BIGINT;

-- Newcomers that were thrown away: who sent one is never told that it is kept.
CREATE TABLE discarded_conflicts (
    sop_instance_uid TEXT NOT NULL,
    data_set_digest  TEXT NOT NULL,
    source           TEXT NOT NULL,
    discarded_ms     BIGINT NOT NULL,
    PRIMARY KEY (sop_instance_uid, data_set_digest)
);

-- When another file took the place of the first: runs that were queued before are of that one.
ALTER TABLE instances ADD COLUMN replaced_ms BIGINT;

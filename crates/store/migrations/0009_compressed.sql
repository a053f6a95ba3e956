-- Instances that are kept compressed in place of the file that arrived: what that was. Empty while that is what is kept.
-- data_set_digest stays that of the data set that arrived.
ALTER TABLE instances ADD COLUMN received_transfer_syntax_uid TEXT;
ALTER TABLE instances ADD COLUMN received_size_bytes BIGINT;
-- Why it stays as it arrived although a rule would compress it, so that it is tried once.
ALTER TABLE instances ADD COLUMN uncompressed_reason TEXT NOT NULL DEFAULT '';

-- What changes places with a compressed instance takes along what that was.
ALTER TABLE conflicts ADD COLUMN received_transfer_syntax_uid TEXT;
ALTER TABLE conflicts ADD COLUMN received_size_bytes BIGINT;

-- By how many bytes the instances of a study are smaller than they arrived.
ALTER TABLE studies ADD COLUMN saved_bytes BIGINT NOT NULL DEFAULT 0;

-- A file that somebody may be reading goes a while after its row.
ALTER TABLE removals ADD COLUMN due_ms BIGINT NOT NULL DEFAULT 0;

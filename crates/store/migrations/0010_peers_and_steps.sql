-- What becomes of a newcomer from this peer whose SOP Instance UID something else has.
ALTER TABLE peers ADD COLUMN conflicts TEXT NOT NULL DEFAULT 'keep_first'
    CHECK (conflicts IN ('keep_first', 'replace', 'refuse'));

-- What a procedure step lists and what of it was received, as JSON; instances is what steps before this listed, and empty
-- from now on. missing: how many are missing for so long that it was told.
ALTER TABLE procedure_steps ADD COLUMN series TEXT NOT NULL DEFAULT '[]';
ALTER TABLE procedure_steps ADD COLUMN missing BIGINT NOT NULL DEFAULT 0;

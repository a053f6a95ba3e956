-- No longer always a SHA-256: what the text says, see digest.rs.
ALTER TABLE instances RENAME COLUMN file_sha256 TO file_digest;
ALTER TABLE conflicts RENAME COLUMN file_sha256 TO file_digest;

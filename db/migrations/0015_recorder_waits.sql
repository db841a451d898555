-- What a recorder's process waits for that records nothing until then: the disk of its spool. Null: nothing.
alter table recorder
  add column waits_for text,
  add column waits_since timestamptz,
  add column waits_seen_at timestamptz;   -- said again each 5 s, as long as the process lives

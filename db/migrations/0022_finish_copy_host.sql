-- Copies that nobody has seen to be gone are named in the purge's certificate, by host. Null: of a version before.
alter table finish_copy add column host text;

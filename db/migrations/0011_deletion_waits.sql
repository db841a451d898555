-- Up Migration

-- What deletions wait for, so that it can be told and alarmed on.
alter table camera_purge
  add column waits_for text check (waits_for in ('spool', 'finish-job', 'store', 'error')),
  add column waits_reason text,           -- a sentence
  add column waits_since timestamptz,     -- since when for this
  add check ((waits_for is null) = (waits_since is null));

-- Objects that the store refuses to delete, since the first refusal; null: it has not refused.
alter table retention_sweep add column refused_since timestamptz;
alter table object_gc add column refused_since timestamptz;
create index object_gc_refused on object_gc (refused_since) where refused_since is not null;

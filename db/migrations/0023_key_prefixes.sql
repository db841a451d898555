-- What waits below a camera's prefix is found by the primary key in any database: only in the order of bytes are the
-- keys of a prefix beside each other. Nothing is written anew but that index, some seconds for a million keys; the
-- collector and the swaps of finals wait so long.
alter table object_gc alter column key type text collate "C";

-- Shorter retentions that were asked for before the one that waits and are in force before it: [{"days", "atMs"}, ...],
-- in order of time, each shorter than the one before it and longer than next_retention_days.
alter table camera add column sooner_retention jsonb not null default '[]';

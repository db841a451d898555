-- When an operator let a stopped sweep go on, until the next whole sweep: from here on the clocks are trusted again.
alter table retention_sweep add column resumed_at timestamptz;
-- As of when `approved_ms` was due.
alter table retention_sweep add column approved_as_of timestamptz;

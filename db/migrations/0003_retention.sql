-- Up Migration

alter table camera
  -- A shorter retention that was asked for and is not in force yet: until then it can be undone.
  add column next_retention_days int check (next_retention_days between 1 and 366),
  add column next_retention_at timestamptz,
  add check ((next_retention_days is null) = (next_retention_at is null));

alter table tenant
  -- Whether footage of a retired camera goes on to age while its grace period lasts.
  add column grace_archive text not null default 'frozen' check (grace_archive in ('frozen', 'rolling'));

-- Time that does not count as age: a grace period that ended with the camera coming back.
create table retention_pause (
  camera_id int not null references camera,
  start_at timestamptz not null,
  end_at timestamptz not null,
  primary key (camera_id, start_at),
  check (start_at < end_at)
);

-- The retention sweep: what the last one left, what the next one may find. One row.
create table retention_sweep (
  one boolean primary key default true check (one),
  swept_at timestamptz,                   -- as of when the last whole sweep looked; null: none yet
  segments int not null default 0,        -- it deleted
  bytes bigint not null default 0,
  refused int not null default 0,         -- objects that the store did not give up
  forecast jsonb not null default '[]',   -- [{atMs, dueMs}]: footage that will be due by then, made at its end
  stopped_at timestamptz,                 -- null: it may run
  stop_reason text check (stop_reason in ('clock', 'late', 'unpredicted')),
  stop_text text,
  stopped_due_ms bigint not null default 0,  -- footage that was due when it was stopped
  approved_ms bigint not null default 0,  -- what an operator lets the next sweep delete beyond the forecast
  check ((stopped_at is null) = (stop_reason is null))
);
insert into retention_sweep default values;

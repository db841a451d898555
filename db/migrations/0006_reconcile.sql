-- Up Migration

-- Reconcile, which compares bucket and catalogue: whether it may act. One row.
create table reconcile_state (
  one boolean primary key default true check (one),
  stopped_at timestamptz,                 -- null: it may act
  stop_reason text check (stop_reason in ('clock', 'too-many')),
  stop_text text,
  stopped_found bigint not null default 0,    -- what the stopped pass would have touched
  approved_found bigint not null default 0,   -- what an operator lets the next one touch
  check ((stopped_at is null) = (stop_reason is null))
);
insert into reconcile_state default values;

-- One comparison of the whole bucket with the whole catalogue.
create table reconcile_pass (
  id bigint generated always as identity primary key,
  state text not null check (state in ('wanted', 'running', 'done', 'stopped', 'abandoned')),
  requested_by text,                      -- as the audit log names people; null: the schedule
  dry_run boolean not null default false, -- it only looks
  run_id text,                            -- the workflow run that does it
  created_at timestamptz not null,
  active_at timestamptz,                  -- it was last seen at work
  ended_at timestamptz,
  rows bigint not null default 0,         -- compared
  objects bigint not null default 0,
  found jsonb not null default '{}'       -- how many findings, by what is to be done
);
create index reconcile_pass_open on reconcile_pass (id) where state in ('wanted', 'running');

-- What is wrong between bucket and catalogue, one row an object. It stays as evidence of what was done about it.
create table reconcile_finding (
  id bigint generated always as identity primary key,
  key text not null unique,
  camera_id int references camera on delete cascade,  -- null: of no camera in this catalogue
  kind text not null check (kind in ('row-without-object', 'object-without-row', 'wrong-bytes')),
  state text not null check (state in
    ('suspect', 'missing', 'catalogued', 'quarantined', 'deleting', 'reported', 'damaged')),
  verdict text not null,                  -- what is to be done: missing, catalogue, quarantine or report
  why text not null,
  held boolean not null default false,    -- an evidence hold covers it
  start_at timestamptz,                   -- of its footage; null: its name does not tell
  duration_ms int,
  bytes bigint,
  first_seen_at timestamptz not null,
  seen_at timestamptz not null,
  state_at timestamptz not null,
  pass_id bigint,                         -- that saw it last; null: a sample did
  evidence jsonb not null default '{}'    -- the row that was, whole
);
create index reconcile_finding_by_camera on reconcile_finding (camera_id);
create index reconcile_finding_by_state on reconcile_finding (state, id);

-- Footage that was read back, at random: its hash verified and its first picture decoded.
create table segment_check (
  id bigint generated always as identity primary key,
  camera_id int not null references camera on delete cascade,
  start_at timestamptz not null,
  sha256 bytea not null,
  checked_at timestamptz not null,
  bytes bigint not null,
  verdict text not null check (verdict in ('good', 'gone', 'wrong-hash', 'undecodable')),
  detail text
);
create index segment_check_by_time on segment_check (checked_at);
create index segment_check_by_camera on segment_check (camera_id);

-- Up Migration

alter table profile
  add column hevc boolean not null default false,       -- H.265 may stay H.265
  add column can_wait boolean not null default false,   -- waits for the cheap tariff
  add column wait_hours int not null default 24 check (wait_hours between 0 and 720), -- but no longer than this
  add check (height between 2 and 4320), add check (fps between 1 and 120), add check (bitrate_kbps between 64 and 100000);

insert into profile (name, mode, height, fps, bitrate_kbps, audio, durable)
values ('standard', 'auto', 720, 10, 1000, 'none', 'source');

alter table camera
  -- What the profile made of this camera's stream when its newest window was finished.
  add column finish_profile_id smallint references profile on delete set null, -- the decision holds for this profile only
  add column finish_action text check (finish_action in ('copy', 'encode', 'undecided')),
  add column finish_reason text,
  -- A second, smaller stream that is recorded in place of the main one where it needs no encoder.
  add column sealed_substream_url text,   -- security/seal.ts, AAD camera|sealed_substream_url|<public_id>
  add column substream_url_redacted text;

-- Footage of one camera that is to become finals: the backlog that Temporal is fed from.
create table finish_window (
  camera_id int not null references camera on delete cascade,
  window_start_at timestamptz not null,   -- segments belong to it by their start
  reencode_id int not null default 0,     -- 0: finishing; else the bulk job that wants it encoded again
  window_ms int not null,
  generation int not null default 1,      -- raised when it changes after it was fed: part of the job's id
  state text not null default 'open' check (state in ('open', 'started', 'done', 'parked')),
  queue text,                             -- Temporal task queue of the job; null = never fed
  fed_at timestamptz,                     -- when its job was last started or seen
  not_before timestamptz not null default '-infinity',  -- after a failure it waits
  failures jsonb not null default '[]',   -- {host, failure, text, at} of this generation
  source_bytes bigint not null default 0, -- of what was replaced
  final_bytes bigint not null default 0,  -- of what replaced it
  finished_at timestamptz,
  primary key (camera_id, window_start_at, reencode_id)
);
create index finish_window_open on finish_window (window_start_at) where state = 'open';
create index finish_window_started on finish_window (fed_at) where state = 'started';
create index finish_window_parked on finish_window (window_start_at) where state = 'parked';
create index finish_window_reencode on finish_window (reencode_id) where reencode_id <> 0;
create index finish_window_done on finish_window (finished_at) where state = 'done';

-- Finished footage that is to be encoded again with another profile.
create table reencode (
  id int generated always as identity primary key,
  public_id uuid not null unique default uuidv7(),
  profile_id smallint not null references profile,
  from_at timestamptz not null,
  to_at timestamptz not null,
  state text not null default 'running' check (state in ('running', 'paused', 'cancelled')),
  created_at timestamptz not null default now()
);

-- Worker processes that finish footage.
create table encoder (
  worker_id uuid primary key,             -- of the process
  host text not null,
  kind text not null,                     -- nvenc, vaapi, qsv, x264; none = joins only
  slots int not null,                     -- encodes at the same time
  used int not null,
  join_slots int not null,                -- joins without encoding at the same time
  join_used int not null,
  ceiling int,                            -- encoding sessions the driver gave last; null = no limit was met
  ceiling_reason text,
  reason text not null,                   -- why this kind
  seen_at timestamptz not null
);

-- Steps down the ladder of encoders and back up.
create table encoder_step (
  id bigint generated always as identity primary key,
  host text not null,
  at timestamptz not null default now(),
  from_kind text,                         -- null: at start
  to_kind text not null,
  reason text not null
);
create index encoder_step_at on encoder_step (at);

-- Up Migration

create table tenant (
  id int generated always as identity primary key,
  public_id uuid not null unique default uuidv7(),
  name text not null unique,
  created_at timestamptz not null default now()
);

-- What is kept of a camera's stream; modes that encode come with the encode work.
create table profile (
  id smallint generated always as identity primary key,
  public_id uuid not null unique default uuidv7(),
  name text not null unique,
  mode text not null check (mode in ('auto', 'copy', 'encode')),
  height int,                             -- pixels; null = as the camera sends it
  fps int,                                -- null = as the camera sends it
  bitrate_kbps int,                       -- null = as the camera sends it
  audio text not null check (audio in ('none', 'aac')),
  durable text not null check (durable in ('source', 'final'))
);

create table camera (
  id int generated always as identity primary key,
  public_id uuid not null unique default uuidv7(),
  tenant_id int not null references tenant,
  name text not null,
  sealed_url text not null,               -- security/seal.ts, AAD camera|sealed_url|<public_id>
  url_redacted text not null,             -- for people; no login in it
  tier text not null check (tier in ('critical', 'normal')),
  profile_id smallint not null references profile,
  retention_days int not null check (retention_days between 1 and 366),
  intent text not null default 'record' check (intent in ('record', 'paused', 'retired')),
  config_version int not null default 1,  -- raised by every change the workflow must apply
  status text not null default 'provisioning',
  status_reason text,                     -- a sentence or a gap reason; redacted
  status_at timestamptz not null default now(),
  created_at timestamptz not null default date_trunc('milliseconds', now()),  -- whole ms, as all instants outside db/
  retired_at timestamptz,
  grace_ends_at timestamptz,
  stream jsonb,                           -- what the last probe found: codec, size, fps, bitrate
  unique (tenant_id, name)
);

-- The fence: one row a camera, taken by whoever records it.
create table camera_lease (
  camera_id int primary key references camera,
  epoch int not null default 0,           -- raised by take_epoch
  recording_epoch int not null default 0, -- the newest epoch that has its first frame
  first_frame_at timestamptz,             -- of recording_epoch
  last_end_at timestamptz not null,       -- watermark: end of the newest committed footage; the camera's creation at first
  host_id uuid,
  session_id text,                        -- the recordSession activity that attached; null: resumed from the journal
  wanted boolean not null default true,
  applied_version int not null default 0, -- the config_version its workflow has taken in
  one_client boolean not null default false
);

create table recorder (
  host_id uuid primary key,               -- from the spool's marker file
  url text not null,                      -- internal port, for uncommitted footage
  slots int not null,
  used int not null,
  seen_at timestamptz not null,
  draining boolean not null default false
);

create table stream_format (
  id int generated always as identity primary key,
  codec text not null,                    -- FFmpeg's name: h264, hevc
  codec_tag text not null,                -- RFC 6381: avc1.64001f, hvc1.1.6.L93.B0
  width int not null,
  height int not null,
  fps real not null,
  audio_codec text,                       -- FFmpeg's name; null = no audio track
  init_bytes int not null,                -- ftyp + moov at the head of each object
  init_sha256 bytea not null,
  unique nulls not distinct (init_sha256, codec, codec_tag, width, height, fps, audio_codec, init_bytes)
);

create table segment (
  start_at timestamptz not null,          -- UTC, whole ms
  sha256 bytea not null,                  -- of the object
  camera_id int not null,
  duration_ms int not null,
  bytes bigint not null,
  epoch int not null,
  format_id int not null,
  store_id smallint not null default 0,   -- bucket or storage level
  variant smallint not null default 0,    -- 0 source, else profile
  state smallint not null default 0,      -- 0 live, 1 deleting
  anchor boolean not null default false,  -- true: starts a new media timeline (first of an ffmpeg run)
  entries bytea not null,                 -- playlist entries (u32 bytes, u32 ms, u32 key_bytes), each from a key, one GOP but >= 1.9 s
  primary key (camera_id, start_at) include (duration_ms, bytes, state)
) partition by hash (camera_id);

do $$
begin
  for i in 0..31 loop
    execute format('create table segment_%s partition of segment for values with (modulus 32, remainder %s)
      with (autovacuum_vacuum_insert_threshold = 200000, autovacuum_vacuum_insert_scale_factor = 0,
            autovacuum_vacuum_scale_factor = 0.02)', i, i);
  end loop;
end $$;

-- Explanations of missing footage. A hole is always computed from segments; these rows say why.
create table gap (
  id bigint generated always as identity primary key,
  camera_id int not null references camera,
  start_at timestamptz not null,
  end_at timestamptz,                     -- null: still open
  reason text not null,
  evidence jsonb not null default '{}',   -- last error (redacted), attempts, host, epoch, workflow run
  check (end_at is null or end_at >= start_at)
);
create index gap_by_camera on gap (camera_id, start_at);
-- Claims that reach into a range that ends now: all of a flapping camera's older ones are skipped.
create index gap_by_end on gap (camera_id, (coalesce(end_at, 'infinity')), start_at);
create unique index gap_open on gap (camera_id) where end_at is null;

-- Every delete of an object goes through here.
create table object_gc (
  key text primary key,
  reason text not null,
  not_before timestamptz not null
);
create index object_gc_due on object_gc (not_before);

create table account (
  id int generated always as identity primary key,
  public_id uuid not null unique default uuidv7(),
  login text not null unique,
  password_hash text not null,            -- security/password.ts
  role text not null check (role in ('operator')),
  created_at timestamptz not null default now()
);

create table login_session (
  token_sha256 bytea primary key,
  account_id int not null references account on delete cascade,
  created_at timestamptz not null default now(),
  expires_at timestamptz not null
);

create table api_key (
  id int generated always as identity primary key,
  public_id uuid not null unique default uuidv7(),
  name text not null unique,
  key_sha256 bytea not null unique,
  role text not null check (role in ('operator')),
  created_at timestamptz not null default now()
);

insert into tenant (name) values ('default');
insert into profile (name, mode, audio, durable) values ('original', 'copy', 'none', 'source'), ('original-audio', 'copy', 'aac', 'source');

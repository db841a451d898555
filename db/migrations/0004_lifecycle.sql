-- Up Migration

-- Rows whose deletion was begun and not finished: the sweep, the purge and whoever goes on after a kill find them here
-- without reading the rest of the camera. It holds at most a batch a camera.
create index segment_deleting on segment (camera_id, start_at) where state = 1;

-- What was deleted, from the row's deletion until a certificate has taken it in.
create table deleted_segment (
  camera_id int not null references camera,
  start_at timestamptz not null,
  sha256 bytea not null,
  duration_ms int not null,
  bytes bigint not null,
  epoch int not null,
  variant smallint not null,
  cause text not null check (cause in ('retention', 'purge')),
  deleted_at timestamptz not null,
  -- The same footage that comes again from a spool and is deleted again is one object.
  primary key (camera_id, start_at, sha256)
);

-- A camera's name is free again once the camera is purged; its row stays for certificates and the audit log.
alter table camera drop constraint camera_tenant_id_name_key;
create unique index camera_tenant_id_name_key on camera (tenant_id, name) where status <> 'purged';

alter table tenant
  add column grace_days int check (grace_days between 0 and 3650),  -- null: FRAMEKEEP_GRACE_DAYS
  add column deletion_requested_at timestamptz,
  add column deleted_at timestamptz;

alter table recorder
  add column destroyed_at timestamptz,    -- an operator says that its spool does not exist any more
  add column destroyed_by text;

create table camera_purge (
  camera_id int primary key references camera,
  cause text not null check (cause in ('grace-ended', 'requested', 'tenant-deleted')),
  requested_by text,                      -- who typed the camera's name; null: nobody, the grace period ended
  begun_at timestamptz,                   -- null: not yet, the camera's status_reason says what it waits for
  epoch int,                              -- no older recording can commit any more
  further_objects int not null default 0, -- removed objects that no row named
  ended_at timestamptz
);

-- The spools that may hold footage of a camera that is purged: every host ever seen when the purge began.
create table purge_spool (
  camera_id int not null references camera_purge on delete cascade,
  host_id uuid not null references recorder,
  emptied_at timestamptz,                 -- the host says that nothing of the camera is left on its disk
  primary key (camera_id, host_id)
);
create index purge_spool_open on purge_spool (host_id) where emptied_at is null;

-- Ed25519. A retired key signs nothing any more, so its private half is erased; its public half stays for ever.
create table signing_key (
  id text primary key,                    -- the first 32 hex digits of the public key's SHA-256
  public_key bytea not null,              -- 32 bytes
  sealed_private_key text,                -- security/seal.ts, AAD signing_key|sealed_private_key|<id>; null: retired
  created_at timestamptz not null,
  retired_at timestamptz
);
create unique index signing_key_current on signing_key ((true)) where retired_at is null;

create table certificate (
  id uuid primary key,
  kind text not null check (kind in ('purge', 'retention', 'tenant')),
  tenant_id uuid not null,
  camera_id uuid,                         -- null: of a tenant
  month date,                             -- of rolling deletions: its first day
  issued_at timestamptz not null,
  document text not null,                 -- the JSON that is handed out, signature included
  object_list bytea                       -- gzip of the lines that its digest is over; null: of a tenant
);
create unique index certificate_subject on certificate (kind, tenant_id, camera_id, month) nulls not distinct;
create index certificate_by_camera on certificate (camera_id, id);
create index deleted_segment_by_time on deleted_segment (deleted_at);

-- Who did what. Each row's hash covers the row before it, so none can be changed or taken out unseen.
create table audit_entry (
  id bigint primary key,                  -- 1, 2, 3, ... without a hole
  at timestamptz not null,
  actor text not null,                    -- 'account:admin', 'api-key:bootstrap', 'service:purge'
  action text not null,                   -- 'camera.retire'
  tenant_id uuid,
  camera_id uuid,
  body text not null,                     -- canonical JSON of the whole entry, as it is hashed
  hash bytea not null                     -- SHA-256 of the previous hash and the body
);
create index audit_by_camera on audit_entry (camera_id, id);
create index audit_by_tenant on audit_entry (tenant_id, id);

create function audit_is_append_only() returns trigger language plpgsql as $$
begin
  raise exception 'the audit log is append-only';
end $$;
create trigger audit_entry_append_only before update or delete or truncate on audit_entry
  for each statement execute function audit_is_append_only();

-- What recording costs; a new list is a new row, contracts keep the one they were made with. Money in cents.
create table price_list (
  id int generated always as identity primary key,
  name text not null unique,
  currency text not null,
  first_month_cents int not null,         -- a camera a month at one month of retention
  further_month_cents int not null,       -- for each further month of retention
  minimum_months int not null,
  notice_days int not null,
  exit_fee_cents int not null,            -- for each month of the term that is left
  prepay_discounts jsonb not null         -- [{months, percent}]
);
insert into price_list (name, currency, first_month_cents, further_month_cents, minimum_months, notice_days,
  exit_fee_cents, prepay_discounts)
values ('2026', 'USD', 1200, 200, 12, 30, 1500, '[{"months": 6, "percent": 5}, {"months": 12, "percent": 10}]');

create table contract (
  id int generated always as identity primary key,
  public_id uuid not null unique default uuidv7(),
  tenant_id int not null references tenant,
  price_list_id int not null references price_list,
  starts_on date not null,
  term_months int not null check (term_months between 1 and 120),
  notice_days int not null check (notice_days between 0 and 366),
  prepay_months int not null default 0,
  notice_at timestamptz,                  -- when it was given
  ends_on date,                           -- the last day; null: goes on month by month after its term
  end_reason text check (end_reason in ('notice', 'early', 'non-payment')),
  ended_at timestamptz                    -- its cameras are retired
);
create unique index contract_current on contract (tenant_id) where ended_at is null;

-- An evidence hold: footage that touches its range is not deleted by age, purge or anything else.
create table hold (
  id int generated always as identity primary key,
  public_id uuid not null unique default uuidv7(),
  camera_id int not null references camera,
  start_at timestamptz not null,
  end_at timestamptz not null,
  reason text not null,
  placed_by text not null,                -- as the audit log names people
  placed_at timestamptz not null,
  until_at timestamptz,                   -- null: until it is released
  released_at timestamptz,
  released_by text,
  check (start_at < end_at)
);
create index hold_open on hold (camera_id, start_at) where released_at is null;

-- Up Migration

-- What happened to a camera, for people. Written by the triggers below in the transaction of the change itself, so that
-- no writer (API, recorder, workflow, sweep) can forget it and none is written for a change that was rolled back.
create table camera_event (
  id bigint generated always as identity primary key,
  camera_id int not null references camera on delete cascade,
  at timestamptz not null,
  kind text not null check (kind in ('state', 'session', 'first-frame', 'gap-opened', 'gap-reason', 'gap-closed')),
  body jsonb not null                     -- by kind, see db/events.ts
);
create index camera_event_by_camera on camera_event (camera_id, id);
create index camera_event_by_time on camera_event (at);
create index camera_event_reconnects on camera_event (at) where kind = 'gap-closed';

create function note_camera_state() returns trigger language plpgsql as $$
begin
  insert into camera_event (camera_id, at, kind, body) values (new.id,
    case when old.status_at is distinct from new.status_at then new.status_at else clock_timestamp() end, 'state',
    jsonb_build_object('from', old.status, 'state', new.status, 'reason', new.status_reason));
  return null;
end $$;
create trigger camera_state_event after update of status, status_reason on camera for each row
  when (old.status is distinct from new.status or old.status_reason is distinct from new.status_reason)
  execute function note_camera_state();

create function note_camera_session() returns trigger language plpgsql as $$
begin
  if new.epoch <> old.epoch and new.wanted then
    insert into camera_event (camera_id, at, kind, body) values (new.camera_id, clock_timestamp(), 'session',
      jsonb_build_object('epoch', new.epoch, 'hostId', new.host_id, 'workflowRunId', new.session_id));
  end if;
  if new.recording_epoch <> old.recording_epoch then
    insert into camera_event (camera_id, at, kind, body)
    values (new.camera_id, coalesce(new.first_frame_at, clock_timestamp()), 'first-frame',
      jsonb_build_object('epoch', new.recording_epoch, 'hostId', new.host_id));
  end if;
  return null;
end $$;
-- Not on last_end_at: a commit pays nothing.
create trigger camera_session_event after update of epoch, recording_epoch on camera_lease for each row
  when (old.epoch <> new.epoch or old.recording_epoch <> new.recording_epoch)
  execute function note_camera_session();

create function note_camera_gap() returns trigger language plpgsql as $$
begin
  insert into camera_event (camera_id, at, kind, body)
  values (new.camera_id,
    case when new.end_at is not null then new.end_at when tg_op = 'INSERT' then new.start_at else clock_timestamp() end,
    case when new.end_at is not null then 'gap-closed' when tg_op = 'INSERT' then 'gap-opened' else 'gap-reason' end,
    jsonb_build_object('startMs', floor(extract(epoch from new.start_at) * 1000), 'reason', new.reason,
      'evidence', new.evidence));
  return null;
end $$;
create trigger camera_gap_added after insert on gap for each row execute function note_camera_gap();
-- Tries that fail for the same reason only count up in the evidence: a dead camera makes 2,880 of them a day.
create trigger camera_gap_changed after update of reason, end_at on gap for each row
  when (old.reason is distinct from new.reason or old.end_at is distinct from new.end_at)
  execute function note_camera_gap();

-- Coverage by camera and day: what stays known of a day when its footage is deleted.
create table coverage_day (
  camera_id int not null references camera on delete cascade,
  day date not null,                      -- UTC
  known_until timestamptz not null,       -- the day is counted up to here
  wanted_ms int not null,
  recorded_ms int not null,
  gaps int not null,
  lost_ms jsonb not null default '{}',    -- by gap reason; paused time is not in it
  trimmed boolean not null default false, -- some of its footage has reached its age: it is only ever added to
  primary key (camera_id, day)
);
create index coverage_day_by_day on coverage_day (day);

-- What the recorder's process says of itself with its sign of life; for /metrics and /v1/status.
alter table recorder add column stats jsonb;

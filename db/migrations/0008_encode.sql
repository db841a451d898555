-- Up Migration

-- A camera whose profile stores the final only: until then its footage lies in the spool of the host that recorded it.
alter table finish_window
  add column spool_host_id uuid,          -- whose spool alone holds its footage; null: the object store does
  add column spool_from_at timestamptz,   -- of what is held so far
  add column spool_to_at timestamptz,
  add column spool_closed boolean not null default false,  -- no more is to come: it can be finished
  add check ((spool_host_id is null) = (spool_from_at is null) and (spool_host_id is null) = (spool_to_at is null));
create index finish_window_spooled on finish_window (camera_id) where spool_host_id is not null;

-- The recorder's spool that the worker can read; null: there is none on its host.
alter table encoder add column spool_host_id uuid;

-- A window that nobody could finish is told with the camera's other events.
alter table camera_event drop constraint camera_event_kind_check;
alter table camera_event add constraint camera_event_kind_check
  check (kind in ('state', 'session', 'first-frame', 'gap-opened', 'gap-reason', 'gap-closed', 'window-parked'));

create function note_parked_window() returns trigger language plpgsql as $$
begin
  insert into camera_event (camera_id, at, kind, body)
  values (new.camera_id, clock_timestamp(), 'window-parked', jsonb_build_object(
    'startMs', floor(extract(epoch from new.window_start_at) * 1000), 'windowMs', new.window_ms,
    'failure', new.failures -> -1 ->> 'failure', 'text', new.failures -> -1 ->> 'text'));
  return null;
end $$;
create trigger window_parked_event after update of state on finish_window for each row
  when (old.state <> 'parked' and new.state = 'parked') execute function note_parked_window();

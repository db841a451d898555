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

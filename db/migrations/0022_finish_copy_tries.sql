-- Tries of finish jobs: each has copies of its camera's footage on its host's disk, which a purge waits for. Of one job
-- two may be at work, where the first one's worker was cut off. Those that nobody has seen to be gone are named in the
-- purge's certificate, by host. What encoders of the version before have noted is forgotten: replace them first.
drop table finish_copy;
create table finish_copy (
  id uuid primary key,
  camera_id int not null references camera on delete cascade,
  worker_id uuid not null,
  host text not null,
  begun_at timestamptz not null
);
create index finish_copy_camera on finish_copy (camera_id);

-- Finish jobs at work: each has copies of its camera's footage on its host's disk, which a purge waits for.
create table finish_copy (
  camera_id int not null references camera on delete cascade,
  window_start_at timestamptz not null,
  reencode_id int not null,
  generation int not null,
  begun_at timestamptz not null,
  primary key (camera_id, window_start_at, reencode_id, generation)
);

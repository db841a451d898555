-- Up Migration

-- At a planned move two recordings hold the same key picture, and there they meet, whatever their clocks say.
alter table camera_lease
  add column first_key_sha256 bytea,              -- of recording_epoch: its first key sample; null = not known
  add column seam_epoch int not null default 0,   -- the newest epoch whose first key an older recording holds too
  add column seam_at timestamptz;                 -- where the older recording's footage ends before that key

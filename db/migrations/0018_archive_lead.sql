-- How far a camera's archive lies ahead of its host's time, for a host that takes the camera over from a lost one.
alter table camera_lease add column archive_lead_ms bigint not null default 0;

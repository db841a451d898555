-- True: pictures are missing within a row's time, as the row's own file tells. These alone make holes as well.
alter table gap add column in_footage boolean not null default false;
create unique index gap_in_footage on gap (camera_id, start_at) where in_footage;

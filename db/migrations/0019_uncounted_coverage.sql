-- Time of a day that reached its age before anybody had counted it.
alter table coverage_day add column uncounted_ms int not null default 0;

-- As of when the last roll-up counted all cameras; null: none yet. One row.
create table coverage_roll_up (
  one boolean primary key default true check (one),
  counted_at timestamptz
);
insert into coverage_roll_up default values;

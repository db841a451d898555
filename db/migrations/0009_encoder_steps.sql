-- Up Migration

-- What happened to a host's encoders: steps down the ladder and back up, and what was learned of the driver's sessions.
alter table encoder_step
  add column kind text,
  add column ceiling int,                 -- sessions at once, as learned; null for the ladder's steps
  alter column to_kind drop not null;     -- null: the sources stay as they are
update encoder_step set kind = case when from_kind is null then 'up' else 'down' end;
update encoder_step set to_kind = null where to_kind = 'next';
alter table encoder_step
  alter column kind set not null,
  add check (kind in ('down', 'up', 'job', 'ceiling-dropped', 'ceiling-risen')),
  add check ((ceiling is not null) = (kind like 'ceiling-%'));
create index encoder_step_host on encoder_step (host, at);

-- From when on footage of a tenant's retired cameras ages in grace. It was asked for before: until then it can be undone,
-- as a shorter retention can. Null: nothing was.
alter table tenant
  add column rolling_at timestamptz,
  add check (rolling_at is null or grace_archive = 'frozen');

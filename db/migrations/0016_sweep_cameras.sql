-- What the sweep's breaker knows of single cameras. Their ids are internal ones.
alter table retention_sweep
  -- [{internalId, atMs, dueMs}]: where more of a camera will be due by then than time alone brings; atMs null: let go by
  -- a released hold, so due whenever the next sweep is
  add column camera_forecast jsonb not null default '[]',
  add column stopped_cameras jsonb not null default '[]',   -- [{internalId, dueMs}]: due when it was stopped
  add column approved_cameras jsonb not null default '[]';  -- of `approved_ms`, each camera's part

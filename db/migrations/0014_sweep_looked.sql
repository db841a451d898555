-- As of when the last sweep looked and forecast, be it whole or not; `swept_at` is the last whole one's.
alter table retention_sweep add column looked_at timestamptz;

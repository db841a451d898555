-- When the audit log was told that a hold ended by its own time; null: not yet, or it was released.
alter table hold add column end_noted_at timestamptz;

-- Open rolling deletions by time. Rows of waiting purges are left out: a tenant that leaves has millions of them, for
-- weeks, and who looks for the oldest rolling one read them all.
drop index deleted_segment_by_time;
create index deleted_segment_rolling on deleted_segment (deleted_at) where cause = 'retention';

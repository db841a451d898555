-- From when on a retired camera's footage does not age: the earlier of the clocks at its retirement, so that no clock
-- shortens what is kept. retired_at is by the database's clock, as all claims are: coverage is counted up to it.
alter table camera add column frozen_at timestamptz;
update camera set frozen_at = retired_at where retired_at is not null;

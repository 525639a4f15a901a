-- The order in which queued runs are claimed, said once: claim_runs() takes from it, and the queue explains itself by it.
-- Priority; then the person's turn, which counts the runs they have under way; then first come, first served.
-- `place` is the run's place among those of its datasource, with the ones that are running counted in: up to
-- max_concurrency it may be claimed.
create view queued_runs as
with running as materialized (
  select datasource_id, created_by from runs where status = 'running'
),
waiting as (
  select runs.id, runs.org_id, runs.datasource_id, runs.created_by, runs.queued_at,
    datasources.max_concurrency,
    array_position(array['interactive', 'dashboard', 'schedule'], runs.priority) as priority_rank,
    row_number() over (partition by runs.created_by, runs.priority order by runs.queued_at, runs.id)
      + (select count(*) from running where running.created_by = runs.created_by) as turn
  from runs
  left join datasources on datasources.id = runs.datasource_id
  where runs.status = 'queued'
)
select waiting.*,
  row_number() over (
    partition by waiting.datasource_id
    order by waiting.priority_rank, waiting.turn, waiting.queued_at, waiting.id)
    + (select count(*) from running where running.datasource_id = waiting.datasource_id) as place
from waiting;
comment on view queued_runs is 'Queued runs with all that decides when each is claimed.';

-- Claims up to max_runs queued runs for a runner. The advisory lock serialises claims; inside a function every statement has
-- a snapshot of its own, so the next one sees all claims before it. For the runner it is one statement and one round trip.
create function claim_runs(claiming_runner text, max_runs integer, lease_ms integer) returns setof runs
language plpgsql volatile
as $$
begin
  perform pg_advisory_xact_lock(hashtext('quern.claim_runs'));
  return query
  with chosen as (
    select runs.id
    from queued_runs
    join runs on runs.id = queued_runs.id
    where queued_runs.datasource_id is null or queued_runs.place <= queued_runs.max_concurrency
    order by queued_runs.priority_rank, queued_runs.turn, queued_runs.queued_at, queued_runs.id
    limit max_runs
    for update of runs skip locked
  )
  update runs set
    status = 'running',
    attempt = runs.attempt + 1,
    runner = claiming_runner,
    lease_token = gen_random_uuid(),
    lease_until = clock_timestamp() + lease_ms * interval '1 millisecond',
    claimed_at = clock_timestamp()
  from chosen
  where runs.id = chosen.id and runs.status = 'queued'
  returning runs.*;
end
$$;
comment on function claim_runs is 'The only way from queued to running. Claims are serialised, so that each sees the one before: caps are exact over all runners.';

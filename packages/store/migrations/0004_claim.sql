-- Claims up to max_runs queued runs for a runner. Claims are serialised by an advisory lock, so that each sees the runs
-- of the one before: a datasource's max_concurrency is exact over all runners. Inside a function every
-- statement has a snapshot of its own, and the whole is one statement and one round trip for the runner.
-- Order: priority; then the person with the fewest runs under way; then first come, first served.
create function claim_runs(claiming_runner text, max_runs integer, lease_ms integer) returns setof runs
language plpgsql volatile
as $$
begin
  perform pg_advisory_xact_lock(hashtext('quern.claim_runs'));
  return query
  with running as materialized (
    select datasource_id, created_by from runs where status = 'running'
  ),
  waiting as (
    select runs.id, runs.datasource_id, runs.queued_at, datasources.max_concurrency,
      array_position(array['interactive', 'dashboard', 'schedule'], runs.priority) as priority_rank,
      row_number() over (partition by runs.created_by, runs.priority order by runs.queued_at, runs.id)
        + (select count(*) from running where running.created_by = runs.created_by) as turn
    from runs
    left join datasources on datasources.id = runs.datasource_id
    where runs.status = 'queued'
  ),
  ranked as (
    select waiting.*,
      row_number() over (
        partition by waiting.datasource_id
        order by waiting.priority_rank, waiting.turn, waiting.queued_at, waiting.id)
        + (select count(*) from running where running.datasource_id = waiting.datasource_id) as place
    from waiting
  ),
  chosen as (
    select runs.id
    from ranked
    join runs on runs.id = ranked.id
    where ranked.datasource_id is null or ranked.place <= ranked.max_concurrency
    order by ranked.priority_rank, ranked.turn, ranked.queued_at, ranked.id
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
comment on function claim_runs is 'The only way from queued to running.';

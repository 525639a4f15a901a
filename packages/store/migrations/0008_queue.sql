-- The queue is a small table of its own beside the history: claims, positions and caps read only what waits, by index, however
-- many runs there are and were. Triggers on `runs` keep it, so that no statement can forget to.
drop function claim_runs(text, integer, integer);
drop view queued_runs;

alter table runs
  add column lane uuid not null default '00000000-0000-0000-0000-000000000000',
  add column turn integer not null default 0,
  add column priority_rank smallint not null
    generated always as (case priority when 'interactive' then 1 when 'dashboard' then 2 else 3 end) stored;
comment on column runs.lane is 'What max_concurrency counts together: the datasource; zero for work that occupies none.';
comment on column runs.turn is 'Of the person, within lane and priority, when it was queued: people take turns.';

create table queue (
  lane          uuid not null,
  priority_rank smallint not null,
  turn          integer not null,
  run_id        uuid not null,
  person        uuid not null,
  primary key (lane, priority_rank, turn, run_id)
) with (fillfactor = 70, autovacuum_vacuum_scale_factor = 0, autovacuum_vacuum_threshold = 2000,
  autovacuum_analyze_scale_factor = 0, autovacuum_analyze_threshold = 5000);
create index queue_person on queue (person, lane, priority_rank, turn);
create index queue_age on queue (priority_rank, run_id);
comment on table queue is 'The runs that wait, in the order in which each lane is claimed. Kept by triggers of runs; runs.status is the truth.';

create unlogged table queue_people (
  person    uuid primary key,
  served_at timestamptz not null
) with (fillfactor = 50);
comment on table queue_people is 'When a run of each person was last claimed: who was served longest ago comes first among equals. Worth nothing after a crash.';

-- Fair queueing by start tags: a person's next run goes one turn behind their last that waits, and behind nobody's else
-- when they have none: it gets the turn that is served now, or the one after it when they were just served in it.
create function queue_turn(of_lane uuid, of_rank smallint, of_person uuid) returns integer
language plpgsql volatile
as $$
declare
  last_turn integer;
  now_served integer;
begin
  -- Two runs of one person that are queued at once see each other.
  perform pg_advisory_xact_lock(hashtextextended('quern.queue_turn' || of_lane || of_person, 0));
  select queue.turn into last_turn from queue
  where person = of_person and lane = of_lane and priority_rank = of_rank
  order by turn desc limit 1;
  if found then
    return last_turn + 1;
  end if;
  select queue.turn into now_served from queue
  where lane = of_lane and priority_rank = of_rank
  order by turn, run_id limit 1;
  if not found then
    return 0;
  end if;
  select latest.turn into last_turn
  from (
    select runs.turn, runs.lane, runs.priority_rank from runs
    where created_by = of_person order by id desc limit 1
  ) as latest
  where latest.lane = of_lane and latest.priority_rank = of_rank;
  return case when last_turn = now_served then now_served + 1 else now_served end;
end
$$;

create function take_turn() returns trigger
language plpgsql
as $$
declare
  rank smallint := case new.priority when 'interactive' then 1 when 'dashboard' then 2 else 3 end;
begin
  -- Generated columns are computed after this.
  if new.datasource_id is not null and new.kind in ('query', 'test', 'introspect', 'explain') then
    new.lane := new.datasource_id;
  end if;
  if new.status = 'queued' then
    new.turn := queue_turn(new.lane, rank, coalesce(new.created_by, '00000000-0000-0000-0000-000000000000'));
  end if;
  return new;
end
$$;
create trigger runs_take_turn before insert on runs for each row execute function take_turn();

create function enter_queue() returns trigger
language plpgsql
as $$
begin
  insert into queue (lane, priority_rank, turn, run_id, person)
  values (new.lane, new.priority_rank, new.turn, new.id, coalesce(new.created_by, '00000000-0000-0000-0000-000000000000'));
  return null;
end
$$;
create trigger runs_enter_queue after insert on runs
  for each row when (new.status = 'queued') execute function enter_queue();

create function leave_queue() returns trigger
language plpgsql
as $$
begin
  delete from queue
  where lane = old.lane and priority_rank = old.priority_rank and turn = old.turn and run_id = old.id;
  return null;
end
$$;
create trigger runs_leave_queue after update of status on runs
  for each row when (old.status = 'queued' and new.status <> 'queued') execute function leave_queue();
create trigger runs_deleted_leave_queue after delete on runs
  for each row when (old.status = 'queued') execute function leave_queue();

-- A person who joins a waiting run may be in more of a hurry than the one who made it.
create function change_place() returns trigger
language plpgsql
as $$
begin
  update queue set priority_rank = new.priority_rank
  where lane = old.lane and priority_rank = old.priority_rank and turn = old.turn and run_id = old.id;
  return null;
end
$$;
create trigger runs_change_place after update of priority on runs
  for each row when (old.status = 'queued' and new.status = 'queued' and old.priority <> new.priority)
  execute function change_place();

update runs set lane = datasource_id where datasource_id is not null and occupies_datasource;
insert into queue (lane, priority_rank, turn, run_id, person)
select lane, priority_rank,
  row_number() over (partition by lane, priority_rank, created_by order by id),
  id, coalesce(created_by, '00000000-0000-0000-0000-000000000000')
from runs where status = 'queued';
update runs set turn = queue.turn from queue where queue.run_id = runs.id;

-- Claims up to max_runs queued runs for a runner. The advisory lock serialises claims; inside a function every statement has a
-- snapshot of its own, so the next one sees all claims before it, and the caps are exact over all runners.
--
-- The lanes with work are found by one index probe each, and of each that has room as many runs as fit, in its order: all by
-- index, so that the cost grows with the lanes and slots and not with the queue. Among these the order is: priority; the
-- person with fewer runs under way; the person served longest ago; the oldest. A chosen run that somebody is just canceling
-- is passed over.
create function claim_runs(claiming_runner text, max_runs integer, lease_ms integer) returns setof runs
language plpgsql volatile
-- The plan is made once for a connection, perhaps while the queue is empty, and has to be right when it is not.
set enable_seqscan = off
set enable_bitmapscan = off
as $$
begin
  perform pg_advisory_xact_lock(hashtext('quern.claim_runs'));
  return query
  with recursive lanes (lane) as (
    (select queue.lane from queue order by queue.lane limit 1)
    union all
    select (select queue.lane from queue where queue.lane > lanes.lane order by queue.lane limit 1)
    from lanes where lanes.lane is not null
  ),
  running as materialized (
    select runs.lane, runs.created_by as person from runs where runs.status = 'running'
  ),
  busy_lanes as (select running.lane, count(*) as busy from running group by running.lane),
  busy_people as (select running.person, count(*) as busy from running group by running.person),
  rooms as (
    select lanes.lane,
      least(max_runs, coalesce(datasources.max_concurrency - coalesce(busy_lanes.busy, 0), max_runs)) as room
    from lanes
    left join datasources on datasources.id = lanes.lane
    left join busy_lanes on busy_lanes.lane = lanes.lane
    where lanes.lane is not null
  ),
  heads as (
    select head.run_id, head.person, head.priority_rank, head.turn
    from rooms
    cross join lateral (
      select queue.run_id, queue.person, queue.priority_rank, queue.turn from queue
      where queue.lane = rooms.lane
      order by queue.priority_rank, queue.turn, queue.run_id
      limit greatest(rooms.room, 0)
    ) as head
  ),
  ranked as (
    select heads.run_id, heads.priority_rank, queue_people.served_at,
      coalesce(busy_people.busy, 0) + row_number() over (
        partition by heads.person, heads.priority_rank order by heads.turn, heads.run_id) as under_way
    from heads
    left join busy_people on busy_people.person = heads.person
    left join queue_people on queue_people.person = heads.person
  ),
  chosen as (
    select ranked.run_id from ranked
    order by ranked.priority_rank, ranked.under_way, ranked.served_at nulls first, ranked.run_id
    limit max_runs
  ),
  -- By id, so that two statements that lock several runs never wait for each other.
  locked as materialized (
    select runs.id from runs
    where runs.id = any (array(select chosen.run_id from chosen)) and runs.status = 'queued'
    order by runs.id
    for no key update skip locked
  ),
  claimed as (
    update runs set
      status = 'running',
      attempt = runs.attempt + 1,
      runner = claiming_runner,
      lease_token = gen_random_uuid(),
      lease_until = clock_timestamp() + lease_ms * interval '1 millisecond',
      claimed_at = clock_timestamp()
    from locked
    where runs.id = locked.id
    returning runs.*
  ),
  served as (
    insert into queue_people (person, served_at)
    select claimed.created_by, max(claimed.claimed_at) from claimed
    where claimed.created_by is not null
    group by claimed.created_by
    on conflict (person) do update set served_at = excluded.served_at
  )
  select * from claimed;
end
$$;
comment on function claim_runs is 'The only way from queued to running. Claims are serialised, so that each sees the one before: caps are exact over all runners.';

-- Fewer indexes, since each change of a status writes an entry into every one; and none on what a renewed lease changes, so
-- that a heartbeat touches no index at all. Vacuum comes by the size of what changes, not by a share of years of history.
drop index runs_queue;
drop index runs_queued_person;
drop index runs_leases;
drop index runs_running_datasource;
drop index runs_history_status;
drop index runs_active;
create index runs_running on runs (lane) include (created_by) where status = 'running';
create index runs_history_status on runs (org_id, status, id desc) where finished_at is not null;
create index runs_history_kind on runs (org_id, kind, id desc) where kind <> 'query';
create index runs_history_trigger on runs (org_id, trigger, id desc) where trigger <> 'user';
alter table runs set (fillfactor = 80, autovacuum_vacuum_scale_factor = 0.01, autovacuum_analyze_scale_factor = 0.02,
  autovacuum_vacuum_insert_scale_factor = 0.02);

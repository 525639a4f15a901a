create table sandboxes (
  id         text primary key,
  store_id   uuid not null,
  hostname   text not null,
  started_at timestamptz not null default now(),
  seen_at    timestamptz not null default now(),
  engines    jsonb not null,
  capacity   jsonb not null,
  vitals     jsonb not null,
  proxy      jsonb
);
comment on table sandboxes is 'Sandbox processes by their last sign of life, and what they have. Leases decide who holds a job, not this table.';

create table jobs (
  id                  uuid primary key default uuid_v7(),
  org_id              uuid not null references orgs on delete cascade,
  type                text not null check (type in ('run', 'plan', 'instance', 'diff', 'verify', 'export', 'import')),
  status              text not null default 'pending'
                      check (status in ('pending', 'preparing', 'running', 'publishing', 'completed', 'failed', 'canceled')),
  assembled           boolean not null,
  parts_ended         boolean not null default false,
  created_by          uuid references users on delete set null,
  token_id            uuid references tokens on delete set null,
  user_id             uuid references users on delete set null,
  request_id          text,
  request_hash        bytea,

  project_id          uuid references projects on delete set null,
  project_version     integer,
  tree                bytea,
  left_tree           bytea,
  right_tree          bytea,
  manifest            jsonb,
  head_path           text,
  head_sql            text,
  variables           jsonb not null default '{}',
  environment         jsonb not null default '{}',
  policy              jsonb not null default '{}',
  spec                jsonb not null default '{}',

  timeout_ms          integer not null check (timeout_ms between 1 and 3600000),
  max_rows            integer not null check (max_rows between 1 and 50000000),
  max_bytes           bigint not null check (max_bytes between 1 and 21474836480),
  job_ttl_s           integer not null check (job_ttl_s > 0),
  snapshot_ttl_s      integer not null check (snapshot_ttl_s > 0),
  expires_at          timestamptz not null,

  telemetry_context   jsonb not null default '{}',
  traceparent         text,
  http_request_id     text,

  stage               text not null default 'queued'
                      check (stage in ('queued', 'parsing', 'planning', 'lookup', 'building', 'publishing', 'booting', 'head', 'storing', 'done')),
  stages              jsonb not null default '[]',
  current             jsonb,
  log_count           integer not null default 0,
  tail_hash           bytea check (octet_length(tail_hash) = 32),
  state_key           bytea check (octet_length(state_key) = 32),
  snapshot            jsonb,
  error               jsonb,
  metrics             jsonb,
  result              jsonb,
  run_id              uuid references runs on delete set null,
  instance_id         uuid,

  attempt             integer not null default 0,
  sandbox             text,
  store_id            uuid,
  lease_token         uuid,
  lease_until         timestamptz,
  prebuild            jsonb,
  cancel_requested_at timestamptz,
  cancel_requested_by uuid references users on delete set null,

  created_at          timestamptz not null default now(),
  queued_at           timestamptz,
  claimed_at          timestamptz,
  finished_at         timestamptz,

  foreign key (org_id, tree) references trees,
  foreign key (org_id, left_tree) references trees,
  foreign key (org_id, right_tree) references trees,
  constraint jobs_lease_check check (
    status not in ('preparing', 'running', 'publishing')
    or (lease_token is not null and lease_until is not null and claimed_at is not null and attempt > 0)),
  constraint jobs_finished_check check ((status in ('completed', 'failed', 'canceled')) = (finished_at is not null)),
  constraint jobs_error_check check ((status = 'failed') = (error is not null)),
  constraint jobs_queued_check check (not assembled or queued_at is not null)
);
create index jobs_queue on jobs (queued_at) where status = 'pending' and assembled;
create index jobs_assembling on jobs (created_at) where status = 'pending' and not assembled;
create index jobs_leases on jobs (lease_until) where status in ('preparing', 'running', 'publishing');
create index jobs_unfinished_person on jobs (created_by) where finished_at is null;
create unique index jobs_request_id on jobs (created_by, request_id) where request_id is not null;
create index jobs_history on jobs (org_id, id desc);
create index jobs_history_project on jobs (project_id, id desc) where project_id is not null;
create index jobs_history_person on jobs (created_by, id desc);
create index jobs_user_id on jobs (user_id, id desc) where user_id is not null;
create index jobs_tree on jobs (org_id, tree) where tree is not null;
create index jobs_left_tree on jobs (org_id, left_tree) where left_tree is not null;
create index jobs_right_tree on jobs (org_id, right_tree) where right_tree is not null;
create index jobs_run_id on jobs (run_id) where run_id is not null;
create index jobs_token on jobs (token_id) where token_id is not null;
create index jobs_expiry on jobs (expires_at);
comment on table jobs is 'Work on projects, one row each: the queue while it waits, the history until it expires. Times are this database''s clock.';
comment on column jobs.assembled is 'False while parts may be appended: such a job is not claimed, but its states may be made ahead of need.';
comment on column jobs.request_id is 'The caller''s idempotency key.';
comment on column jobs.tree is 'Of a job that is sent in parts: the files it began with, and all files once it is run.';
comment on column jobs.left_tree is 'Files of the sides of a diff.';
comment on column jobs.manifest is 'Of the project''s version, when it was made.';
comment on column jobs.spec is 'What only some types have: left and right of a diff, state_key, name and ttl of an instance.';
comment on column jobs.attempt is 'Counts claims. Together with lease_token it is the fence: who does not hold both can neither renew nor finish.';
comment on column jobs.prebuild is 'Who makes states of a job that is sent in parts: sandbox, token, until, and the parts made.';
comment on column jobs.run_id is 'The run of the head.';
comment on column jobs.error is 'contract: JobError without ids.';

create function keep_terminal_jobs() returns trigger
language plpgsql
as $$
begin
  raise exception 'job % is % and stays so', old.id, old.status using errcode = 'check_violation';
end
$$;
create trigger jobs_terminal_is_final
  before update of status on jobs
  for each row
  when (old.status in ('completed', 'failed', 'canceled') and new.status is distinct from old.status)
  execute function keep_terminal_jobs();

create table job_parts (
  job_id     uuid not null references jobs on delete cascade,
  seq        integer not null check (seq > 0),
  hash       bytea not null,
  org_id     uuid not null,
  tree       bytea not null,
  files      integer not null,
  bytes      bigint not null,
  created_at timestamptz not null default now(),
  primary key (job_id, seq),
  foreign key (org_id, tree) references trees
);
create index job_parts_tree on job_parts (org_id, tree);
comment on table job_parts is 'What was appended to a job that is sent in parts.';
comment on column job_parts.hash is 'Of all that the part said: the same one again changes nothing.';

create table job_steps (
  job_id      uuid not null references jobs on delete cascade,
  n           integer not null check (n >= 0),
  path        text not null,
  state_key   bytea not null check (octet_length(state_key) = 32),
  outcome     text not null check (outcome in ('hit', 'built', 'pending', 'building', 'failed', 'skipped')),
  reason      text not null default '',
  layer_id    uuid,
  kept        boolean not null default false,
  duration_ms double precision,
  statements  integer,
  bytes       bigint,
  volatile    text[] not null default '{}',
  primary key (job_id, n)
);
create index job_steps_state_key on job_steps (state_key);
comment on table job_steps is 'The chain of a job: step 0 is the empty database, step n the n-th file of the tail.';
comment on column job_steps.layer_id is 'No foreign key: layers are evicted, and what a job did stays said.';

create table job_logs (
  job_id    uuid not null references jobs on delete cascade,
  id        integer not null check (id > 0),
  at        timestamptz not null,
  stage     text not null,
  level     text not null check (level in ('debug', 'info', 'warn', 'error')),
  source    text not null check (source in ('quern', 'server', 'script')),
  message   text not null,
  path      text,
  line      integer,
  statement integer,
  sqlstate  text,
  primary key (job_id, id)
);
comment on table job_logs is 'What a job tells those who may see it. Never SQL, values or variables.';

-- Claims up to max_jobs for a sandbox. Fair between people: who has the fewest jobs under way comes first, then who waited
-- longest. A job for an engine that this sandbox lacks is left to those that have it; where nobody does, it is claimed and
-- fails with words; so is one on a known state, which is in the cache of some. The advisory lock serialises claims, so that the cap of a person is exact over all sandboxes.
create function claim_jobs(
  claiming_sandbox text, max_jobs integer, lease_ms integer, claiming_store uuid, engines integer[], default_active integer
) returns setof jobs
language plpgsql volatile
as $$
begin
  perform pg_advisory_xact_lock(hashtext('quern.claim_jobs'));
  return query
  with active as materialized (
    select created_by, count(*) as jobs from jobs
    where status in ('preparing', 'running', 'publishing')
    group by created_by
  ),
  waiting as (
    select jobs.id, jobs.queued_at,
      coalesce((orgs.settings -> 'jobs' ->> 'max_active_per_person')::integer, default_active) as cap,
      row_number() over (partition by jobs.created_by order by jobs.queued_at, jobs.id)
        + coalesce((select active.jobs from active where active.created_by is not distinct from jobs.created_by), 0) as turn
    from jobs
    join orgs on orgs.id = jobs.org_id
    where jobs.status = 'pending' and jobs.assembled
      and (jobs.environment -> 'engine_version' is null
        or (jobs.environment ->> 'engine_version')::integer = any (engines)
        or not exists (
          select from sandboxes
          where sandboxes.seen_at > now() - interval '15 seconds'
            and sandboxes.engines @> jsonb_build_array(jsonb_build_object('major', (jobs.environment ->> 'engine_version')::integer))))
      and (jobs.spec -> 'state_key' is null or jobs.type = 'import'
        or exists (
          select from layers
          where layers.org_id = jobs.org_id and layers.state_key = decode(jobs.spec ->> 'state_key', 'hex')
            and layers.store_id = claiming_store and layers.status = 'ready')
        or not exists (
          select from layers join sandboxes on sandboxes.store_id = layers.store_id
          where layers.org_id = jobs.org_id and layers.state_key = decode(jobs.spec ->> 'state_key', 'hex')
            and layers.status = 'ready' and sandboxes.seen_at > now() - interval '15 seconds'))
  ),
  chosen as (
    select jobs.id from waiting
    join jobs on jobs.id = waiting.id
    where waiting.turn <= waiting.cap
    order by waiting.turn, waiting.queued_at, waiting.id
    limit max_jobs
    for update of jobs skip locked
  )
  update jobs set
    status = 'preparing',
    attempt = jobs.attempt + 1,
    sandbox = claiming_sandbox,
    store_id = claiming_store,
    lease_token = gen_random_uuid(),
    lease_until = clock_timestamp() + lease_ms * interval '1 millisecond',
    claimed_at = clock_timestamp(),
    prebuild = null
  from chosen
  where jobs.id = chosen.id and jobs.status = 'pending'
  returning jobs.*;
end
$$;
comment on function claim_jobs is 'The only way from pending to preparing.';

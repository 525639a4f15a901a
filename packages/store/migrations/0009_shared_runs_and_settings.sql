alter table orgs add column settings jsonb not null default '{}';
comment on column orgs.settings is 'What an admin changed of the defaults (contract: Settings); what is not in it has its default.';

alter table query_versions
  add column result_ttl_s integer check (result_ttl_s between 60 and 315360000);
comment on column query_versions.result_ttl_s is 'How long results of this query are kept; the default of the organisation when null.';

alter table runs add column cache_key bytea;
comment on column runs.cache_key is 'SHA-256 of all that decides what a run gives. Equal runs may answer for each other; emptied when the result goes.';
create index runs_cache_key on runs (cache_key, id desc)
  where cache_key is not null and (finished_at is null or status = 'succeeded');

create table run_callers (
  run_id      uuid not null references runs on delete cascade,
  user_id     uuid not null references users on delete cascade,
  joined_at   timestamptz not null default now(),
  detached_at timestamptz,
  primary key (run_id, user_id)
);
create index run_callers_user_id on run_callers (user_id, run_id desc);
comment on table run_callers is 'Who shares a run. No rows: only the person who made it. All who ever shared it may see it.';
comment on column run_callers.detached_at is 'When the person canceled: the run goes on while others are attached.';

create table joined_requests (
  user_id         uuid not null references users on delete cascade,
  idempotency_key text not null,
  request_hash    bytea not null,
  run_id          uuid not null references runs on delete cascade,
  created_at      timestamptz not null default now(),
  primary key (user_id, idempotency_key)
);
create index joined_requests_run_id on joined_requests (run_id);
comment on table joined_requests is 'Idempotency keys of requests that an earlier run answered; those of requests that made a run stand in runs.';

create table runs (
  id                  uuid primary key default uuid_v7(),
  org_id              uuid not null references orgs on delete cascade,
  kind                text not null check (kind in ('query', 'test', 'introspect')),
  status              text not null default 'queued'
                      check (status in ('queued', 'running', 'succeeded', 'failed', 'canceled')),
  datasource_id       uuid references datasources,
  connection          jsonb,
  query_id            uuid,
  query_version       integer,
  sql                 text,
  fingerprint         bytea,
  params              jsonb not null default '[]',
  timeout_ms          integer not null check (timeout_ms between 1 and 3600000),
  max_rows            integer not null check (max_rows between 1 and 50000000),
  max_bytes           bigint not null check (max_bytes between 1 and 21474836480),
  priority            text not null default 'interactive'
                      check (priority in ('interactive', 'dashboard', 'schedule')),
  trigger             text not null
                      check (trigger in ('user', 'schedule', 'tile', 'api', 'cli', 'mcp')),
  created_by          uuid references users on delete set null,
  token_id            uuid references tokens on delete set null,
  idempotency_key     text,
  request_hash        bytea,
  retry_of            uuid references runs on delete set null,
  traceparent         text,
  request_id          text,

  attempt             integer not null default 0,
  runner              text,
  lease_token         uuid,
  lease_until         timestamptz,

  queued_at           timestamptz not null default now(),
  claimed_at          timestamptz,
  started_at          timestamptz,
  first_row_at        timestamptz,
  finished_at         timestamptz,

  rows                bigint not null default 0,
  bytes               bigint not null default 0,
  truncated           text check (truncated in ('rows', 'bytes')),
  error               jsonb,
  notices             jsonb not null default '[]',
  report              jsonb,
  cpu_ms              integer,
  peak_rss            bigint,

  cancel_requested_at timestamptz,
  cancel_requested_by uuid references users on delete set null,
  cancel_confirmed    boolean,

  result_ttl_s        integer not null default 604800 check (result_ttl_s > 0),
  result_expires_at   timestamptz,
  result_deleted_at   timestamptz,

  constraint runs_query_version_fkey
    foreign key (query_id, query_version) references query_versions (query_id, version)
    on delete set null,
  constraint runs_lease_check check (
    status <> 'running'
    or (lease_token is not null and lease_until is not null and claimed_at is not null and attempt > 0)),
  constraint runs_finished_check check ((status in ('succeeded', 'failed', 'canceled')) = (finished_at is not null)),
  constraint runs_error_check check ((status = 'failed') = (error is not null)),
  constraint runs_target_check check (
    datasource_id is not null or (kind = 'test' and (connection is not null or finished_at is not null))),
  constraint runs_sql_check check ((kind = 'query') = (sql is not null))
);
comment on table runs is 'Every contact with a datasource, one row each: the queue while it waits, the history afterwards. Times are this database''s clock.';
comment on column runs.connection is 'Of a test of an unsaved form: type, config and the sealed secret. Emptied when the run ends.';
comment on column runs.fingerprint is 'SHA-256 of the SQL as sent, to find runs of the same text.';
comment on column runs.attempt is 'Counts claims. Together with lease_token it is the fence: who does not hold both can neither renew nor finish.';
comment on column runs.started_at is 'When the engine was handed the first statement.';
comment on column runs.bytes is 'Uncompressed bytes of values, as the engine sent them.';
comment on column runs.cancel_confirmed is 'Whether the engine was seen to have stopped; null while that is asked, or when there was nothing to ask.';

create index runs_queue on runs (priority, queued_at) where status = 'queued';
create index runs_leases on runs (lease_until) where status = 'running';
create index runs_running_datasource on runs (datasource_id) where status = 'running';
create index runs_history on runs (org_id, id desc);
create index runs_history_datasource on runs (datasource_id, id desc);
create index runs_history_query on runs (query_id, id desc) where query_id is not null;
create index runs_history_person on runs (created_by, id desc);
create index runs_history_status on runs (org_id, status, id desc);
create index runs_tests on runs (datasource_id, id desc) where kind = 'test' and report is not null;
create index runs_token on runs (token_id) where token_id is not null;
create index runs_queued_person on runs (created_by) where status = 'queued';
create index runs_active on runs (org_id, id desc) where status in ('queued', 'running');
create index runs_result_expiry on runs (result_expires_at)
  where result_expires_at is not null and result_deleted_at is null;
create unique index runs_idempotency_key on runs (created_by, idempotency_key) where idempotency_key is not null;

create function keep_terminal_runs() returns trigger
language plpgsql
as $$
begin
  raise exception 'run % is % and stays so', old.id, old.status using errcode = 'check_violation';
end
$$;
create trigger runs_terminal_is_final
  before update of status on runs
  for each row
  when (old.status in ('succeeded', 'failed', 'canceled') and new.status is distinct from old.status)
  execute function keep_terminal_runs();

create table run_statements (
  run_id        uuid not null references runs on delete cascade,
  index         integer not null check (index >= 0),
  start         integer not null,
  "end"         integer not null,
  command       text not null,
  columns       jsonb,
  rows          bigint not null default 0,
  rows_affected bigint,
  bytes         bigint not null default 0,
  truncated     text check (truncated in ('rows', 'bytes')),
  duration_ms   double precision not null,
  primary key (run_id, index)
);
comment on table run_statements is 'The result manifest: what each statement of a run gave. Written with the final status, in one transaction.';

create table result_parts (
  run_id    uuid not null,
  statement integer not null,
  part      integer not null check (part >= 0),
  first_row bigint not null,
  rows      bigint not null check (rows >= 0),
  size      bigint not null,
  escapes   integer[] not null default '{}',
  store     text not null check (store in ('postgres', 'file', 's3')),
  location  text,
  data      bytea,
  primary key (run_id, statement, part),
  foreign key (run_id, statement) references run_statements (run_id, index) on delete cascade,
  check ((store = 'postgres') = (data is not null)),
  check ((store <> 'postgres') = (location is not null))
);
alter table result_parts alter column data set storage external;
comment on table result_parts is 'Parquet files of results, in row order. Small ones are kept here, larger ones at location in the result store.';
comment on column result_parts.escapes is 'Columns that have a side column x<i> with the engine''s text of values that Parquet cannot hold exactly.';

create table runners (
  id         text primary key,
  hostname   text not null,
  slots      integer not null,
  started_at timestamptz not null default now(),
  seen_at    timestamptz not null default now()
);
comment on table runners is 'Runner processes by their last sign of life. Only for people to look at: leases decide, not this table.';

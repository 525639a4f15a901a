-- Who sends, and what is monitored.

create table health_agents (
  id                uuid primary key default uuid_v7(),
  org_id            uuid not null references orgs on delete cascade,
  name              text not null check (btrim(name) <> ''),
  version           text,
  status            text,
  error             text,
  stats             jsonb,
  clock_offset_ms   double precision,
  last_seen_at      timestamptz,
  last_payload_at   timestamptz,
  rejected_at       timestamptz,
  rejected_reason   text,
  built_in          boolean not null default false,
  created_by        uuid references users on delete set null,
  created_at        timestamptz not null default now(),
  revoked_at        timestamptz
);
create unique index health_agents_name_key on health_agents (org_id, lower(name)) where revoked_at is null;
comment on table health_agents is 'Processes that read databases and send what they find. `error` is what the agent says of itself, `rejected_reason` why the last thing it sent was refused.';
comment on column health_agents.clock_offset_ms is 'The agent''s clock minus ours, at its last message.';
comment on column health_agents.built_in is 'The one that `make up` starts for Quern''s own database.';

create table health_agent_keys (
  id             uuid primary key default uuid_v7(),
  agent_id       uuid not null references health_agents on delete cascade,
  prefix         text not null,
  key_hash       bytea not null,
  signing_secret text not null,
  created_at     timestamptz not null default now(),
  expires_at     timestamptz,
  last_used_at   timestamptz,
  constraint health_agent_keys_hash_key unique (key_hash)
);
create index health_agent_keys_agent on health_agent_keys (agent_id);
comment on table health_agent_keys is 'At most two of an agent live at once: the one before a rotation goes on until it expires.';
comment on column health_agent_keys.signing_secret is 'JWE under the API''s own keys, bound to organisation and key.';

create table health_servers (
  id                uuid primary key default uuid_v7(),
  org_id            uuid not null references orgs on delete cascade,
  agent_id          uuid references health_agents on delete set null,
  node_id           text not null,
  cluster_id        text,
  name              text not null,
  type              text not null check (type in ('postgres', 'mysql', 'mariadb')),
  version           text not null,
  version_num       integer,
  provider          text not null,
  provider_metadata jsonb not null default '{}',
  in_recovery       boolean,
  epochs            jsonb,
  first_seen_at     timestamptz not null default now(),
  last_seen_at      timestamptz not null default now(),
  constraint health_servers_node_key unique (org_id, node_id)
);
create index health_servers_cluster on health_servers (org_id, cluster_id);
comment on table health_servers is 'One server process group: a PostgreSQL cluster on one host. Replicas share cluster_id.';

create table health_databases (
  id              uuid primary key default uuid_v7(),
  org_id          uuid not null references orgs on delete cascade,
  server_id       uuid not null references health_servers on delete cascade,
  instance_id     text not null,
  name            text not null,
  is_main         boolean not null default false,
  datasource_id   uuid references datasources on delete set null,
  interval_s      double precision,
  last_taken_at   timestamptz,
  last_sequence   bigint,
  collectors      jsonb not null default '{}',
  schema_hash     text,
  first_seen_at   timestamptz not null default now(),
  last_seen_at    timestamptz not null default now(),
  constraint health_databases_instance_key unique (org_id, instance_id)
);
create index health_databases_server on health_databases (server_id);
create index health_databases_datasource on health_databases (datasource_id);
comment on column health_databases.collectors is 'By name of the section: how it last went (contract: CollectorResult) and when.';
comment on column health_databases.is_main is 'The one whose payloads bring what is known of the whole server.';

create table health_snapshots (
  snapshot_uuid uuid primary key,
  org_id        uuid not null references orgs on delete cascade,
  database_id   uuid not null references health_databases on delete cascade,
  agent_id      uuid references health_agents on delete set null,
  sequence      bigint,
  taken_at      timestamptz not null,
  received_at   timestamptz not null default now(),
  wire_bytes    integer not null,
  body_bytes    integer not null,
  sections      text[] not null,
  marks         text[] not null default '{}'
);
create index health_snapshots_database on health_snapshots (database_id, taken_at desc);
create index health_snapshots_received on health_snapshots (received_at);
comment on table health_snapshots is 'What arrived, kept for as long as an agent may send it again.';

create table health_counters (
  database_id uuid not null references health_databases on delete cascade,
  section     text not null,
  taken_at    timestamptz not null,
  epochs      jsonb,
  counters    bytea not null,
  primary key (database_id, section)
);
alter table health_counters alter column counters set storage external;
comment on table health_counters is 'The last raw counters of a section (deflated JSON): differences are taken to them.';

-- Things that have a history, under short numbers.

create table health_statements (
  id            bigint generated always as identity primary key,
  database_id   uuid not null references health_databases on delete cascade,
  query_hash    text not null,
  user_name     text not null default '',
  fingerprint   text,
  kind          text,
  query         text,
  text_state    text,
  tables        text[] not null default '{}',
  run_id        uuid,
  secret_visible boolean not null default false,
  first_seen_at timestamptz not null,
  last_seen_at  timestamptz not null,
  constraint health_statements_key unique (database_id, query_hash, user_name)
);
create index health_statements_fingerprint on health_statements (database_id, fingerprint);
create index health_statements_last_seen on health_statements (last_seen_at);

create table health_relations (
  id            bigint generated always as identity primary key,
  database_id   uuid not null references health_databases on delete cascade,
  kind          text not null check (kind in ('table', 'index')),
  schema        text not null,
  name          text not null,
  table_name    text not null,
  relkind       text,
  first_seen_at timestamptz not null,
  last_seen_at  timestamptz not null,
  constraint health_relations_key unique (database_id, kind, schema, name)
);
create index health_relations_last_seen on health_relations (last_seen_at);

-- Points: one row for a database and an instant, with a place in each array for each thing. What was not known at the time is
-- null there. Counters are differences over the `seconds` before `at`, gauges are as they were at `at`. `marks` says what
-- makes the differences doubtful (contract: HealthMark).

create table health_statement_points (
  database_id         uuid not null,
  at                  timestamptz not null,
  seconds             double precision not null,
  marks               text[] not null default '{}',
  statement_ids       bigint[] not null,
  calls               bigint[] not null,
  total_time_ms       double precision[] not null,
  rows                bigint[] not null,
  shared_blks_hit     bigint[] not null,
  shared_blks_read    bigint[] not null,
  shared_blks_dirtied bigint[] not null,
  shared_blks_written bigint[] not null,
  temp_blks_read      bigint[] not null,
  temp_blks_written   bigint[] not null,
  blk_read_time_ms    double precision[] not null,
  blk_write_time_ms   double precision[] not null,
  plan_time_ms        double precision[] not null,
  wal_bytes           bigint[] not null,
  other_calls         bigint not null default 0,
  other_time_ms       double precision not null default 0,
  primary key (database_id, at)
) partition by range (at);

create table health_table_points (
  database_id         uuid not null,
  at                  timestamptz not null,
  seconds             double precision not null,
  marks               text[] not null default '{}',
  relation_ids        bigint[] not null,
  seq_scan            bigint[] not null,
  seq_tup_read        bigint[] not null,
  idx_scan            bigint[] not null,
  idx_tup_fetch       bigint[] not null,
  n_tup_ins           bigint[] not null,
  n_tup_upd           bigint[] not null,
  n_tup_del           bigint[] not null,
  n_tup_hot_upd       bigint[] not null,
  n_tup_newpage_upd   bigint[] not null,
  heap_blks_read      bigint[] not null,
  heap_blks_hit       bigint[] not null,
  vacuums             bigint[] not null,
  analyzes            bigint[] not null,
  n_live_tup          bigint[] not null,
  n_dead_tup          bigint[] not null,
  n_mod_since_analyze bigint[] not null,
  n_ins_since_vacuum  bigint[] not null,
  size_bytes          bigint[] not null,
  heap_bytes          bigint[] not null,
  toast_bytes         bigint[] not null,
  index_bytes         bigint[] not null,
  reltuples           double precision[] not null,
  frozen_xid_age      bigint[] not null,
  min_mxid_age        bigint[] not null,
  primary key (database_id, at)
) partition by range (at);

create table health_index_points (
  database_id   uuid not null,
  at            timestamptz not null,
  seconds       double precision not null,
  marks         text[] not null default '{}',
  relation_ids  bigint[] not null,
  idx_scan      bigint[] not null,
  idx_tup_read  bigint[] not null,
  idx_tup_fetch bigint[] not null,
  idx_blks_read bigint[] not null,
  idx_blks_hit  bigint[] not null,
  size_bytes    bigint[] not null,
  reltuples     double precision[] not null,
  primary key (database_id, at)
) partition by range (at);

create table health_metric_points (
  subject_id uuid not null,
  at         timestamptz not null,
  seconds    double precision not null,
  marks      text[] not null default '{}',
  values     jsonb not null,
  primary key (subject_id, at)
) partition by range (at);
comment on table health_metric_points is 'Single numbers of a server or a database (`subject_id`), by name (contract: HEALTH_METRICS).';

create table health_load_points (
  server_id    uuid not null,
  at           timestamptz not null,
  seconds      double precision not null,
  samples      integer not null,
  databases    text[] not null,
  query_hashes text[] not null,
  users        text[] not null,
  wait_types   text[] not null,
  wait_events  text[] not null,
  sessions     integer[] not null,
  primary key (server_id, at)
) partition by range (at);
comment on table health_load_points is 'Active sessions seen in the samples of an interval, summed by database, statement, user and what they waited for: sessions / samples is the average number active.';

create table health_activity (
  server_id uuid not null,
  at        timestamptz not null,
  sessions  jsonb not null,
  idle      integer not null,
  omitted   integer not null default 0,
  primary key (server_id, at)
) partition by range (at);
comment on table health_activity is 'Samples of sessions and locks as they came (contract: Session), for the tree of locks as of a time.';

-- Hours and days of the same shapes.
create table health_statement_hours (like health_statement_points including defaults including constraints, primary key (database_id, at)) partition by range (at);
create table health_statement_days (like health_statement_points including defaults including constraints, primary key (database_id, at)) partition by range (at);
create table health_table_hours (like health_table_points including defaults including constraints, primary key (database_id, at)) partition by range (at);
create table health_table_days (like health_table_points including defaults including constraints, primary key (database_id, at)) partition by range (at);
create table health_index_hours (like health_index_points including defaults including constraints, primary key (database_id, at)) partition by range (at);
create table health_index_days (like health_index_points including defaults including constraints, primary key (database_id, at)) partition by range (at);
create table health_metric_hours (like health_metric_points including defaults including constraints, primary key (subject_id, at)) partition by range (at);
create table health_metric_days (like health_metric_points including defaults including constraints, primary key (subject_id, at)) partition by range (at);
create table health_load_hours (like health_load_points including defaults including constraints, primary key (server_id, at)) partition by range (at);
create table health_load_days (like health_load_points including defaults including constraints, primary key (server_id, at)) partition by range (at);

-- Documents as they were last sent, and one of each day.
create table health_documents (
  database_id uuid not null references health_databases on delete cascade,
  section     text not null,
  day         date not null,
  at          timestamptz not null,
  body        jsonb not null,
  primary key (database_id, section, day)
);
comment on table health_documents is 'Sections that are read as a whole: sequences, bloat, server, statements, settings. The newest day has the latest.';

create table health_schemas (
  org_id     uuid not null references orgs on delete cascade,
  hash       text not null,
  body       jsonb not null,
  created_at timestamptz not null default now(),
  primary key (org_id, hash)
);
create table health_schema_versions (
  database_id uuid not null references health_databases on delete cascade,
  from_at     timestamptz not null,
  hash        text not null,
  last_seen_at timestamptz not null,
  primary key (database_id, from_at)
);
create index health_schema_versions_hash on health_schema_versions (hash);

create table health_settings (
  server_id       uuid not null references health_servers on delete cascade,
  name            text not null,
  from_at         timestamptz not null,
  until_at        timestamptz,
  value           text,
  unit            text,
  category        text,
  source          text,
  default_value   text,
  context         text,
  pending_restart boolean not null default false,
  primary key (server_id, name, from_at)
);
create unique index health_settings_current on health_settings (server_id, name) where until_at is null;

create table health_events (
  id          uuid primary key default uuid_v7(),
  org_id      uuid not null references orgs on delete cascade,
  server_id   uuid references health_servers on delete cascade,
  database_id uuid references health_databases on delete cascade,
  at          timestamptz not null,
  type        text not null,
  subject     text,
  details     jsonb not null default '{}',
  source      text not null check (source in ('agent', 'api', 'advisor')),
  source_key  text,
  created_by  uuid references users on delete set null
);
create index health_events_org on health_events (org_id, at desc);
create index health_events_server on health_events (server_id, at desc);
create index health_events_database on health_events (database_id, at desc);
create unique index health_events_source_key on health_events (org_id, source_key) where source_key is not null;
comment on column health_events.type is 'restart, crash, statistics_reset, statements_reset, setting, schema, version, failover, deploy, gap, clock_step, …';

create table health_plans (
  database_id   uuid not null references health_databases on delete cascade,
  statement_id  bigint not null references health_statements on delete cascade,
  plan_hash     text not null,
  plan          jsonb not null,
  total_cost    double precision,
  hypothetical  jsonb,
  first_seen_at timestamptz not null,
  last_seen_at  timestamptz not null,
  primary key (statement_id, plan_hash)
);

-- What the advisors found.

create table health_findings (
  id                uuid primary key default uuid_v7(),
  org_id            uuid not null references orgs on delete cascade,
  server_id         uuid not null references health_servers on delete cascade,
  database_id       uuid not null references health_databases on delete cascade,
  rule              text not null,
  object            text not null default '',
  severity          text not null check (severity in ('info', 'warning', 'critical')),
  evidence          jsonb not null,
  window_from       timestamptz,
  window_to         timestamptz,
  confidence        text not null check (confidence in ('high', 'medium', 'low')),
  statement_id      bigint references health_statements on delete set null,
  fix               jsonb,
  severities        jsonb not null default '[]',
  first_seen_at     timestamptz not null,
  last_seen_at      timestamptz not null,
  evaluations_clean integer not null default 0,
  resolved_at       timestamptz,
  snoozed_until     timestamptz,
  muted_at          timestamptz,
  muted_reason      text,
  muted_by          uuid references users on delete set null,
  check ((muted_at is null) = (muted_reason is null))
);
create unique index health_findings_open on health_findings (database_id, rule, object) where resolved_at is null;
create index health_findings_database on health_findings (database_id, last_seen_at desc);
create index health_findings_key on health_findings (database_id, rule, object, first_seen_at desc);
create index health_findings_statement on health_findings (statement_id) where statement_id is not null;
create index health_findings_org on health_findings (org_id, first_seen_at desc);
comment on table health_findings is 'A new row after one is resolved: rows are the history. Muting is of rule and object and is taken over.';
comment on column health_findings.severities is 'What its severity was before, [{severity, first_seen_at, last_seen_at, changed_at}].';
comment on column health_findings.fix is 'As the rule said it: {sql, words, sandbox}.';

create table health_rule_states (
  database_id  uuid not null references health_databases on delete cascade,
  rule         text not null,
  state        text not null check (state in ('finding', 'ok', 'not_enough_data', 'no_permission', 'not_applicable')),
  reason       jsonb not null default '{}',
  evaluated_at timestamptz,
  due_at       timestamptz not null,
  primary key (database_id, rule)
);
create index health_rule_states_due on health_rule_states (due_at);
comment on column health_rule_states.due_at is 'Whoever evaluates moves it ahead first: nobody else does at the same time, and what a lost process had in hand is due again.';

create table health_scores (
  database_id uuid not null references health_databases on delete cascade,
  at          timestamptz not null,
  score       integer not null check (score between 0 and 100),
  coverage    double precision not null check (coverage between 0 and 1),
  capped_by   text,
  categories  jsonb not null,
  primary key (database_id, at)
);

create table health_rollups (
  what   text not null,
  until  timestamptz not null,
  primary key (what)
);
comment on table health_rollups is 'Up to where points have been summed into hours and days.';

-- Partitions are made and dropped by whoever sweeps (packages/health/src/partitions.ts).
create function health_make_partition(parent text, lower_at timestamptz, upper_at timestamptz) returns void
language plpgsql
set timezone = 'UTC'
as $$
declare
  child text := parent || '_' || to_char(lower_at, 'YYYYMMDD');
begin
  if to_regclass(child) is null then
    execute format('create table if not exists %I partition of %I for values from (%L) to (%L)', child, parent, lower_at, upper_at);
    -- Analysing arrays of hundreds of places takes long, and what it finds is of no use to the planner.
    execute (
      select format('alter table %I ', child) || string_agg(format('alter column %I set statistics 0', attname), ', ')
      from pg_attribute join pg_type on pg_type.oid = atttypid
      where attrelid = to_regclass(child) and attnum > 0 and not attisdropped and (typcategory = 'A' or typname = 'jsonb')
    );
  end if;
end
$$;

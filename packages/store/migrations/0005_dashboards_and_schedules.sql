create table visualizations (
  id         uuid primary key default uuid_v7(),
  org_id     uuid not null references orgs on delete cascade,
  query_id   uuid not null references queries on delete cascade,
  name       text not null check (btrim(name) <> ''),
  config     jsonb not null,
  created_by uuid references users on delete set null,
  created_at timestamptz not null default now(),
  updated_at timestamptz not null default now()
);
create index visualizations_query_id on visualizations (query_id, id);
comment on table visualizations is 'Charts of a query''s result: a type and which column goes where.';

create table dashboards (
  id         uuid primary key default uuid_v7(),
  org_id     uuid not null references orgs on delete cascade,
  name       text not null check (btrim(name) <> ''),
  version    integer not null default 1 check (version >= 1),
  params     jsonb not null default '[]',
  settings   jsonb not null default '{}',
  created_by uuid references users on delete set null,
  created_at timestamptz not null default now(),
  updated_by uuid references users on delete set null,
  updated_at timestamptz not null default now(),
  deleted_at timestamptz
);
create index dashboards_updated on dashboards (org_id, updated_at desc, id desc) where deleted_at is null;
comment on table dashboards is 'Pages of tiles with parameters of their own.';

create table tiles (
  id               uuid primary key default uuid_v7(),
  dashboard_id     uuid not null references dashboards on delete cascade,
  type             text not null check (type in ('visualization', 'text', 'section')),
  visualization_id uuid references visualizations on delete set null,
  title            text,
  content          text,
  bindings         jsonb not null default '{}',
  x                integer not null check (x >= 0),
  y                integer not null check (y >= 0),
  width            integer not null check (width between 1 and 24),
  height           integer not null check (height between 1 and 200),
  last_good_run_id uuid references runs on delete set null,
  created_at       timestamptz not null default now(),
  check (type = 'visualization' or visualization_id is null)
);
create index tiles_dashboard_id on tiles (dashboard_id);
create index tiles_visualization_id on tiles (visualization_id);
create index tiles_last_good_run_id on tiles (last_good_run_id);
comment on table tiles is 'What stands where on a dashboard, on a grid of 24 columns.';
comment on column tiles.last_good_run_id is 'The result that is shown when a later run fails; retention spares it.';

create table schedules (
  id             uuid primary key default uuid_v7(),
  org_id         uuid not null references orgs on delete cascade,
  name           text not null check (btrim(name) <> ''),
  query_id       uuid references queries on delete cascade,
  dashboard_id   uuid references dashboards on delete cascade,
  cron           text not null,
  time_zone      text not null,
  params         jsonb not null default '{}',
  overlap_policy text not null default 'skip' check (overlap_policy in ('skip', 'queue', 'cancel_previous')),
  misfire_policy text not null default 'run_latest' check (misfire_policy in ('run_latest', 'run_all', 'skip')),
  paused_at      timestamptz,
  next_fire_at   timestamptz,
  created_by     uuid references users on delete set null,
  created_at     timestamptz not null default now(),
  updated_at     timestamptz not null default now(),
  check ((query_id is null) <> (dashboard_id is null))
);
create index schedules_due on schedules (next_fire_at) where paused_at is null and next_fire_at is not null;
create index schedules_query_id on schedules (query_id);
create index schedules_dashboard_id on schedules (dashboard_id);
comment on table schedules is 'When to run what, by an IANA time zone. Any runner fires them.';

create table schedule_firings (
  id          uuid primary key default uuid_v7(),
  schedule_id uuid not null references schedules on delete cascade,
  fire_at     timestamptz not null,
  fired_at    timestamptz not null default now(),
  outcome     text not null check (outcome in ('enqueued', 'skipped_overlap', 'skipped_misfire', 'failed')),
  message     text,
  constraint schedule_firings_once unique (schedule_id, fire_at)
);
comment on table schedule_firings is 'Each time a schedule was due, exactly once.';

create table firing_runs (
  firing_id uuid not null references schedule_firings on delete cascade,
  run_id    uuid not null references runs on delete cascade,
  primary key (firing_id, run_id)
);
create index firing_runs_run_id on firing_runs (run_id);
comment on table firing_runs is 'The runs that a firing made.';

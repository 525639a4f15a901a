create table dashboard_versions (
  dashboard_id uuid not null references dashboards on delete cascade,
  version      integer not null check (version >= 1),
  name         text not null,
  description  text not null,
  params       jsonb not null,
  settings     jsonb not null,
  tiles        jsonb not null,
  created_by   uuid references users on delete set null,
  created_at   timestamptz not null default now(),
  primary key (dashboard_id, version)
);
comment on table dashboard_versions is 'Every save of a dashboard, whole. The last one is also in dashboards and tiles, for reading by chart.';
comment on column dashboard_versions.tiles is 'As they were saved (contract: TileInput).';

insert into dashboard_versions (dashboard_id, version, name, description, params, settings, tiles, created_by, created_at)
select id, version, name, description, params, settings, '[]', updated_by, updated_at from dashboards;

insert into grants (org_id, group_id, resource_type, resource_id, created_by)
select dashboards.org_id, groups.id, 'dashboard', dashboards.id, dashboards.created_by
from dashboards join groups on groups.org_id = dashboards.org_id and groups.system = 'everyone';

-- A tile outlives its chart: it keeps the id, says that the chart is gone, and the dashboard can be saved all the same.
alter table tiles
  drop constraint tiles_visualization_id_fkey,
  drop column last_good_run_id,
  add column click jsonb,
  add column collapsed boolean not null default false;
comment on column tiles.visualization_id is 'No foreign key: a deleted chart leaves its id, so that the tile can say so.';

create table tile_runs (
  tile_id    uuid not null references tiles on delete cascade,
  values_key bytea not null check (octet_length(values_key) = 32),
  run_id     uuid not null references runs on delete cascade,
  is_default boolean not null,
  noted_at   timestamptz not null default now(),
  primary key (tile_id, values_key, run_id)
);
create index tile_runs_run_id on tile_runs (run_id);
comment on table tile_runs is 'The runs that each tile has shown: for the same values the newest good one is shown while a later one goes on or when it fails.';
comment on column tile_runs.values_key is 'SHA-256 of datasource, SQL and the values as they were given: a range that moves with the clock is the same tomorrow.';
comment on column tile_runs.is_default is 'Of the values that the dashboard opens with: retention spares their newest good result.';

-- The newest equal runs are looked for by time: an order that no other index has, so that it is always this one that is read,
-- and of it only the first entries, however many equal runs a dashboard has left that refreshes itself.
drop index runs_cache_key;
create index runs_cache_key on runs (cache_key, queued_at desc)
  where cache_key is not null and (finished_at is null or status = 'succeeded');

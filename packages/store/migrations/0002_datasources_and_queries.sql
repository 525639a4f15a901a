create table datasources (
  id                uuid primary key default uuid_v7(),
  org_id            uuid not null references orgs on delete cascade,
  name              text not null check (btrim(name) <> ''),
  type              text not null,
  config            jsonb not null,
  secret            text,
  secret_version    integer not null default 0,
  secret_changed_at timestamptz,
  max_concurrency   integer not null default 8 check (max_concurrency between 1 and 1000),
  limits            jsonb not null default '{}',
  is_demo           boolean not null default false,
  created_by        uuid references users on delete set null,
  created_at        timestamptz not null default now(),
  updated_at        timestamptz not null default now(),
  deleted_at        timestamptz,
  check ((secret is null) = (secret_changed_at is null)),
  check (deleted_at is null or secret is null)
);
create unique index datasources_name_key on datasources (org_id, lower(name)) where deleted_at is null;
create unique index datasources_demo_key on datasources (org_id) where is_demo;
comment on table datasources is 'Connections to the databases that people query. Deleted ones stay for the history, without their secret.';
comment on column datasources.secret is 'JWE sealed to the runners'' public key; its protected header binds org, datasource, field and version.';
comment on column datasources.max_concurrency is 'Runs at the same time, over all runners.';

create table datasource_schemas (
  datasource_id   uuid primary key references datasources on delete cascade,
  snapshot        jsonb not null,
  run_id          uuid not null,
  introspected_at timestamptz not null default now()
);
comment on table datasource_schemas is 'The last introspection of each datasource.';

create table queries (
  id         uuid primary key default uuid_v7(),
  org_id     uuid not null references orgs on delete cascade,
  version    integer not null default 1 check (version >= 1),
  created_by uuid references users on delete set null,
  created_at timestamptz not null default now(),
  updated_at timestamptz not null default now(),
  deleted_at timestamptz
);
create index queries_updated on queries (org_id, updated_at desc, id desc) where deleted_at is null;
comment on table queries is 'Saved queries. What a query says stands in query_versions, at the row of its current version.';

create table query_versions (
  query_id      uuid not null references queries on delete cascade,
  version       integer not null check (version >= 1),
  name          text not null check (btrim(name) <> ''),
  description   text not null default '',
  datasource_id uuid not null references datasources,
  sql           text not null,
  params        jsonb not null default '[]',
  limits        jsonb not null default '{}',
  created_by    uuid references users on delete set null,
  created_at    timestamptz not null default now(),
  primary key (query_id, version)
);
create index query_versions_datasource_id on query_versions (datasource_id);
comment on table query_versions is 'Every save of a query, never changed afterwards.';

alter table queries add constraint queries_current_version_fkey
  foreign key (id, version) references query_versions (query_id, version) deferrable initially deferred;

create table folders (
  id         uuid primary key default uuid_v7(),
  org_id     uuid not null references orgs on delete cascade,
  parent_id  uuid references folders on delete cascade,
  name       text not null check (btrim(name) <> ''),
  created_by uuid references users on delete set null,
  created_at timestamptz not null default now()
);
create unique index folders_name_key on folders (org_id, coalesce(parent_id, '00000000-0000-0000-0000-000000000000'), lower(name));
create index folders_parent_id on folders (parent_id);
comment on table folders is 'Where queries and dashboards are kept. They say nothing about who may see what.';

alter table queries
  add column folder_id uuid references folders on delete set null,
  add column tags text[] not null default '{}';
create index queries_folder_id on queries (folder_id) where folder_id is not null;
create index queries_tags on queries using gin (tags);

alter table dashboards
  add column folder_id uuid references folders on delete set null,
  add column tags text[] not null default '{}',
  add column description text not null default '';
create index dashboards_folder_id on dashboards (folder_id) where folder_id is not null;
create index dashboards_tags on dashboards using gin (tags);

create table favorites (
  user_id       uuid not null references users on delete cascade,
  resource_type text not null,
  resource_id   uuid not null,
  created_at    timestamptz not null default now(),
  primary key (user_id, resource_type, resource_id)
);
create index favorites_resource on favorites (resource_type, resource_id);
comment on table favorites is 'What each person marked with a star: types of the registry in grants.ts.';

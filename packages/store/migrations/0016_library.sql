-- Searching by trigrams needs an extension that comes with PostgreSQL and that a database's owner may create. Where it
-- cannot be created, searching works without: slower, and not past misspellings.
do $$
begin
  create extension if not exists pg_trgm;
exception
  when insufficient_privilege or undefined_file or feature_not_supported then
    raise notice 'pg_trgm cannot be created here (%): searching does without it', sqlerrm;
end
$$;

create table schema_names (
  datasource_id uuid not null references datasources on delete cascade,
  schema_name   text not null,
  relation_name text not null,
  kind          text not null,
  columns       text not null,
  primary key (datasource_id, schema_name, relation_name)
);
comment on table schema_names is 'Tables of the last introspection of each datasource, to search in.';
comment on column schema_names.columns is 'The names of its columns, one a line.';

insert into schema_names (datasource_id, schema_name, relation_name, kind, columns)
select datasource_schemas.datasource_id, schemas ->> 'name', relations ->> 'name', relations ->> 'kind', coalesce((
  select string_agg(columns ->> 'name', E'\n' order by ordinality)
  from jsonb_array_elements(relations -> 'columns') with ordinality as columns (columns, ordinality)), '')
from datasource_schemas
cross join jsonb_array_elements(snapshot -> 'schemas') as schemas
cross join jsonb_array_elements(schemas -> 'relations') as relations
on conflict do nothing;

do $$
begin
  if exists (select from pg_extension where extname = 'pg_trgm') then
    create index query_versions_name_search on query_versions using gin (name gin_trgm_ops);
    create index query_versions_text_search on query_versions using gin ((name || E'\n' || description || E'\n' || sql) gin_trgm_ops);
    create index schema_names_search on schema_names using gin ((relation_name || E'\n' || columns) gin_trgm_ops);
  end if;
end
$$;

create table recent_views (
  user_id       uuid not null references users on delete cascade,
  resource_type text not null,
  resource_id   uuid not null,
  viewed_at     timestamptz not null default now(),
  primary key (user_id, resource_type, resource_id)
);
create index recent_views_newest on recent_views (user_id, viewed_at desc);
comment on table recent_views is 'What each person opened or changed lately: types of the registry in grants.ts.';

alter table memberships
  add column tour_step integer check (tour_step >= 0),
  add column tour_ended_at timestamptz;
comment on column memberships.tour_step is 'How far the person came in the tour of the app; null before its first step.';

alter table runs
  drop constraint runs_kind_check,
  drop constraint runs_sql_check,
  add constraint runs_kind_check check (kind in (
    'query', 'test', 'introspect', 'explain', 'result_view', 'result_statistics', 'result_comparison')),
  add constraint runs_sql_check check ((kind in ('query', 'explain')) = (sql is not null)),
  add column source_run_id uuid references runs on delete cascade,
  add column source_statement integer,
  add column spec jsonb,
  add column plan jsonb,
  add column occupies_datasource boolean not null
    generated always as (kind in ('query', 'test', 'introspect', 'explain')) stored,
  add constraint runs_source_check check (
    (kind in ('explain', 'result_view', 'result_statistics', 'result_comparison')) = (source_run_id is not null));

create index runs_source on runs (source_run_id) where source_run_id is not null;
create index runs_retry_of on runs (retry_of) where retry_of is not null;

comment on column runs.params is 'What was given and bound for each parameter (contract: RunParameter), resolved once, when the run was made.';
comment on column runs.source_run_id is 'The run that this one explains, or whose stored result it works on.';
comment on column runs.spec is 'What to do with the source: the sort and filters of a view, the other run of a comparison, analyze of an explain.';
comment on column runs.plan is 'Of an explain: what EXPLAIN (format json) said, an element each statement.';
comment on column runs.occupies_datasource is 'Whether the run counts against its datasource''s max_concurrency: work on stored results does not.';

-- The head of a job is a run, too: made by the sandbox that holds the job, and at work from its first moment.
alter table runs
  drop constraint runs_kind_check,
  drop constraint runs_sql_check,
  drop constraint runs_target_check,
  add column job_id uuid references jobs on delete set null,
  add constraint runs_kind_check check (kind in (
    'query', 'test', 'introspect', 'explain', 'result_view', 'result_statistics', 'result_comparison', 'head')),
  add constraint runs_sql_check check ((kind in ('query', 'explain', 'head')) = (sql is not null)),
  -- Work on the result of a head has no datasource, as that has none.
  add constraint runs_target_check check (
    case kind
      when 'head' then datasource_id is null and connection is null
      when 'test' then datasource_id is not null or connection is not null or finished_at is not null
      when 'result_view' then true
      when 'result_statistics' then true
      when 'result_comparison' then true
      else datasource_id is not null
    end),
  add constraint runs_job_check check (job_id is null or kind = 'head'),
  add constraint runs_head_check check (kind <> 'head' or status <> 'queued');
create index runs_job_id on runs (job_id) where job_id is not null;
comment on column runs.job_id is 'Of a head: the job whose it is; null once that has expired.';
comment on column runs.sql is 'Of a head: the text of its file, or its beginning when that is long.';

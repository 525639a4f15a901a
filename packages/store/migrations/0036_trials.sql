-- Fixes of findings that were tried on a sandbox.

create table health_trials (
  job_id      uuid primary key references jobs on delete cascade,
  org_id      uuid not null references orgs on delete cascade,
  finding_id  uuid not null references health_findings on delete cascade,
  database_id uuid not null references health_databases on delete cascade,
  facts       jsonb not null,
  created_at  timestamptz not null default now()
);
create index health_trials_finding on health_trials (finding_id, created_at desc);
comment on table health_trials is 'The job of a trial holds what it gave; here is what it was made of: statements, gaps, versions (packages/health/src/trial/facts.ts).';

alter table runners add column vitals jsonb;
comment on column runners.vitals is 'What the process last said of itself (contract: RunnerVitals); null from a runner of an older version.';

create table api_processes (
  id         text primary key,
  hostname   text not null,
  vitals     jsonb not null,
  started_at timestamptz not null default now(),
  seen_at    timestamptz not null default now()
);
comment on table api_processes is 'API processes by their last sign of life. Only for people to look at.';
comment on column api_processes.vitals is 'What the process last said of itself (contract: ProcessVitals).';

-- What asked for a job, as runs say it. Of those that were made before, only whether a token was used is known.
alter table jobs
  add column trigger text not null default 'api' check (trigger in ('user', 'api', 'cli'));
update jobs set trigger = 'user' where token_id is null;

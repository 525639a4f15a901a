alter table schedules rename column cron to recurrence;
alter table schedules
  add column owner_id uuid references users on delete set null,
  add column tile_ids uuid[] check (cardinality(tile_ids) > 0),
  add column pause_reason text check (pause_reason in ('person', 'deletion')),
  add column trouble text;
update schedules set owner_id = created_by, pause_reason = case when paused_at is not null then 'person' end;
alter table schedules
  add check ((paused_at is null) = (pause_reason is null)),
  add check (tile_ids is null or dashboard_id is not null);
create index schedules_list on schedules (org_id, next_fire_at, id);
create index schedules_owner_id on schedules (owner_id);
comment on column schedules.recurrence is 'Cron of five fields, or words (contract: schedule-times).';
comment on column schedules.next_fire_at is '-infinity: still to be computed, by the next runner that looks.';
comment on column schedules.owner_id is 'With whose rights it runs: who last said what it runs.';
comment on column schedules.tile_ids is 'Of the dashboard; null: every tile, also those of later.';
comment on column schedules.pause_reason is 'deletion: its query or dashboard was deleted, and it goes on when that is restored.';
comment on column schedules.trouble is 'Why its last firing could not run anything, or why it cannot fire, in a sentence.';

alter table schedule_firings
  drop constraint schedule_firings_outcome_check,
  add constraint schedule_firings_outcome_check check (
    outcome in ('enqueued', 'waiting', 'skipped_overlap', 'skipped_misfire', 'failed')),
  add column trigger text not null default 'schedule' check (trigger in ('schedule', 'manual')),
  add column settled boolean not null default false;
create index schedule_firings_unsettled on schedule_firings (schedule_id) where outcome = 'enqueued' and not settled;
create index schedule_firings_waiting on schedule_firings (schedule_id, fire_at) where outcome = 'waiting';
comment on column schedule_firings.settled is 'True once all its runs were seen to have ended: only the others are looked at when the next one is due.';

alter table firing_runs
  drop constraint firing_runs_pkey,
  add column tile_id uuid,
  add column title text not null default '',
  add constraint firing_runs_once unique nulls not distinct (firing_id, run_id, tile_id);
comment on column firing_runs.tile_id is 'No foreign key: history outlives tiles. Tiles with the same query share a run.';
comment on column firing_runs.title is 'Of the tile, or the name of the query, as it was then.';

-- Whoever deletes or restores a query or a dashboard, and however: its schedules follow.
create function follow_deletion() returns trigger
language plpgsql
as $$
declare
  what text := case tg_table_name when 'queries' then 'query' else 'dashboard' end;
begin
  if new.deleted_at is not null then
    update schedules set
      paused_at = coalesce(paused_at, now()),
      pause_reason = coalesce(pause_reason, 'deletion'),
      next_fire_at = null,
      trouble = format('Its %s was deleted. Restore it, or let the schedule run another.', what),
      updated_at = now()
    where case tg_table_name when 'queries' then query_id else dashboard_id end = new.id;
  else
    update schedules set
      paused_at = case pause_reason when 'person' then paused_at end,
      next_fire_at = case pause_reason when 'deletion' then '-infinity'::timestamptz end,
      pause_reason = nullif(pause_reason, 'deletion'),
      trouble = null,
      updated_at = now()
    where case tg_table_name when 'queries' then query_id else dashboard_id end = new.id;
  end if;
  return null;
end
$$;
create trigger queries_pause_schedules after update of deleted_at on queries
  for each row when ((old.deleted_at is null) <> (new.deleted_at is null)) execute function follow_deletion();
create trigger dashboards_pause_schedules after update of deleted_at on dashboards
  for each row when ((old.deleted_at is null) <> (new.deleted_at is null)) execute function follow_deletion();

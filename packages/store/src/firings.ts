/** The history of schedules: when each fired, and how its runs went. */
import type { RunStatus } from "@quern/contract/run-started";
import type { Firing } from "@quern/contract/schedules";
import { type RawBuilder, sql } from "kysely";
import type { Actor } from "./actor.ts";
import type { Database } from "./db.ts";
import { visibleRun } from "./grants.ts";
import { toPage } from "./page.ts";

const KEPT_PER_SCHEDULE = 1_000;
const KEPT_DAYS = 90;
/** Stay whatever their age, so that what fires once a year has a history, too. */
const KEPT_ANYWAY = 30;

/** All runs of the row `firings` together; `status` is null when there are none. */
export const RUNS_TOGETHER = sql`
  lateral (
    select case
        when bool_or(made.status = 'running') or (bool_or(made.status = 'queued') and bool_or(made.finished_at is not null)) then 'running'
        when bool_or(made.status = 'queued') then 'queued'
        when bool_or(made.status = 'failed') then 'failed'
        when bool_or(made.status = 'canceled') then 'canceled'
        when count(*) > 0 then 'succeeded'
      end as status,
      case when bool_and(made.finished_at is not null) then max(made.finished_at) end as finished_at,
      coalesce(sum(made.rows), 0)::bigint as rows
    from (
      select distinct runs.id, runs.status, runs.finished_at, runs.rows
      from firing_runs join runs on runs.id = firing_runs.run_id
      where firing_runs.firing_id = firings.id
    ) as made
  ) as together`;

type Row = Omit<Firing, "fire_at" | "fired_at" | "finished_at"> & {
  fire_at: Date;
  fired_at: Date;
  finished_at: Date | null;
  cursor: string;
};

/** Firings of a schedule that the actor sees, the last first. */
export async function listFirings(
  db: Database,
  actor: Actor,
  scheduleId: string,
  page: { limit: number; cursor?: string | undefined },
): Promise<{ items: Firing[]; next_cursor: string | null }> {
  const before = /^\d{1,17}$/.test(page.cursor ?? "") ? page.cursor! : null;
  const rows = await selectFirings(
    db,
    actor,
    sql`firings.schedule_id = ${scheduleId}
      and (${before}::bigint is null or firings.fire_at < 'epoch'::timestamptz + ${before}::bigint * interval '1 microsecond')`,
    page.limit + 1,
  );
  const { items, next_cursor } = toPage(rows, page.limit, (last) => last.cursor);
  return { items: items.map(toFiring), next_cursor };
}

/** One firing of a schedule that the actor sees. */
export async function readFiring(
  db: Database,
  actor: Actor,
  id: string,
): Promise<Firing | undefined> {
  const [row] = await selectFirings(db, actor, sql`firings.id = ${id}`, 1);
  return row && toFiring(row);
}

async function selectFirings(
  db: Database,
  actor: Actor,
  where: RawBuilder<unknown>,
  limit: number,
): Promise<Row[]> {
  const { rows } = await sql<Row & { status: RunStatus | null }>`
    select firings.id, firings.schedule_id, firings.trigger, firings.fire_at, firings.fired_at, firings.outcome,
      firings.message, together.status, together.finished_at, together.rows,
      (extract(epoch from firings.fire_at) * 1000000)::bigint::text as cursor,
      coalesce((
        select jsonb_agg(jsonb_build_object(
          'id', runs.id, 'status', runs.status, 'tile_id', firing_runs.tile_id, 'title', firing_runs.title, 'rows', runs.rows,
          'error', case when ${visibleRun(actor)} then runs.error ->> 'message' end) order by firing_runs.title, runs.id)
        from firing_runs join runs on runs.id = firing_runs.run_id
        where firing_runs.firing_id = firings.id
      ), '[]') as runs
    from schedule_firings as firings, ${RUNS_TOGETHER}
    where ${where}
    order by firings.fire_at desc
    limit ${limit}`.execute(db);
  return rows;
}

function toFiring({ cursor: _, ...row }: Row): Firing {
  return {
    ...row,
    fire_at: row.fire_at.toISOString(),
    fired_at: row.fired_at.toISOString(),
    finished_at: row.finished_at?.toISOString() ?? null,
  };
}

/** Deletes what is older than 90 days or beyond 1,000 of its schedule; the last 30 stay. Says how many. */
export async function deleteOldFirings(db: Database): Promise<number> {
  const deleted = await sql`
    with ends as (
      select schedules.id,
        (select fire_at from schedule_firings where schedule_id = schedules.id
          order by fire_at desc offset ${KEPT_PER_SCHEDULE - 1} limit 1) as beyond,
        (select fire_at from schedule_firings where schedule_id = schedules.id
          order by fire_at desc offset ${KEPT_ANYWAY - 1} limit 1) as anyway
      from schedules
    )
    delete from schedule_firings as firings using ends
    where firings.schedule_id = ends.id and firings.outcome <> 'waiting' and firings.fire_at < ends.anyway
      and (firings.fire_at < ends.beyond or firings.fire_at < now() - ${KEPT_DAYS} * interval '1 day')`.execute(
    db,
  );
  return Number(deleted.numAffectedRows ?? 0n);
}

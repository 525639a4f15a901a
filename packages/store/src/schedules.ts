/** Schedules as people see and change them. What they do is schedule-firing.ts. */
import type { Schedule, ScheduleInput } from "@quern/contract/schedules";
import { type RawBuilder, sql } from "kysely";
import type { Actor } from "./actor.ts";
import type { Database } from "./db.ts";
import { RUNS_TOGETHER } from "./firings.ts";
import { visibleSchedule } from "./grants.ts";
import { containing, isUuid, toPage } from "./page.ts";
import { personRef } from "./queries.ts";

export type ScheduleFilter = {
  search?: string | undefined;
  query_id?: string | undefined;
  dashboard_id?: string | undefined;
  state?: "active" | "paused" | "failing" | undefined;
  limit: number;
  cursor?: string | undefined;
};

const TIMES = ["paused_at", "next_fire_at", "created_at", "updated_at"] as const;
type Row = Omit<Schedule, (typeof TIMES)[number]> &
  Record<(typeof TIMES)[number], Date | null> & { place: string };

/** The next to fire first; those that never will come last. A cursor that is not one of ours starts at the beginning. */
const PLACE = sql`case when isfinite(schedules.next_fire_at) then schedules.next_fire_at else 'infinity' end`;

/** Schedules of queries and dashboards that the actor may see. */
export async function listSchedules(
  db: Database,
  actor: Actor,
  filter: ScheduleFilter,
): Promise<{ items: Schedule[]; next_cursor: string | null }> {
  const after = readCursor(filter.cursor);
  const pattern = containing(filter.search ?? "");
  const rows = await selectSchedules(
    db,
    sql`${visibleSchedule(actor)} and ${inState(filter.state)}
      and (${filter.query_id ?? null}::uuid is null or schedules.query_id = ${filter.query_id ?? null})
      and (${filter.dashboard_id ?? null}::uuid is null or schedules.dashboard_id = ${filter.dashboard_id ?? null})
      and (${filter.search ?? null}::text is null or schedules.name ilike ${pattern}
        or schedules.recurrence ilike ${pattern} or targets.name ilike ${pattern})
      and (${after?.place ?? null}::timestamptz is null
        or (${PLACE}, schedules.id) > (${after?.place ?? null}, ${after?.id ?? null}))`,
    filter.limit + 1,
  );
  const { items, next_cursor } = toPage(rows, filter.limit, (last) => `${last.place}_${last.id}`);
  return { items: items.map(toSchedule), next_cursor };
}

/** One schedule that the actor may see. */
export async function readSchedule(
  db: Database,
  actor: Actor,
  id: string,
): Promise<Schedule | undefined> {
  const [row] = await selectSchedules(
    db,
    sql`schedules.id = ${id} and ${visibleSchedule(actor)}`,
    1,
  );
  return row && toSchedule(row);
}

function inState(state: ScheduleFilter["state"]): RawBuilder<unknown> {
  switch (state) {
    case "active":
      return sql`schedules.paused_at is null and schedules.next_fire_at is not null`;
    case "paused":
      return sql`schedules.paused_at is not null`;
    case "failing":
      return sql`(schedules.trouble is not null or last.outcome = 'failed' or last.status = 'failed')`;
    default:
      return sql`true`;
  }
}

const ISO = sql`'YYYY-MM-DD"T"HH24:MI:SS.MS"Z"'`;
const iso = (at: RawBuilder<unknown>) => sql`to_char(${at} at time zone 'UTC', ${ISO})`;

/** Firings of the schedule with how their runs went, the last first. */
function firings(limit: number): RawBuilder<unknown> {
  return sql`(
    select firings.*, together.status, together.finished_at, together.rows
    from (
      select * from schedule_firings where schedule_id = schedules.id order by fire_at desc limit ${limit}
    ) as firings, ${RUNS_TOGETHER}
    order by firings.fire_at desc)`;
}

async function selectSchedules(
  db: Database,
  where: RawBuilder<unknown>,
  limit: number,
): Promise<Row[]> {
  const { rows } = await sql<Row>`
    select schedules.id, schedules.name, schedules.recurrence, schedules.time_zone, schedules.params,
      case when schedules.query_id is not null
        then jsonb_build_object('type', 'query', 'query_id', schedules.query_id, 'name', targets.name)
        else jsonb_build_object('type', 'dashboard', 'dashboard_id', schedules.dashboard_id,
          'tile_ids', to_jsonb(schedules.tile_ids), 'name', targets.name) end as target,
      schedules.overlap_policy, schedules.misfire_policy, schedules.paused_at,
      case when isfinite(schedules.next_fire_at) then schedules.next_fire_at end as next_fire_at,
      ${PLACE}::text as place, schedules.trouble, ${personRef("owners")} as owner, last.json as last_firing,
      coalesce((
        select jsonb_agg(jsonb_build_object('id', recent.id, 'fire_at', ${iso(sql`recent.fire_at`)},
          'outcome', recent.outcome, 'status', recent.status) order by recent.fire_at)
        from ${firings(30)} as recent
      ), '[]') as recent,
      schedules.created_at, schedules.updated_at
    from schedules
    left join users as owners on owners.id = schedules.owner_id
    cross join lateral (
      select query_versions.name from queries
      join query_versions on query_versions.query_id = queries.id and query_versions.version = queries.version
      where queries.id = schedules.query_id
      union all
      select dashboards.name from dashboards where dashboards.id = schedules.dashboard_id
    ) as targets
    left join lateral (
      select firing.outcome, firing.status, jsonb_build_object('id', firing.id, 'schedule_id', firing.schedule_id,
        'trigger', firing.trigger, 'fire_at', ${iso(sql`firing.fire_at`)}, 'fired_at', ${iso(sql`firing.fired_at`)},
        'outcome', firing.outcome, 'message', firing.message, 'status', firing.status,
        'finished_at', ${iso(sql`firing.finished_at`)}, 'rows', firing.rows) as json
      from ${firings(1)} as firing
    ) as last on true
    where ${where}
    order by ${PLACE}, schedules.id
    limit ${limit}`.execute(db);
  return rows;
}

function toSchedule({ place: _, ...row }: Row): Schedule {
  const times = TIMES.map((key) => [key, row[key]?.toISOString() ?? null]);
  return { ...row, ...Object.fromEntries(times) };
}

function readCursor(cursor: string | undefined): { place: string; id: string } | undefined {
  const [place, id] = (cursor ?? "").split("_");
  if (!place || !id || !isUuid(id)) return undefined;
  const isPlace = place === "infinity" || Number.isFinite(Date.parse(place));
  return isPlace ? { place, id } : undefined;
}

/** What a change may hold; a new schedule holds all that it must. */
export type ScheduleChange = {
  [K in keyof ScheduleInput]?: ScheduleInput[K] | undefined;
};

/** Deletes a schedule and its history; its runs stay. False when the actor sees none with that id. */
export async function deleteSchedule(db: Database, actor: Actor, id: string): Promise<boolean> {
  const deleted = await sql`
    delete from schedules where id = ${id} and ${visibleSchedule(actor)}`.execute(db);
  return deleted.numAffectedRows === 1n;
}

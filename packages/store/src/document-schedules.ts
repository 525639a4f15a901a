/** The schedules of a document. */
import type { DashboardDocument } from "@quern/contract/dashboard-documents";
import { openTimetable } from "@quern/contract/schedule-times";
import { RecurrenceError } from "@quern/contract/schedule-times/errors";
import { sql } from "kysely";
import type { Actor } from "./actor.ts";
import { Conflict } from "./conflict.ts";
import type { Database } from "./db.ts";

type DocumentSchedule = DashboardDocument["schedules"][number];

/**
 * Makes the schedules of the dashboard those of the document, known by their names, with the actor's rights; the next runner
 * that looks says when they fire. Throws `Conflict` (`invalid_request`) for a time that is none.
 */
export async function importSchedules(
  trx: Database,
  actor: Actor,
  dashboardId: string,
  schedules: readonly DocumentSchedule[],
  tiles: Record<string, string>,
): Promise<void> {
  for (const [index, schedule] of schedules.entries()) demandTimes(schedule, index);
  const names = schedules.map(({ name }) => name);
  await sql`delete from schedules where dashboard_id = ${dashboardId} and name <> all (${names}::text[])`.execute(
    trx,
  );
  for (const schedule of schedules) await saveSchedule(trx, actor, dashboardId, schedule, tiles);
}

function demandTimes({ recurrence, time_zone }: DocumentSchedule, index: number): void {
  try {
    openTimetable(recurrence, time_zone);
  } catch (error) {
    if (!(error instanceof RecurrenceError)) throw error;
    const path = `body.document.schedules.${index}.${error.field}`;
    throw new Conflict("invalid_request", error.message, [{ path, message: error.message }]);
  }
}

async function saveSchedule(
  trx: Database,
  actor: Actor,
  dashboardId: string,
  schedule: DocumentSchedule,
  tiles: Record<string, string>,
): Promise<void> {
  const { name, recurrence, time_zone, overlap_policy, misfire_policy } = schedule;
  const params = JSON.stringify(schedule.params);
  const tile_ids = schedule.tiles?.map((key) => tiles[key]!) ?? null;
  const { rows } = await sql`
    update schedules set recurrence = ${recurrence}, time_zone = ${time_zone}, params = ${params},
      overlap_policy = ${overlap_policy}, misfire_policy = ${misfire_policy}, tile_ids = ${tile_ids}::uuid[],
      owner_id = ${actor.user_id}, next_fire_at = case when paused_at is null then '-infinity'::timestamptz end,
      trouble = null, updated_at = now()
    where dashboard_id = ${dashboardId} and name = ${name}
    returning id`.execute(trx);
  if (rows.length > 0) return;
  await sql`
    insert into schedules (org_id, name, dashboard_id, tile_ids, recurrence, time_zone, params, overlap_policy, misfire_policy,
      next_fire_at, created_by, owner_id)
    values (${actor.org_id}, ${name}, ${dashboardId}, ${tile_ids}::uuid[], ${recurrence}, ${time_zone}, ${params},
      ${overlap_policy}, ${misfire_policy}, '-infinity', ${actor.user_id}, ${actor.user_id})`.execute(
    trx,
  );
}

/** The schedules of a dashboard as a document has them, by name. */
export async function exportSchedules(
  db: Database,
  dashboardId: string,
  tileKeys: ReadonlyMap<string, string>,
): Promise<DocumentSchedule[]> {
  type Row = Omit<DocumentSchedule, "tiles"> & { tile_ids: string[] | null };
  const { rows } = await sql<Row>`
    select name, recurrence, time_zone, params, overlap_policy, misfire_policy, tile_ids
    from schedules where dashboard_id = ${dashboardId} order by name, id`.execute(db);
  return rows.map(({ tile_ids, ...schedule }) => {
    const tiles = tile_ids?.flatMap((id) => tileKeys.get(id) ?? []).sort() ?? null;
    return { ...schedule, tiles: tiles?.length === 0 ? null : tiles };
  });
}

import type { QueuePlace } from "@quern/contract/runs";
import { sql } from "kysely";
import type { Database } from "./db.ts";

/** Runners say every 3 s that they live; one that was silent for longer is taken for gone. */
const ALIVE_SECONDS = 15;

type Row = Omit<QueuePlace, "blocked_by"> & { place: number | null };

/** A run's place in the queue and the cap that holds it back. Undefined when there is no run with that id. */
export async function readQueuePlace(db: Database, id: string): Promise<QueuePlace | undefined> {
  const { rows } = await sql<Row>`
    select runs.status, mine.place,
      case when mine.id is not null then (
        select count(*) + 1 from queued_runs as other
        where (other.priority_rank, other.turn, other.queued_at, other.id)
          < (mine.priority_rank, mine.turn, mine.queued_at, mine.id)
      ) end as position,
      alive.runners, alive.slots,
      (select count(*) from runs as others where others.status = 'running') as running,
      (select count(*) from runs as others
        where others.status = 'running' and others.datasource_id = runs.datasource_id
      ) as datasource_running,
      datasources.max_concurrency as datasource_max_concurrency
    from runs
    left join queued_runs as mine on mine.id = runs.id
    left join datasources on datasources.id = runs.datasource_id
    cross join (
      select count(*) as runners, coalesce(sum(slots), 0) as slots
      from runners where seen_at > now() - ${ALIVE_SECONDS} * interval '1 second'
    ) as alive
    where runs.id = ${id}`.execute(db);
  if (!rows[0]) return undefined;
  const { place, ...row } = rows[0];
  return { ...row, blocked_by: row.status === "queued" ? blockedBy(row, place) : null };
}

function blockedBy(row: Omit<Row, "place">, place: number | null): QueuePlace["blocked_by"] {
  if (row.runners === 0) return "no_runner";
  const cap = row.datasource_max_concurrency;
  if (cap !== null && place !== null && place > cap) return "datasource_concurrency";
  return row.running >= row.slots ? "runner_slots" : null;
}

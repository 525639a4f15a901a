import type { QueuePlace } from "@quern/contract/run-queue";
import { sql } from "kysely";
import type { Database } from "./db.ts";

/** Runners say every 3 s that they live; one that was silent for longer is taken for gone. */
const ALIVE_SECONDS = 15;

/** Runs ahead are counted up to here: who is behind more of them does not care how many. */
const COUNTED = 10_000;
/** Entries of the queue that are looked at to count those of other datasources. */
const LOOKED_AT = 50_000;

type Row = Omit<QueuePlace, "blocked_by" | "position" | "position_is_exact"> & {
  waiting: boolean;
  ahead_in_lane: number;
  ahead_elsewhere: number;
  looked_at: number;
};

/**
 * A run's place in the queue and the cap that holds it back. Undefined when there is no run with that id. Ahead of it
 * are those of its datasource in the order of the claim, and of other datasources the more urgent and the older ones.
 */
export async function readQueuePlace(db: Database, id: string): Promise<QueuePlace | undefined> {
  const { rows } = await sql<Row>`
    select runs.status, mine.run_id is not null as waiting,
      (select count(*) from (
        select from queue as other
        where other.lane = mine.lane
          and (other.priority_rank, other.turn, other.run_id) < (mine.priority_rank, mine.turn, mine.run_id)
        limit ${COUNTED}
      ) as ahead) as ahead_in_lane,
      elsewhere.ahead as ahead_elsewhere, elsewhere.looked_at,
      alive.runners, alive.slots,
      (select count(*) from runs as others where others.status = 'running') as running,
      (select count(*) from runs as others
        where others.status = 'running' and others.lane = runs.lane and runs.datasource_id is not null
      ) as datasource_running,
      datasources.max_concurrency as datasource_max_concurrency
    from runs
    left join queue as mine on mine.lane = runs.lane and mine.priority_rank = runs.priority_rank
      and mine.turn = runs.turn and mine.run_id = runs.id
    left join datasources on datasources.id = runs.datasource_id and runs.occupies_datasource
    cross join lateral (
      select count(*) filter (where older.lane <> mine.lane) as ahead, count(*) as looked_at
      from (
        select other.lane from queue as other
        where (other.priority_rank, other.run_id) < (mine.priority_rank, mine.run_id)
        order by other.priority_rank, other.run_id
        limit ${LOOKED_AT}
      ) as older
    ) as elsewhere
    cross join (
      select count(*) as runners, coalesce(sum(slots), 0) as slots
      from runners where seen_at > now() - ${ALIVE_SECONDS} * interval '1 second'
    ) as alive
    where runs.id = ${id}`.execute(db);
  if (!rows[0]) return undefined;
  const { waiting, ahead_in_lane, ahead_elsewhere, looked_at, ...row } = rows[0];
  const ahead = ahead_in_lane + ahead_elsewhere;
  return {
    ...row,
    position: waiting ? Math.min(ahead, COUNTED) + 1 : null,
    position_is_exact: ahead < COUNTED && looked_at < LOOKED_AT,
    blocked_by: waiting ? blockedBy(row, ahead_in_lane + 1) : null,
  };
}

function blockedBy(
  row: Pick<
    QueuePlace,
    "runners" | "slots" | "running" | "datasource_running" | "datasource_max_concurrency"
  >,
  place: number,
): QueuePlace["blocked_by"] {
  if (row.runners === 0) return "no_runner";
  const cap = row.datasource_max_concurrency;
  if (cap !== null && place + row.datasource_running > cap) return "datasource_concurrency";
  return row.running >= row.slots ? "runner_slots" : null;
}

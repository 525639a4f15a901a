/** Partitions of the points: raw ones by day, hours and days by month. */
import type { Database } from "@quern/store/db";
import { sql } from "kysely";

const DAY_MS = 24 * 60 * 60 * 1000;

/** Parents by how long their partitions are and how many days of them are kept. */
export const POINT_TABLES = {
  raw: {
    tables: [
      "health_statement_points",
      "health_table_points",
      "health_index_points",
      "health_metric_points",
      "health_load_points",
      "health_activity",
    ],
    days: 7,
  },
  hour: {
    tables: [
      "health_statement_hours",
      "health_table_hours",
      "health_index_hours",
      "health_metric_hours",
      "health_load_hours",
    ],
    days: 90,
  },
  day: {
    tables: [
      "health_statement_days",
      "health_table_days",
      "health_index_days",
      "health_metric_days",
      "health_load_days",
    ],
    days: 730,
  },
} as const;
export type PointResolution = keyof typeof POINT_TABLES;

/** Months and days (in ms, UTC) whose partitions this process knows to be there. */
const known = new WeakMap<Database, Set<string>>();

/** Makes the partitions that a point of `at` and what is summed of it need. Cheap when they are there. */
export async function ensurePartitions(db: Database, at: Date): Promise<void> {
  for (const resolution of Object.keys(POINT_TABLES) as PointResolution[])
    await ensurePartitionsOf(db, resolution, at);
}

/** The same for points of one resolution. */
export async function ensurePartitionsOf(
  db: Database,
  resolution: PointResolution,
  at: Date,
): Promise<void> {
  const seen = known.get(db) ?? new Set();
  known.set(db, seen);
  const [from, to] = resolution === "raw" ? dayOf(at) : monthOf(at);
  const key = `${resolution} ${from.toISOString()}`;
  if (seen.has(key)) return;
  await makePartitions(db, resolution, from, to);
  seen.add(key);
}

async function makePartitions(
  db: Database,
  resolution: PointResolution,
  from: Date,
  to: Date,
): Promise<void> {
  // Two processes that make the same one: the second waits and finds it there.
  await sql`
    with taken as (select pg_advisory_xact_lock(hashtext('health_partitions')))
    select health_make_partition(parent, ${from}::timestamptz, ${to}::timestamptz)
    from taken, unnest(${[...POINT_TABLES[resolution].tables]}::text[]) as parent`.execute(db);
}

function dayOf(at: Date): [Date, Date] {
  const from = Math.floor(at.getTime() / DAY_MS) * DAY_MS;
  return [new Date(from), new Date(from + DAY_MS)];
}

function monthOf(at: Date): [Date, Date] {
  const [year, month] = [at.getUTCFullYear(), at.getUTCMonth()];
  return [new Date(Date.UTC(year, month, 1)), new Date(Date.UTC(year, month + 1, 1))];
}

/**
 * Drops partitions whose whole time is longer ago than is kept. Returns their names. `known` holds for tables that are
 * still there only: nothing is written into dropped ones, since payloads of that age are refused.
 */
export async function dropOldPartitions(db: Database, now: Date = new Date()): Promise<string[]> {
  const dropped: string[] = [];
  for (const { tables, days } of Object.values(POINT_TABLES)) {
    const oldest = new Date(now.getTime() - (days + 1) * DAY_MS);
    const { rows } = await sql<{ name: string }>`
      select child.relname as name
      from pg_inherits join pg_class child on child.oid = inhrelid join pg_class parent on parent.oid = inhparent
      where parent.relname = any(${[...tables]}) and child.relkind = 'r'
        and (regexp_match(pg_get_expr(child.relpartbound, child.oid), 'TO \\(''([^'']+)''\\)'))[1]::timestamptz < ${oldest}
      order by name`.execute(db);
    for (const { name } of rows) {
      await sql`drop table if exists ${sql.table(name)}`.execute(db);
      dropped.push(name);
    }
  }
  return dropped;
}

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

/** Months and days (UTC) whose partitions this process knows to be there, and until when it believes that. */
const known = new WeakMap<Database, Map<string, number>>();
/** A process whose clock is wrong may drop one that is needed: looked at again so often (monotonic time). */
const BELIEVED_MS = 5 * 60 * 1000;

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
  clock: () => number = () => performance.now(),
): Promise<void> {
  const seen = known.get(db) ?? new Map();
  known.set(db, seen);
  const [from, to] = resolution === "raw" ? dayOf(at) : monthOf(at);
  const key = `${resolution} ${from.toISOString()}`;
  if ((seen.get(key) ?? 0) > clock()) return;
  for (const parent of POINT_TABLES[resolution].tables) await makePartition(db, parent, from, to);
  seen.set(key, clock() + BELIEVED_MS);
}

/**
 * In a transaction of its own, since it locks its parent: who held one and waited for the next would lock out, and be
 * locked out by, those that read or write several of them.
 */
async function makePartition(db: Database, parent: string, from: Date, to: Date): Promise<void> {
  // Two processes that make the same one: the second waits and finds it there.
  await sql`
    with taken as (select pg_advisory_xact_lock(hashtext('health_partitions')))
    select health_make_partition(${parent}, ${from}::timestamptz, ${to}::timestamptz) from taken`.execute(
    db,
  );
}

function dayOf(at: Date): [Date, Date] {
  const from = Math.floor(at.getTime() / DAY_MS) * DAY_MS;
  return [new Date(from), new Date(from + DAY_MS)];
}

function monthOf(at: Date): [Date, Date] {
  const [year, month] = [at.getUTCFullYear(), at.getUTCMonth()];
  return [new Date(Date.UTC(year, month, 1)), new Date(Date.UTC(year, month + 1, 1))];
}

/** Partitions whose whole time is longer ago than is kept. */
export async function oldPartitions(db: Database, now: Date): Promise<string[]> {
  const old: string[] = [];
  for (const { tables, days } of Object.values(POINT_TABLES)) {
    const oldest = new Date(now.getTime() - (days + 1) * DAY_MS);
    const { rows } = await sql<{ name: string }>`
      select child.relname as name
      from pg_inherits join pg_class child on child.oid = inhrelid join pg_class parent on parent.oid = inhparent
      where parent.relname = any(${[...tables]}) and child.relkind = 'r'
        and (regexp_match(pg_get_expr(child.relpartbound, child.oid), 'TO \\(''([^'']+)''\\)'))[1]::timestamptz < ${oldest}
      order by name`.execute(db);
    old.push(...rows.map(({ name }) => name));
  }
  return old;
}

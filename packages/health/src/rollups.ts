/**
 * Keeps hours and days summed: each hour once it is over, each day once its hours are, and again those that something
 * late came for. Several processes may do it; one at a time does, and one that dies leaves a whole hour or none.
 */
import { type Database, inTransaction } from "@quern/store/db";
import { sql } from "kysely";
import { ensurePartitionsOf } from "./partitions.ts";
import { STEP_S } from "./point-families.ts";
import { FAMILIES, type Summed, sumFamily } from "./rollup-sums.ts";

/** Payloads are on their way for a while after the hour they are of. */
const GRACE_MS = 5 * 60_000;
/** A payload is seen once its transaction has ended, which began at the time it bears. */
const UNDERWAY_MS = 60_000;
const LATE_WINDOW_MS = 10 * 60_000;
/** Raw points are kept for so long: what stood still for longer begins there. */
const OLDEST_MS = 9 * 24 * 3_600_000;
/** Clocks of several machines differ by less; what is summed farther ahead was summed by one that was wrong. */
const APART_MS = 10 * 60_000;
const LOCK = "health_rollups";

export type RollupCounts = { hours: number; days: number; late: number };
/** Until when hours and days are summed; null when nothing was yet. */
export type SummedUntil = Record<Summed, Date | null>;

/**
 * Sums what is due as of `now`, an hour or a day in each transaction, and then what came late. Counts what was summed;
 * stops where it is when another process is at it, or at `signal`.
 */
export async function sumUp(
  db: Database,
  now: Date = new Date(),
  signal?: AbortSignal,
): Promise<RollupCounts> {
  const counts: RollupCounts = { hours: 0, days: 0, late: 0 };
  await underLock(db, (trx) => setBack(trx, now));
  while (!signal?.aborted) {
    const due = await nextDue(db, now);
    if (due === undefined) {
      counts.late = await sumLate(db, now);
      break;
    }
    await ensurePartitionsOf(db, due.into, due.to);
    const done = await underLock(db, async (trx) => {
      const again = await nextDue(trx, now);
      if (again?.into !== due.into || again.to.getTime() !== due.to.getTime()) return false;
      await sumAll(trx, due);
      await noteUntil(trx, due.into, due.to);
      return true;
    });
    if (done === undefined) break;
    if (done) counts[due.into === "hour" ? "hours" : "days"] += 1;
  }
  return counts;
}

/** A clock that was ahead had hours summed before they were over: they are summed once more when they are. */
async function setBack(trx: Database, now: Date): Promise<void> {
  const back = { hour: floor(now, "hour"), day: floor(now, "day"), late: now };
  for (const [what, until] of Object.entries(back))
    await sql`
      update health_rollups set until = ${until}
      where what = ${what} and until > ${new Date(now.getTime() + APART_MS)}`.execute(trx);
}

/** Looks at what has arrived since it last did, and sums those hours and days again that were summed without it. */
export async function sumLate(db: Database, now: Date = new Date()): Promise<number> {
  let count = 0;
  for (;;) {
    const done = await underLock(db, (trx) => sumLateWindow(trx, now));
    if (done === undefined || done.over) return count + (done?.count ?? 0);
    count += done.count;
  }
}

export async function summedUntil(db: Database): Promise<SummedUntil> {
  const { rows } = await sql<{ what: string; until: Date }>`
    select what, until from health_rollups`.execute(db);
  const of = (what: Summed) => rows.find((row) => row.what === what)?.until ?? null;
  return { hour: of("hour"), day: of("day") };
}

type Due = { into: Summed; from: Date; to: Date };

async function nextDue(db: Database, now: Date): Promise<Due | undefined> {
  const until = await summedUntil(db);
  const day = until.day ?? (await firstPoint(db, "day"));
  const hour = until.hour ?? (await firstPoint(db, "hour"));
  if (hour === null) return undefined;
  const oldest = floor(new Date(now.getTime() - OLDEST_MS), "day");
  const dueOf = (into: Summed, from: Date): Due => {
    const start = until[into] !== null && from < oldest ? oldest : from;
    return { into, from: start, to: new Date(start.getTime() + STEP_S[into] * 1000) };
  };
  const nextDay = day === null ? undefined : dueOf("day", day);
  if (nextDay !== undefined && until.hour !== null && nextDay.to <= until.hour) return nextDay;
  const nextHour = dueOf("hour", hour);
  return nextHour.to.getTime() + GRACE_MS <= now.getTime() ? nextHour : undefined;
}

/** The beginning of the first hour or day that there is something of to sum. */
async function firstPoint(db: Database, into: Summed): Promise<Date | null> {
  const suffix = into === "hour" ? "points" : "hours";
  const { rows } = await sql<{ first: Date | null }>`
    select least((select min(at) from ${sql.table(`health_metric_${suffix}`)}),
      (select min(at) from ${sql.table(`health_statement_${suffix}`)}),
      (select min(at) from ${sql.table(`health_table_${suffix}`)})) as first`.execute(db);
  const first = rows[0]?.first ?? null;
  return first === null ? null : floor(new Date(first.getTime() - 1), into);
}

function floor(at: Date, into: Summed): Date {
  const step = STEP_S[into] * 1000;
  return new Date(Math.floor(at.getTime() / step) * step);
}

async function sumAll(db: Database, { into, from, to }: Due): Promise<void> {
  const { rows } = await sql<{ id: string; is_server: boolean }>`
    select id, false as is_server from health_databases union all select id, true from health_servers`.execute(
    db,
  );
  for (const { id, is_server } of rows)
    for (const family of FAMILIES)
      if (family === "metric" || (family === "load") === is_server)
        await sumFamily(db, family, into, { subject_id: id, from, to });
}

async function noteUntil(db: Database, what: string, until: Date): Promise<void> {
  await sql`
    insert into health_rollups (what, until) values (${what}, ${until})
    on conflict (what) do update set until = excluded.until`.execute(db);
}

/** Undefined when another process is at it. */
async function underLock<T>(
  db: Database,
  work: (trx: Database) => Promise<T>,
): Promise<T | undefined> {
  return inTransaction(db, async (trx) => {
    const { rows } = await sql<{ mine: boolean }>`
      select pg_try_advisory_xact_lock(hashtext(${LOCK})) as mine`.execute(trx);
    return rows[0]?.mine ? work(trx) : undefined;
  });
}

async function sumLateWindow(trx: Database, now: Date): Promise<{ over: boolean; count: number }> {
  const until = await summedUntil(trx);
  const newest = new Date(now.getTime() - UNDERWAY_MS);
  const { rows: looks } = await sql<{ until: Date }>`
    select until from health_rollups where what = 'late'`.execute(trx);
  const looked = looks[0]?.until;
  if (looked === undefined || until.hour === null) {
    await noteUntil(trx, "late", newest);
    return { over: true, count: 0 };
  }
  const to = new Date(Math.min(newest.getTime(), looked.getTime() + LATE_WINDOW_MS));
  if (to <= looked) return { over: true, count: 0 };
  const { rows } = await sql<{ id: string; server_id: string; from: Date; to: Date }>`
    select database_id as id, server_id, min(taken_at) as "from", max(taken_at) as to
    from health_snapshots join health_databases as databases on databases.id = database_id
    where received_at > ${looked} and received_at <= ${to} and taken_at <= ${until.hour}
    group by database_id, server_id, date_trunc('day', taken_at, 'UTC')`.execute(trx);
  for (const late of rows) {
    await sumAgain(trx, "hour", late, until.hour);
    if (until.day !== null && late.from <= until.day) await sumAgain(trx, "day", late, until.day);
  }
  await noteUntil(trx, "late", to);
  return { over: to >= newest, count: rows.length };
}

/**
 * The hours or days that hold the times from `late.from` to `late.to`, as far as they were summed. Their partitions were
 * made when the points came: making one here would wait for this very transaction.
 */
async function sumAgain(
  trx: Database,
  into: Summed,
  late: { id: string; server_id: string; from: Date; to: Date },
  until: Date,
): Promise<void> {
  const from = floor(new Date(late.from.getTime() - 1), into);
  const end = floor(new Date(late.to.getTime() - 1), into).getTime() + STEP_S[into] * 1000;
  const to = new Date(Math.min(end, until.getTime()));
  for (const family of FAMILIES) {
    const subjects = family === "load" ? [late.server_id] : [late.id];
    if (family === "metric") subjects.push(late.server_id);
    for (const subject_id of subjects) await sumFamily(trx, family, into, { subject_id, from, to });
  }
}
